"""Words in quotes that stand nowhere side by side: told of, and looked for one by one."""

from __future__ import annotations

import re

from kb.store import Snapshot
from kb.store.local.terms import QUOTED


def loosened(snapshot: Snapshot, query: str) -> tuple[str, str]:
    """Give the question without quotes around what stands nowhere, and a warning of that.

    Without a warning it is the question itself.
    """
    nowhere: list[str] = []
    apart: list[str] = []

    def loose(match: re.Match[str]) -> str:
        text = next(each for each in match.groups() if each is not None)
        found = snapshot.occurrences(f'"{text}"')
        if not found or any(count for _, count in found):
            return match[0]
        singly = any(count for _, count in snapshot.occurrences(text))
        (apart if singly else nowhere).append(f"“{' '.join(text.split())}”")
        return f" {text} " if singly else match[0]

    asked = re.sub(QUOTED, loose, query)
    told = [_stand(nowhere)] if nowhere else []
    if apart:
        told.append(f"{_stand(apart)}; the words were looked for one by one")
    return (asked if apart else query), "".join(f"{each}. " for each in told).rstrip()


def _stand(quoted: list[str]) -> str:
    stand = "stands" if len(quoted) == 1 else "stand"
    return f"{' and '.join(quoted)} {stand} nowhere in the knowledge base"

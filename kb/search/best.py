"""Which sentence of a hit answers best, and where in the document it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kb.model import Hit, Sentence
from kb.search.sentences import best_sentence, wanted
from kb.store import Snapshot

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def with_best(snapshot: Snapshot, hits: Sequence[Hit], query: str) -> list[Hit]:
    """Give the hits, in each the sentence that holds most of what the question asks."""
    asked = wanted(query)
    return [
        replace(hit, best=_best(snapshot, hit, best_sentence(hit.text, asked, hit.section)))
        for hit in hits
    ]


def _best(snapshot: Snapshot, hit: Hit, found: tuple[int, int] | None) -> Sentence | None:
    if found is None:
        return None
    start, end = found
    return Sentence(
        char_start=hit.char_start + start,
        char_end=hit.char_start + end,
        text=hit.text[start:end],
        page=_page(snapshot, hit, hit.char_start + start),
        line_start=hit.line_start + len(_LINE_END.findall(hit.text, 0, start)),
    )


def _page(snapshot: Snapshot, hit: Hit, at: int) -> int | None:
    """Give the page that holds the character at `at`."""
    if hit.page_start is None or hit.page_end in {None, hit.page_start}:
        return hit.page_start
    return snapshot.page_at(hit.path, at)

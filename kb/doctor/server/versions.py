"""What is known of vLLM's versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something that versions before `since` do wrong."""

    since: tuple[int, int, int]
    #: A whole sentence.
    fact: str
    #: Only models whose name holds this are concerned.
    model: re.Pattern[str] | None = None


_FLAWS: Final = (
    Flaw(
        since=(0, 8, 5),
        fact="It does not know Qwen3-Embedding.",
        model=re.compile(r"qwen3", re.IGNORECASE),
    ),
    Flaw(
        since=(0, 32, 0),
        fact="A batch of short texts and one as long as the limit can hang for ever; kb stays one "
        "token below the limit.",
    ),
)


def numbers(version: str) -> tuple[int, int, int] | None:
    """Give the three numbers of a version, None where it is not written so.

    >>> numbers("0.8.5.post1+cpu")
    (0, 8, 5)
    >>> numbers("dev")
    """
    found = re.match(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def flaws(version: str, model: str) -> tuple[Flaw, ...]:
    """Give what this version does wrong with this model, the oldest flaw first."""
    found = numbers(version)
    if found is None:
        return ()
    return tuple(
        flaw
        for flaw in _FLAWS
        if found < flaw.since and (flaw.model is None or flaw.model.search(model))
    )

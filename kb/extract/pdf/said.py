"""What a run of glyphs says, where their order or their gaps are not those of the words."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_LEFTWARD: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+(?: +[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+)*"
)
#: Letters set apart, each for itself.
SPACED: Final = re.compile(r"(?:[^\W\d_] ){3,}[^\W\d_]$")


def logical(text: str, left: NDArray[np.float32]) -> str:
    """Give text with letters of Arabic or Hebrew in the order in which they are said.

    Some files draw them from the left to the right, last letter first. pdfium turns runs of them
    round, also those that the file spells out for a whole group of glyphs, which have one place.
    """
    for run in _LEFTWARD.finditer(text):
        places = left[run.start() : run.end()]
        steps = np.diff(places)
        if not steps.any() or np.sum(steps > 0) > np.sum(steps < 0):
            text = text[: run.start()] + run[0][::-1] + text[run.end() :]
    return text


def closed(text: str, boxes: NDArray[np.float32]) -> str:
    """Give letters that were set apart ("T H E R A P Y") as the words they are."""
    places = [i for i, sign in enumerate(text) if not sign.isspace()]
    gaps = boxes[places[1:], 0] - boxes[places[:-1], 2]
    usual = float(np.median(gaps)) + 0.1
    parts = [text[places[0]]]
    for place, gap in zip(places[1:], gaps.tolist(), strict=True):
        parts.append((" " if gap > 1.8 * usual else "") + text[place])
    return "".join(parts)


def where(pattern: re.Pattern[str], text: str, ink: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which of the glyphs at the places `ink` are what the pattern finds."""
    marks = np.zeros(len(text), dtype=np.bool_)
    marks[[match.start() for match in pattern.finditer(text)]] = True
    inked: NDArray[np.bool_] = marks[ink]
    return inked

"""Blanks that pdfium puts between letters of one word."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kb.extract.pdf.glyphs import boxes_of

#: Narrower gaps than this, in heights of the letters, are looked at: hardly any blank is as narrow.
NARROW: Final = 0.2
#: Letters that follow one another in a word are no further apart than others are, but for this.
_SLACK: Final = 0.05
_LESS: Final = 0.3
_NEVER: Final = float("-inf")
#: What is dropped later, so that places stay.
_NO_SIGN: Final = "\ufeff"
_FEWEST: Final = 3
#: So many in one line are no accident.
_MANY: Final = 3


def without_false_blanks(text: str, textpage: Any, narrow: NDArray[Any]) -> str:  # noqa: ANN401 - untyped
    """Take out the blanks at the places `narrow` whose letters stand as close as in a word.

    pdfium puts them into the text of scans, of which each word was stretched to its width by
    wide gaps between its letters, and the last letter of which was drawn for itself.
    """
    boxes = boxes_of(textpage, narrow)
    made = narrow[boxes[:, 1] == boxes[:, 3]]  # a blank of the file has a height
    signs = list(text)
    for start, end in _lines(text, made):
        for place in _false(text, textpage, start, end):
            signs[place] = _NO_SIGN
    return "".join(signs)


def _lines(text: str, places: NDArray[Any]) -> set[tuple[int, int]]:
    """Give where the lines begin and end in which the places are."""
    lines = set()
    for place in places.tolist():
        end = text.find("\n", place)
        lines.add((text.rfind("\n", 0, place) + 1, end if end >= 0 else len(text)))
    return lines


def _false(text: str, textpage: Any, start: int, end: int) -> list[int]:  # noqa: ANN401 - untyped
    """Give the places of the false blanks of one line."""
    boxes = boxes_of(textpage, np.arange(start, end))
    ink = np.array([at for at in range(end - start) if not text[start + at].isspace()])
    gaps = boxes[ink[1:], 0] - boxes[ink[:-1], 2]
    steps = np.diff(ink)
    blank = steps == 2
    made = np.zeros(len(steps), dtype=np.bool_)
    made[blank] = (boxes[:, 1] == boxes[:, 3])[ink[:-1][blank] + 1]
    height = float(np.median(boxes[ink, 1] - boxes[ink, 3]))
    false = made & (gaps < NARROW * height)
    inner, others = gaps[steps == 1], gaps[blank & ~made]
    close = float(np.median(inner)) + _SLACK * height if len(inner) >= _FEWEST else _NEVER
    # Where the file has blanks of its own, a much narrower one is none.
    less = _LESS * float(np.median(others)) if others.size else _NEVER
    false &= gaps < max(close, less)
    found: list[int] = (ink[:-1][false] + 1 + start).tolist()
    # A few may follow an f that leans over its blank, and part whole words.
    return found if len(found) >= _MANY else [at for at in found if _cuts_a_letter_off(text, at)]


def _cuts_a_letter_off(text: str, blank: int) -> bool:
    """Tell whether a letter stands alone on one side of a blank."""
    before, after = text[max(0, blank - 2) : blank], text[blank + 1 : blank + 3]
    alone = (before[:1].isspace() or len(before) == 1, after[1:].isspace() or len(after) == 1)
    return (alone[0] and before[-1:].isalpha()) or (alone[1] and after[:1].isalpha())

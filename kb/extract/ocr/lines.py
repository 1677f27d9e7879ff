"""Lines made of words that were recognised, laid out as those of a PDF are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import Final

from kb.extract.ocr.words import Word
from kb.extract.pdf.layout import in_order
from kb.extract.pdf.pieces import Piece
from kb.extract.pdf.sheet import Line

#: A wider gap than this, in heights of the letters, parts cells and columns.
_GAP: Final = 1.0
#: Between Chinese and other letters, a blank is at least so wide, in heights of the letters.
_BLANK: Final = 0.5
_CJK: Final = re.compile(
    "[\u2e80-\u30ff\u31f0-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff]"
)
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def lines(words: Sequence[Word], scale: float) -> tuple[Line, ...]:
    """Give the lines in reading order, tables as rows; `scale` is in pixels for each point."""
    return tuple(in_order(_pieces(words, scale)))


def _pieces(words: Sequence[Word], scale: float) -> list[Piece]:
    """Give runs of words without a wide gap, as the layout of a page is made of.

    `scale` is in pixels for each point; pieces are measured in points.
    """
    made: list[Piece] = []
    for _, group in groupby(words, key=lambda word: word.line):
        line = list(group)
        # All of a line stands at one height, whichever of its letters are tall.
        top, bottom = (median(side) for side in zip(*(word[2:5:2] for word in line), strict=True))
        size = median(word.bottom - word.top for word in line)
        for run in _runs(line, size):
            left = min(word.left for word in run) / scale
            right = max(word.right for word in run) / scale
            made.append(
                Piece(
                    text=_said(run, size),
                    left=left,
                    top=top / scale,
                    right=right,
                    bottom=bottom / scale,
                    size=size / scale,
                    turn=0,
                    order=len(made),
                )
            )
    return made


def _runs(line: list[Word], size: float) -> Iterator[list[Word]]:
    run = line[:1]
    for before, word in pairwise(line):
        if word.left - before.right > _GAP * size and not _RIGHT_TO_LEFT.search(word.text):
            yield run
            run = []
        run.append(word)
    yield run


def _said(run: Sequence[Word], size: float) -> str:
    text = run[0].text
    for before, word in pairwise(run):
        text += (
            _between(before.text[-1], word.text[0], (word.left - before.right) / size) + word.text
        )
    return text


def _between(before: str, after: str, gap: float) -> str:
    """Give what parts two words; in Chinese, no width of a gap says that one was meant."""
    chinese = [_CJK.match(sign) is not None for sign in (before, after)]
    if all(chinese):
        return ""
    return " " if not any(chinese) or gap > _BLANK else ""

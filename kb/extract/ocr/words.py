"""Words that were recognised in a picture, put upright and level."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import Final, NamedTuple

import numpy as np

#: Lines that rise or fall by less than this are level; no scanner tilts a page more than that.
_LEVEL: Final = 0.001
_STEEP: Final = 0.2
#: Slopes that are tried where no line is long enough to show its own: up to 4 degrees.
_STEEPEST: Final = 0.07
_SLOPES: Final = 40
_MOST_ROWS: Final = 100_000
_LETTER: Final = re.compile(r"[^\W_]")
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


class Word(NamedTuple):
    """A word, or a whole line, as an engine read it; places in pixels, y grows downwards."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    #: 0 to 1.
    confidence: float
    #: Words of one line have the same number and follow one another.
    line: int

    @property
    def across(self) -> float:
        """The middle between its sides."""
        return (self.left + self.right) / 2

    @property
    def down(self) -> float:
        """Its height on the page."""
        return (self.top + self.bottom) / 2


def confidence(words: Sequence[Word]) -> float:
    """Give how sure the words are, long ones counting more, 0 to 1; 0 where there is none."""
    letters = sum(len(word.text) for word in words)
    return sum(len(word.text) * word.confidence for word in words) / letters if letters else 0.0


def letters(words: Sequence[Word]) -> int:
    """Give how many letters and digits there are."""
    return sum(len(_LETTER.findall(word.text)) for word in words)


class Found(NamedTuple):
    """The words of a picture, and its sides in pixels."""

    words: list[Word]
    height: float
    width: float


def upright(found: Found) -> Found:
    """Give the words as if the picture lay the right way, whichever way it does."""
    words, height, width = found
    turn = _turn(words)
    turned = [_turned(word, turn, width, height) for word in words]
    return Found(turned, width, height) if turn % 2 else Found(turned, height, width)


def level(words: Sequence[Word]) -> list[Word]:
    """Give the words as if the page had not lain askew on the scanner."""
    slope = _slope(words)
    if not _LEVEL < abs(slope) < _STEEP:
        return list(words)
    falls = [slope * word.across for word in words]
    return [
        word._replace(top=word.top - fall, bottom=word.bottom - fall)
        for word, fall in zip(words, falls, strict=True)
    ]


def without_specks(words: Sequence[Word]) -> list[Word]:
    """Leave out rules and dirt that were taken for signs."""
    if not words:
        return []
    usual = median(word.bottom - word.top for word in words)
    return [
        word
        for word in words
        if _LETTER.search(word.text)
        or (word.confidence >= 0.5 and word.bottom - word.top < 2 * usual)
    ]


def _turn(words: Sequence[Word]) -> int:
    """Give by how many quarters to the right the lines are turned."""
    across = down = 0.0
    to_left = 0
    for before, word in pairwise(words):
        if before.line == word.line:
            across += word.across - before.across
            down += word.down - before.down
            to_left += 1 if _RIGHT_TO_LEFT.search(word.text) else -1
    if abs(down) > abs(across):
        return 1 if down > 0 else 3
    return 2 if across < 0 and to_left < 0 else 0


def _turned(word: Word, turn: int, width: float, height: float) -> Word:
    left, top, right, bottom = word[1:5]
    sides = {
        1: (top, width - right, bottom, width - left),
        2: (width - right, height - bottom, width - left, height - top),
        3: (height - bottom, left, height - top, right),
    }.get(turn, (left, top, right, bottom))
    return Word(word.text, *sides, word.confidence, word.line)


def _slope(words: Sequence[Word]) -> float:
    """Give how far a line falls on its way, as most long ones do; in pixels for each pixel."""
    slopes = []
    for _, group in groupby(words, key=lambda word: word.line):
        line = list(group)
        first, last = line[0], line[-1]
        if last.across - first.across > 10 * max(first.bottom - first.top, 1):
            slopes.append((last.down - first.down) / (last.across - first.across))
    return median(slopes) if len(slopes) >= 3 else _best_slope(words)


def _best_slope(words: Sequence[Word]) -> float:
    """Give the slope at which words stand in rows with the most blank between these."""
    if len(words) < 6:
        return 0.0
    places = np.array([word[1:5] for word in words])
    left, top, right, bottom = (places / max(np.median(places[:, 3] - places[:, 1]) / 8, 1)).T
    best, found = 0.0, 0.0
    for step in sorted(range(-_SLOPES, _SLOPES + 1), key=abs):
        slope = step * _STEEPEST / _SLOPES
        fall = slope * (left + right) / 2
        first, last = np.rint(top - fall).astype(int), np.rint(bottom - fall).astype(int)
        start = min(first.min(), 0)
        most = last.max() - start + 2
        if most > _MOST_ROWS:
            return 0.0
        rises = np.bincount(first - start, right - left, most)
        rows = np.cumsum(rises - np.bincount(last - start, right - left, most))
        if (worth := float(rows @ rows)) > best * 1.001:
            best, found = worth, slope
    return found

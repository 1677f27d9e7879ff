"""Which lines of a page and of its translation belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

#: Pages whose lines could be paired in more ways than this are left out.
_LARGEST = 60_000
_LEAST = 0.6
_SKIP = 0.1
_MARK = re.compile(r"\s*(#+|>|\||[*+-]\s|\d+\.|```)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without markup, what kind of line it is, and the Latin words and numbers in it."""

    text: str
    kind: str
    words: frozenset[str]


def line_of(raw: str, plain: Callable[[str], str]) -> Line:
    """Read a line of Markdown: headings of one depth, items, rows and prose are kinds."""
    mark = _MARK.match(raw)
    kind = "prose"
    if mark:
        kind = "number" if mark[1][0].isdigit() else mark[1].strip()
    return Line(plain(raw), kind, frozenset(re.findall("[a-z0-9]{3,}", raw.lower())))


def likeness(one: Line, other: Line) -> float:
    """How well a Chinese and an English line fit: their kinds, lengths, and words in common."""
    if one.kind != other.kind:
        return -2.0
    ratio = (len(one.text) + 3) / (len(other.text) * 0.36 + 3)
    common = len(one.words & other.words) / len(one.words) if one.words else 0.0
    return 2.4 - 1.2 * max(ratio, 1 / ratio) + common


def aligned(
    chinese: Sequence[str], english: Sequence[str], plain: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """Give the pairs of lines, without markup: in order where there are as many of both.

    Else those of the best way through both pages in which each line has at most one partner.
    """
    if len(chinese) == len(english):
        yield from ((plain(one), plain(other)) for one, other in zip(chinese, english, strict=True))
    elif len(chinese) * len(english) <= _LARGEST:
        ours = [line_of(raw, plain) for raw in chinese]
        theirs = [line_of(raw, plain) for raw in english]
        yield from ((one.text, other.text) for one, other in best_way(ours, theirs))


def best_way(ours: Sequence[Line], theirs: Sequence[Line]) -> Iterator[tuple[Line, Line]]:
    """Give the partners on the best way, last first; those that fit badly are left out."""
    width = len(theirs) + 1
    scores = [[0.0] * width for _ in range(len(ours) + 1)]
    fits = [[0.0] * width for _ in range(len(ours) + 1)]
    for i, one in enumerate(ours, 1):
        for j, other in enumerate(theirs, 1):
            fits[i][j] = likeness(one, other)
            skipped = max(scores[i - 1][j], scores[i][j - 1]) - _SKIP
            scores[i][j] = max(scores[i - 1][j - 1] + fits[i][j], skipped)
    i, j = len(ours), len(theirs)
    while i and j:
        if scores[i][j] == scores[i - 1][j - 1] + fits[i][j]:
            i, j = i - 1, j - 1
            if fits[i + 1][j + 1] >= _LEAST:
                yield ours[i], theirs[j]
        elif scores[i - 1][j] >= scores[i][j - 1]:
            i -= 1
        else:
            j -= 1

"""In which order is a page read? Columns one after the other, and what spans them in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from statistics import fmean, median
from typing import Final

from kb.extract.pdf.pieces import Piece

#: A gutter is at least so wide, in heights of the letters.
_GUTTER: Final = 0.6
#: Width of the steps in which a page is looked through for gutters, in points.
_STEP: Final = 2.0
_DEEPEST: Final = 4
#: A column has so many lines at least.
_LINES: Final = 3
#: Lines of prose fill so much of their column.
_FILLED: Final = 0.6

Region = list[Piece]
Row = list[Piece]


def regions(pieces: Sequence[Piece]) -> Iterator[Region]:
    """Give the parts of a page in the order in which a person reads them.

    The lines of each part are to be read from the top to its bottom, across its whole width.
    """
    yield from _joined(_parted(list(pieces), _DEEPEST))


def in_one(rows: Sequence[Row]) -> bool:
    """Tell whether so few rows have more than one piece that a page has no columns."""
    return sum(len(row) > 1 for row in rows) <= _LINES


def rows_in_order(pieces: Sequence[Piece]) -> list[Row] | None:
    """Give the rows where they are drawn from the top to the bottom, each from left to right."""
    rows: list[Row] = []
    top, bottom, right, middle = 0.0, float("-inf"), 0.0, float("-inf")
    for piece in pieces:
        height, reach = piece.bottom - piece.top, bottom - top
        common = min(bottom, piece.bottom) - max(top, piece.top)
        if common > 0.5 * min(height, reach):
            if piece.left < right - 0.2 * height:
                return None
            rows[-1].append(piece)
            right = piece.right
        elif piece.top + piece.bottom > 2 * middle:
            rows.append([piece])
            top, bottom, right = piece.top, piece.bottom, piece.right
            middle = (top + bottom) / 2
        else:
            return None
    return rows


def same_row(one: Piece, other: Piece) -> bool:
    """Tell whether two pieces stand on one line."""
    common = min(one.bottom, other.bottom) - max(one.top, other.top)
    return common > 0.5 * min(one.bottom - one.top, other.bottom - other.top)


def _parted(pieces: Region, depth: int) -> Iterator[tuple[bool, Region]]:
    """Give the parts in order, each with whether it is a column."""
    gutter = _gutter(pieces) if depth and len(pieces) >= 2 * _LINES else None
    if gutter is None:
        yield False, pieces
        return
    left = [piece for piece in pieces if piece.right <= gutter]
    right = [piece for piece in pieces if piece.left >= gutter]
    usual = _are_columns(left, right)
    for across, band in _bands(pieces, gutter):
        sides = [
            [piece for piece in band if piece.right <= gutter],
            [piece for piece in band if piece.right > gutter],
        ]
        long = min(map(len, sides)) > _LINES
        if across or not all(sides) or not (_are_columns(*sides) if long else usual):
            yield from [(False, band)] if across or all(sides) else _parted(band, depth - 1)
            continue
        for side in sides:
            for _, part in _parted(side, depth - 1):
                yield True, part


def _bands(pieces: Region, gutter: float) -> Iterator[tuple[bool, Region]]:
    """Part a page at the pieces that lie across the gutter; True is given with those."""
    ranked = sorted(pieces, key=lambda piece: piece.middle)
    lies = {piece.order: piece.left < gutter < piece.right for piece in ranked}
    for piece in ranked:
        if lies[piece.order]:
            # What stands beside a spanning line belongs to that line.
            lies |= {
                other.order: True
                for other in ranked
                if not lies[other.order] and same_row(piece, other)
            }
    for across, group in groupby(ranked, key=lambda piece: lies[piece.order]):
        yield across, sorted(group, key=lambda piece: piece.order)


def _joined(parts: Iterable[tuple[bool, Region]]) -> Iterator[Region]:
    """Put parts together that are not columns, so that tables in them are seen whole."""
    for column, group in groupby(parts, key=lambda part: part[0]):
        if column:
            yield from (part for _, part in group)
        else:
            yield [piece for _, part in group for piece in part]


def _gutter(pieces: Region) -> float | None:
    """Give the middle of the blank strip that parts most lines from most others, if any."""
    start = min(piece.left for piece in pieces)
    steps = int((max(piece.right for piece in pieces) - start) / _STEP) + 1
    if steps > 5_000:
        return None
    size = median(piece.size for piece in pieces)
    crossed, ended = [0] * (steps + 1), [0] * (steps + 1)
    for piece in pieces:
        first, last = int((piece.left - start) / _STEP), int((piece.right - start) / _STEP)
        crossed[first] += 1
        crossed[min(last + 1, steps)] -= 1
        ended[min(last + 1, steps)] += 1
    best, place = 0.0, None
    for first, last, across, before in _strips(crossed, ended, len(pieces)):
        wide = (last - first) * _STEP >= _GUTTER * size
        fewer = min(before, len(pieces) - across - before)
        worth = fewer - 3 * across
        if wide and fewer >= _LINES and worth > best:
            best, place = worth, start + (first + last) / 2 * _STEP
    return place


def _strips(
    crossed: list[int], ended: list[int], count: int
) -> Iterator[tuple[int, int, int, int]]:
    """Give strips that few pieces cross: first and last step, how many cross, how many end before.

    A strip within one that fewer pieces cross is given too.
    """
    most = max(2, count // 12)
    across = before = 0
    open_since: dict[int, int] = {}
    for step, (change, done) in enumerate(zip(crossed, ended, strict=True)):
        if not change and not done and step > 1:
            continue  # all is as it was
        across += change
        for level in [level for level in open_since if level < across]:
            first = open_since.pop(level)
            yield first, step, level, before
        before += done
        if across <= most and step:
            for level in range(across, most + 1):
                open_since.setdefault(level, step)


def _are_columns(left: Region, right: Region) -> bool:
    """Tell whether two sides are to be read one after the other, not line by line across."""
    rows = min(len(left), len(right))
    if rows < _LINES:
        return False
    letters = [fmean(len(piece.text) for piece in side) for side in (left, right)]
    if min(letters) < 7:
        return False  # numbers, labels, or columns of figures
    changes = sum(one != other for one, other in pairwise(_sides(left, right)))
    filled = [_filled(side) for side in (left, right)]
    if changes <= max(1, rows // 5):
        aligned = _aligned(left, right)
        return not (aligned > 0.9 and min(letters) < 25 and min(filled) < _FILLED)
    return rows > _LINES and min(letters) >= 20 and min(filled) >= _FILLED


def _sides(left: Region, right: Region) -> list[bool]:
    """Give, in the order of the content, on which side each piece stands."""
    marked = [(piece.order, True) for piece in left] + [(piece.order, False) for piece in right]
    return [side for _, side in sorted(marked)]


def _filled(side: Region) -> float:
    """Give how much of the width of a column its lines fill, as most of them do."""
    start = min(piece.left for piece in side)
    width = max(piece.right for piece in side) - start
    return median(piece.right - start for piece in side) / width if width > 0 else 0.0


def _aligned(left: Region, right: Region) -> float:
    """Give the share of lines on the shorter side that have one beside them at their height."""
    shorter, longer = sorted((left, right), key=len)
    heights = sorted(piece.middle for piece in longer)
    near = 0
    for piece in shorter:
        near += any(abs(piece.middle - height) < 0.15 * piece.size for height in heights)
    return near / len(shorter)

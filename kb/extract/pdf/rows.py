"""Rows of a region: lines of prose, and tables with a line for each row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Final

from kb.extract.pdf.order import Region, Row, rows_in_order, same_row
from kb.extract.pdf.pieces import Piece
from kb.extract.pdf.sheet import Line

#: Between the cells of one row, as in the readers of the other formats.
PARTED: Final = " | "
#: Narrower gaps than this, in heights of the letters, are none: a raised number, a changed font.
_NO_GAP: Final = 0.15
#: So many letters in a row, each drawn for itself, are words set wide.
_SPACED: Final = 5
#: Cells stand below one another when their sides or middles differ by no more than this.
_SLACK: Final = 0.6
#: What stands before a text as its number or mark, and is no cell.
_LABEL: Final = re.compile(
    r"(?:[(\[（]?(?:\d{1,3}|[a-z]{1,3}|[A-Z]{1,2}|[ivxlcIVXLC]{1,6})[.)\]）:、]+|\d{1,3}(?:\.\d{1,3}){1,5}\.?"
    r"|(?:Section|SECTION|Article|ARTICLE|Clause|Item|ITEM|§)\s*[\dIVX.]+[.:]?|[^\w\s]{1,2}"
    r"|第[\d一二三四五六七八九十百]+[条章节款].?|[（(]?[一二三四五六七八九十]{1,3}[）)、]+|o)\s*"
)
_PAGE_NUMBER: Final = re.compile(r"\s*(?:[A-Z]{1,2}-)?(?:\d{1,4}|[ivxl]{1,6})\s*")
_FIGURE: Final = re.compile(r"[\d.,$€£¥%()\s–—/*:-]*")


def lines_of(region: Region) -> list[Line]:
    """Give the lines of a region, which is read from its top to its bottom."""
    return lines(rows_in_order(region) or _rows(region))


def lines(drawn: Sequence[Row]) -> list[Line]:
    """Give the lines that rows of pieces are, each from left to right."""
    rows = [_without_gaps(row) for row in drawn]
    if all(len(row) == 1 for row in rows):
        return [_alone(row[0]) for row in rows]
    found: list[Line] = []
    for table, group in _grouped(rows):
        found += _table(group) if table else map(_plain, group)
    return found


def _rows(region: Region) -> list[Row]:
    """Put the pieces that stand on one line together, each row from left to right."""
    rows: list[Row] = []
    for piece in sorted(region, key=lambda piece: piece.middle):
        for row in reversed(rows[-3:]):
            if all(_beside(piece, other) for other in row):
                row.append(piece)
                break
        else:
            rows.append([piece])
    for row in rows:
        row.sort(key=lambda piece: piece.left)
    return sorted(rows, key=lambda row: fmean([piece.middle for piece in row]))


def _beside(piece: Piece, other: Piece) -> bool:
    if not same_row(piece, other):
        return False
    common = min(piece.right, other.right) - max(piece.left, other.left)
    return common < 0.5 * min(piece.right - piece.left, other.right - other.left) + 1


def _without_gaps(row: Row) -> Row:
    """Join pieces that touch, and a number to the text that it counts."""
    if len(row) == 1:
        return row
    row = _without_spacing(row)
    joined = [row[0]]
    for piece in row[1:]:
        before = joined[-1]
        gap = (piece.left - before.right) / max(piece.size, before.size, 0.1)
        if gap < 1 or (len(joined) == 1 and _LABEL.fullmatch(before.text)):
            joined[-1] = _one(before, piece, "" if gap < _NO_GAP else " ")
        else:
            joined.append(piece)
    return joined


def _without_spacing(row: Row) -> Row:
    """Join letters that were set apart, each for itself, to the words they are."""
    if len(row) < _SPACED or sum(len(piece.text) == 1 for piece in row) < _SPACED:
        return row
    gaps = [piece.left - before.right for before, piece in pairwise(row)]
    usual = median(gaps)
    joined = [row[0]]
    for piece, gap in zip(row[1:], gaps, strict=True):
        before = joined[-1]
        letters = piece.text.isalpha() and len(piece.text) == 1 and before.text[-1:].isalpha()
        if letters and gap < min(1.5 * usual, 1.5 * piece.size):
            joined[-1] = _one(before, piece, "")
        else:
            joined.append(piece)
    return joined


def _one(before: Piece, piece: Piece, between: str) -> Piece:
    return before._replace(
        text=before.text + between + piece.text,
        top=min(before.top, piece.top),
        right=max(before.right, piece.right),
        bottom=max(before.bottom, piece.bottom),
        size=max(before.size, piece.size),
        bold=before.bold and piece.bold,
    )


def _alone(piece: Piece) -> Line:
    text, left, top, right, bottom, size, _, _, bold = piece
    return Line(text, left, top, right, bottom, size, bold)


def _plain(row: Row) -> Line:
    if len(row) == 1:
        return _alone(row[0])
    said = row[0].text
    for before, piece in pairwise(row):
        # One blank between Chinese words goes later, two stay one. Single characters are set wide.
        cells = len(before.text) > 1 and len(piece.text) > 1
        said += ("  " if cells else " ") + piece.text
    return _line(said, row)


def _line(text: str, row: Row, *, table: bool = False) -> Line:
    first = row[0]
    if len(row) == 1:
        return Line(text, *first[1:6], bold=first.bold, row=table)
    return Line(
        text,
        first.left,
        min(piece.top for piece in row),
        max(piece.right for piece in row),
        max(piece.bottom for piece in row),
        max(piece.size for piece in row),
        bold=all(piece.bold for piece in row),
        row=table,
    )


def _grouped(rows: Sequence[Row]) -> Iterator[tuple[bool, list[Row]]]:
    """Part the rows into tables (True) and others."""
    start = 0
    while start < len(rows):
        end = _table_end(rows, start)
        if end > start and _is_table(rows[start:end]):
            yield True, list(rows[start:end])
            start = end
        else:
            yield False, [rows[start]]
            start += 1


def _table_end(rows: Sequence[Row], start: int) -> int:
    """Give where the rows end that have cells below the cells of the row at `start`."""
    if len(rows[start]) < 2:
        return start
    last = start  # the last row with more than one cell
    for end in range(start + 1, len(rows)):
        row, above = rows[end], rows[last]
        near = row[0].top - max(piece.bottom for piece in rows[end - 1]) < 3 * row[0].size
        if not near or end - last > 2:
            break
        if len(row) == 1:
            if not _goes_on(row, rows[end - 1], above):
                break
            continue
        if not _stand_below(row, above):
            break
        last = end
    return last + 1


def _goes_on(row: Row, before: Row, above: Row) -> bool:
    """Tell whether a lone piece is the rest of a cell, or the name of a group of rows."""
    piece = row[0]
    width = max(cell.right for cell in above) - min(cell.left for cell in above)
    within = piece.right - piece.left < 0.6 * width
    close = piece.top - max(cell.bottom for cell in before) < 1.2 * piece.size
    return within and close


def _stand_below(row: Row, above: Row) -> bool:
    aligned = sum(any(_align(cell, other) for other in above) for cell in row)
    return aligned >= 2 and aligned >= 0.6 * min(len(row), len(above))


def _align(cell: Piece, other: Piece) -> bool:
    slack = _SLACK * max(cell.size, other.size)
    return (
        abs(cell.left - other.left) < slack
        or abs(cell.right - other.right) < slack
        or abs(cell.left + cell.right - other.left - other.right) < 2 * slack
    )


def _is_table(rows: Sequence[Row]) -> bool:
    """Tell whether rows that stand in columns are a table: not contents, nor torn prose."""
    full = [row for row in rows if len(row) > 1]
    cells = fmean(map(len, full))
    columns = len(_columns(full))
    # In lines that were stretched to one width, gaps stand at another place on each line.
    if len(full) < 2 or columns < max(2, 0.7 * cells):
        return False
    if len(full) == 2:
        return columns >= 3 and all(len(row) == columns for row in full)
    numbers = sum(_PAGE_NUMBER.fullmatch(row[-1].text) is not None for row in full)
    if columns == 2 and numbers * 2 > len(full):
        return not _climb(full)
    if columns == 2:
        return min(fmean([len(row[at].text) for row in full]) for at in (0, -1)) < 45
    return True


def _climb(rows: Sequence[Row]) -> bool:
    """Tell whether the numbers at the end of the rows are pages of a table of contents."""
    numbers = [int(row[-1].text) for row in rows if row[-1].text.strip().isdecimal()]
    return all(one <= other for one, other in pairwise(numbers))


def _table(rows: Sequence[Row]) -> Iterator[Line]:
    """Give the rows of a table, each with its cells in their columns."""
    columns = _columns([row for row in rows if len(row) > 1])
    kept: list[tuple[Row, list[str]]] = []
    for row in rows:
        cells = [""] * len(columns)
        for piece in row:
            at = _column(piece, columns)
            cells[at] = f"{cells[at]} {piece.text}".strip()
        if kept and _is_rest(row, cells, *kept[-1]):
            above, said = kept[-1]
            both = [f"{one} {other}".strip() for one, other in zip(said, cells, strict=True)]
            kept[-1] = ([*above, *row], both)
        else:
            kept.append((row, cells))
    for row, cells in kept:
        alone = len(row) == 1
        yield _line(row[0].text if alone else PARTED.join(cells).rstrip(" |"), row, table=not alone)


def _is_rest(row: Row, cells: list[str], above: Row, said: list[str]) -> bool:
    """Tell whether a row is the second line of the cells above it."""
    if cells[0] or not said[0]:
        return False
    fewer = sum(map(bool, cells)) < sum(map(bool, said))
    close = row[0].top - max(piece.bottom for piece in above) < 0.5 * row[0].size
    words = not any(_FIGURE.fullmatch(cell) for cell in cells if cell)
    under = all(other for cell, other in zip(cells, said, strict=True) if cell)
    return fewer and close and words and under


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Give the left and right sides of the columns: what blank strips part in nearly all rows."""
    cells = [cell for row in rows for cell in row]
    if not cells:
        return []
    narrowest = 0.3 * fmean([cell.size for cell in cells])
    few = len(rows) // 8  # a cell may reach over several columns, in the header as a rule
    ends = sorted([(cell.left, 1) for cell in cells] + [(cell.right, -1) for cell in cells])
    columns: list[tuple[float, float]] = []
    covered, start, stop = 0, ends[0][0], ends[0][0]
    for place, change in ends:
        before, covered = covered, covered + change
        if before <= few < covered:
            start = columns.pop()[0] if columns and place - stop < narrowest else place
        elif covered <= few < before:
            stop = place
            columns.append((start, stop))
    return columns or [(ends[0][0], ends[-1][0])]


def _column(piece: Piece, columns: Sequence[tuple[float, float]]) -> int:
    """Give the column in which a cell begins."""
    shares = [min(piece.right, right) - max(piece.left, left) for left, right in columns]
    for at, share in enumerate(shares):
        if share > 0:
            return at
    return max(range(len(shares)), key=shares.__getitem__)

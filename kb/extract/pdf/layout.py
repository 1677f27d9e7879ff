"""The lines of a page as a person reads them, from where pdfium says that its glyphs stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from kb.extract.pdf.glyphs import text_of
from kb.extract.pdf.order import in_one, regions, rows_in_order, same_row
from kb.extract.pdf.pieces import Box, Piece, pieces
from kb.extract.pdf.rows import lines, lines_of
from kb.extract.pdf.sheet import Line, Sheet
from kb.extract.pdf.text import unmapped

#: Lines of one paragraph are so much closer than two paragraphs.
_APART: Final = 1.3
#: Letters of footnotes are smaller than those of the body.
_SMALL: Final = 0.93
#: So many lines at least are counted on a page where lines are counted.
_LINES_COUNTED: Final = 10
_MARK: Final = re.compile(r"\s*(?:\d{1,3}(?![\d.,])|[*†‡§¶]|[(\[]\d{1,3}[)\]])")


def laid_out(textpage: Any, box: Box) -> Sheet:  # noqa: ANN401 - pypdfium2 has no types
    """Give a page with its lines in reading order; `box` is what of it is seen, y upwards."""
    found, left_out = pieces(textpage, box)
    none = 0.0
    if 2 * sum(len(piece.text) for piece in found) < textpage.count_chars():
        none = unmapped(text_of(textpage))  # what has no letter counts as blank elsewhere
    most = _turns(found)
    said: list[Line] = []
    for turn in most:
        # What runs as most of the page comes first, notes on its side after it.
        part = [piece for piece in found if piece.turn == turn] if len(most) > 1 else found
        kept = _without_line_numbers(part)
        if kept is not part:
            left_out += sum(len(piece.text) for piece in part)
            left_out -= sum(len(piece.text) for piece in kept)
        said += _read(kept, turned=turn != most[0])
    left, low, right, high = box
    edges = {1: (left, right), 2: (low, high), 3: (-right, -left)}.get(most[0], (-high, -low))
    top, bottom = edges
    return Sheet(lines=tuple(said), top=top, bottom=bottom, left_out=left_out, unmapped=none)


def _turns(found: Sequence[Piece]) -> list[int]:
    """Give how the lines of a page run, that of most letters first."""
    turns = {piece.turn for piece in found} or {0}
    if len(turns) == 1:
        return list(turns)
    letters = Counter[int]()
    for piece in found:
        letters[piece.turn] += len(piece.text)
    return [turn for turn, _ in letters.most_common()]


def in_order(found: Sequence[Piece]) -> list[Line]:
    """Give the lines of pieces that all run to the right, in reading order."""
    return _read(_without_line_numbers(found), turned=False)


def _read(found: Sequence[Piece], *, turned: bool) -> list[Line]:
    if not found:
        return []
    rows = rows_in_order(found)
    if rows is not None and in_one(rows):
        return _marked(_spaced(lines(rows)), turned=turned)
    parts = [lines_of(region) for region in regions(found)]
    notes: list[Line] = []
    if len(parts) > 1:
        # Notes at the foot of a column wait for the end of the page.
        parts, held = _without_notes(parts, _body_size(found))
        notes = _spaced(held) if held else []
    said = [line for part in parts for line in _spaced(part)]
    said += [line._replace(apart=line.apart or at == 0) for at, line in enumerate(notes)]
    return _marked(said, turned=turned)


def _marked(said: list[Line], *, turned: bool) -> list[Line]:
    return [line._replace(turned=True) for line in said] if turned else said


def _without_line_numbers(found: Sequence[Piece]) -> Sequence[Piece]:
    """Leave out the numbers that count the lines of a page on its margin, as in transcripts.

    They stand one below the other at one distance, beside blank lines too; no clauses do.
    """
    numbers = [piece for piece in found if piece.text.strip().isdecimal()]
    if len(numbers) < _LINES_COUNTED:
        return found
    margin = min(piece.left for piece in numbers)
    column = [piece for piece in numbers if piece.left < margin + 2 * piece.size]
    column.sort(key=lambda piece: piece.middle)
    counted = {piece.order for piece in column}
    others = [piece for piece in found if piece.order not in counted]
    if len(column) < _LINES_COUNTED or any(o.left < margin + o.size / 2 for o in others):
        return found
    steps = [below.middle - above.middle for above, below in pairwise(column)]
    even = max(steps) - min(steps) < 0.2 * column[0].size
    by_one = all(int(two.text) - int(one.text) == 1 for one, two in pairwise(column))
    blank = sum(not any(same_row(piece, other) for other in others) for piece in column)
    return others if even and by_one and blank >= 2 else found


def _body_size(found: Sequence[Piece]) -> float:
    sizes = Counter[float]()
    for piece in found:
        sizes[round(piece.size, 1)] += len(piece.text)
    return sizes.most_common(1)[0][0]


def _without_notes(parts: list[list[Line]], body: float) -> tuple[list[list[Line]], list[Line]]:
    kept, notes = [], []
    for part in parts:
        start = len(part)
        while start and part[start - 1].size < _SMALL * body:
            start -= 1
        if 0 < start < len(part) and _MARK.match(part[start].text):
            notes += part[start:]
            part = part[:start]  # noqa: PLW2901 - the rest of it
        kept.append(part)
    return kept, notes


def _spaced(part: list[Line]) -> list[Line]:
    """Mark the lines that stand apart from those above them."""
    if len(part) < 2:
        return part
    steps = [below.bottom - above.bottom for above, below in pairwise(part)]
    usual = sorted(step for step in steps if step > 0) or [0.0]
    usual_step = usual[len(usual) // 3]
    marked = part[:1]
    for line, above, step in zip(part[1:], part, steps, strict=False):
        if step > _APART * usual_step > 0:
            # A change of size alone moves lines apart.
            wide = max(usual_step, 1.25 * max(line.size, above.size))
            if step > _APART * wide or line.size < 1.2 * above.size:
                marked.append(line._replace(apart=True))
                continue
        marked.append(line)
    return marked

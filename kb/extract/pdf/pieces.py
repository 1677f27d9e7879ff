"""Pieces of lines: runs of glyphs that stand side by side without a wide gap."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kb.extract.pdf.blanks import NARROW, without_false_blanks
from kb.extract.pdf.glyphs import boxes_of, is_bold, quarters, text_of
from kb.extract.pdf.said import SPACED, closed, logical, where

Box: TypeAlias = tuple[float, float, float, float]

#: Gaps as wide as this, in heights of the letters, part cells and columns. A blank between words
#: is a third of that.
_GAP: Final = 1.0
#: Text that jumps back or aside further than this is another line.
_BACK: Final = 1.2
_ASIDE: Final = 0.6
_ASKEW: Final = 4
#: What pdfium puts in the place of a hyphen at the end of a line.
_HYPHENS: Final = ("\x02", "\ufffe")
#: Blanks beyond Latin-1.
_BLANKS: Final = ("\u3000", "\ufeff")
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
#: No longer line is looked at for its weight: it is no heading.
_LONGEST_HEADING: Final = 120

#: Heights and lower sides of the letters of one word, in heights, differ by less than this.
_SAME: Final = 0.05
#: Fewer of the blanks of a page are narrow where all are what they seem.
_MANY_NARROW: Final = 0.1
#: What a glyph is, from blank to letter; all from _HYPHEN on leave ink.
_BLANK, _END, _HYPHEN, _SIGN, _LETTER = range(5)


def _kind(code: int) -> int:
    if code == 2:
        return _HYPHEN
    if code <= 32 or code == 0xA0:
        return _END if code in (10, 13) else _BLANK
    return _LETTER if ord("a") <= code <= ord("z") else _SIGN


#: For each code of Latin-1.
_KINDS: Final = bytes(map(_kind, range(256)))


class Piece(NamedTuple):
    """A run of glyphs; places in points from the top left as its line runs."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    #: The height of its letters.
    size: float
    #: How its line runs; see `glyphs.quarters`.
    turn: int
    #: Its place in the order in which the page's content draws it.
    order: int
    bold: bool = False

    @property
    def middle(self) -> float:
        """Its height on the page."""
        return (self.top + self.bottom) / 2


class Found(NamedTuple):
    """What stands on a page."""

    pieces: list[Piece]
    #: Characters that lie outside of what is seen of the page.
    left_out: int


class _Frame(NamedTuple):
    """The sides of the ink's boxes as its lines run."""

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    top: NDArray[np.float32]
    bottom: NDArray[np.float32]
    #: Of the glyphs, and never 0.
    height: NDArray[Any]
    middle: NDArray[Any]


class _Seen(NamedTuple):
    """What is known of the glyphs of a page that are not blank."""

    #: Their places in the text.
    ink: NDArray[Any]
    #: How many letters of a word stand before each and were not asked for.
    skipped: NDArray[Any]
    #: The number of its line.
    lines: NDArray[Any]
    frame: _Frame
    #: Their boxes.
    boxes: NDArray[np.float32]
    #: How many more there are, outside of what is seen of the page.
    outside: int


def pieces(textpage: Any, box: Box) -> Found:  # noqa: ANN401 - untyped
    """Give the pieces of a page in the order of its content, without what lies outside `box`.

    pdfium is asked for the places of the ends of words alone, as asking is what takes the time,
    and for all of them only where those do not follow one another as in common lines.
    """
    text = text_of(textpage)
    kinds = _kinds(text)
    if kinds.max(initial=_BLANK) < _HYPHEN:
        return Found([], 0)
    to_left = not text.isascii() and _RIGHT_TO_LEFT.search(text) is not None
    seen = _seen(textpage, kinds, box, all_of_it=to_left)
    turned = _crooked(seen.frame, seen.lines)
    if not to_left and (turned or _doubtful(seen)):
        seen = _seen(textpage, kinds, box, all_of_it=True)
        turned = _crooked(seen.frame, seen.lines)
    turns = np.zeros(len(seen.ink), dtype=np.int8)
    if turned:
        angles = quarters(textpage, len(text))[seen.ink]
        if not to_left:
            angles = _right_way_round(angles, seen)
        turns = _turns(angles, seen.frame, seen.lines)
        seen = seen._replace(frame=_frame(seen.boxes, turns))
    starts = _starts(seen, turns, text, to_left=to_left)
    if not turned and (narrow := _narrow(kinds, seen)).size:
        text = without_false_blanks(text, textpage, narrow)
    for hyphen in _HYPHENS:
        text = text.replace(hyphen, "-")
    made = _made(text, textpage, seen, turns, starts, to_left=to_left)
    return Found(made, seen.outside)


def _kinds(text: str) -> NDArray[np.uint8]:
    """Give what each glyph is."""
    text = text.replace(_HYPHENS[1], _HYPHENS[0])
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    # Whatever else is not of Latin-1 counts as "?" does.
    return np.frombuffer(text.encode("latin-1", "replace").translate(_KINDS), dtype=np.uint8)


def _seen(textpage: Any, kinds: NDArray[np.uint8], box: Box, *, all_of_it: bool) -> _Seen:  # noqa: ANN401 - untyped
    """Ask for the boxes of all that is not blank, or of the ends of words alone."""
    if all_of_it:
        ink = (kinds >= _HYPHEN).nonzero()[0]
        skipped = np.zeros(len(ink), dtype=np.int64)
    else:
        inner = _inner(kinds)
        ink = ((kinds >= _HYPHEN) & ~inner).nonzero()[0]
        skipped = np.zeros(len(ink), dtype=np.int64)
        # Before each of them stands a letter that was skipped, or a blank or nothing.
        skipped[1:] = (_steps(ink) - 1) * inner[ink[1:] - 1]
    boxes = boxes_of(textpage, ink)
    # A hyphen that ends a line belongs to it, and the next line begins after it.
    lines = ((kinds == _END) | (kinds == _HYPHEN)).nonzero()[0].searchsorted(ink)
    inside = _inside(boxes, box)
    outside = 0
    # Where nothing at all lies on the page, it is the page's size that is wrong.
    if not inside.all() and inside.any():
        outside = int(np.sum(1 + skipped[~inside]))
        ink, skipped, lines, boxes = ink[inside], skipped[inside], lines[inside], boxes[inside]
    return _Seen(ink, skipped, lines, _frame(boxes), boxes, outside)


def _inner(kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which glyphs stand within a word of small letters.

    pdfium gives the letters of one font boxes of one height. Where it knows no heights of the
    font, those of its letters differ, and `_doubtful` sees it.
    """
    inner = np.zeros(len(kinds), dtype=np.bool_)
    small = kinds == _LETTER
    inner[1:-1] = small[1:-1] & small[2:] & small[:-2]
    return inner


def _doubtful(seen: _Seen) -> bool:
    """Tell whether letters that were not asked for may stand elsewhere than between the others."""
    frame, skipped = seen.frame, seen.skipped[1:]
    height = frame.height[:-1]
    wide = frame.left[1:] - frame.right[:-1]
    odd = (wide < 0.1 * height * skipped) | (wide > _GAP * height * skipped)
    odd |= np.abs(_steps(frame.height)) > _SAME * height
    odd |= np.abs(_steps(frame.bottom)) > _SAME * height
    return bool((odd & (skipped > 0)).any())


def _inside(boxes: NDArray[np.float32], box: Box) -> NDArray[np.bool_]:
    left, bottom, right, top = box
    if right - left < 1 or top - bottom < 1:
        return np.ones(len(boxes), dtype=np.bool_)
    return (
        (boxes[:, 2] >= left) & (boxes[:, 0] <= right)
        & (boxes[:, 1] >= bottom) & (boxes[:, 3] <= top)
    )  # fmt: skip


def _frame(boxes: NDArray[np.float32], turns: NDArray[np.int8] | None = None) -> _Frame:
    left, top, right, bottom = np.ascontiguousarray(boxes.T)
    if turns is None or not turns.any():
        return _framed(left, right, -top, -bottom)
    which = turns % _ASKEW
    return _framed(
        left=np.choose(which, [left, bottom, -right, -top]),
        right=np.choose(which, [right, top, -left, -bottom]),
        top=np.choose(which, [-top, left, bottom, -right]),
        bottom=np.choose(which, [-bottom, right, top, -left]),
    )


def _framed(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    top: NDArray[np.float32],
    bottom: NDArray[np.float32],
) -> _Frame:
    height, middle = np.maximum(bottom - top, 0.1), (top + bottom) / 2
    return _Frame(left, right, top, bottom, height, middle)


def _steps(values: NDArray[Any]) -> NDArray[Any]:
    """Give what `np.diff` gives, in a third of the time on few values."""
    steps: NDArray[Any] = values[1:] - values[:-1]
    return steps


def _crooked(frame: _Frame, lines: NDArray[Any]) -> bool:
    """Tell whether some line of the page runs otherwise than to the right."""
    same = lines[1:] == lines[:-1]
    height = frame.height
    aside = np.abs(_steps(frame.middle)) > 0.7 * np.maximum(height[1:], height[:-1])
    ahead = _steps(frame.left)
    back = ahead < -_BACK * height[1:]
    narrow = (frame.right - frame.left) < 0.05 * height
    count = np.count_nonzero
    together = count(same)
    lone = len(lines) > 3 and len(same) - together > 0.5 * len(same)
    backward = count(same & (ahead < 0)) > 0.3 * together
    return bool(
        lone or backward or (same & (aside | back)).any() or count(narrow) > 0.5 * len(narrow)
    )


def _right_way_round(angles: NDArray[np.int8], seen: _Seen) -> NDArray[np.int8]:
    """Give the angles, turned by a half where glyphs follow one another the other way.

    A font whose size is below nothing turns what the angle alone says: such letters stand upright.
    """
    for turn in range(_ASKEW):
        claimed = angles == turn
        if not claimed.any():
            continue
        left = _frame(seen.boxes, np.where(claimed, turn, 0).astype(np.int8)).left
        follows = claimed[1:] & claimed[:-1] & (seen.lines[1:] == seen.lines[:-1])
        ahead = _steps(left)[follows]
        if np.count_nonzero(ahead < 0) > 2 * np.count_nonzero(ahead > 0):
            angles = np.where(claimed, (turn + 2) % _ASKEW, angles).astype(np.int8)
    return angles


def _turns(angles: NDArray[np.int8], frame: _Frame, lines: NDArray[Any]) -> NDArray[np.int8]:
    """Give how lines run; glyphs that stand upright one below the other run downwards."""
    height = frame.height
    down = np.diff(frame.middle) / height[1:]
    still = np.abs(np.diff(frame.left + frame.right) / 2) < 0.3 * height[1:]
    below = still & (down > 0.5) & (down < 2.5) & (angles[1:] == 0) & (angles[:-1] == 0)
    same = lines[1:] == lines[:-1]
    runs = below & (same | (np.sum(below) > 0.6 * len(below)))
    upright = np.zeros(len(angles), dtype=np.bool_)
    # Three in a row at least: two may be a fraction.
    three = runs[1:] & runs[:-1]
    for shift in range(3):
        upright[shift : shift + len(three)] |= three
    return np.where(upright, 3, angles).astype(np.int8)


def _starts(seen: _Seen, turns: NDArray[np.int8], text: str, *, to_left: bool) -> NDArray[Any]:
    """Give the places in `ink` where a piece begins."""
    ink, lines, frame = seen.ink, seen.lines, seen.frame
    taller = np.maximum(frame.height[1:], frame.height[:-1])
    gap = frame.left[1:] - frame.right[:-1]
    apart = ((gap > _GAP * taller) & (seen.skipped[1:] == 0)) | (gap < -_BACK * taller)
    apart |= np.abs(_steps(frame.middle)) > _ASIDE * taller
    apart &= (turns[1:] != _ASKEW) & (turns[:-1] != _ASKEW)
    if to_left:
        # Such a line has no order of places that is also one of reading.
        such = np.isin(lines, np.unique(lines[where(_RIGHT_TO_LEFT, text, ink)]))
        apart &= ~(such[1:] & such[:-1])
    new_line = (lines[1:] != lines[:-1]) & ~((turns[1:] == 3) & (turns[:-1] == 3) & ~apart)
    apart |= new_line | (turns[1:] != turns[:-1])
    return np.concatenate(([0], np.flatnonzero(apart) + 1))


def _narrow(kinds: NDArray[np.uint8], seen: _Seen) -> NDArray[Any]:
    """Give the places of lone blanks on whose sides letters stand closer than words do."""
    gaps = seen.frame.left[1:] - seen.frame.right[:-1]
    parted = (_steps(seen.ink) == 2) & (seen.skipped[1:] == 0)
    close = parted & (gaps < NARROW * seen.frame.height[1:])
    places: NDArray[Any] = seen.ink[:-1][close] + 1
    places = places[kinds[places] == _BLANK]
    # Those in question come in numbers, one at the end of each word of a line.
    many = len(places) > _MANY_NARROW * np.count_nonzero(kinds == _BLANK)
    return places if many else places[:0]


def _made(
    text: str,
    textpage: Any,  # noqa: ANN401 - untyped
    seen: _Seen,
    turns: NDArray[np.int8],
    starts: NDArray[Any],
    *,
    to_left: bool,
) -> list[Piece]:
    ink, frame = seen.ink, seen.frame
    ends = np.concatenate((starts[1:], [len(ink)]))
    sides = zip(
        ink[starts].tolist(),
        ink[ends - 1].tolist(),
        np.minimum.reduceat(frame.left, starts).tolist(),
        np.minimum.reduceat(frame.top, starts).tolist(),
        np.maximum.reduceat(frame.right, starts).tolist(),
        np.maximum.reduceat(frame.bottom, starts).tolist(),
        np.maximum.reduceat(frame.bottom - frame.top, starts).tolist(),
        turns[starts].tolist(),
        strict=True,
    )
    made = []
    for order, (begin, end, left, top, right, bottom, size, turn) in enumerate(sides):
        said = text[begin : end + 1]
        if turn == 3:
            said = said.replace("\r", "").replace("\n", "")
        if said[1:2] == " " and SPACED.match(said):
            said = closed(said, boxes_of(textpage, np.arange(begin, end + 1)))
        if to_left:
            said = logical(said, boxes_of(textpage, np.arange(begin, end + 1))[:, 0])
        bold = len(said) <= _LONGEST_HEADING and is_bold(textpage, begin) and is_bold(textpage, end)
        made.append(Piece(said, left, top, right, bottom, size, turn, order, bold))
    return made

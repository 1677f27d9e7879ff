"""Text in a terminal: how wide it is, where a line may break, what must not reach the screen.

Widths are in cells; a Chinese character takes two. `clean` keeps every offset, so a place found
in a text is the same place in the cleaned text.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cli.secret import scrub

WIDEST: Final = 100
NARROWEST: Final = 40
_USUAL: Final = 80

#: A line at least so wide is taken for one that was broken because it was full.
_FULL: Final = 60
#: A heading, a row of a table, an item of a list, a numbered clause: never joined to what is above.
_OWN_LINE: Final = re.compile(
    r"\s*(?:#|\||>|[-*+•·–]\s|[(（]?\w{1,3}[.)）、]|\d+(?:\.\d+)+|第\S{1,8}[条章节款]|Article\b|Section\b)"
)

_SPACES = dict.fromkeys([9, 11, 12, 13, 0x2028, 0x2029], " ")
_CONTROLS = dict.fromkeys(
    [*range(9), *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)], "\ufffd"
)
#: Stands in a text for what is not to be seen, so that every offset in it stays.
UNSEEN: Final = "\u200b"
# Marks that turn the direction of writing, and the sign that widens the character before it.
_UNSEEN = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFE0F], UNSEEN)
_CLEANED: Final[dict[int, str]] = _SPACES | _CONTROLS | _UNSEEN

#: Punctuation that Chinese typesetting does not let begin, or end, a line.
_NO_START: Final = frozenset("，。、；：？！）》〉」』】〕”’％…—·,.;:?!)]}%")
_NO_END: Final = frozenset("（《〈「『【〔“‘([{￥$")


def columns() -> int:
    """Give the width to write in: the terminal's, 80 where there is none, at most 100."""
    told = os.environ.get("COLUMNS", "")
    found = int(told) if told.isdecimal() else 0
    if not found:
        try:
            found = os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 0
        except (AttributeError, ValueError, OSError):  # closed, or no terminal
            found = 0
    return max(NARROWEST, min(found or _USUAL, WIDEST))


def clean(text: str) -> str:
    """Give the text without secrets and control characters; same length, same offsets."""
    return scrub(text).translate(_CLEANED)


def one_line(text: str) -> str:
    """Give the cleaned text with every run of white space as one space."""
    return " ".join(clean(text).split())


def cells(text: str) -> int:
    """Give the width of the text; never less than what a terminal uses."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_width, text))


@lru_cache(4096)
def _width(character: str) -> int:
    """Give the cells that a character takes."""
    if " " <= character <= "~":
        return 1
    from rich.cells import get_character_cell_size

    return get_character_cell_size(character)


def pad(text: str, width: int) -> str:
    """Fill the text with spaces up to the width."""
    return text + " " * (width - cells(text))


def shorten(text: str, width: int) -> str:
    """Give the text, a part of it replaced by … where it is wider than `width`.

    >>> shorten("manuals/boiler-2000.pdf", 11)
    'man…000.pdf'
    """
    if cells(text) <= width:
        return text
    if width < 1:
        return ""
    # The end of a path says more than its beginning.
    left = text[: _fit(text, 0, len(text), (width - 1) // 3)]
    room = width - 1 - cells(left)
    start = len(text)
    while start and room >= (size := _width(text[start - 1])):
        room -= size
        start -= 1
    return f"{left}…{text[start:]}"


def cut(text: str, width: int) -> str:
    """Give the text, its end replaced by … where it is wider than `width`."""
    if cells(text) <= width:
        return text
    return f"{text[: _fit(text, 0, len(text), width - 1)].rstrip()}…"


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Give the slices of `text` that are its lines; a newline ends one, blank lines are left out.

    Breaks at spaces and between Chinese characters, and inside a word only where it must.
    """
    lines: list[tuple[int, int]] = []
    start = 0
    for paragraph in text.split("\n"):
        end = start + len(paragraph)
        lines.extend(_fill(text, start, end, max(width, 2)))
        start = end + 1
    return lines


def reflow(text: str) -> str:
    """Give the cleaned text with lines joined that were broken only for their width.

    Every offset stays: a line end becomes a space, or, between Chinese characters, nothing seen.
    """
    shown = clean(text)
    lines = shown.split("\n")
    joined = [lines[0]]
    for before, after in pairwise(lines):
        joined.append(_joint(before, after) + after)
    return "".join(joined)


def _joint(before: str, after: str) -> str:
    if cells(before) < _FULL or not after.strip() or _OWN_LINE.match(after):
        return "\n"
    if _OWN_LINE.match(before) and before.lstrip()[0] in "#|":
        return "\n"
    sizes = _width(before[-1]), _width(after[0])
    return UNSEEN if sizes == (2, 2) else " "


def paragraph(text: str, width: int, indent: str = "") -> list[str]:
    """Give a cleaned text as indented lines of at most `width` cells."""
    shown = clean(text)
    return [indent + shown[a:b] for a, b in wrap(shown, width - len(indent))]


def _fill(text: str, start: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    start = _skip_spaces(text, start, end)
    while start < end:
        stop = _fit(text, start, end, width)
        if stop < end:
            stop = _break(text, start, stop)
        following = _skip_spaces(text, stop, end)
        while text[stop - 1].isspace():
            stop -= 1
        yield start, stop
        start = following


def _skip_spaces(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _fit(text: str, start: int, end: int, width: int) -> int:
    """Give where the first character stands that no longer fits."""
    for position in range(start, end):
        width -= _width(text[position])
        if width < 0:
            return position
    return end


def _break(text: str, start: int, stop: int) -> int:
    """Give the last place up to `stop` where a line may break; `stop` where there is none."""
    for position in range(stop, start, -1):
        if _may_break(text[position - 1], text[position]):
            return position
    return stop


def _may_break(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return True
    if after in _NO_START or before in _NO_END:
        return False
    sizes = _width(before), _width(after)
    return sizes[1] != 0 and 2 in sizes

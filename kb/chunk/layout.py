"""What does a line look like: a table row, a list item, the end of a sentence, a contents entry?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_LINE: Final = re.compile(r"\S(?:[^\r\n\f]*\S)?")
_ROW: Final = re.compile(r"\|.*\||\S.*?\s\|\s")
_BULLET: Final = re.compile(
    r"[-*+•·▪■◆●○–—][ \t\u3000]|[（(]?(?:\d{1,3}|[a-z]{1,4}|[A-Z])[.)）、][ \t\u3000]"
    r"|\d{1,2}[.、](?=[\u3400-\u9fff])|[（(][一二三四五六七八九十]{1,3}[）)]|[①-⑳]"
)
_ENDED: Final = re.compile(r"[.!?:;。！？：；…][\"'”’」』）)】》\]*_]*$|[;,:] (?:and|or)$|\|$")
_CONNECTS: Final = re.compile(
    r"(?:[,，、《（(]|(?:^|[\s(])(?:a|(?i:to|of|in|under|with|by|the|this|that|such|pursuant|section|"
    r"sections|article|articles|clause|paragraph|exhibit|schedule|appendix|and|or|per|from|for|"
    r"see|an))|本法|本条例|本合同|本协议|按照|依照|依据|根据|适用|违反|[的与和及或由在至])$"
)
_LEADERS: Final = re.compile(
    r"(?:\.{3,}|…+|·{3,}|(?:\.[ ]){3,}|_{3,}|-{4,})[ \t]*(?:\d{1,4}|[ivxl]{1,6})?$"
)
_PAGE: Final = re.compile(r"[ \t\u3000]+\d{1,4}$")
#: With one of these, or a digit, ends what is an entry of a table of contents.
_ENTRY_ENDS: Final = frozenset(".…·_- \tivxl")


class Line(NamedTuple):
    """A line that is not blank, without the white space around it: `text[start:end]`."""

    start: int
    end: int
    #: Whether a blank line or a page's end stands before it.
    apart: bool


def lines(text: str, start: int = 0, end: int | None = None) -> Iterator[Line]:
    """Give the lines of `text[start:end]` that are not blank, in order."""
    before = start
    for match in _LINE.finditer(text, start, len(text) if end is None else end):
        first, last = match.span()
        yield Line(first, last, first - before > 1 and _is_wide(text[before:first]))
        before = last


def _is_wide(gap: str) -> bool:
    return gap.count("\n") > 1 or gap.count("\r") > 1 or "\f" in gap


#: How much of a line's beginning or end tells what it is; keeps very long lines cheap.
GLANCE: Final = 400


def head(text: str, line: Line) -> str:
    """Give the beginning of the line."""
    return text[line.start : min(line.end, line.start + GLANCE)]


def tail(text: str, line: Line) -> str:
    """Give the end of the line."""
    return text[max(line.start, line.end - 40) : line.end]


def is_row(line: str) -> bool:
    """Whether the line is a row of a table, with `|` between its cells."""
    return "|" in line and _ROW.match(line) is not None


def is_bullet(line: str) -> bool:
    """Whether the line begins like an item of a list."""
    return _BULLET.match(line) is not None


def is_ended(line: str) -> bool:
    """Whether a sentence or an item ends with the line."""
    last = line[-1:]
    if last.isalnum() and last not in "dr":
        # Most lines end within a sentence: "and" and "or" alone need a closer look.
        return False
    return _ENDED.search(line[-40:]) is not None


def connects(line: str) -> bool:
    """Whether the line's last word asks for what the next line begins with ("pursuant to")."""
    return _CONNECTS.search(line[-40:]) is not None


def has_leaders(line: str) -> bool:
    """Whether the line ends as an entry of a table of contents does: dots and a page number."""
    return _may_be_entry(line) and _LEADERS.search(line[-60:]) is not None


def without_page(line: str) -> str:
    """Give a contents entry without its dots and page number."""
    return (_PAGE.sub("", _LEADERS.sub("", line)) if _may_be_entry(line) else line).strip()


def _may_be_entry(line: str) -> bool:
    """Tell by its last character whether a line may be one; that of most lines is another."""
    last = line[-1:]
    return last in _ENTRY_ENDS or last.isdecimal()

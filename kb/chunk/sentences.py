"""Where does a sentence end, and where may a text be cut without breaking a character?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_CLOSERS: Final = "\"'”’」』）)】》\\]"
#: Begins with one class of characters, as that makes the search several times faster.
_END: Final = re.compile(
    rf"[.!?。！？；…][.!?。！？；…]*(?:(?<=[。！？；…])[{_CLOSERS}]*"
    rf"|[{_CLOSERS}]*(?=\s|$|[\u3400-\u9fff]))"
)
_ABBREVIATION: Final = re.compile(
    r"mr|mrs|ms|dr|prof|st|jr|sr|nos?|inc|ltd|co|corp|llc|llp|plc|bros|cf|vs|al|approx|arts?|"
    r"secs?|para?|figs?|exh?|ch|vol|pp|pg|ed|est|dept|div|viz|etc|jan|feb|mar|apr|jun|jul|aug|"
    r"sept?|oct|nov|dec|[a-z](?:\.[a-z]){0,3}"
)
_LONGEST: Final = 7
#: A number alone at the beginning of a sentence, as in "4. Payment" or "Section 3.2. Refunds".
_NUMBERING: Final = re.compile(
    r"\W*(?:article|section|clause|exhibit|schedule|part|§)?\s*[\divxlc.]{1,9}(?:\(\w{1,4}\))*",
    re.IGNORECASE,
)
#: Sentences of fewer characters go with the next one.
_SHORTEST: Final = 4


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give the sentences of `text[start:end]` as offsets; together they are all of it."""
    begin = start
    for match in _END.finditer(text, start, end):
        stop = match.end()
        if stop - begin < _SHORTEST or stop >= end or not is_boundary(text, stop, begin):
            continue
        if match[0][0] == "." and _is_no_end(text, begin, match.start(), stop):
            continue
        yield begin, stop
        begin = stop
    if begin < end:
        yield begin, end


def _is_no_end(text: str, begin: int, stop: int, after: int) -> bool:
    """Whether the full stop at `stop` is part of an abbreviation or of a number."""
    if text[after : after + 3].lstrip()[:1].islower():
        return True
    words = text[max(begin, stop - 16) : stop].split()
    word = words[-1].lstrip("(\"'“[").lower() if words else ""
    if len(word) <= _LONGEST and _ABBREVIATION.fullmatch(word):
        return True
    return stop - begin < 24 and _NUMBERING.fullmatch(text, begin, stop) is not None


_EXTENDS: Final = frozenset({"Mn", "Me", "Mc"})
_JOINER: Final = "\u200d"
#: Below it no character joins the one before.
_FIRST_MARK: Final = "\u0300"
#: No letter bears so many marks (Unicode's own limit is 30): what has more is an attack.
_MOST_MARKS: Final = 64
#: Where a sentence too long is cut, best first.
_CUTS: Final = (
    re.compile(r".*[\r\n]", re.DOTALL),
    re.compile(r".*(?:[，、：；,;:](?!\d)|[—–])", re.DOTALL),
    re.compile(r".*\s", re.DOTALL),
)


def best_cut(text: str, start: int, limit: int) -> int:
    """Give the best place to cut `text[start:]` at or before `limit`, after `start`.

    After a line's end, else a comma, else a space, in the last half of the range; else at the
    last place that splits no character as a reader sees it. A character that reaches beyond
    `limit` is kept whole.
    """
    middle = start + (limit - start) // 2
    for pattern in _CUTS:
        match = pattern.match(text, middle, limit)
        if match is not None and is_boundary(text, match.end(), start):
            return match.end()
    cut = limit
    while cut > start and not is_boundary(text, cut, start):
        cut -= 1
    if cut > start:
        return cut
    cut = limit + 1
    while cut < len(text) and not is_boundary(text, cut, start):
        cut += 1
    return min(cut, len(text))


def is_boundary(text: str, cut: int, start: int = 0) -> bool:
    r"""Whether no character as a reader sees it is split at `cut`: letter and accent, `\r\n`.

    `start` is a boundary before `cut`: nothing before it is looked at.
    """
    if cut <= start or cut >= len(text):
        return True
    before, after = text[cut - 1], text[cut]
    if before in "\r\n" or (before < _FIRST_MARK and after < _FIRST_MARK):
        return not (before == "\r" and after == "\n")
    if _joins(before, after):
        return cut - start > _MOST_MARKS and all(
            _joins(text[place - 1], text[place]) for place in range(cut - _MOST_MARKS, cut)
        )
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\u1160" <= after <= "\u11ff":
        return False
    return not (_is_flag(before) and _is_flag(after) and _flags_before(text, cut, start) % 2)


def _joins(before: str, after: str) -> bool:
    """Tell whether a mark or a joiner makes one character of two."""
    return _JOINER in (before, after) or unicodedata.category(after) in _EXTENDS


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, cut: int, start: int) -> int:
    """Count the flag letters that end at `cut`; two of them make a flag."""
    first = cut
    while first > start and _is_flag(text[first - 1]):
        first -= 1
    return cut - first

"""Headings by their type, where a PDF has no bookmarks: larger than the body, or bold and apart.

They are given only for documents whose headings have no numbers, as articles and reports have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kb.extract.pdf.sheet import Line, Sheet
from kb.model import Heading, Page

#: So much larger than the body are headings that are told by their size alone.
_LARGER: Final = 1.2
_LONGEST: Final = 120
_LONGEST_BOLD: Final = 80
_MOST_LINES: Final = 3
#: Headings with numbers or in capitals are found by `kb.chunk`, most of them set in bold or not.
#: Only where others are the rule does the type add something: measured on contracts, a few bold
#: lines that were declared took the place of titles and exhibits that had been found.
_FEWEST: Final = 4
_PLAIN: Final = 0.7
_CLAUSE: Final = re.compile(
    r"(?:\d|[(（]\w{1,4}[)）]|[IVX]+\.|[A-Z]\.|第|附|[一二三四五六七八九十]+、"
    r"|(?i:section|article|clause|exhibit|schedule|annex|appendix|chapter|part)\b)"
)
#: Where more lines look like headings, or more letters are bold, the look tells nothing.
_SHARE: Final = 0.15
_LETTERS: Final = re.compile(r"[^\W\d_]{2}|[\u3400-\u9fff]")
_NUMBER: Final = re.compile(r"\s*(?:\d|[(（\[]|[A-Z][.)]|[^\w\s]\s|第)")
#: Entries of a table of contents end with a page.
_ENTRY: Final = re.compile(r"\s\.*\s*\d{1,4}$")
_GOES_ON: Final = re.compile(r"[,;–—-]$|\b(?:and|or|of|the|to|for|in|by|with)$")
_SENTENCE: Final = re.compile(r"[.。!?！？:：]$")


class _Look(NamedTuple):
    size: float
    bold: bool


class _Told(NamedTuple):
    """Lines that look like one heading: `text[start:end]`."""

    start: int
    end: int
    look: _Look
    lines: int


def headings(sheets: Sequence[Sheet], text: str, pages: Sequence[Page]) -> tuple[Heading, ...]:
    """Give the lines whose type says that they are headings; none where that is doubtful."""
    sizes, bold = Counter[float](), 0
    for line in (line for sheet in sheets for line in sheet.lines):
        letters = len(line.text)
        sizes[_rounded(line.size)] += letters
        if line.bold:
            bold += letters
    if not sizes or not (body := sizes.most_common(1)[0][0]):
        return ()
    weight = bold < _SHARE * sizes.total()
    told = [
        each
        for sheet, page in zip(sheets, pages, strict=True)
        for each in _told(sheet, text, page, body=body, weight=weight)
    ]
    lines = sum(len(sheet.lines) for sheet in sheets)
    names = [text[each.start : each.end] for each in told]
    plain = sum(not (name.isupper() or _CLAUSE.match(name)) for name in names)
    if plain < _FEWEST or plain < _PLAIN * len(told):
        return ()
    if sum(each.lines for each in told) > _SHARE * lines:
        return ()
    looks = sorted({each.look for each in told}, reverse=True)
    return tuple(
        Heading(
            level=min(looks.index(each.look) + 1, 6),
            title=" ".join(text[each.start : each.end].split()),
            start=each.start,
            end=each.end,
        )
        for each in told
    )


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _told(sheet: Sheet, text: str, page: Page, *, body: float, weight: bool) -> Iterator[_Told]:
    """Give the headings of one page."""
    spans = [match.span() for match in re.finditer(r"\S[^\n]*", text[page.start : page.end])]
    shown = [line for line in sheet.lines if line.text.strip()]
    if len(spans) != len(shown):
        return
    found: _Told | None = None
    for at, (line, (start, end)) in enumerate(zip(shown, spans, strict=True)):
        look = _look(shown, at, body=body, weight=weight)
        begin, stop = page.start + start, page.start + end
        goes_on = found is not None and look == found.look and found.lines < _MOST_LINES
        if found and goes_on and not (line.apart or _NUMBER.match(line.text)):
            found = found._replace(end=stop, lines=found.lines + 1)
            continue
        if found and _is_heading(text[found.start : found.end]):
            yield found
        found = _Told(begin, stop, look, 1) if look is not None else None
    if found and _is_heading(text[found.start : found.end]):
        yield found


def _look(shown: Sequence[Line], at: int, *, body: float, weight: bool) -> _Look | None:
    """Give the type of a line that looks like a heading."""
    line = shown[at]
    size = _rounded(line.size)
    if not line.bold and size < _LARGER * body:
        return None
    if line.row or line.turned or line.running or len(line.text) > _LONGEST:
        return None
    if size >= _LARGER * body:
        return _Look(size, bold=False)
    if not (weight and line.bold and size >= 0.95 * body and len(line.text) <= _LONGEST_BOLD):
        return None
    above = line.apart or at == 0 or shown[at - 1].bold
    below = at + 1 == len(shown) or shown[at + 1].apart or shown[at + 1].bold
    return _Look(body, bold=True) if above and below else None


def _is_heading(said: str) -> bool:
    if not _LETTERS.search(said) or said[0].islower():
        return False
    if _GOES_ON.search(said) or any(map(_ENTRY.search, said.splitlines())):
        return False
    return not _SENTENCE.search(said) or len(said) < 40

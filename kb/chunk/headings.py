"""Which lines could be headings? Declared ones, numbered clauses, lines in capitals, a title.

A number at the beginning of a line is no heading yet: "Section 3.2 of this Agreement" may be
the rest of the sentence above it. What stands before and after it is judged here, the order
of the numbers in `outline`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from kb.chunk import clauses, declared, layout, titles
from kb.chunk.candidate import Candidate, element
from kb.chunk.clauses import Marker
from kb.chunk.layout import Line
from kb.model import Document

#: Lines above this length are whole pages on one line; clauses may begin within them.
_LONG_LINE: Final = 400
_HAN_CLAUSE: Final = r"(?=第[一二三四五六七八九十百零]{1,9}条[ \u3000])"
_CLAUSE: Final = (
    r"(?=(?:ARTICLE|Article|SECTION|Section)\s[\dIVX]|\d{1,2}\.\d{0,2}\.?\s{1,3}[\"“(]?[A-Z])"
)
#: After a sentence's end, and after white space that was a line's end once. Two patterns, each
#: beginning with plain characters, are searched for ten times as fast as one.
_INLINE: Final = (
    re.compile(rf"[.;:)\"”’。；：](?:\s{_CLAUSE}|\s?{_HAN_CLAUSE})"),
    re.compile(rf"   (?:{_CLAUSE}|{_HAN_CLAUSE})"),
)
#: A line in capitals that comes so often is no heading.
_OFTEN: Final = 3
#: The page of one entry of a table of contents, and the number of the next.
_ENTRIES: Final = re.compile(
    r"\s\d{1,3}\s+(?:(?:ARTICLE|Article|SECTION|Section)\s[\dIVX]|\d{1,2}\.\d{1,2}\.?\s+[A-Z])"
)
_SIGNATURE: Final = re.compile(r"(?:By|Name|Title|Its|Date)\b.{0,3}:|_{3}")


def candidates(document: Document, lines: list[Line]) -> list[Candidate]:
    """Give the places of `document` that look like headings, in order."""
    text = document.text
    stated = declared.declared_headings(document)
    found = [*stated, *declared.title_line(document, lines)]
    taken = {line for c in found for line in _lines_of(c, lines)}
    capitals = len(document.headings) < 2 and not _shouts(text, lines)
    above: Line | None = None
    skip = -1
    for i, line in enumerate(lines):
        if i in taken or i == skip:
            # A heading is never a sentence that goes on.
            above = None
            continue
        below = lines[i + 1 : i + 3] if i + 1 not in taken else []
        candidate, used = None, False
        markers = clauses.read_markers(text, line.start, line.end)
        if markers:
            candidate, used = _numbered(text, line, markers, above, below)
        elif capitals and text[line.start : line.start + 4].isupper():
            candidate = _capitals(text, line, above, below[0] if below else None)
        if candidate is not None:
            found += (candidate, *_right_behind(text, line, candidate))
            skip = i + 1 if used else -1
        above = None if candidate is not None and candidate.whole else line
        if line.end - line.start > _LONG_LINE and not _is_contents(text, line):
            found += _within(text, line)
    return sorted(_without_running_heads(found), key=lambda c: (c.start, -c.end))


def _without_running_heads(found: list[Candidate]) -> list[Candidate]:
    """Leave out what stands on many pages: "3 User manual", "4 User manual", "DRAFT"."""
    numbers: dict[str, set[tuple[int, ...]]] = {}
    plain = [c for c in found if c.markers and c.markers[0].style == clauses.PLAIN]
    for candidate in plain:
        numbers.setdefault(candidate.title, set()).add(candidate.markers[0].number)
    heads = {c.start for c in plain if c.level is None and len(numbers[c.title]) > 1}
    bare = [c for c in found if not c.markers and c.level is None]
    often = Counter(c.title for c in bare)
    heads.update(c.start for c in bare if often[c.title] >= _OFTEN)
    return [c for c in found if c.start not in heads]


def _lines_of(candidate: Candidate, lines: list[Line]) -> Iterator[int]:
    lo, hi = 0, len(lines)
    while lo < hi:
        mid = (lo + hi) // 2
        lo, hi = (mid + 1, hi) if lines[mid].end <= candidate.start else (lo, mid)
    while lo < len(lines) and lines[lo].start < candidate.end:
        yield lo
        lo += 1


def _numbered(
    text: str,
    line: Line,
    markers: tuple[Marker, ...],
    above: Line | None,
    below: list[Line],
) -> tuple[Candidate | None, bool]:
    """Read a numbered heading; also say whether the line below was taken as its title.

    `below` are the next two lines.
    """
    glance = layout.head(text, line)
    if layout.is_row(glance) or layout.has_leaders(layout.tail(text, line)):
        return None, False
    if _is_contents(text, line):
        return None, False
    before = "" if above is None else layout.tail(text, above)
    if above is not None and _leads_on(before, apart=line.apart):
        return None, False
    strict = bool(before) and not (line.apart or layout.is_ended(before) or before.isupper())
    return _read(text, line, markers, below, strict=strict)


_BRACKETS: Final = ("(", "（")


def _right_behind(text: str, line: Line, candidate: Candidate) -> list[Candidate]:
    """Give the first item of a clause where it begins on the same line: "12. (1) The seller"."""
    if candidate.whole or candidate.title or not candidate.markers:
        return []
    rest = text[candidate.end : candidate.end + 4].lstrip(". \t\u3000\u00a0")
    start = candidate.end + 4 - len(rest)
    if rest[:1] not in _BRACKETS or start >= line.end:
        return []
    markers = clauses.read_markers(text, start, line.end)
    if not markers or all(marker.number != (1,) for marker in markers):
        return []
    if _is_reference(markers[0], text[markers[0].end : min(line.end, markers[0].end + 200)]):
        return []
    return [
        Candidate(
            start=start, end=markers[0].end, markers=markers, title="",
            element=element(markers[0], ""), whole=False,
        )
    ]  # fmt: skip


def _is_contents(text: str, line: Line) -> bool:
    """Whether several entries of a table of contents stand on the line, each with its page."""
    entries = len(_ENTRIES.findall(layout.head(text, line)))
    return entries > 1 or (entries == 1 and text[line.end - 1].isdecimal())


#: "Deemed articles": a title, though its last word may ask for a number.
_NAME_OF_ITS_OWN: Final = re.compile(r"[A-Z][\w’'-]*(?: [\w’'-]+){0,5} (?:articles|sections)")


def _leads_on(before: str, *, apart: bool) -> bool:
    if layout.is_ended(before) or (apart and before[-1] in ",，"):
        return False
    if apart and _NAME_OF_ITS_OWN.fullmatch(before):
        return False
    return layout.connects(before)


def _read(
    text: str,
    line: Line,
    markers: tuple[Marker, ...],
    below: list[Line],
    *,
    strict: bool,
) -> tuple[Candidate | None, bool]:
    marker = markers[0]
    rest = text[marker.end : min(line.end, marker.end + 200)]
    if _is_reference(marker, rest):
        return None, False
    following = text[below[0].start : below[0].start + 40] if below and not below[0].apart else ""
    if marker.rank < clauses.ARTICLE and marker.label[0] == "第":
        # A chapter has no text of its own that could go on.
        following = ""
    body = rest.removeprefix(".")
    title = titles.read_title(body, following)
    if marker.style == clauses.PLAIN and not (title.whole and title.text):
        return None, False
    end, used = line.end if title.whole else marker.end, False
    if title.whole and not title.text and below and _may_stand_above_its_title(marker):
        name = _title_below(text, below)
        if name:
            title, end, used = titles.Title(name, whole=True), below[0].end, True
    if marker.rank < clauses.DIVISION and not title.whole:
        return None, False
    candidate = Candidate(
        start=line.start, end=end, markers=markers, title=title.text,
        element=element(marker, title.text), whole=title.whole,
        strict=strict or _runs_on(marker, rest, title.text),
    )  # fmt: skip
    return candidate, used


def _runs_on(marker: Marker, rest: str, title: str) -> bool:
    """Whether nothing parts the number from text, as in "Section 3.2." or "第十二条应当"."""
    return not title and not marker.floating and rest[:1] not in ("", " ", "\t", "\u3000", "\u00a0")


def _may_stand_above_its_title(marker: Marker) -> bool:
    return marker.rank <= clauses.ARTICLE and marker.lead[0] != "§"


def _title_below(text: str, below: list[Line]) -> str:
    """Give the title that stands on a line of its own, the first of the two below its number."""
    start, end, _ = below[0]
    line = text[start:end] if end - start < 100 else ""
    if not line or _SIGNATURE.match(line) or layout.is_row(line):
        return ""
    if clauses.read_markers(line, 0, len(line)) or layout.is_bullet(line):
        return ""
    if not titles.is_title_alone(line) and not _is_parted(text, line, below[1:]):
        return ""
    return titles.clean(line).rstrip(":：")


def _is_parted(text: str, line: str, after: list[Line]) -> bool:
    """Whether the line is a title whose words have no capitals: what comes next does not go on."""
    if not after or not line[0].isalpha() or not titles.is_title(line, titles.MAX_WORDS):
        return False
    return after[0].apart or bool(clauses.read_markers(text, after[0].start, after[0].end))


#: What follows a number that is only referred to.
_HAN_REFERENCE: Final = re.compile(
    r"[ \t\u3000]*(?:[的，,。；;”）)]|、第)|[第和及或至与所]|中(?![国华央])|规定|以[上下内外前后]"
)
_ITEM_REFERENCE: Final = re.compile(r"[ ]?(?:[,;)、，；]|and |or |to |above|below|[至和或项款]|\()")
_AMOUNT: Final = re.compile(
    r"[万亿元年月日米克倍个度]|[ ]?[%％$€£¥×°]|[ ]\d(?!\d*[ ][A-Z])"
    r"|[ ]?(?:[GMk]?Hz|[kM]?[WVA]|[GMT]B|EUR|USD|CNY)\b"
)
_WORD_GOES_ON: Final = re.compile(r"[.:)]?(?:[ \t\u00a0]*$|[ \t\u3000\u00a0–—-]*[^a-z\s,;.])")
#: "Section 4 (Term) of the Lease", "§ 5 Absatz 2".
_WORD_REFERENCE: Final = re.compile(
    r"[ ]\([^()]{1,80}\)[ ,;]*(?:[a-z]|$)|[ ](?:Abs|Absatz|Satz|Nr|Nummer|Buchst|Halbsatz)\b"
)


def _is_reference(marker: Marker, rest: str) -> bool:
    """Whether what follows the number shows that a sentence is only speaking of that clause."""
    if marker.floating:
        return not marker.style[0].isdigit() and _ITEM_REFERENCE.match(rest) is not None
    if marker.style.startswith("decimal"):
        return _AMOUNT.match(rest) is not None or not _WORD_GOES_ON.match(rest)
    if marker.label[0] in "第附":
        return _HAN_REFERENCE.match(rest) is not None
    return _WORD_REFERENCE.match(rest) is not None or not _WORD_GOES_ON.match(rest)


def _within(text: str, line: Line) -> Iterator[Candidate]:
    """Give the clauses that begin within a line that holds a whole page."""
    places = {
        match.end() for inline in _INLINE for match in inline.finditer(text, line.start, line.end)
    }
    for start in sorted(places):
        markers = clauses.read_markers(text, start, line.end)
        rest = text[markers[0].end : min(line.end, markers[0].end + 200)] if markers else ""
        if not markers or _is_reference(markers[0], rest):
            continue
        title = titles.read_title(rest.removeprefix("."), "").text
        yield Candidate(
            start=start, end=markers[0].end, markers=markers, title=title,
            element=element(markers[0], title), whole=False, strict=True, inline=True,
        )  # fmt: skip


def _shouts(text: str, lines: list[Line]) -> bool:
    """Whether so much stands in capitals that they tell nothing."""
    sample = lines[:: max(1, len(lines) // 2000)]
    loud = sum(text[line.start : min(line.end, line.start + 80)].isupper() for line in sample)
    return loud * 4 > len(sample) + 20


def _capitals(text: str, line: Line, above: Line | None, below: Line | None) -> Candidate | None:
    """Read a heading that is one only by its capitals: "CONFIDENTIALITY"."""
    if line.end - line.start > 80 or not text[line.start].isalpha():
        return None
    words = text[line.start : line.end]
    if not words.isupper() or not _is_name(words) or "   " in words:
        return None
    before = "" if above is None else layout.tail(text, above)
    if not (line.apart or not before or layout.is_ended(before)):
        return None
    after = "" if below is None else layout.head(text, below)
    if not after or _SIGNATURE.match(after) or (after.isupper() and not _stands_apart(below)):
        return None
    if below is not None and not _speaks(text, below):
        return None
    name = titles.clean(words).rstrip(":：")
    return Candidate(
        start=line.start, end=line.end, markers=(), title=name, element=name, whole=True
    )


def _speaks(text: str, line: Line) -> bool:
    """Whether the line is text: below the cell of a table or the field of a form is a value."""
    if clauses.read_markers(text, line.start, line.end):
        return True
    words = layout.head(text, line).split()
    is_value = len(words) < _FEW_WORDS and text[line.start : line.end].isupper()
    return not is_value and not any(c.isdecimal() for c in words[0])


def _stands_apart(below: Line | None) -> bool:
    """Whether a blank line comes next."""
    return below is None or below.apart


def _is_name(words: str) -> bool:
    letters = sum(c.isascii() and c.isalpha() for c in words)
    if letters < 4 or letters * 2 < len(words) or any(c in "|_$=<>0123456789" for c in words):
        return False
    return words[-1] not in ".,;" and len(words.split()) <= _MAX_CAPITAL_WORDS


_MAX_CAPITAL_WORDS: Final = 12
_FEW_WORDS: Final = 3

"""Which headings does the format declare, and which line at the top is the document's title?"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from kb.chunk import clauses, layout, titles
from kb.chunk.candidate import Candidate, element
from kb.chunk.layout import Line
from kb.model import Document, Heading

#: The title stands among so many lines at the top, and none of them is longer than this.
_TOP: Final = 8
_LONGEST_LINE: Final = 160
_FIELD: Final = re.compile(r"[\w ]{1,20}[:=]\s")


def declared_headings(document: Document) -> list[Candidate]:
    """Give the headings that the format declares; the document's title gets level 0."""
    found = [_declared(heading) for heading in document.headings if heading.title.strip()]
    if not found or document.text[: found[0].start].strip():
        return found
    first, others = found[0], found[1:]
    level = first.level or 0
    same = [other for other in others if (other.level or 0) <= level]
    followed = bool(others) and not document.text[first.end : others[0].start].strip()
    numbered = not first.markers and sum(bool(other.markers) for other in same) * 2 > len(same)
    # An unnumbered heading above numbered ones of its own level, as in many DOCX files.
    return [replace(first, level=0), *others] if not same or followed or numbered else found


def _declared(heading: Heading) -> Candidate:
    title = titles.clean(heading.title)
    markers = clauses.read_markers(title, 0, len(title))
    name, whole = title, True
    if markers and len(title) > 60:
        # Some documents declare whole clauses to be headings.
        found = titles.read_title(title[markers[0].end :].removeprefix("."), "")
        name, whole = element(markers[0], found.text), found.whole
    return Candidate(
        start=heading.start, end=heading.end, markers=markers, title=title, element=name,
        whole=whole, level=heading.level,
    )  # fmt: skip


def title_line(document: Document, lines: list[Line]) -> list[Candidate]:
    """Give the line at the top that is the document's title, where no heading is declared there."""
    if len(lines) < 2 or (document.headings and document.headings[0].start <= lines[0].start):
        return []
    title = " ".join(document.title.split()).casefold()
    for line in lines[:_TOP]:
        if line.end - line.start > _LONGEST_LINE:
            break
        name = titles.clean(document.text[line.start : line.end])
        if name and name.casefold() == title and not clauses.read_markers(name, 0, len(name)):
            # A running head may stand above the title; it is part of the same passage.
            return [_title(lines[0], line, name)]
    return _first_line(document, lines[0], lines[1])


def _first_line(document: Document, line: Line, below: Line) -> list[Candidate]:
    """Give the first line where it looks like a title."""
    text = document.text[line.start : min(line.end, line.start + _LONGEST_LINE)]
    name = titles.clean(text)
    if clauses.read_markers(text, 0, len(text)) or not any(c.isalpha() for c in name):
        return []
    first = "" if below.apart else document.text[below.start]
    plain = titles.is_title(name) and not layout.is_row(text) and not layout.is_bullet(text)
    if document.headings or not plain or _FIELD.match(name) or first.islower():
        return []
    return [_title(line, line, name)]


def _title(first: Line, line: Line, name: str) -> Candidate:
    return Candidate(
        start=first.start, end=line.end, markers=(), title=name, element=name, whole=True, level=0
    )

"""Which lines that look like headings are only entries of a table of contents?"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from kb.chunk import clauses, layout
from kb.chunk.candidate import Candidate

#: Fewer headings in a row, with nothing below them, are headings.
_LEAST: Final = 3
#: A page's number within a table of contents whose line ends are lost.
_PAGE_NUMBER: Final = re.compile(r"[\s.…](?:\d{1,4}|[ivxl]{1,5})(?=\s|$)")
#: A line with no word on it, as at the foot of a page; a page's number is shorter.
_WORDLESS: Final = re.compile(r"\n[ \t]*[\d/.-]{6,40}[ \t]*(?=\n)")
#: How what stands between two entries ends, but for white space: with a page or such a line.
_AT_END: Final = re.compile(r"(?:\d|[\s.…][ivxl]{1,5}|[\d/.-]{6})\Z")
_SHOWN: Final = 6
#: More text than this before the next page number is no entry.
_LONGEST: Final = 130
_NOT_WORD: Final = re.compile(r"[\W_]+")


def without_contents(text: str, found: list[Candidate]) -> list[Candidate]:
    """Give the candidates that are not entries of a table of contents.

    Entries stand in a row without text between them, and come again further down, or have
    page numbers.
    """
    last = {_key(text, c): i for i, c in enumerate(found)}
    last |= {_number(c): i for i, c in enumerate(found) if c.markers}
    kept: list[Candidate] = []
    run: list[Candidate] = []
    first = 0
    for i, candidate in enumerate(found):
        if run and not _adjoin(text, run[-1], candidate):
            kept += _judged(text, run, last, first)
            run = []
        if not run:
            first = i
        run.append(candidate)
    return kept + _judged(text, run, last, first)


def _judged(
    text: str, run: list[Candidate], last: dict[tuple[object, ...], int], first: int
) -> list[Candidate]:
    """Give of a run of adjoining candidates those that are headings."""
    if len(run) < _LEAST:
        return run
    spread = sum(_has_page_numbers(text, *each) for each in pairwise(run)) >= _LEAST
    # The run's last line may be the first true heading: it does not come again.
    entries = []
    known: set[tuple[object, ...]] = set()
    for i, candidate in enumerate(run, start=first):
        key = _key(text, candidate)
        comes_again = last[key] > i or (_paged(candidate) and key not in known)
        if spread and candidate.markers:
            # Titles are not read well where many entries share a line.
            comes_again = comes_again or last[_number(candidate)] > i
        entries.append(comes_again and candidate.level is None)
        known.add(key)
    if sum(entries) < _LEAST:
        return run
    return [c for c, entry in zip(run, entries, strict=True) if not entry]


def _adjoin(text: str, one: Candidate, other: Candidate) -> bool:
    if _has_page_numbers(text, one, other):
        return True
    return one.whole and not text[one.end : other.start].strip() and not other.inline


def _has_page_numbers(text: str, one: Candidate, other: Candidate) -> bool:
    """Whether nothing stands between the two but the rest of contents entries, each with a page."""
    if not 0 < other.start - one.end <= 40 * _LONGEST:
        return False
    if not _AT_END.search(text[one.end : other.start].rstrip()[-_SHOWN:]):
        return False  # quicker to see than to split
    gap = _WORDLESS.sub("", text[one.end : other.start])
    *entries, rest = _PAGE_NUMBER.split(gap)
    return bool(entries) and not rest.strip() and max(map(len, entries)) <= _LONGEST


def _number(candidate: Candidate) -> tuple[object, ...]:
    """Give what tells a numbered heading from all others of its kind."""
    marker = candidate.markers[0]
    return ("number", marker.style, marker.number)


def _paged(candidate: Candidate) -> bool:
    return re.search(r"\s\d{1,4}$", candidate.title) is not None


def _key(text: str, candidate: Candidate) -> tuple[object, ...]:
    """Give what two mentions of one heading have in common."""
    if candidate.markers and candidate.markers[0].rank <= clauses.CHAPTER:
        return (candidate.markers[0].style, candidate.markers[0].number)
    name = layout.without_page(candidate.title or text[candidate.start : candidate.end])
    words = _NOT_WORD.sub("", name).casefold()[:40]
    number = candidate.markers[0].number if candidate.markers else ()
    return (number, words)

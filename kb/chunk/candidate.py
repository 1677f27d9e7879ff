"""A place that looks like a heading, as `headings` and `declared` find them."""

from __future__ import annotations

from dataclasses import dataclass

from kb.chunk import titles
from kb.chunk.clauses import Marker


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A place that looks like a heading: `text[start:end]` is its number and title."""

    start: int
    end: int
    #: The readings of its number; empty for a heading without one.
    markers: tuple[Marker, ...]
    title: str
    #: How it appears in a section path, but for a number with several readings.
    element: str
    #: Whether nothing but number and title stands there.
    whole: bool
    #: Whether only the exact next number will do, as the text before does not end.
    strict: bool = False
    #: The level of a heading that the format declares.
    level: int | None = None
    #: Whether it stands within a line: then its successor must be there too, if it is a first.
    inline: bool = False


def element(marker: Marker, title: str) -> str:
    """Give a numbered heading's name in a section path: with its title, where it has one."""
    return titles.joined(marker.lead, title) if title else marker.label

"""Which headings are still open at a place of the text, and which of them end there?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from kb.chunk import clauses
from kb.chunk.candidate import Candidate
from kb.chunk.clauses import Marker
from kb.chunk.sequence import Number

#: A declared heading without a number stands above every numbered clause in its text.
ABOVE_ALL: Final = 0
_TEXT: Final = re.compile(r"\S")
#: No line is indented further.
_WIDEST: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A heading with its place: the index of the entry it stands below, and its reading."""

    candidate: Candidate
    parent: int | None
    marker: Marker | None
    rank: int
    #: The style of its number; empty where it has none.
    numbering: str = ""


class Places:
    """The headings placed so far, and the chain of those that are open, outermost first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.entries: list[Entry] = []
        #: Indexes of the open entries.
        self.open: list[int] = []
        #: The last number of each style since the last annex.
        self.seen: dict[str, Number] = {}
        #: Which styles stand right below which entry.
        self._held: set[tuple[int | None, str]] = set()
        self._any_declared = False

    @property
    def innermost(self) -> int | None:
        """The index of the open entry that holds all that comes."""
        return self.open[-1] if self.open else None

    def top(self) -> Entry | None:
        """Give the innermost open entry."""
        return self.entries[self.open[-1]] if self.open else None

    def chain(self) -> list[Entry]:
        """Give the open entries, outermost first."""
        return [self.entries[index] for index in self.open]

    def declared(self) -> int:
        """Give how many open entries the format declares, or stand above one that it does."""
        if not self._any_declared:
            return 0
        for depth in range(len(self.open), 0, -1):
            if self.entries[self.open[depth - 1]].candidate.level is not None:
                return depth
        return 0

    def push(self, candidate: Candidate, marker: Marker | None, rank: int) -> None:
        """Open a heading below the innermost one."""
        parent = self.innermost
        if marker is not None:
            self.seen[marker.style] = marker.number
            self._held.add((parent, marker.style))
        self.open.append(len(self.entries))
        style = marker.style if marker else ""
        self.entries.append(
            Entry(candidate=candidate, parent=parent, marker=marker, rank=rank, numbering=style)
        )
        self._any_declared = self._any_declared or candidate.level is not None

    def holds(self, style: str) -> bool:
        """Whether the innermost open entry holds clauses of this style already."""
        return (self.innermost, style) in self._held

    def close_to(self, depth: int) -> None:
        """Keep the `depth` outermost of the open entries."""
        del self.open[depth:]

    def close_to_rank(self, rank: int) -> None:
        """Close what stands below this rank, or beside it."""
        while (top := self.top()) and _is_below(top, rank):
            self.open.pop()

    def close_capitals(self, candidate: Candidate) -> None:
        """Close a heading in capitals that has its own text: RECITALS do not hold clause 1."""
        top = self.top()
        if top is None or top.marker is not None or top.rank != clauses.CAPITALS:
            return
        if not self.holds(candidate.markers[0].style) and not self.is_bare(top, candidate):
            self.open.pop()

    def is_bare(self, entry: Entry, candidate: Candidate) -> bool:
        """Whether nothing stands between an entry's heading and the candidate."""
        return _TEXT.search(self.text, entry.candidate.end, candidate.start) is None

    def indent(self, candidate: Candidate) -> int:
        """Give the place of a candidate in its line, counted from 1; 0 where it is far within."""
        start = candidate.start
        above = self.text.rfind("\n", max(0, start - _WIDEST), start)
        return 0 if above < 0 < start - _WIDEST else start - above


def _is_below(top: Entry, rank: int) -> bool:
    if top.rank == ABOVE_ALL:
        return False
    same = top.marker is None or top.marker.floating
    return top.rank > rank or (top.rank == rank and same)

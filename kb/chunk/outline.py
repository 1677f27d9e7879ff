"""Which candidates are headings after all, and which heading stands below which?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kb.chunk import clauses, sequence
from kb.chunk.candidate import Candidate
from kb.chunk.clauses import Marker
from kb.chunk.sequence import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A heading with its place: the index of the entry it stands below, and its reading."""

    candidate: Candidate
    parent: int | None
    marker: Marker | None
    rank: int

    @property
    def numbering(self) -> str:
        """The style of its number; empty where it has none."""
        return self.marker.style if self.marker else ""


#: Styles that may be clauses of their own: they begin above a numbered clause.
_TOP_FLOATS: Final = ("1.", "1、", "一、", clauses.PLAIN)
#: So far may a list go on whose items in between were lost in reading.
_LOST: Final = 3
#: Lists within lists beyond this depth are text.
_DEEPEST: Final = 12
#: A declared heading without a number stands above every numbered clause in its text.
_ABOVE_ALL: Final = 0


class Outline:
    """Headings in order, each placed below those that are still open when it comes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.entries: list[Entry] = []
        self._open: list[int] = []
        self._seen: dict[str, Number] = {}
        #: Kinds of clauses of which the lower takes its number from the upper: 3 and 3.2.
        self._prefixed: set[tuple[str, str]] = set()

    def add(self, candidate: Candidate, coming: Number | None) -> None:
        """Place the candidate, or pass over it; `coming` is the next number of its style."""
        if candidate.level is not None:
            self._add_declared(candidate)
        elif not candidate.markers:
            self._close_to_rank(clauses.CAPITALS)
            self._push(candidate, None, clauses.CAPITALS)
        elif candidate.markers[0].floating:
            self._add_floating(candidate, coming)
        else:
            self._add_numbered(candidate, coming)

    def _push(self, candidate: Candidate, marker: Marker | None, rank: int) -> None:
        parent = self._open[-1] if self._open else None
        if marker is not None:
            self._seen[marker.style] = marker.number
        self._open.append(len(self.entries))
        self.entries.append(Entry(candidate=candidate, parent=parent, marker=marker, rank=rank))

    def _top(self) -> Entry | None:
        return self.entries[self._open[-1]] if self._open else None

    def _add_declared(self, candidate: Candidate) -> None:
        marker = candidate.markers[0] if candidate.markers else None
        if marker is not None and marker.floating:
            rank = clauses.ARTICLE
        else:
            rank = marker.rank if marker else _ABOVE_ALL
        while (top := self._top()) and self._ends_before(top, candidate, rank):
            self._open.pop()
        self._push(candidate, marker, rank)

    @staticmethod
    def _ends_before(top: Entry, candidate: Candidate, rank: int) -> bool:
        level = top.candidate.level
        if level is not None:
            return level >= (candidate.level or 0) and level > 0
        # A numbered heading may be declared below one that is not: 第三章, then 第十条.
        return not 0 < top.rank < rank

    def _add_numbered(self, candidate: Candidate, coming: Number | None) -> None:
        marker = candidate.markers[0]
        last = self._seen.get(marker.style)
        if marker.rank < clauses.PART:
            # Annexes need no order, but a page's running head is not another annex.
            if last == marker.number:
                return
            self._seen.clear()
        elif not self._is_first_below(marker) and not sequence.is_next(
            last, marker.number, coming, strict=candidate.strict
        ):
            return
        if candidate.inline and last is None and not _is_followed(marker.number, coming):
            return
        self._close_capitals(candidate)
        self._close_for(marker)
        self._push(candidate, marker, marker.rank)

    def _is_first_below(self, marker: Marker) -> bool:
        """Whether it is the first clause of the one just opened: 21.1 below 21."""
        above = self.entries[self._open[-1]].marker if self._open else None
        return above is not None and marker.number == (*above.number, 1)

    def _close_for(self, marker: Marker) -> None:
        """Close what ends where this clause begins."""
        depth = self._depth_of_prefix(marker)
        if depth is not None:
            parent = self.entries[self._open[depth - 1]] if depth else None
            if parent is not None:
                self._prefixed.add((parent.numbering, marker.style))
        else:
            depth = self._depth_of_stranger(marker)
        if depth is None:
            depth = self._depth_of_style(marker.style)
        if depth is None:
            self._close_to_rank(marker.rank)
            return
        # What the format declares without a number is not closed by a clause in its text.
        while len(self._open) > depth and self.entries[self._open[-1]].rank != _ABOVE_ALL:
            self._open.pop()

    def _depth_of_prefix(self, marker: Marker) -> int | None:
        """Give the depth just below the clause whose number this one goes on: 3 for 3.2."""
        best, depth = 1, None
        for i, index in enumerate(self._open):
            above = self.entries[index].marker
            rank = self.entries[index].rank
            if above is None or not clauses.CHAPTER <= rank < marker.rank:
                continue
            size = len(above.number)
            if size >= best and size < len(marker.number) and above.number == marker.number[:size]:
                best, depth = size, i + 1
        return depth

    def _depth_of_stranger(self, marker: Marker) -> int | None:
        """Give where a clause is open that cannot hold this one: 2, when 5.1 comes after 2.6.

        That the numbers of these two kinds go together was seen above.
        """
        for i, index in enumerate(self._open):
            above = self.entries[index].marker
            if above is not None and (above.style, marker.style) in self._prefixed:
                return i if above.rank >= clauses.ARTICLE else None
        return None

    def _depth_of_style(self, style: str) -> int | None:
        for i, index in enumerate(self._open):
            if self.entries[index].numbering == style:
                return i
        return None

    def _close_capitals(self, candidate: Candidate) -> None:
        """Close a heading in capitals that has its own text: RECITALS do not hold clause 1."""
        top = self._top()
        if top is None or top.marker is not None or top.rank != clauses.CAPITALS:
            return
        if self._text[top.candidate.end : candidate.start].strip():
            self._open.pop()

    def _close_loose_items(self, candidate: Candidate) -> None:
        """Close lettered items that stand in no clause, as in recitals, before a titled clause."""
        ranks = [self.entries[index].rank for index in self._open]
        loose = next((i for i, rank in enumerate(ranks) if rank >= clauses.ARTICLE), len(ranks))
        if (
            candidate.title
            and not candidate.strict
            and clauses.FLOATING in ranks[loose : loose + 1]
        ):
            del self._open[loose:]

    def _close_to_rank(self, rank: int) -> None:
        while (top := self._top()) and self._is_below(top, rank):
            self._open.pop()

    @staticmethod
    def _is_below(top: Entry, rank: int) -> bool:
        if top.rank == _ABOVE_ALL:
            return False
        floating = top.marker is not None and top.marker.floating
        same = top.marker is None or floating
        return top.rank > rank or (top.rank == rank and same)

    def _add_floating(self, candidate: Candidate, coming: Number | None) -> None:
        if len(self._open) > _DEEPEST:
            del self._open[_DEEPEST:]
        found = self._continued(candidate, 1) or self._after_decimals(candidate)
        found = found or self._continued(candidate, _LOST)
        if found:
            depth, marker = found
            del self._open[depth:]
            self._push_floating(candidate, marker)
            return
        for marker in candidate.markers:
            last = self._seen.get(marker.style)
            again = marker.style in _TOP_FLOATS and last == (marker.number[0] - 1,)
            begins = marker.number[0] <= 1 and not self._needs_second(candidate, marker)
            if (
                again
                or begins
                or self._opens_midway(candidate, marker)
                or _is_followed(marker.number, coming)
            ):
                self._push_floating(candidate, marker)
                return

    def _continued(self, candidate: Candidate, most: int) -> tuple[int, Marker] | None:
        """Give where the list is open that goes on here, the innermost one, and the reading.

        Of titled clauses one or two may have been lost in reading: up to `most` numbers on.
        """
        if most > 1 and (not candidate.title or candidate.strict):
            return None
        for depth in range(len(self._open) - 1, -1, -1):
            above = self.entries[self._open[depth]].marker
            for marker in candidate.markers:
                if above is None or above.style != marker.style:
                    continue
                if 1 <= marker.number[0] - above.number[0] <= most:
                    return depth, marker
        return None

    def _after_decimals(self, candidate: Candidate) -> tuple[int, Marker] | None:
        """Give where 1.2 is open, if this is clause 2 and the number of clause 1 was not seen."""
        marker = candidate.markers[0]
        if marker.style not in ("1.", clauses.PLAIN) or not candidate.title or candidate.strict:
            return None
        for depth, index in enumerate(self._open):
            above = self.entries[index].marker
            if above is not None and above.style.startswith("decimal"):
                is_next = above.number[0] + 1 == marker.number[0]
                return (depth, marker) if is_next else None
        return None

    @staticmethod
    def _needs_second(candidate: Candidate, marker: Marker) -> bool:
        """Whether a first number is only believed where the second one follows."""
        return candidate.inline or marker.style == clauses.PLAIN

    def _opens_midway(self, candidate: Candidate, marker: Marker) -> bool:
        """Whether a titled clause is the first of its style in an excerpt: "4. PAYMENT"."""
        titled = candidate.whole and bool(candidate.title) and not candidate.strict
        return titled and marker.style in _TOP_FLOATS[:3] and marker.style not in self._seen

    def _push_floating(self, candidate: Candidate, marker: Marker) -> None:
        if marker.style in _TOP_FLOATS:
            self._close_capitals(candidate)
            self._close_loose_items(candidate)
        top = self._top()
        above = top.rank if top else _ABOVE_ALL
        is_clause = marker.style in _TOP_FLOATS and above < clauses.ARTICLE
        self._push(candidate, marker, clauses.ARTICLE if is_clause else clauses.FLOATING)


def _is_followed(number: Number, coming: Number | None) -> bool:
    return sequence.is_first(number) and coming is not None and sequence.follows(number, coming)


def outline(text: str, found: list[Candidate]) -> list[Entry]:
    """Give the headings among the candidates of `text`, each with its place."""
    coming: list[Number | None] = []
    ahead: dict[str, Number] = {}
    for candidate in reversed(found):
        marker = candidate.markers[0] if candidate.markers else None
        coming.append(ahead.get(marker.style) if marker else None)
        if marker is not None:
            ahead[marker.style] = marker.number
    result = Outline(text)
    for candidate, number in zip(found, reversed(coming), strict=True):
        result.add(candidate, number)
    return result.entries

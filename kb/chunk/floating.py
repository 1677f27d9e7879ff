"""Where does a number stand whose level depends on its use: `1.`, `一、`, `(a)`?

It goes on with a list that is open, begins one within the innermost clause, or begins one of
clauses anew.
"""

from __future__ import annotations

from typing import Final

from kb.chunk import clauses, sequence
from kb.chunk.candidate import Candidate
from kb.chunk.clauses import Marker
from kb.chunk.places import ABOVE_ALL, Entry, Places
from kb.chunk.sequence import Number

#: Styles that may be clauses of their own: they begin above a numbered clause.
_CLAUSES: Final = ("1.", "1、", "一、", clauses.PLAIN)
#: Those of them that may open midway, in an excerpt.
_OPENING: Final = _CLAUSES[:3]
#: Styles that may be clauses if they have titles.
_TITLED: Final = ("1)", "(1)", "A.", "I.")
#: So far may a list go on whose items in between were lost in reading.
_LOST: Final = 3
#: Lists within lists beyond this depth are text.
_DEEPEST: Final = 12
#: A clause that begins to count anew has so much text below its title; an item of a list has less.
_LEAST_TEXT: Final = 100
#: How far back is looked for the end of the text before.
_GLANCE: Final = 80


class Floating:
    """Places numbers by the lists that are open, and by what they look like."""

    def __init__(self, places: Places) -> None:
        self._places = places
        #: Entries numbered `3.` with 3.1 right below them.
        self._leading: set[int] = set()
        #: Where lists of clauses stand: their parent and style.
        self._lists: set[tuple[int | None, str]] = set()

    def add(self, candidate: Candidate, coming: Number | None, below: Candidate | None) -> None:
        """Place the candidate, or pass over it.

        `coming` is the next number of its style, `below` the candidate after it.
        """
        self._places.close_to(_DEEPEST)
        if _leads(candidate, below):
            self._add_leading(candidate)
            return
        found = self._continued(candidate, 1) or self._after_decimals(candidate)
        found = found or self._continued(candidate, _LOST)
        found = found or self._after_gap(candidate, coming)
        found = found or self._begins_anew(candidate, below)
        if found:
            self._places.close_to(found[0])
            self._push(candidate, found[1])
            return
        for marker in candidate.markers:
            if self._may_begin(candidate, marker, coming):
                self._push(candidate, marker)
                return

    def _may_begin(self, candidate: Candidate, marker: Marker, coming: Number | None) -> bool:
        last = self._places.seen.get(marker.style)
        if marker.style in _CLAUSES and last == (marker.number[0] - 1,):
            return True
        # Within a line, and without a stop, a first number needs the second one.
        needs_second = candidate.inline or marker.style == clauses.PLAIN
        if marker.number[0] <= 1 and not needs_second:
            return True
        return self._opens_midway(candidate, marker) or sequence.is_followed(marker.number, coming)

    def _opens_midway(self, candidate: Candidate, marker: Marker) -> bool:
        """Whether a titled clause is the first of its style in an excerpt: "4. PAYMENT"."""
        titled = candidate.whole and bool(candidate.title) and not candidate.strict
        return titled and marker.style in _OPENING and marker.style not in self._places.seen

    def _add_leading(self, candidate: Candidate) -> None:
        """Place `3. Payment` with 3.1 right below: a clause, not an item of any list."""
        for depth, index in enumerate(self._places.open):
            if index in self._leading:
                self._places.close_to(depth)
                break
        else:
            self._places.close_to_rank(clauses.ARTICLE)
        self._push(candidate, candidate.markers[0])
        self._leading.add(len(self._places.entries) - 1)

    def _continued(self, candidate: Candidate, most: int) -> tuple[int, Marker] | None:
        """Give where the list is open that goes on here, and the reading.

        Of several lists it is the one whose last item looks most like this one, and the innermost
        of those. Of titled clauses some may have been lost in reading: up to `most` numbers on.
        """
        if most > 1 and (not candidate.title or candidate.strict):
            return None
        # A list in the text does not go on with declared headings, but one of them may be missing.
        first = self._places.declared() - (candidate.whole and bool(candidate.title))
        found: list[tuple[int, Candidate, Marker]] = []
        for depth, entry in enumerate(self._places.chain()):
            marker = _next_of(entry, candidate, most) if depth >= first else None
            if marker is not None:
                found.append((depth, entry.candidate, marker))
        if not found:
            return None
        if len(found) > 1:
            found.sort(key=lambda each: (self._likeness(each[1], candidate), each[0]))
        depth, _, marker = found[-1]
        return depth, marker

    def _likeness(self, one: Candidate, other: Candidate) -> int:
        """Say how much two candidates look alike: titled and indented the same way."""
        same_title = bool(one.title) == bool(other.title)
        same_indent = self._places.indent(one) == self._places.indent(other)
        return same_title + (one.whole == other.whole) + same_indent

    def _after_decimals(self, candidate: Candidate) -> tuple[int, Marker] | None:
        """Give where 1.2 is open, if this is clause 2 and the number of clause 1 was not seen."""
        marker = candidate.markers[0]
        if marker.style not in clauses.BEFORE_DECIMALS or not candidate.title or candidate.strict:
            return None
        for depth, entry in enumerate(self._places.chain()):
            above = entry.marker
            if above is not None and above.style.startswith("decimal"):
                is_next = above.number[0] + 1 == marker.number[0]
                return (depth, marker) if is_next else None
        return None

    def _after_gap(self, candidate: Candidate, coming: Number | None) -> tuple[int, Marker] | None:
        """Give where clauses are open that go on here after many repealed or lost ones."""
        marker = candidate.markers[0]
        if marker.style not in _CLAUSES or coming != (marker.number[0] + 1,):
            return None
        for depth, entry in enumerate(self._places.chain()):
            if entry.numbering == marker.style and entry.rank == clauses.ARTICLE:
                step = marker.number[0] - entry.marker.number[0] if entry.marker else 0
                most = _LOST if candidate.strict else marker.number[0]
                return (depth, marker) if 0 < step <= most else None
        return None

    def _begins_anew(
        self, candidate: Candidate, below: Candidate | None
    ) -> tuple[int, Marker] | None:
        """Give where a list is open that begins to count anew here, rather than hold another."""
        if all(marker.number[0] > 1 for marker in candidate.markers):
            return None
        before = self._places.text[max(0, candidate.start - _GLANCE) : candidate.start]
        leads_on = before.rstrip()[-1:] in (":", "：")
        for marker in candidate.markers:
            if marker.number[0] > 1:
                continue
            chain, first = self._places.chain(), self._places.declared()
            for depth, entry in enumerate(chain[first:], first):
                if entry.numbering != marker.style:
                    continue
                if marker.style in _CLAUSES:
                    anew = not leads_on and self._is_clause_like(candidate, entry, below)
                else:
                    anew = not leads_on or depth == len(chain) - 1
                return (depth, marker) if anew else None
        return None

    def _is_clause_like(self, candidate: Candidate, entry: Entry, below: Candidate | None) -> bool:
        """Whether a titled clause is none of a list's items: the list has no titles, or it text."""
        if not candidate.title or candidate.strict:
            return False
        if not entry.candidate.title:
            return True
        if not (candidate.whole and entry.candidate.whole):
            return False
        text = self._places.text
        end = len(text) if below is None else below.start
        return len(text[candidate.end : end].strip()) >= _LEAST_TEXT

    def _push(self, candidate: Candidate, marker: Marker) -> None:
        places = self._places
        if marker.style in _CLAUSES:
            self._close_loose_items(candidate)
            places.close_capitals(candidate)
        top = places.top()
        list_ = (places.innermost, marker.style)
        is_clause = list_ in self._lists or self._is_clause(candidate, marker, top)
        if is_clause:
            self._lists.add(list_)
        places.push(candidate, marker, clauses.ARTICLE if is_clause else clauses.FLOATING)

    def _is_clause(self, candidate: Candidate, marker: Marker, top: Entry | None) -> bool:
        """Whether it is a clause rather than an item in one."""
        titled = marker.number == (1,) and bool(candidate.title)
        above = top.rank if top else ABOVE_ALL
        if above < clauses.ARTICLE:
            return marker.style in _CLAUSES or (marker.style in _TITLED and titled)
        if top is None or above > clauses.ARTICLE or top.marker is None or top.marker.floating:
            return False
        # `Section 2`, no more than a title, and titles numbered `1.` below it.
        return titled and candidate.whole and self._places.is_bare(top, candidate)

    def _close_loose_items(self, candidate: Candidate) -> None:
        """Close lettered items that stand in no clause, as in recitals, before a titled clause."""
        places, first = self._places, candidate.markers[0]
        if places.holds(first.style) or not candidate.title or candidate.strict:
            return
        for depth, entry in enumerate(places.chain()):
            if entry.rank >= clauses.ARTICLE:
                # What counts from 1 may well stand in a titled one: `A. Accounts`, then `1.`
                item = entry.numbering in _TITLED and first.number != (1,)
                if item or entry.rank == clauses.FLOATING:
                    places.close_to(depth)
                return


def _next_of(entry: Entry, candidate: Candidate, most: int) -> Marker | None:
    """Give the reading by which a candidate comes up to `most` numbers after an entry."""
    for marker in candidate.markers if entry.marker else ():
        if entry.numbering == marker.style and entry.marker is not None:
            step = marker.number[0] - entry.marker.number[0]
            if 1 <= step <= most:
                return marker
    return None


def _leads(candidate: Candidate, below: Candidate | None) -> bool:
    """Whether `3.` has 3.1 right below it."""
    if below is None or not below.markers or not candidate.whole or candidate.strict:
        return False
    own, first = candidate.markers[0], below.markers[0]
    follows = first.number == (*own.number, 1) and not first.floating
    return own.style in clauses.BEFORE_DECIMALS and follows

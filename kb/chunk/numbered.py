"""Where does a clause stand whose kind of number has its own level: Article IV, 3.2, 第十二条?"""

from __future__ import annotations

from kb.chunk import clauses, sequence
from kb.chunk.candidate import Candidate
from kb.chunk.clauses import Marker
from kb.chunk.places import ABOVE_ALL, Entry, Places
from kb.chunk.sequence import Number


class Numbered:
    """Places clauses by the rank of their kind, and by the numbers that go together."""

    def __init__(self, places: Places) -> None:
        self._places = places
        #: Kinds of clauses of which the lower takes its number from the upper: 3 and 3.2.
        self._prefixed: set[tuple[str, str]] = set()

    def add(self, candidate: Candidate, coming: Number | None) -> None:
        """Place the candidate, or pass over it; `coming` is the next number of its style."""
        places, marker = self._places, candidate.markers[0]
        last = places.seen.get(marker.style)
        if marker.rank < clauses.PART:
            # Annexes need no order, but a page's running head is not another annex.
            if last == marker.number:
                return
            places.seen.clear()
        elif not self._is_first_below(marker) and not sequence.is_next(
            last, marker.number, coming, strict=candidate.strict
        ):
            return
        if last is None and self._stands_alone(candidate, marker, coming):
            return
        places.close_capitals(candidate)
        before = len(places.open)
        self._close_for(marker)
        if len(places.open) < before:
            places.close_capitals(candidate)
        places.push(candidate, marker, marker.rank)

    def _stands_alone(self, candidate: Candidate, marker: Marker, coming: Number | None) -> bool:
        """Whether the first number of its kind is a mention: nothing goes on from it."""
        if candidate.inline:
            return not sequence.is_followed(marker.number, coming)
        if marker.style.startswith(clauses.ANNEXED) and marker.number[0] > 1:
            # B.1 stands in Annex B.
            numbers = [entry.marker.number for entry in self._places.chain() if entry.marker]
            return marker.number[:1] not in numbers
        if candidate.title or candidate.whole or coming is not None:
            return False
        if sequence.is_first(marker.number):
            return False
        if _depth_of_prefix(self._places.chain(), marker) is not None:
            return False
        return self._is_amid_text(candidate)

    def _is_amid_text(self, candidate: Candidate) -> bool:
        """Whether it stands neither at the top, as in an excerpt, nor right below a heading."""
        above = self._places.entries[-1] if self._places.entries else None
        if above is not None:
            return above.rank == clauses.FLOATING or not self._places.is_bare(above, candidate)
        return bool(self._places.text[: candidate.start].strip())

    def _is_first_below(self, marker: Marker) -> bool:
        """Whether it is the first clause of the one just opened: 21.1 below 21."""
        top = self._places.top()
        above = top.marker if top else None
        return above is not None and marker.number == (*above.number, 1)

    def _close_for(self, marker: Marker) -> None:
        """Close what ends where this clause begins."""
        places = self._places
        chain = places.chain()
        depth = _depth_of_prefix(chain, marker)
        if depth:
            self._prefixed.add((chain[depth - 1].numbering, marker.style))
        else:
            depth = self._depth_of_stranger(chain, marker)
        if depth is None:
            depth = next((i for i, e in enumerate(chain) if e.numbering == marker.style), None)
        if depth is None:
            places.close_to_rank(marker.rank)
            return
        # What the format declares without a number is not closed by a clause in its text.
        while len(places.open) > depth and places.entries[places.open[-1]].rank != ABOVE_ALL:
            places.open.pop()

    def _depth_of_stranger(self, chain: list[Entry], marker: Marker) -> int | None:
        """Give where a clause is open that cannot hold this one: 2, when 5.1 comes after 2.6.

        It is `2.`, or of a kind whose numbers were seen to go together with this kind's.
        """
        for i, entry in enumerate(chain if self._prefixed else ()):
            if (entry.numbering, marker.style) in self._prefixed:
                if entry.marker is not None and entry.marker.rank >= clauses.ARTICLE:
                    return i
                break
        if marker.style.startswith("decimal"):
            for i, entry in enumerate(chain):
                if entry.rank == clauses.ARTICLE and entry.numbering in clauses.BEFORE_DECIMALS:
                    return i
        return None


def _depth_of_prefix(chain: list[Entry], marker: Marker) -> int | None:
    """Give the depth just below the clause whose number this one goes on: 3 for 3.2."""
    best, depth = 1, None
    most = len(marker.number) - 1
    if not most:
        return None
    for i, entry in enumerate(chain):
        above = entry.marker
        if above is None or not clauses.CHAPTER <= entry.rank < marker.rank:
            continue
        size = len(above.number)
        if best <= size <= most and above.number == marker.number[:size]:
            best, depth = size, i + 1
    return depth

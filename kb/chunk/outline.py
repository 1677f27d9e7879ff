"""Which candidates are headings after all, and which heading stands below which?"""

from __future__ import annotations

from kb.chunk import clauses
from kb.chunk.candidate import Candidate
from kb.chunk.floating import Floating
from kb.chunk.numbered import Numbered
from kb.chunk.places import ABOVE_ALL, Entry, Places
from kb.chunk.sequence import Number

__all__ = ["Entry", "outline"]


def outline(text: str, found: list[Candidate]) -> list[Entry]:
    """Give the headings among the candidates of `text`, each with its place."""
    places = Places(text)
    numbered, floating = Numbered(places), Floating(places)
    after: list[Candidate | None] = [*found[1:], None]
    for candidate, coming, below in zip(found, _coming(found), after, strict=False):
        if candidate.level is not None:
            _add_declared(places, candidate)
        elif not candidate.markers:
            places.close_to_rank(clauses.CAPITALS)
            places.push(candidate, None, clauses.CAPITALS)
        elif candidate.markers[0].floating:
            floating.add(candidate, coming, below)
        else:
            numbered.add(candidate, coming)
    return places.entries


def _coming(found: list[Candidate]) -> list[Number | None]:
    """Give for each candidate the next number of its style."""
    coming: list[Number | None] = []
    ahead: dict[str, Number] = {}
    for candidate in reversed(found):
        marker = candidate.markers[0] if candidate.markers else None
        coming.append(ahead.get(marker.style) if marker else None)
        if marker is not None:
            ahead[marker.style] = marker.number
    coming.reverse()
    return coming


def _add_declared(places: Places, candidate: Candidate) -> None:
    marker = candidate.markers[0] if candidate.markers else None
    if marker is not None and marker.floating:
        rank = clauses.ARTICLE
    else:
        rank = marker.rank if marker else ABOVE_ALL
    while (top := places.top()) and _ends_before(top, candidate, rank):
        places.open.pop()
    places.push(candidate, marker, rank)


def _ends_before(top: Entry, candidate: Candidate, rank: int) -> bool:
    level = top.candidate.level
    if level is not None:
        return level >= (candidate.level or 0) and level > 0
    # A numbered heading may be declared below one that is not: 第三章, then 第十条.
    return not 0 < top.rank < rank

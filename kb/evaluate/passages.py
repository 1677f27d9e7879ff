"""Measures of a ranking of passages against labelled places.

A hit finds a labelled place when it comes from the same document and shares at least one character
with it; by the stricter rule, when it holds half of the place or lies half within it. A hit that
names copies of itself stands in their places, too.

- recall@k: the share of a question's places that the first k hits find.
- mrr@10: 1 / rank of the first hit that finds one, among ten.
- ndcg@10: a hit gains 1 when it finds a place that no hit above it found. The best possible
  ranking has those hits first; a place that comes up together with another asks for no hit of its
  own, and one that is never found does.
- read: characters of hits from the first one to the end of the first that finds a place; infinite
  where none does.
- page@k, clause@k: the share of the places whose page, or whose clause's name among the headings,
  one of the first k hits of the same document cites.
- page_right, clause_right: of the places that the first ten hits find, the share for which the
  first hit that finds them cites the right page, or clause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

from kb.evaluate.documents import discounted, reciprocal_rank

_DEPTHS: Final = (1, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A labelled place in the stored text of a document; `span` is None where it is not there."""

    document: str
    span: tuple[int, int] | None
    #: False where the label names a page or a clause and no passage.
    labelled: bool = True
    #: None also where the document has no pages to cite.
    page: int | None = None
    clause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A hit: which characters of which document, and what it cites."""

    document: str | None
    start: int
    end: int
    pages: tuple[int, int] | None = None
    section: tuple[str, ...] = ()
    #: The other places where the same is said, as the hit names them.
    also: tuple[Answer, ...] = ()


_Rule: TypeAlias = Callable[[Answer, Place], bool]


def passage_measures(answers: Sequence[Answer], places: Sequence[Place]) -> dict[str, float | None]:
    """Give the measures of one question by name; None where there is nothing to measure.

    `answers` are the hits, best first; `places` is not empty.
    """
    labelled = [each for each in places if each.labelled]
    return {
        **_found(answers, labelled),
        **_cited(answers, [each for each in places if each.page is not None], "page", has_page),
        **_cited(
            answers, [each for each in places if each.clause is not None], "clause", has_clause
        ),
    }


def _found(answers: Sequence[Answer], places: Sequence[Place]) -> dict[str, float | None]:
    if not places:
        return {}
    first = [_first(answers, place, overlaps) for place in places]
    half = [_first(answers, place, shares_half) for place in places]
    return {
        **{f"recall@{depth}": _share(first, depth) for depth in _DEPTHS},
        "mrr@10": reciprocal_rank(rank in first for rank in range(1, 11)),
        "ndcg@10": _ndcg(first),
        **{f"half_recall@{depth}": _share(half, depth) for depth in _DEPTHS},
        "read": _read(answers, first),
    }


def fits(answer: Answer, place: Place, rule: _Rule) -> bool:
    """Tell whether a rule holds for a hit, or for a copy that it names."""
    return any(rule(each, place) for each in (answer, *answer.also))


def overlaps(answer: Answer, place: Place) -> bool:
    """Tell whether a hit shares a character with the labelled place."""
    return _shared(answer, place) > 0


def shares_half(answer: Answer, place: Place) -> bool:
    """Tell whether a hit holds half of the labelled place, or lies half within it."""
    shared = _shared(answer, place)
    if shared <= 0 or place.span is None:
        return False
    return 2 * shared >= min(answer.end - answer.start, place.span[1] - place.span[0])


def has_page(answer: Answer, place: Place) -> bool:
    """Tell whether a hit cites the labelled page of the same document."""
    if answer.document != place.document or answer.pages is None or place.page is None:
        return False
    return answer.pages[0] <= place.page <= answer.pages[1]


def has_clause(answer: Answer, place: Place) -> bool:
    """Tell whether the labelled clause stands among a hit's headings, in the same document.

    A heading may go on after the clause's name: "第3.2条 退款".
    """
    if answer.document != place.document or place.clause is None:
        return False
    name = " ".join(place.clause.split())
    headings = [" ".join(each.split()) for each in answer.section]
    return any(each == name or each.startswith(f"{name} ") for each in headings)


def _shared(answer: Answer, place: Place) -> int:
    if place.span is None or answer.document != place.document:
        return 0
    return min(answer.end, place.span[1]) - max(answer.start, place.span[0])


def _first(answers: Sequence[Answer], place: Place, rule: _Rule) -> int | None:
    """Give the rank of the first hit that fits, or None."""
    return next((n for n, each in enumerate(answers, start=1) if fits(each, place, rule)), None)


def _share(ranks: Sequence[int | None], depth: int) -> float:
    return sum(rank is not None and rank <= depth for rank in ranks) / len(ranks)


def _ndcg(first: Sequence[int | None]) -> float:
    fresh = {rank for rank in first if rank is not None}
    wanted = len(fresh) + sum(rank is None for rank in first)
    return discounted(rank in fresh for rank in range(1, 11)) / discounted([1] * min(wanted, 10))


def _read(answers: Sequence[Answer], first: Sequence[int | None]) -> float:
    ranks = [rank for rank in first if rank is not None]
    if not ranks:
        return inf
    return float(sum(each.end - each.start for each in answers[: min(ranks)]))


def _cited(
    answers: Sequence[Answer], places: Sequence[Place], name: str, rule: _Rule
) -> dict[str, float | None]:
    names = [*(f"{name}@{depth}" for depth in _DEPTHS), f"{name}_right"]
    if not places:
        return dict.fromkeys(names)
    ranks = [_first(answers, place, rule) for place in places]
    found = [(rank, each) for each in places if (rank := _first(answers[:10], each, overlaps))]
    right = [fits(answers[rank - 1], place, rule) for rank, place in found]
    values = [
        *(_share(ranks, depth) for depth in _DEPTHS),
        sum(right) / len(right) if right else None,
    ]
    return dict(zip(names, values, strict=True))

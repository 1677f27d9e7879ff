"""Ranked passages for one question, from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kb.model import Filter, Hit
from kb.search.answers import gathered, hit, plain
from kb.search.fuse import Scored, fuse, scale_by_best
from kb.search.rescore import Rescore, rescored
from kb.store import Snapshot

if TYPE_CHECKING:
    from kb.model import Vector

__all__ = ["DEPTH", "Question", "Ranked", "both", "by_words", "rank"]

#: How many candidates each side brings to the fusion, at least.
DEPTH: Final = 200
#: Where copies leave a page short, so many times as many are looked at, again and again up to here.
_DEEPER: Final = 4
_DEEPEST: Final = 12_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, in words and, where a model knows them, as a vector."""

    text: str
    vector: Vector | None
    mode: str
    top_k: int
    dense_weight: float
    within: Filter
    #: Whether passages that say the same, and neighbours in a section, become one answer.
    collapse: bool = True
    #: The words of a Chinese question in English, to be looked for as well.
    english: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Up to `top_k` hits, best first, and how many candidates each side was asked for."""

    hits: list[Hit]
    depth: int


def rank(snapshot: Snapshot, question: Question, *, rescore: Rescore | None = None) -> Ranked:
    """Give the hits of a question; `rescore` orders the first of all candidates anew."""
    depth = max(DEPTH, question.top_k)
    found = gathered if question.collapse else plain
    while True:
        scored = _score(snapshot, question, depth)
        more = depth <= len(scored) and depth < _DEEPEST
        if rescore is not None:
            scored = rescored(snapshot, scored, rescore)
        groups = found(snapshot, scored, top_k=question.top_k)
        if len(groups) >= question.top_k or not more:
            hits = [hit(snapshot, group, at + 1) for at, group in enumerate(groups)]
            return Ranked(hits=hits, depth=depth)
        depth *= _DEEPER


def _score(snapshot: Snapshot, question: Question, depth: int) -> Sequence[Scored]:
    if question.vector is None or question.mode == "lexical":
        if question.mode == "dense":
            return []
        return _one_sided(by_words(snapshot, question, depth))
    if question.mode == "dense":
        return [
            Scored(chunk_id=chunk_id, score=score, dense=score, lexical=None)
            for chunk_id, score in snapshot.nearest(
                question.vector, top_k=depth, within=question.within
            )
        ]
    lexical, dense = both(snapshot, question, question.vector, depth)
    return fuse(lexical, dense, dense_weight=question.dense_weight)


def both(
    snapshot: Snapshot, question: Question, vector: Vector, depth: int
) -> tuple[dict[int, float], dict[int, float]]:
    """Give the BM25 scores and the cosines, by chunk id, that a hybrid search joins.

    `depth` is how many candidates each side brings.
    """
    lexical = by_words(snapshot, question, depth)
    dense = dict(snapshot.nearest(vector, top_k=depth, within=question.within))
    unmeasured = [chunk_id for chunk_id in lexical if chunk_id not in dense]
    return lexical, dense | dict(snapshot.similarities(vector, unmeasured))


def by_words(snapshot: Snapshot, question: Question, depth: int) -> dict[int, float]:
    """Give the scores of the passages that hold words of the question, by chunk id, best first."""
    found = dict(snapshot.match(question.text, top_k=depth, within=question.within))
    if not question.english:
        return found
    from kb.search.glosses import joined

    english = snapshot.match(question.english, top_k=depth, within=question.within)
    return joined(found, dict(english))


def _one_sided(lexical: dict[int, float]) -> list[Scored]:
    return [
        Scored(chunk_id=chunk_id, score=score, dense=None, lexical=score)
        for chunk_id, score in scale_by_best(lexical).items()
    ]

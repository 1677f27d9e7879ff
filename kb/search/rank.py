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

__all__ = ["DEPTH", "Question", "both", "by_words", "rank"]

#: How many candidates each side brings to the fusion, at least.
DEPTH: Final = 200


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


def rank(snapshot: Snapshot, question: Question, *, rescore: Rescore | None = None) -> list[Hit]:
    """Give up to `top_k` hits, best first; `rescore` orders the first of all candidates anew."""
    scored = _score(snapshot, question)
    if rescore is not None:
        scored = rescored(snapshot, scored, rescore)
    found = gathered if question.collapse else plain
    groups = found(snapshot, scored, top_k=question.top_k)
    return [hit(snapshot, group, at + 1) for at, group in enumerate(groups)]


def _score(snapshot: Snapshot, question: Question) -> Sequence[Scored]:
    depth = max(DEPTH, question.top_k)
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
    lexical, dense = both(snapshot, question, question.vector)
    return fuse(lexical, dense, dense_weight=question.dense_weight)


def both(
    snapshot: Snapshot, question: Question, vector: Vector
) -> tuple[dict[int, float], dict[int, float]]:
    """Give the BM25 scores and the cosines, by chunk id, that a hybrid search joins."""
    depth = max(DEPTH, question.top_k)
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

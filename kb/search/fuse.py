"""Joining what the words find with what the vectors find, by scaled score.

Rank fusion with equal weights loses against BM25 alone where the dense model is the weaker one,
so scores are scaled to 0..1 and weighted, and the dense weight belongs to the embedding profile
(Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A chunk with its joined score and the parts of it, each 0 to 1; None where not measured."""

    chunk_id: int
    score: float
    dense: float | None
    lexical: float | None
    #: What a reranker gave it, on a scale of its own; it is the score then.
    rerank: float | None = None


def fuse(
    lexical: Mapping[int, float], dense: Mapping[int, float], *, dense_weight: float
) -> list[Scored]:
    """Join BM25 scores and cosines by chunk id; best first, ties by id.

    `dense` should hold the cosine of every chunk in `lexical` that has a vector, too.

    >>> [each.chunk_id for each in fuse({1: 8.0, 2: 4.0}, {2: 0.9, 3: 0.5}, dense_weight=0.2)]
    [1, 2, 3]
    """
    words = scale_by_best(lexical)
    meaning = scale_by_range(dense)
    joined = [
        Scored(
            chunk_id=chunk_id,
            score=(1 - dense_weight) * words.get(chunk_id, 0.0)
            + dense_weight * meaning.get(chunk_id, 0.0),
            dense=dense.get(chunk_id),
            lexical=words.get(chunk_id),
        )
        for chunk_id in words.keys() | meaning.keys()
    ]
    return sorted(joined, key=lambda each: (-each.score, each.chunk_id))


def scale_by_best(scores: Mapping[int, float]) -> dict[int, float]:
    """Divide by the best, since BM25 has a meaningful zero: no word in common."""
    best = max(scores.values(), default=0.0)
    return {key: score / best for key, score in scores.items()} if best > 0 else {}


def scale_by_range(scores: Mapping[int, float]) -> dict[int, float]:
    """Stretch to 0..1, since cosines of one model often lie in a narrow band."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high == low:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}

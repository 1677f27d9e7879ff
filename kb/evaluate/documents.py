"""Measures of a ranking of documents, as trec_eval and its bindings define them.

Relevance may have grades; a document is relevant when its grade is above 0, and nDCG takes the
grade itself as the gain. A question without a relevant document gets 0 throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log2
from typing import Final

#: The measures of documents, in the order in which they are shown.
DOCUMENT_MEASURES: Final = ("ndcg@10", "recall@1", "recall@5", "recall@10", "recall@100", "mrr@10")


def document_measures(ranking: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Give nDCG@10, recall@1/5/10/100 and the reciprocal rank within ten; each 0 to 1.

    `ranking` holds each document once, best first.

    >>> document_measures(["b", "a"], {"a": 1})["mrr@10"]
    0.5
    """
    found = {f"recall@{depth}": recall(ranking, relevant, depth) for depth in (1, 5, 10, 100)}
    return {
        "ndcg@10": ndcg(ranking, relevant, 10),
        **found,
        "mrr@10": reciprocal_rank([relevant.get(each, 0) > 0 for each in ranking[:10]]),
    }


def recall(ranking: Sequence[str], relevant: Mapping[str, int], depth: int) -> float:
    """Give the share of the relevant documents that stand among the first `depth`."""
    right = {each for each, grade in relevant.items() if grade > 0}
    return len(right.intersection(ranking[:depth])) / len(right) if right else 0.0


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int], depth: int) -> float:
    """Give the discounted gain of the first `depth`, as a share of the best that there could be."""
    grades = sorted((grade for grade in relevant.values() if grade > 0), reverse=True)
    best = discounted(grades[:depth])
    gains = [max(relevant.get(each, 0), 0) for each in ranking[:depth]]
    return discounted(gains) / best if best else 0.0


def discounted(gains: Iterable[float]) -> float:
    """Give the sum of gains in the order of their ranks, each divided by log2(rank + 1).

    >>> discounted([1, 0, 1])
    1.5
    """
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def reciprocal_rank(right: Iterable[bool]) -> float:
    """Give 1 / rank of the first that is right, or 0."""
    return next((1 / rank for rank, each in enumerate(right, start=1) if each), 0.0)


def means(rows: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Give the mean of each measure over the rows that have a value for it; None where none has.

    >>> means([{"a": 1.0, "b": None}, {"a": 0.0, "b": None}])
    {'a': 0.5, 'b': None}
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    kept = {name: [v for row in rows if (v := row.get(name)) is not None] for name in names}
    return {name: sum(some) / len(some) if some else None for name, some in kept.items()}

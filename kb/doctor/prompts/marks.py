"""How well questions find their passages, and whether one way is better by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from kb.pipeline.marks import Comparison
from kb.pipeline.marks import compare as compare_ranks

if TYPE_CHECKING:
    from kb.model import Matrix, Vector

#: Ranks beyond this count nothing.
_DEPTH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """The reciprocal rank of each question's best answer, shape (n,); 0 below rank ten."""

    each: Vector

    @property
    def mrr(self) -> float:
        """The mean reciprocal rank among the first ten, 0 to 1."""
        return float(self.each.mean())

    @property
    def first(self) -> float:
        """The share of questions whose answer comes first, 0 to 1."""
        return float((self.each == 1).mean())


def marks_of(scores: Matrix, answers: Sequence[frozenset[int]]) -> Marks:
    """Give the marks for `scores`, shape (questions, passages); ties count against the answer."""
    each = np.zeros(len(answers), np.float32)
    for place, right in enumerate(answers):
        row = scores[place]
        best = row[sorted(right)].max()
        wrong = np.ones(len(row), bool)
        wrong[sorted(right)] = False
        rank = 1 + int((row[wrong] >= best).sum())
        each[place] = 1 / rank if rank <= _DEPTH else 0.0
    return Marks(each=each)


def compare(mine: Marks, other: Marks, *, among: int = 1) -> Comparison:
    """Compare two on the same questions by a paired bootstrap.

    `among` is how many others there were to choose the best from: the more, the more is chance.
    """
    return compare_ranks(mine.each, other.each, among=among)

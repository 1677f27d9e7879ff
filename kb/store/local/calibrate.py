"""Building a compact segment: the least work that still finds the true nearest, by measurement.

The questions are made of the segment's own vectors and are none of them. A real question lies
about as far from its passage as two passages of different documents from each other, and in a
direction of its own. So each question is half a vector taken at random, and for the rest a sum of
many others with changing signs, which spreads as all of them do. Measured against questions from
outside, these were found to be as hard or harder; vectors that are only left out, or blurred by
noise of all directions, are much too easy (`benchmarks/store.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kb.store.local import indexes, ladder
from kb.store.local.ladder import LEADING, Shape
from kb.store.local.rotation import main_directions
from kb.store.local.vectors import Ids

if TYPE_CHECKING:
    from kb.model import Matrix

#: What must be found of the true nearest, and what is aimed at: a sample has its chances.
GOAL: Final = 0.99
_AIM: Final = 0.995
#: Of how many nearest the share is counted.
NEAREST: Final = 10

_QUESTIONS: Final = 128
_SAMPLE: Final = 4096
_NEAR: Final = 0.5
_OTHERS: Final = 32
#: True neighbours that are remembered, so that equal ones may stand for each other.
_KEPT: Final = 40
_NOISE: Final = 1e-5
#: A space is tried where a sample of 4,096 gives so much of its nearest among so many.
_PROMISING: Final = 0.9
_AMONG: Final = 40

Blocks = Iterator[tuple[Ids, NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The vectors that a segment is to hold, read anew each time they are asked for."""

    dimensions: int
    #: All ids, ascending.
    ids: Ids
    blocks: Callable[[], Blocks]
    some: Callable[[Sequence[int]], Blocks]

    def sample(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Give up to `count` of the vectors, spread over all of them, in blocks."""
        random = np.random.default_rng(len(self.ids))
        count = min(count, len(self.ids))
        chosen = np.sort(random.choice(self.ids, count, replace=False))
        for _, matrix in self.some(chosen.tolist()):
            yield matrix


class Truth:
    """The true nearest of some questions, gathered block by block."""

    def __init__(self, questions: Matrix) -> None:
        self.questions = questions
        self._scores = np.full((len(questions), 0), -np.inf, np.float32)
        self._ids = np.empty((len(questions), 0), np.int64)

    def take(self, ids: Ids, matrix: NDArray[np.float32]) -> None:
        """Look at more vectors."""
        # This way round it is one fast product; the other was measured to take seven times as long.
        scores = np.ascontiguousarray((matrix @ self.questions.T).T)
        if self._scores.shape[1] == _KEPT:
            # Few of the later ones come near any question.
            near = (scores > self._scores.min(axis=1, keepdims=True)).any(axis=0)
            scores, ids = scores[:, near], ids[near]
        known = np.broadcast_to(ids, scores.shape)
        scores = np.concatenate([self._scores, scores], axis=1)
        known = np.concatenate([self._ids, known], axis=1)
        kept = min(_KEPT, scores.shape[1])
        best = np.argpartition(scores, -kept, axis=1)[:, -kept:]
        self._scores = np.take_along_axis(scores, best, axis=1)
        self._ids = np.take_along_axis(known, best, axis=1)

    def recall(self, found: NDArray[np.int64]) -> float:
        """Give which part of the true ten nearest is among `found`, shape (questions, any).

        Vectors as near as the tenth stand for one another.
        """
        counted = [
            _found(set(row.tolist()), scores, ids)
            for row, scores, ids in zip(found, self._scores, self._ids, strict=True)
        ]
        wanted = min(NEAREST, self._scores.shape[1])
        return sum(counted) / (len(counted) * wanted)


def _found(found: set[int], scores: NDArray[np.float32], ids: NDArray[np.int64]) -> int:
    wanted = min(NEAREST, len(scores))
    tenth = np.sort(scores)[-wanted]
    nearest = ids[scores >= tenth - _NOISE].tolist()
    return min(len(found.intersection(nearest)), wanted)


def build(rows: Rows) -> tuple[Any, Shape]:
    """Give a compact index of the vectors, and its shape with the recall that was measured.

    The narrowest space is taken that reaches the goal. The last, all dimensions, is taken as it
    is, with the most candidates.
    """
    sample = np.concatenate([*rows.sample(_SAMPLE)])
    truth = Truth(questions(sample))
    begun: Truth | None = truth
    *narrow, last = ladder.spaces(rows.dimensions)
    for kind, width in narrow:
        directions = None if kind == LEADING else main_directions(sample, width)
        if not _is_promising(sample, truth.questions, width, directions):
            continue
        shape = Shape(kind=kind, width=width)
        index, shape = _built(rows, shape, directions, truth, watch=begun)
        begun = None
        if shape.recall >= GOAL:
            return index, shape
    return _built(rows, Shape(kind=last[0], width=last[1]), None, truth, watch=begun)


def measure(index: Any, rows: Rows, shape: Shape) -> float:  # noqa: ANN401 - of faiss
    """Give the recall of a compact index that is searched as `shape` says, by reading all of it.

    The questions are those of `build`, so the figure is that of `build`, but for other processors'
    rounding.
    """
    truth = Truth(questions(np.concatenate([*rows.sample(_SAMPLE)])))
    for ids, matrix in rows.blocks():
        truth.take(ids, matrix)
    found = indexes.search_all(
        index, truth.questions, count=ladder.CANDIDATES[-1], probes=shape.probes
    )
    return round(truth.recall(found[:, : shape.candidates]), 4)


def questions(sample: Matrix) -> Matrix:
    """Give questions, shape (up to 128, dimensions), that lie as those of people do."""
    count = min(_QUESTIONS, len(sample))
    random = np.random.default_rng(len(sample))
    weights = np.zeros((count, len(sample)), np.float32)
    signs = np.resize(np.array([1, -1], np.float32), min(_OTHERS, len(sample)))
    for row in weights:
        row[random.choice(len(sample), len(signs), replace=False)] = signs
    near = sample[random.choice(len(sample), count, replace=False)]
    pushed = _NEAR * near + np.sqrt(1 - _NEAR**2) * _unit(weights @ sample)
    return np.ascontiguousarray(_unit(pushed), np.float32)


def _built(
    rows: Rows, shape: Shape, directions: Matrix | None, truth: Truth, *, watch: Truth | None
) -> tuple[Any, Shape]:
    """Fill an index of this space; `watch` looks at the vectors as they pass."""
    lists = ladder.lists_for(len(rows.ids), shape.width)
    wanted = max(_SAMPLE, indexes.SAMPLE_PER_LIST * lists)
    parts = [_reduced(part, shape.width, directions) for part in rows.sample(wanted)]
    growing = indexes.compact(
        np.concatenate(parts), dimensions=rows.dimensions, directions=directions, lists=lists
    )
    for ids, matrix in rows.blocks():
        growing.add(_reduced(matrix, shape.width, directions), ids)
        if watch is not None:
            watch.take(ids, matrix)
    index = growing.whole()
    return index, _tuned(index, replace(shape, lists=lists), truth)


def _tuned(index: Any, shape: Shape, truth: Truth) -> Shape:  # noqa: ANN401 - of faiss
    """Give the shape with the least work that reaches what is aimed at, or else the most."""
    best = shape
    for probes in _probes(shape.lists):
        found = indexes.search_all(
            index, truth.questions, count=ladder.CANDIDATES[-1], probes=probes
        )
        for candidates in ladder.CANDIDATES:
            recall = round(truth.recall(found[:, :candidates]), 4)
            best = replace(shape, probes=probes, candidates=candidates, recall=recall)
            if recall >= _AIM:
                return best
    return best


def _probes(lists: int) -> Iterator[int]:
    """Give how many lists to try, each time twice as many; 0 where there are none."""
    probes = 8
    while probes < lists:
        yield probes
        probes *= 2
    yield lists


def _is_promising(sample: Matrix, asked: Matrix, width: int, directions: Matrix | None) -> bool:
    """Tell, from the sample alone, whether a space may do."""
    truth = Truth(asked)
    truth.take(np.arange(len(sample)), sample)
    scores = _reduced(asked, width, directions) @ _reduced(sample, width, directions).T
    among = min(_AMONG, len(sample))
    return truth.recall(np.argpartition(-scores, among - 1, axis=1)[:, :among]) >= _PROMISING


def _reduced(matrix: Matrix, width: int, directions: Matrix | None) -> Matrix:
    reduced = matrix[:, :width] if directions is None else matrix @ directions.T
    return np.ascontiguousarray(reduced, np.float32)


def _unit(matrix: Matrix) -> Matrix:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, 1e-30), np.float32)

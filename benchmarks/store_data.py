"""Made vectors that lie as those of real models do, for measuring an index without a model.

A mixture of three layers (subject, document, passage) around a shared mean, with a spectrum that
falls as that of embedding models does. With Matryoshka structure the energy stands in the leading
dimensions; without it the same vectors are turned, so that no dimension says more than another.
Questions lie outside the passages' distribution: their best answer has a cosine of about 0.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Share of the dimensions up to which a band reaches, and the share of the energy in it.
_BANDS: Final = (
    (0.025, 0.29),
    (0.05, 0.22),
    (0.1, 0.18),
    (0.2, 0.12),
    (0.4, 0.07),
    (1.0, 0.12),
)
_SUBJECTS: Final = 256
_PASSAGES: Final = 20
#: Weight of the mean, the subject, the document and the passage itself in a vector.
_LAYERS: Final = (0.49, 0.45, 0.55, 0.50)
#: How much of a question is its passage; the rest is its own.
_NEAR: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Vectors (count, dimensions) that can be made block by block, the same every time."""

    count: int
    dimensions: int
    matryoshka: bool
    seed: int = 1

    def block(self, start: int, size: int) -> Floats:
        """Give `size` vectors of unit length from the `start`-th; both multiples of 1,000."""
        parts = [self._thousand(at) for at in range(start, min(start + size, self.count), 1000)]
        return np.concatenate(parts)[: self.count - start]

    def blocks(self, size: int) -> Iterator[tuple[int, Floats]]:
        """Give the number of the first vector and the vectors, block after block."""
        for start in range(0, self.count, size):
            yield start, self.block(start, size)

    def questions(self, count: int) -> Floats:
        """Give questions (count, dimensions), each near one passage that is in the cloud."""
        random = np.random.default_rng([self.seed, 7])
        chosen = random.integers(0, self.count, count)
        near = np.stack([self._thousand(at - at % 1000)[at % 1000] for at in chosen.tolist()])
        own = _unit(self._turned(self._shaped(random, count)))
        return _unit(_NEAR * near + np.sqrt(1 - _NEAR**2) * own)

    def _thousand(self, start: int) -> Floats:
        random = np.random.default_rng([self.seed, 11, start])
        fixed = np.random.default_rng([self.seed, 13])
        mean = _unit(self._shaped(fixed, 1))
        subjects = _unit(self._shaped(fixed, _SUBJECTS))
        documents = _unit(self._shaped(random, 1000 // _PASSAGES))
        of_document = random.integers(0, _SUBJECTS, len(documents))
        own = _unit(self._shaped(random, 1000))
        a, b, c, d = _LAYERS
        above = a * mean + b * subjects[of_document] + c * documents
        return _unit(self._turned(np.repeat(above, _PASSAGES, axis=0) + d * own))

    def _shaped(self, random: np.random.Generator, count: int) -> Floats:
        """Give Gaussian vectors whose energy falls as `_BANDS` says."""
        made = random.standard_normal((count, self.dimensions), dtype=np.float32)
        scale = np.empty(self.dimensions, np.float32)
        low = 0
        for reach, energy in _BANDS:
            high = round(reach * self.dimensions)
            scale[low:high] = np.sqrt(energy / (high - low))
            low = high
        return made * scale

    def _turned(self, vectors: Floats) -> Floats:
        """Give the vectors in coordinates of which none says more than another, where wanted."""
        if self.matryoshka:
            return vectors
        random = np.random.default_rng([self.seed, 17])
        side = 128
        order = random.permutation(self.dimensions)
        turn = np.linalg.qr(random.standard_normal((side, side)))[0].astype(np.float32)
        shuffled = vectors[:, order].reshape(len(vectors), -1, side)
        return (shuffled @ turn).reshape(len(vectors), self.dimensions)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

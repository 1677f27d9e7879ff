"""How well questions find their answers, and whether one way is better by more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kb.model import Vector

_DRAWS: Final = 4000
#: How often a difference that is only chance may be taken for a real one.
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much the other is better (below 0: worse), and how much is within chance."""

    difference: float
    #: Half the width of the interval in which the difference lies.
    noise: float
    #: The interval does not hold zero.
    clear: bool


def compare(mine: Vector, other: Vector, *, among: int = 1) -> Comparison:
    """Compare the reciprocal ranks of two on the same questions, shape (n,), by a paired bootstrap.

    `among` is how many others there were to choose the best from: the more, the more is chance.
    """
    import numpy as np

    gaps = np.asarray(other, np.float64) - np.asarray(mine, np.float64)
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, len(gaps), size=(_DRAWS, len(gaps)))
    means = gaps[drawn].mean(axis=1)
    tail = 50 * _LEVEL / max(among, 1)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Comparison(
        difference=float(gaps.mean()),
        noise=float(high - low) / 2,
        clear=bool(low > 0 or high < 0),
    )

"""How well questions find their answers, and whether one way is better by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.model import Vector

_DRAWS: Final = 4000
#: How often a difference that is only chance may be taken for a real one.
_LEVEL: Final = 0.05
#: Draws of the randomisation test, and how many of them are made at once.
_SWAPS: Final = 10_000
_AT_ONCE: Final = 500
#: Differences of sums below this are rounding.
_EQUAL: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much the other is better (below 0: worse), and how much is within chance."""

    difference: float
    #: Half the width of the interval in which the difference lies.
    noise: float
    #: The interval does not hold zero.
    clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The marks of two on the same questions, and how likely chance alone makes them differ so."""

    questions: int
    mine: float
    other: float
    #: Questions on which the other is better, worse, and the same.
    wins: int
    losses: int
    ties: int
    #: How often two ways that are equally good would differ at least as much.
    p_value: float

    @property
    def difference(self) -> float:
        """How much the other is better; below 0: worse."""
        return self.other - self.mine

    @property
    def clear(self) -> bool:
        """Whether that is more than chance."""
        return self.p_value < _LEVEL


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


def pair(mine: Sequence[float], other: Sequence[float]) -> Paired:
    """Compare the marks of two on the same questions, in the same order, by a randomisation test.

    If both were equally good, it would be chance which of them got which of the two marks of a
    question; the p-value is the share of such swaps that make a difference as large as the one
    seen, two-sided, the one seen counted in (Smucker, Allan and Carterette, CIKM 2007). The same
    marks give the same value each time.
    """
    import numpy as np

    first, second = np.asarray(mine, np.float64), np.asarray(other, np.float64)
    gaps = second - first
    return Paired(
        questions=len(gaps),
        mine=float(first.mean()),
        other=float(second.mean()),
        wins=int((gaps > _EQUAL).sum()),
        losses=int((gaps < -_EQUAL).sum()),
        ties=int((abs(gaps) <= _EQUAL).sum()),
        p_value=_by_chance(gaps[abs(gaps) > _EQUAL]),
    )


def _by_chance(gaps: NDArray[np.float64]) -> float:
    """Give the p-value; of few questions every swap is tried, of many as many as tell enough."""
    import numpy as np

    if not gaps.size:
        return 1.0
    seen = abs(float(gaps.sum())) - _EQUAL
    if 2 ** len(gaps) <= _SWAPS:
        signs = 1 - 2 * ((np.arange(2 ** len(gaps))[:, None] >> np.arange(len(gaps))) & 1)
        return float((abs(signs @ gaps) >= seen).mean())
    as_large, generator = 0, np.random.default_rng(0)
    for _ in range(_SWAPS // _AT_ONCE):
        signs = 1 - 2 * generator.integers(0, 2, size=(_AT_ONCE, len(gaps)), dtype=np.int8)
        as_large += int((abs(signs @ gaps) >= seen).sum())
    return (as_large + 1) / (_SWAPS + 1)

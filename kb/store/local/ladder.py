"""Which kind of index a segment has: exact while that is fast enough, compact above.

A compact segment holds each vector in fewer dimensions, one byte each. It chooses candidates, and
those are scored exactly from SQLite. How many dimensions, how many candidates, and in a large one
how many of its lists are looked through, is found for each segment by measuring (`calibrate.py`).

Where the steps lie was measured in ratios to the start of a process that imports click, sqlite3
and faiss, which is what a search cannot do without (`python -m benchmarks.store`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: Up to this size, in bytes of float16, a segment is exact: to read and scan so much costs about
#: a tenth of starting the process.
EXACT: Final = 16 << 20
#: Up to this size, in bytes, a compact segment is scanned whole; a larger one is cut into lists,
#: which are mapped and read only where a search looks.
SCANNED: Final = 64 << 20
#: No segment is made larger than this, for it is held in memory while it is built, in bytes.
LARGEST: Final = 512 << 20
#: The reduced spaces that are tried, narrowest first, before all dimensions are kept.
WIDTHS: Final = (256, 512, 1024)
#: How many candidates may be scored exactly; the first that is enough is taken.
CANDIDATES: Final = (100, 200, 400)

#: More than any kb ever asked for: so many would have a search read them all.
MOST_CANDIDATES: Final = 1 << 14

EXACT_KIND: Final = "exact"
LEADING: Final = "leading"
ROTATED: Final = "rotated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one segment is built and searched, and how well that was measured to do."""

    #: "exact"; "leading": the first `width` dimensions; "rotated": the `width` main ones.
    kind: str
    width: int
    #: How many lists the vectors are sorted into, 0 for none, and how many are looked through.
    lists: int = 0
    probes: int = 0
    #: How many candidates are scored exactly, at least; 0 where the index itself is exact.
    candidates: int = 0
    #: Which part of the true ten nearest was found when it was built.
    recall: float = 1.0

    def is_possible(self, dimensions: int) -> bool:
        """Tell whether an index of vectors of so many dimensions can be built and searched so."""
        numbers = self.width, self.lists, self.probes, self.candidates
        if not whole_numbers(*numbers):
            return False
        if self.kind == EXACT_KIND:
            # An early kb did not write down the width.
            return self.width in {0, dimensions} and numbers[1:] == (0, 0, 0)
        if self.kind not in {LEADING, ROTATED} or not 0 < self.width <= dimensions:
            return False
        looked_through = 0 < self.probes <= self.lists or (self.probes, self.lists) == (0, 0)
        return looked_through and 0 < self.candidates <= MOST_CANDIDATES

    @property
    def is_exact(self) -> bool:
        """Whether its order is that of the stored vectors."""
        return self.kind == EXACT_KIND


def whole_numbers(*values: object) -> bool:
    """Tell whether these are what they are declared to be; SQLite gives whatever stands there."""
    return all(isinstance(value, int) for value in values)


def exact_shape(dimensions: int) -> Shape:
    """Give the shape of an exact segment."""
    return Shape(kind=EXACT_KIND, width=dimensions)


def is_small(count: int, dimensions: int) -> bool:
    """Tell whether so many vectors are searched exactly."""
    return 2 * count * dimensions <= EXACT


def is_widest(shape: Shape, dimensions: int) -> bool:
    """Tell whether nothing more can be tried: all dimensions, all lists, the most candidates."""
    return (shape.width, shape.probes, shape.candidates) == (
        dimensions,
        shape.lists,
        CANDIDATES[-1],
    )


def most(dimensions: int) -> int:
    """Give how many vectors one segment may hold."""
    return LARGEST // min(dimensions, WIDTHS[0])


def lists_for(count: int, width: int) -> int:
    """Give into how many lists so many vectors are sorted, 0 where they are scanned whole."""
    return 2 * math.isqrt(count) if count * width > SCANNED else 0


def spaces(dimensions: int) -> Iterator[tuple[str, int]]:
    """Give kind and width of the reduced spaces, cheapest first; the last is no reduction.

    >>> list(spaces(384))
    [('leading', 256), ('rotated', 256), ('leading', 384)]
    """
    for width in WIDTHS:
        if width < dimensions:
            yield LEADING, width
            yield ROTATED, width
    yield LEADING, dimensions

"""Does every segment find what it should? The figure that is stored, and the same measured again.

A compact segment keeps the part of the true nearest that it found when it was built, and how it is
to be searched. Both stand in the manifest, which no seal covers; so the questions of that time are
asked again, as far as the time allows, and have to give the same.
"""

from __future__ import annotations

from typing import Any, Final

from kb.model import Profile
from kb.store import Finding
from kb.store.local import ladder
from kb.store.local.ladder import Shape
from kb.store.local.segments import Segment
from kb.store.local.tiers import rows_of
from kb.store.local.verify_check import REPAIR, Check, Scene, counted

#: So many numbers are read for it at most, some seconds' work; what exceeds it is not measured.
_AFFORD: Final = 10**9
#: Processors round in different ways, so that equal neighbours change places.
_ROUNDING: Final = 0.005
_IN_VAIN: Final = (
    "Building it again cannot help, for all dimensions are kept and the most candidates are "
    "scored: these vectors lie too close together. A hybrid search finds by words what it misses."
)


class Recall:
    """The check `index.recall`, segment by segment."""

    def __init__(self) -> None:
        self._check = Check("index.recall")
        self._left = _AFFORD
        self._compact = 0
        self._measured = 0
        self._vain = 0
        self._least = 1.0

    def look(
        self,
        scene: Scene,
        segment: Segment,
        index: Any | None,  # noqa: ANN401 - of faiss
        of: tuple[int, Profile],
    ) -> None:
        """Look at one segment; without an index, at what the manifest says of it only."""
        said, vain = self._said(segment, of[1].dimensions), False
        if not said and not segment.shape.is_exact:
            self._compact += 1
            found = self._again(scene, segment, index, of)
            said, vain = _judged(segment.shape, found, of[1].dimensions)
            self._least = min(self._least, segment.shape.recall)
        if not said:
            return
        self._check.fail(f"{segment.sha256[:12]}... {said}")
        self._vain += vain
        if not vain:
            scene.damage.segments.add(segment.path(scene.shelf.folder))

    def finding(self) -> Finding:
        """Give the result."""
        told = "No segment is compact, so each search is exact."
        if self._compact:
            told = (
                f"{counted(self._compact, 'compact segment')}: at least {self._least:.1%} of the "
                f"nearest found; {self._measured:,} measured again."
            )
        return self._check.finding(
            told,
            "Segments do not find what they should",
            hint=_IN_VAIN if self._vain == self._check.wrong else REPAIR,
            recall=self._least,
            compact=self._compact,
            measured=self._measured,
        )

    def _said(self, segment: Segment, dimensions: int) -> str:
        """Say what of the manifest cannot be, or nothing."""
        shape = segment.shape
        if shape.is_exact:
            good = shape == ladder.exact_shape(dimensions)
            return "" if good else "is searched exactly, and should have no other figures"
        numbers: tuple[object, ...] = (shape.width, shape.lists, shape.probes, shape.candidates)
        if not all(isinstance(each, int) for each in numbers):
            return "has figures that are no numbers"
        good = (shape.kind, shape.width) in set(ladder.spaces(dimensions))
        good = good and 0 <= shape.probes <= shape.lists and bool(shape.probes) == bool(shape.lists)
        if not good or shape.candidates not in ladder.CANDIDATES:
            return "is described as no segment can be"
        recall: object = shape.recall  # SQLite keeps what it was given
        if not isinstance(recall, float) or not 0 <= recall <= 1:
            return "has no figure of what it finds"
        return ""

    def _again(
        self,
        scene: Scene,
        segment: Segment,
        index: Any | None,  # noqa: ANN401 - of faiss
        of: tuple[int, Profile],
    ) -> float | None:
        """Measure it again where there is time; None where there is not."""
        size = segment.count * of[1].dimensions
        if index is None or size > self._left:
            return None
        from kb.store.local.calibrate import measure

        self._left -= size
        self._measured += 1
        rows = rows_of(scene.database, segment, profile_id=of[0], dimensions=of[1].dimensions)
        return measure(index, rows, segment.shape)


def _judged(shape: Shape, found: float | None, dimensions: int) -> tuple[str, bool]:
    """Say what is wrong with what a segment finds, and whether building it again is in vain."""
    from kb.store.local.calibrate import GOAL

    stored = shape.recall
    if found is not None and abs(found - stored) > _ROUNDING:
        return f"finds {found:.1%} of the nearest, and {stored:.1%} is written down", False
    if stored < GOAL:
        return f"finds {stored:.1%} of the nearest in place of {GOAL:.0%}", ladder.is_widest(
            shape, dimensions
        )
    return "", False

"""Which segments there should be, and bringing the folder to that.

New vectors stay in the tail, which is searched exactly, until there are enough of them for a
segment. Four neighbouring segments are merged where none of them outweighs the other three; so
each merge at least doubles the smaller ones, a vector is rewritten a logarithmic number of times,
and adding one document never rewrites everything. Ids only grow, so neighbours in id are
neighbours in age, and a merged segment is again one range of ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kb.store.local import ladder, segments
from kb.store.local.database import Database, door
from kb.store.local.ladder import Shape
from kb.store.local.schema import sync_folder
from kb.store.local.segments import Segment
from kb.store.local.steps import step

if TYPE_CHECKING:
    from kb.store.local.calibrate import Rows

#: Fewer vectors than this stay in the tail.
SMALLEST: Final = 1_024
#: How many neighbours are merged into one.
FAN: Final = 4


@dataclass(frozen=True, slots=True)
class Span:
    """A range of vector ids that one file covers, or should."""

    low: int
    high: int
    count: int
    #: Whether a sound file for exactly this range exists.
    built: bool


def plan(spans: Sequence[Span], *, most: int) -> list[Span]:
    """Give the spans that should stand in place of `spans`; at most `most` vectors in a merged one.

    >>> plan([Span(1, 9, 9, True), Span(10, 18, 9, True)], most=100)[0].built
    True
    """
    merged = list(spans)
    start = 0
    while start + FAN <= len(merged):
        group = merged[start : start + FAN]
        total = sum(span.count for span in group)
        if total <= most and 2 * max(span.count for span in group) <= total:
            merged[start : start + FAN] = [Span(group[0].low, group[-1].high, total, built=False)]
            start = 0
        else:
            start += 1
    return merged


def refresh(database: Database, folder: Path, *, profile_id: int, dimensions: int) -> None:
    """Make the sound set of segments for one profile, then delete files that nothing names."""
    listed = segments.listed(database, profile_id)
    if not all(segment.has_range for segment in listed):
        # What ranges the others leave cannot be told either.
        database.run("DELETE FROM segments WHERE profile_id = ?", profile_id)
        listed = []
    known = [_certified(database, folder, found, dimensions=dimensions) for found in listed]
    most = max(ladder.most(dimensions), SMALLEST)
    present = [Span(s.low, s.high, s.count, built) for s, built in known]
    wanted = plan([*present, *_tail(database, profile_id, known, most=most)], most=most)
    for span in wanted:
        if not span.built:
            _build(database, folder, span, profile_id=profile_id, dimensions=dimensions)
    sweep(database, folder)


def sweep(database: Database, folder: Path) -> None:
    """Delete the segment files that no manifest row names."""
    segments.sweep(folder, {row[0] for row in database.all("SELECT sha256 FROM segments")})


def _certified(
    database: Database, folder: Path, segment: Segment, *, dimensions: int
) -> tuple[Segment, bool]:
    """Tell whether the file is sound and of the kind that its size asks for.

    The `stat` of a sound one that was copied is remembered.
    """
    if not segment.is_possible(dimensions=dimensions):
        return segment, False
    if segment.shape.is_exact != ladder.is_small(segment.count, dimensions):
        return segment, False
    if segments.unchanged(folder, segment):
        return segment, True
    sound = segments.is_sound(folder, segment)
    if sound:
        with door(folder):
            size, mtime_ns, inode = segments.stamp(segment.path(folder))
        database.run(
            "UPDATE segments SET bytes = ?, mtime_ns = ?, inode = ? WHERE id = ?",
            *(size, mtime_ns, inode, segment.id),
        )
    return segment, sound


def _tail(
    database: Database, profile_id: int, known: Sequence[tuple[Segment, bool]], *, most: int
) -> list[Span]:
    """Give the vectors after the last segment, cut to size; nothing while they are few."""
    low = max((segment.high for segment, _ in known), default=0) + 1
    ids = [
        row[0]
        for row in database.all(
            "SELECT id FROM vectors WHERE id >= ? AND +profile_id = ? ORDER BY id", low, profile_id
        )
    ]
    if len(ids) < SMALLEST:
        return []
    spans: list[Span] = []
    for at in range(0, len(ids), most):
        piece = ids[at : at + most]
        spans.append(Span(low, piece[-1], len(piece), built=False))
        low = piece[-1] + 1
    return spans


def _build(
    database: Database, folder: Path, span: Span, *, profile_id: int, dimensions: int
) -> None:
    """Write the file of a span, then name it in place of whatever covered that range."""
    index, shape = _index(rows_of(database, span, profile_id=profile_id, dimensions=dimensions))
    step("segment.measured")
    draft, sha256 = segments.write(folder, index)
    step("segment.written")
    with door(folder):
        path = draft.rename(folder / f"{sha256}.faiss")
        sync_folder(folder)
        sync_folder(folder.parent)
        size, mtime_ns, inode = segments.stamp(path)
    step("segment.renamed")
    made = Segment(
        id=0,
        sha256=sha256,
        low=span.low,
        high=span.high,
        count=int(index.ntotal),
        bytes=size,
        mtime_ns=mtime_ns,
        inode=inode,
        shape=shape,
    )
    segments.name(database, profile_id, made)
    step("segment.named")


def rows_of(database: Database, span: Span | Segment, *, profile_id: int, dimensions: int) -> Rows:
    """Give the vectors of a range of ids, to be read as often as is needed."""
    import numpy as np

    from kb.store.local.calibrate import Rows
    from kb.store.local.vectors import by_id, by_range

    found = database.all(
        "SELECT id FROM vectors WHERE id BETWEEN ? AND ? AND +profile_id = ? ORDER BY id",
        *(span.low, span.high, profile_id),
    )
    return Rows(
        dimensions=dimensions,
        ids=np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found)),
        blocks=lambda: by_range(
            database, profile_id=profile_id, dimensions=dimensions, low=span.low, high=span.high
        ),
        some=lambda ids: by_id(database, ids, dimensions=dimensions),
    )


def _index(rows: Rows) -> tuple[Any, Shape]:
    """Give the filled index of the kind that so many vectors ask for, and its shape."""
    from kb.store.local import calibrate, indexes

    if not ladder.is_small(len(rows.ids), rows.dimensions):
        return calibrate.build(rows)
    index = indexes.exact(rows.dimensions)
    for ids, matrix in rows.blocks():
        index.add_with_ids(matrix, ids)
    return index, ladder.exact_shape(rows.dimensions)

"""Nearest neighbours, exactly: FAISS segments first, the rest from SQLite, one order for both.

FAISS and numpy add up in another order, so their float32 scores differ in the last digits. They
only choose candidates; candidates are scored again in float64 from the stored rows, and enough of
them are taken that no vector left out could have come before the last one given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from kb.store.local.database import Database
from kb.store.local.segments import Shelf, listed, search
from kb.store.local.vectors import Ids, bitmap, by_id, by_range, checked, cosines

if TYPE_CHECKING:
    from kb.model import Vector

#: So few vectors are read by id: cheaper than opening a segment.
FEW: Final = 4_096
#: More than the rounding of a float32 inner product of unit vectors of up to 8,192 dimensions.
NOISE: Final = 1e-5

_SPARE: Final = 16
_LAST_ID: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a snapshot pins: whose vectors, and of which generation the chunks."""

    database: Database
    shelf: Shelf
    generation_id: int
    profile_id: int
    dimensions: int
    #: A JSON list of the document ids to answer from, or None for all.
    documents: str | None


@dataclass(frozen=True, slots=True)
class _Pool:
    """The candidates found, best first; `scores` are float32 and not final."""

    scores: NDArray[np.float32]
    ids: Ids

    def joined(self, scores: NDArray[np.float32], ids: Ids, *, count: int) -> _Pool:
        """Give the best `count` of both."""
        scores, ids = np.concatenate([self.scores, scores]), np.concatenate([self.ids, ids])
        best = np.argsort(-scores, kind="stable")[:count]
        return _Pool(scores[best], ids[best])


def nearest(view: View, vector: Vector, *, top_k: int) -> list[tuple[int, float]]:
    """Give up to `top_k` (chunk id, inner product) of visible chunks, best first, ties by id."""
    query = checked(view.database, vector, dimensions=view.dimensions)
    allowed = None if view.documents is None else _visible_ids(view)
    wanted = 2 * top_k + _SPARE
    while top_k > 0:
        pool = _candidates(view, query, count=wanted, allowed=allowed)
        complete = len(pool.ids) < wanted
        floor = -np.inf if complete else float(pool.scores[-1]) + NOISE
        hits = [hit for hit in _chunks(view, query, pool.ids.tolist()) if hit[1] > floor]
        if complete or len(hits) >= top_k:
            return hits[:top_k]
        # Vectors that no visible chunk names crowd the visible ones out: leave them out at once.
        allowed = _visible_ids(view) if allowed is None else allowed
        wanted *= 4
    return []


def similarities(view: View, vector: Vector, chunk_ids: Sequence[int]) -> dict[int, float]:
    """Give the exact inner product of each of these chunks that is visible and has a vector."""
    query = checked(view.database, vector, dimensions=view.dimensions)
    rows = view.database.all(
        "SELECT id, vector_id FROM chunks WHERE generation_id = ? AND vector_id IS NOT NULL "
        "AND id IN (SELECT value FROM json_each(?))",
        view.generation_id,
        _json(chunk_ids),
    )
    vector_ids = sorted({vector_id for _, vector_id in rows})
    scores = cosines(view.database, query, vector_ids, dimensions=view.dimensions)
    return {chunk_id: scores[vector_id] for chunk_id, vector_id in rows}


def _candidates(view: View, query: Vector, *, count: int, allowed: Ids | None) -> _Pool:
    pool = _Pool(np.empty(0, np.float32), np.empty(0, np.int64))
    if allowed is not None and len(allowed) <= FEW:
        for ids, rows in by_id(view.database, allowed.tolist(), dimensions=view.dimensions):
            pool = pool.joined(rows @ query, ids, count=count)
        return pool
    bits = None if allowed is None else bitmap(allowed)
    uncovered = 1
    segments = listed(view.database, view.profile_id)
    view.shelf.keep_only(segments)
    for segment in segments:
        index = view.shelf.get(segment, dimensions=view.dimensions)
        if index is not None:
            pool = _scanned(view, query, pool, uncovered, segment.low - 1, count, allowed)
            pool = pool.joined(*search(index, query, count=count, allowed=bits), count=count)
            uncovered = segment.high + 1
    return _scanned(view, query, pool, uncovered, _LAST_ID, count, allowed)


def _scanned(  # noqa: PLR0913, PLR0917 - one loop's state
    view: View, query: Vector, pool: _Pool, low: int, high: int, count: int, allowed: Ids | None
) -> _Pool:
    """Join the best of the vectors that no sound segment covers, read from SQLite."""
    blocks = by_range(
        view.database,
        profile_id=view.profile_id,
        dimensions=view.dimensions,
        low=low,
        high=high,
    )
    for ids, rows in blocks:
        keep = slice(None) if allowed is None else np.isin(ids, allowed)
        pool = pool.joined(rows[keep] @ query, ids[keep], count=count)
    return pool


def _chunks(view: View, query: Vector, vector_ids: list[int]) -> list[tuple[int, float]]:
    """Give the visible chunks that name these vectors, with exact scores, in final order."""
    scores = cosines(view.database, query, vector_ids, dimensions=view.dimensions)
    rows = view.database.all(
        f"SELECT id, vector_id FROM chunks WHERE {_visible(view)} "  # noqa: S608 - constants only
        "AND vector_id IN (SELECT value FROM json_each(?))",
        *_values(view),
        _json(vector_ids),
    )
    hits = [(int(chunk_id), scores[vector_id]) for chunk_id, vector_id in rows]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def _visible_ids(view: View) -> Ids:
    rows = view.database.all(
        f"SELECT DISTINCT vector_id FROM chunks WHERE {_visible(view)} "  # noqa: S608
        "AND vector_id IS NOT NULL ORDER BY vector_id",
        *_values(view),
    )
    return np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))


def _visible(view: View) -> str:
    within = (
        "" if view.documents is None else " AND document_id IN (SELECT value FROM json_each(?))"
    )
    return "generation_id = ?" + within


def _values(view: View) -> list[object]:
    return [view.generation_id, *([] if view.documents is None else [view.documents])]


def _json(ids: Sequence[int]) -> str:
    return "[" + ",".join(map(str, ids)) + "]"

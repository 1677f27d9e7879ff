"""Nearest neighbours: FAISS segments first, the rest from SQLite, one order for both.

A compact segment only names candidates; they are scored from the stored rows. What it does not
name is not found, which is rare and was measured when it was built. All else is exact.

FAISS and numpy add up in another order, so their float32 scores differ in the last digits. They
only choose candidates; candidates are scored again in float64 from the stored rows, and enough of
them are taken that no vector left out could have come before the last one given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kb.store.local.database import Database, damaged
from kb.store.local.indexes import search
from kb.store.local.segments import Segment, listed
from kb.store.local.vectors import Ids, bitmap, by_range, checked, cosines, products

if TYPE_CHECKING:
    from kb.model import Vector
    from kb.store.local.shelf import Shelf

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


class _Pool:
    """The best `count` candidates found so far, best first; `scores` are float32, not final."""

    def __init__(self, view: View, query: Vector, *, count: int) -> None:
        self.scores = np.empty(0, np.float32)
        self.ids: Ids = np.empty(0, np.int64)
        self.count = count
        self._view = view
        self._query = query
        self._exact: dict[int, float] = {}

    def take(self, scores: NDArray[np.float32], ids: Ids) -> None:
        """Keep the best of these and those that are there."""
        scores, ids = np.concatenate([self.scores, scores]), np.concatenate([self.ids, ids])
        best = np.argsort(-scores, kind="stable")[: self.count]
        self.scores, self.ids = scores[best], ids[best]

    def take_named(self, ids: Ids) -> None:
        """Keep the best of these, scored from SQLite."""
        # What a compact segment names and nobody stores is passed over: its own scores are never
        # given, so nothing that is said is wrong. `kb verify` finds it.
        found = self._cosines(ids.tolist())
        self._exact |= found
        known = np.fromiter(found, dtype=np.int64, count=len(found))
        self.take(np.fromiter(found.values(), dtype=np.float32, count=len(found)), known)

    def take_rows(self, ids: Ids, rows: NDArray[np.float32]) -> None:
        """Keep the best of these vectors."""
        self.take(products(rows, self._query), ids)

    def exact(self) -> dict[int, float]:
        """Give the final scores, by id; raises `StoreError` where one is not stored."""
        ids: list[int] = self.ids.tolist()
        missing = self._cosines([id_ for id_ in ids if id_ not in self._exact])
        known = self._exact | missing
        if not known.keys() >= set(ids):
            fact = "its index holds a vector that is not stored"
            raise damaged(self._view.database.path, fact, vector=min(set(ids) - known.keys()))
        return {id_: known[id_] for id_ in ids}

    def _cosines(self, ids: Sequence[int]) -> dict[int, float]:
        view = self._view
        return cosines(view.database, self._query, ids, dimensions=view.dimensions)


def nearest(view: View, vector: Vector, *, top_k: int) -> list[tuple[int, float]]:
    """Give up to `top_k` (chunk id, inner product) of visible chunks, best first, ties by id.

    The scores are exact; see the module for what may be missing.
    """
    query = checked(view.database, vector, dimensions=view.dimensions)
    allowed = None if view.documents is None else _visible_ids(view)
    wanted = 2 * top_k + _SPARE
    while top_k > 0:
        pool = _candidates(view, query, count=wanted, allowed=allowed)
        complete = len(pool.ids) < wanted
        floor = -np.inf if complete else float(pool.scores[-1]) + NOISE
        hits = [hit for hit in _chunks(view, pool.exact()) if hit[1] > floor]
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
    named = {vector_id for _, vector_id in rows}
    _expect_numbers(view, named)
    vector_ids = sorted(named)
    scores = cosines(view.database, query, vector_ids, dimensions=view.dimensions)
    if len(scores) < len(vector_ids):
        fact = "a passage names a vector that is not stored"
        lost = min(set(vector_ids) - scores.keys())
        raise damaged(view.database.path, fact, vector=lost)
    return {chunk_id: scores[vector_id] for chunk_id, vector_id in rows}


def _candidates(view: View, query: Vector, *, count: int, allowed: Ids | None) -> _Pool:
    pool = _Pool(view, query, count=count)
    if allowed is not None and len(allowed) <= FEW:
        pool.take_named(allowed)
        return pool
    bits = None if allowed is None else bitmap(allowed)
    uncovered = 1
    segments = listed(view.database, view.profile_id)
    view.shelf.keep_only(segments)
    for segment in segments:
        index = view.shelf.get(segment, dimensions=view.dimensions)
        if index is not None:
            _scan(view, pool, uncovered, segment.low - 1, allowed)
            found = _found(index, segment, query, count=count, allowed=bits)
            if segment.shape.is_exact:
                pool.take(*found)
            else:
                pool.take_named(found[1])
            uncovered = segment.high + 1
    _scan(view, pool, uncovered, _LAST_ID, allowed)
    return pool


def _found(
    index: Any,  # noqa: ANN401 - of faiss
    segment: Segment,
    query: Vector,
    *,
    count: int,
    allowed: NDArray[np.uint8] | None,
) -> tuple[NDArray[np.float32], Ids]:
    """Give what a segment names; fewer than `count` only where it holds no more."""
    shape = segment.shape
    wanted = max(count, shape.candidates)
    found = search(index, query, count=wanted, probes=shape.probes, allowed=allowed)
    if len(found[1]) < min(wanted, segment.count) and shape.probes < shape.lists:
        # The lists looked through hold too few that are allowed.
        found = search(index, query, count=wanted, probes=shape.lists, allowed=allowed)
    return found


def _scan(view: View, pool: _Pool, low: int, high: int, allowed: Ids | None) -> None:
    """Look through the vectors that no sound segment covers, read from SQLite."""
    blocks = by_range(
        view.database,
        profile_id=view.profile_id,
        dimensions=view.dimensions,
        low=low,
        high=high,
    )
    for ids, rows in blocks:
        keep = slice(None) if allowed is None else np.isin(ids, allowed)
        pool.take_rows(ids[keep], rows[keep])


def _chunks(view: View, scores: Mapping[int, float]) -> list[tuple[int, float]]:
    """Give the visible chunks that name vectors of these scores, in final order."""
    rows = view.database.all(
        f"SELECT id, vector_id FROM chunks WHERE {_visible(view)} "  # noqa: S608 - constants only
        "AND vector_id IN (SELECT value FROM json_each(?))",
        *_values(view),
        _json([*scores]),
    )
    hits = [(int(chunk_id), scores[vector_id]) for chunk_id, vector_id in rows]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def _visible_ids(view: View) -> Ids:
    rows = view.database.all(
        f"SELECT DISTINCT vector_id FROM chunks WHERE {_visible(view)} "  # noqa: S608
        "AND vector_id IS NOT NULL ORDER BY vector_id",
        *_values(view),
    )
    named = [row[0] for row in rows]
    _expect_numbers(view, named)
    ids = np.fromiter(named, dtype=np.int64, count=len(named))
    stored = view.database.one("SELECT coalesce(max(id), 0) FROM vectors")
    # So much room is made for ids; a garbled one may be any number.
    if ids.size and not (ids[0] > 0 and stored and ids[-1] <= stored[0]):
        raise damaged(view.database.path, "a passage names a vector that is not stored")
    return ids


def _expect_numbers(view: View, ids: Iterable[object]) -> None:
    if not {*map(type, ids)} <= {int}:
        raise damaged(view.database.path, "a passage names its vector by what is no number")


def _visible(view: View) -> str:
    within = (
        "" if view.documents is None else " AND document_id IN (SELECT value FROM json_each(?))"
    )
    return "generation_id = ?" + within


def _values(view: View) -> list[object]:
    return [view.generation_id, *([] if view.documents is None else [view.documents])]


def _json(ids: Sequence[int]) -> str:
    return "[" + ",".join(map(str, ids)) + "]"

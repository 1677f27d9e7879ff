"""Vectors as SQLite keeps them: rows of little-endian float16, read in blocks.

Imports numpy, so it is imported only by what deals with vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kb.store.local.database import Database, Row, damaged

if TYPE_CHECKING:
    from kb.model import Matrix, Vector

#: How many rows are in memory at a time, where they are read in order.
BLOCK: Final = 1024
#: The same where few are read by id: less memory is sooner there in a process that just started.
_FEW: Final = 16

_STORED: Final = np.dtype("<f2")

Ids = NDArray[np.int64]


def to_rows(database: Database, matrix: Matrix, *, count: int, dimensions: int) -> list[bytes]:
    """Give each vector as it is stored.

    Raises `StoreError` (`store.corrupt`) unless the matrix is (count, dimensions) and finite,
    also as float16.
    """
    given = np.asarray(matrix)
    if given.shape != (count, dimensions):
        fact = f"vectors of shape {given.shape} were given where {(count, dimensions)} belongs"
        raise damaged(database.path, fact)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(given, dtype=_STORED)
    if not np.isfinite(stored).all():
        raise damaged(database.path, "a vector was given that is not finite")
    return [row.tobytes() for row in stored]


def checked(database: Database, vector: Vector, *, dimensions: int) -> Vector:
    """Give a query vector as contiguous float32; raises as `to_rows` does."""
    given = np.ascontiguousarray(vector, dtype=np.float32)
    if given.shape != (dimensions,):
        fact = f"a query of shape {given.shape} was given where {(dimensions,)} belongs"
        raise damaged(database.path, fact)
    if not np.isfinite(given).all():
        raise damaged(database.path, "a query was given that is not finite")
    return given


def by_range(
    database: Database, *, profile_id: int, dimensions: int, low: int, high: int
) -> Iterator[tuple[Ids, NDArray[np.float32]]]:
    """Give ids and float32 rows of one profile's vectors with ids `low..high`, in blocks."""
    # The plus keeps SQLite from reading through all keys of the profile.
    sql = "SELECT id, vector FROM vectors WHERE id BETWEEN ? AND ? AND +profile_id = ? ORDER BY id"
    for rows in database.blocks(sql, low, high, profile_id, size=BLOCK):
        ids, stored = _unpacked(database, rows, dimensions)
        yield ids, stored.astype(np.float32)


def by_id(
    database: Database, ids: Sequence[int], *, dimensions: int
) -> Iterator[tuple[Ids, NDArray[np.float32]]]:
    """Give ids and float32 rows of these vectors, in blocks; unknown ids are left out."""
    for known, stored in _stored(database, ids, dimensions=dimensions):
        yield known, stored.astype(np.float32)


def _stored(
    database: Database, ids: Sequence[int], *, dimensions: int
) -> Iterator[tuple[Ids, NDArray[np.float16]]]:
    sql = "SELECT id, vector FROM vectors WHERE id IN (SELECT value FROM json_each(?))"
    listed = "[" + ",".join(map(str, ids)) + "]"
    for rows in database.blocks(sql, listed, size=_FEW):
        yield _unpacked(database, rows, dimensions)


def cosines(
    database: Database, vector: Vector, ids: Sequence[int], *, dimensions: int
) -> dict[int, float]:
    """Give the exact inner product with each of these stored vectors.

    Summed in float64 row by row, so that equal vectors have equal scores wherever they lie.
    """
    query = vector.astype(np.float64)
    found: dict[int, float] = {}
    for known, rows in _stored(database, ids, dimensions=dimensions):
        scores = np.einsum("ij,j->i", rows.astype(np.float64), query)
        found.update(zip(known.tolist(), scores.tolist(), strict=True))
    return found


def products(rows: NDArray[np.float32], vector: Vector) -> NDArray[np.float32]:
    """Give the inner product of each row with the vector, in float32.

    On one thread: the others of a BLAS wait in a loop, which costs a search more than they bring.
    """
    found: NDArray[np.float32] = np.einsum("ij,j->i", rows, vector)
    return found


def bitmap(ids: Ids) -> NDArray[np.uint8]:
    """Give a set of ids as bits, least significant first."""
    bits: NDArray[Any] = np.zeros(int(ids.max(initial=0)) + 1, dtype=bool)
    bits[ids] = True
    return np.packbits(bits, bitorder="little")


def _unpacked(
    database: Database, rows: list[Row], dimensions: int
) -> tuple[Ids, NDArray[np.float16]]:
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    data = [row[1] for row in rows]
    length = dimensions * _STORED.itemsize
    if {*map(type, data)} != {bytes} or {*map(len, data)} != {length}:
        fact = f"a vector between {ids[0]} and {ids[-1]} is none of {dimensions} dimensions"
        raise damaged(database.path, fact)
    return ids, np.frombuffer(b"".join(data), dtype=_STORED).reshape(len(rows), dimensions)

"""FAISS files: immutable, named by their hash, derived from the vectors in SQLite.

A segment holds every vector of one profile whose id lies in `low..high`, whether a chunk names it
or not: an unnamed one is what a killed run had paid for, and may be named tomorrow. The search
decides what is visible. What is in the file, and how it is searched, is its shape (`ladder.py`).

A flipped bit loads in silence, so a file is hashed unless its size, time and inode are those it
was last found right with.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from kb.store.local import indexes
from kb.store.local.database import Database, door
from kb.store.local.ladder import Shape, whole_numbers

_SUFFIX: Final = ".faiss"
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A row of the manifest: which file holds which vectors, and its `stat` when it was right."""

    id: int
    sha256: str
    low: int
    high: int
    count: int
    bytes: int
    mtime_ns: int
    inode: int
    shape: Shape

    def is_possible(self, *, dimensions: int) -> bool:
        """Tell whether there could be such a segment: the manifest itself may be damaged."""
        return self.has_range and self.shape.is_possible(dimensions)

    @property
    def has_range(self) -> bool:
        """Whether the row names a file, and a range of ids."""
        numbers = self.low, self.high, self.count, self.bytes, self.mtime_ns, self.inode
        named = whole_numbers(*numbers) and type(self.sha256) is str
        return named and 0 < self.low <= self.high and self.count > 0

    def path(self, folder: Path) -> Path:
        """Give where the file lies."""
        return folder / (self.sha256 + _SUFFIX)


def listed(database: Database, profile_id: int) -> list[Segment]:
    """Give the manifest of one profile in order of ids."""
    rows = database.all(
        "SELECT id, sha256, low_id, high_id, count, bytes, mtime_ns, inode, "
        "kind, width, lists, probes, candidates, recall FROM segments "
        "WHERE profile_id = ? ORDER BY low_id",
        profile_id,
    )
    return [_segment(*row) for row in rows]


def name(database: Database, profile_id: int, segment: Segment) -> None:
    """Put a segment into the manifest in place of whatever covered its range, in one go.

    Its `id` is not looked at: the manifest gives one.
    """
    with database.transaction():
        database.run(
            "DELETE FROM segments WHERE profile_id = ? AND low_id >= ? AND high_id <= ?",
            *(profile_id, segment.low, segment.high),
        )
        database.run(
            "INSERT INTO segments (profile_id, sha256, low_id, high_id, count, bytes, mtime_ns, "
            "inode, kind, width, lists, probes, candidates, recall) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(profile_id, segment.sha256, segment.low, segment.high, segment.count),
            *(segment.bytes, segment.mtime_ns, segment.inode, *astuple(segment.shape)),
        )


def unchanged(folder: Path, segment: Segment) -> bool:
    """Tell, by its `stat` alone, whether the file is as it was when it was last found right."""
    try:
        found = segment.path(folder).stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns, _inode(found)) == (
        segment.bytes,
        segment.mtime_ns,
        segment.inode,
    )


def is_sound(folder: Path, segment: Segment) -> bool:
    """Tell, by reading all of it, whether the file still has the hash it is named by."""
    digest = hashlib.sha256()
    try:
        with segment.path(folder).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == segment.sha256


def read(folder: Path, segment: Segment, *, dimensions: int) -> Any | None:  # noqa: ANN401
    """Read the index of a segment, or give None where it cannot be trusted."""
    if not segment.is_possible(dimensions=dimensions):
        return None
    if not (unchanged(folder, segment) or is_sound(folder, segment)):
        return None
    index = indexes.load(segment.path(folder), lists=segment.shape.lists > 0)
    if index is None:
        return None
    found = index.d, index.ntotal, indexes.lists_of(index)
    return index if found == (dimensions, segment.count, segment.shape.lists) else None


def write(folder: Path, index: Any) -> tuple[Path, str]:  # noqa: ANN401 - of faiss
    """Write an index to a new file under a temporary name, durably.

    Returns the path and the SHA-256. The hash is taken of what is written, not of what is read
    back.
    """
    digest = hashlib.sha256()
    path = folder / f"{os.getpid()}.tmp"
    with door(folder):
        folder.mkdir(exist_ok=True)
        with path.open("wb") as file:

            def take(data: bytes) -> int:
                digest.update(data)
                return file.write(data)

            indexes.dump(index, take)
            file.flush()
            os.fsync(file.fileno())
    return path, digest.hexdigest()


def stamp(path: Path) -> tuple[int, int, int]:
    """Give size, time and inode of a file, as the manifest keeps them."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, _inode(found)


def sweep(folder: Path, named: set[str]) -> None:
    """Delete the segment files, finished or not, that the manifest does not name."""
    if not folder.is_dir():
        return
    with door(folder):
        for path in [*folder.glob(f"*{_SUFFIX}"), *folder.glob("*.tmp")]:
            if path.suffix == ".tmp" or path.stem not in named:
                path.unlink(missing_ok=True)


def _segment(  # noqa: PLR0913, PLR0917 - one row of the manifest
    id_: int,
    sha256: str,
    low: int,
    high: int,
    count: int,
    size: int,
    mtime_ns: int,
    inode: int,
    *shape: Any,  # noqa: ANN401 - what SQLite stores
) -> Segment:
    kind, width, lists, probes, candidates, recall = shape
    return Segment(
        id=id_,
        sha256=sha256,
        low=low,
        high=high,
        count=count,
        bytes=size,
        mtime_ns=mtime_ns,
        inode=inode,
        shape=Shape(
            kind=kind,
            width=width,
            lists=lists,
            probes=probes,
            candidates=candidates,
            recall=recall,
        ),
    )


def _inode(found: os.stat_result) -> int:
    # SQLite's integers are signed.
    return found.st_ino & 0x7FFF_FFFF_FFFF_FFFF

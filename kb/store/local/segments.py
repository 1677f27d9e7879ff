"""FAISS files: immutable, named by their hash, derived from the vectors in SQLite.

A segment holds every vector of one profile whose id lies in `low..high`, whether a chunk names it
or not: an unnamed one is what a killed run had paid for, and may be named tomorrow. The search
decides what is visible. The only file that imports faiss.

What FAISS does not check is checked here: a flipped bit loads in silence (so a file is hashed
unless its size, time and inode are those it was last found right with), a wrong dimension is an
empty AssertionError, a `k` above the count pads the answer with id -1.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from kb.store.local.database import Database, door

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.model import Vector

FOLDER: Final = "index"

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

    def path(self, folder: Path) -> Path:
        """Give where the file lies."""
        return folder / (self.sha256 + _SUFFIX)


class Shelf:
    """The FAISS indexes that this process has read, by hash; shared by all its snapshots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._read: dict[str, Any] = {}

    def get(self, segment: Segment, *, dimensions: int) -> Any | None:  # noqa: ANN401 - of faiss
        """Give the index of a segment, or None where its file is missing or not what it was."""
        with self._lock:
            if segment.sha256 not in self._read:
                index = read(self.folder, segment, dimensions=dimensions)
                if index is None:
                    return None
                self._read[segment.sha256] = index
            return self._read[segment.sha256]

    def keep_only(self, segments: Sequence[Segment]) -> None:
        """Let go of indexes that are not among `segments`."""
        names = {segment.sha256 for segment in segments}
        with self._lock:
            self._read = {name: index for name, index in self._read.items() if name in names}


def listed(database: Database, profile_id: int) -> list[Segment]:
    """Give the manifest of one profile in order of ids."""
    rows = database.all(
        "SELECT id, sha256, low_id, high_id, count, bytes, mtime_ns, inode FROM segments "
        "WHERE profile_id = ? ORDER BY low_id",
        profile_id,
    )
    names = ("id", "sha256", "low", "high", "count", "bytes", "mtime_ns", "inode")
    return [Segment(**dict(zip(names, row, strict=True))) for row in rows]


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
    """Read the index of a segment, or give None where the file cannot be trusted."""
    faiss = _faiss()
    if not (unchanged(folder, segment) or is_sound(folder, segment)):
        return None
    try:
        index = faiss.read_index(str(segment.path(folder)))
    except RuntimeError:
        return None
    fits = (index.d, index.ntotal) == (dimensions, segment.count)
    return index if fits else None


def search(
    index: Any,  # noqa: ANN401 - of faiss
    vector: Vector,
    *,
    count: int,
    allowed: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give scores and ids of up to `count` nearest vectors, best first, padding taken off.

    `allowed` is a bitmap by id, least significant bit first. One query runs on one thread: more
    were measured to be slower.
    """
    faiss = _faiss()
    parameters = None
    if allowed is not None:
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(allowed))
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        wanted = min(count, index.ntotal)
        scores, ids = index.search(vector.reshape(1, -1), wanted, params=parameters)
    finally:
        faiss.omp_set_num_threads(threads)
    real = ids[0] >= 0
    return scores[0][real], ids[0][real]


def write(
    folder: Path,
    blocks: Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]],
    *,
    dimensions: int,
) -> tuple[Path, str, int]:
    """Write vectors to a new file under a temporary name, durably.

    `blocks` gives ids (n,) and vectors (n, dimensions). Returns the path, the SHA-256 and the
    number of vectors. The hash is taken of what is written, not of what is read back.
    """
    faiss = _faiss()
    quantizer = faiss.IndexScalarQuantizer(
        dimensions, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    index = faiss.IndexIDMap2(quantizer)
    for ids, matrix in blocks:
        index.add_with_ids(matrix, ids)
    digest = hashlib.sha256()
    path = folder / f"{os.getpid()}.tmp"
    with door(folder):
        folder.mkdir(exist_ok=True)
        with path.open("wb") as file:

            def take(data: bytes) -> int:
                digest.update(data)
                return file.write(data)

            faiss.write_index(index, faiss.PyCallbackIOWriter(take))
            file.flush()
            os.fsync(file.fileno())
    return path, digest.hexdigest(), int(index.ntotal)


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


def _faiss() -> Any:  # noqa: ANN401 - its stubs do not know its Python layer
    return importlib.import_module("faiss")


def _inode(found: os.stat_result) -> int:
    # SQLite's integers are signed.
    return found.st_ino & 0x7FFF_FFFF_FFFF_FFFF

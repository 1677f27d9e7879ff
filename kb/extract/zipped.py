"""Zip files of strangers: the directory is judged before anything is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Collection
from typing import IO

from kb.errors import StageError, failure

#: Parts that unpack to more than this together are refused.
_MAX_UNPACKED = 256 * 2**20
#: So much may unpack to any multiple of its packed size; real documents reach about 50.
ALWAYS_FINE = 32 * 2**20
MAX_RATIO = 200
_MAX_ENTRIES = 50_000
#: A directory of that many entries with long names has half as many bytes.
_MAX_DIRECTORY = 32 * 2**20
#: The record at the end of every zip file, which a comment may follow, and what stands before it
#: where numbers do not fit: the lengths of both, and where in them the directory's size stands.
_END, _END_LENGTH, _COMMENT = b"PK\x05\x06", 22, 2**16
_LARGE_END, _LARGE_LENGTH = b"PK\x06\x06", 56 + 20


def open_zip(data: bytes | IO[bytes]) -> zipfile.ZipFile:
    """Open a zip file whose directory is not too large to be read.

    Raises StageError (`extract.too_large`) and `zipfile.BadZipFile`.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    count, size = _announced(file)
    if count > _MAX_ENTRIES or size > _MAX_DIRECTORY:
        raise StageError(failure("extract.too_large", entries=count, directory=size))
    return zipfile.ZipFile(file)


def judge(
    entries: Collection[zipfile.ZipInfo], *, of: int, max_unpacked: int | None = None
) -> None:
    """Pass those entries that are to be unpacked, out of a directory of `of` entries.

    `max_unpacked` is in bytes. Raises StageError: `extract.encrypted`, `extract.too_large` (a
    zip bomb).
    """
    if any(entry.flag_bits & 1 for entry in entries):
        raise StageError(failure("extract.encrypted"))
    most = _MAX_UNPACKED if max_unpacked is None else max_unpacked
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    swollen = unpacked > ALWAYS_FINE and unpacked > packed * MAX_RATIO
    if swollen or unpacked > most or of > _MAX_ENTRIES:
        raise StageError(failure("extract.too_large", unpacked=unpacked, packed=packed))


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Give an entry's bytes, of which there are no more than the directory says.

    A bomb may say less than it holds, and `ZipFile.read` unpacks a gigabyte to find that out.
    Raises StageError as `judge` does, and what `zipfile` raises for damage.
    """
    judge([entry], of=1)
    with archive.open(entry) as file:
        return file.read(entry.file_size + 1)


def _announced(file: IO[bytes]) -> tuple[int, int]:
    """Give how many entries the directory says it has, and its bytes; 0 where nothing says so."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - _COMMENT - _END_LENGTH - _LARGE_LENGTH))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_LENGTH:
        return 0, 0
    count, size = struct.unpack_from("<HI", tail, at + 10)
    large = at - _LARGE_LENGTH
    if large >= 0 and tail.startswith(_LARGE_END, large):
        more, larger = struct.unpack_from("<QQ", tail, large + 32)
        return max(count % 0xFFFF, more), max(size % 0xFFFFFFFF, larger)
    return count, size

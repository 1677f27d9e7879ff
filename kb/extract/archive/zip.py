"""ZIP archives: a list of what is in them; each member is a document of its own.

The directory is judged before anything is unpacked, and each member is unpacked once, in pieces,
to know its true size and hash. A member that cannot be unpacked is still named: reading it fails
for itself alone.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import IO, Final

from kb.errors import StageError, failure
from kb.extract.archive.names import decoded_names, is_left_out, stored_names
from kb.extract.canonical import keepable, one_page, stem
from kb.extract.loading import MAX_BYTES, changing, same_file
from kb.extract.zipped import ALWAYS_FINE, MAX_RATIO, judge, open_zip
from kb.model import Document, Member, Source

#: Members may unpack to this much together, or to so many times what the archive itself has.
MAX_UNPACKED: Final = 2**30
_MAX_GROWTH: Final = 4
_UTF8, _ENCRYPTED = 0x800, 0x1
#: The field in which some programs write a name in UTF-8 beside the one in an old encoding.
_UNICODE_PATH: Final = 0x7075
_PIECE: Final = 1 << 18
_PASSWORD = "Unpack it with its password and ingest the files."  # noqa: S105 - a sentence
_SPLIT = "Join its parts (`zip -s 0 SPLIT.zip --out WHOLE.zip`) and ingest the whole."
_METHOD = "Pack the archive anew with the usual method (`zip -r new.zip FOLDER`)."


def read(data: bytes, source: Source) -> Document:
    """Give the names of what is in the archive, one a line, and its members.

    Raises StageError: `extract.too_large` (a zip bomb), `extract.corrupt`, `extract.empty`.
    """
    return read_open(io.BytesIO(data), source)


def read_open(file: IO[bytes], source: Source) -> Document:
    """Do what `read` does with an open file, of which no more is held in memory than a piece."""
    before = None if isinstance(file, io.BytesIO) else os.fstat(file.fileno())
    holder = hold(file)
    members = tuple(holder.member(name) for name in holder.names)
    if before is not None and not same_file(before, os.fstat(file.fileno())):
        raise StageError(changing(source))
    if not members:
        raise StageError(failure("extract.empty", "There are no files in the archive."))
    text = keepable("".join(f"{member.name}\n" for member in members))
    document = one_page(text, title=stem(source), kind="zip")
    return Document(
        title=document.title, format="zip", text=text, pages=document.pages, paged=False,
        members=members,
    )  # fmt: skip


def hold(file: IO[bytes]) -> ZipHolder:
    """Open an archive. Raises StageError: `extract.too_large`, `extract.corrupt`."""
    with _translated():
        size = file.seek(0, io.SEEK_END)
        return ZipHolder(open_zip(file), size)


class ZipHolder:
    """An archive, its directory judged and its names made fit to follow."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        entries = archive.infolist()
        files = [each for each in entries if not each.is_dir() and not _is_link(each)]
        judge(
            [each for each in files if not each.flag_bits & _ENCRYPTED],
            of=len(entries),
            max_unpacked=max(MAX_UNPACKED, _MAX_GROWTH * size),
        )
        _refuse_overlaps(entries)
        wanted = [
            (name, each)
            for name, each in zip(_names(files), files, strict=True)
            if not is_left_out(name)
        ]
        names = stored_names(name for name, _ in wanted)
        self._entries = {name: each for name, (_, each) in zip(names, wanted, strict=True)}

    @property
    def names(self) -> Sequence[str]:
        """The stored names of the members, in the archive's order."""
        return list(self._entries)

    def bytes_of(self, name: str) -> bytes:
        """Give a member's bytes.

        Raises StageError (`extract.encrypted`, `extract.too_large`, `extract.unsupported`,
        `extract.corrupt`) and KeyError.
        """
        entry = self._entries[name]
        _refuse(entry)
        with _translated(), self._archive.open(entry) as file:
            return file.read(entry.file_size + 1)

    def member(self, name: str) -> Member:
        """Give a member with the hash of its bytes; an empty one where they cannot be had."""
        entry = self._entries[name]
        try:
            _refuse(entry)
            size, digest = self._measured(entry)
        except (StageError, MemoryError):
            size, digest = entry.file_size, ""
        return Member(name=name, size=size, sha256=digest)

    def _measured(self, entry: zipfile.ZipInfo) -> tuple[int, str]:
        hashed, size = hashlib.sha256(), 0
        with _translated(), self._archive.open(entry) as file:
            while piece := file.read(_PIECE):
                hashed.update(piece)
                size += len(piece)
        return size, hashed.hexdigest()


def _refuse(entry: zipfile.ZipInfo) -> None:
    """Refuse a member that cannot or should not be unpacked."""
    if entry.flag_bits & _ENCRYPTED:
        raise StageError(failure("extract.encrypted", hint=_PASSWORD))
    swollen = entry.file_size > ALWAYS_FINE and entry.file_size > entry.compress_size * MAX_RATIO
    if entry.file_size > MAX_BYTES or swollen:
        raise StageError(
            failure("extract.too_large", unpacked=entry.file_size, packed=entry.compress_size)
        )


def _refuse_overlaps(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose members share their packed bytes, as bombs do and no program.

    In one that was split over several files, they only seem to: places count anew in each file.
    """
    if any(each.volume for each in entries):
        message = "It is the last part of an archive that was split over several files."
        raise StageError(failure("extract.unsupported", message, hint=_SPLIT))
    places = sorted((each.header_offset, each.compress_size) for each in entries)
    for (start, packed), (following, _) in pairwise(places):
        if start + packed > following or start == following:
            message = "The members of the archive lie over one another, as in a zip bomb."
            raise StageError(failure("extract.too_large", message))


def _names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Give the names that the archive's maker meant, whatever encoding they are in."""
    names = [_unicode_path(each) or each.filename for each in entries]
    doubtful = [
        place
        for place, (name, each) in enumerate(zip(names, entries, strict=True))
        if not (each.flag_bits & _UTF8 or name.isascii() or name is not each.filename)
    ]
    raw = [names[place].encode("cp437") for place in doubtful]
    for place, name in zip(doubtful, decoded_names(raw), strict=True):
        names[place] = name
    return names


def _unicode_path(entry: zipfile.ZipInfo) -> str | None:
    """Give the name from the field for it, if it is still about the same name."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind != _UNICODE_PATH or len(body) < 6 or body[0] != 1 or entry.flag_bits & _UTF8:
            continue
        if int.from_bytes(body[1:5], "little") == zlib.crc32(entry.orig_filename.encode("cp437")):
            return body[5:].decode("utf-8", "replace")
    return None


def _is_link(entry: zipfile.ZipInfo) -> bool:
    """Tell whether a member is a link as Unix knows it; what it names may be anywhere."""
    return stat.S_ISLNK(entry.external_attr >> 16)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what `zipfile` and the libraries below it raise into failures of one file."""
    try:
        yield
    except (StageError, MemoryError):
        raise
    except (NotImplementedError, RuntimeError) as error:
        message = f"It is packed in a way that kb does not know: {error}."
        raise StageError(failure("extract.unsupported", message, hint=_METHOD)) from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise  # the disk, not the archive
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:500]
        raise StageError(failure("extract.corrupt", reason=reason)) from error

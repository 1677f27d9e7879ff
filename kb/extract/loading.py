"""The bytes of one file, whole and unchanging while they were read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

from kb.errors import Failure, StageError, failure
from kb.model import Source

#: A larger file is refused before any of it is read.
MAX_BYTES = 512 * 2**20


def load(source: Source, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Give the file's bytes; a file that changes while it is read is read once more.

    Raises StageError: `extract.empty`, `extract.too_large`, or, to be tried again,
    `discover.unreadable` when it may not be read, and `extract.corrupt` when it is gone, cannot
    be read, or changes all the time.
    """
    for _ in range(2):
        with opened(source) as file:
            before = os.fstat(file.fileno())
            if before.st_size > max_bytes:
                raise StageError(
                    failure("extract.too_large", source=source.path, bytes=before.st_size)
                )
            data = file.read(before.st_size + 1)
            if same_file(before, os.fstat(file.fileno())) and len(data) == before.st_size:
                return data
    raise StageError(changing(source))


@contextmanager
def opened(source: Source) -> Iterator[IO[bytes]]:
    """Give the file, open for reading; it is an ordinary one, and not empty.

    Raises StageError: `extract.empty`, `extract.unsupported`, or, to be tried again,
    `discover.unreadable` when it may not be read, and `extract.corrupt` when it is gone or cannot
    be, now or while it is open.
    """
    try:
        # Without O_NONBLOCK a pipe that took the file's place would be waited for without end.
        descriptor = os.open(source.location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is a descriptor
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                message = "This is not a file with text in it."
                raise StageError(failure("extract.unsupported", message, source=source.path))
            if not found.st_size:
                raise StageError(failure("extract.empty", source=source.path))
            yield file
    except OSError as error:
        raise StageError(_unread(source, error)) from error


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Tell whether nobody has written to an open file in between."""
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def changing(source: Source) -> Failure:
    """Say that a file is being written by somebody."""
    message = "The file was being written while it was read."
    return again(message, "Run the command again when the file is complete.", source)


def _unread(source: Source, error: OSError) -> Failure:
    reason = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        message = "The file was there a moment ago and is gone."
        return again(message, "Run the command again.", source)
    message = f"The file cannot be read: {reason}."
    if isinstance(error, PermissionError):
        return replace(failure("discover.unreadable", message, source=source.path), retriable=True)
    hint = "See to the disk or the network that it is on, then run the command again."
    return again(message, hint, source)


def again(message: str, hint: str, source: Source) -> Failure:
    """Give a failure that says nothing against the file itself, so it is worth another try."""
    found = failure("extract.corrupt", message, source=source.path, hint=hint)
    return replace(found, retriable=True)

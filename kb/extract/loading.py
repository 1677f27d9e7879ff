"""The bytes of one file, whole and unchanging while they were read."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

from kb.errors import Failure, StageError, failure
from kb.model import Source

#: A larger file is refused before any of it is read.
MAX_BYTES = 512 * 2**20


def load(source: Source, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Give the file's bytes; a file that changes while it is read is read once more.

    Raises StageError: `extract.empty`, `extract.too_large`, or `extract.corrupt`, to be tried
    again, when the file is gone, cannot be read, or changes all the time.
    """
    try:
        for _ in range(2):
            if (data := _once(source, max_bytes)) is not None:
                return data
    except OSError as error:
        raise StageError(_unread(source, error)) from error
    message = "The file was being written while it was read."
    raise StageError(_again(message, "Run the command again when the file is complete.", source))


def _once(source: Source, max_bytes: int) -> bytes | None:
    """Read the file; None when it changed meanwhile."""
    # Without O_NONBLOCK a pipe that took the file's place would be waited for without end.
    descriptor = os.open(source.location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is a descriptor
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            message = "This is not a file with text in it."
            raise StageError(failure("extract.unsupported", message, source=source.path))
        if before.st_size > max_bytes:
            raise StageError(failure("extract.too_large", source=source.path, bytes=before.st_size))
        data = file.read(max_bytes + 1)
        after = os.fstat(descriptor)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not same or len(data) != after.st_size:
        return None
    if not data:
        raise StageError(failure("extract.empty", source=source.path))
    return data


def _unread(source: Source, error: OSError) -> Failure:
    reason = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        message = "The file was there a moment ago and is gone."
        return _again(message, "Run the command again.", source)
    message = f"The file cannot be read: {reason}."
    hint = "Give yourself read permission (`chmod u+r FILE`) and run the command again."
    return _again(message, hint, source)


def _again(message: str, hint: str, source: Source) -> Failure:
    """Give a failure that says nothing against the file itself, so it is worth another try."""
    found = failure("extract.corrupt", message, source=source.path, hint=hint)
    return replace(found, retriable=True)

"""The bytes of a file, as one number."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from kb.errors import StageError, failure

if TYPE_CHECKING:
    from kb.model import Source


def sha256_of(source: Source) -> str:
    """Give the SHA-256 of the file's bytes, hexadecimal; the file is read in pieces.

    The hash of a member comes with its container, not from here. Raises StageError:
    `discover.missing` when the file is gone, `discover.unreadable` when it may not or cannot be
    read, or is no ordinary file any more.
    """
    import hashlib

    assert not source.inside, "members have their hashes from whoever unpacked them"
    try:
        # Without O_NONBLOCK a pipe that took the file's place would be waited for without end.
        descriptor = os.open(source.location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                message = "This is no ordinary file any more."
                raise StageError(failure("discover.unreadable", message, source=source.path))
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        message = "The file was there a moment ago and is gone."
        raise StageError(failure("discover.missing", message, source=source.path)) from error
    except OSError as error:
        raise StageError(
            failure("discover.unreadable", source=source.path, reason=error.strerror or str(error))
        ) from error

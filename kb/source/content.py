"""The bytes of a file, as one number."""

from __future__ import annotations

import hashlib

from kb.errors import StageError, failure
from kb.model import Source


def sha256_of(source: Source) -> str:
    """Give the SHA-256 of the file's bytes, hexadecimal; the file is read in pieces.

    Raises StageError: `discover.missing` when the file is gone, `discover.unreadable` when it
    may not or cannot be read.
    """
    try:
        with source.location.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        message = "The file was there a moment ago and is gone."
        raise StageError(failure("discover.missing", message, source=source.path)) from error
    except OSError as error:
        raise StageError(
            failure("discover.unreadable", source=source.path, reason=error.strerror or str(error))
        ) from error

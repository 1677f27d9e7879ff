"""The bytes of a member: an archive's file or a mail's attachment, however deep it lies."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import PurePosixPath
from typing import IO, Final, Protocol, cast

from kb.errors import StageError, failure
from kb.extract.loading import again, changing, opened
from kb.model import Source

#: A member may lie in as many archives and mails as this.
MAX_DEPTH: Final = 4
#: The modules that open what holds others, by the ending of its name; each has a `hold`.
HOLDERS: Final[Mapping[str, str]] = {
    ".zip": "kb.extract.archive.zip",
    ".eml": "kb.extract.mail.eml",
    ".msg": "kb.extract.mail.msg",
}


class Holder(Protocol):
    """A file that holds others, open."""

    def bytes_of(self, name: str) -> bytes:
        """Give the bytes of a member by its stored name.

        Raises StageError with a code `extract.*` and KeyError where there is none of that name.
        """


def is_container(path: str) -> bool:
    """Tell by the ending of a name whether such a file holds others.

    >>> is_container("a/Bundle.ZIP"), is_container("a.pdf")
    (True, False)
    """
    return path[-4:].lower() in HOLDERS


def load_member(source: Source) -> bytes:
    """Give the bytes that `source.inside` leads to; `source.location` itself is left as it is.

    The container stays open for the next member of it. Raises StageError with a code `extract.*`,
    among them `extract.too_large` for what lies too deep, and `extract.corrupt`, to be tried
    again, when the container is gone or is no longer the one whose member this was.
    """
    if len(source.inside) > MAX_DEPTH:
        message = f"The file lies in more than {MAX_DEPTH} archives or mails, one in the other."
        hint = "Unpack the outer ones and ingest the files."
        raise StageError(failure("extract.too_large", message, source=source.path, hint=hint))
    _check(source)
    try:
        data = _OPEN.holder(source).bytes_of(source.inside[-1])
    except KeyError as error:
        raise StageError(changing(source)) from error
    _check(source)
    if len(data) != source.size:
        raise StageError(changing(source))
    if not data:
        raise StageError(failure("extract.empty", source=source.path))
    return data


def _check(source: Source) -> None:
    """Refuse a container that was written to since its members were listed."""
    try:
        found = os.stat(source.location)  # noqa: PTH116 - once for each member
    except OSError as error:
        message = "The file that holds it was there a moment ago and is gone."
        raise StageError(again(message, "Run the command again.", source)) from error
    if found.st_mtime_ns != source.mtime_ns:
        raise StageError(changing(source))


@dataclass(slots=True)
class _Open:
    """The container that was asked last, open, with the files that it needs."""

    key: tuple[object, ...] = ()
    last: Holder | None = None
    files: ExitStack = field(default_factory=ExitStack)

    def holder(self, source: Source) -> Holder:
        """Give the container of this member."""
        key = (os.getpid(), source.location, source.mtime_ns, source.inside[:-1])
        if self.key != key or self.last is None:
            self.key, self.last = (), None
            self.files.close()
            self.last = self._opened(source)
            self.key = key
        return self.last

    def _opened(self, source: Source) -> Holder:
        file = self.files.enter_context(opened(source))
        holder = hold(file, source.location.name)
        for name in source.inside[:-1]:
            holder = hold(io.BytesIO(holder.bytes_of(name)), name)
        return holder


def hold(file: IO[bytes], name: str) -> Holder:
    """Open what holds others, as the ending of its name says. Raises whatever its reader does."""
    ending = PurePosixPath(name).suffix.lower()
    return cast("Holder", import_module(HOLDERS[ending]).hold(file))


_OPEN: Final = _Open()

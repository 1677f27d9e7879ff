"""Formats that other packages bring, under the entry point group `kb.formats`.

The name of an entry point is the ending of the files it reads, without the dot; its object is
called as every reader here is. They are looked for when a file comes that no reader of kb's own
knows, and not before: looking through what is installed takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from kb.errors import StageError, failure
from kb.model import Document, Page, Source

GROUP: Final = "kb.formats"


@cache
def endings() -> Mapping[str, EntryPoint]:
    """Give the entry points by the endings they read, each with its dot and in small letters.

    Of two for one ending the first by the name of its package counts, wherever it is installed.
    """
    found = sorted(entry_points(group=GROUP), key=lambda each: (_package(each), each.value))
    return {f".{each.name.lower().lstrip('.')}": each for each in reversed(found)}


def reader(entry: EntryPoint) -> Callable[[bytes, Source], Document]:
    """Give the reader that an entry point names, which reads as it should or raises StageError.

    Raises StageError (`extract.unsupported`) when it cannot be loaded.
    """
    try:
        load = entry.load()
    except Exception as error:
        told = f"The plug-in {_package(entry)}, which reads files of the kind .{entry.name}, "
        hint = f"Install a version of {_package(entry)} that fits, or remove it."
        raise StageError(
            failure(
                "extract.unsupported", f"{told}cannot be loaded.", hint=hint, reason=_said(error)
            )
        ) from error

    def read(data: bytes, source: Source) -> Document:
        return _read(entry, load, data, source)

    return read


def _read(
    entry: EntryPoint, load: Callable[[bytes, Source], object], data: bytes, source: Source
) -> Document:
    package = _package(entry)
    try:
        document = load(data, source)
        wrong = _wrong(document)
    except (StageError, MemoryError):
        raise
    except Exception as error:
        message = f"The plug-in {package} failed to read the file."
        hint = f"Open the file in its own program and save it again, or report it to {package}."
        raise StageError(
            failure("extract.corrupt", message, hint=hint, reason=_said(error))
        ) from error
    if wrong or not isinstance(document, Document):
        message = f"The plug-in {package} gave something that is not a document: {wrong}."
        hint = f"Report it to the makers of {package}."
        raise StageError(failure("extract.corrupt", message, hint=hint))
    return document


def _wrong(document: object) -> str:
    """Say in what way this is no document; nothing when it is one."""
    if not isinstance(document, Document):
        return f"it is of the type {type(document).__name__}"
    edges = [edge for page in document.pages for edge in (page.start, page.end)]
    if not edges or edges[0] != 0 or edges[-1] != len(document.text):
        return "its pages do not cover its text"
    if edges != sorted(edges) or not _adjoining(document.pages):
        return "its pages do not follow one another"
    inside = all(0 <= each.start <= each.end <= edges[-1] for each in document.headings)
    if not inside or any("\ud800" <= char <= "\udfff" or char == "\0" for char in document.text):
        return "its headings lie outside its text, or it holds characters that cannot be kept"
    return "it has members, which only kb's own readers may give" if document.members else ""


def _adjoining(pages: tuple[Page, ...]) -> bool:
    ends = [page.end for page in pages[:-1]]
    return ends == [page.start for page in pages[1:]] and [page.number for page in pages] == list(
        range(1, len(pages) + 1)
    )


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]

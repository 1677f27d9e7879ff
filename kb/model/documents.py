"""What was read: a source, and the document that it says, with its pages and headings."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from kb.errors import Failure

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Bytes we were asked to index: which file, and what `stat` said when it was last looked at."""

    #: How the knowledge base names it: POSIX, relative to the folder of `.kb/` below it, else
    #: absolute.
    path: str
    location: Path
    size: int
    mtime_ns: int
    inode: int
    #: The names to follow inside `location`, outermost first, where these are the bytes of a
    #: member of an archive or an attachment of a mail; `path` is then that of the file that holds
    #: it, and the names, joined by "/".
    inside: tuple[str, ...] = ()


class PageState(StrEnum):
    """The one state in which each page (or part) of a document ends."""

    INDEXED = "indexed"
    BLANK = "blank"
    IMAGE_ONLY = "image_only"
    OCR = "ocr"
    DUPLICATE = "duplicate"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: the slice of canonical text that stands on it, and what became of it."""

    number: int
    start: int
    end: int
    state: PageState = PageState.INDEXED
    #: The failure code where the state is FAILED or IMAGE_ONLY.
    code: str | None = None
    #: Characters kept out of the text: running heads, page numbers, all of a duplicate.
    left_out: int = 0
    #: How sure the recognition of its letters was, 0 to 1, where the state is OCR.
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading that the file format itself declares: `text[start:end]` is its line."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of an archive or an attachment of a mail: a document of its own."""

    #: As the container names it; nothing is ever written under that name.
    name: str
    size: int
    #: Hash of its bytes, hexadecimal.
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one source says: canonical text with its pages and declared headings.

    The pages follow one another in order and cover the text; a format without pages has one
    page that holds all of it, and `paged` is False.
    """

    title: str
    format: str
    text: str
    pages: tuple[Page, ...]
    paged: bool
    headings: tuple[Heading, ...] = ()
    #: Pages that could not be read, while the others could.
    problems: tuple[Failure, ...] = ()
    #: What it holds that is read as documents of their own.
    members: tuple[Member, ...] = ()


class Lines:
    r"""Line numbers of a text: `\n`, `\r\n` and a lone `\r` each end a line.

    >>> Lines("one\ntwo").at(4)
    2
    """

    def __init__(self, text: str) -> None:
        self._starts = array("Q", [0])
        self._starts.extend(match.end() for match in _LINE_END.finditer(text))

    def at(self, offset: int) -> int:
        """Give the line, counted from 1, that holds the character at `offset`."""
        return bisect_right(self._starts, offset)

"""Canonical text: what citations point into, and how readers put it together."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from kb.model import Document, Heading, Page, Source

#: More text than this in one document is refused: no one reads it, and memory ends. Tables make
#: more text than they hold (separators, names), so they are stopped while it is made.
MAX_CHARACTERS: Final = 64_000_000
#: NULs and lone surrogates can be kept in no database and sent to no server. One character takes
#: the place of each, so that offsets stay.
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")
#: Titles that a program wrote into the file and no person did.
_NO_TITLE = re.compile(
    r"microsoft (word|powerpoint|excel) - .*|untitled.*|(new )?(microsoft word )?document ?\d*"
    r"|(新建 ?)?(microsoft word ?)?文档 ?\d*|unbenannt.*|sans titre.*|无标题.*|無標題.*"
    r"|powerpoint presentation|slide 1|title"
    r"|.*\.(docx?|pdf|rtf|odt|indd|qxd|tex|txt|html?|pptx?|xlsx?)|\S+\.[a-z]\w{1,3}|[\W\d_]*",
    re.IGNORECASE,
)


def keepable(text: str) -> str:
    r"""Give the text with NULs as spaces and lone surrogates as U+FFFD, one for one.

    >>> keepable("a\0b\ud800c")
    'a b�c'
    """
    return _UNKEEPABLE.sub(lambda match: " " if match[0] == "\0" else "\ufffd", text)


def sensible_title(title: object) -> str | None:
    """Give a declared title in one line, or None when no person can have meant it.

    >>> sensible_title("Microsoft Word - final2.doc") is None
    True
    """
    line = " ".join(keepable(title).split()) if isinstance(title, str) else ""
    if not 2 <= len(line) <= 300 or not line.isprintable() or "\ufffd" in line:
        return None
    return None if _NO_TITLE.fullmatch(line) else line


def stem(source: Source) -> str:
    """Give the file's name without its ending: the title of last resort."""
    return PurePosixPath(source.path).stem or source.path


class Composer:
    """Puts a text together block by block, each on a line of its own, and notes the headings."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []

    def add(self, block: str, *, level: int | None = None, gap: bool = False) -> None:
        """Add a block of one or more lines; `level` makes it a heading, `gap` parts it off."""
        block = keepable(block)
        if not block.strip():
            return
        if (gap or level) and self._parts:
            self._push("\n")
        if level:
            title = " ".join(block.split())
            end = self._length + len(block)
            self._headings.append(Heading(level=level, title=title, start=self._length, end=end))
        self._push(block + "\n")

    def _push(self, part: str) -> None:
        self._parts.append(part)
        self._length += len(part)

    @property
    def headings(self) -> tuple[Heading, ...]:
        """The headings so far, in order."""
        return tuple(self._headings)

    def document(self, *, title: str, kind: str) -> Document:
        """Give the whole as a document without pages."""
        return one_page("".join(self._parts), title=title, kind=kind, headings=self.headings)


def one_page(text: str, *, title: str, kind: str, headings: tuple[Heading, ...] = ()) -> Document:
    """Give a document whose format knows no pages: one page that holds all of it."""
    return Document(
        title=title,
        format=kind,
        text=text,
        pages=(Page(number=1, start=0, end=len(text)),),
        paged=False,
        headings=headings,
    )

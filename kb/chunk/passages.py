"""A passage as the rest of kb sees it: its text, its headings, and where a reader finds it."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import Final

from kb.chunk.sections import Name, Path
from kb.model import Chunk, Document, Lines

#: What stands between the headings of a context.
SEPARATOR: Final = " › "
#: A context is an aid: of a heading as long as a paragraph, its beginning will do.
_LONGEST_NAME: Final = 120


class Passages:
    """Makes the chunks of one document, numbered from 0 in the order they are asked for."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._lines = Lines(document.text)
        self._page_starts = [page.start for page in document.pages]
        self.made: list[Chunk] = []

    def add(self, start: int, end: int, path: Path, header: str = "") -> None:
        """Make a chunk of `text[start:end]` without the white space around it, if any is left."""
        text = self._document.text[start:end]
        start += len(text) - len(text.lstrip())
        text = text.strip()
        if not text:
            return
        end = start + len(text)
        page_start, page_end, page_line = self._pages(start, end)
        above = [name.text for name in path if not _stands_in(name, start, end, text)]
        self.made.append(
            Chunk(
                ordinal=len(self.made), start=start, end=end, text=text,
                section=tuple(name.text for name in path), context=context(above, header),
                page_start=page_start, page_end=page_end,
                line_start=self._lines.at(start), line_end=self._lines.at(end - 1),
                page_line=page_line,
            )
        )  # fmt: skip

    def _pages(self, start: int, end: int) -> tuple[int | None, int | None, int | None]:
        pages = self._document.pages
        if not self._document.paged or not pages:
            return None, None, None
        first = pages[max(0, bisect_right(self._page_starts, start) - 1)]
        last = pages[max(0, bisect_right(self._page_starts, end - 1) - 1)]
        line = self._lines.at(start) - self._lines.at(min(first.start, start)) + 1
        return first.number, last.number, line


def _stands_in(name: Name, start: int, end: int, text: str) -> bool:
    """Tell whether a heading stands in the passage `text` from its first letter to its last."""
    if not start <= name.start <= name.end <= end:
        return False
    # The heading's own lines hold all of its name, but where the text goes on in its last one.
    if name.end - name.start >= len(name.text):
        return True
    wanted = sum(map(str.isalnum, name.text))
    letters = filter(str.isalnum, text[name.start - start :])
    return len(list(islice(letters, wanted))) == wanted


def context(names: list[str], header: str = "") -> str:
    """Give headings, outermost first, and a table's header row as one line."""
    parts = [*names, header] if header else names
    return SEPARATOR.join(_shortened(part) for part in parts)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"

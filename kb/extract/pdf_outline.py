"""The bookmarks of a PDF, as far as they name a line that stands on their page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.generic import Destination

from kb.model import Heading, Page

_MOST = 5_000
_DEEPEST = 9


def headings(reader: PdfReader, text: str, pages: tuple[Page, ...]) -> tuple[Heading, ...]:
    """Give the bookmarks whose title stands at the beginning of a line of their page.

    A bookmark that cannot be found there is left out, and so are all of them when the file's
    outline is damaged: a wrong section in a citation is worse than none.
    """
    try:
        found = list(_found(reader, text, pages))
    except Exception:  # noqa: BLE001 - a damaged outline raises anything, and the text is what counts
        return ()
    unique = {heading.start: heading for heading in reversed(found)}
    return tuple(unique[start] for start in sorted(unique))


def _found(reader: PdfReader, text: str, pages: tuple[Page, ...]) -> Iterator[Heading]:
    for count, (level, mark) in enumerate(_marks(reader.outline, 1)):
        if count >= _MOST:
            return
        number = reader.get_destination_page_number(mark)
        words = str(mark.title or "").split()
        if number is None or not 0 <= number < len(pages) or not words:
            continue
        page = pages[number]
        # The outline may leave out the number that the page puts before the title.
        pattern = r"^(?:[\dIVXA-Z.()]{1,8}\s+)?" + r"\s+".join(map(re.escape, words)) + r"\s*$"
        match = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(text, page.start, page.end)
        if match:
            title = " ".join(match[0].split())
            end = match.start() + len(match[0].rstrip())
            yield Heading(level=level, title=title, start=match.start(), end=end)


def _marks(outline: list[Any], level: int) -> Iterator[tuple[int, Destination]]:
    for entry in outline:
        if isinstance(entry, Destination):
            yield level, entry
        elif isinstance(entry, list) and level < _DEEPEST:
            yield from _marks(entry, level + 1)

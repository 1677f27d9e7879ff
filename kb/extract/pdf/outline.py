"""The bookmarks of a PDF, as far as they name a line that stands on their page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kb.extract.pdf.sheet import Mark
from kb.model import Heading, Page


def headings(marks: Iterable[Mark], text: str, pages: tuple[Page, ...]) -> tuple[Heading, ...]:
    """Give the bookmarks whose title stands at the beginning of a line of their page.

    A bookmark that cannot be found there is left out, and so are all of them when the file's
    outline is damaged: a wrong section in a citation is worse than none.
    """
    try:
        found = list(_found(marks, text, pages))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a damaged outline raises anything, and the text is what counts
        return ()
    unique = {heading.start: heading for heading in reversed(found)}
    return tuple(unique[start] for start in sorted(unique))


def _found(marks: Iterable[Mark], text: str, pages: tuple[Page, ...]) -> Iterator[Heading]:
    for mark in marks:
        words = mark.title.split()
        if not 0 <= mark.page < len(pages) or not words:
            continue
        page = pages[mark.page]
        # The outline may leave out the number that the page puts before the title.
        pattern = r"^(?:[\dIVXA-Z.()]{1,8}\s+)?" + r"\s+".join(map(re.escape, words)) + r"\s*$"
        match = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(text, page.start, page.end)
        if match:
            title = " ".join(match[0].split())
            end = match.start() + len(match[0].rstrip())
            yield Heading(level=mark.level, title=title, start=match.start(), end=end)

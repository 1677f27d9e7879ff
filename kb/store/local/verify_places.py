"""Where a passage stands, worked out again from the text: bytes, lines and pages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields

from kb.model import Lines
from kb.store.local.rows import byte_offsets


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The columns of a chunk that its offsets and its document's text decide."""

    byte_start: int
    byte_end: int
    page_start: int | None
    page_end: int | None
    line_start: int
    line_end: int
    page_line: int | None


COLUMNS = tuple(each.name for each in fields(Places))


def places(
    text: str, pages: Sequence[tuple[int, int]] | None, spans: Sequence[tuple[int, int]]
) -> list[Places]:
    """Give the places of the spans (start, end) of a text, none of them empty.

    `pages` holds number and start of each page in order, or None for a format without pages.
    """
    lines = Lines(text)
    at = byte_offsets(text, (edge for span in spans for edge in span))
    starts = [start for _, start in pages or ()]
    made = []
    for start, end in spans:
        page_start = page_end = page_line = None
        if pages:
            page_start, begin = pages[max(0, bisect_right(starts, start) - 1)]
            page_end, _ = pages[max(0, bisect_right(starts, end - 1) - 1)]
            page_line = lines.at(start) - lines.at(min(begin, start)) + 1
        made.append(
            Places(
                byte_start=at[start], byte_end=at[end], page_start=page_start, page_end=page_end,
                line_start=lines.at(start), line_end=lines.at(end - 1), page_line=page_line,
            )
        )  # fmt: skip
    return made

"""A stored passage or document, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.render.search import parts_after, parts_before, place, section_line
from cli.render.styled import Text
from cli.render.tables import size_of
from cli.render.text import clean, one_line, shorten, wrap

if TYPE_CHECKING:
    from kb.pipeline.show import Shown
    from kb.store import Passage


def shown_lines(shown: Shown, *, width: int, wrapped: bool) -> Iterator[Text]:
    """Give the document or passage under its heading; verbatim lines unless `wrapped`."""
    yield Text(shorten(one_line(shown.document.path), width), "bold")
    if shown.passage is None:
        yield Text(shorten(_facts(shown), width), "dim")
        yield from _document(shown, width if wrapped else None)
    else:
        yield from _passage(shown, shown.passage, width, wrapped=wrapped)


def _facts(shown: Shown) -> str:
    row = shown.document
    pages = f"{row.pages} pages" if row.pages and row.pages > 1 else ""
    pages = "1 page" if row.pages == 1 else pages
    title = one_line(row.title)
    told = [title, row.format, pages, f"{row.chunks} chunks", size_of(row.bytes), row.collection]
    return "   ".join(each for each in told if each)


def _document(shown: Shown, width: int | None) -> Iterator[Text]:
    if shown.document.pages is None:
        yield Text()
        yield from _body(shown.text, width)
        return
    for page in shown.pages:
        state = "" if page.state.value == "indexed" else f" ({page.state.value})"
        yield Text()
        yield Text(f"-- page {page.number}{state} --", "dim")
        yield from _body(shown.text[page.start : page.end], width)


def _passage(shown: Shown, passage: Passage, width: int, *, wrapped: bool) -> Iterator[Text]:
    from kb.search.reference import reference

    chunk = passage.chunk
    facts = (place(chunk), shown.ref or reference(passage.chunk_id))
    yield Text(section_line(chunk.section or (passage.title,), facts, width), "dim")
    room = width if wrapped else None
    before = parts_before(shown.before, chunk.start)
    after = parts_after(shown.after, chunk.end)
    for text, style in ((before, "dim"), (chunk.text, ""), (after, "dim")):
        if text.strip():
            yield Text()
            yield from _body(text, room, style)


def _body(text: str, width: int | None, style: str = "") -> Iterator[Text]:
    for line in text.strip("\r\n").split("\n"):
        shown = clean(line.rstrip("\r"))
        if width is None:
            yield Text(shown, style)
        else:
            yield from (Text(shown[a:b], style) for a, b in wrap(shown, width) or [(0, 0)])

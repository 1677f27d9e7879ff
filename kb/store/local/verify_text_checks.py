"""What one pass over the documents tells: the lines of the result that it fills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kb.store import Finding
from kb.store.local.verify_check import Check, counted


@dataclass(slots=True, kw_only=True)
class TextChecks:
    """The checks of documents, pages and chunks."""

    documents: Check = field(default_factory=lambda: Check("documents.whole"))
    pages: Check = field(default_factory=lambda: Check("documents.pages"))
    spans: Check = field(default_factory=lambda: Check("chunks.spans"))
    order: Check = field(default_factory=lambda: Check("chunks.order"))
    places: Check = field(default_factory=lambda: Check("chunks.places"))
    texts: Check = field(default_factory=lambda: Check("chunks.texts"))
    vectors: Check = field(default_factory=lambda: Check("chunks.vectors"))


def findings(checks: TextChecks, *, documents: int, pages: int, chunks: int) -> Iterator[Finding]:
    """Give the results over so many documents, pages and chunks."""
    told = counted(documents, "document")
    yield checks.documents.finding(
        f"{told}, each with its text, its source and its rows.",
        "Documents are not whole",
        documents=documents,
    )
    yield checks.pages.finding(
        f"{counted(pages, 'page')} of {told}, each in one state, follow one another.",
        "The pages of documents do not add up",
        pages=pages,
    )
    told = counted(chunks, "chunk")
    yield checks.spans.finding(
        f"{told} inside their documents; all that is not blank is in one.",
        "Chunks do not cover their documents",
        chunks=chunks,
    )
    yield checks.order.finding(
        f"{told} numbered without a gap, in order.", "Chunks are not in order", chunks=chunks
    )
    yield checks.places.finding(
        f"{told} with the right bytes, lines and pages.",
        "Chunks say a wrong place",
        chunks=chunks,
    )
    yield checks.texts.finding(
        f"{told} with the very text that their vectors were made of.",
        "The text of chunks is not what was embedded",
        chunks=chunks,
    )
    yield checks.vectors.finding(
        f"{told} with a vector of their generation, or the reason why not.",
        "Chunks lack their vector",
        chunks=chunks,
    )

"""Cut a passage that a model refuses as too long."""

from __future__ import annotations

from bisect import bisect_right

from kb.chunk.blocks import blocks
from kb.chunk.pack import Piece, pack
from kb.chunk.passages import SEPARATOR, context
from kb.chunk.sentences import best_cut
from kb.chunk.tokens import estimate_tokens
from kb.model import Chunk, Document, Lines


def split_chunk(
    chunk: Chunk, document: Document, *, parts: int | None = None, max_tokens: int | None = None
) -> list[Chunk]:
    """Give `chunk` cut into at least `parts` pieces, or into ones of at most `max_tokens`.

    `parts` is 2 where neither is given; it is for a caller whose model counts otherwise than
    `estimate_tokens`. The cuts are those of `chunk_document`: paragraphs, sentences, commas,
    spaces, and last between any two characters as a reader sees them. A single character comes
    back as it is. All pieces bear the ordinal of `chunk`: the caller numbers its chunks anew.
    """
    if max_tokens is not None:
        pieces = _pieces(chunk, max(1, max_tokens))
    else:
        pieces = _in_parts(chunk, 2 if parts is None else parts)
    lines = Lines(chunk.text)
    made = [_piece_of(chunk, document, lines, piece) for piece in pieces]
    return made if len(made) > 1 else [chunk]


def _in_parts(chunk: Chunk, parts: int) -> list[Piece]:
    # A little more than a fair part, as sentences are not all of one length.
    limit = estimate_tokens(chunk.text) * 6 // (5 * max(1, parts)) + 1
    while True:
        pieces = _pieces(chunk, limit)
        if len(pieces) >= parts:
            return pieces
        if limit == 1:
            return _by_length(chunk.text, parts)
        limit = max(1, limit * 3 // 4)


def _by_length(text: str, parts: int) -> list[Piece]:
    """Give pieces of about equal length of a text too short to be measured in tokens."""
    size = max(1, len(text) // parts)
    pieces: list[Piece] = []
    start = 0
    while start < len(text):
        end = best_cut(text, start, min(len(text), start + size))
        pieces.append(Piece(start, end))
        start = end
    return _not_blank(text, pieces)


def _not_blank(text: str, pieces: list[Piece]) -> list[Piece]:
    return [piece for piece in pieces if text[piece.start : piece.end].strip()]


def _pieces(chunk: Chunk, limit: int) -> list[Piece]:
    """Give the pieces by their offsets in the chunk."""
    found = blocks(chunk.text, 0, len(chunk.text), body=0, breaks=frozenset())
    return _not_blank(chunk.text, pack(chunk.text, found, target=limit, limit=limit))


def _piece_of(chunk: Chunk, document: Document, lines: Lines, piece: Piece) -> Chunk:
    text = chunk.text[piece.start : piece.end]
    first = piece.start + len(text) - len(text.lstrip())
    text = text.strip()
    last = first + len(text) - 1
    page_start, page_end, page_line = _pages(chunk, document, lines, first, last)
    return Chunk(
        ordinal=chunk.ordinal, start=chunk.start + first, end=chunk.start + last + 1, text=text,
        section=chunk.section, context=_context(chunk, piece),
        page_start=page_start, page_end=page_end,
        line_start=chunk.line_start + lines.at(first) - 1,
        line_end=chunk.line_start + lines.at(last) - 1,
        page_line=page_line,
    )  # fmt: skip


def _context(chunk: Chunk, piece: Piece) -> str:
    if piece.start == 0:
        return chunk.context
    # The headings that stood in the chunk's own text stay with its first piece.
    known = context(list(chunk.section))
    if chunk.context.startswith(known + SEPARATOR):
        # The header of the table whose rows the chunk holds.
        return chunk.context
    return context(list(chunk.section), piece.header)


def _pages(
    chunk: Chunk, document: Document, lines: Lines, first: int, last: int
) -> tuple[int | None, int | None, int | None]:
    if chunk.page_start is None or chunk.page_line is None:
        return None, None, None
    starts = [page.start for page in document.pages]
    start = chunk.start + first
    page = document.pages[max(0, bisect_right(starts, start) - 1)]
    end = document.pages[max(0, bisect_right(starts, chunk.start + last) - 1)]
    if page.number == chunk.page_start:
        return page.number, end.number, chunk.page_line + lines.at(first) - 1
    return page.number, end.number, Lines(document.text[page.start : start]).at(start - page.start)

"""Where do passages begin and end?

`chunk_document` follows the structure of the text first (headings, numbered clauses), then
packs paragraphs, and cuts within a paragraph only where it must. Modules, from the ground up:

    tokens     how long is a text to a model?          numerals   what number is 第十二条, IV, (b)?
    clauses    does a line begin with a number?        titles     is there a title after it?
    layout     what does a line look like?             candidate  a place like a heading
    declared   headings of the format, the title       headings   those found in the text
    contents   which are only a table of contents?     sequence   do the numbers follow?
    places     which headings are open?                numbered   where does 3.2 stand?
    floating   where does (a) stand?                   outline    which heading is below which?
    sections   where do clauses begin and end?
    sentences  where may a text be cut?                blocks     paragraphs, lists, tables
    pack       what goes into one passage?             passages   text, headings, page and line
    split      a passage that a model refuses
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from kb.chunk.blocks import blocks
from kb.chunk.pack import Piece, pack
from kb.chunk.passages import Passages
from kb.chunk.sections import Part, Path, Section, sections
from kb.chunk.sentences import sentences
from kb.chunk.split import split_chunk
from kb.chunk.tokens import estimate_tokens
from kb.model import Chunk, Document

__all__ = ["Chunking", "chunk_document", "estimate_tokens", "split_chunk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunking:
    """How long passages become, in estimated tokens; their context is not counted."""

    #: Passages of prose are filled up to this: at equal reading 192 to 512 find about as much
    #: (`benchmarks/chunking.md`), and with all of a search 384 finds more than 256.
    target_tokens: int = 384
    #: Whole sentences of the passage before, in the same section, that are said again.
    overlap_tokens: int = 0
    #: A clause or paragraph up to this is kept whole; None: the same as `target_tokens`.
    max_tokens: int | None = None

    @property
    def limit(self) -> int:
        """The most tokens a passage may have, unless it is a single character."""
        return max(1, self.target_tokens if self.max_tokens is None else self.max_tokens)

    @property
    def target(self) -> int:
        """What is aimed at: never above the limit."""
        return max(1, min(self.target_tokens, self.limit))


_DEFAULT: Final = Chunking()


def chunk_document(document: Document, *, chunking: Chunking = _DEFAULT) -> list[Chunk]:
    """Give the passages of `document` in order; together they hold all that is not blank.

    Passages do not overlap but by `overlap_tokens`, and none crosses from one section (a
    numbered clause, the text below a heading) into another. A blank document has none.
    """
    passages = Passages(document)
    for section in sections(document):
        _add_section(passages, document.text, section, chunking)
    return passages.made


def _add_section(passages: Passages, text: str, section: Section, chunking: Chunking) -> None:
    if estimate_tokens(text[section.start : section.end]) <= chunking.limit:
        passages.add(section.start, section.end, section.path)
        return
    overlap = min(max(0, chunking.overlap_tokens), chunking.target // 2)
    starts = [part.start for part in section.parts]
    found = blocks(text, section.start, section.end, body=section.body, breaks=frozenset(starts))
    pieces = pack(text, found, target=chunking.target - overlap, limit=chunking.limit - overlap)
    before: Piece | None = None
    for piece in pieces:
        start = piece.start if before is None else _overlap_start(text, before, piece, overlap)
        path = _path(section, starts, piece)
        passages.add(start, piece.end, path, piece.header)
        before = piece


def _path(section: Section, starts: list[int], piece: Piece) -> Path:
    """Give the headings above a piece of a section: those of the innermost item that holds it."""
    i = bisect_right(starts, piece.start) - 1
    part: Part | None = section.parts[i] if i >= 0 else None
    while part is not None and part.end < piece.end:
        part = part.parent
    return section.path if part is None else part.path


def _overlap_start(text: str, before: Piece, piece: Piece, overlap: int) -> int:
    """Give where `piece` begins when it repeats the last sentences of the one before, not all."""
    start = piece.start
    if not overlap:
        return start
    for begin, _ in reversed(list(sentences(text, before.start, before.end))):
        if begin == before.start or estimate_tokens(text[begin : piece.start]) > overlap:
            break
        start = begin
    return start

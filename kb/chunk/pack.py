"""Which blocks go into one passage, and where is a block cut that fits into none?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kb.chunk import sentences
from kb.chunk.blocks import Block, Kind, header
from kb.chunk.tokens import estimate_tokens


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage to be: `text[start:end]`, and the header of a table whose rows it goes on."""

    start: int
    end: int
    header: str = ""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is not cut any further, with its size in tokens."""

    start: int
    end: int
    tokens: int
    header: str


def pack(text: str, blocks: list[Block], *, target: int, limit: int) -> list[Piece]:
    """Give passages of up to `target` tokens that together hold all `blocks`, in order.

    A block is kept whole where it fits into `target`, or alone into `limit`. A passage is
    closed as soon as it has its fair share, so that the last one is no mere scrap.
    """
    groups = list(_groups(text, blocks, limit))
    total = sum(unit.tokens for group in groups for unit in group)
    share = total / max(1, -(-total // target))
    pieces: list[Piece] = []
    held: list[_Unit] = []
    size = 0
    for group in groups:
        tokens = sum(unit.tokens for unit in group)
        whole = len(group) > 1 and tokens <= limit
        for i, unit in enumerate(group):
            need = tokens if whole and i == 0 else unit.tokens
            inside = whole and i > 0
            if held and not inside and (size + need > target or size >= share):
                pieces.append(_piece(held))
                held, size = [], 0
            held.append(unit)
            size += unit.tokens
    return [*pieces, _piece(held)] if held else pieces


def _piece(units: list[_Unit]) -> Piece:
    return Piece(units[0].start, units[-1].end, units[0].header)


def _groups(text: str, blocks: list[Block], limit: int) -> Iterator[list[_Unit]]:
    """Give each block as units of at most `limit` tokens."""
    for block in blocks:
        row = header(text, block)
        units: list[_Unit] = []
        for span in block.spans:
            later = row if span.kind is Kind.TABLE and units else ""
            tokens = estimate_tokens(text[span.start : span.end])
            if tokens <= limit:
                units.append(_Unit(span.start, span.end, tokens, later))
            else:
                units += _cut(text, span.start, span.end, limit, later)
        yield units


def _cut(text: str, start: int, end: int, limit: int, row: str) -> Iterator[_Unit]:
    """Cut a paragraph at its sentences, and a sentence that is still too long within it."""
    for first, last in sentences.sentences(text, start, end):
        for begin, stop in _within(text, first, last, limit):
            yield _Unit(begin, stop, estimate_tokens(text[begin:stop]), row)


#: English prose has no more characters than this to a token.
_CHARS_PER_TOKEN: Final = 4


def _within(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = min(end, start + limit * _CHARS_PER_TOKEN)
        while (tokens := estimate_tokens(text[start:stop])) > limit and stop - start > 1:
            stop = start + max(1, min(stop - start - 1, (stop - start) * limit // tokens))
        if stop < end:
            stop = min(end, sentences.best_cut(text, start, stop))
        yield start, stop
        start = stop

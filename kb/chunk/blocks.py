"""What belongs together below the level of a section: paragraphs, lists and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby

from kb.chunk import layout
from kb.chunk.layout import Line


class Kind(Enum):
    """How the lines of a block hang together."""

    TEXT = auto()
    LIST = auto()
    TABLE = auto()


@dataclass(frozen=True, slots=True)
class Span:
    """A paragraph, a list item or a table row: `text[start:end]`."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or all items of a list, or all rows of a table; `spans` has at least one."""

    spans: tuple[Span, ...]

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.spans[0].start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.spans[-1].end


def blocks(text: str, start: int, end: int, *, body: int, breaks: frozenset[int]) -> list[Block]:
    """Give the blocks of `text[start:end]`, in order; every character not blank is in one.

    Headings up to `body` belong to the first paragraph. A paragraph begins at each of `breaks`.
    """
    spans = list(_spans(text, start, end, body=body, breaks=breaks))
    found: list[Block] = []
    for kind, group in groupby(spans, key=lambda span: span.kind):
        members = tuple(group)
        if kind is Kind.TEXT:
            found += [Block((span,)) for span in members]
        else:
            found.append(Block(members))
    return found


def _spans(text: str, start: int, end: int, *, body: int, breaks: frozenset[int]) -> Iterator[Span]:
    begin, stop = start, start
    kind = Kind.TEXT
    above: Line | None = None
    for line in layout.lines(text, start, end):
        found = _kind(text, line)
        if above is None or above.end <= body:
            # The first line, or the line below the headings, opens no paragraph of its own.
            kind = Kind.TEXT if line.start < body else found
        elif found is Kind.TABLE or _opens(text, above, line, (kind, found), breaks):
            yield Span(begin, stop, kind)
            begin, kind = line.start, found
        above, stop = line, line.end
    if above is not None:
        yield Span(begin, stop, kind)


def _kind(text: str, line: Line) -> Kind:
    glance = layout.head(text, line)
    if layout.is_row(glance):
        return Kind.TABLE
    return Kind.LIST if layout.is_bullet(glance) else Kind.TEXT


def _opens(
    text: str, above: Line, line: Line, kinds: tuple[Kind, Kind], breaks: frozenset[int]
) -> bool:
    """Whether a paragraph or item begins with the line; `kinds` are those above and of it."""
    if line.apart or line.start in breaks or kinds[0] is Kind.TABLE or kinds[1] is Kind.LIST:
        return True
    return layout.is_ended(layout.tail(text, above))


def header(text: str, block: Block) -> str:
    """Give a table's header row on one line; empty for what is no table."""
    rows = [span for span in block.spans[:1] if span.kind is Kind.TABLE]
    if not rows:
        return ""
    # Headings may stand in the same span, above the row.
    *_, row = layout.lines(text, rows[0].start, rows[0].end)
    return " ".join(text[row.start : row.end].split())

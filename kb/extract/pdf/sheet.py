"""One page of a PDF as it was read, whichever library read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kb.model import PageState


class Line(NamedTuple):
    """One line of a page as it will stand in the text; places in points, y grows downwards."""

    text: str
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    #: The height of its letters.
    size: float = 0.0
    bold: bool = False
    #: Whether more blank stands above it than between the lines of a paragraph.
    apart: bool = False
    #: Whether it is a row of a table.
    row: bool = False
    #: Whether it runs otherwise than most of the page, as a note on its side does.
    turned: bool = False
    #: Whether it is a running head, where it stands for the first time.
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page: its lines in reading order, what became of it, and why if it failed."""

    lines: tuple[Line, ...] = ()
    state: PageState = PageState.INDEXED
    #: Whether a picture is on it, or lines that may be letters; looked for where text is short.
    drawing: bool = False
    reason: str = ""
    #: What mends it, where that is not always the same.
    cure: str = ""
    #: Where the page begins and ends, as its lines run.
    top: float = 0.0
    bottom: float = 0.0
    #: Which share of its signs have no letter, as far as that is not seen from its lines.
    unmapped: float = 0.0
    #: Whether its letters are not those that the page shows; see `garbled`.
    garbled: bool = False
    #: Characters that were kept out of the lines.
    left_out: int = 0
    #: How sure the recognition of its letters was, 0 to 1, where they were recognised.
    confidence: float | None = None

    @property
    def text(self) -> str:
        """The lines, joined."""
        return "\n".join(line.text for line in self.lines)


class Mark(NamedTuple):
    """A bookmark: its depth from 1, its title, and its page counted from 0."""

    level: int
    title: str
    page: int

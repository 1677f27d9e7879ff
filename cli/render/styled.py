"""Lines with styles: plain text, and where which style begins and ends.

rich draws them (`drawn`), and is imported only then: where no styles are shown, importing it would
cost more than all the rest of a short command's output.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

from cli.render.text import UNSEEN, cells

if TYPE_CHECKING:
    from rich.text import Text as Drawn


class Span(NamedTuple):
    """A style for `plain[start:end]`, in rich's words, e.g. "bold red"."""

    start: int
    end: int
    style: str


class Text:
    """One line, or several with line ends in them; `style` holds for all of it."""

    __slots__ = ("plain", "spans", "style")

    def __init__(self, plain: str = "", style: str = "") -> None:
        self.plain = plain
        self.style = style
        self.spans: list[Span] = []

    @classmethod
    def assemble(cls, *parts: Part) -> Self:
        """Give one line of several parts, each plain, or with its style, or made already."""
        line = cls()
        for part in parts:
            line._add(part)
        return line

    def __str__(self) -> str:
        return self.plain

    def append(self, more: str) -> None:
        """Add plain text at the end."""
        self.plain += more

    def stylize(self, style: str, start: int, end: int) -> None:
        """Give `plain[start:end]` a style."""
        self.spans.append(Span(start, end, style))

    @property
    def cell_len(self) -> int:
        """How many cells of a terminal it takes."""
        return cells(self.plain)

    def seen(self) -> Text:
        """Give it without the signs that take no room, which whoever searches it would trip on."""
        if UNSEEN not in self.plain:
            return self
        kept = [at for at, each in enumerate(self.plain) if each != UNSEEN]
        made = Text("".join(self.plain[at] for at in kept), self.style)
        for start, end, style in self.spans:
            made.stylize(style, bisect_left(kept, start), bisect_left(kept, end))
        return made

    def drawn(self) -> Drawn:
        """Give it as rich's own."""
        from rich.text import Text as Drawn

        made = Drawn(self.plain, self.style)
        for start, end, style in self.spans:
            made.stylize(style, start, end)
        return made

    def _add(self, part: Part) -> None:
        start = len(self.plain)
        if isinstance(part, Text):
            self.plain += part.plain
            if part.style:
                self.stylize(part.style, start, len(self.plain))
            self.spans += [Span(a + start, b + start, style) for a, b, style in part.spans]
        elif isinstance(part, str):
            self.plain += part
        else:
            self.plain += part[0]
            self.stylize(part[1], start, len(self.plain))


#: What a line is made of.
Part: TypeAlias = str | tuple[str, str] | Text

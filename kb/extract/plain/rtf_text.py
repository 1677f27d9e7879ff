"""The paragraphs, rows and notes that the words of an RTF file add up to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kb.extract.canonical import Composer
from kb.extract.rows import row

_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|标题|標題|見出し)\s*([1-9])", re.IGNORECASE
)
_TITLE = re.compile(r"title|titel|titre|标题|標題", re.IGNORECASE)
_DEEPEST_HEADING = 9


@dataclass(slots=True)
class _Aside:
    """A text that interrupts another one: a footnote, a comment, a text box."""

    kind: str
    mark: str
    words: list[str]
    cells: list[str]
    level: int | None
    style: int
    intbl: bool


@dataclass(slots=True)
class Paragraphs:
    """Composes the text from words (par, cell, ...) and what is said between them."""

    out: Composer = field(default_factory=Composer)
    title: str = ""
    _words: list[str] = field(default_factory=list)
    _cells: list[str] = field(default_factory=list)
    _level: int | None = None
    _style: int = 0
    _rows: int = 0
    _intbl: bool = False
    _levels: dict[int, int] = field(default_factory=dict)
    _entry: tuple[int, int | None] = (0, None)
    _titles: set[int] = field(default_factory=set)
    _asides: list[_Aside] = field(default_factory=list)
    _waiting: list[str] = field(default_factory=list)
    _notes: int = 0

    def say(self, text: str) -> None:
        """Add to the current paragraph."""
        self._words.append(text)

    def word(self, word: str, number: int | None) -> None:
        """Take a word that shapes paragraphs; any other is passed over."""
        if word in {"par", "sect", "page", "column"}:
            self._words.append("\n") if self._in_row() else self._paragraph()
        elif word == "pard":
            self._level, self._style, self._intbl = None, 0, False
        elif word == "s":
            self._style = number or 0
            self._level = self._levels.get(self._style)
        elif word == "outlinelevel":
            level = 0 if number is None else number
            self._level = level + 1 if 0 <= level < _DEEPEST_HEADING else None
        elif word == "chftn":
            self._words.append("" if self._asides else f"[{self._notes + 1}]")
        else:
            self._table_word(word)

    def _in_row(self) -> bool:
        return self._intbl and not self._asides

    def _table_word(self, word: str) -> None:
        if word == "intbl":
            self._intbl = True
        elif word == "cell" and not self._asides:
            self._cells.append(self._taken())
        elif word in {"nestcell", "nestrow"}:
            self._words.append(" ")
        elif word == "row" and not self._asides:
            self._row()

    def _row(self) -> None:
        rest = self._taken()
        cells = [*self._cells, rest] if rest.strip() else self._cells
        self._cells = []
        filled = [cell for cell in cells if cell.strip()]
        if len(filled) == 1 and not self._rows:  # a frame around ordinary text
            self.out.add(filled[0].strip(), gap=True)
        elif filled:
            self.out.add(row(cells), gap=not self._rows)
            self._rows += 1
        self._after()

    def _paragraph(self) -> None:
        if self._asides:
            self._words.append(" ")
            return
        if self._cells:
            self._row()
        text = self._taken().strip()
        if text:
            self._rows = 0
            if self._style in self._titles and not self.title:
                self.title = " ".join(text.split())
            level = self._level or (1 if self._style in self._titles else None)
            self.out.add(text, level=level, gap=True)
        self._after()

    def _after(self) -> None:
        for note in self._waiting:
            self.out.add(note)
        self._waiting.clear()

    def _taken(self) -> str:
        """Give what was said since the last paragraph; halves of one character are joined."""
        text = "".join(self._words)
        self._words = []
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    @property
    def depth(self) -> int:
        """So many notes have begun and not ended."""
        return len(self._asides)

    def enter(self, kind: str) -> None:
        """Begin a footnote, a comment or a text box."""
        mark = "Comment: " if kind == "annotation" else ""
        if kind == "footnote":
            self._notes += 1
            mark = f"[{self._notes}] "
            if not "".join(self._words[-2:]).endswith(f"[{self._notes}]"):
                self._words.append(f"[{self._notes}]")
        here = (self._words, self._cells, self._level, self._style, self._intbl)
        self._asides.append(_Aside(kind, mark, *here))
        self._words, self._cells = [], []

    def leave(self, depth: int) -> None:
        """End the notes that were begun since there were `depth` of them."""
        while len(self._asides) > depth:
            aside = self._asides.pop()
            text = " ".join(" ".join([*self._cells, self._taken()]).split())
            self._words, self._cells, self._level = aside.words, aside.cells, aside.level
            self._style, self._intbl = aside.style, aside.intbl
            if text:
                self._waiting.append(aside.mark + text)

    def end(self) -> None:
        """End the last paragraph, which need not be told."""
        self.leave(0)
        self._intbl = False
        self._paragraph()

    def style_word(self, word: str, number: int | None) -> None:
        """Take a word that describes the style whose entry is being read."""
        if word == "s":
            self._entry = (number or 0, None)
        elif word in {"cs", "ts", "ds"}:
            self._entry = (-1, None)  # a style of characters, tables or sections
        elif word == "outlinelevel" and number is not None:
            self._entry = (self._entry[0], number + 1)

    def name_style(self, name: str) -> None:
        """End the entry of a style."""
        number, level = self._entry
        match = _HEADING.match(name)
        if level is None and match:
            level = int(match[1])
        if level is not None and 1 <= level <= _DEEPEST_HEADING:
            self._levels[number] = level
        elif _TITLE.fullmatch(name):
            self._titles.add(number)
        self._entry = (0, None)

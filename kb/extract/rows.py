"""Tables of any format as text: rows that passages can carry the header of.

`kb.chunk` takes the first of adjoining lines with ` | ` in them for the header of the others and
says it again above each later passage, as far as it has room (`kb/chunk/passages.py`). A header
that is too long for that would be lost, so such a table is written record by record, each value
under its own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kb.errors import StageError, failure
from kb.extract.canonical import MAX_CHARACTERS, Composer

#: A header longer than this does not fit above a passage.
_LONGEST_HEADER = 120
_LONGEST_NAME = 80
_BATCH = 2000
#: In a sheet this wide, rows with a few cells are written without the empty ones between them.
_WIDE = 500
_NUMBER = re.compile(r"[-+(]?[\d.,%: /)-]*\d[\d.,%: /)-]*(e[-+]?\d+)?", re.IGNORECASE)


def row(cells: Sequence[str]) -> str:
    """Give a table's row in one line, between bars where an empty cell is first or last.

    >>> row(["Part", "Price"]), row(["A1", ""]), row(["", "3"])
    ('Part | Price', '| A1 |', '|  | 3 |')
    """
    filled = [" ".join(cell.split()) for cell in cells]
    last = len(filled)
    while last and not filled[last - 1]:
        last -= 1
    line = " | ".join(filled[:last])
    return line if last == len(filled) > 1 and filled[0] else f"| {line} |"


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, a date or a time and no word."""
    return _NUMBER.fullmatch(cell.strip()) is not None


@dataclass(slots=True)
class Rows:
    """Adds rows to a text one after the other and finds where tables begin and end.

    Rows above a table with one cell filled are its title. Blank rows part two tables, but not
    where the row below them has a number in it and so is no header.
    """

    out: Composer
    #: Whether it is known to be one table, so that its first row is its header.
    known: bool = False
    #: The names of the columns where the table is written record by record.
    _names: list[str] = field(default_factory=list)
    #: Those of them that no record has had a value for so far.
    _unused: list[str] = field(default_factory=list)
    _inside: bool = False
    _blank: bool = True
    _length: int = 0

    def add(self, cells: Sequence[str]) -> None:
        """Add one row. Raises StageError: `extract.too_large`."""
        filled = [cell for cell in cells if cell.strip()]
        if not filled:
            self._blank = not self.known
            return
        goes_on = self._inside and (not self._blank or any(map(is_number, filled)))
        if not goes_on:
            self._say_unused()
        if not goes_on and len(filled) == 1 and not self.known:
            self._say(filled[0].strip(), gap=self._blank)
            self._inside = False
        elif not goes_on:
            self._inside = True
            self._names = _names(cells)
            self._unused = [name for name in self._names if name]
            if not self._names:
                self._say(row(cells), gap=True)
        elif self._names:
            self._say("\n".join(_record(self._names, cells)), gap=True)
            if self._unused:
                pairs = zip(self._names, cells, strict=False)
                used = {name for name, cell in pairs if cell.strip()}
                self._unused = [name for name in self._unused if name not in used]
        else:
            self._say(row(cells), gap=False)
        self._blank = False

    def end(self) -> None:
        """End the table: the next row begins another one."""
        self._say_unused()
        self._inside, self._blank = False, True

    def _say_unused(self) -> None:
        """Name the columns of a table of records in which nothing stands."""
        if self._unused:
            self._say("\n".join(f"{name}:" for name in self._unused), gap=True)
        self._unused = []

    def _say(self, block: str, *, gap: bool) -> None:
        self._length += len(block) + 2
        if self._length > MAX_CHARACTERS:
            message = "The tables in the file are larger than kb accepts."
            raise StageError(failure("extract.too_large", message, characters=self._length))
        self.out.add(block, gap=gap)


@dataclass(slots=True)
class Grid:
    """Turns cells that know their row and column into rows, without the columns that are empty.

    Rows wait until a good many are there; a column that none of them uses is left out of them.
    """

    rows: Rows
    _waiting: list[dict[int, str]] = field(default_factory=list)
    _columns: set[int] = field(default_factory=set)
    _last: int = 0

    def add(self, number: int, cells: dict[int, str]) -> None:
        """Add the row of this number, if anything stands in it: texts by their column."""
        if not cells:
            return
        if number > self._last + 1 and self._last:
            self._waiting.append({})
        self._last = number
        self._waiting.append(cells)
        self._columns.update(cells)
        if len(self._waiting) >= _BATCH:
            self.end()

    def end(self) -> None:
        """Add the rows that still wait."""
        columns = sorted(self._columns)
        for cells in self._waiting:
            sparse = len(columns) > _WIDE > 10 * len(cells)
            places = sorted(cells) if sparse else columns
            self.rows.add([cells.get(column, "") for column in places])
        self._waiting.clear()


def _names(cells: Sequence[str]) -> list[str]:
    """Give the header's names where it is too long to be said again; else none."""
    names = [" ".join(cell.split()) for cell in cells]
    if len(row(names)) <= _LONGEST_HEADER or len(names) < 3:
        return []
    given = [name for name in names if name]
    words = not any(is_number(name) or len(name) > _LONGEST_NAME for name in given)
    return names if words and len(given) * 2 > len(names) else []


def _record(names: Sequence[str], cells: Sequence[str]) -> Iterator[str]:
    for place, cell in enumerate(cells):
        if text := " ".join(cell.split()):
            name = names[place] if place < len(names) else ""
            yield f"{name}: {text}" if name else text


def table(out: Composer, rows: Iterable[Sequence[str]]) -> None:
    """Add a whole table, which stands apart from what is around it."""
    each = Rows(out, known=True)
    for cells in rows:
        each.add(cells)
    each.end()

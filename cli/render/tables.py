"""Tables that stay inside the width, whatever names they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from cli.render.styled import Text
from cli.render.text import cells, one_line, pad, shorten, wrap

GAP: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's head, and how it gives way where the table is too wide."""

    head: str
    number: bool = False
    #: Cells below which it is not narrowed; None: never narrowed.
    least: int | None = None
    #: What does not fit goes on below; otherwise its middle is left out.
    whole: bool = False


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[object]], *, width: int
) -> Iterator[Text]:
    """Give a head and the rows; columns with `least` give way as needed."""
    body = [[one_line(_cell(value)) for value in row] for row in rows]
    sizes = _sizes(columns, body, width)
    for line in _row([column.head for column in columns], columns, sizes):
        yield Text(line, "bold")
    for row in body:
        yield from map(Text, _row(row, columns, sizes))


def pairs(rows: Sequence[tuple[str, object]], *, width: int) -> Iterator[Text]:
    """Give names with their values; a value too long for its line is shortened."""
    indent = max((len(name) for name, _ in rows), default=0) + GAP
    for name, value in rows:
        told = shorten(one_line(_cell(value)), width - indent)
        yield Text.assemble((name.ljust(indent), "bold"), told)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _sizes(columns: Sequence[Column], body: Sequence[Sequence[str]], width: int) -> list[int]:
    sizes = [
        max(cells(text) for text in (column.head, *(row[n] for row in body)))
        for n, column in enumerate(columns)
    ]
    over = sum(sizes) + GAP * (len(columns) - 1) - width
    while over > 0:
        # The widest column that may still give way loses what stands above the next one's width.
        able = [n for n, c in enumerate(columns) if c.least is not None and sizes[n] > c.least]
        if not able:
            break
        widest = max(able, key=lambda n: sizes[n])
        sizes[widest] -= 1
        over -= 1
    return sizes


def _row(row: Sequence[str], columns: Sequence[Column], sizes: Sequence[int]) -> Iterator[str]:
    """Give the lines of one row."""
    parts = []
    for text, column, size in zip(row, columns, sizes, strict=True):
        lines = wrap(text, size) if column.whole else []
        parts.append([text[a:b] for a, b in lines] or [shorten(text, size)])
    for line in zip_longest(*parts, fillvalue=""):
        shown = [
            " " * (size - cells(text)) + text if column.number else pad(text, size)
            for text, column, size in zip(line, columns, sizes, strict=True)
        ]
        yield (" " * GAP).join(shown).rstrip()


def size_of(count: int) -> str:
    """Give a number of bytes as people say it.

    >>> size_of(1536)
    '1.5 KiB'
    """
    if count < 1024:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def count(number: int, noun: str) -> str:
    """Give a number with its noun, e.g. "1 chunk", "1,024 chunks"."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"

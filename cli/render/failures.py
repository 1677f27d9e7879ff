"""Failures, for people: where, which code, what happened, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from cli.render.styled import Text
from cli.render.tables import count
from cli.render.text import cells, cut, one_line, paragraph, shorten

if TYPE_CHECKING:
    from kb.errors import Failure

#: More failures of one code than this are told as the first few and a number.
MANY: Final = 20
NAMED: Final = 5
#: Even where one kind is asked for, nobody reads more.
MOST: Final = 1000
DETAIL: Final = 300


def report_blocks(failures: Iterable[Failure], *, width: int) -> Iterator[Text]:
    """Give a block for each failure; where one code has very many, the first few and a number."""
    by_code: dict[str, list[Failure]] = {}
    for failure in failures:
        by_code.setdefault(failure.code, []).append(failure)
    for code, each in by_code.items():
        named = each[:NAMED] if len(each) > MANY else each
        yield from merged_blocks(named, width=width)
        if len(each) > len(named):
            more = len(each) - len(named)
            yield Text()
            yield Text(f"  and {more:,} more: kb failures --code {code}")


def ledger_lines(
    failures: Sequence[Failure], *, width: int, filtered: bool = False
) -> Iterator[Text]:
    """Give all failures that stand, and how many they are."""
    if not failures:
        yield Text("No failure of that kind stands." if filtered else "No failure stands.")
        return
    them = "it" if len(failures) == 1 else "them"
    yield Text(f"{count(len(failures), 'failure')}; kb retry tries {them} again.")
    if not filtered:
        yield from report_blocks(failures, width=width)
        return
    yield from merged_blocks(failures[:MOST], width=width)
    if len(failures) > MOST:
        yield Text()
        yield Text(f"  and {len(failures) - MOST:,} more: kb failures --json lists all")


def merged_blocks(failures: Sequence[Failure], *, width: int) -> Iterator[Text]:
    """Give every failure; neighbours that differ only in their place share one block."""
    for _, group in groupby(failures, key=_same):
        each = list(group)
        yield Text()
        for failure in each:
            yield _where(failure, width)
        yield from _what(each[0], width)


def error_block(failure: Failure, *, width: int) -> Iterator[Text]:
    """Give the failure that ended a command."""
    lines = paragraph(one_line(failure.message), width, "    ")
    for number, line in enumerate(lines):
        yield Text.assemble(("kb: ", "bold red"), line[4:]) if not number else Text(line)
    yield from map(Text, paragraph(failure.hint, width, "    "))
    yield from _detail(failure, width, "    ")
    place = " · ".join(one_line(each) for each in (failure.source, failure.locator) if each)
    code = f"    {failure.code}" + (" · " if place else "")
    yield Text(code + shorten(place, width - cells(code)), "dim")


def _same(failure: Failure) -> tuple[object, ...]:
    return failure.stage, failure.code, failure.message, failure.hint, str(failure.detail)


def _where(failure: Failure, width: int) -> Text:
    before = f"{failure.stage.value} · "
    after = f" · {one_line(failure.locator)}" if failure.locator else ""
    code = f"   {failure.code}"
    room = width - cells(before) - cells(after) - cells(code)
    source = shorten(one_line(failure.source or "(no single document)"), max(room, 12))
    line = Text.assemble(before, (source, "bold"), after, (code, "red"))
    if line.cell_len > width:  # a locator as long as a line
        return Text(shorten(line.plain, width))
    return line


def _what(failure: Failure, width: int) -> Iterator[Text]:
    yield from map(Text, paragraph(one_line(failure.message), width, "  "))
    yield from _detail(failure, width, "  ")
    hint = paragraph(one_line(failure.hint), width, "    ")
    for number, line in enumerate(hint):
        yield Text(f"  → {line[4:]}" if not number else line, "green")


def _detail(failure: Failure, width: int, indent: str) -> Iterator[Text]:
    """Give what the other side said, as far as a person can use it."""
    said = ", ".join(
        f"{key}: {one_line(str(value))}"
        for key, value in failure.detail.items()
        if value not in (None, "", [], {})
    )
    if said:
        told = cut(said, DETAIL)
        yield from (Text(line, "dim") for line in paragraph(f"({told})", width, indent))

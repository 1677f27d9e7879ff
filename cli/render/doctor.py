"""A diagnosis, for people: one line for each check, and the fix below each that is not ok."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from cli.render.styled import Text
from cli.render.tables import count
from cli.render.text import clean, one_line, paragraph

if TYPE_CHECKING:
    from kb.doctor import Check

_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}
#: Messages begin in this column.
_INDENT: Final = " " * 6


def check_lines(check: Check, *, width: int) -> Iterator[Text]:
    """Give what a check found; the fix and a line to try it by hand stand below."""
    style = _STYLES[check.status]
    told = f"{check.id}: {check.message}" if check.status == "skip" else check.message
    for number, line in enumerate(paragraph(one_line(told), width, _INDENT)):
        shown = Text.assemble((check.status.ljust(6), style), line[6:]) if not number else line
        yield shown if isinstance(shown, Text) else Text(shown)
    if check.status in {"ok", "skip"}:
        return
    hint = paragraph(one_line(check.hint), width, _INDENT + "  ")
    for number, line in enumerate(hint):
        yield Text(f"{_INDENT}→ {line[8:]}" if not number else line, "cyan")
    if curl := check.detail.get("curl"):
        # Not broken into lines, so that it can be copied.
        yield Text(f"{_INDENT}{clean(str(curl))}", "dim")


def closing_lines(checks: Sequence[Check], *, width: int) -> Iterator[Text]:
    """Give the sum, and what to do first."""
    number = Counter(check.status for check in checks)
    told = [f"{number['ok']} ok"]
    told += [count(number["warn"], "warning")] if number["warn"] else []
    told += [f"{number['fail']} failed"] if number["fail"] else []
    told += [f"{number['skip']} skipped"] if number["skip"] else []
    yield Text()
    yield Text(", ".join(told) + ".", "bold red" if number["fail"] else "bold")
    first = next((check for check in checks if check.status == "fail"), None)
    if first is not None and first.hint:
        yield from map(Text, paragraph(f"Begin here: {one_line(first.hint)}", width))

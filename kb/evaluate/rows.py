"""Files of labels, line by line: JSON objects, and tables of relevance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kb.errors import UsageError, failure

_SHOWN: Final = 60


def bad(file: Path, what: str, *, line: int | None = None, hint: str = "") -> UsageError:
    """Make the error that names a file of labels, the line, and what is wrong there."""
    place = f"{file.name}, line {line}" if line else file.name
    locator = f"line {line}" if line else None
    message = f"{place}: {what}"
    return UsageError(
        failure("usage.dataset", message, source=str(file), locator=locator, hint=hint)
    )


def read_rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Give the objects of a JSON Lines file with their line numbers; raises `UsageError`."""
    for number, line in _lines(file):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise bad(file, f"this is not JSON ({error}).", line=number) from error
        if not isinstance(row, dict):
            raise bad(file, "a JSON object is needed, one on each line.", line=number)
        yield number, row


def read_relevance(file: Path) -> Iterator[tuple[int, str, str, int]]:
    """Give line, question, document and grade of a table of relevance; raises `UsageError`.

    Columns are parted by tabs (else by white space): question, document, grade; or the four of
    TREC, of which the second says nothing. A first line whose grade is no number is a head.
    """
    for number, line in _lines(file):
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) == 4:
            del cells[1]
        grade = _grade(cells[2]) if len(cells) == 3 else None
        if grade is None and number == 1:
            continue
        if grade is None:
            shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
            told = "three columns are needed, question, document and a whole number, parted by tabs"
            raise bad(file, f"{told}; here is {shown!r}.", line=number)
        yield number, cells[0].strip(), cells[1].strip(), grade


def _grade(cell: str) -> int | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return int(value) if value.is_integer() else None


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise bad(file, "it is not UTF-8.", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise bad(file, f"it cannot be read ({error.strerror or error}).") from error


def text_of(file: Path, line: int, row: Mapping[str, Any], *names: str, needed: bool = True) -> str:
    """Give the first of these fields that is there, as text; raises `UsageError`.

    Numbers are taken as texts: some sets number their documents.
    """
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and (value.strip() or not needed):
            return value
        if value is not None and not isinstance(value, str):
            raise bad(file, f'"{name}" is not a text.', line=line)
    if needed:
        told = " or ".join(f'"{name}"' for name in names)
        raise bad(file, f"{told} is missing or empty.", line=line)
    return ""


def number_of(file: Path, line: int, row: Mapping[str, Any], name: str, least: int) -> int | None:
    """Give a field as a whole number, or None where it is not there; raises `UsageError`."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise bad(file, f'"{name}" is {value!r}; a whole number from {least} is needed.', line=line)
    return value

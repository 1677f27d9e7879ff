"""Changing settings in a `kb.toml` that a person wrote: comments and all other lines stay.

A new text is written beside the file, under a name that holds the generation it belongs to, before
that generation is put in use, and takes the file's place afterwards. Whoever finds such a file of
the generation in use, finishes that: so a kill in between changes nothing.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kb.errors import StoreError, UsageError, failure
from kb.store.local.steps import step

FILE: Final = "kb.toml"
#: Of a generation, or of a database that is restored.
_BESIDE: Final = re.compile(r"kb\.toml\.(?:generation|database)-(\d+)")
_HEADER: Final = re.compile(r"\s*\[\s*([A-Za-z0-9_.\"' -]+?)\s*\]\s*(?:#.*)?$")
_COMMENT: Final = re.compile(r"\s+#[^\"']*$")


@dataclass(frozen=True, slots=True)
class _Statement:
    """One `key = value` with the lines it takes, or lines that are none."""

    lines: tuple[str, ...]
    #: The table it stands in, and what it sets, by whole names; empty for other lines.
    table: str
    values: Mapping[str, Any]


def changed(text: str, wanted: Mapping[str, Any]) -> str:
    """Give the text of a `kb.toml` with these settings, by whole names; None takes one out.

    Raises `UsageError` (`usage.settings`) where the file is written in a way that cannot be
    changed line by line.
    """
    before = _flat(tomllib.loads(text))
    left = {name: value for name, value in wanted.items() if before.get(name) != value}
    lines: list[str] = []
    last: dict[str, int] = {}
    dotted: set[str] = set()
    for statement in _statements(text):
        lines += _replaced(statement, left)
        if statement.table:
            last[statement.table] = len(lines)
        for name in statement.values:
            if not statement.table and "." in name:
                last[name.partition(".")[0]] = len(lines)
                dotted.add(name.partition(".")[0])
    for name, value in left.items():
        if value is not None and name not in before:
            _add(lines, last, dotted, (name, value))
    made = "\n".join(lines) + "\n"
    after = {name: value for name, value in (before | dict(wanted)).items() if value is not None}
    if _flat(_parsed(made)) != after:
        names = ", ".join(sorted(left))
        message = f"kb.toml is written in a way in which kb cannot change {names}."
        hint = "Write each setting of [embedding] and [chunking] on a line of its own."
        raise UsageError(failure("usage.settings", message, hint=hint))
    return made


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, table in tables.items():
        if isinstance(table, dict):
            flat |= {f"{name}.{key}": value for key, value in table.items()}
        else:
            flat[name] = table
    return flat


def _statements(text: str) -> Iterator[_Statement]:
    lines = text.splitlines()
    at, table = 0, ""
    while at < len(lines):
        header = _HEADER.match(lines[at])
        if header:
            table = header[1].strip("\"'")
            yield _Statement((lines[at],), table, {})
        elif not lines[at].strip() or lines[at].lstrip().startswith("#"):
            yield _Statement((lines[at],), "", {})
        else:
            end = _end(lines, at)
            found = _parsed("\n".join(lines[at:end]))
            flat = _flat(found) if not table else {f"{table}.{k}": v for k, v in found.items()}
            yield _Statement(tuple(lines[at:end]), table, flat)
            at = end - 1
        at += 1


def _end(lines: Sequence[str], start: int) -> int:
    """Give the line after the value that begins at line `start`."""
    for end in range(start + 1, len(lines) + 1):
        if _parsed("\n".join(lines[start:end])):
            return end
    return start + 1


def _replaced(statement: _Statement, left: Mapping[str, Any]) -> Iterator[str]:
    touched = statement.values.keys() & left.keys()
    if not touched:
        yield from statement.lines
        return
    comment = _COMMENT.search(statement.lines[-1])
    tail = comment[0] if comment and len(statement.lines) == 1 else ""
    for name, value in statement.values.items():
        new = left.get(name, value)
        if new is not None:
            short = name.partition(".")[2] if statement.table else name
            yield f"{short} = {toml(new)}{tail}"


def _add(
    lines: list[str], last: dict[str, int], dotted: set[str], setting: tuple[str, Any]
) -> None:
    name, value = setting
    table, _, short = name.partition(".")
    if table not in last:
        lines += ["", f"[{table}]"] if lines else [f"[{table}]"]
        last[table] = len(lines)
    line = f"{name if table in dotted else short} = {toml(value)}"
    place = last[table]
    lines.insert(place, line)
    for each, at in last.items():
        last[each] = at + (at >= place)


def toml(value: object) -> str:
    """Give a text, number or truth value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # What JSON escapes, TOML does, but for one character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return str(value)


def write_beside(home: Path, generation: int, wanted: Mapping[str, Any], *, head: str) -> None:
    """Write what `kb.toml` is to be once the generation is in use; durable when it returns.

    `head` begins a file where there is none. Raises `UsageError` and `StoreError`.
    """
    file = home / FILE
    for leftover in _beside(home):
        leftover.unlink(missing_ok=True)
    text = changed(file.read_text(encoding="utf-8") if file.exists() else head, wanted)
    beside = home / f"{FILE}.generation-{generation}"
    draft = home / f"{FILE}.new"
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(beside)
        _sync(home)
    except OSError as error:
        message = f"{draft} cannot be written: {error.strerror}."
        raise StoreError(failure("store.unreachable", message)) from error
    step("settings.written")


def settle(home: Path, generation: int) -> bool:
    """Put the settings of the generation in use in place, where that was not done; tells if so."""
    beside = home / f"{FILE}.generation-{generation}"
    if not beside.exists():
        return False
    # Another process may be doing the same, or the folder be one that may only be read.
    with suppress(OSError):
        beside.replace(home / FILE)
        _sync(home)
    step("settings.renamed")
    return True


def unsettled(home: Path) -> bool:
    """Tell whether settings of a generation, or of a restored database, lie beside `kb.toml`."""
    return bool(_beside(home))


def _beside(home: Path) -> list[Path]:
    try:
        return [each for each in home.iterdir() if _BESIDE.fullmatch(each.name)]
    except OSError:
        return []


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""JSON and JSON Lines: each value under the path of its keys, record by record.

Python's own parser, with numbers kept as they are written: no digit of a long number is lost, and
`1.10` stays what it was. Records are what an array at the top holds, or each line of JSON Lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, TypeAlias

from kb.errors import Failure, StageError, failure
from kb.extract.canonical import MAX_CHARACTERS, Composer, keepable, stem
from kb.extract.plain.encoding import decode
from kb.model import Document, Source

#: So many broken lines are told one by one.
_MOST_PROBLEMS: Final = 100
#: Deeper than this no one reads.
_DEEPEST: Final = 500
_LINES: Final = (".jsonl", ".ndjson")


class _Object(tuple[tuple[str, Any], ...]):
    """The pairs of a JSON object, those with the same key too."""

    __slots__ = ()


_Leaf: TypeAlias = tuple[str, str]


def read(data: bytes, source: Source) -> Document:
    """Give one line for each value: `address.city: Bonn`; an empty line parts records.

    A broken line of JSON Lines is a problem of that line. Raises StageError:
    `extract.encoding`, `extract.corrupt`, `extract.too_large` (text without end, or nested
    without end).
    """
    text, _ = decode(data)
    text = keepable(text)
    problems: list[Failure] = []
    if source.path.lower().endswith(_LINES):
        records = _lines(text, source, problems)
    else:
        try:
            found = _parsed(text)
        except ValueError as error:
            if not _is_lines(text):
                reason = str(error)[:300]
                message = "The file is not valid JSON."
                raise StageError(failure("extract.corrupt", message, reason=reason)) from error
            records = _lines(text, source, problems)
        else:
            records = iter(found if type(found) is list else [found])
    out = Composer()
    _compose(out, records)
    if problems and not out.document(title="", kind="").text.strip():
        raise StageError(failure("extract.corrupt", "No line of the file is valid JSON."))
    document = out.document(title=stem(source), kind="json")
    return replace(document, problems=tuple(problems))


def _parsed(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Parse one value. Raises ValueError and StageError."""
    try:
        return json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_Object
        )
    except RecursionError as error:
        message = "The values in the file are nested without end."
        raise StageError(failure("extract.too_large", message)) from error


def _lines(text: str, source: Source, problems: list[Failure]) -> Iterator[Any]:
    """Give the value of each line; what is wrong with others is added to `problems`."""
    broken = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield _parsed(line)
        except (ValueError, StageError) as error:
            broken += 1
            if broken <= _MOST_PROBLEMS:
                message = "The line is not valid JSON; the others were read."
                where, reason = f"line {number}", str(error)[:300]
                found = failure(
                    "extract.corrupt", message, source=source.path, locator=where, reason=reason
                )
                problems.append(found)
    if broken > _MOST_PROBLEMS:
        message = f"{broken} lines are not valid JSON; the first {_MOST_PROBLEMS} are named."
        problems.append(failure("extract.corrupt", message, source=source.path, lines=broken))


def _is_lines(text: str) -> bool:
    """Tell whether a file that is no JSON is JSON Lines under another name."""
    first = [line for line in text[:1_000_000].split("\n", 3)[:3] if line.strip()][:2]
    try:
        return len(first) == 2 and all(isinstance(_parsed(line), list | _Object) for line in first)
    except (ValueError, StageError):
        return False


def _compose(out: Composer, records: Iterator[Any]) -> None:
    length = 0
    for record in records:
        lines = []
        for path, text in _leaves(record):
            line = f"{path}: {text}" if path else text
            length += len(line) + 1
            if length > MAX_CHARACTERS:
                raise StageError(failure("extract.too_large", characters=length))
            lines.append(line)
        # A value that stands alone in its record is an item of a list.
        out.add("\n".join(lines), gap=len(lines) > 1)


def _leaves(record: Any) -> Iterator[_Leaf]:  # noqa: ANN401 - whatever JSON holds
    """Give each value that is no container with the path of its keys, without recursion."""
    waiting: list[tuple[str, Any, int]] = [("", record, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if depth > _DEEPEST:
            message = "The values in the file are nested without end."
            raise StageError(failure("extract.too_large", message))
        if isinstance(value, _Object):
            below = [(f"{path}.{key}" if path else key, each, depth + 1) for key, each in value]
            waiting += reversed(below)
        elif isinstance(value, list):
            if any(isinstance(each, list | _Object) for each in value):
                below = [
                    (f"{path}[{place}]", each, depth + 1) for place, each in enumerate(value, 1)
                ]
                waiting += reversed(below)
            elif value:
                yield path, ", ".join(map(_said, value))
        elif (text := _said(value)).strip():
            yield path, text
        # What is null or empty says nothing.


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)

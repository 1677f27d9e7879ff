"""JSON and JSON Lines: each value under the path of its keys, record by record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kb.model import Document
from tests.extract.make_office import outcome, read, refused


def text_of(folder: Path, written: str, name: str = "a.json") -> str:
    return read(folder, name, written.encode()).text


def test_values_stand_under_the_path_of_their_keys(tmp_path: Path) -> None:
    record = {
        "name": "A", "address": {"city": "Bonn", "lines": ["x", 2]}, "none": None, "empty": "",
        "items": [{"p": 1}, {"p": 2}], "yes": True,
    }  # fmt: skip
    assert text_of(tmp_path, json.dumps(record)) == (
        "name: A\naddress.city: Bonn\naddress.lines: x, 2\nitems[1].p: 1\nitems[2].p: 2\n"
        "yes: true\n"
    )


def test_records_of_an_array_are_parted_and_bare_values_are_not(tmp_path: Path) -> None:
    assert text_of(tmp_path, '[{"a": 1, "b": 2}, {"a": 3, "b": 4}]') == "a: 1\nb: 2\n\na: 3\nb: 4\n"
    assert text_of(tmp_path, '["one", "two"]') == "one\ntwo\n"
    assert text_of(tmp_path, '"alone"') == "alone\n"


def test_numbers_and_keys_stay_what_they_are(tmp_path: Path) -> None:
    long = "9" * 5000
    written = '{"a": 1.10, "b": NaN, "c": -Infinity, "d": LONG, "a": 2}'.replace("LONG", long)
    assert text_of(tmp_path, written) == f"a: 1.10\nb: NaN\nc: -Infinity\nd: {long}\na: 2\n"


def test_a_broken_line_is_a_problem_of_that_line(tmp_path: Path) -> None:
    document = read(tmp_path, "a.jsonl", b'{"a": 1}\n\n{broken\n{"a": 3}\r\n')
    assert document.text.split() == ["a:", "1", "a:", "3"]
    assert [each.locator for each in document.problems] == ["line 3"]
    assert refused(tmp_path, "b.ndjson", b"{\n{\n").code == "extract.corrupt"


def test_many_broken_lines_are_told_in_one_sentence(tmp_path: Path) -> None:
    document: Document = read(tmp_path, "a.jsonl", b'{"a": 1}\n' + b"{\n" * 500)
    assert len(document.problems) == 101
    assert "500 lines" in document.problems[-1].message


def test_lines_under_another_name(tmp_path: Path) -> None:
    assert text_of(tmp_path, '{"a": 1}\n{"a": 2}\n').split() == ["a:", "1", "a:", "2"]


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    for deep in ("[" * 200_000, "[" * 600 + "1" + "]" * 600, '{"a":' * 900 + "1" + "}" * 900):
        failure = refused(tmp_path, "a.json", deep.encode())
        assert failure.code == "extract.too_large", failure.message
    document = read(tmp_path, "a.jsonl", b"[" * 200_000 + b'\n{"a": 1}\n')
    assert [each.locator for each in document.problems] == ["line 1"]


def test_what_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "a.json", b'{"a": ').code == "extract.corrupt"
    assert refused(tmp_path, "b.json", b"{}").code == "extract.empty"
    assert refused(tmp_path, "c.json", b"[null, {}]").code == "extract.empty"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(value=_VALUES, ascii_only=st.booleans())
def test_any_json_is_read_or_has_no_text(
    tmp_path_factory: Any, value: object, ascii_only: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert outcome(folder, "any.json", data) in {"text", "extract.empty", "extract.encoding"}

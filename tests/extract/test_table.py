"""CSV and TSV: whatever stands between cells, each row with its header near."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.chunk import chunk_document
from kb.extract.plain.table import delimiter_of
from kb.extract.rows import is_number, row
from tests.extract.make_office import outcome, read, refused, texts


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = [["Part", "Price, net", "Note"], ["A1", "3,50", "x; y"], ["A2", "4,00", ""]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    assert texts(read(tmp_path, "a.csv", out.getvalue().encode())) == [
        "Part | Price, net | Note", "A1 | 3,50 | x; y", "| A2 | 4,00 |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [("sep=;\na,b;c\n", ";"), ("a\nb\n", ","), ("a, b\tc\nd\te\n", "\t"), ("", ",")],
)
def test_delimiters(text: str, delimiter: str) -> None:
    assert delimiter_of(text) == delimiter


def test_a_blank_before_a_quote_does_not_part_the_cell(tmp_path: Path) -> None:
    data = b'no, name, rent\n1, "Smith, John", 3\n2, "Ng; Eva", 4\n'
    assert texts(read(tmp_path, "a.csv", data)) == [
        "no | name | rent", "1 | Smith, John | 3", "2 | Ng; Eva | 4",
    ]  # fmt: skip


def test_quotes_hold_line_ends_and_a_quote_never_closed_does_no_harm(tmp_path: Path) -> None:
    good = b'name,note\nAnn,"first\nsecond ""q"""\n'
    assert texts(read(tmp_path, "a.csv", good)) == ["name | note", 'Ann | first second "q"']
    bad = 'size,part\n"3 inch,screw\n' + "1,bolt\n" * 3000
    lines = texts(read(tmp_path, "b.csv", bad.encode()))
    assert lines[:3] == ["size | part", '"3 inch | screw', "1 | bolt"]
    assert len(lines) == 3002


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "姓名,地址,备注\n王小明,北京市海淀区中关村大街,甲方应当按照合同约定支付价款\n" * 3
    lines = texts(read(tmp_path, "a.csv", text.encode(encoding)))
    assert lines[0] == "姓名 | 地址 | 备注"


def test_later_passages_carry_the_header(tmp_path: Path) -> None:
    rows = "".join(f"thing number {n}\t{n}\n" for n in range(400))
    chunks = chunk_document(read(tmp_path, "a.tsv", ("Article\tAmount\n" + rows).encode()))
    assert len(chunks) > 5
    assert all("Article | Amount" in chunk.with_context for chunk in chunks)


def test_a_header_too_long_to_be_carried_is_said_in_each_record(tmp_path: Path) -> None:
    names = [f"A rather long name of column {n}" for n in range(8)]
    data = ",".join(names) + "\n" + ",".join("abc,efgh") + "\n"
    text = read(tmp_path, "a.csv", data.encode()).text
    assert text.startswith("A rather long name of column 0: a\n")
    assert text.endswith(f"\n\n{names[3]}:\n{names[4]}:\n")


def test_a_million_columns_and_a_line_without_end_are_survived(tmp_path: Path) -> None:
    assert outcome(tmp_path, "a.csv", b"," * 1_000_000 + b"x\n") == "text"
    assert outcome(tmp_path, "b.csv", b"x" * 5_000_000) == "text"
    assert outcome(tmp_path, "c.csv", b'"' + b"x\n" * 100_000) == "text"
    assert outcome(tmp_path, "d.csv", b'"x,\n' * 3000) == "text"


def test_what_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "a.csv", b",,\n,,\n").code == "extract.empty"
    assert refused(tmp_path, "b.csv", bytes(range(256)) * 40).code.startswith("extract.")


@given(cells=st.lists(st.text(st.characters(exclude_characters="|\r\n")), min_size=1))
def test_a_row_keeps_its_cells_and_is_known_as_one(cells: list[str]) -> None:
    from kb.chunk.layout import is_row

    line = row(cells)
    words = [" ".join(cell.split()) for cell in cells]
    assert [word for word in words if word] == [
        part for part in (part.strip() for part in line.split("|")) if part
    ]
    if any(words) and len(line) < 300:
        assert is_row(line.strip())


@pytest.mark.parametrize(
    ("cell", "number"),
    [("3", True), ("-1,000.50", True), ("2024-01-31", True), ("1e5", True), ("50 %", True),
     ("A1", False), ("", False), ("-", False), ("三", False)],
)  # fmt: skip
def test_numbers_are_told_from_words(cell: str, number: bool) -> None:
    assert is_number(cell) is number

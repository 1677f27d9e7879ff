"""XLSX: sheets as pages, rows with their header, values as people see them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from kb.chunk import chunk_document
from kb.extract.office.cells import kind_of, shown
from kb.model import PageState
from tests.extract.make import page_texts, repacked
from tests.extract.make_office import LOCKED, OLE, read, refused, texts, titles, workbook

SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def with_sheet(rows: str, *, base: bytes | None = None) -> bytes:
    """Give a workbook whose first sheet has this XML for rows."""
    data = base or workbook(lambda book: None)
    sheet = f"<worksheet {SHEET}><sheetData>{rows}</sheetData></worksheet>"
    return repacked(data, {"xl/worksheets/sheet1.xml": sheet.encode()})


def test_sheets_are_pages_and_rows_stand_under_their_header(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        one, two = book.active, book.create_sheet("Kosten")
        one.title = "价格"
        for row in (("Part", "Price", "From"), ("A1", 3.5, date(2024, 1, 31)), ("A2", 4, None)):
            one.append(row)
        two["C5"], two["D5"], two["C6"], two["D6"] = "x", "y", 1, 2
        book.create_sheet("Blank")

    document = read(tmp_path, "prices.xlsx", workbook(build))
    assert document.paged
    assert page_texts(document) == [
        "价格\n\nPart | Price | From\nA1 | 3.5 | 2024-01-31\n| A2 | 4 |\n\n",
        "Kosten\n\nx | y\n1 | 2\n\n",
        "",
    ]
    assert [page.state for page in document.pages] == [
        PageState.INDEXED, PageState.INDEXED, PageState.BLANK,
    ]  # fmt: skip
    assert titles(document) == [(1, "价格"), (1, "Kosten")]
    assert document.title == "prices"


def test_values_are_shown_as_people_see_them(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        sheet = book.active
        sheet.append(["kind", "value"])
        for row in (
            ("stamp", datetime.fromisoformat("2024-02-29T13:45")), ("clock", time(9, 30)),
            ("yes", True),
            ("span", timedelta(hours=30, minutes=5)), ("share", 0.075), ("sum", 0.1 + 0.2),
            ("long", 123456789012345), ("error", "#REF!"),
        ):  # fmt: skip
            sheet.append(row)
        sheet["B6"].number_format = "0.0%"
        sheet["B9"].data_type = "e"

    assert texts(read(tmp_path, "a.xlsx", workbook(build)))[2:] == [
        "stamp | 2024-02-29 13:45", "clock | 09:30", "yes | TRUE", "span | 30:05:00",
        "share | 7.5%", "sum | 0.3", "long | 123456789012345", "error | #REF!",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "pattern", "expected"),
    [
        ("1", "yyyy-mm-dd", "1900-01-01"), ("59", "yyyy-mm-dd", "1900-02-28"),
        ("61", "yyyy-mm-dd", "1900-03-01"), ("45292.5", "yyyy-mm-dd", "2024-01-01 12:00"),
        ("45292", 'yyyy"年"m"月"d"日"', "2024-01-01"), ("0.5", "[$-409]h:mm AM/PM", "12:00"),
        ("12", '0 "days"', "12"), ("12", "[Red]0.00", "12"), ("1e300", "yyyy", "1e+300"),
        ("-5", "yyyy", "-5"), ("x", "0", "x"), ("0.00001", "General", "0.00001"),
        ("nan", "0", "nan"), ("inf", "0%", "inf%"), ("45292", "mmm-yy", "2024-01-01"),
    ],
)  # fmt: skip
def test_numbers_and_dates(number: str, pattern: str, expected: str) -> None:
    assert shown(number, kind_of(200, pattern)) == expected


def test_dates_that_count_from_1904(tmp_path: Path) -> None:
    assert shown("0", "date", from_1904=True) == "1904-01-01"


def test_cached_values_count_and_formulas_only_where_there_are_none(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c>'
        '<c r="B1" t="str"><f>A1&amp;"x"</f><v>2x</v></c>'
        '<c r="C1"><f>SUM(A1:A9)</f></c><c r="D1" t="s"><v>99</v></c></row>'
        '<row r="2"><c t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r>'
        "<rPh><t>GONE</t></rPh></is></c><c><v>1</v></c></row>"
    )
    assert texts(read(tmp_path, "a.xlsx", with_sheet(rows)))[1:] == [
        "2 | 2x | =SUM(A1:A9)", "| inline | 1 |",
    ]  # fmt: skip


def test_titles_blank_rows_and_second_tables(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        for row in (
            ["Report 2024"], [], ["Region", "Sum"], ["North", 1], [], ["South", 2], ["rest"], [],
            ["Name", "Town"], ["Li", "Bonn"],
        ):  # fmt: skip
            book.active.append(row)

    text = read(tmp_path, "a.xlsx", workbook(build)).text
    assert text == (
        "Sheet\n\nReport 2024\n\nRegion | Sum\nNorth | 1\nSouth | 2\n| rest |\n\n"
        "Name | Town\nLi | Bonn\n"
    )


def test_later_passages_carry_the_header(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        for row in (("Article", "Amount"), *((f"thing number {n}", n) for n in range(400))):
            book.active.append(row)

    chunks = chunk_document(read(tmp_path, "a.xlsx", workbook(build)))
    assert len(chunks) > 5
    assert all("Article | Amount" in chunk.with_context for chunk in chunks)


def test_a_header_too_long_to_be_carried_is_said_in_each_record(tmp_path: Path) -> None:
    names = [f"A rather long name of column {n}" for n in range(8)]

    def build(book: Any) -> None:
        book.active.append(names)
        book.active.append([f"v{n}" if n != 3 else None for n in range(8)])

    lines = texts(read(tmp_path, "a.xlsx", workbook(build)))
    said = [f"{name}: v{n}" for n, name in enumerate(names) if n != 3]
    assert lines[1:] == [*said, f"{names[3]}:"]
    alone = read(tmp_path, "b.xlsx", workbook(lambda book: book.active.append(names)))
    assert texts(alone)[1:] == [f"{name}:" for name in names]


def test_hidden_sheets_comments_and_merged_cells(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        sheet = book.active
        sheet.append(["wide", None, "c"])
        sheet.append([1, 2, 3])
        sheet.merge_cells("A1:B1")
        sheet["C2"].comment = Comment("ask Ann", "Bob")
        hidden = book.create_sheet("Basis")
        hidden.append(["secret"])
        hidden.sheet_state = "hidden"

    document = read(tmp_path, "a.xlsx", workbook(build))
    assert "wide |  | c\n1 | 2 | 3\n\nComment on C2: ask Ann\n" in document.text
    assert page_texts(document)[1] == "Basis\n(This sheet is hidden.)\n\nsecret\n"


def test_many_styled_rows_without_a_value_are_nothing(tmp_path: Path) -> None:
    row = '<row r="{0}" s="1" customFormat="1"><c r="A{0}" s="1"/><c r="B{0}" s="1"/></row>'
    rows = "".join(row.format(number) for number in range(2, 300_001))
    first = '<row r="1"><c r="A1"><v>7</v></c></row>'
    document = read(tmp_path, "a.xlsx", with_sheet(first + rows))
    assert document.text == "Sheet\n\n7\n"


def test_a_cell_at_the_far_corner_brings_no_empty_cells(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="A1048576"><v>2</v></c><c r="XFD1048576"><v>3</v></c></row>'
        '<row r="99999999999"><c r="ZZZ1"><v>4</v></c></row>'
    )
    assert read(tmp_path, "a.xlsx", with_sheet(rows)).text == "Sheet\n\n1\n\n2 | 3\n"


def test_a_diagonal_is_written_without_the_empty_cells(tmp_path: Path) -> None:
    def name(number: int) -> str:
        letters = ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(65 + rest) + letters
        return letters

    rows = "".join(
        f'<row r="{n}"><c r="{name(n)}{n}"><v>{n}</v></c></row>' for n in range(1, 16_000)
    )
    text = read(tmp_path, "a.xlsx", with_sheet(rows)).text
    assert "15998\n15999\n" in text
    assert len(text) < 200_000


def test_styles_that_break_the_rules_do_not_matter(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        book.active.append(["a", 1])
        book.active["A1"].fill = PatternFill("solid", fgColor="FF0000")

    data = workbook(build)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        styles = archive.read("xl/styles.xml").replace(b'rgb="00FF0000"', b'rgb="nonsense"')
    assert texts(read(tmp_path, "a.xlsx", repacked(data, {"xl/styles.xml": styles})))[1:] == [
        "a | 1"
    ]


def test_a_damaged_sheet_does_not_keep_the_others_back(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        book.active.append(["one"])
        book.create_sheet("Two").append(["two"])

    data = repacked(workbook(build), {"xl/worksheets/sheet1.xml": b"<worksheet><row></row>"})
    document = read(tmp_path, "a.xlsx", data)
    assert [page.state for page in document.pages] == [PageState.FAILED, PageState.INDEXED]
    assert document.problems[0].locator == "sheet 1"


def test_what_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "a.xlsx", LOCKED).code == "extract.encrypted"
    old = refused(tmp_path, "b.xlsx", OLE + bytes(600))
    assert (old.code, "--convert-to xlsx" in old.hint) == ("extract.unsupported", True)
    assert refused(tmp_path, "c.xlsx", workbook(lambda book: None)).code == "extract.empty"
    bomb = with_sheet(" " * 40_000_000)
    assert refused(tmp_path, "d.xlsx", bomb).code == "extract.too_large"


def test_parts_of_seconds_are_no_digits_of_a_number(tmp_path: Path) -> None:
    def build(book: Any) -> None:
        moment = datetime(2024, 1, 31, 10, 20, 30)  # noqa: DTZ001 - wall clock
        for at, style in enumerate(("d/m/yyyy hh:mm:ss.000", "hh:mm:ss.00", "h:mm A/P"), 1):
            book.active.cell(1, at, moment).number_format = style
        book.active.cell(1, 4, 1234.5).number_format = "0.000"

    day = "2024-01-31 10:20:30"
    assert texts(read(tmp_path, "a.xlsx", workbook(build)))[1] == f"{day} | {day} | {day} | 1234.5"


def test_characters_that_xml_cannot_hold_are_written_out(tmp_path: Path) -> None:
    cells = "".join(
        f'<c t="inlineStr"><is><t>{text}</t></is></c>'
        for text in ("a_x000D_", "b_x005F_x0041_", "_x4E2d_", "_xD83D_", "_x00_")
    )
    data = with_sheet(f'<row>{cells}<c t="str"><v>g_x0041_</v></c></row>')
    lines = texts(read(tmp_path, "a.xlsx", data))
    assert lines[1] == "a | b_x0041_ | 中 | _x00_ | gA"


def test_smart_art_on_a_sheet_is_read_and_an_empty_chart_is_no_picture(tmp_path: Path) -> None:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    words = (
        '<dgm:dataModel xmlns:dgm="d" xmlns:a="a"><dgm:ptLst><dgm:pt><dgm:t><a:p><a:r>'
        "<a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"
    )

    def threads(*pairs: tuple[str, str]) -> bytes:
        inner = "".join(
            f'<Relationship Id="r{at}" Type="{kind}/{one}" Target="{name}"/>'
            for at, (one, name) in enumerate(pairs)
        )
        return f"<Relationships>{inner}</Relationships>".encode()

    def build(book: Any) -> None:
        book.active.title = "Plan"
        book.create_sheet("Chart")

    parts: dict[str, bytes | None] = {
        "xl/worksheets/_rels/sheet1.xml.rels": threads(("drawing", "/xl/drawings/d1.xml")),
        "xl/worksheets/_rels/sheet2.xml.rels": threads(("drawing", "/xl/drawings/d2.xml")),
        "xl/drawings/d1.xml": b"<wsDr/>",
        "xl/drawings/d2.xml": b"<wsDr/>",
        "xl/drawings/_rels/d1.xml.rels": threads(("diagramData", "/xl/diagrams/data1.xml")),
        "xl/drawings/_rels/d2.xml.rels": threads(("chart", "/xl/charts/chart1.xml")),
        "xl/diagrams/data1.xml": words.encode(),
        "xl/charts/chart1.xml": b"<chartSpace><chart/></chartSpace>",
    }
    document = read(tmp_path, "a.xlsx", repacked(workbook(build), parts))
    assert texts(document) == ["Plan", "Plan"]
    assert [page.state for page in document.pages] == [PageState.INDEXED, PageState.BLANK]

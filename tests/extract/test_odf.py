"""OpenDocument: texts with their numbers, sheets and slides as pages."""

from __future__ import annotations

from pathlib import Path

from kb.model import PageState
from tests.extract.make import page_texts, repacked
from tests.extract.make_office import odf, odf_xml, read, refused, texts, titles, zipped

NUMBERS = (
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1"'
    ' style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2"'
    ' style:num-format="1" text:display-levels="2"/><text:list-level-style-number text:level="3"'
    ' style:num-format="a" style:num-prefix="(" style:num-suffix=")"/></text:list-style>'
)


def item(text: str, below: str = "") -> str:
    return f"<text:list-item><text:p>{text}</text:p>{below}</text:list-item>"


def cells(*words: str) -> str:
    row = "".join(f"<table:table-cell><text:p>{word}</text:p></table:table-cell>" for word in words)
    return f"<table:table-row>{row}</table:table-row>"


def test_paragraphs_headings_and_spaces(tmp_path: Path) -> None:
    body = (
        '<text:p text:style-name="Title">Agreement</text:p>'
        '<text:h text:outline-level="2">Price</text:h>'
        "<text:p>a<text:s text:c='2'/>b<text:tab/>c<text:line-break/>d <text:span>e</text:span>"
        "<text:a>f</text:a><text:ruby><text:ruby-base>g</text:ruby-base>"
        "<text:ruby-text>GONE</text:ruby-text></text:ruby></text:p>"
        "<text:section><text:p>in a section</text:p></text:section>"
    )
    document = read(tmp_path, "a.odt", odf("text", body))
    assert document.text == ("Agreement\n\nPrice\n\na  b\tc\nd efg\n\nin a section\n")
    assert titles(document) == [(1, "Agreement"), (2, "Price")]
    assert document.title == "Agreement"
    assert not document.paged


def test_numbers_of_lists_are_counted(tmp_path: Path) -> None:
    deep = "<text:list>" + item("x") + item("y") + "</text:list>"
    body = (
        '<text:list text:style-name="L">'
        + item("one", "<text:list>" + item("sub", deep) + item("next") + "</text:list>")
        + item("two")
        + '</text:list><text:p>between</text:p><text:list text:style-name="L" '
        'text:continue-numbering="true">' + item("three") + "</text:list>"
        '<text:list text:style-name="L">' + item("again") + "</text:list>"
        "<text:list>" + item("bullet") + "</text:list>"
    )
    assert texts(read(tmp_path, "a.odt", odf("text", body, styles=NUMBERS))) == [
        "1. one", "1.1 sub", "(a) x", "(b) y", "1.2 next", "2. two", "between", "3. three",
        "1. again", "• bullet",
    ]  # fmt: skip


def test_headings_bear_the_numbers_of_the_outline(tmp_path: Path) -> None:
    outline = (
        '<text:outline-style><text:outline-level-style text:level="1" style:num-format="1"'
        ' style:num-prefix="第" style:num-suffix="章"/><text:outline-level-style text:level="2"'
        ' style:num-format="1" text:display-levels="2"/></text:outline-style>'
    )
    body = "".join(
        f'<text:h text:outline-level="{level}">{title}</text:h>'
        for level, title in ((1, "总则"), (2, "目的"), (2, "范围"), (1, "附则"), (2, "生效"))
    )
    assert titles(read(tmp_path, "a.odt", odf("text", body, styles=outline))) == [
        (1, "第1章 总则"), (2, "1.1 目的"), (2, "1.2 范围"), (1, "第2章 附则"), (2, "2.1 生效"),
    ]  # fmt: skip


def test_notes_comments_boxes_tables_and_deletions(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>GONE</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        "<text:p>Price<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>Net of tax.</text:p></text:note-body></text:note><office:annotation>"
        "<dc:creator>Ann</dc:creator><text:p>check</text:p></office:annotation> due"
        "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>"
        "<table:table><table:table-header-rows>"
        + cells("Part", "Price")
        + "</table:table-header-rows>"
        + cells("A1", "3")
        + cells("A2", "")
        + "</table:table>"
        "<text:p>after</text:p>"
    )
    assert read(tmp_path, "a.odt", odf("text", body)).text == (
        "Price[1] due\n[1] Net of tax.\n\nComment by Ann: check\n\nboxed\n\n"
        "Part | Price\nA1 | 3\n| A2 |\n\nafter\n"
    )


def test_flat_files_and_templates(tmp_path: Path) -> None:
    flat = odf_xml("text", "<text:p>flat</text:p>", root="document")
    picture = "<office:binary-data>" + "A" * 11_000_000 + "</office:binary-data>"
    flat = flat.replace(
        "<text:p>", f"<draw:frame><draw:image>{picture}</draw:image></draw:frame><text:p>"
    )
    assert read(tmp_path, "a.fodt", b'<?xml version="1.0"?>' + flat.encode()).text == "flat\n"
    assert read(tmp_path, "a.ott", odf("text", "<text:p>t</text:p>")).text == "t\n"


def test_sheets_are_pages_and_repeated_cells_are_not_written_out(tmp_path: Path) -> None:
    hidden = '<style:table-properties table:display="false"/>'
    style = f'<style:style style:name="off">{hidden}</style:style>'
    date = (
        '<table:table-cell office:value-type="date" office:date-value="2024-01-31">'
        "<text:p>31.1.24</text:p></table:table-cell>"
    )
    share = (
        '<table:table-cell office:value-type="percentage" office:value="0.5"><text:p>50 %</text:p>'
        "</table:table-cell>"
    )
    many = (
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell'
        ' table:number-columns-repeated="16384"/></table:table-row>'
    )
    body = (
        '<table:table table:name="Prices">'
        + cells("Day", "Share")
        + f"<table:table-row>{date}{share}</table:table-row>{many}"
        + cells("late", "1")
        + '</table:table><table:table table:name="Off" table:style-name="off">'
        + cells("hidden")
        + '</table:table><table:table table:name="Empty">'
        + many
        + "</table:table>"
    )
    document = read(tmp_path, "a.ods", odf("spreadsheet", body, styles=style))
    assert page_texts(document) == [
        "Prices\n\nDay | Share\n2024-01-31 | 50 %\nlate | 1\n\n",
        "Off\n(This sheet is hidden.)\n\nhidden\n\n",
        "",
    ]
    assert document.pages[2].state is PageState.BLANK
    assert document.paged


def test_slides_are_pages_in_reading_order(tmp_path: Path) -> None:
    def frame(text: str, left: int, top: int, kind: str = "") -> str:
        mark = f' presentation:class="{kind}"' if kind else ""
        return (
            f'<draw:frame svg:x="{left}cm" svg:y="{top}cm" svg:width="5cm" svg:height="2cm"{mark}>'
            f"<draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"
        )

    body = (
        "<draw:page>" + frame("low", 1, 9) + frame("high", 1, 4) + frame("Start", 1, 1, "title")
        + frame("page 1", 9, 15, "footer")
        + "<presentation:notes>" + frame("say it", 1, 1, "notes") + "</presentation:notes>"
        "</draw:page><draw:page><draw:frame><draw:image/></draw:frame></draw:page>"
        "<draw:page><draw:custom-shape><text:p>shape</text:p></draw:custom-shape></draw:page>"
    )  # fmt: skip
    document = read(tmp_path, "a.odp", odf("presentation", body))
    assert page_texts(document) == [
        "Start\n\nhigh\n\nlow\n\nNotes: say it\n\n", "", "Slide 3\n\nshape\n",
    ]  # fmt: skip
    assert [page.state for page in document.pages] == [
        PageState.INDEXED, PageState.IMAGE_ONLY, PageState.INDEXED,
    ]  # fmt: skip
    assert document.pages[0].left_out == len("page 1")
    assert document.title == "Start"


def test_the_declared_title_counts_if_no_paragraph_is_one(tmp_path: Path) -> None:
    data = odf("text", "<text:p>x</text:p>", meta="<dc:title>Supply Agreement</dc:title>")
    assert read(tmp_path, "a.odt", data).title == "Supply Agreement"


def test_what_is_refused(tmp_path: Path) -> None:
    locked = (
        '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/>'
        "</manifest:file-entry>"
    )
    data = odf("text", "<text:p>x</text:p>", manifest=locked)
    assert refused(tmp_path, "a.odt", data).code == "extract.encrypted"
    wholly = zipped({
        "encrypted-package": b"x",
        "META-INF/manifest.xml": '<m:manifest xmlns:m="m"><m:file-entry m:full-path='
        '"encrypted-package"><m:encryption-data/></m:file-entry></m:manifest>',
    })  # fmt: skip
    assert refused(tmp_path, "b.odt", wholly).code == "extract.encrypted"
    assert refused(tmp_path, "c.odt", odf("text", "")).code == "extract.empty"
    image = "<text:p><draw:frame><draw:image/></draw:frame></text:p>"
    assert refused(tmp_path, "d.odt", odf("text", image)).code == "extract.no_text"
    assert refused(tmp_path, "e.odt", zipped({"x": "y"})).code == "extract.corrupt"
    assert refused(tmp_path, "f.odt", b"<html/>").code == "extract.corrupt"
    deep = "<text:section>" * 5000 + "<text:p>x</text:p>" + "</text:section>" * 5000
    assert refused(tmp_path, "g.odt", odf("text", deep)).code == "extract.corrupt"
    bomb = zipped({"content.xml": " " * 40_000_000})
    assert refused(tmp_path, "h.odt", bomb).code == "extract.too_large"


MATH = (
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><mi>E</mi><mo>=</mo>'
    "<mfrac><mi>m</mi><mrow><mn>2</mn><mo>+</mo><mi>n</mi></mrow></mfrac><msup><mi>c</mi><mn>2</mn></msup>"
    "<msqrt><mi>x</mi></msqrt></mrow><annotation>E = NOT SAID</annotation></semantics></math>"
)


def chart() -> str:
    """Give the content of a chart as a file in the file has it."""
    table = f"<table:table>{cells('', 'Rent')}{cells('2023', '5')}</table:table>"
    return odf_xml(
        "chart", f"<chart:chart><chart:title><text:p>Rents</text:p></chart:title>{table}"
        "</chart:chart>",
    ).replace("<office:body>", '<office:body xmlns:chart="c">')  # fmt: skip


def test_equations_and_charts_are_files_in_the_file(tmp_path: Path) -> None:
    def frame(name: str) -> str:
        picture = "<draw:image/><svg:desc>NOT SAID</svg:desc>"
        return f'<draw:frame><draw:object x:href="./{name}" xmlns:x="x"/>{picture}</draw:frame>'

    text = "<text:p>Before{}</text:p><text:p>{}</text:p><text:p>{}</text:p>"
    data = odf("text", text.format(*map(frame, ("Object 1", "Object 2", "Gone"))))
    parts = {"Object 1/content.xml": MATH.encode(), "Object 2/content.xml": chart().encode()}
    assert texts(read(tmp_path, "a.odt", repacked(data, {**parts}))) == [
        "Before", "E=m/(2+n)c^2√(x)", "Rents", "|  | Rent |", "2023 | 5", "[NOT SAID]",
    ]  # fmt: skip
    within = f"<text:p><draw:frame><draw:object>{MATH}</draw:object></draw:frame></text:p>"
    flat = odf_xml("text", within, root="document")
    assert texts(read(tmp_path, "a.fodt", flat.encode())) == ["E=m/(2+n)c^2√(x)"]


def test_texts_and_drawings_in_the_file_are_read_and_comments_say_whose_they_are(
    tmp_path: Path,
) -> None:
    inner = odf_xml("text", "<text:h>Inner</text:h><text:p>words</text:p>")
    frame = '<draw:frame><draw:object x:href="Object 1" xmlns:x="x"/></draw:frame>'
    note = (
        "<office:annotation><dc:creator>Ann</dc:creator><text:p>why?</text:p></office:annotation>"
    )
    picture = "<draw:frame><draw:image/><svg:title>A map</svg:title></draw:frame>"
    data = odf("text", f"<text:p>Before{note}</text:p><text:p>{frame}{picture}</text:p>")
    lines = texts(read(tmp_path, "a.odt", repacked(data, {"Object 1/content.xml": inner.encode()})))
    assert lines == ["Before", "Comment by Ann: why?", "Inner", "words", "[A map]"]


def test_lists_in_cells_keep_their_numbers_and_nested_tables_come_once(tmp_path: Path) -> None:
    numbers = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1"'
        ' style:num-format="1" style:num-suffix="."/></text:list-style>'
    )
    items = "".join(f"<text:list-item><text:p>{text}</text:p></text:list-item>" for text in "xy")
    inner = f"<table:table>{cells('p', 'q')}</table:table>"
    body = (
        f"<table:table>{cells('a', 'b')}<table:table-row><table:table-cell>"
        f'<text:list text:style-name="L">{items}</text:list></table:table-cell>'
        f"<table:table-cell>{inner}</table:table-cell></table:table-row></table:table>"
    )
    lines = texts(read(tmp_path, "a.odt", odf("text", body, styles=numbers)))
    assert lines == ["a | b", "1. x 2. y | p q"]


def test_boxes_that_are_tied_to_a_cell_of_a_sheet_are_read(tmp_path: Path) -> None:
    box = "<draw:custom-shape><text:p>boxed</text:p></draw:custom-shape>"
    row = f"<table:table-row><table:table-cell>{box}<text:p>cell</text:p></table:table-cell>"
    body = f'<table:table table:name="S">{row}</table:table-row></table:table>'
    assert texts(read(tmp_path, "a.ods", odf("spreadsheet", body))) == ["S", "cell", "boxed"]


def test_identifiers_that_stand_twice_are_no_damage(tmp_path: Path) -> None:
    body = '<text:p xml:id="a">one</text:p><text:p xml:id="a">two</text:p><text:p xml:id="1"/>'
    assert texts(read(tmp_path, "a.odt", odf("text", body))) == ["one", "two"]


def test_drawings_are_read_page_by_page(tmp_path: Path) -> None:
    box = "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
    document = read(tmp_path, "a.odg", odf("drawing", f"<draw:page>{box}</draw:page>"))
    assert texts(document) == ["Slide 1", "boxed"]

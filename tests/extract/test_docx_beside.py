"""DOCX: words that stand beside the text: charts, drawings, margins, signs, whole other texts."""

from __future__ import annotations

import io
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from tests.extract.make import repacked, word
from tests.extract.make_office import read, texts, titles, unzipped, zipped

W = nsdecls("w")
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
C = 'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
CX = 'xmlns:cx="http://schemas.microsoft.com/office/drawing/2014/chartex"'
DGM = 'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
V = 'xmlns:v="urn:schemas-microsoft-com:vml"'


def beside(block: str, parts: dict[str, tuple[str, bytes]]) -> bytes:
    """Give a Word file with a paragraph, this XML and a paragraph, and with these related parts.

    Each part is under its key, which begins with its name in `word/`, with the kind of relation.
    """

    def build(document: WordDocument) -> None:
        document.add_paragraph("Before.")
        document.element.body.insert(1, parse_xml(block.replace(">", f" {W} {R}>", 1)))
        document.element.body.insert(2, parse_xml(f"<w:p {W}><w:r><w:t>After.</w:t></w:r></w:p>"))

    data = word(build)
    name = "word/_rels/document.xml.rels"
    more = "".join(
        f'<Relationship Id="{key}" Type="x/{kind}" Target="{key}"/>'
        for key, (kind, _) in parts.items()
    )
    threads = unzipped(data)[name].decode().replace("</Relationships>", more + "</Relationships>")
    written = {f"word/{key}": content for key, (_, content) in parts.items()}
    return repacked(data, {name: threads.encode(), **written})


def drawn(inner: str) -> str:
    """Give a paragraph with a drawing of this content."""
    graphic = f"<a:graphic {A}><a:graphicData>{inner}</a:graphicData></a:graphic>"
    return f"<w:p><w:r><w:drawing><inline>{graphic}</inline></w:drawing></w:r></w:p>"


def said(text: str) -> str:
    return f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"


def points(*values: str) -> str:
    return "".join(f'<c:pt idx="{at}"><c:v>{value}</c:v></c:pt>' for at, value in enumerate(values))


def test_charts_follow_their_paragraph_with_titles_categories_and_values(tmp_path: Path) -> None:
    levels = (
        f"<c:lvl>{points('Bern', 'Thun', 'Rome')}</c:lvl>"
        '<c:lvl><c:pt idx="0"><c:v>CH</c:v></c:pt><c:pt idx="2"><c:v>IT</c:v></c:pt></c:lvl>'
    )
    label = f"<c:dLbls><c:dLbl><c:tx><c:rich>{said('a peak')}</c:rich></c:tx></c:dLbl></c:dLbls>"
    names = (
        f"<c:multiLvlStrRef><c:multiLvlStrCache>{levels}</c:multiLvlStrCache></c:multiLvlStrRef>"
    )
    series = (
        f"<c:ser><c:tx><c:strRef><c:strCache>{points('Rent')}</c:strCache></c:strRef></c:tx>"
        f"<c:cat>{names}</c:cat><c:val><c:numCache>{points('5', '7', '9')}</c:numCache></c:val>"
        f"{label}</c:ser>"
    )
    chart = (
        f"<c:chartSpace {C} {A}><c:chart><c:title><c:tx><c:rich>{said('Rents')}</c:rich></c:tx>"
        f"</c:title><c:plotArea><c:barChart>{series}</c:barChart></c:plotArea></c:chart>"
        "</c:chartSpace>"
    )
    data = beside(drawn(f'<c:chart {C} r:id="c.xml"/>'), {"c.xml": ("chart", chart.encode())})
    assert texts(read(tmp_path, "a.docx", data)) == [
        "Before.", "Rents", "a peak", "|  | Rent |", "CH / Bern | 5", "CH / Thun | 7",
        "IT / Rome | 9", "After.",
    ]  # fmt: skip


def test_charts_of_the_newer_kinds_have_their_data_apart(tmp_path: Path) -> None:
    rows = '<cx:lvl><cx:pt idx="0">{}</cx:pt><cx:pt idx="1">{}</cx:pt></cx:lvl>'
    chart = (
        f'<cx:chartSpace {CX} {A}><cx:chartData><cx:data id="0"><cx:strDim type="cat">'
        f'{rows.format("Start", "End")}</cx:strDim><cx:numDim type="val">{rows.format(4, 6)}'
        "</cx:numDim></cx:data></cx:chartData><cx:chart><cx:title><cx:tx><cx:txData>"
        "<cx:v>Fall</cx:v></cx:txData></cx:tx></cx:title><cx:plotArea><cx:plotAreaRegion>"
        '<cx:series><cx:tx><cx:txData><cx:v>Cost</cx:v></cx:txData></cx:tx><cx:dataId val="0"/>'
        "</cx:series></cx:plotAreaRegion></cx:plotArea></cx:chart></cx:chartSpace>"
    )
    data = beside(drawn(f'<cx:chart {CX} r:id="c.xml"/>'), {"c.xml": ("chartEx", chart.encode())})
    assert texts(read(tmp_path, "a.docx", data))[1:-1] == [
        "Fall", "|  | Cost |", "Start | 4", "End | 6",
    ]  # fmt: skip


def test_smart_art_and_shapes_on_a_canvas_are_read(tmp_path: Path) -> None:
    model = (
        f"<dgm:dataModel {DGM} {A}><dgm:ptLst><dgm:pt><dgm:t>{said('Plan')}</dgm:t></dgm:pt>"
        f"<dgm:pt><dgm:t>{said('Do')}</dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"
    )
    art = drawn(f'<dgm:relIds {DGM} r:dm="d.xml"/>')
    data = beside(art, {"d.xml": ("diagramData", model.encode())})
    assert texts(read(tmp_path, "a.docx", data)) == ["Before.", "Plan", "Do", "After."]
    canvas = drawn(f"<sp><txSp><a:txBody>{said('on the canvas')}</a:txBody></txSp></sp>")
    assert texts(read(tmp_path, "b.docx", beside(canvas, {})))[1] == "on the canvas"


def test_boxes_in_a_drawing_that_has_a_form_for_older_programs_come_once(tmp_path: Path) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>"
    both = (
        '<w:p><w:r><w:drawing><g xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility'
        f'/2006"><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>'
        "</mc:AlternateContent></g></w:drawing></w:r></w:p>"
    )
    assert texts(read(tmp_path, "a.docx", beside(both, {}))) == ["Before.", "boxed", "After."]


def test_a_chart_within_a_box_comes_once(tmp_path: Path) -> None:
    chart = (
        f"<c:chartSpace {C}><c:chart><c:title><c:v>Rents</c:v></c:title></c:chart></c:chartSpace>"
    )
    inner = drawn(f'<c:chart {C} r:id="c.xml"/>')
    data = beside(
        drawn(f"<w:txbxContent>{inner}</w:txbxContent>"), {"c.xml": ("chart", chart.encode())}
    )
    assert texts(read(tmp_path, "a.docx", data)) == ["Before.", "Rents", "After."]


def test_a_table_in_a_paragraph_is_read_though_it_breaks_the_rules(tmp_path: Path) -> None:
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    row = f"<w:tr>{cell.format('name')}{cell.format('phone')}</w:tr>"
    block = f"<w:p><w:sdt><w:sdtContent><w:tbl>{row}</w:tbl></w:sdtContent></w:sdt></w:p>"
    assert texts(read(tmp_path, "a.docx", beside(block, {})))[1:-1] == ["name | phone"]


def test_letters_drawn_as_art_symbols_and_boxes_of_forms(tmp_path: Path) -> None:
    def field(inner: str) -> str:
        return f"<w:r><w:fldChar><w:ffData>{inner}</w:ffData></w:fldChar></w:r>"

    def symbol(font: str, code: str) -> str:
        return f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'

    box = "<w:checkBox><w:default w:val='0'/>{}</w:checkBox>"
    entries = "".join(f'<w:listEntry w:val="{each}"/>' for each in ("rent", "lease"))
    art = f'<w:r><w:pict><v:shape {V}><v:textpath string="BIG NEWS"/></v:shape></w:pict></w:r>'
    block = (
        "<w:p>" + field(box.format("<w:checked/>")) + field(box.format(""))
        + field(f'<w:ddList><w:result w:val="1"/>{entries}</w:ddList>')
        + field(f'<w:ddList><w:result w:val="7"/>{entries}</w:ddList>')
        + symbol("Symbol", "F061") + symbol("Wingdings", "F0FE") + symbol("Wingdings", "F04A")
        + symbol("Arial", "00A7") + symbol("Symbol", "none") + art + "</w:p>"
    )  # fmt: skip
    assert texts(read(tmp_path, "a.docx", beside(block, {})))[1] == "☒☐leaseα☑§BIG NEWS"


HTML = "<html><body><h1>Annex</h1><p>Price: 3 € <a href='x'>here</a></p></body></html>"


def saved_page() -> bytes:
    page = EmailMessage()
    page["Subject"] = "NOT SAID"
    page.set_content(HTML, subtype="html", charset="utf-8")
    page.make_related()
    return page.as_bytes()


def inner_word() -> bytes:
    document = docx.Document()
    document.add_heading("Annex", 1)
    document.add_paragraph("Price: 3 € here")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        HTML.encode(),
        HTML.encode("utf-16"),
        saved_page(),
        inner_word(),
        rb"{\rtf1\ansi {\s1\outlinelevel0 Annex\par}{Price: 3 \u8364? here\par}}",
        "Annex\n\nPrice: 3 € here\n".encode(),
    ],
    ids=["html", "utf-16", "mhtml", "docx", "rtf", "text"],
)
def test_a_text_in_another_format_stands_where_it_was_put(tmp_path: Path, content: bytes) -> None:
    data = beside('<w:altChunk r:id="annex.bin"></w:altChunk>', {"annex.bin": ("aFChunk", content)})
    document = read(tmp_path, "a.docx", data)
    assert texts(document) == ["Before.", "Annex", "Price: 3 € here", "After."]
    if b"h1" in content or content.startswith(b"PK"):
        assert titles(document) == [(1, "Annex")]


def test_what_cannot_be_read_of_it_is_a_problem_and_no_more(tmp_path: Path) -> None:
    block = '<w:altChunk r:id="annex.bin"></w:altChunk>'
    data = beside(block, {"annex.bin": ("aFChunk", b"PK\3\4 damaged")})
    document = read(tmp_path, "a.docx", data)
    assert texts(document) == ["Before.", "After."]
    assert [(each.code, each.locator) for each in document.problems] == [
        ("extract.corrupt", "word/annex.bin")
    ]
    missing = read(tmp_path, "b.docx", beside(block, {}))
    assert (texts(missing), missing.problems) == (["Before.", "After."], ())


def test_files_in_files_without_end_are_read_three_deep(tmp_path: Path) -> None:
    data = inner_word()
    for _ in range(6):
        data = beside('<w:altChunk r:id="a.docx"></w:altChunk>', {"a.docx": ("aFChunk", data)})
    lines = texts(read(tmp_path, "a.docx", data))
    assert lines == ["Before."] * 4 + ["After."] * 4


def test_the_header_and_footer_of_a_first_page_alone_are_part_of_the_text(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        document.add_paragraph("Dear all")
        section = document.sections[0]
        section.different_first_page_header_footer = True
        section.first_page_header.paragraphs[0].text = "Acme Ltd, 1 Main St"
        section.first_page_footer.paragraphs[0].text = "Registered in Bern"
        number = "<w:p {}><w:r><w:t>Page </w:t></w:r><w:fldSimple w:instr=' PAGE '/></w:p>"
        section.first_page_footer._element.append(parse_xml(number.format(W)))
        section.header.paragraphs[0].text = "EACH"

    document = read(tmp_path, "a.docx", word(build))
    assert texts(document) == ["Acme Ltd, 1 Main St", "Dear all", "Registered in Bern"]
    assert document.pages[0].left_out == len("EACH")


def test_a_file_that_has_nothing_but_headers_is_read_by_them(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        document.sections[0].header.paragraphs[0].text = "Letter paper of Acme"

    document = read(tmp_path, "a.docx", word(build))
    assert texts(document) == ["Letter paper of Acme"]
    assert document.pages[0].left_out == 0


def test_names_in_the_archive_may_have_the_separator_of_windows(tmp_path: Path) -> None:
    parts = unzipped(word(lambda document: document.add_paragraph("found")))
    data = zipped({name.replace("/", "\\"): content for name, content in parts.items()})
    assert b"word\\document.xml" in data
    assert texts(read(tmp_path, "a.docx", data)) == ["found"]

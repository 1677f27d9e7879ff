"""DOCX: what the reader sees in the body, in its order, with the numbers that Word counts."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from kb.errors import StageError
from kb.extract import extract, zipped
from kb.extract.office.docx_numbers import written as number
from kb.model import Document
from tests.extract.make import assert_whole, repacked, word, written

W = nsdecls("w")


def read(tmp_path: Path, data: bytes) -> Document:
    document = extract(written(tmp_path / "supply agreement.docx", data))
    assert_whole(document)
    assert (document.format, document.paged) == ("docx", False)
    return document


def refused(tmp_path: Path, data: bytes) -> str:
    with pytest.raises(StageError) as error:
        extract(written(tmp_path / "refused.docx", data))
    return error.value.failure.code


def body(*blocks: str) -> bytes:
    """Give a Word file with these blocks of XML as its body."""

    def build(document: WordDocument) -> None:
        inner = document.element.body
        for block in reversed(blocks):
            inner.insert(0, parse_xml(block.replace(">", f" {W}>", 1)))

    return word(build)


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def item(text: str, level: int, number_id: int = 77) -> str:
    return paragraph(
        text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number_id}"/></w:numPr>'
    )


def numbered(*blocks: str, levels: str, more: str = "") -> bytes:
    """Give a Word file whose list 77 has these levels."""
    part = (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="9">{levels}</w:abstractNum>{more}'
        '<w:num w:numId="77"><w:abstractNumId w:val="9"/></w:num>'
        '<w:num w:numId="78"><w:abstractNumId w:val="9"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>'
        "</w:numbering>"
    )
    return repacked(body(*blocks), {"word/numbering.xml": part.encode()})


def level(place: int, style: str, text: str, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{place}"><w:start w:val="1"/><w:numFmt w:val="{style}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def test_paragraphs_and_tables_come_in_the_order_of_the_body(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        document.add_heading("Supply Agreement", 0)
        document.add_heading("Delivery", 1)
        document.add_paragraph("Within ten days.")
        table = document.add_table(2, 3)
        for row, words in zip(
            table.rows, (("Part", "Price", "Unit"), ("A1", "3", "kg")), strict=True
        ):
            for cell, text in zip(row.cells, words, strict=True):
                cell.text = text
        document.add_paragraph("After the table.")
        document.add_heading("Quantities", 2)
        document.sections[0].header.paragraphs[0].text = "HEADER"
        document.sections[0].footer.paragraphs[0].text = "FOOTER"

    document = read(tmp_path, word(build))
    assert document.text == (
        "Supply Agreement\n\nDelivery\n\nWithin ten days.\n\nPart | Price | Unit\nA1 | 3 | kg\n\n"
        "After the table.\n\nQuantities\n"
    )
    assert [(each.level, each.title) for each in document.headings] == [
        (1, "Supply Agreement"),
        (1, "Delivery"),
        (2, "Quantities"),
    ]
    for each in document.headings:
        assert document.text[each.start : each.end] == each.title
    assert document.title == "Supply Agreement"


def test_merged_cells_are_not_repeated_and_nested_tables_not_lost(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        table = document.add_table(3, 2)
        table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
        table.cell(1, 0).merge(table.cell(2, 0)).text = "tall"
        table.cell(1, 1).text = "b"
        inner = table.cell(2, 1).add_table(1, 2)
        inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"

    text = read(tmp_path, word(build)).text
    assert [text.count(each) for each in ("wide", "tall", "b", "x", "y")] == [1, 1, 1, 1, 1]
    assert "tall | b" in text


def test_a_cell_that_is_covered_by_the_one_above_says_nothing(tmp_path: Path) -> None:
    def cell(text: str, merge: str = "") -> str:
        return f"<w:tc><w:tcPr>{merge}</w:tcPr>{paragraph(text)}</w:tc>"

    rows = [
        cell("a", '<w:vMerge w:val="restart"/>') + cell("b"),
        cell("UNSEEN", "<w:vMerge/>") + cell("c") + cell("d"),
        cell("UNSEEN", '<w:vMerge w:val="continue"/>') + cell("e"),
    ]
    table = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"
    assert read(tmp_path, body(table)).text == "a | b\n|  | c | d |\n|  | e |\n"


def test_a_frame_of_one_cell_is_no_table(tmp_path: Path) -> None:
    heading = paragraph("Notice", '<w:pStyle w:val="Heading1"/>')
    frame = (
        f"<w:tbl><w:tr><w:tc>{heading}{paragraph('one')}{paragraph('two')}</w:tc></w:tr></w:tbl>"
    )
    document = read(tmp_path, body(frame))
    assert document.text == "Notice\n\none\n\ntwo\n"
    assert [each.title for each in document.headings] == ["Notice"]


def test_the_declared_title_counts_if_no_paragraph_is_one(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        document.add_paragraph("text")
        document.core_properties.title = "Framework Agreement"

    assert read(tmp_path, word(build)).title == "Framework Agreement"
    assert read(tmp_path, body(paragraph("text"))).title == "supply agreement"


def test_headings_are_known_by_style_by_inheritance_and_by_outline_level(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        style: Any = document.styles.add_style("Klausel", WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = document.styles["Heading 3"]
        document.add_paragraph("inherited", style="Klausel")
        document.add_paragraph("", style="Heading 1")
        document.add_paragraph("body", style="List Paragraph")
        inner = document.element.body
        outlined = paragraph("direct", '<w:outlineLvl w:val="1"/>')
        inner.insert(0, parse_xml(outlined.replace(">", f" {W}>", 1)))

    headings = read(tmp_path, word(build)).headings
    assert [(each.level, each.title) for each in headings] == [(2, "direct"), (3, "inherited")]


def test_numbers_of_multilevel_lists_are_counted(tmp_path: Path) -> None:
    levels = (
        level(0, "decimal", "%1.")
        + level(1, "decimal", "%1.%2")
        + level(2, "lowerLetter", "(%3)")
        + level(3, "lowerRoman", "%4)", '<w:suff w:val="nothing"/>')
    )
    blocks = [
        item("Scope", 0),
        item("Parts", 1),
        item("first", 2),
        item("second", 2),
        item("deep", 3),
    ]
    blocks += [item("Labour", 1), item("again", 2), paragraph("no number"), item("Price", 0)]
    blocks += [item("Base", 1), item("Restarted", 0, 78)]
    lines = read(tmp_path, numbered(*blocks, levels=levels)).text.split()
    assert " ".join(lines) == (
        "1. Scope 1.1 Parts (a) first (b) second i)deep 1.2 Labour (a) again no number"
        " 2. Price 2.1 Base 1. Restarted"
    )


def test_chinese_clauses_bullets_and_legal_numbers(tmp_path: Path) -> None:
    levels = (
        level(0, "chineseCounting", "第%1条", '<w:suff w:val="nothing"/>')
        + level(1, "decimal", "%1.%2", "<w:isLgl/>")
        + level(2, "bullet", "\uf0b7")
        + level(3, "none", "")
    )
    blocks = [item("总则", 0), item("定义", 1), item("点", 2), item("无", 3), item("价款", 0)]
    text = read(tmp_path, numbered(*blocks, levels=levels)).text
    assert text.split() == ["第一条总则", "1.1", "定义", "•", "点", "无", "第二条价款"]


def test_numbered_headings_carry_their_number_in_the_title(tmp_path: Path) -> None:
    heading = (
        '<w:pStyle w:val="Heading1"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="77"/></w:numPr>'
    )
    data = numbered(
        paragraph("Term", heading),
        paragraph("Price", heading),
        levels=level(0, "decimal", "Article %1"),
    )
    assert [each.title for each in read(tmp_path, data).headings] == [
        "Article 1 Term",
        "Article 2 Price",
    ]


def test_a_style_can_bring_its_list_and_its_level(tmp_path: Path) -> None:
    levels = level(0, "decimal", "%1") + level(
        1, "decimal", "%1.%2", '<w:pStyle w:val="Heading2"/>'
    )
    numbering = '<w:numPr><w:numId w:val="77"/></w:numPr>'
    data = numbered(
        item("One", 0),
        paragraph("Two", '<w:pStyle w:val="Heading2"/>'),
        paragraph("off", '<w:pStyle w:val="Heading2"/><w:numPr><w:numId w:val="0"/></w:numPr>'),
        levels=levels,
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        styles = archive.read("word/styles.xml").decode()
    place = styles.index("<w:pPr>", styles.index('w:styleId="Heading2"')) + len("<w:pPr>")
    styles = styles[:place] + numbering + styles[place:]
    data = repacked(data, {"word/styles.xml": styles.encode()})
    assert read(tmp_path, data).text.split() == ["1", "One", "1.1", "Two", "off"]


@pytest.mark.parametrize(
    ("style", "count", "expected"),
    [
        ("decimal", 12, "12"),
        ("decimalZero", 7, "07"),
        ("upperRoman", 1994, "MCMXCIV"),
        ("lowerLetter", 27, "aa"),
        ("ordinal", 22, "22nd"),
        ("ordinal", 12, "12th"),
        ("chineseCounting", 10, "十"),
        ("chineseCountingThousand", 111, "一百一十一"),
        ("chineseCountingThousand", 1002, "一千零二"),
        ("chineseCounting", 20, "二十"),
        ("chineseLegalSimplified", 12, "壹拾贰"),
        ("ideographTraditional", 3, "丙"),
        ("decimalEnclosedCircle", 3, "③"),
        ("lowerRoman", 0, "0"),
        ("unheard-of", 5, "5"),
    ],
)
def test_number_formats(style: str, count: int, expected: str) -> None:
    assert number(count, style) == expected


def test_what_the_reader_sees_and_what_not(tmp_path: Path) -> None:
    run = "<w:r><w:t>{}</w:t></w:r>".format
    data = body(
        "<w:p>"
        + run("a")
        + f'<w:ins w:id="1">{run("b")}</w:ins>'
        + '<w:del w:id="2"><w:r><w:delText>GONE</w:delText></w:r></w:del>'
        + f'<w:moveFrom w:id="3">{run("MOVED")}</w:moveFrom>'
        + f"<w:hyperlink>{run('c')}</w:hyperlink>"
        + "<w:r><w:rPr><w:vanish/></w:rPr><w:t>HIDDEN</w:t></w:r>"
        + '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>d</w:t></w:r>'
        + "<w:r><w:instrText>PAGE</w:instrText></w:r>"
        + f"<w:sdt><w:sdtContent>{run('e')}</w:sdtContent></w:sdt>"
        + "<w:r><w:noBreakHyphen/><w:t>f</w:t><w:tab/><w:t>g</w:t><w:br/><w:t>h</w:t></w:r>"
        + "</w:p>",
        f"<w:sdt><w:sdtContent>{paragraph('in a control')}</w:sdtContent></w:sdt>",
    )
    assert read(tmp_path, data).text == "abcde-f\tg\nh\n\nin a control\n"


def test_footnotes_follow_the_paragraph_that_bears_their_mark(tmp_path: Path) -> None:
    note = f'<w:footnote w:id="5">{paragraph("Net of tax.")}</w:footnote>'
    separator = '<w:footnote w:id="0" w:type="separator"><w:p/></w:footnote>'
    marked = '<w:p><w:r><w:t>Price</w:t></w:r><w:r><w:footnoteReference w:id="5"/></w:r></w:p>'
    data = body(marked, paragraph("Next."))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        relations = archive.read("word/_rels/document.xml.rels").decode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    relations = relations.replace(
        "</Relationships>",
        f'<Relationship Id="rId99" Type="{kind}" Target="footnotes.xml"/></Relationships>',
    )
    data = repacked(
        data,
        {
            "word/_rels/document.xml.rels": relations.encode(),
            "word/footnotes.xml": f"<w:footnotes {W}>{separator}{note}</w:footnotes>".encode(),
        },
    )
    assert read(tmp_path, data).text == "Price[1]\n[1] Net of tax.\n\nNext.\n"


def test_text_boxes_come_once_after_their_paragraph(tmp_path: Path) -> None:
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    block = (
        f"<w:p><w:r><mc:AlternateContent {mc}><mc:Choice><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>"
        "<w:t>host</w:t></w:r></w:p>"
    )
    assert read(tmp_path, body(block)).text == "host\n\nboxed\n"


def test_missing_parts_and_dangling_pictures_do_not_matter(tmp_path: Path) -> None:
    data = body(paragraph("text"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        relations = archive.read("word/_rels/document.xml.rels").decode()
    dangling = relations.replace(
        "</Relationships>",
        '<Relationship Id="rId98" Type="http://x/image" Target="NULL"/></Relationships>',
    )
    gone = dict.fromkeys(("word/styles.xml", "word/numbering.xml", "docProps/core.xml"))
    parts = {"word/_rels/document.xml.rels": dangling.encode(), **gone}
    assert read(tmp_path, repacked(data, parts)).text == "text\n"


def test_passwords_old_formats_and_other_files(tmp_path: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    assert refused(tmp_path, ole + "EncryptedPackage".encode("utf-16-le")) == "extract.encrypted"
    assert refused(tmp_path, ole + bytes(600)) == "extract.unsupported"
    assert refused(tmp_path, b"PK\x03\x04 nonsense") == "extract.corrupt"
    assert refused(tmp_path, body()) == "extract.empty"
    whole = body(paragraph("text"))
    assert refused(tmp_path, whole[: len(whole) // 2]) == "extract.corrupt"
    assert refused(tmp_path, repacked(whole, {"word/document.xml": None})) == "extract.corrupt"
    assert refused(tmp_path, repacked(whole, {"word/document.xml": b"<a>"})) == "extract.corrupt"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = repacked(body(paragraph("x")), {"word/document.xml": b" " * 40_000_000})
    assert len(bomb) < 100_000
    read_parts = []
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *args: read_parts.append(args))
    assert refused(tmp_path, bomb) == "extract.too_large"
    assert read_parts == []
    monkeypatch.undo()
    monkeypatch.setattr(zipped, "_MAX_UNPACKED", 100)
    assert refused(tmp_path, body(paragraph("x"))) == "extract.too_large"


def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    xml = (
        '<!DOCTYPE d [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">'
        f'<!ENTITY f SYSTEM "{secret.as_uri()}">]>'
        f"<w:document {W}><w:body><w:p><w:r><w:t>x&b;&f;y</w:t></w:r></w:p></w:body></w:document>"
    )
    text = read(tmp_path, repacked(body(), {"word/document.xml": xml.encode()})).text
    assert "SECRET" not in text
    assert "lol" not in text


def test_tables_in_tables_without_end_are_refused_not_followed(tmp_path: Path) -> None:
    deep = "<w:tbl><w:tr><w:tc>" * 300 + paragraph("x") + "</w:tc></w:tr></w:tbl>" * 300
    xml = f"<w:document {W}><w:body>{deep}</w:body></w:document>"
    data = repacked(body(), {"word/document.xml": xml.encode()})
    assert refused(tmp_path, data) == "extract.corrupt"


def _with_part(data: bytes, name: str, kind: str, xml: str) -> bytes:
    """Give a Word file to which a part has been added, related to the body as `kind`."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        relations = archive.read("word/_rels/document.xml.rels").decode()
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    thread = f'<Relationship Id="rId90" Type="{base}/{kind}" Target="{name}"/></Relationships>'
    relations = relations.replace("</Relationships>", thread)
    parts = {"word/_rels/document.xml.rels": relations.encode(), f"word/{name}": xml.encode()}
    return repacked(data, dict(parts))


def test_comments_follow_the_paragraph_they_stand_in(tmp_path: Path) -> None:
    marked = '<w:p><w:r><w:t>Price</w:t></w:r><w:r><w:commentReference w:id="3"/></w:r></w:p>'
    note = f'<w:comment w:id="3" w:author="Ann">{paragraph("Too high.")}</w:comment>'
    data = _with_part(
        body(marked, paragraph("Next.")), "notes.xml", "comments",
        f"<w:comments {W}>{note}</w:comments>",
    )  # fmt: skip
    assert read(tmp_path, data).text == "Price\nComment by Ann: Too high.\n\nNext.\n"


def test_headers_and_footers_are_counted_and_left_out(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        document.add_paragraph("text")
        document.sections[0].header.paragraphs[0].text = "HEADER"
        document.sections[0].footer.paragraphs[0].text = "FOOT"

    document = read(tmp_path, word(build))
    assert document.text == "text\n"
    assert document.pages[0].left_out == len("HEADERFOOT")


def test_equations_are_written_as_people_type_them(tmp_path: Path) -> None:
    def run(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    power = f"<m:sSup><m:e>{run('b')}</m:e><m:sup>{run('2')}</m:sup></m:sSup>"
    root = f"<m:rad><m:deg/><m:e>{power}{run('-4ac')}</m:e></m:rad>"
    fraction = f"<m:f><m:num>{root}</m:num><m:den>{run('2a')}</m:den></m:f>"
    total = (
        f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{run("i=1")}</m:sub>'
        f"<m:sup>{run('n')}</m:sup><m:e>{run('i')}</m:e></m:nary>"
    )
    fence = f"<m:d><m:e>{run('x')}</m:e></m:d>"
    math = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    block = f'<w:p><m:oMath xmlns:m="{math}">{fraction}{run("+")}{total}{fence}</m:oMath></w:p>'
    assert read(tmp_path, body(block)).text == "(√(b^2-4ac))/2a+∑_(i=1)^n i(x)\n"


def test_a_cell_across_columns_keeps_the_others_in_their_place(tmp_path: Path) -> None:
    def build(document: WordDocument) -> None:
        table = document.add_table(3, 3)
        for row, words in zip(table.rows, ("abc", "d f", "g"), strict=True):
            for cell, text in zip(row.cells, words, strict=False):
                cell.text = text.strip()
        table.cell(1, 0).merge(table.cell(1, 1))

    assert read(tmp_path, word(build)).text.split("\n")[:3] == ["a | b | c", "d |  | f", "| g |"]


def test_a_description_of_a_picture_is_read_if_a_person_wrote_it(tmp_path: Path) -> None:
    def picture(description: str) -> str:
        return (
            '<w:p><w:r><w:drawing><wp:inline xmlns:wp="wp"><wp:docPr id="1" '
            f'descr="{description}"/><a:blip xmlns:a="a"/></wp:inline></w:drawing></w:r></w:p>'
        )

    text = read(tmp_path, body(picture("The old bridge"), picture("IMG_1.jpg"))).text
    assert text == "[The old bridge]\n"
    assert refused(tmp_path, body(picture(""))) == "extract.no_text"

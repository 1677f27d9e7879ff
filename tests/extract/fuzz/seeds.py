"""Whole small files of every format that kb reads: what the damage is done to."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter

from kb.extract import FORMATS
from tests.conftest import REPOSITORY
from tests.extract.make import PICTURE, pdf, placed, protected, shown, word
from tests.extract.make_archives import properties, raw_zip, zipped
from tests.extract.make_compound import compound
from tests.extract.make_office import book, odf, odf_xml, slides, workbook

#: Larger files are no seeds: a damaged small one is read sooner.
MAX_SEED = 300_000
_WORDS = "Section 3.2(a) The Seller shall deliver.\n第三章 退款\n第十二条 自签字之日起生效。\n"
_ODF_BODY = (
    '<text:h text:outline-level="1">Title</text:h><text:list><text:list-item><text:p>a</text:p>'
    "</text:list-item></text:list><text:p>b<text:note><text:note-citation>1</text:note-citation>"
    "<text:note-body><text:p>note</text:p></text:note-body></text:note><text:s text:c='3'/>"
    "</text:p>"
)
_ODF_TABLE = (
    '<table:table table:name="One"><table:table-row table:number-rows-repeated="2">'
    '<table:table-cell table:number-columns-repeated="3" office:value-type="string"><text:p>c'
    "</text:p></table:table-cell><table:table-cell><text:p>d</text:p></table:table-cell>"
    "</table:table-row></table:table>"
)
_ODF_SLIDE = (
    '<draw:page draw:name="p1"><draw:frame><draw:text-box><text:p>said</text:p>'
    "</draw:text-box></draw:frame></draw:page>"
)
_RTF = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset134 SimSun;}}"
    rb"{\stylesheet{\s1 heading 1;}}{\info{\title A title}}\s1 Heading\par\pard one \'e9\u20215?"
    rb"{\f1 \'d6\'d0}{\footnote note}\par\trowd\intbl a\cell b\cell\row"
    rb"\pard{\pict\bin3 abc}{\*\x y}}"
)
_HTML = (
    "<!DOCTYPE html><html><head><meta charset='utf-8'><title>Page</title></head><body><nav>go</nav>"
    "<main><h1>One</h1><p>Some words that a person would read, twice.</p><ul><li>a<li>b</ul><table>"
    "<tr><th>k<th>v<tr><td>1<td>2</table><pre>x\n y</pre><h2>Two</h2><p>more words</p><svg><text>s"
    "</text></svg></main></body></html>"
)
_RST = (
    "Title\n=====\n\n.. note:: word\n\n1. a\n2. b\n\n+---+---+\n| a | b |\n+===+===+\n| c | d |\n"
    "+---+---+\n\nSub\n---\n\n``code`` and `link <x>`_ [1]_\n\n.. [1] note\n\n== ==\na  b\n== ==\n"
)
_MARKDOWN = (
    "---\ntitle: T\n---\n# One\n\ntext\n\n## Two ##\n\n```\n# no\n```\n| a | b |\n|---|---|\n|"
    " 1 | 2 |\n\nSet\n===\n"
)
_JSON = {"name": "Anna", "of": [{"a": 1.10, "b": None}, {"a": "退款", "c": [1, 2]}], "": True}


def _paragraphs(document: Any) -> None:
    document.add_heading("Article IV", 1)
    document.add_paragraph(_WORDS)
    document.add_paragraph("item", style="List Number")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "k", "v"


def _slides(show: Any) -> None:
    for number in range(2):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = f"Title {number}", "text"
        slide.notes_slide.notes_text_frame.text = "note"


def _sheets(made: Any) -> None:
    for number in range(5):
        made.active.append(["name", number, 2.5, number > 2])
    made.create_sheet("Other").append(["=A1+1"])


def _pdf() -> bytes:
    return pdf([shown(_WORDS.encode("ascii", "replace").decode()), PICTURE, shown("3")], title="T")


def _packed_pdf() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(_pdf())))
    for page in writer.pages:
        page.compress_content_streams()
    writer.add_outline_item(title="One", page_number=0)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _letter() -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Pumpe und 合同", "a@example.org", "b@example.org"
    mail["Date"] = "Fri, 01 Mar 2024 10:00:00 +0800"
    mail.set_content(_WORDS)
    mail.add_alternative(_HTML, subtype="html")
    mail.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="t.csv")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("deep")
    mail.add_attachment(inner)
    return mail


def _outlook() -> bytes:
    attached = properties({0x3707: "terms.md", 0x3701: b"# Terms\n"}, {0x3705: (3, 1)}, head=8)
    body = {0x001A: "IPM.Note", 0x0037: "合同", 0x1000: _WORDS, 0x1013: _HTML}
    return compound({**properties(body), "__attach_version1.0_#00000000": attached})


def _picture(kind: str) -> bytes:
    page = Image.new("L", (600, 200), 255)
    ImageDraw.Draw(page).text((20, 20), "WORDS 123", fill=0, font_size=48)
    out = io.BytesIO()
    page.save(out, kind)
    return out.getvalue()


def _archive() -> bytes:
    inner = zipped({"deep.txt": b"deep words"})
    return zipped({"a/one.txt": b"one", "t.csv": b"a,b\n1,2\n", "in.zip": inner, "p.pdf": _pdf()})


#: A maker of whole files for each ending that is read, several where the format has several faces.
_MAKERS: Mapping[str, tuple[Callable[[], bytes], ...]] = {
    ".pdf": (
        _pdf, _packed_pdf,
        lambda: pdf([placed((50, 700, "left"), (300, 700, "right"), (50, 680, "low"))]),
        lambda: protected(_pdf(), user="", owner="x", algorithm="AES-128"),
    ),
    ".docx": (lambda: word(_paragraphs),),
    ".pptx": (lambda: slides(_slides),),
    ".xlsx": (lambda: workbook(_sheets),),
    ".odt": (lambda: odf("text", _ODF_BODY + _ODF_TABLE),),
    ".ods": (lambda: odf("spreadsheet", _ODF_TABLE),),
    ".odp": (lambda: odf("presentation", _ODF_SLIDE),),
    ".fodt": (lambda: odf_xml("text", _ODF_BODY, root="document").encode(),),
    ".html": (_HTML.encode, lambda: _HTML.replace("utf-8", "gb2312").encode("gb18030")),
    ".epub": (
        lambda: book({"a.xhtml": "<h1>One</h1><p>text</p>", "b.xhtml": "<p>more 中文</p>"}),
    ),
    ".md": (_MARKDOWN.encode,),
    ".rst": (_RST.encode,),
    ".rtf": (lambda: _RTF,),
    ".csv": ("部门,\"na\"\"me\",x\n1;2,3,\n,,4\n".encode, lambda: b"a\tb\r\n1\t2\r\n"),
    ".json": (lambda: json.dumps(_JSON, ensure_ascii=False).encode(),),
    ".jsonl": (f'{json.dumps(_JSON)}\n{{"a": 1}}\n'.encode,),
    ".txt": (
        _WORDS.encode, lambda: _WORDS.encode("utf-16"), lambda: (_WORDS * 9).encode("gb18030"),
        lambda: ("CHAPTER I\n\n" + _WORDS * 9).encode("utf-16-be"),
    ),
    ".eml": (lambda: _letter().as_bytes(),),
    ".msg": (_outlook,),
    ".png": (lambda: _picture("PNG"), lambda: _picture("JPEG")),
    ".tif": (lambda: _picture("TIFF"),),
    ".zip": (
        _archive,
        lambda: raw_zip([{"name": "名.txt".encode("gbk"), "data": b"stored"}, {"name": b"../b"}]),
    ),
}  # fmt: skip


@cache
def made() -> Mapping[str, tuple[bytes, ...]]:
    """Give our own whole files by the ending of their names."""
    return {ending: tuple(make() for make in makers) for ending, makers in _MAKERS.items()}


def gathered(
    folders: Iterable[Path] = (), formats: Iterable[str] = ()
) -> dict[str, tuple[bytes, ...]]:
    """Give whole files by ending: our own, those of the samples, and those of some folders.

    `formats` are names of formats or endings; none means all of them.
    """
    found = {ending: list(files) for ending, files in made().items()}
    for folder in (REPOSITORY / "sample_docs", *folders):
        for path in sorted(folder.rglob("*")):
            ending = path.suffix.lower()
            if path.is_file() and ending in FORMATS and 0 < path.stat().st_size <= MAX_SEED:
                found.setdefault(ending, []).append(path.read_bytes())
    wanted = {name.lower().lstrip(".") for name in formats}
    return {
        ending: tuple(files)
        for ending, files in sorted(found.items())
        if not wanted or wanted & {ending[1:], FORMATS[ending].name}
    }

"""Generate the binary documents of the sample shelf from the texts next to this script.

``sample_docs/`` is the shelf of an invented company, Brinvoss Espresso GmbH: a maker of espresso
machines in Bremen with an office in Shanghai (布林沃斯咖啡设备（上海）有限公司). The company, its
customers, its people, addresses and figures are fiction. The shelf serves the demo in the project's
README, the tests and the docs. It holds only documents; this hidden folder is not ingested.

Written by hand (edit them in place):

* ``faq.md`` - questions and answers of the help desks, English and Chinese mixed
* ``policies/售后服务条款.md`` - terms of service, clauses numbered 第3.2条 (3.2 is the refund)
* ``policies/保修政策.txt`` - Chinese warranty policy, numbered 一、 and （一）
* ``policies/香港客戶維修須知.md`` - repair notes for Hong Kong in traditional Chinese
* ``policies/refund-policy.md`` - English refund policy (section 3.2 is "How to request a refund")
* ``policies/warranty-policy.md`` - English warranty policy
* ``manuals/Werkstattnotiz Entkalkung.md`` - German workshop note
* ``meetings/2025-03-12 service meeting.txt`` - meeting notes in plain text
* ``research/White paper - water, scale and boiler life.md`` - a long read with tables
* ``sales/price-list-2025.md`` - price list in Markdown tables
* ``support/support-centre.html`` - web page with navigation, aside and footer around its content

Made by this script (edit the ``.txt`` next to it and run the script again):

* ``contracts/sales-contract-2024-017.pdf`` - English sales contract, Article 4 / 4.2 / (a)
* ``contracts/amendment-no-1-to-2024-017.pdf`` - replaces clauses 4.2 and 7.1 of that contract
* ``contracts/咖啡机采购合同 2024-SH-031.pdf`` - Chinese purchase contract, 第一条 to 第十八条
* ``contracts/Data Processing Agreement.docx`` - heading styles, numbered list, tables
* ``manuals/BV-40 Duo user manual.pdf`` - manual with numbered steps and tables
* ``inbox/scanned-delivery-note.pdf`` - a picture of a page, without any text layer
* ``inbox/payroll-encrypted.pdf`` - AES-256, opens with the user password ``demo-only``

Run it from anywhere::

    python -m pip install reportlab python-docx pillow pypdf cryptography fonttools
    python sample_docs/.src/make.py [--fonts DIR]

The script needs Noto Serif CJK (Debian: ``fonts-noto-cjk``), which is searched below ``--fonts``.
The font is under the SIL Open Font License 1.1, which permits embedding in documents; only the
glyphs in use are embedded. With the same versions of the tools the files are byte-identical on each
run: dates and ids are fixed and the salts of the encryption are derived from a counter.

Last made with reportlab 5.1, python-docx 1.2, Pillow 13.0, pypdf 7.1, fontTools 4.68.
Licence of the texts and of this script: Apache-2.0, as the project.
"""

# ruff: noqa: INP001 - a script in a hidden folder, not a package

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import io
import random
import re
import secrets
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from docx import Document
from docx.document import Document as DocxDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.text.paragraph import Paragraph as DocxParagraph
from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont as FontFile
from fontTools.ttLib import newTable
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pypdf import PdfReader, PdfWriter
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).resolve().parent
SHELF = HERE.parent
FIXED_TIME = dt.datetime(2025, 1, 1, 9, 0, 0, tzinfo=dt.UTC)
CJK_REGULAR = "NotoSerifCJK-Regular.ttc"
CJK_BOLD = "NotoSerifCJK-Bold.ttc"
SIMPLIFIED = 2  # position of the simplified Chinese face in the Noto CJK collections
PASSWORD = "demo-only"  # noqa: S105 - the demo file is locked, its content is fiction
MARGIN = 2.4 * cm
TEXT_WIDTH = A4[0] - 2 * MARGIN

NO_LINE_START = "，。、；：？！）》”’%"
NO_LINE_END = "（《“‘"
TOKEN = re.compile(r"[A-Za-z0-9.,/%@_\-]+|\s|.")
BOLD = re.compile(r"\*\*(.+?)\*\*")

# entries of the maxp table that only hinting programs and composite glyphs need
MAXP_UNUSED = (
    "maxTwilightPoints",
    "maxStorage",
    "maxFunctionDefs",
    "maxInstructionDefs",
    "maxStackElements",
    "maxSizeOfInstructions",
    "maxComponentElements",
    "maxComponentDepth",
    "maxPoints",
    "maxContours",
    "maxCompositePoints",
    "maxCompositeContours",
)

# marker of a line -> kind of block; the first pattern that matches wins
KINDS: list[tuple[str, re.Pattern[str]]] = [
    ("title", re.compile(r"= (?P<text>.+)")),
    ("centre", re.compile(r"~ (?P<text>.+)")),
    ("h1", re.compile(r"# (?P<text>.+)")),
    ("h2", re.compile(r"## (?P<text>.+)")),
    ("bullet", re.compile(r"- (?P<text>.+)")),
    ("note", re.compile(r"> (?P<text>.+)")),
    ("sign", re.compile(r"\|\| (?P<text>.+)")),
    ("table", re.compile(r"\|(?P<text>.+)")),
    ("break", re.compile(r"(?P<text>---)$")),
    ("step", re.compile(r"(?P<label>\d+\.) (?P<text>.+)")),
    ("sub", re.compile(r"(?P<label>\([a-zA-Z]\)) (?P<text>.+)")),
    ("clause", re.compile(r"(?P<label>\d+\.\d+) (?P<text>.+)")),
    ("body", re.compile(r"(?P<text>.+)")),
]


@dataclass
class Block:
    """One paragraph, list item or table of a source text."""

    kind: str
    text: str = ""
    label: str = ""
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Source:
    """A parsed source text: its head lines and its blocks."""

    meta: dict[str, str]
    blocks: list[Block]

    @property
    def chinese(self) -> bool:
        """Whether the text is set with the Chinese font."""
        return self.meta["lang"] == "zh"

    @property
    def title(self) -> str:
        """The text of the title line."""
        return next(block.text for block in self.blocks if block.kind == "title")


# --------------------------------------------------------------------------- source texts


def read_source(name: str) -> Source:
    """Parse a source text: ``key: value`` lines, an empty line, then one block per line."""
    head, _, body = (HERE / name).read_text(encoding="utf-8").partition("\n\n")
    meta = dict(line.split(": ", 1) for line in head.splitlines())
    return Source(meta, list(_blocks(body.splitlines())))


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Turn lines into blocks; neighbouring rows become one table."""
    table: Block | None = None
    for line in filter(str.strip, lines):
        block = _block(line)
        if table is not None and block.kind == table.kind:
            table.rows += block.rows
            continue
        table = block if block.rows else None
        yield block


def _block(line: str) -> Block:
    for kind, pattern in KINDS:
        match = pattern.match(line)
        if match:
            text = match["text"].strip()
            rows = [_cells(match["text"])] if kind in ("table", "sign") else []
            return Block(kind, text, match.groupdict().get("label") or "", rows)
    raise ValueError(f"no block pattern matches {line!r}")


def _cells(text: str) -> list[str]:
    return [cell.strip() for cell in text.split("|")]


# --------------------------------------------------------------------------- Chinese font


def find_font(root: Path, name: str) -> Path:
    """Return the first file of that name below the font folder."""
    for path in sorted(root.rglob(name)):
        return path
    raise SystemExit(f"{name} not found below {root}; install Noto CJK or pass --fonts")


def register_chinese(fonts: Path, text: str) -> None:
    """Register the two weights of the Chinese font, cut down to the characters of the text."""
    for alias, name in (("Song", CJK_REGULAR), ("Song-Bold", CJK_BOLD)):
        data = truetype_subset(find_font(fonts, name), text)
        pdfmetrics.registerFont(TTFont(alias, io.BytesIO(data)))
    pdfmetrics.registerFontFamily("Song", "Song", "Song-Bold", "Song", "Song-Bold")


def truetype_subset(path: Path, text: str) -> bytes:
    """Cut a font down to some characters and turn its cubic outlines into quadratic ones."""
    font = FontFile(path, fontNumber=SIMPLIFIED, recalcTimestamp=False)
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True)
    options.drop_tables += ["BASE", "GSUB", "GPOS", "vhea", "vmtx", "VORG", "DSIG"]
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    cutter.subset(font)
    _to_quadratic(font)
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()


def _to_quadratic(font: FontFile) -> None:
    order, glyphs = font.getGlyphOrder(), font.getGlyphSet()
    font["loca"] = newTable("loca")
    glyf = font["glyf"] = newTable("glyf")
    glyf.glyphOrder = order
    glyf.glyphs = {name: _quadratic_glyph(glyphs, name) for name in order}
    del font["CFF "]
    font["maxp"] = _truetype_maxp(len(order))
    font["head"].glyphDataFormat = 0
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"


def _quadratic_glyph(glyphs: dict[str, object], name: str) -> object:
    pen = TTGlyphPen(None)
    glyphs[name].draw(Cu2QuPen(pen, max_err=1.0, reverse_direction=True))  # type: ignore[attr-defined]
    return pen.glyph()


def _truetype_maxp(count: int) -> object:
    maxp = newTable("maxp")
    maxp.tableVersion = 0x00010000
    maxp.numGlyphs = count
    for key in MAXP_UNUSED:
        setattr(maxp, key, 0)
    maxp.maxZones = 1
    return maxp


# --------------------------------------------------------------------------- PDF


class Sheet:
    """Sets the blocks of one source as PDF flowables."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.font = "Song" if source.chinese else "Times-Roman"
        self.bold = "Song-Bold" if source.chinese else "Times-Bold"
        self.styles = self._styles()

    def _styles(self) -> dict[str, ParagraphStyle]:
        chinese = self.source.chinese
        base = ParagraphStyle(
            "body",
            fontName=self.font,
            bulletFontName=self.font,
            fontSize=10.5,
            leading=17.5 if chinese else 14.5,
            spaceAfter=5,
            alignment=TA_LEFT if chinese else TA_JUSTIFY,
        )

        def style(name: str, **changes: object) -> ParagraphStyle:
            return ParagraphStyle(name, parent=base, **changes)

        heading = {"fontName": self.bold, "keepWithNext": 1, "alignment": TA_LEFT}
        return {
            "body": base,
            "title": style(
                "title",
                fontName=self.bold,
                fontSize=20,
                leading=28,
                alignment=TA_CENTER,
                spaceBefore=10,
                spaceAfter=10,
            ),
            "centre": style("centre", alignment=TA_CENTER),
            "h1": style("h1", fontSize=13, leading=19, spaceBefore=11, **heading),
            "h2": style("h2", fontSize=11, leading=16, spaceBefore=7, **heading),
            "clause": style("clause", leftIndent=27),
            "sub": style("sub", leftIndent=49, bulletIndent=27),
            "step": style("step", leftIndent=22, bulletIndent=4, alignment=TA_LEFT),
            "bullet": style("bullet", leftIndent=22, bulletIndent=8, alignment=TA_LEFT),
            "note": style(
                "note",
                borderWidth=0.8,
                borderColor=colors.HexColor("#aa3333"),
                borderPadding=6,
                leftIndent=8,
                rightIndent=8,
                spaceBefore=8,
                spaceAfter=12,
                alignment=TA_LEFT,
            ),
            "cell": style("cell", fontSize=9.5, leading=13, spaceAfter=0, alignment=TA_LEFT),
            "head": style(
                "head",
                fontName=self.bold,
                fontSize=9.5,
                leading=13,
                spaceAfter=0,
                alignment=TA_LEFT,
            ),
        }

    def story(self) -> list[Flowable]:
        """All flowables of the document, in reading order."""
        return [self._flowable(block) for block in self.source.blocks]

    def _flowable(self, block: Block) -> Flowable:
        if block.kind == "break":
            return PageBreak()
        if block.kind == "sign":
            return KeepTogether([self._table(block, grid=False)])
        if block.kind == "table":
            return self._table(block, grid=True)
        style = self.styles[block.kind]
        bullet = "\u2013" if block.kind == "bullet" else block.label or None
        return self._paragraph(block.text, style, TEXT_WIDTH, bullet)

    def _paragraph(
        self, text: str, style: ParagraphStyle, width: float, bullet: str | None = None
    ) -> Paragraph:
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        if self.source.chinese:
            room = width - style.leftIndent - style.rightIndent
            text = "<br/>".join(chinese_lines(text, style.fontName, style.fontSize, room))
        return Paragraph(BOLD.sub(r"<b>\1</b>", text), style, bulletText=bullet)

    def _table(self, block: Block, *, grid: bool) -> Table:
        widths = self._widths(block.rows, even=not grid)
        rows = [self._row(row, widths, head=grid and not i) for i, row in enumerate(block.rows)]
        table = Table(rows, colWidths=widths, repeatRows=1 if grid else 0)
        table.setStyle(TableStyle(GRID if grid else PLAIN))
        table.spaceBefore, table.spaceAfter = (4, 10) if grid else (26, 0)
        return table

    def _row(self, row: list[str], widths: list[float], *, head: bool) -> list[Flowable]:
        style = self.styles["head" if head else "cell"]
        cells = zip(row, widths, strict=True)
        return [self._paragraph(c, style, w - 12) if c else Spacer(1, 13) for c, w in cells]

    def _widths(self, rows: list[list[str]], *, even: bool) -> list[float]:
        if even:
            return [TEXT_WIDTH / len(rows[0])] * len(rows[0])
        natural = [
            min(max(pdfmetrics.stringWidth(cell, self.bold, 9.5) for cell in column), 210) + 18
            for column in zip(*rows, strict=True)
        ]
        return [width * TEXT_WIDTH / sum(natural) for width in natural]


GRID = [
    ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#888888")),
    ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e8e4dc")),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]
PLAIN = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 7)]


def chinese_lines(text: str, font: str, size: float, width: float) -> list[str]:
    """Break Chinese text into lines; numbers and Latin words stay whole."""
    lines = [""]
    for unit in _units(text):
        if pdfmetrics.stringWidth(lines[-1] + unit, font, size) > width:
            lines.append("")
        lines[-1] += unit
    return lines


def _units(text: str) -> list[str]:
    """Pieces between which a line may end."""
    units: list[str] = []
    for token in TOKEN.findall(text):
        glued = units and (token in NO_LINE_START or units[-1][-1] in NO_LINE_END)
        if glued:
            units[-1] += token
        else:
            units.append(token)
    return units


def make_pdf(source: Source) -> bytes:
    """Set a source as PDF; the first pass only counts the pages for the footer."""
    total = len(PdfReader(io.BytesIO(_render(source, 0))).pages)
    return _render(source, total)


def _render(source: Source, total: int) -> bytes:
    buffer = io.BytesIO()
    template = BaseDocTemplate(
        buffer,
        pagesize=A4,
        title=source.title,
        author="Brinvoss Espresso GmbH",
        subject=source.meta["header"],
        lang="zh-CN" if source.chinese else "en",
        invariant=1,
    )
    frame = Frame(MARGIN, 2.3 * cm, TEXT_WIDTH, A4[1] - 4.7 * cm, 0, 0, 0, 0)
    page = PageTemplate(frames=[frame], onPage=_header(source), onPageEnd=_footer(source, total))
    template.addPageTemplates([page])
    template.build(Sheet(source).story())
    return buffer.getvalue()


def _header(source: Source) -> Callable[[Canvas, BaseDocTemplate], None]:
    font = "Song" if source.chinese else "Helvetica"

    def draw(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.setFont(font, 8)
        canvas.drawString(MARGIN, A4[1] - 1.6 * cm, source.meta["header"])
        canvas.line(MARGIN, A4[1] - 1.75 * cm, A4[0] - MARGIN, A4[1] - 1.75 * cm)

    return draw


def _footer(source: Source, total: int) -> Callable[[Canvas, BaseDocTemplate], None]:
    font = "Song" if source.chinese else "Helvetica"
    pattern = "第 {} 页　共 {} 页" if source.chinese else "Page {} of {}"

    def draw(canvas: Canvas, template: BaseDocTemplate) -> None:
        canvas.setFont(font, 8)
        canvas.drawString(MARGIN, 1.4 * cm, source.meta["footer"])
        number = pattern.format(template.page, total)
        canvas.drawRightString(A4[0] - MARGIN, 1.4 * cm, number)

    return draw


# --------------------------------------------------------------------------- DOCX


def make_docx(source: Source) -> bytes:
    """Set a source as a Word document with its built-in heading and list styles."""
    document = Document()
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(11)
    _docx_properties(document, source)
    for block in source.blocks:
        _docx_block(document, block)
    buffer = io.BytesIO()
    document.save(buffer)
    return _fixed_zip(buffer.getvalue())


def _docx_properties(document: DocxDocument, source: Source) -> None:
    properties = document.core_properties
    properties.title = source.title
    properties.author = properties.last_modified_by = "Brinvoss Espresso GmbH"
    properties.created = properties.modified = FIXED_TIME
    properties.comments = ""
    section = document.sections[0]
    section.left_margin = section.right_margin = Cm(2.5)
    section.header.paragraphs[0].text = source.meta["header"]
    footer = section.footer.paragraphs[0]
    footer.text = source.meta["footer"] + " \u2013 page "
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _page_field(footer)


def _page_field(paragraph: DocxParagraph) -> None:
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        run = paragraph.add_run().element
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = text
        run.append(element)


DOCX_STYLES = {
    "title": "Title",
    "h1": "Heading 1",
    "h2": "Heading 2",
    "step": "List Number",
    "bullet": "List Bullet",
}


def _docx_block(document: DocxDocument, block: Block) -> None:
    if block.kind == "table":
        _docx_table(document, block.rows)
        return
    text = f"{block.label} {block.text}" if block.kind == "clause" else block.text
    document.add_paragraph(text, style=DOCX_STYLES.get(block.kind))


def _docx_table(document: DocxDocument, rows: list[list[str]]) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    for i, row in enumerate(rows):
        for j, text in enumerate(row):
            run = table.cell(i, j).paragraphs[0].add_run(text)
            run.bold = i == 0
            run.font.size = Pt(10)


def _fixed_zip(data: bytes) -> bytes:
    """Write the parts of a zip file again with one fixed time stamp."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, FIXED_TIME.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return buffer.getvalue()


# --------------------------------------------------------------------------- the two failures


def make_scan(fonts: Path) -> bytes:
    """Make a page that is only a picture, as it comes from an office scanner."""
    picture = io.BytesIO()
    _scan_image(fonts).save(picture, "JPEG", quality=45)
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setTitle("Scan_20241205_0912")
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.save()
    return buffer.getvalue()


def _scan_image(fonts: Path) -> Image.Image:
    image = Image.new("L", (1000, 1414), 248)
    draw = ImageDraw.Draw(image)
    _scan_text(draw, fonts)
    draw.ellipse((640, 1090, 860, 1310), outline=120, width=4)
    draw.text((672, 1180), "RECEIVED", font=_scan_font(fonts, CJK_BOLD, 30), fill=120)
    chance = random.Random(5518)  # noqa: S311 - specks of dust, the same on each run
    for _ in range(260):
        x, y = chance.randrange(1000), chance.randrange(1414)
        draw.ellipse((x, y, x + 1, y + 1), fill=chance.randrange(120, 220))
    image = image.rotate(0.8, Image.Resampling.BICUBIC, fillcolor=236)
    return image.filter(ImageFilter.GaussianBlur(0.6))


def _scan_text(draw: ImageDraw.ImageDraw, fonts: Path) -> None:
    regular, bold = (_scan_font(fonts, name, 23) for name in (CJK_REGULAR, CJK_BOLD))
    y = 110
    for line in (HERE / "delivery-note.txt").read_text(encoding="utf-8").splitlines():
        font = bold if line.startswith(("DELIVERY", "Brinvoss", "Pos")) else regular
        if line.startswith("---"):
            draw.line((100, y + 16, 880, y + 16), fill=40, width=2)
        for start, part in _columns(line):
            draw.text((100 + start * 17, y), part, font=font, fill=40)
        y += 36


def _columns(line: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a line set apart by two or more spaces, each with its column."""
    if not line.startswith("---"):
        for match in re.finditer(r"\S+(?: \S+)*", line):
            yield match.start(), match.group()


def _scan_font(fonts: Path, name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(find_font(fonts, name)), size, index=SIMPLIFIED)


def encrypt(data: bytes) -> bytes:
    """Protect a PDF with AES-256; salts come from a counter so that each run is the same."""
    counter = iter(range(1_000_000))

    def token(size: int) -> bytes:
        return hashlib.shake_256(f"sample {next(counter)}".encode()).digest(size)

    writer = PdfWriter(clone_from=io.BytesIO(data))
    buffer = io.BytesIO()
    with mock.patch.object(secrets, "token_bytes", token):
        writer.encrypt(PASSWORD, owner_password=PASSWORD + "-owner", algorithm="AES-256")
        writer.write(buffer)
    return buffer.getvalue()


# --------------------------------------------------------------------------- main


def build(fonts: Path) -> dict[str, bytes]:
    """All generated files: path below the shelf -> content."""
    chinese = read_source("purchase-contract-sh-031.txt")
    text = (HERE / "purchase-contract-sh-031.txt").read_text(encoding="utf-8")
    register_chinese(fonts, text + "0123456789第页共　")
    return {
        "contracts/sales-contract-2024-017.pdf": make_pdf(
            read_source("sales-contract-2024-017.txt")
        ),
        "contracts/amendment-no-1-to-2024-017.pdf": make_pdf(read_source("amendment-no-1.txt")),
        "contracts/咖啡机采购合同 2024-SH-031.pdf": make_pdf(chinese),
        "contracts/Data Processing Agreement.docx": make_docx(
            read_source("data-processing-agreement.txt")
        ),
        "manuals/BV-40 Duo user manual.pdf": make_pdf(read_source("bv-40-duo-manual.txt")),
        "inbox/scanned-delivery-note.pdf": make_scan(fonts),
        "inbox/payroll-encrypted.pdf": encrypt(make_pdf(read_source("payroll.txt"))),
    }


def main() -> None:
    """Write the generated files and print their sizes and digests."""
    parser = argparse.ArgumentParser(description="Generate the binary sample documents.")
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"))
    parser.add_argument("--out", type=Path, default=SHELF)
    options = parser.parse_args()
    for name, data in build(options.fonts).items():
        target = options.out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()[:12]
        sys.stdout.write(f"{digest}  {len(data):>8}  {name}\n")


if __name__ == "__main__":
    main()

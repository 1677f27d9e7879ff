"""Small documents made on the spot: PDF by hand and by pypdf, DOCX by python-docx."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import docx
from docx.document import Document as WordDocument

from kb.errors import StageError
from kb.extract import extract
from kb.model import Document, Page, Source


def source(path: Path) -> Source:
    status = path.stat()
    return Source(
        path=path.name,
        location=path,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
    )


def written(path: Path, data: bytes) -> Source:
    path.write_bytes(data)
    return source(path)


def pdf_objects(objects: Sequence[bytes], *, info: bytes = b"") -> bytes:
    """Give a PDF with these objects, counted from 1; the first is the catalogue."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, info))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def stream(content: bytes, head: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), head, content)


def shown(text: str) -> bytes:
    """Give page content that shows Latin-1 lines of text."""
    lines = [b"(%s) Tj T*" % line.encode("latin-1") for line in text.split("\n")]
    return b"BT /F1 12 Tf 14 TL 72 720 Td %s ET" % b" ".join(lines)


def placed(*texts: tuple[float, float, str], size: float = 10, matrix: str = "1 0 0 1") -> bytes:
    """Give page content that shows Latin-1 texts, each at its place (left, up), in this order."""
    shows = [
        f"{matrix} {left} {up} Tm (".encode() + _escaped(text) + b") Tj" for left, up, text in texts
    ]
    return b"BT /F1 %g Tf %s ET" % (size, b" ".join(shows))


def _escaped(text: str) -> bytes:
    return re.sub(rb"([()\\])", rb"\\\1", text.encode("cp1252"))


PICTURE = b"q 600 0 0 800 0 0 cm /Im1 Do Q"


def pdf(pages: Sequence[bytes], *, title: str = "") -> bytes:
    """Give a PDF whose pages have these contents; /F1 is Helvetica and /Im1 a grey pixel."""
    kids = b" ".join(b"%d 0 R" % (5 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        stream(
            b"\x7f",
            b"/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray"
            b" /BitsPerComponent 8",
        ),
    ]
    for number, content in enumerate(pages):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources"
            b" << /Font << /F1 3 0 R >> /XObject << /Im1 4 0 R >> >> >>" % (6 + 2 * number),
            stream(content),
        ]
    objects.append(b"<< /Title (%s) >>" % title.encode("latin-1"))
    return pdf_objects(objects, info=b"/Info %d 0 R" % len(objects))


def vertical(*columns: tuple[float, str]) -> bytes:
    """Give a PDF of one page whose Chinese columns, each at its left side, run downwards."""
    shows = [
        f"1 0 0 1 {left} 740 Tm <{text.encode('utf-16-be').hex()}> Tj" for left, text in columns
    ]
    return pdf_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            (
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
                b" /Resources << /Font << /F1 5 0 R >> >> >>"
            ),
            stream(b"BT /F1 16 Tf %s ET" % " ".join(shows).encode()),
            (
                b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-V"
                b" /DescendantFonts [6 0 R] >>"
            ),
            (
                b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000"
                b" /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >>"
                b" /FontDescriptor 7 0 R >>"
            ),
            (
                b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /StemV 93"
                b" /ItalicAngle 0 /FontBBox [-25 -254 1000 880]"
                b" /Ascent 880 /Descent -120 /CapHeight 880 >>"
            ),
        ]
    )


def protected(data: bytes, *, user: str, owner: str | None = None, algorithm: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(user, owner, algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word(build: Callable[[WordDocument], Any]) -> bytes:
    document = docx.Document()
    build(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def repacked(data: bytes, parts: dict[str, bytes | None]) -> bytes:
    """Give a zip with some parts replaced, added, or (None) taken out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def page_texts(document: Document) -> list[str]:
    return [document.text[page.start : page.end] for page in document.pages]


def outcome(source: Source) -> Document | None:
    """Read a file: what it says, whole, or None where it is refused as it should be."""
    failure = None
    try:
        document = extract(source)
    except StageError as error:
        failure = error.failure
    if failure is not None:
        assert failure.code.startswith("extract.")
        return None
    assert_whole(document)
    return document


def assert_whole(document: Document) -> None:
    """Check what holds for every document: pages cover the text, headings stand in it."""
    pages = document.pages
    assert pages
    assert pages[0].start == 0
    assert pages[-1].end == len(document.text)
    assert all(_meet(*pair) for pair in itertools.pairwise(pages))
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    for heading in document.headings:
        assert 0 <= heading.start < heading.end <= len(document.text)
        assert heading.title.strip()
        assert 1 <= heading.level <= 9
    assert [each.start for each in document.headings] == sorted(
        {each.start for each in document.headings}
    )
    assert document.title.strip()
    document.text.encode()
    assert "\0" not in document.text


def _meet(left: Page, right: Page) -> bool:
    return left.end == right.start

"""Small Office files, books and tables: real writers where there are, else the format by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pptx
import pytest

from kb.errors import CATALOGUE, Failure, StageError
from kb.extract import extract
from kb.model import Document
from tests.extract.make import assert_whole, written

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
LOCKED = OLE + bytes(500) + "EncryptedPackage".encode("utf-16-le") + bytes(500)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def slides(build: Callable[[Any], Any]) -> bytes:
    presentation = pptx.Presentation()
    build(presentation)
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def workbook(build: Callable[[Any], Any]) -> bytes:
    book = openpyxl.Workbook()
    build(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{path}:1.0"'
    for name, path in {
        "office": "office", "text": "text", "table": "table", "style": "style", "meta": "meta",
        "draw": "drawing", "presentation": "presentation", "svg": "svg-compatible",
        "manifest": "manifest",
    }.items()
) + ' xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip


def odf_xml(kind: str, body: str, *, styles: str = "", root: str = "document-content") -> str:
    """Give the content of an OpenDocument file; `kind` is text, spreadsheet or presentation."""
    return (
        f"<office:{root} {_ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:{root}>"
    )


def odf(kind: str, body: str, *, styles: str = "", meta: str = "", manifest: str = "") -> bytes:
    parts = {"mimetype": f"application/vnd.oasis.opendocument.{kind}"}
    parts["content.xml"] = odf_xml(kind, body, styles=styles)
    if meta:
        parts["meta.xml"] = (
            f"<office:document-meta {_ODF}><office:meta>{meta}</office:meta></office:document-meta>"
        )
    if manifest:
        parts["META-INF/manifest.xml"] = f"<manifest:manifest {_ODF}>{manifest}</manifest:manifest>"
    return zipped(parts)


def book(
    chapters: Mapping[str, str],
    *,
    title: str = "A Book",
    more: Mapping[str, str] | None = None,
    items: str = "",
    order: list[str] | None = None,
) -> bytes:
    """Give an EPUB whose chapters, by their names in the zip below OPS/, have these bodies."""
    manifest = "".join(
        f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in chapters
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in order or chapters)
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title></metadata><manifest>{manifest}{items}</manifest>"
        f"<spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    )
    pages = {
        f"OPS/{name}": '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title>t</title></head><body>{body}</body></html>"
        for name, body in chapters.items()
    }
    parts = {"mimetype": "application/epub+zip", "META-INF/container.xml": container}
    return zipped({**parts, "OPS/book.opf": opf, **pages, **(more or {})})


def read(folder: Path, name: str, data: bytes) -> Document:
    """Read a file of this name and check what holds for every document."""
    document = extract(written(folder / name, data))
    assert_whole(document)
    assert document.text.strip()
    return document


def refused(folder: Path, name: str, data: bytes) -> Failure:
    """Give the failure with which a file is refused."""
    with pytest.raises(StageError) as error:
        extract(written(folder / name, data))
    assert error.value.failure.code in CATALOGUE
    return error.value.failure


def outcome(folder: Path, name: str, data: bytes) -> str:
    """Give "text", or the code of the failure; anything else is an error of the test."""
    code = "text"
    try:
        read(folder, name, data)
    except StageError as error:
        code = error.failure.code
    assert code == "text" or (code in CATALOGUE and code.startswith("extract."))
    return code


def texts(document: Document) -> list[str]:
    """Give the lines that are not blank."""
    return [line for line in document.text.splitlines() if line.strip()]


def titles(document: Document) -> list[tuple[int, str]]:
    """Give the headings' levels and titles; each stands in the text where it says."""
    for each in document.headings:
        assert " ".join(document.text[each.start : each.end].split()) == each.title
    return [(each.level, each.title) for each in document.headings]

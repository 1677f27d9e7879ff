"""OpenDocument: text (ODT, OTT, FODT), sheets (ODS) and slides (ODP).

Read with zipfile and lxml. odfpy has not been released since 2020 and builds the whole file as
DOM objects of Python; odfdo is well kept, but unpacks every part and writes repeated cells out,
of which one empty row may have a million.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree

from kb.errors import StageError, failure
from kb.extract.canonical import Composer, sensible_title, stem
from kb.extract.office.drawing import Place, reading_order
from kb.extract.office.odf_lists import Lists
from kb.extract.office.odf_objects import add_object
from kb.extract.office.odf_text import Text, comment, shapes_in_cells, sheet_cells, sheet_rows
from kb.extract.office.package import DAMAGE
from kb.extract.parts import Part, joined, part
from kb.extract.rows import Grid, Rows
from kb.extract.xml import below, child, local, parse, value
from kb.extract.zipped import judge, open_zip, unpacked
from kb.model import Document, Source

_PARTS = ("content.xml", "styles.xml", "meta.xml", "meta-inf/manifest.xml")
_PICTURES = re.compile(rb"<office:binary-data>[^<]*</office:binary-data>")
_LENGTH = re.compile(r"(-?[\d.]+)(cm|mm|in|pt|pc|px)?")
_UNITS = {"cm": 28.35, "mm": 2.835, "in": 72.0, "pt": 1.0, "pc": 12.0, "px": 0.75}
_REPEATED = frozenset(("header", "footer", "date-time", "page-number"))
_MOST_COLUMNS, _MOST_ROWS = 16_384, 2**20


def read(data: bytes, source: Source) -> Document:
    """Give a text's paragraphs, or sheets or slides as pages, each under its own heading.

    Numbers of headings and lists are counted as the reader sees them; tracked deletions are left
    out; notes and comments follow their paragraph. Raises StageError: `extract.encrypted`,
    `extract.too_large`, `extract.corrupt`, `extract.no_text`, `extract.empty`.
    """
    try:
        file = _flat(data) if data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<" else _zipped(data)
    except DAMAGE as error:
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    body = next(iter(below(child(file.content, "body"))), None)
    if body is None:
        raise StageError(failure("extract.corrupt", "The file is not an OpenDocument file."))
    text = Text(lists=Lists.read((file.styles, file.content)), add_object=file.add_object)
    meta = child(file.meta, "meta", "title")
    title = sensible_title(meta.text) if meta is not None else None
    if local(body) == "spreadsheet":
        sheets = [_sheet(each, text) for each in below(body, "table")]
        return joined(sheets, title=title or stem(source), kind="odf", name="sheet", source=source)
    if local(body) in {"presentation", "drawing"}:
        slides = [_slide(each, text, at) for at, each in enumerate(below(body, "page"), 1)]
        first = slides[0].headings[:1] if slides else ()
        title = title or sensible_title(first[0].title if first else None)
        return joined(slides, title=title or stem(source), kind="odf", name="slide", source=source)
    text.blocks(body)
    title = sensible_title(" ".join(text.titles[:1])) or title
    document = text.out.document(title=title or stem(source), kind="odf")
    if not document.text.strip() and text.picture:
        raise StageError(failure("extract.no_text", "The file holds pictures and no text."))
    return document


@dataclass(frozen=True, slots=True)
class _File:
    content: etree._Element
    styles: etree._Element | None
    meta: etree._Element | None
    #: None where all parts stand in one XML file.
    archive: zipfile.ZipFile | None = None

    def add_object(self, out: Composer, element: etree._Element) -> bool:
        """Add the words of what an element embeds; tell whether it is known to have words."""
        inside = next(below(element), None)
        name = posixpath.normpath((value(element, "href") or "").strip())
        if inside is None and self.archive is not None and name not in {".", ""}:
            inside = _object(self.archive, name)
        return inside is not None and add_object(out, inside)


def _flat(data: bytes) -> _File:
    root = parse(_PICTURES.sub(b"", data))
    if local(root) != "document":
        raise StageError(failure("extract.corrupt", "The file is not an OpenDocument file."))
    return _File(root, None, root)


def _zipped(data: bytes) -> _File:
    archive = open_zip(data)
    names = {entry.filename.lower(): entry for entry in archive.infolist()}
    found = {name: names[name] for name in _PARTS if name in names}
    judge(found.values(), of=len(names))
    _refuse_encrypted(archive, found, names)
    if "content.xml" not in found:
        raise StageError(failure("extract.corrupt", "The file is not an OpenDocument file."))
    content = parse(unpacked(archive, found["content.xml"]))
    styles, meta = (_part(archive, found, name) for name in ("styles.xml", "meta.xml"))
    return _File(content, styles, meta, archive)


def _object(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """Parse the content of an object; None where it is of another program, damaged or not there."""
    try:
        return parse(unpacked(archive, archive.getinfo(f"{name}/content.xml")))
    except (*DAMAGE, KeyError):
        return None


def _refuse_encrypted(
    archive: zipfile.ZipFile, found: dict[str, zipfile.ZipInfo], names: dict[str, zipfile.ZipInfo]
) -> None:
    """Refuse a file whose manifest says that its content is encrypted."""
    manifest = _part(archive, found, "meta-inf/manifest.xml")
    for entry in below(manifest, "file-entry"):
        locked = child(entry, "encryption-data") is not None
        path = (value(entry, "full-path") or "").lower()
        if locked and (path in {"content.xml", "encrypted-package"} or "content.xml" not in names):
            raise StageError(failure("extract.encrypted"))


def _part(
    archive: zipfile.ZipFile, found: dict[str, zipfile.ZipInfo], name: str
) -> etree._Element | None:
    """Parse a part that the text can be read without; None when it is damaged or not there."""
    try:
        return parse(unpacked(archive, found[name])) if name in found else None
    except DAMAGE:
        return None


def _sheet(table: etree._Element, of: Text) -> Part:
    body = Composer()
    grid = Grid(Rows(body))
    text = replace(of, out=body, waiting=[], picture=False)
    place = 0
    for row, times in sheet_rows(table):
        cells = dict(_values(row, text))
        for number in range(place + 1, place + 1 + min(times, _MOST_ROWS if cells else 0)):
            grid.add(number, cells)
        place += times
    grid.end()
    grid.rows.end()
    for shapes in below(table, "shapes"):
        text.blocks(shapes)
    for shape in shapes_in_cells(table):
        text.shape(shape)
    for note in table.iter("{*}annotation"):
        body.add(comment(note) + " ".join(text.lines(note)), gap=True)
    words = body.document(title="", kind="").text.rstrip("\n")
    out = Composer()
    if words.strip():
        out.add(value(table, "name") or "Sheet", level=1)
        hidden = value(table, "style-name") in text.lists.styles.hidden
        out.add("(This sheet is hidden.)" if hidden else "")
        out.add(words, gap=True)
    return part(out, picture=text.picture)


def _values(row: etree._Element, text: Text) -> Iterator[tuple[int, str]]:
    column = 0
    for cell, times in sheet_cells(row):
        shown = _value(cell, text) if len(cell) or cell.attrib else ""
        if shown.strip():
            last = min(column + times, _MOST_COLUMNS)
            yield from ((each, shown) for each in range(column + 1, last + 1))
        column += times


def _value(cell: etree._Element, text: Text) -> str:
    """Give what a cell shows, but dates in ISO form and numbers in full."""
    kind = value(cell, "value-type")
    stored = value(cell, "date-value" if kind == "date" else "value")
    if stored and kind in {"date", "float"}:
        return stored.removesuffix("T00:00:00").replace("T", " ")
    paragraphs = (text.inline(each).strip() for each in below(cell, "p", "h"))
    shown = "\n".join(each for each in paragraphs if each)
    text.waiting.clear()
    return shown or value(cell, "string-value") or stored or ""


def _slide(page: etree._Element, of: Text, number: int) -> Part:
    text = replace(of, out=Composer(), waiting=[], picture=False, notes=0)
    titles: list[str] = []
    left_out = 0
    frames = [each for each in _frames(page) if local(each) != "notes"]
    for _, frame in reading_order([(_place(each), each) for each in frames]):
        kind = value(frame, "class")
        if kind == "title":
            titles += text.lines(frame)
        elif kind in _REPEATED:
            left_out += sum(map(len, text.lines(frame)))
        else:
            text.blocks(_wrapped(frame))
    for notes in below(page, "notes"):
        said = [line for each in notes.iter("{*}frame") for line in text.lines(each) if line]
        text.out.add("Notes: " + "\n".join(said) if said else "", gap=True)
    words = text.out.document(title="", kind="").text.rstrip("\n")
    title = " ".join(" ".join(titles).split())
    out = Composer()
    if title or words.strip():
        out.add(title or f"Slide {number}", level=1)
        hidden = value(page, "style-name") in text.lists.styles.hidden
        out.add("(This slide is hidden.)" if hidden else "")
        out.add(words, gap=True)
    return part(out, picture=text.picture, left_out=left_out)


def _frames(page: etree._Element) -> Iterator[etree._Element]:
    """Give what stands on a slide; groups are looked into."""
    for each in page:
        if local(each) == "g":
            yield from _frames(each)
        elif local(each) not in {"", "forms", "animations", "par", "seq"}:
            yield each


def _wrapped(frame: etree._Element) -> etree._Element:
    """Give the frame below an element of its own, where a walker sees it as a shape."""
    wrapper = etree.Element("page")
    wrapper.append(frame)
    return wrapper


def _place(frame: etree._Element) -> Place:
    return Place(*(_length(value(frame, name)) for name in ("x", "y", "width", "height")))


def _length(text: str | None) -> float:
    match = _LENGTH.fullmatch(text or "")
    try:
        return float(match[1]) * _UNITS.get(match[2], 1.0) if match else 0.0
    except ValueError:
        return 0.0

"""Excel (XLSX): sheets in their order, row by row, with the values that were last calculated.

Read with lxml as a stream. openpyxl was weighed: read as a stream it knows neither comments nor
which rows are hidden, it refuses files for a colour or a font that breaks the rules, and whole it
takes fifty times a file's size; a million styled rows without a value took it three times as long
(`tests/extract/test_xlsx.py` makes such sheets). python-calamine unpacks a sheet into a full
rectangle, which one stray cell in the last row and column makes larger than any memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lxml import etree

from kb.errors import StageError, failure
from kb.extract.canonical import Composer, stem
from kb.extract.office.cells import NUMBER, kind_of, plain, shown
from kb.extract.office.drawing import said
from kb.extract.office.graphics import GRAPHICS
from kb.extract.office.package import DAMAGE, Package, main_part, open_package
from kb.extract.parts import Part, broken, joined, part
from kb.extract.rows import Grid, Rows
from kb.extract.xml import below, child, local, stream, value
from kb.model import Document, Source

#: Sheets are read as a stream, so they may be larger than what is unpacked at once.
_MAX_UNPACKED = 2**30
_MAX_SHEETS = 10_000
#: Excel knows no more columns than this.
_MAX_COLUMN = 16_384
#: Whole numbers with fewer digits than this are shown as they are stored.
_SURE = 16
#: Kinds of relations to what a sheet shows a picture of.
_EMBEDDED = frozenset(("oleObject", "package", "image"))
_HAS_VALUE = etree.XPath("boolean(*/*)")
_COLUMN = re.compile("[A-Z]{1,3}")
_THREADED = re.compile(r"^\[Threaded comment\].*?\n\s*(?:Comment|注释|批注)[:：]\s*", re.DOTALL)


def read(data: bytes, source: Source) -> Document:
    """Give the sheets as pages, each under its name as a heading of level 1.

    Rows stand on lines of their own with ` | ` between cells, dates as 2024-01-31, numbers
    in full, percents as percents; a formula that was never calculated is given itself. A hidden
    sheet is read and says so. Raises StageError: `extract.encrypted`, `extract.unsupported`,
    `extract.too_large`, `extract.corrupt`, `extract.no_text`, `extract.empty`.
    """
    package = open_package(data, "xlsx", max_unpacked=_MAX_UNPACKED)
    main = main_part(package, "workbook", "an Excel workbook")
    threads = {each.key: each.target for each in package.relations(package.main)}
    sheets = list(below(child(main, "sheets"), "sheet"))
    if len(sheets) > _MAX_SHEETS:
        raise StageError(failure("extract.too_large", sheets=len(sheets)))
    try:
        book = _Book(
            package=package,
            strings=list(_strings(package)),
            kinds=_kinds(package.related("styles")),
            from_1904=(value(child(main, "workbookPr"), "date1904") in {"1", "true"}),
        )
    except DAMAGE as error:
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    parts = [_sheet(book, threads.get(_key(each)), each) for each in sheets]
    title = package.declared_title() or stem(source)
    return joined(parts, title=title, kind="xlsx", name="sheet", source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """What all sheets of a workbook share."""

    package: Package
    strings: list[str]
    #: The kind of number format for each cell style.
    kinds: list[str]
    from_1904: bool


def _key(sheet: etree._Element) -> str:
    return next((str(text) for name, text in sheet.attrib.items() if str(name).endswith("}id")), "")


def _strings(package: Package) -> Iterator[str]:
    """Give the texts that cells refer to by number, without their reading aids (`rPh`)."""
    threads = package.relations(package.main)
    name = next((each.target for each in threads if each.kind == "sharedStrings"), "")
    entry = package.names.get(name.lower())
    if entry is not None:
        with package.archive.open(entry) as file:
            for element in stream(file, "si"):
                yield _rich(element)


def _rich(element: etree._Element) -> str:
    """Give a text made of runs."""
    texts = (each.text or "" for each in element.iter("{*}t") if not _is_phonetic(each))
    return plain("".join(texts))


def _is_phonetic(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and local(parent) == "rPh"


def _kinds(styles: etree._Element | None) -> list[str]:
    written = {
        each.get("numFmtId"): each.get("formatCode") for each in below(child(styles, "numFmts"))
    }
    codes = [each.get("numFmtId") or "0" for each in below(child(styles, "cellXfs"), "xf")]
    return [kind_of(int(code) if code.isdecimal() else 0, written.get(code)) for code in codes]


def _sheet(book: _Book, name: str | None, declared: etree._Element) -> Part:
    """Read one sheet; a damaged one does not keep the others from being read."""
    entry = book.package.names.get((name or "").lower())
    try:
        if name is None or entry is None:
            raise KeyError("there is no part for the sheet")  # noqa: TRY301 - same outcome
        body = Composer()
        grid, cells = Grid(Rows(body)), _Cells(book)
        with book.package.archive.open(entry) as file:
            for element in stream(file, "row"):
                grid.add(*cells.read(element))
        grid.end()
        grid.rows.end()
        picture = _besides(book.package, name, body)
    except (*DAMAGE, KeyError) as error:
        return broken(error)
    words = body.document(title="", kind="").text.rstrip("\n")
    out = Composer()
    if words.strip():
        hidden = declared.get("state") in {"hidden", "veryHidden"}
        out.add(declared.get("name") or "Sheet", level=1)
        out.add("(This sheet is hidden.)" if hidden else "")
        out.add(words, gap=True)
    return part(out, picture=picture)


@dataclass(slots=True)
class _Cells:
    """Reads the rows of a sheet; one without a value anywhere costs next to nothing."""

    book: _Book
    last: int = 0

    def read(self, row: etree._Element) -> tuple[int, dict[int, str]]:
        """Give a row's number and its texts by column."""
        number = row.get("r") or ""
        self.last = int(number) if number.isdecimal() and len(number) < 9 else self.last + 1
        return self.last, dict(self._cells(row)) if _HAS_VALUE(row) else {}

    def _cells(self, row: etree._Element) -> Iterator[tuple[int, str]]:
        column = 0
        for cell in row:
            match = _COLUMN.match(cell.get("r") or "")
            column = _number(match[0]) if match else column + 1
            if len(cell) and column <= _MAX_COLUMN and (text := self._value(cell)):
                yield column, text

    def _value(self, cell: etree._Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inner = child(cell, "is")
            return "" if inner is None else _rich(inner).strip()
        found: etree._Element | None = cell[
            -1
        ]  # the value stands last, but for extensions, which are rare
        if not str(cell[-1].tag).endswith("}v"):
            found = child(cell, "v")
        text = (found.text or "") if found is not None else ""
        if not text:
            formula = child(cell, "f")
            return f"={formula.text}" if formula is not None and formula.text else ""
        if kind == "s":
            known = text.isdecimal() and len(text) < 9 and int(text) < len(self.book.strings)
            return self.book.strings[int(text)].strip() if known else ""
        if kind == "b":
            return "TRUE" if text == "1" else "FALSE"
        if kind == "d":
            return text.removesuffix("T00:00:00").replace("T", " ")
        return (
            plain(text).strip() if kind in {"str", "e"} else self._shown(text, cell.get("s") or "0")
        )

    def _shown(self, text: str, style: str) -> str:
        if style == "0" and text.isdecimal() and len(text) < _SURE:
            return text  # the most common case by far
        known = style.isdecimal() and len(style) < 9 and int(style) < len(self.book.kinds)
        kind = self.book.kinds[int(style)] if known else NUMBER
        return shown(text, kind, from_1904=self.book.from_1904)


@cache
def _number(letters: str) -> int:
    """Give the number of a column, counted from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _besides(package: Package, name: str, body: Composer) -> bool:
    """Add comments, text boxes and charts of a sheet; tell whether there are pictures on it."""
    picture = False
    for thread in package.relations(name):
        if thread.kind == "comments" and (root := package.whole_part(thread.target)) is not None:
            for each in root.iter("{*}comment"):
                text = _THREADED.sub("", _rich(each)).strip()
                body.add(f"Comment on {each.get('ref')}: {text}" if text else "", gap=True)
        elif thread.kind == "drawing" and (root := package.whole_part(thread.target)) is not None:
            picture = picture or root.find(".//{*}blip") is not None
            for box in root.iter("{*}txBody"):
                body.add(said(box), gap=True)
            for inner in package.relations(thread.target):
                found = package.whole_part(inner.target) if inner.kind in GRAPHICS else None
                if found is not None:
                    GRAPHICS[inner.kind](body, found)
        picture = picture or thread.kind in _EMBEDDED
    return picture

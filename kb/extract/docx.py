"""Word (DOCX): paragraphs, lists and tables in the order of the body.

In the text: what the reader sees in the body, with the numbers that Word counts, tracked
insertions, hyperlinks, equations, footnotes after the paragraph that bears their mark, and text
boxes after the paragraph they hang on. Not in it: headers and footers, comments, tracked
deletions, hidden text, field codes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from kb.errors import StageError, failure
from kb.extract.canonical import Composer, sensible_title, stem
from kb.extract.docx_lists import Lists, Style, Styles, read_lists
from kb.extract.docx_package import Package, child, local, open_package, switched_on, value
from kb.model import Document, Source

#: Wrappers whose content counts as if they were not there.
_TRANSPARENT = frozenset(
    {
        *("sdt", "sdtContent", "ins", "moveTo", "smartTag", "customXml", "hyperlink", "fldSimple"),
        *("dir", "bdo", "ruby", "rubyBase", "r", "oMath", "oMathPara", "Choice"),
    }
)
_SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_DEEPEST_HEADING = 9


def read(data: bytes, source: Source) -> Document:
    """Give the document's text; headings are paragraphs of heading styles or outline levels.

    The title is the paragraph of the style Title, else the declared title, else the file's name.
    Raises StageError: `extract.encrypted`, `extract.unsupported`, `extract.too_large`,
    `extract.corrupt`.
    """
    try:
        package = open_package(data)
        main = package.part(package.main)
    except (zipfile.BadZipFile, etree.XMLSyntaxError) as error:
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    body = child(main, "body")
    if main is None or local(main) != "document" or body is None:
        raise StageError(failure("extract.corrupt", "The file is not a Word document."))
    styles = Styles(package.related("styles"))
    reader = _Body(
        styles=styles,
        lists=read_lists(package.related("numbering"), styles),
        notes=_notes(package, "footnote") | _notes(package, "endnote"),
    )
    reader.blocks(body)
    title = sensible_title(" ".join(reader.titles[:1])) or _declared_title(package)
    return reader.out.document(title=title or stem(source), kind="docx")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """Walks the body and composes the text."""

    styles: Styles
    lists: Lists
    notes: dict[tuple[str, str], etree._Element]
    out: Composer = field(default_factory=Composer)
    titles: list[str] = field(default_factory=list)
    #: Footnotes and text boxes that wait for the end of their paragraph or table.
    waiting: list[tuple[str, etree._Element]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def blocks(self, parent: etree._Element) -> None:
        """Add the paragraphs and tables below `parent`."""
        for element in _below(parent):
            if local(element) == "p":
                self._paragraph(element)
            else:
                self._table(element)
            self._after()

    def _paragraph(self, element: etree._Element) -> None:
        label, text, style = self._read(element)
        level = _level(child(element, "pPr"), style)
        if style.name == "title" and text:
            self.titles.append(text)
        self.out.add(label + text if text else "", level=level, gap=not label)

    def _read(self, element: etree._Element) -> tuple[str, str, Style]:
        """Give a paragraph's number, text and style; the number counts even if unseen."""
        properties = child(element, "pPr")
        style = self.styles[value(child(properties, "pStyle"))]
        text = "".join(self._inline(element)).strip()
        # Word counts empty items too, but shows their number alone: nothing to cite.
        return self.lists.label(properties, style), text, style

    def _table(self, element: etree._Element) -> None:
        for place, row in enumerate(_below(element, "tr")):
            cells = list(_below(row, "tc"))
            filled = [cell for cell in cells if _has_text(cell)]
            if len(filled) == 1:  # a frame around ordinary text, or a heading across the table
                self.blocks(filled[0])
            elif filled:
                line = " | ".join(" ".join(self._lines(cell)) for cell in cells)
                self.out.add(line, gap=not place)

    def _lines(self, cell: etree._Element) -> Iterator[str]:
        """Give the paragraphs of a cell, those of tables within it too, each in one line."""
        for element in () if _is_covered(cell) else _below(cell):
            if local(element) == "p":
                label, text, _ = self._read(element)
                if text or label.strip("• "):  # rows are often numbered by an empty list item
                    yield (label + " ".join(text.split())).strip()
            else:
                for row in _below(element, "tr"):
                    yield from (line for each in _below(row, "tc") for line in self._lines(each))

    def _inline(self, parent: etree._Element) -> Iterator[str]:
        if local(parent) == "r" and switched_on(child(parent, "rPr", "vanish")):
            return
        for element in parent:
            name = local(element)
            if name in _TRANSPARENT or element.tag.startswith("{" + _MATH):
                yield element.text or "" if name == "t" else "".join(self._inline(element))
            elif name == "AlternateContent":
                yield from self._inline(_choice(element))
            else:
                yield self._leaf(name, element)

    def _leaf(self, name: str, element: etree._Element) -> str:
        """Give what one element of a run adds to the text; notes and text boxes are put by."""
        if name == "t":
            return element.text or ""
        if name in {"footnoteReference", "endnoteReference"}:
            return self._mark(name.removesuffix("Reference"), value(element, "id") or "")
        if name in {"drawing", "pict", "object"}:
            self.waiting.extend(("", box) for box in element.iter("{*}txbxContent"))
        return _SIGNS.get(name, "")

    def _mark(self, kind: str, key: str) -> str:
        note = self.notes.get((kind, key))
        if note is None:
            return ""
        self.marks.append(key)
        mark = f"[{len(self.marks)}]"
        self.waiting.append((mark, note))
        return mark

    def _after(self) -> None:
        """Add the footnotes and text boxes of the block that was just added."""
        while self.waiting:
            mark, element = self.waiting.pop(0)
            if mark:
                self.out.add(f"{mark} " + " ".join(self._lines(element)))
            else:
                self.blocks(element)


def _below(parent: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Give the blocks below `parent`, looking through wrappers but not into other blocks."""
    wanted = names or ("p", "tbl")
    for element in parent:
        name = local(element)
        if name in wanted:
            yield element
        elif name == "AlternateContent":
            yield from _below(_choice(element), *names)
        elif name in _TRANSPARENT:
            yield from _below(element, *names)


def _choice(element: etree._Element) -> etree._Element:
    """Give the variant that a modern Word shows."""
    chosen = child(element, "Choice")
    if chosen is None:
        chosen = child(element, "Fallback")
    return element if chosen is None else chosen


def _is_covered(cell: etree._Element) -> bool:
    """Tell whether a cell above reaches down over this one, so that its own text is not seen."""
    merge = child(cell, "tcPr", "vMerge")
    return merge is not None and value(merge) != "restart"


def _has_text(cell: etree._Element) -> bool:
    if _is_covered(cell):
        return False
    return any((text.text or "").strip() for text in cell.iter("{*}t"))


def _level(properties: etree._Element | None, style: Style) -> int | None:
    direct = value(child(properties, "outlineLvl"))
    outline = int(direct) if direct and direct.isdecimal() else style.outline
    if outline is None and style.name == "title":
        return 1
    return outline + 1 if outline is not None and 0 <= outline < _DEEPEST_HEADING else None


def _notes(package: Package, kind: str) -> dict[tuple[str, str], etree._Element]:
    """Give the footnotes or endnotes by their id, without Word's separators."""
    try:
        root = package.related(kind + "s")
    except (zipfile.BadZipFile, etree.XMLSyntaxError):
        return {}
    notes: Iterable[etree._Element] = root if root is not None else ()
    return {
        (kind, value(note, "id") or ""): note
        for note in notes
        if local(note) == kind and value(note, "type") in {None, "normal"}
    }


def _declared_title(package: Package) -> str | None:
    try:
        properties = package.part("docProps/core.xml")
    except (zipfile.BadZipFile, etree.XMLSyntaxError):
        return None
    title = child(properties, "title")
    return None if title is None else sensible_title(title.text)

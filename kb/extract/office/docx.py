"""Word (DOCX): paragraphs, lists and tables in the order of the body.

In the text: what the reader sees in the body, with the numbers that Word counts, tracked
insertions, hyperlinks, equations, footnotes, comments, charts, SmartArt and text boxes after the
paragraph they hang on, descriptions that people gave to pictures, and the header and footer of a
first page alone. Not in it: tracked deletions, hidden text, field codes; nor headers and footers
of many pages, whose characters are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from lxml import etree

from kb.errors import Failure, StageError, failure
from kb.extract.canonical import Composer, sensible_title, stem
from kb.extract.office.docx_foreign import DEEPEST, add_foreign
from kb.extract.office.docx_lists import Lists, Style, Styles, read_lists
from kb.extract.office.docx_margins import Margins, counted, without_numbers
from kb.extract.office.docx_math import formula
from kb.extract.office.docx_signs import art, boxes, form_field, symbol
from kb.extract.office.drawing import description, said
from kb.extract.office.graphics import graphic
from kb.extract.office.package import DAMAGE, Package, main_part, open_package, switched_on
from kb.extract.rows import row
from kb.extract.xml import below, child, local, value
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
#: A cell alone in its row that is no longer than this goes on with the table.
_SHORT = 120


def read(data: bytes, source: Source) -> Document:
    """Give the document's text; headings are paragraphs of heading styles or outline levels.

    The title is the paragraph of the style Title, else the declared title, else the file's name.
    Raises StageError: `extract.encrypted`, `extract.unsupported`, `extract.too_large`,
    `extract.corrupt`.
    """
    return read_inner(data, source, 0)


def read_inner(data: bytes, source: Source, depth: int) -> Document:
    """Do what `read` does, for a file that lies `depth` others deep."""
    package = open_package(data)
    body = child(main_part(package, "document", "a Word document"), "body")
    if body is None:
        raise StageError(failure("extract.corrupt", "The file is not a Word document."))
    styles = Styles(package.related("styles"))
    reader = _Body(
        package=package,
        source=source,
        depth=depth,
        behind=package.behind(package.main),
        styles=styles,
        lists=read_lists(package.related("numbering"), styles),
        notes={
            **_notes(package, "footnote", "footnotes"),
            **_notes(package, "endnote", "endnotes"),
            **_notes(package, "comment", "comments"),
        },
    )
    margins = Margins(package, body)
    reader.margins(margins.once("header"))
    reader.blocks(body)
    reader.margins(margins.once("footer"))
    left_out = counted(margins.repeated())
    if not reader.out.document(title="", kind="").text and not reader.pictures:
        reader.margins(margins.repeated())  # it is all that there is
        left_out = 0
    title = sensible_title(" ".join(reader.titles[:1])) or package.declared_title()
    document = reader.out.document(title=title or stem(source), kind="docx")
    if not document.text.strip() and reader.pictures:
        message = "The file holds pictures and no text."
        raise StageError(failure("extract.no_text", message, pictures=len(reader.pictures)))
    pages = (replace(document.pages[0], left_out=left_out),)
    return replace(document, pages=pages, problems=tuple(reader.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """Walks the body and composes the text."""

    package: Package
    source: Source
    depth: int
    #: Finds the part behind the key of a relation.
    behind: Callable[[str], etree._Element | None]
    styles: Styles
    lists: Lists
    notes: dict[tuple[str, str], etree._Element]
    out: Composer = field(default_factory=Composer)
    titles: list[str] = field(default_factory=list)
    #: Footnotes and text boxes that wait for the end of their paragraph or table.
    waiting: list[tuple[str, etree._Element]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    pictures: list[etree._Element] = field(default_factory=list)
    problems: list[Failure] = field(default_factory=list)

    def margins(self, roots: Iterable[etree._Element]) -> None:
        """Add headers or footers, but for the numbers of pages."""
        for root in roots:
            self.blocks(without_numbers(root))

    def blocks(self, parent: etree._Element) -> None:
        """Add the paragraphs and tables below `parent`."""
        for element in _below(parent):
            name = local(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            else:
                self._foreign(element)
            self._after()

    def _foreign(self, element: etree._Element) -> None:
        """Add a text in another format that stands here whole."""
        threads = {each.key: each.target for each in self.package.relations(self.package.main)}
        name = threads.get(value(element, "id") or "", "")
        if self.depth < DEEPEST:
            problem = add_foreign(self.out, self.package, name, self.source, self.depth)
            self.problems.extend([problem] if problem else [])

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
        above = 0
        for each in _below(element, "tr"):
            cells = list(_below(each, "tc"))
            filled = [cell for cell in cells if _has_text(cell)]
            if len(filled) == 1 and not (above and _is_label(filled[0])):
                self.blocks(filled[0])  # a frame around ordinary text
                above = 0
            elif filled:
                lines = [line for cell in cells for line in self._spread(cell)]
                self.out.add(row(lines), gap=not above)
                above += 1

    def _spread(self, cell: etree._Element) -> list[str]:
        """Give a cell's text, and nothing for each further column that it reaches across."""
        span = value(child(cell, "tcPr", "gridSpan")) or "1"
        columns = int(span) if span.isdecimal() and len(span) < 3 else 1
        return [" ".join(self._lines(cell)), *[""] * (columns - 1)]

    def _lines(self, cell: etree._Element) -> Iterator[str]:
        """Give the paragraphs of a cell, those of tables within it too, each in one line."""
        for element in () if _is_covered(cell) else _below(cell):
            if local(element) == "p":
                label, text, _ = self._read(element)
                if text or label.strip("• "):  # rows are often numbered by an empty list item
                    yield (label + " ".join(text.split())).strip()
            elif local(element) == "tbl":
                for row in _below(element, "tr"):
                    yield from (line for each in _below(row, "tc") for line in self._lines(each))

    def _inline(self, parent: etree._Element) -> Iterator[str]:
        if local(parent) == "r" and switched_on(child(parent, "rPr", "vanish")):
            return
        for element in parent:
            name = local(element)
            if element.tag.startswith("{" + _MATH):
                yield formula(element)
            elif name in _TRANSPARENT:
                yield from self._inline(element)
            elif name == "AlternateContent":
                yield from self._inline(_choice(element))
            else:
                yield self._leaf(name, element)

    def _leaf(self, name: str, element: etree._Element) -> str:
        """Give what one element of a run adds to the text; notes and text boxes are put by."""
        if name == "t":
            return element.text or ""
        if name in {"footnoteReference", "endnoteReference", "commentReference"}:
            return self._mark(name.removesuffix("Reference"), value(element, "id") or "")
        if name in {"drawing", "pict", "object"}:
            return self._drawing(element)
        if name == "tbl":  # some programs put tables into paragraphs, against the rules
            self.waiting.append(("", element))
        if name in {"sym", "fldChar"}:
            return symbol(element) if name == "sym" else form_field(element)
        return _SIGNS.get(name, "")

    def _drawing(self, element: etree._Element) -> str:
        """Give what describes a picture; the words within are put by."""
        self.waiting.extend(("", box) for box in boxes(element))
        if element.find(".//{*}blip") is not None:
            self.pictures.append(element)
            described = element.find("./*/{*}docPr")
            return description(described.get("descr") if described is not None else None)
        return art(element)

    def _mark(self, kind: str, key: str) -> str:
        note = self.notes.get((kind, key))
        if note is None:
            return ""
        if kind == "comment":
            self.waiting.append((f"Comment by {value(note, 'author') or 'somebody'}:", note))
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
            elif local(element) == "txBody":
                self.out.add(said(element), gap=True)
            elif local(element) == "tbl":
                self._table(element)
            elif not graphic(self.out, element, self.behind):
                self.blocks(element)


def _below(parent: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Give the blocks below `parent`, looking through wrappers but not into other blocks."""
    wanted = names or ("p", "tbl", "altChunk")
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


def _is_label(cell: etree._Element) -> bool:
    """Tell whether a cell alone in its row is short, as a label between the rows of a table is."""
    texts = [text.text or "" for text in cell.iter("{*}t")]
    return sum(map(len, texts)) <= _SHORT and len(list(_below(cell))) == 1


def _notes(package: Package, kind: str, relation: str) -> dict[tuple[str, str], etree._Element]:
    """Give the footnotes, endnotes or comments by their id, without Word's separators."""
    try:
        root = package.related(relation)
    except DAMAGE:
        return {}
    return {
        (kind, value(note, "id") or ""): note
        for note in below(root, kind)
        if value(note, "type") in {None, "normal"}
    }

"""The text of OpenDocument files: paragraphs, lists with their numbers, notes and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from kb.extract.canonical import Composer
from kb.extract.office.odf_lists import Lists, whole
from kb.extract.rows import row
from kb.extract.xml import below, child, local, value

#: Wrappers whose content counts as if they were not there.
_TRANSPARENT = frozenset(
    {
        *("section", "index-body", "index-title", "table-of-content", "alphabetical-index"),
        *("illustration-index", "table-index", "object-index", "user-index", "bibliography"),
        *("table-rows", "table-row-group", "table-header-rows", "numbered-paragraph", "a", "g"),
        *("span", "ruby", "ruby-base", "meta", "meta-field", "text-box", "page"),
    }
)
#: What is not seen, or not here.
_UNSEEN = frozenset(
    {
        *("tracked-changes", "ruby-text", "hidden-text", "hidden-paragraph", "number", "script"),
        *("soft-page-break", "change", "change-start", "change-end", "event-listeners", "title"),
        *("desc", "control", "bookmark", "annotation-end", "page-thumbnail"),
    }
)
_SHAPES = frozenset(
    (
        "frame",
        "custom-shape",
        "rect",
        "ellipse",
        "circle",
        "polygon",
        "path",
        "g",
        "line",
        "connector",
    )
)
#: What hangs on a paragraph and is told after it.
_APART = _SHAPES | {"note", "annotation"}
_DEEPEST_HEADING = 9
#: A cell alone in its row of a table that is no longer than this goes on with the table.
_SHORT = 120


@dataclass(slots=True, kw_only=True)
class Text:
    """Walks a body and composes its text."""

    lists: Lists
    out: Composer = field(default_factory=Composer)
    titles: list[str] = field(default_factory=list)
    picture: bool = False
    #: Notes, comments and text boxes that wait for the end of their paragraph or table.
    waiting: list[tuple[str, etree._Element]] = field(default_factory=list)
    notes: int = 0
    #: Adds the words of an object in the text, where it has any, and tells whether it did.
    add_object: Callable[[Composer, etree._Element], bool] = lambda _out, _element: False

    def blocks(self, parent: etree._Element) -> None:
        """Add what stands below an element."""
        for element in parent:
            name = local(element)
            if name in {"p", "h"}:
                self._paragraph(element)
            elif name == "list":
                self._list(element, 1)
            elif name == "table":
                self._table(element)
            elif name in _SHAPES:
                self.shape(element)
            elif name in _TRANSPARENT:
                self.blocks(element)
            self._after()

    def _paragraph(self, element: etree._Element, label: str = "") -> None:
        text = self.inline(element).strip()
        style = self.lists.styles.ancestry(value(element, "style-name"))
        level = None
        if local(element) == "h":
            level = min(max(whole(value(element, "outline-level"), 1), 1), _DEEPEST_HEADING)
            label = label or self.lists.heading(element, level)
        elif "title" in style:
            level = 1
            self.titles.append(text)
        self.out.add(label + text if text else "", level=level, gap=not label)

    def _list(self, element: etree._Element, level: int, style: str = "") -> None:
        style = self.lists.begin(element, level, style)
        for item in below(element, "list-item", "list-header"):
            label = self.lists.item(item, style, level) if local(item) == "list-item" else ""
            for inner in item:
                if local(inner) == "list":
                    self._list(inner, level + 1, style)
                elif local(inner) in {"p", "h"}:
                    self._paragraph(inner, label)
                    label = ""
                self._after()

    def _table(self, table: etree._Element) -> None:
        rows = 0
        for each in _rows(table):
            cells = [cell for cell, times in _cells(each) for _ in range(min(times, 100))]
            lines = [" ".join(self.lines(cell)) for cell in cells]
            filled = [(cell, line) for cell, line in zip(cells, lines, strict=True) if line.strip()]
            if len(filled) == 1 and (not rows or len(filled[0][1]) > _SHORT):
                self.waiting.clear()
                self.blocks(filled[0][0])
                rows = 0
            elif filled:
                self.out.add(row(lines), gap=not rows)
                rows += 1
        self._after()

    def lines(self, cell: etree._Element) -> Iterator[str]:
        """Give the paragraphs of a cell or a note, those of lists and tables in it too."""
        for element in cell:
            name = local(element)
            if name in {"p", "h"}:
                yield " ".join(self.inline(element).split())
            elif name == "list":
                yield from self._items(element, 1)
            elif name not in _APART:
                yield from self.lines(element)

    def _items(self, element: etree._Element, level: int, style: str = "") -> Iterator[str]:
        """Give the items of a list within a cell, each with its number or bullet."""
        style = self.lists.begin(element, level, style)
        for item in below(element, "list-item", "list-header"):
            label = self.lists.item(item, style, level) if local(item) == "list-item" else ""
            for inner in item:
                if local(inner) == "list":
                    yield from self._items(inner, level + 1, style)
                elif local(inner) in {"p", "h"}:
                    if text := " ".join(self.inline(inner).split()):
                        yield label + text
                    label = ""
                elif local(inner) not in _APART:
                    yield from self.lines(inner)

    def inline(self, parent: etree._Element) -> str:
        """Give the text of a paragraph; what hangs on it is put by."""
        parts = [parent.text or ""]
        for element in parent:
            parts += [self._leaf(element), element.tail or ""]
        return "".join(parts)

    def _leaf(self, element: etree._Element) -> str:
        name = local(element)
        if name == "s":
            return " " * min(whole(value(element, "c"), 1), 1000)
        if name in {"tab", "line-break"}:
            return "\t" if name == "tab" else "\n"
        if name == "note":
            self.notes += 1
            self.waiting.append((f"[{self.notes}] ", element))
            return f"[{self.notes}]"
        if name in _APART:
            self.waiting.append((comment(element) if name == "annotation" else "", element))
            return ""
        return "" if name in _UNSEEN or not name else self.inline(element)

    def _after(self) -> None:
        """Add the notes, comments and text boxes of the block that was just added."""
        while self.waiting:
            mark, element = self.waiting.pop(0)
            if not mark:
                self.shape(element)
            elif local(element) == "note":
                note = child(element, "note-body")
                self.out.add(mark + " ".join(self.lines(note)) if note is not None else "")
            else:
                self.out.add(mark + " ".join(self.lines(element)), gap=True)

    def shape(self, shape: etree._Element) -> None:
        """Add the text of a text box or shape, what an object says, or what a picture shows."""
        objects = [self.add_object(self.out, each) for each in below(shape, "object")]
        if any(objects):
            return  # beside it stands a picture of it
        if shape.find(".//{*}image") is not None or objects:
            self.picture = True
        described = (each.text or "" for each in below(shape, "title", "desc"))
        words = " ".join(" ".join(described).split())
        self.out.add(f"[{words}]" if words else "", gap=True)
        self.blocks(shape)


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for element in table:
        name = local(element)
        if name == "table-row":
            yield element
        elif name in _TRANSPARENT:
            yield from _rows(element)


def _cells(each: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """Give a row's cells and how often each stands there; covered ones say nothing."""
    for cell in below(each, "table-cell", "covered-table-cell"):
        times = whole(value(cell, "number-columns-repeated"), 1)
        if local(cell) == "covered-table-cell":
            cell = etree.Element("covered")  # noqa: PLW2901 - its text is not seen
        yield cell, times


def comment(annotation: etree._Element) -> str:
    """Give what stands before a comment: whose it is."""
    creator = child(annotation, "creator")
    name = " ".join((creator.text or "").split()) if creator is not None else ""
    return f"Comment by {name}: " if name else "Comment: "


def shapes_in_cells(table: etree._Element) -> Iterator[etree._Element]:
    """Give the text boxes, shapes and pictures that are tied to the cells of a sheet."""
    for each in table.iter(*(f"{{*}}{name}" for name in sorted(_SHAPES))):
        above = each.getparent()
        in_cell = above is not None and local(above) == "table-cell"
        if in_cell and next(each.iterancestors(table.tag), None) is table:
            yield each


def sheet_rows(table: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """Give the rows of a sheet, and how often each stands there."""
    for each in _rows(table):
        yield each, whole(value(each, "number-rows-repeated"), 1)


def sheet_cells(each: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """Give the cells of a sheet's row, and how often each stands there."""
    yield from _cells(each)

"""Styles and lists of OpenDocument files: which numbers stand before headings and items."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lxml import etree

from kb.extract.office.docx_numbers import written
from kb.extract.xml import below, child, local, value

_FORMATS = {
    "1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman",
    "一, 二, 三, ...": "chineseCounting", "①, ②, ③, ...": "decimalEnclosedCircle",
    "壹, 貳, 參, ...": "ideographLegalTraditional", "壹, 贰, 叁, ...": "chineseLegalSimplified",
    "甲, 乙, 丙, ...": "ideographTraditional", "１, ２, ３, ...": "decimalFullWidth",
}  # fmt: skip


def whole(text: str | None, default: int) -> int:
    """Give a count that stands in an attribute, or the default where there is none."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else default


@dataclass(frozen=True, slots=True)
class _Level:
    style: str = ""
    before: str = ""
    after: str = ""
    #: So many levels are shown: 2 for "3.1".
    shown: int = 1
    start: int = 1
    bullet: bool = False


@dataclass(slots=True)
class Styles:
    """The styles of a file: what each is derived from, and the properties that are not seen."""

    _parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Styles of sheets and slides that are not shown.
    hidden: set[str] = field(default_factory=set)
    #: The list that a paragraph style brings with it.
    lists: dict[str, str] = field(default_factory=dict)

    def add(self, style: etree._Element) -> None:
        """Take one more style in."""
        name = value(style, "name") or ""
        above = value(style, "parent-style-name") or ""
        self._parents[name] = (value(style, "display-name") or name, above)
        if (brought := value(style, "list-style-name")) is not None:
            self.lists[name] = brought
        for properties in style:
            shown, visible = value(properties, "display"), value(properties, "visibility")
            if shown == "false" or visible == "hidden":
                self.hidden.add(name)

    def ancestry(self, name: str | None) -> list[str]:
        """Give the names of a style and of those it is derived from, in small letters."""
        found: list[str] = []
        while name and name in self._parents and len(found) < 20:
            shown, name = self._parents[name]
            found.append(shown.casefold())
        return found if found or not name else [name.casefold()]


@dataclass(slots=True)
class Lists:
    """The lists of one document, counted along as its items are read."""

    styles: Styles
    definitions: dict[str, dict[int, _Level]] = field(default_factory=dict)
    outline: dict[int, _Level] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)
    _headings: dict[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls, roots: Iterable[etree._Element | None]) -> Lists:
        """Read the styles of a file's parts."""
        lists = cls(Styles())
        for root in roots:
            for element in (
                root.iter("{*}style", "{*}list-style", "{*}outline-style")
                if (root is not None)
                else ()
            ):
                if local(element) == "style":
                    lists.styles.add(element)
                elif local(element) == "list-style":
                    lists.definitions[value(element, "name") or ""] = _levels(element)
                else:
                    lists.outline = _levels(element)
        return lists

    def begin(self, element: etree._Element, level: int, above: str) -> str:
        """Begin a list and give the name of its style; it counts from its start, unless told."""
        style = value(element, "style-name") or above
        if level == 1:
            goes_on = value(element, "continue-numbering") == "true" or value(
                element, "continue-list"
            )
            if not goes_on:
                self._counts.pop(style, None)
        else:
            self._counts.setdefault(style, {}).pop(level, None)
        return style

    def item(self, item: etree._Element, style: str, level: int) -> str:
        """Give the number or bullet before a list's item with its blank, "" when it has none."""
        levels = self.definitions.get(style, {})
        shape = levels.get(level, _Level(bullet=style not in self.definitions))
        if shape.bullet:
            return "• "
        counts = self._counts.setdefault(style, {})
        start = value(item, "start-value")
        counts[level] = whole(start, counts.get(level, shape.start - 1) + 1)
        for deeper in [key for key in counts if key > level]:
            del counts[deeper]
        return _label(levels, counts, level)

    def heading(self, element: etree._Element, level: int) -> str:
        """Give the number before a heading, as the outline of the document counts it."""
        stated = child(element, "number")
        if stated is not None and stated.text:
            return f"{stated.text.strip()} "
        shape = self.outline.get(level)
        if shape is None or not shape.style or value(element, "is-list-header") == "true":
            return ""
        self._headings[level] = self._headings.get(level, shape.start - 1) + 1
        for deeper in [key for key in self._headings if key > level]:
            del self._headings[deeper]
        return _label(self.outline, self._headings, level)


def _label(levels: dict[int, _Level], counts: dict[int, int], level: int) -> str:
    shape = levels.get(level, _Level())
    if not shape.style:
        return ""
    first = max(1, level - shape.shown + 1)
    numbers = []
    for each in range(first, level + 1):
        style = levels.get(each, shape).style
        if style:
            count = counts.get(each, levels.get(each, shape).start)
            numbers.append(written(count, _FORMATS.get(style, "decimal")))
    words = f"{shape.before}{'.'.join(numbers)}{shape.after}".strip()
    return f"{words} " if words else ""


def _levels(element: etree._Element) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for each in below(element):
        found[whole(value(each, "level"), 1)] = _Level(
            style=value(each, "num-format") or "",
            before=value(each, "num-prefix") or "",
            after=value(each, "num-suffix") or "",
            shown=min(whole(value(each, "display-levels"), 1), 10),
            start=whole(value(each, "start-value"), 1),
            bullet=local(each) in {"list-level-style-bullet", "list-level-style-image"},
        )
    return found

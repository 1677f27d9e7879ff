"""Styles and lists of a Word file: which paragraph is a heading, and what number it bears.

Word stores no numbers, only list definitions; counting along the document gives what the reader
sees on paper, and what people cite ("clause 3.2").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from kb.extract.office.docx_numbers import written
from kb.extract.office.package import switched_on
from kb.extract.xml import child, local, value

_HEADING = re.compile(r"heading (\d)")
_PLACE = re.compile(r"%([1-9])")
_LEVELS = 9


@dataclass(frozen=True, slots=True)
class Style:
    """What a paragraph style says of headings and lists; None where it says nothing."""

    name: str = ""
    outline: int | None = None
    number: str | None = None
    level: int | None = None
    linked: str = ""


@dataclass(frozen=True, slots=True)
class _Level:
    style: str = "decimal"
    text: str = ""
    start: int = 1
    joined: bool = False
    legal: bool = False
    restarts: bool = True
    linked: str = ""


@dataclass(frozen=True, slots=True)
class _List:
    """One use of a list definition (`w:num`): its definition, and where it starts anew."""

    definition: str
    starts: dict[int, int]
    levels: dict[int, _Level]


class Styles:
    """The paragraph styles, each with what it inherits."""

    def __init__(self, root: etree._Element | None) -> None:
        self._elements: dict[str, etree._Element] = {}
        self._known: dict[str, Style] = {}
        self.default = ""
        for element in root if root is not None else ():
            if local(element) == "style" and value(element, "type") in {"paragraph", None}:
                name = value(element, "styleId") or ""
                self._elements[name] = element
                if value(element, "default") in {"1", "true", "on"}:
                    self.default = name

    def __getitem__(self, name: str | None) -> Style:
        name = self.default if name is None else name
        if name not in self._known:
            self._known[name] = self._resolved(name)
        return self._known[name]

    def _resolved(self, name: str) -> Style:
        """Follow `basedOn` until each property is found; a chain that bites its tail ends."""
        first, seen = self._elements.get(name), set[str]()
        outline = number = level = linked = None
        current: str | None = name
        while current in self._elements and current not in seen:
            seen.add(current)
            element = self._elements[current]
            if outline is None:
                outline = _whole(value(child(element, "pPr", "outlineLvl")))
            if number is None:
                number = value(child(element, "pPr", "numPr", "numId"))
                level = _whole(value(child(element, "pPr", "numPr", "ilvl")))
                linked = current if number is not None else None
            current = value(child(element, "basedOn"))
        title = (value(child(first, "name")) or "").casefold()
        if outline is None and (match := _HEADING.fullmatch(title)):
            outline = int(match[1]) - 1
        return Style(title, outline, number, level, linked or "")


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of one document, counted along as `label` is called paragraph by paragraph."""

    lists: dict[str, _List]
    definitions: dict[str, dict[int, _Level]]
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)
    _started: set[tuple[str, int]] = field(default_factory=set)

    def label(self, properties: etree._Element | None, style: Style) -> str:
        """Give the number or bullet before a paragraph with its blank, "" when it has none."""
        direct = child(properties, "numPr")
        number = value(child(direct, "numId")) or style.number
        used = self.lists.get(number or "")
        if used is None:
            return ""
        levels = self.definitions.get(used.definition, {}) | used.levels
        level = _whole(value(child(direct, "ilvl")))
        if level is None:
            by_style = (key for key, each in levels.items() if each.linked == style.linked != "")
            level = style.level if style.level is not None else next(by_style, 0)
        return self._next(number or "", used, levels, level)

    def _next(self, number: str, used: _List, levels: dict[int, _Level], level: int) -> str:
        counts = self._counts.setdefault(used.definition, {})
        shape = levels.get(level)
        if shape is None:
            return ""
        if (number, level) not in self._started and level in used.starts:
            counts.pop(level, None)
        self._started.add((number, level))
        start = used.starts.get(level, shape.start)
        counts[level] = counts.get(level, start - 1) + 1
        for deeper in [key for key in counts if key > level]:
            if levels.get(deeper, _Level()).restarts:
                del counts[deeper]
        if shape.style == "bullet":
            return "• "
        words = _PLACE.sub(
            lambda match: _count(int(match[1]) - 1, shape, levels, counts), shape.text
        )
        return words + ("" if shape.joined or not words else " ")


def read_lists(root: etree._Element | None, styles: Styles) -> Lists:
    """Read the numbering part."""
    definitions: dict[str, dict[int, _Level]] = {}
    lists: dict[str, _List] = {}
    borrowed: dict[str, str] = {}
    for element in root if root is not None else ():
        if local(element) == "abstractNum":
            name = value(element, "abstractNumId") or ""
            definitions[name] = _levels(element)
            if style := value(child(element, "numStyleLink")):
                borrowed[name] = style
        elif local(element) == "num":
            lists[value(element, "numId") or ""] = _list(element)
    for name, style in borrowed.items():
        lender = lists.get(styles[style].number or "")
        if lender is not None:
            definitions[name] = definitions.get(lender.definition, {})
    return Lists(lists, definitions)


def _list(element: etree._Element) -> _List:
    starts: dict[int, int] = {}
    levels: dict[int, _Level] = {}
    for override in element:
        level = _whole(value(override, "ilvl"))
        if local(override) != "lvlOverride" or level is None:
            continue
        start = _whole(value(child(override, "startOverride")))
        if start is not None:
            starts[level] = start
        levels |= _levels(override)
    return _List(value(child(element, "abstractNumId")) or "", starts, levels)


def _levels(element: etree._Element) -> dict[int, _Level]:
    return {
        _whole(value(level, "ilvl")) or 0: _Level(
            style=value(child(level, "numFmt")) or "decimal",
            text=value(child(level, "lvlText")) or "",
            start=_whole(value(child(level, "start"))) or 0,
            joined=value(child(level, "suff")) == "nothing",
            legal=switched_on(child(level, "isLgl")),
            restarts=value(child(level, "lvlRestart")) != "0",
            linked=value(child(level, "pStyle")) or "",
        )
        for level in element
        if local(level) == "lvl"
    }


def _count(place: int, shape: _Level, levels: dict[int, _Level], counts: dict[int, int]) -> str:
    """Write the count of one level, also of one above that has not been counted yet."""
    level = levels.get(place, _Level())
    style = "decimal" if shape.legal else level.style
    return "" if style == "none" else written(counts.get(place, level.start), style)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?\d{1,9}", text) else None

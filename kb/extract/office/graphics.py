"""Charts and SmartArt, which slides, sheets and documents keep in parts of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from types import MappingProxyType

from lxml import etree

from kb.extract.canonical import Composer
from kb.extract.office.drawing import said
from kb.extract.rows import table
from kb.extract.xml import below, child, local, value

#: Elements that stand for a graphic, and the attribute that names the part with its words.
PLACES = {"chart": "id", "relIds": "dm"}
_AXES = ("{*}catAx", "{*}valAx", "{*}dateAx", "{*}serAx")
_MAX_POINTS = 5000


def is_graphic(element: etree._Element) -> bool:
    """Tell whether an element stands for a chart or SmartArt."""
    key = PLACES.get(local(element))
    return key is not None and bool(value(element, key))


def graphic(
    out: Composer, place: etree._Element, part: Callable[[str], etree._Element | None]
) -> bool:
    """Add the words of what an element stands for; tell whether it stands for a graphic.

    `part` gives the part behind a relation's key, and None where there is none.
    """
    key = PLACES.get(local(place))
    if key is None:
        return False
    root = part(value(place, key) or "")
    if root is not None:
        (chart if local(place) == "chart" else smart_art)(out, root)
    return True


def smart_art(out: Composer, root: etree._Element) -> None:
    """Add the words of SmartArt, one shape a line."""
    points = (said(point) for point in root.iterfind("{*}ptLst/{*}pt/{*}t"))
    out.add("\n".join(point for point in points if point.strip()), gap=True)


def chart(out: Composer, root: etree._Element) -> None:
    """Add a chart's titles and labels, and its values under the names of its series."""
    top = child(root, "chart")
    names = [child(top, "title"), *(child(each, "title") for each in root.iter(*_AXES, "{*}axis"))]
    names += [child(each, "tx") for each in root.iter("{*}dLbl")]
    out.add("\n".join(text for each in names if (text := _words(each).strip())), gap=True)
    rows = _newer(root) if child(root, "chartData") is not None else _rows(root)
    if rows:
        table(out, rows)


#: What adds the words of a part, by the kind of the relation that leads to it.
GRAPHICS: Mapping[str, Callable[[Composer, etree._Element], None]] = MappingProxyType(
    {"chart": chart, "chartEx": chart, "diagramData": smart_art}
)


def _words(parent: etree._Element | None) -> str:
    """Give what is written in a title: paragraphs, or the values of the cells it names."""
    if parent is None:
        return ""
    return said(parent) or " ".join(each.text or "" for each in parent.iter("{*}v"))


def _rows(root: etree._Element) -> list[list[str]]:
    names: list[str] = []
    columns: list[list[str]] = []
    categories: list[str] = []
    for series in root.iter("{*}ser"):
        names.append(" ".join(_points(child(series, "tx"))))
        found = child(series, "cat")
        categories = categories or _points(found if found is not None else child(series, "xVal"))
        numbers = child(series, "val")
        columns.append(_points(numbers if numbers is not None else child(series, "yVal")))
    rows = [list(each) for each in zip_longest(categories, *columns, fillvalue="")]
    return [["", *names], *rows] if any(names) or rows else []


def _newer(root: etree._Element) -> list[list[str]]:
    """Give the rows of a chart of the kinds that came in 2016, such as a waterfall."""
    data = {value(each, "id"): each for each in below(child(root, "chartData"), "data")}
    names: list[str] = []
    columns: list[list[str]] = []
    categories: list[str] = []
    for series in root.iter("{*}series"):
        names.append(_words(child(series, "tx")))
        mine = data.get(value(child(series, "dataId")))
        categories = categories or _points(child(mine, "strDim"))
        columns.append(_points(child(mine, "numDim")))
    rows = [list(each) for each in zip_longest(categories, *columns, fillvalue="")]
    return [["", *names], *rows] if any(names) or rows else []


def _points(parent: etree._Element | None) -> list[str]:
    """Give the cached values of a reference, each in its place.

    Values on several levels are joined, the outermost first: it stands once for all below it.
    """
    if parent is None:
        return []
    levels = [_level(each) for each in parent.iter("{*}lvl")] or [_level(parent)]
    if not any(levels):
        stated = parent.find("{*}v")
        return [] if stated is None else [stated.text or ""]
    last = max(max(level, default=-1) for level in levels)
    for outer in levels[1:]:
        for place in range(1, last + 1):
            outer.setdefault(place, outer.get(place - 1, ""))
    inward = levels[::-1]
    return [
        " / ".join(filter(None, (level.get(place, "") for level in inward)))
        for place in range(last + 1)
    ]


def _level(parent: etree._Element) -> dict[int, str]:
    """Give the values directly below a level, or below all that a reference holds."""
    found: dict[int, str] = {}
    for point in parent.iter("{*}pt"):
        stated = child(point, "v")
        text = point.text if stated is None else stated.text
        place = point.get("idx") or ""
        if place.isdecimal() and len(place) < 9 and int(place) < _MAX_POINTS:
            found[int(place)] = text or ""
    return found

"""DrawingML, which slides, sheets and documents share: text and places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lxml import etree

from kb.extract.canonical import sensible_title
from kb.extract.xml import child, local, value

_Thing = TypeVar("_Thing")
#: So deep are slides cut into strips and columns.
_DEEPEST = 40
#: How Office marks descriptions of its own making.
_GUESS = re.compile("generat|generier|généré|generad|生成|產生", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle on a slide; units are those of the format, and any other will do."""

    left: float = 0
    top: float = 0
    width: float = 0
    height: float = 0
    #: How lengths inside a group become lengths of the slide.
    scale_x: float = 1
    scale_y: float = 1

    @classmethod
    def read(cls, shape: etree._Element) -> Place | None:
        """Give the place that a shape itself states."""
        transform = child(shape, "spPr", "xfrm")
        if transform is None:
            transform = child(shape, "xfrm")
        numbers = _numbers(transform, "off", "ext")
        return None if numbers is None else cls(*numbers)

    def inside(self, transform: etree._Element | None) -> Place:
        """Give the frame in which the shapes of a group in this frame are to be placed."""
        outer, inner = _numbers(transform, "off", "ext"), _numbers(transform, "chOff", "chExt")
        if outer is None or inner is None:
            return self
        scale_x = self.scale_x * (outer[2] / inner[2] if inner[2] else 1)
        scale_y = self.scale_y * (outer[3] / inner[3] if inner[3] else 1)
        return Place(
            self.left + outer[0] * self.scale_x - inner[0] * scale_x,
            self.top + outer[1] * self.scale_y - inner[1] * scale_y,
            scale_x=scale_x,
            scale_y=scale_y,
        )

    def mapped(self, place: Place | None) -> Place:
        """Give where a place inside this frame lies on the slide."""
        inner = place or Place()
        return Place(
            self.left + inner.left * self.scale_x,
            self.top + inner.top * self.scale_y,
            inner.width * self.scale_x,
            inner.height * self.scale_y,
        )


def reading_order(
    things: Sequence[tuple[Place, _Thing]], depth: int = 0
) -> list[tuple[Place, _Thing]]:
    """Give things as they are read: cut at the widest gap, the upper or left half first."""
    if len(things) < 2:
        return list(things)
    across = _widest([(place.top, place.top + place.height) for place, _ in things])
    along = _widest([(place.left, place.left + place.width) for place, _ in things])
    if depth > _DEEPEST or (across is None and along is None):
        return sorted(things, key=lambda thing: (thing[0].top, thing[0].left))
    if along is None or (across is not None and across[0] >= along[0]):
        assert across is not None
        halves = [thing[0].top + thing[0].height / 2 < across[1] for thing in things]
    else:
        halves = [thing[0].left + thing[0].width / 2 < along[1] for thing in things]
    first = [thing for thing, early in zip(things, halves, strict=True) if early]
    second = [thing for thing, early in zip(things, halves, strict=True) if not early]
    if not first or not second:
        return sorted(things, key=lambda thing: (thing[0].top, thing[0].left))
    return reading_order(first, depth + 1) + reading_order(second, depth + 1)


def _widest(spans: list[tuple[float, float]]) -> tuple[float, float] | None:
    """Give the widest gap that no span crosses: its width, and its middle."""
    best: tuple[float, float] | None = None
    spans = sorted(spans)
    reached = spans[0][1]
    for start, end in spans[1:]:
        if start >= reached and start > spans[0][0] and (best is None or start - reached > best[0]):
            best = (start - reached, (start + reached) / 2)
        reached = max(reached, end)
    return best


def choice(element: etree._Element) -> etree._Element:
    """Give the variant of `mc:AlternateContent` that a modern Office shows."""
    chosen = child(element, "Choice")
    if chosen is None:
        chosen = child(element, "Fallback")
    return element if chosen is None else chosen


def said(parent: etree._Element | None) -> str:
    """Give the text of all paragraphs below an element, one on a line."""
    return "" if parent is None else "\n".join(paragraphs(parent))


def paragraphs(parent: etree._Element, *, bullets: bool = False) -> Iterator[str]:
    """Give the paragraphs below an element that are not blank, list items with their mark.

    With `bullets` those that say nothing of it are items too, as in the body of a slide.
    """
    texts = [(each, _text(each)) for each in parent.iter("{*}p")]
    texts = [(each, text) for each, text in texts if text.strip()]
    counts: dict[int, int] = {}
    for each, text in texts:
        properties = child(each, "pPr")
        level = _whole(properties.get("lvl")) if properties is not None else 0
        numbered = child(properties, "buAutoNum") is not None
        counts = {key: count for key, count in counts.items() if key < level or numbered}
        counts = {key: count for key, count in counts.items() if key <= level}
        if numbered:
            counts[level] = counts.get(level, 0) + 1
            yield f"{counts[level]}. {text}"
        elif child(properties, "buChar") is not None or (
            bullets and len(texts) > 1 and child(properties, "buNone") is None
        ):
            yield f"• {text}"
        else:
            yield text


def _text(paragraph: etree._Element) -> str:
    found = []
    for element in paragraph.iter("{*}t", "{*}br", "{*}tab"):
        if any(local(above) == "Fallback" for above in element.iterancestors("{*}Fallback")):
            continue
        found.append({"br": "\n", "tab": "\t"}.get(local(element), element.text or ""))
    return "".join(found).replace("\v", "\n").strip()


def description(text: str | None) -> str:
    """Give what a person wrote to describe a picture; "" for a program's guess or a file's name."""
    line = " ".join((text or "").split())
    if not line or _GUESS.search(line[-60:]) or sensible_title(line[:200]) is None:
        return ""
    return f"[{line}]"


def _numbers(element: etree._Element | None, *names: str) -> tuple[float, ...] | None:
    offset, extent = (child(element, name) for name in names)
    if offset is None or extent is None:
        return None
    values = [value(offset, "x"), value(offset, "y"), value(extent, "cx"), value(extent, "cy")]
    try:
        return tuple(float(each or "0") for each in values)
    except ValueError:
        return None


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else 0

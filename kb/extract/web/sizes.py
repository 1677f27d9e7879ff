"""A tree of a web page, measured: how much text each element holds, and how much in links."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree


class Sizes:
    """How many characters each element of a tree holds, white space not counted."""

    def __init__(self, top: etree._Element) -> None:
        self._all: dict[etree._Element, int] = {}
        self._linked: dict[etree._Element, int] = {}
        for _, element in etree.iterwalk(top, events=("end",)):
            total, linked = length(element.text), 0
            for child in element:
                total += self._all[child] + length(child.tail)
                linked += self._linked[child]
            self._all[element] = total
            self._linked[element] = total if element.tag == "a" else linked

    def __contains__(self, element: etree._Element) -> bool:
        return element in self._all

    def text(self, element: etree._Element) -> int:
        """Count all characters."""
        return self._all[element]

    def running(self, element: etree._Element) -> int:
        """Count those outside links."""
        return self._all[element] - self._linked[element]

    def links(self, element: etree._Element) -> float:
        """Give the share of those in links, 0 to 1."""
        return self._linked[element] / self._all[element] if self._all[element] else 0.0


def length(text: str | None) -> int:
    """Count the characters of a text, white space left out."""
    return len("".join(text.split())) if text else 0


def outermost(elements: Iterable[etree._Element]) -> list[etree._Element]:
    """Give the elements that are within no other one of them."""
    chosen = set(elements)
    return [each for each in chosen if chosen.isdisjoint(each.iterancestors())]


def drop(top: etree._Element, elements: Iterable[etree._Element]) -> None:
    """Take elements out of a tree, all but its top; what stands behind them stays."""
    for element in elements:
        parent = element.getparent()
        if parent is None or element is top:
            continue
        if element.tail:
            before = element.getprevious()
            if before is not None:
                before.tail = (before.tail or "") + " " + element.tail
            else:
                parent.text = (parent.text or "") + " " + element.tail
        parent.remove(element)

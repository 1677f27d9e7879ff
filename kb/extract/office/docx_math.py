"""Equations of Word files as one line of text: fractions with `/`, powers with `^`."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from kb.extract.xml import child, local, value


def formula(element: etree._Element) -> str:
    """Give an equation, or a part of one, as people type it: `x=(-b±√(b^2-4ac))/(2a)`."""
    name = local(element)
    if name == "t":
        return _UNSEEN.sub("", element.text or "")
    if (shape := _SHAPES.get(name)) is not None:
        return shape.format(**{each: _grouped(child(element, each)) for each in _PARTS})
    if (writer := _WRITERS.get(name)) is not None:
        return writer(element)
    return "" if name.endswith("Pr") else "".join(formula(each) for each in element)


def _row(element: etree._Element) -> str:
    return " ".join(formula(each) for each in element) + "; "


def _sum(element: etree._Element) -> str:
    """Give a sum, a product or an integral with its limits."""
    sign = value(child(element, "naryPr", "chr")) or "∫"
    low, high = _grouped(child(element, "sub")), _grouped(child(element, "sup"))
    inner = child(element, "e")
    limits = (f"_{low}" if low else "") + (f"^{high}" if high else "")
    return f"{sign}{limits} {formula(inner) if inner is not None else ''}"


def _root(element: etree._Element) -> str:
    degree, inner = _grouped(child(element, "deg")), child(element, "e")
    root = {"": "√", "3": "∛"}.get(degree, f"{degree}√")
    return f"{root}({formula(inner) if inner is not None else ''})"


_SHAPES = {
    "f": "{num}/{den}",
    "sSup": "{e}^{sup}",
    "sSub": "{e}_{sub}",
    "sSubSup": "{e}_{sub}^{sup}",
    "limLow": "{e}_{lim}",
    "limUpp": "{e}^{lim}",
}
#: Signs of no width that stand for an application or a product.
_UNSEEN = re.compile("[\u2061-\u2064]")
_PARTS = ("num", "den", "e", "sup", "sub", "lim")


def _grouped(element: etree._Element | None) -> str:
    """Give a part in brackets, where without them it would be read otherwise."""
    return "" if element is None else grouped(formula(element))


def grouped(text: str) -> str:
    """Give a part of an equation in brackets, where without them it would be read otherwise.

    >>> grouped("x"), grouped("a+b")
    ('x', '(a+b)')
    """
    text = text.strip()
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def _fenced(element: etree._Element) -> str:
    properties = child(element, "dPr")
    opening, between, closing = (
        value(child(properties, name)) for name in ("begChr", "sepChr", "endChr")
    )
    parts = [formula(each) for each in element if local(each) == "e"]
    before = "(" if opening is None else opening
    after = ")" if closing is None else closing
    return before + (between or "|").join(parts) + after


_WRITERS: dict[str, Callable[[etree._Element], str]] = {
    "d": _fenced,
    "nary": _sum,
    "rad": _root,
    "mr": _row,
}

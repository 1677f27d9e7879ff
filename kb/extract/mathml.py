"""Equations in MathML, which books and OpenDocument files hold, as one line of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lxml import etree

from kb.extract.office.docx_math import grouped
from kb.extract.xml import local

_LEAVES: Final = frozenset(("mi", "mn", "mo", "ms"))
#: The same once more in another language, or nothing that is seen.
_ASIDE: Final = frozenset(("annotation", "annotation-xml", "mphantom", ""))
_SHAPES: Final[dict[str, Callable[..., str]]] = {
    "mfrac": lambda over, under, *_: f"{over}/{under}",
    "msup": lambda base, high, *_: f"{base}^{high}",
    "msub": lambda base, low, *_: f"{base}_{low}",
    "mover": lambda base, high, *_: f"{base}^{high}",
    "munder": lambda base, low, *_: f"{base}_{low}",
    "mroot": lambda inner, degree, *_: f"{degree}√({inner})",
    "msubsup": lambda base, low, *high: f"{base}_{low}^{''.join(high)}",
    "munderover": lambda base, low, *high: f"{base}_{low}^{''.join(high)}",
}
#: Signs of no width that stand for an application or a product.
_UNSEEN: Final = dict.fromkeys(range(0x2061, 0x2065))


def equation(element: etree._Element) -> str:
    """Give an equation as people type it: `E=m⋅c^2`."""
    return " ".join(_line(element).split())


def _line(element: etree._Element) -> str:
    name = local(element)
    if name in _LEAVES:
        return (element.text or "").strip().translate(_UNSEEN)
    if name in {"mtext", "mspace"}:
        return f" {element.text or ''} "
    parts = [_line(each) for each in element if local(each) not in _ASIDE]
    shape = _SHAPES.get(name)
    if shape is not None and len(parts) >= 2:
        return shape(*map(grouped, parts))
    if name == "msqrt":
        return f"√({''.join(parts)})"
    if name == "mfenced":
        return f"{element.get('open', '(')}{', '.join(parts)}{element.get('close', ')')}"
    between = {"mtr": " ", "mtable": "; "}.get(name, "")
    return between.join(part for part in parts if part.strip() or not between)

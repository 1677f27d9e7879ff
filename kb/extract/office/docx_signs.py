"""Signs of Word files that stand in no text: symbols of fonts, boxes of forms, drawn letters."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from kb.extract.office.graphics import is_graphic
from kb.extract.office.package import switched_on
from kb.extract.xml import below, child, local, value

_OFF, _ON = "☐", "☒"
#: What the font Symbol shows from 0x41 to 0x5A and from 0x61 to 0x7A.
_CAPITALS = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_SMALL = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"
_SYMBOLS = {
    **dict(enumerate(_CAPITALS, 0x41)), **dict(enumerate(_SMALL, 0x61)),
    0x22: "∀", 0x24: "∃", 0x27: "∋", 0x2A: "∗", 0x2D: "−", 0x40: "≅", 0x5C: "∴", 0x5E: "⊥",
    0x7E: "∼", 0xA2: "′", 0xA3: "≤", 0xA5: "∞", 0xAB: "↔", 0xAC: "←", 0xAD: "↑", 0xAE: "→",
    0xAF: "↓", 0xB0: "°", 0xB1: "±", 0xB2: "″", 0xB3: "≥", 0xB4: "×", 0xB5: "∝", 0xB6: "∂",
    0xB7: "•", 0xB8: "÷", 0xB9: "≠", 0xBA: "≡", 0xBB: "≈", 0xBC: "…", 0xC4: "⊗", 0xC5: "⊕",
    0xC6: "∅", 0xC7: "∩", 0xC8: "∪", 0xC9: "⊃", 0xCC: "⊂", 0xCD: "⊆", 0xCE: "∈", 0xCF: "∉",
    0xD0: "∠", 0xD1: "∇", 0xD2: "®", 0xD3: "©", 0xD4: "™", 0xD5: "∏", 0xD6: "√", 0xD7: "⋅",
    0xD8: "¬", 0xD9: "∧", 0xDA: "∨", 0xDB: "⇔", 0xDC: "⇐", 0xDE: "⇒", 0xE5: "∑", 0xF2: "∫",
}  # fmt: skip
#: Of the pictures in Wingdings, those that answer a question or point somewhere.
_WINGDINGS = {
    0x6F: _OFF, 0x71: _OFF, 0xA8: _OFF, 0xFB: "✗", 0xFC: "✓", 0xFD: _ON, 0xFE: "☑",
    0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE7: "←", 0xE8: "→",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: _ON, 0x52: "☑", 0x53: _ON, 0x54: _ON, 0xA3: _OFF}
_FONTS = {"symbol": _SYMBOLS, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}


def symbol(element: etree._Element) -> str:
    """Give the character that `w:sym` shows; "" for an ornament."""
    try:
        code = int(value(element, "char") or "", 16)
    except ValueError:
        return ""
    font = (value(element, "font") or "").lower()
    code -= 0xF000 if 0xF000 <= code <= 0xF0FF else 0
    known = _FONTS.get(font)
    if known is not None:
        return known.get(code, "")
    shown = chr(code) if code < 0xD800 else ""
    return shown if shown.isprintable() and not font.startswith(("wingdings", "webdings")) else ""


def form_field(element: etree._Element) -> str:
    """Give what an old form field shows where that stands in no text: a box, or a choice."""
    data = child(element, "ffData")
    if (box := child(data, "checkBox")) is not None:
        checked = child(box, "checked")
        return _ON if switched_on(child(box, "default") if checked is None else checked) else _OFF
    if (choices := child(data, "ddList")) is not None:
        chosen = child(choices, "result")
        place = value(child(choices, "default") if chosen is None else chosen) or "0"
        entries = [value(each) or "" for each in below(choices, "listEntry")]
        return entries[int(place)] if place.isdecimal() and int(place) < len(entries) else ""
    return ""


def boxes(drawing: etree._Element) -> Iterator[etree._Element]:
    """Give what has text in a drawing, once: boxes, other shapes, places of charts and SmartArt."""
    for element in drawing:
        name = local(element)
        if name in {"txbxContent", "txBody"} or is_graphic(element):
            yield element
        elif name == "AlternateContent":
            chosen = child(element, "Choice")
            yield from boxes(element if chosen is None else chosen)
        else:
            yield from boxes(element)


def art(drawing: etree._Element) -> str:
    """Give the letters that are drawn as a picture (WordArt before 2010)."""
    drawn = (value(each, "string") or "" for each in drawing.iter("{*}textpath"))
    return " ".join(each.strip() for each in drawn if each.strip())

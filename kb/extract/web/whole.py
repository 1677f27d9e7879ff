"""Pages all of which are text: chapters of books, letters, and what programs put into documents.

On a page of a site, a form, a header or a list of links stands around the text. Here they are the
text, so that nothing is taken for a frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from kb.extract.canonical import keepable
from kb.extract.mathml import equation
from kb.extract.web import html
from kb.extract.xml import local
from kb.model import Document, Source

#: What the reader of web pages takes for the frame of a page or a way out of it.
_IN_TEXT: Final = {
    **dict.fromkeys(("aside", "header", "footer", "form", "object", "dialog", "menu"), "div"),
    "nav": "div",
    "a": "span",
}
_FRAME_MARKS: Final = ("class", "id", "role", "hidden")
#: It outweighs what the page says of its encoding, which was true of other bytes.
_UTF8_MARK: Final = b"\xef\xbb\xbf"


def read_whole(page: str, source: Source) -> Document:
    """Give all the text of a page, as `html.read` gives that of its main content."""
    data = keepable(page).encode()
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser) if data.strip() else None
    except etree.XMLSyntaxError:
        root = None
    body = root.find(".//body") if root is not None else None
    last = parser.error_log.last_error
    limited = last is not None and last.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT
    if body is None or limited:
        return html.read(_UTF8_MARK + data, source)
    return html.read(as_page(body), source)


def as_page(body: etree._Element) -> bytes:
    """Give a body, which is changed, as a web page all of which is its main content."""
    for element in list(body.iter(etree.Element)):
        if local(element) == "svg":
            _replace(element)
            continue
        if local(element) == "math":
            _write(element)
            continue
        for mark in [key for key in element.attrib if str(key) in _FRAME_MARKS]:
            if not (mark == "hidden" and element is not body):
                del element.attrib[mark]
        name = local(element)
        if name in _IN_TEXT or name != element.tag:
            element.tag = _IN_TEXT.get(name, name)
    body.tag = "main"
    inner = etree.tostring(body, encoding="unicode", with_tail=False, method="html")
    return f'<html><head><meta charset="utf-8"></head><body>{inner}</body></html>'.encode()


def of_drawing(svg: etree._Element) -> etree._Element:
    """Give the words of a drawing (SVG) as a block of paragraphs."""
    block = etree.Element("div")
    for line in _lines(svg):
        etree.SubElement(block, "p").text = line
    return block


def _replace(svg: etree._Element) -> None:
    parent = svg.getparent()
    if parent is not None and next(_lines(svg), None):
        block = of_drawing(svg)
        block.tail = svg.tail
        parent.replace(svg, block)


def _write(math: etree._Element) -> None:
    """Put an equation down as text in its place."""
    parent = math.getparent()
    if parent is not None and (words := equation(math)):
        text = etree.Element("p" if math.get("display") == "block" else "span")
        text.text, text.tail = words, math.tail
        parent.replace(math, text)


def _lines(svg: etree._Element) -> Iterator[str]:
    """Give the texts in a drawing, and its descriptions in brackets."""
    for element in svg.iter("{*}text", "{*}desc"):
        parts = [element.text or ""]
        for each in element.iterdescendants():
            moved = any(key in each.attrib for key in ("x", "y", "dy"))
            parts += [" " if moved else "", each.text or "", each.tail or ""]
        if line := " ".join("".join(parts).split()):
            yield f"[{line}]" if local(element) == "desc" else line

"""XML of strangers: parsed without reaching out, and read without minding namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, Final

from lxml import etree

_CAREFUL: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "remove_comments": True,
    "remove_pis": True,
}


def parse(data: bytes) -> etree._Element:
    """Parse XML without expanding entities, loading anything, or going deeper than 256.

    Identifiers that stand twice are no damage: programs write them, and nothing here follows them.
    """
    return etree.fromstring(data, etree.XMLParser(collect_ids=False, **_CAREFUL))


def stream(file: IO[bytes], name: str) -> Iterator[etree._Element]:
    """Give each element of this name in turn, as `parse` would; it is forgotten after its turn.

    Raises lxml's XMLSyntaxError and what the file raises.
    """
    for _, element in etree.iterparse(file, tag="{*}" + name, **_CAREFUL):
        yield element
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def local(element: etree._Element) -> str:
    """Give an element's name without its namespace; "" for an entity."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def value(element: etree._Element | None, name: str = "val") -> str | None:
    """Give an attribute by its name without namespace: Word knows two sets of namespaces."""
    if element is not None:
        for key, text in element.attrib.items():
            if str(key).rpartition("}")[2] == name:
                return str(text)
    return None


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """Give the first descendant along a path of names without namespace."""
    for name in path:
        if element is None:
            return None
        element = next((below for below in element if local(below) == name), None)
    return element


def below(element: etree._Element | None, *names: str) -> Iterator[etree._Element]:
    """Give the children, or those with one of these names; none of what is not there."""
    for each in element if element is not None else ():
        if not names or local(each) in names:
            yield each

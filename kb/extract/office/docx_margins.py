"""What stands above and below the pages of a Word file: most of it on each, some of it once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from kb.extract.office.package import Package, Relation, switched_on
from kb.extract.xml import below, child, value

_MARGINS = ("header", "footer")
_PAGE = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b")


class Margins:
    """The headers and footers of a file: those of first pages alone, and those that repeat."""

    def __init__(self, package: Package, body: etree._Element) -> None:
        threads = {
            each.key: each for each in package.relations(package.main) if each.kind in _MARGINS
        }
        once = list(dict.fromkeys(each.target for each in _of_first_pages(body, threads)))
        self._kinds = {each.target: each.kind for each in threads.values()}
        self._roots = {
            name: root for name in self._kinds if (root := package.whole_part(name)) is not None
        }
        self._once = [name for name in once if name in self._roots]

    def once(self, kind: str) -> Iterator[etree._Element]:
        """Give the headers, or footers, that stand on a first page and nowhere else."""
        for name in self._once:
            if self._kinds[name] == kind:
                yield self._roots[name]

    def repeated(self) -> Iterator[etree._Element]:
        """Give the headers and footers that stand on many pages, each once."""
        for name, root in self._roots.items():
            if name not in self._once:
                yield root


def counted(roots: Iterable[etree._Element]) -> int:
    """Count the characters of headers and footers."""
    return sum(len(text.text or "") for root in roots for text in root.iter("{*}t"))


def without_numbers(root: etree._Element) -> etree._Element:
    """Give a header or footer, which is changed, without the paragraphs that number pages."""
    for paragraph in list(root.iter("{*}p")):
        fields = [each.text or "" for each in paragraph.iter("{*}instrText")]
        fields += [value(each, "instr") or "" for each in paragraph.iter("{*}fldSimple")]
        parent = paragraph.getparent()
        if parent is not None and any(map(_PAGE.match, fields)):
            parent.remove(paragraph)
    return root


def _of_first_pages(body: etree._Element, threads: dict[str, Relation]) -> Iterator[Relation]:
    """Give what sections show on their first page, where they show it there alone."""
    for section in body.iter("{*}sectPr"):
        if not switched_on(child(section, "titlePg")):
            continue
        for each in below(section, "headerReference", "footerReference"):
            thread = threads.get(_key(each))
            if value(each, "type") == "first" and thread is not None:
                yield thread


def _key(element: etree._Element) -> str:
    return value(element, "id") or ""

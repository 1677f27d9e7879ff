"""What OpenDocument files hold as files in the file: equations, charts, tables, texts."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from kb.extract.canonical import Composer
from kb.extract.mathml import equation
from kb.extract.office.odf_text import sheet_cells, sheet_rows
from kb.extract.rows import table
from kb.extract.xml import below, child, local, value

#: Rows and columns of such a table beyond these are not read: it illustrates a text.
_MOST_ROWS, _MOST_COLUMNS = 5000, 200


def add_object(out: Composer, root: etree._Element) -> bool:
    """Add the words of an equation, a chart, a table or a text; tell whether it is one of these."""
    if local(root) == "math":
        out.add(equation(root), gap=True)
        return True
    body = next(iter(below(child(root, "body"))), None)
    if body is None:
        return False
    if local(body) not in {"chart", "spreadsheet"}:
        paragraphs = ("".join(map(str, each.itertext())) for each in body.iter("{*}p", "{*}h"))
        out.add("\n".join(filter(None, (" ".join(each.split()) for each in paragraphs))), gap=True)
        return True
    titles = map(_said, body.iter("{*}title", "{*}subtitle"))
    out.add("\n".join(filter(None, titles)), gap=True)
    for each in body.iter("{*}table"):
        table(out, _rows(each))
    return True


def _said(element: etree._Element) -> str:
    paragraphs = ("".join(map(str, each.itertext())) for each in below(element, "p"))
    return " ".join(" ".join(paragraphs).split())


def _rows(element: etree._Element) -> Iterator[list[str]]:
    for number, (each, _) in enumerate(sheet_rows(element)):
        if number >= _MOST_ROWS:
            return
        cells: list[str] = []
        for cell, times in sheet_cells(each):
            text = _said(cell) or value(cell, "value") or ""
            cells += [text] * min(times, _MOST_COLUMNS)
        yield cells[:_MOST_COLUMNS]

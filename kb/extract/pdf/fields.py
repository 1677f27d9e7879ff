"""What is filled in or written upon a page: fields of forms, text boxes, stamps.

A PDF keeps them beside the content of its pages, so that the text of a page lacks them until they
are drawn into it. Only the open copy is changed, never the file.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium

#: Annotations that show text. Links and marks upon text show none; notes show it when asked to.
_TEXTS: Final = frozenset(
    (
        pdfium.FPDF_ANNOT_WIDGET,
        pdfium.FPDF_ANNOT_FREETEXT,
        pdfium.FPDF_ANNOT_STAMP,
        pdfium.FPDF_ANNOT_WATERMARK,
    )
)
#: Pages of maps and drawings have thousands of links; what has more is not looked through.
_MOST: Final = 5_000


def prepare(document: Any) -> None:  # noqa: ANN401 - pypdfium2 has no types
    """Have pdfium make the looks of fields that hold a value and none, before pages are loaded."""
    if document.get_formtype() == pdfium.FORMTYPE_NONE:
        return
    with suppress(pypdfium2.PdfiumError):
        document.init_forms()


def waits_for_adobe(document: Any) -> bool:  # noqa: ANN401 - as above
    """Tell whether the pages only ask to wait: a form in XFA draws itself in Adobe's programs."""
    form: int = int(document.get_formtype())
    return form == int(pdfium.FORMTYPE_XFA_FULL)


def drawn_in(document: Any, number: int) -> Any:  # noqa: ANN401 - as above
    """Give page `number`, counted from 0, with what is filled in on it as part of its content.

    Raises what loading a page raises.
    """
    page = document[number]
    if not _has_texts(page):
        return page
    merged = pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY)
    if merged != pdfium.FLATTEN_SUCCESS:
        return page
    page.close()  # what was merged shows when the page is loaded anew
    return document[number]


def _has_texts(page: Any) -> bool:  # noqa: ANN401 - as above
    count = min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST)
    return any(_shows_text(page, index) for index in range(count))


def _shows_text(page: Any, index: int) -> bool:  # noqa: ANN401 - as above
    annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
    if not annotation:
        return False
    try:
        kind: int = pdfium.FPDFAnnot_GetSubtype(annotation)
        return kind in _TEXTS
    finally:
        pdfium.FPDFPage_CloseAnnot(annotation)

"""PDF read with pdfium: quick, and it says where each glyph stands.

pdfium is one for a whole process and not made for threads, so one file is read at a time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium

from kb.errors import StageError
from kb.extract import conditions
from kb.extract.pdf import fields
from kb.extract.pdf.layout import laid_out
from kb.extract.pdf.pieces import Box
from kb.extract.pdf.sheet import Mark, Sheet

_ALONE: Final = threading.RLock()
#: Lines and curves. A frame or a rule needs few of them, letters drawn as outlines many.
_MANY_STROKES: Final = 200
_FORM_DEPTH: Final = 5
#: A scan fills so much of its page.
_MOST: Final = 0.6
_MOST_OBJECTS: Final = 20_000
_MOST_MARKS: Final = 5_000


class UnreadableError(Exception):
    """pdfium cannot read the file, or not this page of it."""


@contextmanager
def opened(data: bytes, passwords: Sequence[str]) -> Iterator[Pdf]:
    """Open a file with the first password that fits.

    Raises StageError `extract.encrypted` when none does, UnreadableError when pdfium cannot.
    """
    with _ALONE, _silence():
        document = _open(data, passwords)
        fields.prepare(document)
        pdf = Pdf(document)
        try:
            yield pdf
        finally:
            pdf.let_go()
            document.close()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep remarks about forms and bookmarks off the terminal."""
    logger = logging.getLogger("pypdfium2")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _open(data: bytes, passwords: Sequence[str]) -> Any:  # noqa: ANN401 - pypdfium2 has no types
    for password in passwords:
        try:
            return pypdfium2.PdfDocument(data, password=password or None)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) != pdfium.FPDF_ERR_PASSWORD:
                raise UnreadableError(_reason(error)) from None
        except (UnicodeError, ValueError):
            continue  # a password that cannot be one
    if b"/Encrypt" not in data:
        # What pdfium gives as its last error may be that of an earlier file.
        raise UnreadableError("pdfium asks for a password of a file that names no encryption")
    raise StageError(conditions.locked())


class Pdf:
    """An open file."""

    def __init__(self, document: Any) -> None:  # noqa: ANN401 - as above
        self._document = document
        #: The page that was looked at last, open: what it draws is often asked for next.
        self._held: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return len(self._document)

    def sheet(self, number: int) -> Sheet:
        """Give page `number`, counted from 0. Raises UnreadableError."""
        with self._page(number) as page:
            textpage = page.get_textpage()
            try:
                return laid_out(textpage, _box(page))
            finally:
                textpage.close()

    def has_drawing(self, number: int) -> bool:
        """Tell whether the page shows a picture, or so many lines that they may be letters."""
        try:
            with self._page(number) as page:
                return _draws(page.get_objects(max_depth=_FORM_DEPTH))
        except UnreadableError:
            return True  # a page that cannot be looked at must not pass for a blank one

    def size(self, number: int) -> tuple[float, float]:
        """Give the width and the height of a page as it is seen, in points."""
        with self._page(number) as page:
            width, height = page.get_size()
            return float(width), float(height)

    def is_picture(self, number: int) -> bool:
        """Tell whether a picture covers most of the page. Raises UnreadableError."""
        with self._page(number) as page:
            box = _box(page)
            pictures = page.get_objects([pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=1)
            return any(_covers(each.get_bounds(), box) for each in islice(pictures, 100))

    def picture(self, number: int, scale: float) -> Any:  # noqa: ANN401 - an array
        """Give the page as grey values, shape (height, width), uint8. Raises UnreadableError."""
        with self._page(number) as page:
            bitmap = page.render(scale=scale, grayscale=True)
            try:
                return bitmap.to_numpy().reshape(bitmap.height, -1)[:, : bitmap.width].copy()
            finally:
                bitmap.close()

    @property
    def title(self) -> object:
        """What the file declares as its title."""
        with suppress(pypdfium2.PdfiumError, ValueError):
            return self._document.get_metadata_value("Title")
        return None

    @property
    def only_asks_to_wait(self) -> bool:
        """Tell whether the file is a form that other programs than Adobe's do not draw."""
        return fields.waits_for_adobe(self._document)

    def marks(self) -> Iterator[Mark]:
        """Give the bookmarks that lead to a page."""
        for count, item in enumerate(self._document.get_toc(max_depth=9)):
            if count >= _MOST_MARKS:
                return
            place = item.get_dest()
            page = place.get_index() if place is not None else None
            if page is not None:
                yield Mark(item.level + 1, str(item.get_title() or ""), page)

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        if self._held is None or self._held[0] != number:
            self.let_go()
            try:
                self._held = number, fields.drawn_in(self._document, number)
            except (pypdfium2.PdfiumError, IndexError) as error:
                raise UnreadableError(_reason(error)) from error
        try:
            yield self._held[1]
        except (pypdfium2.PdfiumError, ValueError) as error:
            self.let_go()
            raise UnreadableError(_reason(error)) from error

    def let_go(self) -> None:
        """Close the page that was looked at last."""
        held, self._held = self._held, None
        if held is not None:
            held[1].close()


def _box(page: Any) -> Box:  # noqa: ANN401 - as above
    left, bottom, right, top = page.get_bbox()
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def _covers(bounds: Box, box: Box) -> bool:
    width = min(bounds[2], box[2]) - max(bounds[0], box[0])
    height = min(bounds[3], box[3]) - max(bounds[1], box[1])
    page = (box[2] - box[0]) * (box[3] - box[1])
    return width > 0 and height > 0 and width * height > _MOST * page


def _draws(objects: Any) -> bool:  # noqa: ANN401 - as above
    strokes = 0
    for count, drawn in enumerate(objects):
        kind = drawn.type
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE or count >= _MOST_OBJECTS:
            return True
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            strokes += max(1, pdfium.FPDFPath_CountSegments(drawn.raw))
        elif kind == pdfium.FPDF_PAGEOBJ_SHADING:
            strokes += 1
        if strokes >= _MANY_STROKES:
            return True
    return False


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]

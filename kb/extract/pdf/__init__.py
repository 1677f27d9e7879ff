"""PDF: the text layer, page by page, and an account of every page that has none.

    with_pdfium  the quick reader, which says where glyphs stand     glyphs  what it says of them
    pieces       runs of glyphs on one line                          order   columns
    rows         lines and tables                                    layout  a page, put together
    with_pypdf   the reader for where pdfium is missing or fails     page    what pypdf says
    running      heads, feet, page numbers                           words   hyphens
    text         characters                                          states  pages without text
    garbled      letters other than those that are shown             fields  what is filled in
    blanks       that pdfium puts into words                          said    letters out of order
    outline      headings from bookmarks                             sheet   the nouns
    typography   headings from the type                              scans   pages that are pictures

Only this folder knows pypdf and pdfium. Pages are counted from 1 as they lie in the file; the
numbers printed on them are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from kb.errors import StageError, failure
from kb.extract import conditions
from kb.extract.canonical import sensible_title, stem
from kb.extract.pdf import typography
from kb.extract.pdf.garbled import is_garbled
from kb.extract.pdf.outline import headings
from kb.extract.pdf.running import without_running
from kb.extract.pdf.scans import recognised
from kb.extract.pdf.sheet import Mark, Sheet
from kb.extract.pdf.states import (
    CODES,
    STAMP,
    nothing,
    problems,
    waits,
    without_repeats,
    without_stamps,
)
from kb.extract.pdf.text import has_letters, letters, tidy, unmapped
from kb.extract.pdf.words import known_words, whole_words
from kb.model import Document, Page, PageState, Source

if TYPE_CHECKING:
    from kb.extract.pdf import with_pypdf

#: The mark of a PDF stands within its first kilobyte; where that is lost, its end tells.
_HEAD: Final = 1024
_DOTS_PER_POINT: Final = 300 / 72
#: Of the signs of a page, so many have no letter: all that matter, so many that the rest is not
#: worth much, or enough to ask pypdf, too.
_ALL_UNMAPPED: Final = 0.5
_MANY_UNMAPPED: Final = 0.25
_SOME_UNMAPPED: Final = 0.1
#: So many letters are kept beside more signs that have none.
_SOME_TEXT: Final = 100


class Pdf(Protocol):
    """An open file, whichever library reads it. Pages are counted from 0 here."""

    def __len__(self) -> int:
        """Give the number of pages."""
        ...

    def sheet(self, number: int) -> Sheet:
        """Give a page with its lines in reading order. Raises anything on a damaged one."""
        ...

    def has_drawing(self, number: int) -> bool:
        """Tell whether the page shows a picture, or lines that may be letters."""
        ...

    @property
    def title(self) -> object:
        """What the file declares as its title."""
        ...

    @property
    def only_asks_to_wait(self) -> bool:
        """Whether the file is a form that other programs than Adobe's do not draw."""
        ...

    def marks(self) -> Iterator[Mark]:
        """Give the bookmarks that lead to a page."""
        ...


def read(data: bytes, source: Source) -> Document:
    """Give the pages in order, joined by line ends.

    Raises StageError: `extract.encrypted`, `extract.corrupt`, `extract.empty` (no page, or all
    blank), `extract.no_text` (pictures alone). A page that fails while others do not is a
    problem of the document.
    """
    if b"%PDF-" not in data[:_HEAD] and b"startxref" not in data[-_HEAD:]:
        raise StageError(failure("extract.corrupt", "The file does not begin as a PDF does."))
    with _opened(data) as pdf:
        sheets = without_repeats(_sheets(pdf, data))
        if not any(sheet.state in (PageState.INDEXED, PageState.OCR) for sheet in sheets):
            raise StageError(waits(source) if pdf.only_asks_to_wait else nothing(sheets))
        told = [waits(source)] if pdf.only_asks_to_wait else []
        text, pages = _joined(sheets)
        return Document(
            title=_title(pdf) or stem(source),
            format="pdf",
            text=text,
            pages=pages,
            paged=True,
            headings=headings(pdf.marks(), text, pages) or typography.headings(sheets, text, pages),
            problems=(*told, *problems(sheets, source)),
        )


def render(data: bytes, page: int, *, scale: float = _DOTS_PER_POINT) -> Any:  # noqa: ANN401 - an array
    """Give page `page`, counted from 1, as grey values: shape (height, width), uint8.

    `scale` is in dots for each point (1/72 inch). Raises ImportError without pypdfium2.
    """
    from kb.extract.pdf import with_pdfium

    with with_pdfium.opened(data, _passwords()) as pdf:
        return pdf.picture(page - 1, scale)


def _passwords() -> tuple[str, ...]:
    return ("", *conditions.in_force().passwords)


@contextmanager
def _opened(data: bytes) -> Iterator[Pdf]:
    """Open with pdfium, and with pypdf where that is missing, unwanted or does not manage."""
    pdf: Pdf | None = None
    with ExitStack() as stack:
        if (quick := _quick()) is not None:
            with suppress(quick.UnreadableError):
                pdf = stack.enter_context(quick.opened(data, _passwords()))
        if pdf is None:
            from kb.extract.pdf import with_pypdf  # loading it takes longer than most files

            pdf = stack.enter_context(with_pypdf.opened(data, _passwords()))
        yield pdf


def _quick() -> Any:  # noqa: ANN401 - a module
    """Give the reader that uses pdfium, where it may be used and can be loaded."""
    if conditions.in_force().careful:
        return None
    try:
        from kb.extract.pdf import with_pdfium
    except (ImportError, OSError):
        return None
    return with_pdfium


def _sheets(pdf: Pdf, data: bytes) -> list[Sheet]:
    """Give the pages, each in its state and without what only repeats."""
    second = _Second(pdf, data)
    layers = [_sheet(pdf, number, second.sheet) for number in range(len(pdf))]
    sheets = without_stamps(layers)
    settled = _all_settled(pdf, sheets)
    anew = dict(recognised(pdf, settled, layers))
    if any(sheet.lines or sheets[at].lines for at, sheet in anew.items()):
        # Their heads and feet, and their cut words, are known only now, or are no longer theirs.
        return _all_settled(pdf, [anew.get(at, sheet) for at, sheet in enumerate(sheets)])
    return [anew.get(at, sheet) for at, sheet in enumerate(settled)]


def _all_settled(pdf: Pdf, sheets: Sequence[Sheet]) -> list[Sheet]:
    sheets = without_running(sheets)
    known = known_words(sheet.lines for sheet in sheets)
    if known is not None:
        sheets = [replace(s, lines=tuple(whole_words(s.lines, known))) for s in sheets]
    return [_settled(pdf, number, sheet) for number, sheet in enumerate(sheets)]


class _Second:
    """pypdf's opinion of pages that pdfium cannot read; the file is opened for it once."""

    def __init__(self, pdf: Pdf, data: bytes) -> None:
        self._first = pdf
        self._data: bytes | None = data
        self._pdf: with_pypdf.Pdf | None = None

    def sheet(self, number: int) -> Sheet | None:
        """Give a page as pypdf reads it, or None when it cannot either."""
        from kb.extract.pdf import with_pypdf

        if isinstance(self._first, with_pypdf.Pdf):
            return None
        try:
            with with_pypdf.silence():
                if self._data is not None and self._pdf is None:
                    with with_pypdf.opened(self._data, _passwords()) as self._pdf:
                        self._data = None
                return self._pdf.sheet(number) if self._pdf is not None else None
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - as in _sheet
            self._data = None
            return None


def _sheet(pdf: Pdf, number: int, again: Callable[[int], Sheet | None]) -> Sheet:
    reason = ""
    try:
        sheet = pdf.sheet(number)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged page raises anything, its neighbours go on
        sheet, reason = None, f"{type(error).__name__}: {error}"[:500]
    doubt = _doubt(sheet)
    if doubt:
        other = again(number)
        if other is not None and (less := _doubt(other)) < doubt and _says_as_much(other, sheet):
            sheet, doubt = replace(other, left_out=sheet.left_out if sheet else 0), less
    if sheet is None:
        return Sheet(state=PageState.FAILED, reason=reason)
    if doubt is _Doubt.NO_LETTERS and letters(sheet.text) < _SOME_TEXT:
        return replace(sheet, lines=(), state=PageState.IMAGE_ONLY)
    # What is drawn matters only where there is little text: a stamp on a scan, or none at all.
    short = sum(len(line.text) for line in sheet.lines) <= STAMP
    drawing = short and _has_drawing(pdf, number)
    return replace(sheet, drawing=drawing, garbled=doubt >= _Doubt.OTHER_LETTERS)


def _says_as_much(other: Sheet, sheet: Sheet | None) -> bool:
    return sheet is None or letters(other.text) > letters(sheet.text) // 2


class _Doubt(IntEnum):
    """What is wrong with the text of a page, from nothing to all."""

    NONE = 0
    SOME_LETTERS = 1
    OTHER_LETTERS = 2
    NO_LETTERS = 3
    NO_PAGE = 4


def _doubt(sheet: Sheet | None) -> _Doubt:
    if sheet is None:
        return _Doubt.NO_PAGE
    share = max(sheet.unmapped, unmapped(text := sheet.text))
    if share >= _ALL_UNMAPPED:
        return _Doubt.NO_LETTERS
    if share >= _MANY_UNMAPPED or is_garbled(text):
        return _Doubt.OTHER_LETTERS
    return _Doubt.SOME_LETTERS if share >= _SOME_UNMAPPED else _Doubt.NONE


def _has_drawing(pdf: Pdf, number: int) -> bool:
    try:
        return pdf.has_drawing(number)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as in _sheet
        return True  # a page that cannot be looked at must not pass for a blank one


def _settled(pdf: Pdf, number: int, sheet: Sheet) -> Sheet:
    """Give the page in the state that its text deserves."""
    if sheet.state is not PageState.INDEXED or any(has_letters(line.text) for line in sheet.lines):
        return sheet
    if sheet.drawing or (sheet.left_out and _has_drawing(pdf, number)):
        return replace(sheet, lines=(), state=PageState.IMAGE_ONLY)
    return sheet if tidy(sheet.text) else replace(sheet, lines=(), state=PageState.BLANK)


def _joined(sheets: Sequence[Sheet]) -> tuple[str, tuple[Page, ...]]:
    parts: list[str] = []
    pages: list[Page] = []
    start = 0
    for number, sheet in enumerate(sheets, 1):
        part = _text(sheet) + ("" if number == len(sheets) else "\n")
        parts.append(part)
        pages.append(
            Page(
                number=number,
                start=start,
                end=start + len(part),
                state=sheet.state,
                code=CODES.get(sheet.state),
                left_out=sheet.left_out,
                confidence=sheet.confidence,
            )
        )
        start += len(part)
    return "".join(parts), tuple(pages)


def _text(sheet: Sheet) -> str:
    return tidy("\n".join("\n" + line.text if line.apart else line.text for line in sheet.lines))


def _title(pdf: Pdf) -> str | None:
    try:
        return sensible_title(pdf.title)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - damaged metadata raises anything; there is another title
        return None

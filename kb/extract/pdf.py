"""PDF: the text layer, page by page, and an account of every page that has none.

Only this file and its three neighbours `pdf_*` know pypdf. Pages are counted from 1 as they lie
in the file; the numbers printed on them are not looked at.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pypdf import PageObject, PasswordType, PdfReader
from pypdf._encryption import AlgV5
from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

from kb.errors import Failure, StageError, failure
from kb.extract.canonical import sensible_title, stem
from kb.extract.pdf_outline import headings
from kb.extract.pdf_page import has_drawing, page_text
from kb.extract.pdf_text import has_letters, skeleton, tidy, unmapped
from kb.model import Document, Page, PageState, Source

#: A text no longer than this that stands on three pictures, and on half of all, is a stamp.
_STAMP = 120
#: The mark of a PDF must stand within its first kilobyte.
_HEAD = 1024


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One page as read: its text, what became of it, and what pypdf said if it failed."""

    text: str
    state: PageState
    drawing: bool = False
    reason: str = ""


def read(data: bytes, source: Source) -> Document:
    """Give the pages in order, joined by line ends.

    Raises StageError: `extract.encrypted`, `extract.corrupt`, `extract.empty` (no page, or all
    blank), `extract.no_text` (pictures alone). A page that fails while others do not is a
    problem of the document.
    """
    if b"%PDF-" not in data[:_HEAD]:
        raise StageError(failure("extract.corrupt", "The file does not begin as a PDF does."))
    with _silence():
        reader = _open(data)
        sheets = _without_stamps([_sheet(page) for page in _pages(reader)])
        if not any(sheet.state is PageState.INDEXED for sheet in sheets):
            raise StageError(_nothing(sheets))
        text, pages = _joined(sheets)
        return Document(
            title=_title(reader) or stem(source),
            format="pdf",
            text=text,
            pages=pages,
            paged=True,
            headings=headings(reader, text, pages),
            problems=tuple(_problems(sheets, source)),
        )


@contextmanager
def _silence() -> Iterator[None]:
    """Keep pypdf's remarks about crooked files off the terminal."""
    logger = logging.getLogger("pypdf")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _open(data: bytes) -> PdfReader:
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and _asks_for_password(reader):
            raise StageError(failure("extract.encrypted"))
    except (WrongPasswordError, FileNotDecryptedError) as error:
        raise StageError(failure("extract.encrypted")) from error
    except (DependencyError, NotImplementedError) as error:
        message = "The file is protected in a way that kb cannot open."
        raise StageError(failure("extract.encrypted", message, reason=str(error)[:500])) from error
    return reader


def _asks_for_password(reader: PdfReader) -> bool:
    """Tell whether the file opens only with a password.

    Some programs that set a password leave that of the owner empty; pypdf would let us in by it,
    yet whoever made the file asked for the other one.
    """
    given = reader.decrypt("")
    encryption: Any = reader.trailer.raw_get("/Encrypt").get_object()
    revision = int(encryption.get("/R", 0))
    if given is not PasswordType.OWNER_PASSWORD or revision < 5:
        return given is PasswordType.NOT_DECRYPTED
    user: bytes = encryption["/U"].original_bytes  # 32 of hash, 8 of salt: ISO 32000-2, 7.6.4
    return AlgV5.calculate_hash(revision, b"", user[32:40], b"") != user[:32]


def _pages(reader: PdfReader) -> Iterator[PageObject | str]:
    """Give each page, or why it cannot be had; a broken page tree ends the document."""
    for number in range(len(reader.pages)):
        try:
            yield reader.pages[number]
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - as in _sheet
            yield _reason(error)


def _sheet(page: PageObject | str) -> _Sheet:
    if isinstance(page, str):
        return _Sheet("", PageState.FAILED, reason=page)
    try:
        raw = page_text(page)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged page raises anything, its neighbours go on
        return _Sheet("", PageState.FAILED, reason=_reason(error))
    text = "" if unmapped(raw) else tidy(raw)
    # What is drawn matters only where there is little text: a stamp on a scan, or none at all.
    drawing = len(text) <= _STAMP and has_drawing(page)
    if has_letters(text):
        return _Sheet(text, PageState.INDEXED, drawing)
    if drawing or unmapped(raw):
        return _Sheet("", PageState.IMAGE_ONLY, drawing)
    return _Sheet(text, PageState.INDEXED if text else PageState.BLANK)


def _without_stamps(sheets: list[_Sheet]) -> list[_Sheet]:
    """Take pictures that share one short text, a stamp or a watermark, for pictures alone."""
    stamps = Counter(skeleton(sheet.text) for sheet in sheets if sheet.drawing and sheet.text)
    pictures = sum(sheet.drawing for sheet in sheets)
    common = {text for text, count in stamps.items() if count >= 3 and count * 2 >= pictures}
    return [
        _Sheet("", PageState.IMAGE_ONLY, drawing=True)
        if sheet.drawing and sheet.text and skeleton(sheet.text) in common
        else sheet
        for sheet in sheets
    ]


def _joined(sheets: list[_Sheet]) -> tuple[str, tuple[Page, ...]]:
    parts: list[str] = []
    pages: list[Page] = []
    start = 0
    for number, sheet in enumerate(sheets, 1):
        part = sheet.text if number == len(sheets) else sheet.text + "\n"
        parts.append(part)
        code = _CODES.get(sheet.state)
        end = start + len(part)
        pages.append(Page(number=number, start=start, end=end, state=sheet.state, code=code))
        start = end
    return "".join(parts), tuple(pages)


_CODES = {PageState.IMAGE_ONLY: "extract.no_text", PageState.FAILED: "extract.corrupt"}


def _problems(sheets: list[_Sheet], source: Source) -> Iterator[Failure]:
    for number, sheet in enumerate(sheets, 1):
        place = f"page {number}"
        if sheet.state is PageState.IMAGE_ONLY:
            yield failure("extract.no_text", source=source.path, locator=place)
        elif sheet.state is PageState.FAILED:
            message = "The page is damaged; the other pages were read."
            yield failure(
                "extract.corrupt", message, source=source.path, locator=place, reason=sheet.reason
            )


def _nothing(sheets: list[_Sheet]) -> Failure:
    """Say why no page has text."""
    states = Counter(sheet.state for sheet in sheets)
    if pictures := states[PageState.IMAGE_ONLY]:
        of = "The only page is" if len(sheets) == 1 else f"{pictures} of {len(sheets)} pages are"
        message = f"{of} a picture without a text layer, as a scan is, and no page has text."
        return failure("extract.no_text", message, pages=len(sheets), pictures=pictures)
    if states[PageState.FAILED]:
        reasons = Counter(sheet.reason for sheet in sheets if sheet.reason)
        return failure("extract.corrupt", pages=len(sheets), reason=reasons.most_common(1)[0][0])
    message = "All pages are blank." if sheets else "The file has no page."
    return failure("extract.empty", message, pages=len(sheets))


def _title(reader: PdfReader) -> str | None:
    try:
        metadata = reader.metadata
        return sensible_title(metadata.title if metadata else None)
    except Exception:  # noqa: BLE001 - damaged metadata raises anything; there is another title
        return None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]

"""Pictures that are documents: a photo or a scan of a page, read by recognising its letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from kb.errors import CATALOGUE, Failure, StageError, failure
from kb.extract.canonical import stem
from kb.extract.ocr.reading import Missing
from kb.extract.ocr.recogniser import Recognised, Recogniser
from kb.extract.pdf.text import tidy
from kb.model import Document, Page, PageState, Source

_KIND: Final = "image"
_NO_TEXT: Final = "extract.no_text"
#: By these bytes the kinds of pictures begin that engines read.
_BEGINNINGS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")


def read(data: bytes, source: Source) -> Document:
    """Give the pages of a picture; one that is no TIFF has one.

    Raises StageError: `extract.unsupported` where no engine is there, `extract.corrupt` for what
    is no picture, `extract.no_text` where no letters can be recognised.
    """
    recogniser = Recogniser()
    if (missing := recogniser.refuses()) is not None:
        raise StageError(_unread(missing, source))
    if not data.startswith(_BEGINNINGS):
        raise StageError(failure("extract.corrupt", "The file does not begin as a picture does."))
    found = recogniser.pages(data)
    if isinstance(found, Missing):
        raise StageError(failure("extract.corrupt", found.message, hint=found.hint))
    if not any(isinstance(page, Recognised) for page in found):
        raise StageError(_nothing(found))
    return _document(found, source)


def _document(found: Sequence[Recognised | Missing], source: Source) -> Document:
    parts: list[str] = []
    pages: list[Page] = []
    problems: list[Failure] = []
    start = 0
    for number, page in enumerate(found, 1):
        text = _text(page) if isinstance(page, Recognised) else ""
        text += "" if number == len(found) else "\n"
        made = Page(number=number, start=start, end=start + len(text), state=PageState.OCR)
        if isinstance(page, Recognised):
            pages.append(replace(made, confidence=page.confidence))
        else:
            pages.append(replace(made, state=PageState.IMAGE_ONLY, code=_NO_TEXT))
            problems.append(_problem(page, number, source))
        parts.append(text)
        start = made.end
    return Document(
        title=stem(source),
        format=_KIND,
        text="".join(parts),
        pages=tuple(pages),
        paged=True,
        problems=tuple(problems),
    )


def _text(page: Recognised) -> str:
    return tidy("\n".join("\n" + line.text if line.apart else line.text for line in page.lines))


def _problem(page: Missing, number: int, source: Source) -> Failure:
    message = f"{CATALOGUE[_NO_TEXT].cause} {page.message}"
    place = f"page {number}"
    return failure(_NO_TEXT, message, source=source.path, locator=place, hint=page.hint)


def _nothing(found: Sequence[Recognised | Missing]) -> Failure:
    reasons = [page for page in found if isinstance(page, Missing)]
    if not reasons:
        return failure("extract.corrupt", "The picture has no page.")
    return failure(_NO_TEXT, reasons[0].message, hint=reasons[0].hint, pages=len(found))


def _unread(missing: Missing, source: Source) -> Failure:
    suffix = PurePosixPath(source.path).suffix.lower()
    message = f"Files of the kind {suffix} are pictures. {missing.message}"
    return failure("extract.unsupported", message, hint=missing.hint, ending=suffix)

"""What became of each page, and what is said of the ones without text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from kb.errors import CATALOGUE, Failure, failure
from kb.extract.pdf.sheet import Sheet
from kb.extract.pdf.text import skeleton
from kb.model import PageState, Source

#: A text no longer than this that stands on three pictures, and on half of all, is a stamp.
STAMP: Final = 120
#: Pages with fewer letters and digits than this are no duplicates of one another.
_REPEATED: Final = 200
_MOST_ALIKE: Final = 100
_GARBLED: Final = (
    "The text of the page is not what it shows: its fonts do not tell, or tell falsely, which "
    "letters they draw, so that the page is not found by its words."
)
_WITH_TEXT: Final = (PageState.INDEXED, PageState.OCR)
#: The codes of the states that are failures.
CODES: Final = {PageState.IMAGE_ONLY: "extract.no_text", PageState.FAILED: "extract.corrupt"}


def without_stamps(sheets: Sequence[Sheet]) -> list[Sheet]:
    """Take pictures that share one short text, a stamp or a watermark, for pictures alone."""
    said = [sheet.text if sheet.drawing else "" for sheet in sheets]
    stamps = Counter(skeleton(text) for text in said if text)
    pictures = sum(sheet.drawing for sheet in sheets)
    common = {text for text, count in stamps.items() if count >= 3 and count * 2 >= pictures}
    return [
        replace(sheet, lines=(), state=PageState.IMAGE_ONLY)
        if text and skeleton(text) in common
        else sheet
        for sheet, text in zip(sheets, said, strict=True)
    ]


def without_repeats(sheets: Sequence[Sheet]) -> list[Sheet]:
    """Take pages that say word for word what one before them says for duplicates, without text.

    So a page that was scanned twice is found once, and cited where it stands first. A running
    head, which stays on the first page alone, makes no difference; short pages may well be alike.
    """
    seen: dict[tuple[int, str, str], list[list[str]]] = {}
    kept: list[Sheet] = []
    for sheet in sheets:
        ways = _said(sheet)
        if any(said in seen.get(_mark(said), ()) and _is_long(said) for said in ways):
            out = sheet.left_out + len(sheet.text)
            kept.append(replace(sheet, lines=(), state=PageState.DUPLICATE, left_out=out))
            continue
        for said in ways:
            alike = seen.setdefault(_mark(said), [])
            if len(alike) < _MOST_ALIKE:
                alike.append(said)
        kept.append(sheet)
    return kept


def _said(sheet: Sheet) -> list[list[str]]:
    """Give the lines of a page that may be repeated, with a running head and without it."""
    if sheet.state not in _WITH_TEXT:
        return []
    ways = [[line.text for line in sheet.lines]]
    if any(line.running for line in sheet.lines):
        ways.append([line.text for line in sheet.lines if not line.running])
    return [said for said in ways if said]


def _mark(said: Sequence[str]) -> tuple[int, str, str]:
    """Give what tells at a glance that two pages differ."""
    return len(said), said[0], said[-1]


def _is_long(said: Sequence[str]) -> bool:
    return sum(sum(map(str.isalnum, line)) for line in said) >= _REPEATED


def problems(sheets: Sequence[Sheet], source: Source) -> Iterator[Failure]:
    """Give what is to be said of the pages that have no text, or none that can be read."""
    for number, sheet in enumerate(sheets, 1):
        place = f"page {number}"
        if sheet.state is PageState.IMAGE_ONLY:
            message = f"{CATALOGUE['extract.no_text'].cause} {sheet.reason}".rstrip()
            yield failure(
                "extract.no_text", message, source=source.path, locator=place, hint=sheet.cure
            )
        elif sheet.garbled and sheet.state is PageState.INDEXED:
            message = f"{_GARBLED} {sheet.reason}".rstrip()
            yield failure(
                "extract.no_text", message, source=source.path, locator=place, hint=sheet.cure
            )
        elif sheet.state is PageState.FAILED:
            message = "The page is damaged; the other pages were read."
            yield failure(
                "extract.corrupt", message, source=source.path, locator=place, reason=sheet.reason
            )


def waits(source: Source) -> Failure:
    """Say that the pages hold no more than the request to open them in Adobe's programs."""
    return failure(
        "extract.unsupported",
        "The file is a form in XFA: what is to be read is not on its pages, which only ask to open "
        "it in Adobe Acrobat or Reader.",
        source=source.path,
        hint="Open it there, print it to a new PDF, and ingest that.",
    )


def nothing(sheets: Sequence[Sheet]) -> Failure:
    """Say why no page has text."""
    states = Counter(sheet.state for sheet in sheets)
    if pictures := states[PageState.IMAGE_ONLY]:
        of = "The only page is" if len(sheets) == 1 else f"{pictures} of {len(sheets)} pages are"
        message = f"{of} a picture without a text layer, as a scan is, and no page has text."
        why = Counter((s.reason, s.cure) for s in sheets if s.state is PageState.IMAGE_ONLY)
        (reason, cure), _ = why.most_common(1)[0]
        message = f"{message} {reason}".rstrip()
        return failure("extract.no_text", message, hint=cure, pages=len(sheets), pictures=pictures)
    if states[PageState.FAILED]:
        reasons = Counter(sheet.reason for sheet in sheets if sheet.reason)
        return failure("extract.corrupt", pages=len(sheets), reason=reasons.most_common(1)[0][0])
    message = "All pages are blank." if sheets else "The file has no page."
    return failure("extract.empty", message, pages=len(sheets))

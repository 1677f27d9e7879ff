"""Pages that are pictures, of which the letters are recognised where an engine is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, runtime_checkable

from kb.extract.ocr.reading import Missing
from kb.extract.ocr.recogniser import Recogniser, dots_per_point
from kb.extract.pdf.garbled import is_garbled
from kb.extract.pdf.sheet import Sheet
from kb.model import PageState

_UNDRAWN: Final = Missing(
    message="It cannot be drawn, so that its letters could be recognised.",
    hint="Run the file through an OCR program (for instance `ocrmypdf in.pdf out.pdf`).",
)
_STAMP: Final = Missing(
    message="No letters were found in the picture but those of a stamp.",
    hint="Nothing needs to be done where the page has no others.",
)
#: What is recognised beside a text layer, in times of its letters, is more than that layer again.
_MORE: Final = 1.3
#: A line of text has more letters than this.
_FEW: Final = 30


@runtime_checkable
class Drawn(Protocol):
    """An open file whose pages can be drawn. Pages are counted from 0 here."""

    def size(self, number: int) -> tuple[float, float]:
        """Give the width and the height of a page as it is seen, in points. Raises anything."""
        ...

    def is_picture(self, number: int) -> bool:
        """Tell whether a picture covers most of the page. Raises anything."""
        ...

    def picture(self, number: int, scale: float) -> Any:  # noqa: ANN401 - an array
        """Give the page as grey values, shape (height, width), uint8. Raises anything."""
        ...


def recognised(
    pdf: object, sheets: Sequence[Sheet], layers: Sequence[Sheet]
) -> Iterator[tuple[int, Sheet]]:
    """Give the pages that are pictures anew: with lines, or with the reason for having none.

    `layers` are the pages with all their text, be it stamps or running heads. A page with a
    short text upon a picture is given where more than that is recognised, one whose text is
    garbled in any case.
    """
    recogniser: Recogniser | None = None
    for number, (sheet, layer) in enumerate(zip(sheets, layers, strict=True)):
        if sheet.state is PageState.IMAGE_ONLY:
            recogniser = recogniser or Recogniser()
            yield number, _read(pdf, number, sheet, recogniser, layer.text)
        elif sheet.drawing and sheet.state is PageState.INDEXED:
            recogniser = recogniser or Recogniser()
            if recogniser.refuses() is not None or not _is_picture(pdf, number):
                continue
            found = _recognised(pdf, number, sheet, recogniser)
            # The few letters of the layer may be a mark upon a scan, or a title upon a photo.
            more = _letters(found.text) > 2 * _letters(layer.text) + _FEW
            if more and found.state is PageState.OCR:
                yield number, found
        elif sheet.garbled and sheet.state is PageState.INDEXED:
            recogniser = recogniser or Recogniser()
            yield number, _instead(layer, _recognised(pdf, number, sheet, recogniser))


def _instead(layer: Sheet, found: Sheet) -> Sheet:
    """Give what was recognised where it is the better text, else the text and why it is all."""
    enough = 2 * _letters(found.text) > _letters(layer.text)
    if found.state is PageState.OCR and enough and not is_garbled(found.text):
        return found
    return replace(layer, reason=found.reason, cure=found.cure)


def _is_picture(pdf: object, number: int) -> bool:
    try:
        return isinstance(pdf, Drawn) and pdf.is_picture(number)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a damaged page raises anything, and has a text to keep
        return False


def _read(pdf: object, number: int, sheet: Sheet, recogniser: Recogniser, layer: str) -> Sheet:
    found = _recognised(pdf, number, sheet, recogniser)
    if not found.lines or _letters(found.text) > _MORE * _letters(layer):
        return found
    return replace(sheet, lines=(), reason=_STAMP.message, cure=_STAMP.hint)


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _recognised(pdf: object, number: int, sheet: Sheet, recogniser: Recogniser) -> Sheet:
    missing = recogniser.refuses()
    if missing is None:
        drawn = _drawn(pdf, number)
        found = recogniser.page(*drawn) if isinstance(drawn, tuple) else drawn
        if not isinstance(found, Missing):
            # Places on other pages are measured from their lower edge.
            lines = tuple(
                line._replace(top=line.top - found.height, bottom=line.bottom - found.height)
                for line in found.lines
            )
            return Sheet(
                lines=lines, state=PageState.OCR, confidence=found.confidence, top=-found.height
            )
        missing = found
    return replace(sheet, lines=(), reason=missing.message, cure=missing.hint)


def _drawn(pdf: object, number: int) -> tuple[Any, float] | Missing:
    if not isinstance(pdf, Drawn):
        return _UNDRAWN
    try:
        scale = dots_per_point(*pdf.size(number))
        return pdf.picture(number, scale), scale
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a damaged page raises anything, its neighbours go on
        return _UNDRAWN

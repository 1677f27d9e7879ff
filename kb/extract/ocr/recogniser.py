"""The letters of one file: keeps the time, and gives up on an engine that fails again and again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from kb.extract.ocr import choice, clock
from kb.extract.ocr.reading import Engine, EngineError, Missing
from kb.extract.ocr.words import confidence, letters, level, without_specks

if TYPE_CHECKING:
    from kb.extract.ocr.reading import Picture
    from kb.extract.ocr.words import Found
    from kb.extract.pdf.sheet import Line

#: Engines are trained on print at this resolution.
_DOTS_PER_INCH: Final = 300
_POINTS_PER_INCH: Final = 72
#: Of a page, in points.
_USUAL_HEIGHT: Final = 800.0
#: An A3 page at 300 dots per inch has 17 million.
_MOST_PIXELS: Final = 18_000_000
_LONGEST_SIDE: Final = 20_000
#: A smaller picture holds no readable word.
_SHORTEST_SIDE: Final = 24
#: Below this, what was read is noise.
_LEAST_SURE: Final = 0.5
#: After so many failures on end the engine is left alone for the rest of the file.
_FAILURES: Final = 3
_CURE: Final = (
    "Look at the page; where it has letters, scan it again at 300 dots per inch, or run the file "
    "through another OCR program, and ingest the result."
)
_AGAIN: Final = "Run `kb retry --stage extract` to try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What stands on a page that is a picture."""

    #: In reading order, in points.
    lines: tuple[Line, ...]
    #: 0 to 1.
    confidence: float
    #: Of the page as it is to be held, in points.
    height: float


_T = TypeVar("_T")


class Recogniser:
    """Recognises the pages of one file."""

    def __init__(self, engine: Engine | Missing | None = None) -> None:
        self.engine: Engine | Missing = choice.engine() if engine is None else engine
        self._left = clock.allowance()
        self._failures = 0

    def page(self, picture: Picture, scale: float) -> Recognised | Missing:
        """Give the lines of a page, or why there are none.

        `scale` is how many pixels of the picture make up a point.
        """
        if min(picture.shape) < _SHORTEST_SIDE:
            return Missing(message="The page is too small to hold letters.", hint=_CURE)
        found = self._asked(
            lambda engine, seconds: engine.words(picture, scale * _POINTS_PER_INCH, seconds),
            clock.PAGE,
        )
        return found if isinstance(found, Missing) else _laid_out(found, scale)

    def pages(self, data: bytes) -> list[Recognised | Missing] | Missing:
        """Give each page of a file that is a picture, or why it has no lines."""
        found = self._asked(lambda engine, seconds: engine.pages(data, seconds), clock.FILE)
        if isinstance(found, Missing):
            return found
        # Nobody knows how large the paper was.
        return [
            _laid_out(page, max(page.height, page.width, 1.0) / _USUAL_HEIGHT) for page in found
        ]

    def _asked(self, ask: Callable[[Engine, float], _T], most: float) -> _T | Missing:
        refused = self.refuses()
        if refused is not None or isinstance(self.engine, Missing):
            return refused or choice.NONE
        started = time.monotonic()
        seconds = min(most, max(self._left, 1.0))
        try:
            with clock.stopped(3 * seconds):  # an engine may look more than once
                answer = ask(self.engine, seconds)
        except EngineError as error:
            self._failures += 1
            message = f"{self.engine.name} failed on the page: {error}."
            return Missing(message=message, hint=_AGAIN)
        finally:
            self._left -= time.monotonic() - started
        self._failures = 0
        return answer

    def refuses(self) -> Missing | None:
        """Say why no page will be recognised, or no further one, before a picture is made."""
        if isinstance(self.engine, Missing):
            return self.engine
        if self._failures >= _FAILURES:
            message = f"{self.engine.name} failed on {self._failures} pages before this one."
            return Missing(message=message, hint=_AGAIN)
        if self._left <= 0:
            message = "The time for recognising letters in one file was over before this page."
            hint = (
                "Set KB_OCR_SECONDS, or ocr.seconds in kb.toml, to more than "
                f"{clock.allowance():g}, or split the file; then `kb retry --stage extract`."
            )
            return Missing(message=message, hint=hint)
        return None


def dots_per_point(width: float, height: float) -> float:
    """Give the scale at which to draw a page of this size, in points, for recognition."""
    width, height = max(width, 1.0), max(height, 1.0)
    return min(
        _DOTS_PER_INCH / _POINTS_PER_INCH,
        math.sqrt(_MOST_PIXELS / (width * height)),
        _LONGEST_SIDE / max(width, height),
    )


def _laid_out(found: Found, scale: float) -> Recognised | Missing:
    from kb.extract.ocr.lines import lines  # the readers of PDF import this package

    words = without_specks(level(found.words))
    if letters(words) < 2:
        return Missing(message="No letters were found on the page.", hint=_CURE)
    sure = confidence(words)
    if sure < _LEAST_SURE:
        message = f"The page's letters could not be recognised (confidence {sure:.2f})."
        return Missing(message=message, hint=_CURE)
    return Recognised(
        lines=lines(words, scale), confidence=round(sure, 4), height=found.height / scale
    )

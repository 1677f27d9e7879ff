"""Letters recognised by the package rapidocr-onnxruntime, which brings its models with it.

Its model reads Chinese and English, and leaves out most blanks between English words. They are
put back where the picture is blank.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kb.extract.ocr.reading import EngineError
from kb.extract.ocr.words import Found, Word, confidence

if TYPE_CHECKING:
    from kb.extract.ocr.reading import Picture

#: A strip without ink parts two words when it is so wide, in heights of the line's box, and so
#: many times as wide as what parts two letters.
_BLANK: Final = 0.16
_TIMES: Final = 2.0
#: With less than this, the page may stand on its head.
_DOUBTFUL: Final = 0.8
#: Lines that are less sure than this are none.
_NOISE: Final = 0.4
_JOINS: Final = re.compile(r"[^\W_]|[.,;:!?%)(&$/|-]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RapidOcr:
    """The package's engine."""

    name: str = "rapidocr"

    def words(self, picture: Picture, dots_per_inch: float, seconds: float) -> Found:
        """Give the lines of a page, each as one word. Raises EngineError.

        It runs within this process, and `seconds` are watched over by whoever started that.
        """
        del dots_per_inch, seconds
        found = Found(_read(picture), *picture.shape)
        if _lies_on_its_side(found.words):
            # Single lines are turned by the package, and then read well, but not the page.
            ways = [_turned(picture, 1), _turned(picture, 3)]
        elif found.words and confidence(found.words) < _DOUBTFUL:
            ways = [found, _turned(picture, 2)]
        else:
            ways = [found]
        best = max(ways, key=lambda each: confidence(each.words))
        return best._replace(words=[word for word in best.words if word.confidence >= _NOISE])

    def pages(self, data: bytes, seconds: float) -> list[Found]:
        """Give the words of each page of a file that is a picture. Raises EngineError."""
        import cv2  # comes with the package

        try:
            read, pictures = cv2.imdecodemulti(
                np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE
            )
        except cv2.error as error:
            raise EngineError("it cannot read the picture") from error
        if not read:
            raise EngineError("it cannot read the picture")
        return [self.words(picture, 0, seconds) for picture in pictures]


def _turned(picture: Picture, quarters: int) -> Found:
    turned = np.ascontiguousarray(np.rot90(picture, quarters))
    return Found(_read(turned), *turned.shape)


def _lies_on_its_side(lines: Sequence[Word]) -> bool:
    long = [line for line in lines if len(line.text) > 3]
    tall = sum(line.bottom - line.top > 1.5 * (line.right - line.left) for line in long)
    return tall * 2 > len(long)


def _read(picture: Picture) -> list[Word]:
    try:
        found, _ = _engine()(picture, use_cls=False, return_word_box=True, text_score=0.0)
    except MemoryError:
        raise
    except Exception as error:
        raise EngineError(f"it failed ({type(error).__name__}: {error})"[:300]) from error
    return list(_lines(found or [], picture))


@cache
def _engine() -> Any:  # noqa: ANN401 - the package has no types
    # ONNX Runtime tells its maker of its use from its import on, unless it finds this.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from rapidocr_onnxruntime import RapidOCR

    # Workers run side by side, so that one thread for each is quickest.
    return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)


def _lines(found: Sequence[Any], picture: Picture) -> Iterator[Word]:
    for number, (box, text, sure, *signs) in enumerate(found):
        across, down = [point[0] for point in box], [point[1] for point in box]
        said = str(text).strip()
        if signs and len(signs) > 1:
            said = _parted(said, signs[0], signs[1], picture)
        if said:
            yield Word(said, min(across), min(down), max(across), max(down), float(sure), number)


def _parted(text: str, boxes: Sequence[Any], signs: Sequence[str], picture: Picture) -> str:
    """Give a line with a blank wherever its picture has one between two Latin words."""
    if (
        not text
        or "".join(signs) != text
        or len(boxes) != len(signs)
        or any(len(s) != 1 for s in signs)
    ):
        return text
    corners = np.asarray(boxes, dtype=float).reshape(len(signs), -1, 2)
    left, right = corners[:, :, 0].min(axis=1), corners[:, :, 0].max(axis=1)
    top, bottom = corners[:, :, 1].min(), corners[:, :, 1].max()
    height = float(np.median(corners[:, :, 1].max(axis=1) - corners[:, :, 1].min(axis=1)))
    if bottom - top > 1.5 * height or height < 6:
        return text  # an upright line, or one askew: columns of the picture part no letters there
    edge = max(int(left.min()) - 2, 0)
    crop = picture[max(int(top), 0) : int(bottom) + 1, edge : int(right.max()) + 3]
    middles = (left + right) / 2
    wide = {
        int(np.searchsorted(middles, place + edge)): width / height
        for place, width in _blanks(crop, height)
    }
    said = signs[0]
    for at, (before, sign) in enumerate(pairwise(signs), 1):
        join = _JOINS.match(before) and _JOINS.match(sign)
        # Much of the width of a figure 1 is blank.
        least = 2 * _BLANK if "1" in (before, sign) else _BLANK
        said += f" {sign}" if join and wide.get(at, 0) > least else sign
    return said


def _blanks(crop: Picture, height: float) -> Iterator[tuple[float, float]]:
    """Give the strips of a line that are wide enough to part two words: middle and width."""
    if not crop.size:
        return
    half = (np.percentile(crop, 90) + np.percentile(crop, 1)) / 2
    inked = (crop < half).sum(axis=0) > 0.04 * height
    edges = np.flatnonzero(np.diff(inked.astype(np.int8)))
    # Strips lie between the end of ink and its next beginning.
    first = 0 if inked[0] else 1
    ends, starts = edges[first::2], edges[first + 1 :: 2]
    widths = starts - ends[: len(starts)]
    if not len(widths):
        return
    least = max(_BLANK * height, _TIMES * float(np.median(widths)))
    for end, width in zip(ends.tolist(), widths.tolist(), strict=False):
        if width > least:
            yield end + width / 2, width

"""What pdfium says of the glyphs of one page: characters, and the boxes they stand in.

pdfium is asked once for each glyph, a few thousand times on a page. Its functions are therefore
called through C, without the checks of their wrappers and without letting other threads run in
between, which takes a quarter of the time.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

#: A glyph's box: left, top, right, bottom, in points; y grows upwards, as PDF counts.
_BOX: Final = 4
#: pdfium gives whole texts in two bytes for each character; what lies beyond is asked one by one.
_RARE: Final = re.compile("[^\0-\u06ff\u2000-\u23ff]")
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_MOST_GLYPHS: Final = 2_000_000


def _quick(name: str, gives: type | None) -> Callable[..., Any]:
    """Give a function of pdfium without the conversion of its arguments."""
    address = ctypes.cast(getattr(pdfium, name), ctypes.c_void_p).value
    if address is None:
        raise ImportError(f"pdfium has no function {name}.")
    return ctypes.PYFUNCTYPE(gives)(address)


_loose_box: Final = _quick("FPDFText_GetLooseCharBox", None)
_unicode: Final = _quick("FPDFText_GetUnicode", ctypes.c_uint)
_angle: Final = _quick("FPDFText_GetCharAngle", ctypes.c_float)


class _Store:
    """Room for boxes that is used again from page to page."""

    def __init__(self) -> None:
        self._make(8192)

    def _make(self, room: int) -> None:
        self.room = room
        self._rects = (pdfium.FS_RECTF * room)()
        self.places = [ctypes.byref(rect) for rect in self._rects]
        flat = np.frombuffer(self._rects, dtype=np.float32)
        self.boxes = flat.reshape(room, _BOX)

    def at_least(self, room: int) -> None:
        if room > self.room:
            self._make(room * 2)


_store: Final = _Store()


def text_of(textpage: Any) -> str:  # noqa: ANN401 - pypdfium2 has no types
    """Give one character for each glyph of a page, in the order of its content.

    Raises ValueError when there are more than any page can have.
    """
    count: int = textpage.count_chars()
    if count > _MOST_GLYPHS:
        raise ValueError(f"The page has {count} characters.")
    if count <= 0:
        return ""
    raw = textpage.raw
    last = pdfium.FPDFText_GetTextIndexFromCharIndex(raw, count - 1)
    text: str = textpage.get_text_range() if last == count - 1 else ""
    if len(text) == count:
        if not _RARE.search(text):
            return text
        text = _RARE.sub(lambda rare: _sign(_unicode(raw, rare.start())), text)
    else:
        text = "".join(map(_sign, map(_unicode, repeat(raw, count), range(count))))
    # The second half of a pair becomes a mark that is dropped later, so that places stay.
    return _PAIR.sub(_one_of_pair, text)


def _sign(code: int) -> str:
    return chr(code) if code < 0x110000 else "\ufffd"


def boxes_of(textpage: Any, asked: NDArray[Any]) -> NDArray[np.float32]:  # noqa: ANN401 - as above
    """Give the boxes of the glyphs at the places `asked`, shape (n, 4)."""
    count = len(asked)
    _store.at_least(count)
    called = map(_loose_box, repeat(textpage.raw, count), asked.tolist(), _store.places)
    deque(called, maxlen=0)
    return _store.boxes[:count].copy()


def _one_of_pair(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16") + "\ufeff"


def quarters(textpage: Any, count: int) -> NDArray[np.int8]:  # noqa: ANN401 - as above
    """Give for each glyph how its line runs.

    0 to the right, 1 upwards, 2 upside down, 3 downwards, 4 askew.
    """
    angles = np.fromiter(
        map(_angle, repeat(textpage.raw, count), range(count)), dtype=np.float32, count=count
    )
    turns = -np.nan_to_num(angles, nan=0.0) / (np.pi / 2)  # pdfium counts clockwise
    whole = np.rint(turns)
    return np.where(np.abs(turns - whole) > 0.15, 4, whole % 4).astype(np.int8)


def is_bold(textpage: Any, index: int) -> bool:  # noqa: ANN401 - as above
    """Tell whether a glyph is of a bold font, by the font's name."""
    _font_info(textpage.raw, index, _name, 80, None)
    return _is_bold(_name.value)


@lru_cache(maxsize=1024)
def _is_bold(name: bytes) -> bool:
    return _BOLD.search(name) is not None


_font_info: Final = _quick("FPDFText_GetFontInfo", ctypes.c_ulong)
_name: Final = ctypes.create_string_buffer(80)
_BOLD: Final = re.compile(rb"(?i)bold|black|heavy|-bd|semibd|hei(?:ti)?\b|simhei")

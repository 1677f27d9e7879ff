"""What an engine is: something that finds words in a picture, or says that it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.extract.ocr.words import Found

    #: Grey values, shape (height, width).
    Picture: TypeAlias = NDArray[np.uint8]


class EngineError(Exception):
    """An engine failed on a picture; the message says how, as half a sentence after "it"."""


class Engine(Protocol):
    """Finds the words of a page."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def words(self, picture: Picture, dots_per_inch: float, seconds: float) -> Found:
        """Give the words of a page, put upright. Raises EngineError."""
        ...

    def pages(self, data: bytes, seconds: float) -> list[Found]:
        """Give the words of each page of a file that is a picture. Raises EngineError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why no engine can be used, and what mends that; both are whole sentences."""

    message: str
    hint: str

"""PDF read with pypdf: slower, without places, and it cannot take the process down.

It reads where pdfium is not installed, where pdfium cannot, and where pdfium crashed.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

from pypdf import PasswordType, PdfReader
from pypdf._encryption import AlgV5
from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError
from pypdf.generic import Destination

from kb.errors import StageError, failure
from kb.extract import conditions
from kb.extract.pdf.page import has_drawing, page_text
from kb.extract.pdf.sheet import Line, Mark, Sheet

_MOST_MARKS: Final = 5_000
_DEEPEST: Final = 9
#: pypdf gives no heights; each line is as far below the one before.
_STEP: Final = 12.0


@contextmanager
def opened(data: bytes, passwords: Sequence[str]) -> Iterator[Pdf]:
    """Open a file with the first password that fits.

    Raises StageError `extract.encrypted` when none does, and whatever pypdf raises.
    """
    with silence():
        yield Pdf(_open(data, passwords))


@contextmanager
def silence() -> Iterator[None]:
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


def _open(data: bytes, passwords: Sequence[str]) -> PdfReader:
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not any(_opens(reader, password) for password in passwords):
            raise StageError(conditions.locked())
    except (WrongPasswordError, FileNotDecryptedError) as error:
        raise StageError(conditions.locked()) from error
    except (DependencyError, NotImplementedError) as error:
        message = "The file is protected in a way that kb cannot open."
        raise StageError(failure("extract.encrypted", message, reason=str(error)[:500])) from error
    return reader


def _opens(reader: PdfReader, password: str) -> bool:
    """Tell whether the file opens with the password, and decrypt it.

    Some programs that set a password leave that of the owner empty; pypdf would let us in by it,
    yet whoever made the file asked for the other one.
    """
    try:
        given = reader.decrypt(password)
    except UnicodeError:
        return False  # it cannot be a password; what the error says of it is not to be told
    encryption: Any = reader.trailer.raw_get("/Encrypt").get_object()
    revision = int(encryption.get("/R", 0))
    if password or given is not PasswordType.OWNER_PASSWORD or revision < 5:
        return given is not PasswordType.NOT_DECRYPTED
    user: bytes = encryption["/U"].original_bytes  # 32 of hash, 8 of salt: ISO 32000-2, 7.6.4
    return AlgV5.calculate_hash(revision, b"", user[32:40], b"") == user[:32]


class Pdf:
    """An open file."""

    def __init__(self, reader: PdfReader) -> None:
        self._reader = reader

    def __len__(self) -> int:
        return len(self._reader.pages)

    def sheet(self, number: int) -> Sheet:
        """Give page `number`, counted from 0. Raises whatever pypdf raises."""
        return sheet_of(page_text(self._reader.pages[number]))

    def has_drawing(self, number: int) -> bool:
        """Tell whether the page shows a picture, or so many lines that they may be letters."""
        return has_drawing(self._reader.pages[number])

    @property
    def title(self) -> object:
        """What the file declares as its title."""
        metadata = self._reader.metadata
        return metadata.title if metadata else None

    @property
    def only_asks_to_wait(self) -> bool:
        """Tell whether the file is a form that other programs than Adobe's do not draw."""
        return bool(self._reader.root_object.get("/NeedsRendering", False))

    def marks(self) -> Iterator[Mark]:
        """Give the bookmarks that lead to a page."""
        for count, (level, mark) in enumerate(_marks(self._reader.outline, 1)):
            if count >= _MOST_MARKS:
                return
            number = self._reader.get_destination_page_number(mark)
            if number is not None:
                yield Mark(level, str(mark.title or ""), number)


def sheet_of(text: str) -> Sheet:
    """Give a page whose lines stand below one another as in `text`."""
    lines: list[Line] = []
    said = text.splitlines()
    for number, (above, line) in enumerate(pairwise(["", *said])):
        if line.strip():
            top = number * _STEP
            apart = bool(lines) and not above.strip()
            lines.append(Line(line, top=top, bottom=top + _STEP, apart=apart))
    return Sheet(lines=tuple(lines), bottom=len(said) * _STEP)


def _marks(outline: list[Any], level: int) -> Iterator[tuple[int, Destination]]:
    for entry in outline:
        if isinstance(entry, Destination):
            yield level, entry
        elif isinstance(entry, list) and level < _DEEPEST:
            yield from _marks(entry, level + 1)

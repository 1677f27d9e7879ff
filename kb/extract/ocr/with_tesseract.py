"""Letters recognised by the command `tesseract`, version 4 or later."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kb.extract.ocr.program import run
from kb.extract.ocr.reading import EngineError, Missing
from kb.extract.ocr.words import Found, Word, confidence, upright

if TYPE_CHECKING:
    from kb.extract.ocr.reading import Picture

#: Read where they are installed and none are named; those that come first are preferred.
_USUAL: Final = (
    *("eng", "chi_sim", "chi_tra", "deu", "fra", "spa", "ita", "por", "nld", "pol"),
    *("rus", "jpn", "kor"),
)
#: Each further language costs time and makes mistakes.
_MOST: Final = 4
#: Data that tells how a page lies, not a language.
_ORIENTATION: Final = "osd"
#: With less than this, the page may have been turned the wrong way.
_DOUBTFUL: Final = 0.6
_LISTING_SECONDS: Final = 20.0
_COLUMNS: Final = 12
_PAGE_LEVEL: Final = "1"
_WORD_LEVEL: Final = "5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tesseract:
    """The command, with the languages in which it is to read."""

    command: str
    languages: tuple[str, ...]
    #: Whether it can tell how a page lies.
    turns: bool = False
    name: str = "tesseract"

    def words(self, picture: Picture, dots_per_inch: float, seconds: float) -> Found:
        """Give the words of a page, put upright. Raises EngineError."""
        height, width = picture.shape
        given = b"P5 %d %d 255\n" % (width, height) + picture.tobytes()
        found = self._best(given, ("--dpi", str(round(dots_per_inch))), seconds)
        return found[0] if found else Found([], height, width)

    def pages(self, data: bytes, seconds: float) -> list[Found]:
        """Give the words of each page of a file that is a picture. Raises EngineError."""
        return self._best(data, (), seconds)

    def _best(self, given: bytes, options: Sequence[str], seconds: float) -> list[Found]:
        found = self._read(given, options, "1" if self.turns else "3", seconds)
        if self.turns and _sure(found) < _DOUBTFUL:
            found = max(found, self._read(given, options, "3", seconds), key=_sure)
        return found

    def _read(
        self, given: bytes, options: Sequence[str], layout: str, seconds: float
    ) -> list[Found]:
        said, _ = run(
            [
                *(self.command, "stdin", "stdout", "-l", "+".join(self.languages), *options),
                *("--psm", layout, "-c", "tessedit_create_tsv=1"),
            ],
            given,
            seconds=seconds,
        )
        return parsed(said.decode("utf-8", "replace"))


def _sure(pages: Sequence[Found]) -> float:
    return confidence([word for page in pages for word in page.words])


def find(wanted: Sequence[str] = ()) -> Tesseract | Missing | None:
    """Give the command in the languages `wanted`, or the usual ones; None where there is none."""
    command = shutil.which("tesseract")
    if command is None:
        return None
    try:
        said, told = run([command, "--list-langs"], seconds=_LISTING_SECONDS)
    except EngineError as error:
        return Missing(
            message=f"The program tesseract does not work: {error}.",
            hint="Run `tesseract --list-langs` to see why, then `kb retry --stage extract`.",
        )
    installed = {line.strip() for line in (said + told).decode("utf-8", "replace").splitlines()}
    return _with_languages(command, installed, wanted)


def _with_languages(
    command: str, installed: set[str], wanted: Sequence[str]
) -> Tesseract | Missing:
    lacking = [language for language in wanted if language not in installed]
    languages = tuple(wanted) or tuple(name for name in _USUAL if name in installed)[:_MOST]
    if lacking or not languages:
        lacking = lacking or ["eng", "chi_sim"]
        packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in lacking)
        return Missing(
            message=f"tesseract has no data for the language {' or '.join(lacking)}.",
            hint=f"Install it (`apt install {packages}`), then `kb retry --stage extract`.",
        )
    return Tesseract(command=command, languages=languages, turns=_ORIENTATION in installed)


def parsed(table: str) -> list[Found]:
    """Give the words of tesseract's table, page by page. Raises EngineError where it is none."""
    head, *rows = table.split("\n")
    if not head.startswith("level\tpage_num\t"):
        raise EngineError("it answered with something else than a table of words")
    pages: list[Found] = []
    words: list[Word] = []
    lines: dict[tuple[str, ...], int] = {}
    for row in rows:
        cells = row.rstrip("\r").split("\t", _COLUMNS - 1)
        if len(cells) < _COLUMNS or cells[0] not in (_PAGE_LEVEL, _WORD_LEVEL):
            continue
        try:
            left, top, width, height, sure = map(float, cells[6:11])
        except ValueError as error:
            raise EngineError("it answered with a damaged table of words") from error
        if cells[0] == _PAGE_LEVEL:
            words = []
            pages.append(Found(words, height, width))
        elif text := cells[11].strip():
            line = lines.setdefault(tuple(cells[1:5]), len(lines))
            sure = min(max(sure / 100, 0.0), 1.0)
            words.append(Word(text, left, top, left + width, top + height, sure, line))
    return [upright(page) for page in pages]

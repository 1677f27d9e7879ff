"""Which reader reads which kind of file. A new format is one file here and one line below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import Final, Protocol, cast

from kb.errors import Failure, StageError, failure
from kb.extract.loading import load
from kb.model import Document, Source


class Reader(Protocol):
    """What each format's module has as `read`."""

    def __call__(self, data: bytes, source: Source) -> Document:
        """Give what the bytes say. Raises StageError with a code `extract.*`."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that kb reads."""

    name: str
    #: The module whose `read` reads it; imported when the first such file comes.
    module: str

    def reader(self) -> Reader:
        """Import the reader."""
        return cast("Reader", import_module(self.module).read)


#: More text than this in one document is refused: no one reads it, and memory ends.
MAX_CHARACTERS: Final = 64_000_000

_PDF = Format("pdf", "kb.extract.pdf")
_DOCX = Format("docx", "kb.extract.docx")
_HTML = Format("html", "kb.extract.html")
_MARKDOWN = Format("markdown", "kb.extract.markdown")
_TEXT = Format("text", "kb.extract.text")

#: Formats by the ending of the file's name, in small letters.
FORMATS: Final[Mapping[str, Format]] = {
    ".pdf": _PDF,
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), _DOCX),
    **dict.fromkeys((".html", ".htm", ".xhtml"), _HTML),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), _MARKDOWN),
    **dict.fromkeys((".txt", ".text", ".log", ".csv", ".tsv", ".srt", ".rst", ".adoc"), _TEXT),
}

_OFFICE = "Convert it: `soffice --headless --convert-to {to} FILE`."
#: What to do with kinds of files that people often have and kb does not read.
_CURES: Final[Mapping[str, str]] = {
    **dict.fromkeys((".doc", ".dot", ".rtf", ".odt", ".wps", ".pages"), _OFFICE.format(to="docx")),
    **dict.fromkeys((".ppt", ".pptx", ".odp", ".key"), _OFFICE.format(to="pdf")),
    **dict.fromkeys((".xls", ".xlsx", ".ods", ".numbers"), _OFFICE.format(to="html")),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"),
        "Run the picture through an OCR program (for instance `ocrmypdf in.png out.pdf`).",
    ),
}


def supported(source: Source) -> bool:
    """Tell, by the ending of its name alone, whether kb reads this kind of file."""
    return _suffix(source) in FORMATS


def unsupported(source: Source) -> Failure:
    """Say that kb does not read this kind of file, and what to turn it into."""
    suffix = _suffix(source)
    message = f"Files of the kind {suffix} are not read by kb." if suffix else ""
    hint = _CURES.get(suffix, "")
    return failure("extract.unsupported", message, source=source.path, hint=hint)


def extract(source: Source) -> Document:
    """Give what a file says.

    Raises StageError, and nothing else, with one of the codes `extract.*`: every error of the
    libraries that read the formats is translated here.
    """
    kind = FORMATS.get(_suffix(source))
    if kind is None:
        raise StageError(unsupported(source))
    try:
        document = kind.reader()(load(source), source)
        _check(document)
    except StageError as error:
        raise StageError(error.failure.at(source=source.path)) from error
    except MemoryError as error:
        message = "Reading the file takes more memory than kb gives to one file."
        raise StageError(failure("extract.too_large", message, source=source.path)) from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:500]
        raise StageError(failure("extract.corrupt", source=source.path, reason=reason)) from error
    return document


def _check(document: Document) -> None:
    if len(document.text) > MAX_CHARACTERS:
        message = f"The file holds more than {MAX_CHARACTERS // 10**6} million characters of text."
        raise StageError(failure("extract.too_large", message, characters=len(document.text)))
    if not document.text.strip():
        raise StageError(failure("extract.empty", "There is no text in the file."))


def _suffix(source: Source) -> str:
    return PurePosixPath(source.path).suffix.lower()

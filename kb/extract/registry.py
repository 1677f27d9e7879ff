"""Which reader reads which kind of file. A new format is one file here and one line below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol, cast

from kb.errors import Failure, StageError, failure
from kb.extract.archive.inside import load_member
from kb.extract.canonical import MAX_CHARACTERS
from kb.extract.loading import MAX_BYTES, load, opened
from kb.model import Document, Source

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Reader(Protocol):
    """What each format's module has as `read`."""

    def __call__(self, data: bytes, source: Source, /) -> Document:
        """Give what the bytes say. Raises StageError with a code `extract.*`."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that kb reads."""

    name: str
    #: The module whose `read` reads it; imported when the first such file comes.
    module: str
    #: True where the module's `read_open` takes a file too large for the memory, open.
    sought: bool = False
    #: What stands for the module where another package brings the format.
    entry: EntryPoint | None = None

    def reader(self) -> Reader:
        """Import the reader. Raises StageError (`extract.unsupported`) for a broken plug-in."""
        if self.entry is not None:
            from kb.extract.plugins import reader

            return reader(self.entry)
        return cast("Reader", import_module(self.module).read)

    def read(self, source: Source) -> Document:
        """Read a file, or a member of one."""
        if source.inside:
            return self.reader()(load_member(source), source)
        if self.sought:
            with opened(source) as file:
                document: Document = import_module(self.module).read_open(file, source)
                return document
        return self.reader()(load(source), source)


#: More headings are refused as more text is: the longest books have some thousands.
MAX_HEADINGS: Final = 200_000

_FORMATS: Final = (
    (Format("pdf", "kb.extract.pdf"), (".pdf",)),
    (Format("docx", "kb.extract.office.docx"), (".docx", ".docm", ".dotx", ".dotm")),
    (
        Format("pptx", "kb.extract.office.pptx"),
        (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
    ),
    (Format("xlsx", "kb.extract.office.xlsx"), (".xlsx", ".xlsm", ".xltx", ".xltm")),
    (
        Format("odf", "kb.extract.office.odf"),
        (
            *(".odt", ".ods", ".odp", ".odg", ".ott", ".ots", ".otp", ".otg"),
            *(".fodt", ".fods", ".fodp", ".fodg"),
        ),
    ),
    (Format("html", "kb.extract.web.html"), (".html", ".htm", ".xhtml")),
    (Format("epub", "kb.extract.web.epub"), (".epub",)),
    (Format("markdown", "kb.extract.plain.markdown"), (".md", ".markdown", ".mdown", ".mkd")),
    (Format("rst", "kb.extract.plain.rst"), (".rst", ".rest")),
    (Format("rtf", "kb.extract.plain.rtf"), (".rtf",)),
    (Format("table", "kb.extract.plain.table"), (".csv", ".tsv")),
    (Format("json", "kb.extract.plain.json_text"), (".json", ".jsonl", ".ndjson")),
    (Format("text", "kb.extract.plain.text"), (".txt", ".text", ".log", ".srt", ".adoc")),
    (
        Format("image", "kb.extract.ocr.image"),
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"),
    ),
    (Format("eml", "kb.extract.mail.eml"), (".eml",)),
    (Format("msg", "kb.extract.mail.msg"), (".msg",)),
    (Format("zip", "kb.extract.archive.zip", sought=True), (".zip",)),
)

#: Formats by the ending of the file's name, in small letters.
FORMATS: Final[Mapping[str, Format]] = {
    ending: kind for kind, endings in _FORMATS for ending in endings
}

_OFFICE = "Convert it: `soffice --headless --convert-to {to} FILE`."
#: What to do with kinds of files that people often have and kb does not read.
_CURES: Final[Mapping[str, str]] = {
    **dict.fromkeys((".doc", ".dot", ".wps", ".pages"), _OFFICE.format(to="docx")),
    **dict.fromkeys((".ppt", ".pps", ".pot", ".key"), _OFFICE.format(to="pptx")),
    **dict.fromkeys((".xls", ".xlt", ".xlsb", ".numbers"), _OFFICE.format(to="xlsx")),
    **dict.fromkeys((".mht", ".mhtml"), "Open it in a browser and save it as PDF or HTML."),
    ".mbox": "Save its mails as single files (`.eml`) from your mail program, and ingest those.",
    **dict.fromkeys((".gif", ".webp", ".heic"), "Convert it to PNG; OCR reads that."),
    "winmail.dat": "Ask the sender for the mail in HTML, or unpack it with `tnef winmail.dat`.",
    **dict.fromkeys(
        (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst"),
        "Unpack it and ingest the files, or pack them as ZIP.",
    ),
}


def supported(source: Source) -> bool:
    """Tell, by the ending of its name alone, whether kb reads this kind of file."""
    return _kind(source) is not None


def too_large(source: Source) -> Failure | None:
    """Refuse a file that is larger than any of its kind that is read whole, by its size alone."""
    kind = _kind(source)
    if source.inside or source.size <= MAX_BYTES or (kind is not None and kind.sought):
        return None
    return failure("extract.too_large", source=source.path, bytes=source.size)


def reads_by_now(found: Failure) -> bool:
    """Tell whether a file was refused for its kind, and files of that kind are read now."""
    suffix = PurePosixPath(found.source or "").suffix.lower()
    return (
        found.code == "extract.unsupported"
        and found.message == _unread(suffix)
        and _by_ending(suffix) is not None
    )


def unsupported(source: Source) -> Failure:
    """Say that kb does not read this kind of file, and what to turn it into."""
    suffix = _suffix(source)
    hint = _CURES.get(PurePosixPath(source.path).name.lower()) or _CURES.get(suffix, "")
    if not suffix:
        hint = (
            "Give its name the ending of what it is, such as .txt, or leave it out with .kbignore."
        )
    return failure("extract.unsupported", _unread(suffix), source=source.path, hint=hint)


def _unread(suffix: str) -> str:
    return f"Files of the kind {suffix} are not read by kb." if suffix else ""


def extract(source: Source) -> Document:
    """Give what a file says.

    Raises StageError, and nothing else, with one of the codes `extract.*`: every error of the
    libraries that read the formats is translated here.
    """
    kind = _kind(source)
    if kind is None:
        raise StageError(unsupported(source))
    try:
        document = kind.read(source)
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
    if len(document.headings) > MAX_HEADINGS:
        message = f"The file has more than {MAX_HEADINGS:,} headings."
        raise StageError(failure("extract.too_large", message, headings=len(document.headings)))
    if not document.text.strip():
        raise StageError(failure("extract.empty", "There is no text in the file."))


def _kind(source: Source) -> Format | None:
    return _by_ending(_suffix(source))


def _by_ending(suffix: str) -> Format | None:
    """Give the format of an ending: kb's own first, then those of other packages."""
    if suffix in FORMATS or not suffix:
        return FORMATS.get(suffix)
    from kb.extract.plugins import endings

    entry = endings().get(suffix)
    return None if entry is None else Format(entry.name, entry.module, entry=entry)


def _suffix(source: Source) -> str:
    return PurePosixPath(source.path).suffix.lower()

"""Texts in other formats that programs put whole into a Word file (`w:altChunk`)."""

from __future__ import annotations

import re
from typing import Final

from kb.errors import Failure, StageError, failure
from kb.extract.canonical import Composer, keepable, one_page
from kb.extract.office.package import DAMAGE, Package
from kb.extract.plain.encoding import decode_as
from kb.extract.web.whole import read_whole
from kb.extract.zipped import unpacked
from kb.model import Document, Source

#: Such a text may be a Word file that holds another, and so on.
DEEPEST: Final = 3
#: How a page of the web begins that was saved as one file (MHTML).
_MIME: Final = re.compile(rb"(?im)^(?:mime-version|content-type):")
_LOOKED_AT: Final = 2000


def add_foreign(
    out: Composer, package: Package, name: str, source: Source, depth: int
) -> Failure | None:
    """Add the text of a part in whatever format it is; give the failure where it cannot be read."""
    entry = package.names.get(name.lower())
    if entry is None:
        return None
    try:
        document = _read(unpacked(package.archive, entry), source, depth)
    except DAMAGE as error:
        return failure("extract.corrupt", locator=name, reason=str(error)[:500])
    except StageError as error:
        return None if error.failure.code == "extract.empty" else error.failure.at(locator=name)
    place = 0
    for heading in document.headings:
        out.add(document.text[place : heading.start].strip("\n"), gap=True)
        out.add(document.text[heading.start : heading.end], level=heading.level)
        place = heading.end
    out.add(document.text[place:].strip("\n"), gap=True)
    return None


def _read(data: bytes, source: Source, depth: int) -> Document:
    """Read a text in the format that its bytes show. Raises StageError and what zipfile raises."""
    if data.startswith(b"PK"):
        from kb.extract.office.docx import read_inner

        return read_inner(data, source, depth + 1)
    if data.startswith(b"{\\rtf"):
        from kb.extract.plain.rtf import read as read_rtf

        return read_rtf(data, source)
    if _MIME.search(data[:_LOOKED_AT]):
        return read_whole(_page_of(data), source)
    text, _ = decode_as(data, None)
    if "<" in text[:_LOOKED_AT]:
        return read_whole(text, source)
    return one_page(keepable(text), title="", kind="text")


def _page_of(data: bytes) -> str:
    """Give the page in a file in which it was saved with its pictures; "" where there is none."""
    from email import message_from_bytes

    from kb.extract.mail.part import Part

    waiting = [Part(message_from_bytes(data))]
    while waiting:
        part = waiting.pop(0)
        if part.kind == "text/html":
            return decode_as(part.data, part.parameter("charset") or None)[0]
        waiting[:0] = part.parts
    return ""

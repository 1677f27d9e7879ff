"""Plain text: the decoded file, exactly as it is."""

from __future__ import annotations

from kb.extract.canonical import keepable, one_page, stem
from kb.extract.plain.encoding import decode
from kb.model import Document, Source


def read(data: bytes, source: Source) -> Document:
    """Give the text with its own line ends, so that line numbers are those of the file.

    Raises StageError: `extract.encoding`, `extract.corrupt` (binary data).
    """
    text, _ = decode(data)
    return one_page(keepable(text), title=stem(source), kind="text")

"""What of the files no search can find, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """How much of some files cannot be searched."""

    pages: int = 0
    #: Pages that are scans, or could not be read.
    missing: int = 0
    #: How many documents these pages are in.
    documents: int = 0
    #: The document and the failure codes of these pages, where they are all in one document.
    path: str = ""
    codes: tuple[str, ...] = ()
    #: What mends them, where the same mends all.
    hint: str = ""
    #: How many files could not be read at all, though kb reads their kind.
    files: int = 0
    #: The name of such a file, where there is one only.
    file: str = ""

"""What of the documents no search can find, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """How much of some documents cannot be searched."""

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

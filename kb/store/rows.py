"""What a store says of its files and documents: one value for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kb.model import Document, Profile
    from kb.store.generations import Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """What the store remembers of a file, so that an unchanged one costs nothing."""

    path: str
    collection: str
    size: int
    mtime_ns: int
    inode: int
    sha256: str
    #: "indexed"; "stale": changed since, and the new version failed, so the old one answers;
    #: "failed": never readable so far, nothing of it answers.
    state: str
    #: True when a failure of it is worth another try though its bytes are the same.
    retriable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A document as `kb list` shows it."""

    path: str
    title: str
    collection: str
    format: str
    #: None for formats without pages.
    pages: int | None
    chunks: int
    bytes: int
    sha256: str
    state: str
    ingested_at: str
    #: How many pages stand in each state, e.g. {"indexed": 9, "image_only": 1}.
    coverage: Mapping[str, int]
    #: Characters of running heads and page numbers that were kept out of the text.
    left_out: int = 0
    #: Pages read by OCR of which the letters are not sure (confidence below 0.7).
    doubtful: int = 0
    #: That of the page read by OCR with the least of it, 0 to 1; None where none was.
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A document as `kb show` gives it."""

    row: DocumentRow
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The counts behind `kb status`."""

    documents: int
    chunks: int
    vectors: int
    generation: int
    profile: Profile | None
    collections: Mapping[str, int]
    failures_by_stage: Mapping[str, int]
    #: One entry for each document and code of which some part cannot be found: "path", "reason"
    #: ("failed": nothing of it; "stale": its former version answers; "pages"; "chunks": found by
    #: their words alone), "code", "pages" and "chunks" (numbers, or None), "message", "hint".
    not_searchable: Sequence[Mapping[str, Any]]
    bytes: int
    #: {"run", "command", "status", "started_at", "finished_at", "report"}; a run that was killed
    #: stays "running" until the next one starts.
    last_run: Mapping[str, Any] | None
    #: Facts about the index worth showing: {"segments", "in_segments", "tail", "damaged"}.
    index: Mapping[str, Any] = field(default_factory=dict)
    #: The generation in use, and those beside it.
    generations: Sequence[Generation] = ()
    #: Pages and parts of all documents, by the state in which each ended.
    coverage: Mapping[str, int] = field(default_factory=dict)
    #: See `DocumentRow`.
    left_out: int = 0
    doubtful: int = 0

"""Where the knowledge base keeps what it knows: one protocol, whatever engine stands behind it.

Words: a *document* is one version of one source; a *chunk* is a passage of it; a *generation* is
a complete set of chunks made with one profile and one chunking; a *segment* is an immutable FAISS
file derived from the vectors. Nothing of SQLite or FAISS crosses this line, except that chunk ids
are integers that are never used twice.

One writer at a time; any number of readers, each of which sees one consistent state for as long
as its `Snapshot` lives. All methods raise `kb.errors.StoreError` (codes `store.*`) when the world
is broken, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kb.errors import Failure
from kb.model import Chunk, Document, Filter, Profile, Report, Source
from kb.store.findings import (
    Backup,
    Finding,
    Lost,
    Repair,
    backup_store,
    repair_store,
    restore_store,
    verify_store,
)
from kb.store.generations import Builder, Freed, Generation, Generations, Recipe

if TYPE_CHECKING:
    from kb.model import Matrix, Vector


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
class ChunkDraft:
    """A chunk about to be stored, and the key of its vector."""

    chunk: Chunk
    #: Key in the vectors table; None when the model abstained or the endpoint refused the text.
    key: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDraft:
    """A whole document about to replace the former version of itself in one transaction."""

    source: Source
    sha256: str
    collection: str
    document: Document
    chunks: Sequence[ChunkDraft]
    failures: Sequence[Failure] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A document as `kb show` gives it."""

    row: DocumentRow
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stored chunk with the document it stands in."""

    chunk_id: int
    path: str
    title: str
    collection: str
    chunk: Chunk


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


class Snapshot(Protocol):
    """One consistent state of the knowledge base, unchanged by later commits."""

    @property
    def profile(self) -> Profile | None:
        """The pinned profile, or None before the first embedding."""

    @property
    def recipe(self) -> Recipe | None:
        """How the generation was made, or None where that was not written down."""

    def canaries(self, profile: Profile | None = None) -> Matrix | None:
        """Give the canary vectors kept with a profile (the pinned one), or None."""

    def paid_for(self, profile: Profile, keys: Iterable[bytes]) -> set[bytes]:
        """Give those keys whose vectors are stored under `profile`, pinned or not."""

    def generations(self) -> Sequence[Generation]:
        """Give the generation in use and those beside it: half-built, or kept for a rollback."""

    def would_free(self, *, former: bool = False, building: bool = False) -> Freed:
        """Count what `Generations.collect` would delete; writes nothing."""

    def generation_of(self, chunk_id: int) -> int | None:
        """Give the generation that a chunk belongs to, visible or not."""

    def known_sources(self) -> Mapping[str, KnownSource]:
        """Give every file ever brought in and not removed, by path, failed ones too."""

    def documents(self, within: Filter = ...) -> Sequence[DocumentRow]:
        """Give the searchable documents in order of path."""

    def document(self, path: str) -> StoredDocument | None:
        """Give one document with its canonical text, or None."""

    def nearest(
        self, vector: Vector, *, top_k: int, within: Filter = ...
    ) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, cosine) of visible chunks, best first, ties by id.

        Exact: the order is that of comparing with every stored vector. Empty before a profile is
        pinned. Raises `StoreError` (`store.corrupt`) on a wrong shape or a value not finite.
        """

    def match(self, query: str, *, top_k: int, within: Filter = ...) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, BM25 score > 0) of visible chunks, best first.

        Any of the query's words may match; "words in quotes" must stand side by side.
        """

    def similarities(self, vector: Vector, chunk_ids: Sequence[int]) -> Mapping[int, float]:
        """Give the exact cosine of each of these chunks that has a vector."""

    def passages(self, chunk_ids: Sequence[int]) -> Mapping[int, Passage]:
        """Give these chunks, by id; unknown and invisible ids are left out."""

    def neighbours(self, chunk_id: int, *, count: int) -> Sequence[Passage]:
        """Give the chunk with up to `count` before and after it in its document, in order."""

    def failures(self, *, stage: str | None = None, code: str | None = None) -> Sequence[Failure]:
        """Give what stands in the failure ledger, in order of source."""

    def summary(self) -> Summary:
        """Give the counts behind `kb status`."""


class Writer(Protocol):
    """The one writer. Each method is durable when it returns, and repeatable."""

    def pin(
        self,
        profile: Profile,
        *,
        canaries: Matrix | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """Make `profile` the current generation's, where it has none yet.

        `canaries`, shape (n, dimensions), are what the endpoint gives for texts that the embedder
        knows; they are kept where none are kept yet, so that a later run can tell drift. So is
        the `recipe`. Raises `kb.errors.UsageError` (`embed.profile_mismatch`) naming the differing
        fields when another profile, or another chunking, is pinned.
        """

    def known_keys(self, keys: Iterable[bytes]) -> set[bytes]:
        """Give those keys whose vectors are already paid for under the pinned profile."""

    def add_vectors(self, keys: Sequence[bytes], matrix: Matrix) -> None:
        """Keep vectors under the pinned profile; row i belongs to `keys[i]`.

        Raises `StoreError` (`store.corrupt`) on a wrong shape or a value that is not finite:
        the embedder's checks come before this one.
        """

    def put(self, draft: DocumentDraft) -> tuple[int, int]:
        """Replace the document of that path, its chunks and failures, in one transaction.

        Returns how many chunks were added and how many were removed with the former version.
        The ledger then holds `draft.failures` and the document's own problems, each once, and
        nothing else of that source; one that stood there before goes on counting its attempts.
        Raises `StoreError` (`store.corrupt`) when a chunk names a vector that is not stored.
        """

    def touch(self, source: Source) -> None:
        """Remember a new `stat` of a file whose bytes are the same."""

    def fail(self, source: Source, sha256: str, failure: Failure, *, collection: str) -> None:
        """Write down why nothing of this file could be stored.

        A former version of the document goes on answering and is marked stale. The file's `stat`
        and hash are remembered, so that the same bytes are not tried again for nothing.
        """

    def remove(self, paths: Sequence[str]) -> tuple[int, int]:
        """Forget files and their failures; returns how many were known, and their chunks.

        A file of which nothing was ever stored counts too; an unknown path does not.
        """

    def refresh_index(self) -> None:
        """Bring the derived index up to what is stored, and drop files that nothing names."""

    def generations(self) -> Generations:
        """Give what makes, switches and deletes whole generations."""

    def start_run(self, command: str) -> str:
        """Open a run in the ledger; returns its id."""

    def finish_run(self, report: Report) -> None:
        """Close the run with what it did."""


class Store(Protocol):
    """A knowledge base on its engine."""

    def snapshot(self, *, generation: int | None = None) -> AbstractContextManager[Snapshot]:
        """Open a read-only view of the state as it is now, or of a generation not in use."""

    def writer(
        self, command: str, *, wait_s: float | None = None
    ) -> AbstractContextManager[Writer]:
        """Take the writer's lock, or raise `store.locked` naming the holder.

        Waits up to `wait_s` seconds, by default briefly.
        """

    def close(self) -> None:
        """Let go of files and connections."""


def open_store(home: Path, *, create: bool = False) -> Store:
    """Open the knowledge base in `home`, or make an empty one there.

    Raises `StoreError`: `search.no_knowledge_base` is raised as `UsageError` when there is none
    and `create` is False; `store.version`, `store.corrupt`, `store.unreachable`.
    """
    from kb.store.local.store import LocalStore

    return LocalStore.open(home, create=create)


__all__ = [
    "Backup",
    "Builder",
    "ChunkDraft",
    "DocumentDraft",
    "DocumentRow",
    "Finding",
    "Freed",
    "Generation",
    "Generations",
    "KnownSource",
    "Lost",
    "Passage",
    "Recipe",
    "Repair",
    "Snapshot",
    "Store",
    "StoredDocument",
    "Summary",
    "Writer",
    "backup_store",
    "open_store",
    "repair_store",
    "restore_store",
    "verify_store",
]

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
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from kb.lazily import lazily

if TYPE_CHECKING:
    from kb.errors import Failure
    from kb.model import Filter, Matrix, Profile, Report, Source, Vector
    from kb.store.drafts import ChunkDraft, DocumentDraft, Refusal
    from kb.store.findings import (
        Backup,
        Finding,
        Lost,
        Repair,
        backup_store,
        repair_store,
        restore_store,
        settle_restored,
        verify_store,
    )
    from kb.store.gaps import Gaps
    from kb.store.generations import Builder, Freed, Generation, Generations, Recipe
    from kb.store.passages import Passage
    from kb.store.rows import DocumentRow, KnownSource, StoredDocument, Summary

# Most commands need few of these, and making the classes is what starting a command costs.
_ROOMS: Final = {
    "drafts": ("ChunkDraft", "DocumentDraft", "Refusal"),
    "findings": (
        *("Backup", "Finding", "Lost", "Repair"),
        *("backup_store", "repair_store", "restore_store", "settle_restored", "verify_store"),
    ),
    "gaps": ("Gaps",),
    "generations": ("Builder", "Freed", "Generation", "Generations", "Recipe"),
    "passages": ("Passage",),
    "rows": ("DocumentRow", "KnownSource", "StoredDocument", "Summary"),
}


class Snapshot(Protocol):
    """One consistent state of the knowledge base, unchanged by later commits."""

    @property
    def generation(self) -> int:
        """The number of the generation that it shows."""

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

    def stamps(self, collection: str | None = None) -> Mapping[str, tuple[int, int, int] | None]:
        """Give size, time of change (ns) and inode of each of these files, by path.

        None where that is no proof that nothing is to be done, whatever `stat` says: where not all
        of the file was stored, or it is worth another try, or it is not in `collection` (None:
        any).
        """

    def documents(self, within: Filter = ...) -> Sequence[DocumentRow]:
        """Give the searchable documents in order of path."""

    def any_document(self, within: Filter) -> bool:
        """Tell whether the filter fits a searchable document."""

    def document(self, path: str) -> StoredDocument | None:
        """Give one document with its canonical text, or None."""

    def gaps(self, within: Filter = ...) -> Gaps:
        """Count the pages and files that no search can find; cheap where there are none."""

    def nearest(
        self, vector: Vector, *, top_k: int, within: Filter = ...
    ) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, cosine) of visible chunks, best first, ties by id.

        The scores are exact. Where all segments are exact, so is the order; a compact segment
        leaves out a few: of the ten nearest, at least 99 in 100 were found when it was built,
        unless `kb status` shows a lower figure. Empty before a profile is pinned. Raises
        `StoreError` (`store.corrupt`) on a wrong shape or a value not finite.
        """

    def match(self, query: str, *, top_k: int, within: Filter = ...) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, BM25 score > 0) of visible chunks, best first.

        Any of the query's words may match; "words in quotes" must stand side by side.
        """

    @property
    def size(self) -> int:
        """How many passages it shows."""

    def occurrences(self, query: str) -> Sequence[tuple[str, int]]:
        """Give what a question looks for, in its order, and in how many passages each part is."""

    def naming(self, words: Sequence[str]) -> Sequence[float | None]:
        """Give for each word how much of what it tells is which document is meant, 0 to 1.

        None where no passage holds it.
        """

    def spellings(self, word: str) -> Sequence[str]:
        """Give up to three words of the passages that are spelt much like `word`, likest first."""

    def similarities(self, vector: Vector, chunk_ids: Sequence[int]) -> Mapping[int, float]:
        """Give the exact cosine of each of these chunks that has a vector."""

    def passages(self, chunk_ids: Sequence[int]) -> Mapping[int, Passage]:
        """Give these chunks, by id; unknown and invisible ids are left out."""

    def joined(self, first: int, last: int) -> Passage | None:
        """Give a chunk, a later one of its document, and what stands between them, as one passage.

        It has the id and the headings of the first. None where they are no such two. Of the
        document's text no more is read.
        """

    def page_at(self, path: str, at: int) -> int | None:
        """Give the number of the page that holds character `at` of a document, or None."""

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

    def weigh(self, dense_weight: float, *, questions: int) -> None:
        """Keep the share of the dense score that so many questions found best for the profile."""

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

    def put_all(self, drafts: Sequence[DocumentDraft]) -> Sequence[tuple[int, int]]:
        """Do for several documents what `put` does for one, all in one transaction."""

    def touch(self, source: Source) -> None:
        """Remember a new `stat` of a file whose bytes are the same."""

    def fail(self, source: Source, sha256: str, failure: Failure, *, collection: str) -> None:
        """Write down why nothing of this file could be stored.

        A former version of the document goes on answering and is marked stale. The file's `stat`
        and hash are remembered, so that the same bytes are not tried again for nothing.
        """

    def fail_all(self, refusals: Sequence[Refusal]) -> None:
        """Do for several files what `fail` does for one, all in one transaction."""

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


__getattr__ = lazily(__name__, _ROOMS)

__all__ = [
    "Backup",
    "Builder",
    "ChunkDraft",
    "DocumentDraft",
    "DocumentRow",
    "Finding",
    "Freed",
    "Gaps",
    "Generation",
    "Generations",
    "KnownSource",
    "Lost",
    "Passage",
    "Recipe",
    "Refusal",
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
    "settle_restored",
    "verify_store",
]

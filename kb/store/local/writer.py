"""Writing: each method is one transaction, durable when it returns, and repeatable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kb.errors import Failure, UsageError, failure
from kb.model import Profile, Report, Source
from kb.store import DocumentDraft, Refusal
from kb.store.local import documents, fts, ledger, rows, tiers
from kb.store.local.database import Database, damaged
from kb.store.local.documents import Outcome, Place
from kb.store.local.fts import WordChanges
from kb.store.local.steps import step

if TYPE_CHECKING:
    from kb.model import Matrix
    from kb.store.generations import Recipe

#: Keys come in no order, so the pages of their index must stay in memory; and a journal that is
#: folded in less often folds in fewer pages. Both cost at most 64 MiB.
_ROOM: Final = ("cache_size=-65536", "wal_autocheckpoint=16384")


class LocalWriter:
    """Writes to one generation, in use or not; exists only while the writer's lock is held."""

    def __init__(self, database: Database, index: Path, *, generation: int | None = None) -> None:
        self._database = database
        self._index = index
        self._run: str | None = None
        for setting in _ROOM:
            database.run(f"PRAGMA {setting}")
        if not fts.is_current(database):
            with database.transaction():
                fts.rebuild(database, documents.all_words(database))
        found = database.named(
            "SELECT id, profile_id, words FROM generations "
            "WHERE CASE WHEN :id IS NULL THEN state = 'current' ELSE id = :id END",
            id=generation,
        )
        assert found, "there is always a current generation"
        self._generation, self._profile_id, words = found[0]
        self._words = fts.TABLES[words or 0]
        self._profile = self._pinned()

    def pin(
        self,
        profile: Profile,
        *,
        canaries: Matrix | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """Make `profile` the current generation's, where it has none yet.

        `canaries`, shape (n, dimensions) float32, are kept with it where none are kept yet, and
        so is the `recipe`.
        Raises `UsageError` (`embed.profile_mismatch`) naming the differing fields when another
        profile is pinned.
        """
        if self._profile is not None and self._profile.identity != profile.identity:
            raise UsageError(_mismatch(self._profile, profile))
        if self._profile is None:
            with self._database.transaction():
                self._database.run(
                    "INSERT INTO profiles (digest, json) VALUES (?, ?) "
                    "ON CONFLICT (digest) DO NOTHING",
                    *(profile.digest, rows.to_json(asdict(profile))),
                )
                self._database.run(
                    "UPDATE generations SET profile_id = "
                    "(SELECT id FROM profiles WHERE digest = ?) WHERE id = ?",
                    *(profile.digest, self._generation),
                )
            self._profile = self._pinned()
        if canaries is not None:
            self._keep_canaries(canaries, profile.dimensions)
        if recipe is not None:
            self._expect_chunking(recipe)
            self._database.run(
                "UPDATE generations SET chunking = ?, settings = ? "
                "WHERE id = ? AND chunking IS NULL",
                *(rows.to_json(recipe.chunking), rows.to_json(recipe.settings), self._generation),
            )

    def weigh(self, dense_weight: float, *, questions: int) -> None:
        """Keep the share of the dense score that so many questions found best for the profile."""
        if self._profile is None:
            raise damaged(self._database.path, "there is no profile to weigh")
        profile = replace(self._profile, dense_weight=dense_weight, weighed=questions)
        self._database.run(
            "UPDATE profiles SET json = ? WHERE id = ?",
            *(rows.to_json(asdict(profile)), self._profile_id),
        )
        self._profile = profile

    def known_keys(self, keys: Iterable[bytes]) -> set[bytes]:
        """Give those keys whose vectors are already paid for under the pinned profile."""
        return set(rows.vector_ids(self._database, self._profile_id, keys))

    def add_vectors(self, keys: Sequence[bytes], matrix: Matrix) -> None:
        """Keep vectors under the pinned profile; row i belongs to `keys[i]`, a known key stays.

        Raises `StoreError` (`store.corrupt`) on a wrong shape or a value that is not finite.
        """
        from kb.store.local.vectors import to_rows

        if self._profile is None:
            raise damaged(self._database.path, "vectors were given before a profile was pinned")
        stored = to_rows(
            self._database, matrix, count=len(keys), dimensions=self._profile.dimensions
        )
        with self._database.transaction():
            self._database.many(
                "INSERT INTO vectors (profile_id, key, vector) VALUES (?, ?, ?) "
                "ON CONFLICT (profile_id, key) DO NOTHING",
                [(self._profile_id, *pair) for pair in zip(keys, stored, strict=True)],
            )
            step("vectors.written")
        step("vectors.committed")

    def put(self, draft: DocumentDraft) -> tuple[int, int]:
        """Replace the document of that path, its chunks and failures, in one transaction.

        Returns how many chunks were added and how many were removed with the former version.
        The ledger gets `draft.failures` and the document's own problems, each once. Raises
        `StoreError` (`store.corrupt`) when a chunk names a vector that is not stored.
        """
        return self.put_all([draft])[0]

    def put_all(self, drafts: Sequence[DocumentDraft]) -> list[tuple[int, int]]:
        """Do for several documents what `put` does for one, all in one transaction.

        One flush to the disk for many small documents is most of what an ingest of them costs.
        """
        words = WordChanges()
        with self._database.transaction():
            counts = [self._put(draft, words) for draft in drafts]
            words.write(self._database)
            step("put.written")
        step("put.committed")
        return counts

    def _put(self, draft: DocumentDraft, words: WordChanges) -> tuple[int, int]:
        document = documents.storable(draft.document)
        path = draft.source.path
        problems = [*draft.failures, *document.problems]
        outcome = Outcome(
            sha256=draft.sha256,
            collection=draft.collection,
            state="indexed",
            retriable=any(problem.retriable for problem in problems),
        )
        removed = documents.drop(self._database, path, words=words)
        documents.know(self._database, draft.source, outcome)
        documents.insert(self._database, draft, document, place=self.place, words=words)
        ledger.replace(self._database, path, problems, run=self._run)
        return len(draft.chunks), removed

    def touch(self, source: Source) -> None:
        """Remember a new `stat` of a file whose bytes are the same."""
        self._database.run(
            "UPDATE sources SET size = ?, mtime_ns = ?, inode = ? WHERE path = ?",
            *(source.size, source.mtime_ns, rows.signed(source.inode), source.path),
        )

    def fail(self, source: Source, sha256: str, failure: Failure, *, collection: str) -> None:
        """Write down why nothing of this file could be stored.

        A former version of the document goes on answering and is marked stale. The file's `stat`
        and hash are remembered, so that the same bytes are not tried again for nothing.
        """
        refusal = Refusal(source=source, sha256=sha256, collection=collection, failure=failure)
        self.fail_all([refusal])

    def fail_all(self, refusals: Sequence[Refusal]) -> None:
        """Do for several files what `fail` does for one, all in one transaction."""
        with self._database.transaction():
            for refusal in refusals:
                self._fail(refusal)
            step("fail.written")

    def _fail(self, refusal: Refusal) -> None:
        path, failure = refusal.source.path, refusal.failure
        former = self._database.one("SELECT id FROM documents WHERE path = ?", path)
        outcome = Outcome(
            sha256=refusal.sha256,
            collection=refusal.collection,
            state="failed" if former is None else "stale",
            retriable=failure.retriable,
        )
        documents.know(self._database, refusal.source, outcome)
        ledger.add(self._database, failure, path, run=self._run)

    def remove(self, paths: Sequence[str]) -> tuple[int, int]:
        """Forget files and their failures; returns how many were known, and their chunks."""
        forgotten = chunks = 0
        words = WordChanges()
        with self._database.transaction():
            for path in dict.fromkeys(paths):
                if self._database.one("SELECT 1 FROM sources WHERE path = ?", path):
                    forgotten += 1
                    chunks += documents.drop(self._database, path, words=words)
                    self._database.run("DELETE FROM sources WHERE path = ?", path)
                ledger.forget(self._database, path)
            words.write(self._database)
            step("remove.written")
        return forgotten, chunks

    def refresh_index(self) -> None:
        """Bring the derived index up to what is stored, and drop files that nothing names."""
        if self._profile is None:
            tiers.sweep(self._database, self._index)
            return
        tiers.refresh(
            self._database,
            self._index,
            profile_id=self._profile_id,
            dimensions=self._profile.dimensions,
        )

    def start_run(self, command: str) -> str:
        """Open a run in the ledger; returns its id."""
        self._run = ledger.start(self._database, command)
        return self._run

    def finish_run(self, report: Report) -> None:
        """Close the run with what it did."""
        ledger.finish(self._database, report)

    @property
    def profile(self) -> Profile | None:
        """The profile of the generation that this writes to, or None before it is pinned."""
        return self._profile

    @property
    def place(self) -> Place:
        """Where its chunks belong."""
        return Place(generation_id=self._generation, profile_id=self._profile_id, words=self._words)

    def _pinned(self) -> Profile | None:
        row = self._database.one(
            "SELECT profiles.id, json FROM profiles JOIN generations ON profile_id = profiles.id "
            "WHERE generations.id = ?",
            self._generation,
        )
        if row is None:
            return None
        self._profile_id = row[0]
        return rows.profile(row[1])

    def _expect_chunking(self, recipe: Recipe) -> None:
        found = self._database.one(
            "SELECT chunking FROM generations WHERE id = ?", self._generation
        )
        if found and found[0] and json.loads(found[0]) != recipe.chunking:
            told = f"passages of {recipe.chunking}, and the knowledge base has {found[0]}"
            message = f"The settings ask for {told}."
            raise UsageError(failure("embed.profile_mismatch", message))

    def _keep_canaries(self, canaries: Matrix, dimensions: int) -> None:
        import numpy as np

        if canaries.ndim != 2 or canaries.shape[1] != dimensions:
            raise damaged(self._database.path, f"canaries of shape {canaries.shape} were given")
        self._database.run(
            "UPDATE profiles SET canaries = ? WHERE id = ? AND canaries IS NULL",
            *(np.ascontiguousarray(canaries, "<f4").tobytes(), self._profile_id),
        )


def _mismatch(pinned: Profile, given: Profile) -> Failure:
    differing = pinned.differences(given)
    said = "; ".join(
        f"{name} is {here!r} here and {there!r} in the settings"
        for name, (here, there) in differing.items()
    )
    return failure(
        "embed.profile_mismatch",
        f"The knowledge base was made with another embedding profile: {said}.",
        differing={name: {"pinned": one, "given": two} for name, (one, two) in differing.items()},
    )

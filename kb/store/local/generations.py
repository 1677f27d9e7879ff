"""Generations in the tables: beginning one, filling it, and the switch.

A generation that is not in use has a row in `built` for each document it holds, with what failed
of it. A document that is changed, added or removed meanwhile takes its rows with it, or has none;
so what is missing is told by one query, and finishing a half-built generation, and making a former
one fit for a rollback, are the same work.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kb.errors import Failure, Stage
from kb.model import Profile
from kb.store import DocumentDraft, Refusal
from kb.store.generations import Freed, Generation, Recipe
from kb.store.local import collect, documents, fts, ledger, rows
from kb.store.local.database import Database, damaged
from kb.store.local.documents import Place
from kb.store.local.fts import WordChanges
from kb.store.local.steps import step
from kb.store.local.writer import LocalWriter

if TYPE_CHECKING:
    from kb.model import Matrix

# What the ledger says of passages is about one generation; the rest is about files.
_OF_PASSAGES: Final = "locator LIKE 'chunk %' AND source IN (SELECT path FROM documents)"
_LISTED_SQL: Final = """
    SELECT g.id, CASE WHEN words IS NULL THEN 'leftover' ELSE state END, profiles.json, chunking,
        settings, created_at,
        (SELECT count(*) FROM chunks WHERE generation_id = g.id),
        CASE WHEN state = 'current' THEN 0 ELSE (SELECT count(*) FROM documents WHERE NOT EXISTS
            (SELECT 1 FROM built WHERE document_id = documents.id AND generation_id = g.id)) END
    FROM generations AS g LEFT JOIN profiles ON profiles.id = profile_id
    ORDER BY state != 'current', g.id"""


def listed(database: Database) -> list[Generation]:
    """Give every generation, the current one first."""
    return [
        Generation(
            id=id_,
            state=state,
            profile=rows.profile(profile) if profile else None,
            recipe=_recipe(chunking, settings),
            created_at=created_at,
            chunks=chunks,
            missing=missing,
        )
        for id_, state, profile, chunking, settings, created_at, chunks, missing in database.all(
            _LISTED_SQL
        )
    ]


def recipe_of(database: Database, generation: int) -> Recipe | None:
    """Give how a generation was made, or None where that was not written down."""
    found = database.one("SELECT chunking, settings FROM generations WHERE id = ?", generation)
    return _recipe(*found) if found else None


def _recipe(chunking: str | None, settings: str | None) -> Recipe | None:
    if chunking is None:
        return None
    return Recipe(chunking=json.loads(chunking), settings=json.loads(settings or "{}"))


def read_failures(text: str) -> list[Failure]:
    """Read the failures of a row of `built`."""
    return [Failure(**(each | {"stage": Stage(each["stage"])})) for each in json.loads(text)]


class LocalBuilder:
    """A `kb.store.generations.Builder`."""

    def __init__(self, database: Database, index: Path, *, generation: int) -> None:
        self._database = database
        self._writer = LocalWriter(database, index, generation=generation)
        self._place: Place = self._writer.place
        self.id = generation

    @property
    def profile(self) -> Profile:
        """The generation's profile."""
        profile = self._writer.profile
        assert profile is not None, "a generation is begun with its profile"
        return profile

    def weigh(self, dense_weight: float, *, questions: int) -> None:
        """Keep the share of the dense score that so many questions found best for its profile."""
        self._writer.weigh(dense_weight, questions=questions)

    def missing(self) -> Sequence[str]:
        """Give the paths of the documents that it does not hold yet, oldest first."""
        found = self._database.all(
            "SELECT path FROM documents WHERE NOT EXISTS (SELECT 1 FROM built "
            "WHERE document_id = documents.id AND generation_id = ?) ORDER BY id",
            self.id,
        )
        return [row[0] for row in found]

    def failures(self) -> Sequence[Failure]:
        """Give what failed of the documents that it holds."""
        found = self._database.all(
            "SELECT failures FROM built JOIN documents ON documents.id = document_id "
            "WHERE generation_id = ? AND failures != '[]' ORDER BY path",
            self.id,
        )
        return [failure for row in found for failure in read_failures(row[0])]

    def known_keys(self, keys: Iterable[bytes]) -> set[bytes]:
        """Give those keys whose vectors are already paid for under its profile."""
        return self._writer.known_keys(keys)

    def add_vectors(self, keys: Sequence[bytes], matrix: Matrix) -> None:
        """Keep vectors under its profile; row i belongs to `keys[i]`."""
        self._writer.add_vectors(keys, matrix)

    def put(self, draft: DocumentDraft) -> tuple[int, int]:
        """Put the chunks of a stored document in place of those it has; gives both counts."""
        return self.put_all([draft])[0]

    def put_all(self, drafts: Sequence[DocumentDraft]) -> list[tuple[int, int]]:
        """Do for several documents what `put` does for one, all in one transaction."""
        words = WordChanges()
        with self._database.transaction():
            counts = [self._put(draft, words) for draft in drafts]
            words.write(self._database)
            step("built.written")
        step("built.committed")
        return counts

    def _put(self, draft: DocumentDraft, words: WordChanges) -> tuple[int, int]:
        document_id = self._document(draft.source.path)
        removed = documents.drop_chunks(self._database, document_id, place=self._place, words=words)
        documents.insert_chunks(
            self._database,
            draft.chunks,
            documents.storable(draft.document),
            document_id,
            place=self._place,
            words=words,
        )
        self._done(document_id, draft.failures)
        return len(draft.chunks), removed

    def fail_all(self, refusals: Sequence[Refusal]) -> None:
        """Write down why this generation has nothing of some documents."""
        words = WordChanges()
        with self._database.transaction():
            for each in refusals:
                failure = each.failure
                document_id = self._document(each.source.path)
                documents.drop_chunks(self._database, document_id, place=self._place, words=words)
                # The ledger tells failures of passages apart by their locator.
                self._done(document_id, [replace(failure, locator=failure.locator or "chunk 1")])
            words.write(self._database)

    def refresh_index(self) -> None:
        """Bring the index of its profile up to what is stored."""
        self._writer.refresh_index()

    def _document(self, path: str) -> int:
        found = self._database.one("SELECT id FROM documents WHERE path = ?", path)
        if found is None:
            raise damaged(self._database.path, f"there is no document {path}")
        return int(found[0])

    def _done(self, document_id: int, failures: Iterable[Failure]) -> None:
        self._database.run(
            "INSERT OR REPLACE INTO built (document_id, generation_id, failures) VALUES (?, ?, ?)",
            *(document_id, self.id, rows.to_json([asdict(failure) for failure in failures])),
        )


class LocalGenerations:
    """The `kb.store.generations.Generations` of a writer."""

    def __init__(self, database: Database, index: Path) -> None:
        self._database = database
        self._index = index

    def begin(
        self,
        profile: Profile,
        recipe: Recipe,
        *,
        canaries: Matrix | None = None,
        drifted: bool = False,
    ) -> LocalBuilder:
        """Give an empty generation to be filled; one that was being filled is given up.

        With `drifted`, `profile` names what no longer gives the vectors that are stored under it,
        so that a new profile of the same names is made: its revision says since when.
        """
        collect.mark(self._database, former=False, building=True)
        collect.drop_marked(self._database)
        with self._database.transaction():
            number = fts.free_table(self._database)
            assert number is not None, "what is neither current nor kept has no words"
            fts.empty(self._database, fts.TABLES[number])
            generation = self._database.run(
                "INSERT INTO generations (chunking, settings, state, words, created_at) "
                "VALUES (?, ?, 'building', ?, ?)",
                *(rows.to_json(recipe.chunking), rows.to_json(recipe.settings)),
                *(number, ledger.now()),
            )
            if drifted:
                profile = replace(profile, revision=f"generation {generation}")
            self._database.run(
                "INSERT INTO profiles (digest, json) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
                *(profile.digest, rows.to_json(asdict(profile))),
            )
            self._database.run(
                "UPDATE generations SET profile_id = (SELECT id FROM profiles WHERE digest = ?) "
                "WHERE id = ?",
                *(profile.digest, generation),
            )
        writer = LocalWriter(self._database, self._index, generation=generation)
        writer.pin(profile if writer.profile is None else writer.profile, canaries=canaries)
        step("generation.begun")
        return self.go_on(generation)

    def go_on(self, generation: int, *, recipe: Recipe | None = None) -> LocalBuilder:
        """Give a generation that is there, to be filled up; `recipe` takes the place of its own."""
        if recipe is not None:
            self._database.run(
                "UPDATE generations SET chunking = ?, settings = ? WHERE id = ?",
                *(rows.to_json(recipe.chunking), rows.to_json(recipe.settings), generation),
            )
        return LocalBuilder(self._database, self._index, generation=generation)

    def switch(self, generation: int, *, keep: bool) -> None:
        """Put a generation in use, in one transaction; `keep` keeps the one before for a rollback.

        What the ledger says of passages moves with it. Raises `StoreError` (`store.corrupt`) when
        documents are missing in it.
        """
        missing = self.go_on(generation).missing()
        if missing:
            raise damaged(self._database.path, f"generation {generation} lacks {missing[0]}")
        run = self._database.run
        with self._database.transaction():
            found = self._database.one("SELECT id FROM generations WHERE state = 'current'")
            if found is None:
                raise damaged(self._database.path, "there is no generation in use")
            self._put_away(int(found[0]))
            step("switch.put_away")
            self._take_out(generation)
            # One former generation is kept, and no words of others.
            run(
                "UPDATE generations SET words = NULL WHERE state = 'former' AND id != ?", generation
            )
            run(
                "UPDATE generations SET state = 'former', "
                "words = CASE WHEN ? THEN words ELSE NULL END WHERE state = 'current'",
                keep,
            )
            run("UPDATE generations SET state = 'current' WHERE id = ?", generation)
            step("switch.written")
        step("switch.committed")

    def collect(
        self, *, former: bool = False, building: bool = False, shrink: bool = True
    ) -> Freed:
        """Delete what nothing names; with `former` or `building`, those generations too.

        May be killed at any moment and run again. Without `shrink` the room is left inside the
        database for what comes next. `Writer.refresh_index` belongs after it.
        """
        return collect.collect(
            self._database, self._index, former=former, building=building, shrink=shrink
        )

    def _put_away(self, generation: int) -> None:
        """Write down that the generation in use holds every document, and what failed in it."""
        run = self._database.run
        run("DELETE FROM built WHERE generation_id = ?", generation)
        run("INSERT INTO built SELECT id, ?, '[]' FROM documents", generation)
        of_source: dict[str, list[dict[str, Any]]] = {}
        for row in self._database.all(f"{rows.FAILURE_SQL} WHERE {_OF_PASSAGES} ORDER BY id"):
            failure = rows.read_failure(row)
            of_source.setdefault(failure.source or "", []).append(asdict(failure))
        for path, failures in of_source.items():
            run(
                "UPDATE built SET failures = ? WHERE generation_id = ? AND document_id = "
                "(SELECT id FROM documents WHERE path = ?)",
                *(rows.to_json(failures), generation, path),
            )

    def _take_out(self, generation: int) -> None:
        """Make the ledger tell what failed in a generation in place of what it tells of another."""
        run = self._database.run
        run(f"DELETE FROM failures WHERE {_OF_PASSAGES}")  # noqa: S608 - a constant
        found = self._database.all(
            "SELECT path, failures FROM built JOIN documents ON documents.id = document_id "
            "WHERE generation_id = ? AND failures != '[]'",
            generation,
        )
        for path, failures in found:
            known = self._database.all(f"{rows.FAILURE_SQL} WHERE source = ? ORDER BY id", path)
            standing = (replace(rows.read_failure(row), attempts=0) for row in known)
            told = [*standing, *read_failures(failures)]
            ledger.replace(self._database, path, told, run=None)
        # A file is worth another try exactly where one of its failures is.
        run(
            "UPDATE sources SET retriable = 1 WHERE state = 'indexed' AND retriable = 0 AND EXISTS "
            "(SELECT 1 FROM failures WHERE failures.source = sources.path AND retriable)"
        )
        run(
            "UPDATE sources SET retriable = 0 WHERE state = 'indexed' AND retriable = 1 AND "
            "NOT EXISTS (SELECT 1 FROM failures WHERE failures.source = sources.path "
            "AND retriable)"
        )
        run("DELETE FROM built WHERE generation_id = ?", generation)


class CurrentWriter(LocalWriter):
    """The one `kb.store.Writer`: it writes to the generation in use, and leads to the others."""

    def generations(self) -> LocalGenerations:
        """Give what makes, switches and deletes whole generations."""
        return LocalGenerations(self._database, self._index)

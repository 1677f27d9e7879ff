"""Reading: one consistent state of the knowledge base, held by one SQLite read transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from kb.errors import Failure
from kb.store.local import rows
from kb.store.local.database import Database, damaged
from kb.store.local.tables import WORDS

if TYPE_CHECKING:
    from kb.model import Filter, Matrix, Profile, Vector
    from kb.store import DocumentRow, Gaps, KnownSource, Passage, StoredDocument, Summary
    from kb.store.generations import Freed, Generation, Recipe
    from kb.store.local.dense import View
    from kb.store.local.shelf import Shelf

_NOW_SQL: Final = """
    SELECT generations.id, profiles.id, profiles.json, coalesce(words, 0) FROM generations
    LEFT JOIN profiles ON profiles.id = profile_id
    WHERE CASE WHEN :generation IS NULL THEN state = 'current'
        ELSE generations.id = :generation END"""


class LocalSnapshot:
    """A `kb.store.Snapshot` over SQLite and FAISS; used by one thread at a time."""

    def __init__(self, database: Database, shelf: Shelf, *, generation: int | None = None) -> None:
        self._database = database
        self._shelf = shelf
        # The first read inside the transaction is what fixes the state that all later ones see.
        database.run("BEGIN")
        found = database.named(_NOW_SQL, generation=generation)
        if not found:
            which = "in use" if generation is None else f"with the number {generation}"
            raise damaged(database.path, f"there is no generation {which}")
        self._generation: int
        self._generation, self._profile_id, profile, words = found[0]
        self._words = _table(database, words)
        self._profile = None if profile is None else _profile(database, profile)

    @property
    def generation(self) -> int:
        """The number of the generation that it shows."""
        return self._generation

    @property
    def profile(self) -> Profile | None:
        """The pinned profile, or None before the first embedding."""
        return self._profile

    @property
    def recipe(self) -> Recipe | None:
        """How the generation was made, or None where that was not written down."""
        from kb.store.local.generations import recipe_of

        return recipe_of(self._database, self._generation)

    def canaries(self, profile: Profile | None = None) -> Matrix | None:
        """Give the canary vectors kept with a profile, shape (n, dimensions), or None."""
        wanted = profile or self._profile
        if wanted is None:
            return None
        sql = "SELECT canaries FROM profiles WHERE digest = ?"
        found = self._database.one(sql, wanted.digest)
        if not found or found[0] is None:
            return None
        import numpy as np

        if not isinstance(found[0], bytes) or len(found[0]) % (4 * wanted.dimensions):
            raise damaged(self._database.path, "what its endpoint answered first is garbled")
        return np.frombuffer(found[0], "<f4").reshape(-1, wanted.dimensions).copy()

    def paid_for(self, profile: Profile, keys: Iterable[bytes]) -> set[bytes]:
        """Give those keys whose vectors are stored under `profile`, pinned or not."""
        found = self._database.one("SELECT id FROM profiles WHERE digest = ?", profile.digest)
        return set(rows.vector_ids(self._database, found[0], keys)) if found else set()

    def known_sources(self) -> Mapping[str, KnownSource]:
        """Give every file ever brought in and not removed, by path, failed ones too."""
        found = map(rows.known_source, self._database.all(rows.SOURCE_SQL))
        return MappingProxyType({source.path: source for source in found})

    def stamps(self, collection: str | None = None) -> Mapping[str, tuple[int, int, int] | None]:
        """Give size, time of change (ns) and inode of each file, by path; None: no proof."""
        if collection is None:
            return rows.stamps(self._database.all(rows.STAMP_SQL.format("")))
        sql = rows.STAMP_SQL.format(" AND collection = ?")
        return rows.stamps(self._database.all(sql, collection))

    def documents(self, within: Filter | None = None) -> Sequence[DocumentRow]:
        """Give the searchable documents in order of path."""
        listed = self._listed(within)
        chosen = (
            ""
            if listed is None
            else (" WHERE documents.id IN (SELECT value FROM json_each(:listed))")
        )
        found = self._database.named(
            f"{rows.DOCUMENT_SQL}{chosen} ORDER BY path", now=self._generation, listed=listed
        )
        return [rows.document_row(row) for row in found]

    def any_document(self, within: Filter) -> bool:
        """Tell whether the filter fits a searchable document."""
        listed = self._listed(within)
        if listed is None:
            return self._database.one("SELECT 1 FROM documents LIMIT 1") is not None
        return listed != "[]"

    def document(self, path: str) -> StoredDocument | None:
        """Give one document with its canonical text, or None."""
        found = self._database.named(
            f"{rows.DOCUMENT_SQL} WHERE path = :path", now=self._generation, path=path
        )
        if not found:
            return None
        from kb.store import StoredDocument

        row = rows.document_row(found[0])
        return StoredDocument(
            row=row, document=rows.document(self._database, int(found[0][0]), row)
        )

    def gaps(self, within: Filter | None = None) -> Gaps:
        """Count the pages and files that no search can find; cheap where there are none."""
        from kb.store.local.gaps import gaps

        return gaps(self._database, within, lambda: self._listed(within))

    def nearest(
        self, vector: Vector, *, top_k: int, within: Filter | None = None
    ) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, cosine) of visible chunks, best first, ties by id."""
        view = self._view(self._listed(within))
        if view is None:
            return []
        from kb.store.local.dense import nearest

        return nearest(view, vector, top_k=top_k)

    def match(
        self, query: str, *, top_k: int, within: Filter | None = None
    ) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, BM25 score > 0) of visible chunks, best first."""
        from kb.store.local import fts

        return fts.match(
            self._database,
            query,
            table=self._words,
            top_k=top_k,
            documents=self._listed(within),
        )

    @property
    def size(self) -> int:
        """How many passages it shows."""
        sql = "SELECT count(*) FROM chunks WHERE generation_id = ?"
        found = self._database.one(sql, self._generation)
        return 0 if found is None else int(found[0])

    def occurrences(self, query: str) -> Sequence[tuple[str, int]]:
        """Give what a question looks for, in its order, and in how many passages each part is."""
        from kb.store.local import vocabulary

        return vocabulary.occurrences(self._database, query, table=self._words)

    def naming(self, words: Sequence[str]) -> Sequence[float | None]:
        """Give for each word how much of what it tells is which document is meant, 0 to 1."""
        from kb.store.local import evidence

        return evidence.naming(self._database, words, table=self._words)

    def spellings(self, word: str) -> Sequence[str]:
        """Give up to three words of the passages that are spelt much like `word`."""
        from kb.store.local import vocabulary

        return vocabulary.spellings(
            self._database, word, table=self._words, generation=self._generation
        )

    def similarities(self, vector: Vector, chunk_ids: Sequence[int]) -> Mapping[int, float]:
        """Give the exact cosine of each of these chunks that has a vector."""
        view = self._view(None)
        if view is None or not chunk_ids:
            return {}
        from kb.store.local.dense import similarities

        return similarities(view, vector, chunk_ids)

    def passages(self, chunk_ids: Sequence[int]) -> Mapping[int, Passage]:
        """Give these chunks, by id; unknown and invisible ids are left out."""
        listed = "[" + ",".join(map(str, chunk_ids)) + "]"
        found = self._database.all(
            rows.PASSAGE_SQL  # noqa: S608 - constants only
            + " WHERE generation_id = ? AND chunks.id IN (SELECT value FROM json_each(?))",
            self._generation,
            listed,
        )
        return {row[0]: rows.passage(self._database, row) for row in found}

    def joined(self, first: int, last: int) -> Passage | None:
        """Give a chunk, a later one of its document, and what stands between them, as one."""
        found = self._database.all(
            rows.PASSAGE_SQL
            + " WHERE generation_id = ? AND chunks.id IN (?, ?) ORDER BY chunks.id = ?, ordinal",
            *(self._generation, first, last, last),
        )
        row = rows.joined(found[0], found[-1]) if len(found) == len({first, last}) else None
        return rows.passage(self._database, row) if row is not None else None

    def page_at(self, path: str, at: int) -> int | None:
        """Give the number of the page that holds character `at` of a document, or None."""
        found = self._database.one(
            "SELECT max(number) FROM pages JOIN documents ON documents.id = document_id "
            "WHERE path = ? AND char_start <= ?",
            path,
            at,
        )
        return None if found is None else found[0]

    def neighbours(self, chunk_id: int, *, count: int) -> Sequence[Passage]:
        """Give the chunk with up to `count` before and after it in its document, in order."""
        found = self._database.all(
            rows.PASSAGE_SQL  # noqa: S608 - constants only
            + " JOIN (SELECT generation_id AS g, document_id AS d, ordinal AS o FROM chunks"
            " WHERE id = ? AND generation_id = ?)"
            " ON generation_id = g AND document_id = d AND abs(ordinal - o) <= ?"
            " ORDER BY ordinal",
            *(chunk_id, self._generation, count),
        )
        return [rows.passage(self._database, row) for row in found]

    def failures(self, *, stage: str | None = None, code: str | None = None) -> Sequence[Failure]:
        """Give what stands in the failure ledger, in order of source."""
        found = self._database.named(
            f"{rows.FAILURE_SQL} WHERE coalesce(stage = :stage, 1) AND coalesce(code = :code, 1) "
            "ORDER BY source, id",
            stage=stage,
            code=code,
        )
        return [rows.read_failure(row) for row in found]

    def summary(self) -> Summary:
        """Give the counts behind `kb status`."""
        from kb.store.local.summary import summarise

        summary = summarise(
            self._database,
            generation_id=self._generation,
            profile_id=self._profile_id,
            profile=self._profile,
            index=self._shelf.folder,
        )
        return replace(summary, generations=self.generations())

    def generations(self) -> Sequence[Generation]:
        """Give the generation in use and those beside it: half-built, or kept for a rollback."""
        from kb.store.local.generations import listed

        return listed(self._database)

    def would_free(self, *, former: bool = False, building: bool = False) -> Freed:
        """Count what `Generations.collect` would delete."""
        from kb.store.local.collect import rehearse

        return rehearse(self._database, former=former, building=building)

    def generation_of(self, chunk_id: int) -> int | None:
        """Give the generation that a chunk belongs to, or None where there is no such chunk."""
        found = self._database.one("SELECT generation_id FROM chunks WHERE id = ?", chunk_id)
        return None if found is None else int(found[0])

    def _view(self, documents: str | None) -> View | None:
        if self._profile is None:
            return None
        from kb.store.local.dense import View

        return View(
            database=self._database,
            shelf=self._shelf,
            generation_id=self._generation,
            profile_id=self._profile_id,
            dimensions=self._profile.dimensions,
            documents=documents,
        )

    def _listed(self, within: Filter | None) -> str | None:
        """Give the ids of the documents a filter means as a JSON list, or None for all."""
        if within is None or (within.collection is None and within.path is None):
            return None
        found = self._database.named(
            "SELECT id, path FROM documents WHERE coalesce(collection = :collection, 1)",
            collection=within.collection,
        )
        if within.path is not None:
            from kb.store.local.globs import path_matches, path_pattern

            pattern = path_pattern(within.path)
            found = [row for row in found if path_matches(pattern, row[1])]
        return "[" + ",".join(str(row[0]) for row in found) + "]"


def _profile(database: Database, text: object) -> Profile:
    try:
        profile = rows.profile(str(text))
    except (ValueError, TypeError, LookupError) as error:
        raise damaged(database.path, "the profile of its vectors is garbled") from error
    dimensions: object = profile.dimensions
    if not (isinstance(dimensions, int) and dimensions > 0):
        raise damaged(database.path, "the profile of its vectors has no dimensions")
    return profile


def _table(database: Database, words: object) -> str:
    if not (isinstance(words, int) and 0 <= words < len(WORDS)):
        raise damaged(database.path, "its generation names words that are not there")
    return WORDS[words]

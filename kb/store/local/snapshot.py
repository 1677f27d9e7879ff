"""Reading: one consistent state of the knowledge base, held by one SQLite read transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from kb.errors import Failure
from kb.model import Filter, Profile
from kb.store import DocumentRow, KnownSource, Passage, StoredDocument, Summary
from kb.store.local import fts, rows
from kb.store.local.database import Database
from kb.store.local.globs import path_matches, path_pattern
from kb.store.local.segments import Shelf
from kb.store.local.summary import summarise

if TYPE_CHECKING:
    from kb.model import Matrix, Vector
    from kb.store.local.dense import View

_EVERYTHING: Final = Filter()

_NOW_SQL: Final = """
    SELECT generations.id, profiles.id, profiles.json FROM generations
    LEFT JOIN profiles ON profiles.id = profile_id WHERE state = 'current'"""


class LocalSnapshot:
    """A `kb.store.Snapshot` over SQLite and FAISS; used by one thread at a time."""

    def __init__(self, database: Database, shelf: Shelf) -> None:
        self._database = database
        self._shelf = shelf
        # The first read inside the transaction is what fixes the state that all later ones see.
        database.run("BEGIN")
        now = database.one(_NOW_SQL)
        assert now is not None, "there is always a current generation"
        self._generation, self._profile_id = now[0], now[1]
        self._profile = rows.profile(now[2]) if now[2] else None

    @property
    def profile(self) -> Profile | None:
        """The pinned profile, or None before the first embedding."""
        return self._profile

    def canaries(self) -> Matrix | None:
        """Give the canary vectors pinned with the profile, shape (n, dimensions), or None."""
        found = self._database.one("SELECT canaries FROM profiles WHERE id = ?", self._profile_id)
        if self._profile is None or not found or found[0] is None:
            return None
        import numpy as np

        return np.frombuffer(found[0], "<f4").reshape(-1, self._profile.dimensions).copy()

    def known_sources(self) -> Mapping[str, KnownSource]:
        """Give every file ever brought in and not removed, by path, failed ones too."""
        found = map(rows.known_source, self._database.all(rows.SOURCE_SQL))
        return MappingProxyType({source.path: source for source in found})

    def documents(self, within: Filter = _EVERYTHING) -> Sequence[DocumentRow]:
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

    def document(self, path: str) -> StoredDocument | None:
        """Give one document with its canonical text, or None."""
        found = self._database.named(
            f"{rows.DOCUMENT_SQL} WHERE path = :path", now=self._generation, path=path
        )
        if not found:
            return None
        row = rows.document_row(found[0])
        return StoredDocument(
            row=row, document=rows.document(self._database, int(found[0][0]), row)
        )

    def nearest(
        self, vector: Vector, *, top_k: int, within: Filter = _EVERYTHING
    ) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, cosine) of visible chunks, best first, ties by id."""
        view = self._view(self._listed(within))
        if view is None:
            return []
        from kb.store.local.dense import nearest

        return nearest(view, vector, top_k=top_k)

    def match(
        self, query: str, *, top_k: int, within: Filter = _EVERYTHING
    ) -> Sequence[tuple[int, float]]:
        """Give up to `top_k` (chunk id, BM25 score > 0) of visible chunks, best first."""
        return fts.match(
            self._database,
            query,
            generation_id=self._generation,
            top_k=top_k,
            documents=self._listed(within),
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
        return summarise(
            self._database,
            generation_id=self._generation,
            profile_id=self._profile_id,
            profile=self._profile,
            index=self._shelf.folder,
        )

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

    def _listed(self, within: Filter) -> str | None:
        """Give the ids of the documents a filter means as a JSON list, or None for all."""
        if within.collection is None and within.path is None:
            return None
        found = self._database.named(
            "SELECT id, path FROM documents WHERE coalesce(collection = :collection, 1)",
            collection=within.collection,
        )
        if within.path is not None:
            pattern = path_pattern(within.path)
            found = [row for row in found if path_matches(pattern, row[1])]
        return "[" + ",".join(str(row[0]) for row in found) + "]"

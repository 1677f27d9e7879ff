"""The embedded engine passes the suite that every engine must pass, and keeps its invariants."""

from __future__ import annotations

import pytest

from kb.model import Filter
from kb.store.local import documents, fts
from tests.store import invariants
from tests.store.builders import store_document, vector_of
from tests.store.conformance import StoreConformance


class TestLocalStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _invariants_hold_afterwards(self, home, store):
        yield
        invariants.check(home)


def test_chunks_of_a_generation_being_built_are_not_seen(store):
    with store.writer("test") as writer:
        store_document(writer, "a.txt", ["alpha one", "alpha two"])
        database = writer._database
        with store.snapshot() as before:
            seen = everything(before)
        database.run(
            "INSERT INTO generations (state, created_at, words, profile_id) "
            "VALUES ('building', '', 1, 1)"
        )
        database.run("INSERT INTO built SELECT id, 2, '[]' FROM documents")
        database.run(
            """INSERT INTO chunks (generation_id, document_id, ordinal, char_start, char_end,
                byte_start, byte_end, line_start, line_end, section, context, vector_id)
            SELECT 2, document_id, ordinal, char_start, char_end, byte_start, byte_end, line_start,
                line_end, section, context, vector_id FROM chunks"""
        )
        fts.rebuild(database, documents.all_words(database))
    with store.snapshot() as snapshot:
        for table in ("words", "words_second"):
            sql = f"SELECT count(*) FROM {table} WHERE {table} MATCH 'alpha'"
            assert snapshot._database.one(sql) == (2,)
        assert everything(snapshot) == seen
        assert dict(snapshot.passages([3, 4])) == {}
        assert list(snapshot.neighbours(3, count=1)) == []
        assert dict(snapshot.similarities(vector_of("x"), [3])) == {}


def everything(snapshot):
    return (
        [chunk_id for chunk_id, _ in snapshot.match("alpha", top_k=9)],
        snapshot.nearest(vector_of("x"), top_k=9),
        snapshot.nearest(vector_of("x"), top_k=9, within=Filter(path="a.txt")),
        [passage.chunk_id for passage in snapshot.neighbours(1, count=3)],
        [row.chunks for row in snapshot.documents()],
        snapshot.summary().chunks,
        len(snapshot.passages([1, 2, 3, 4])),
    )

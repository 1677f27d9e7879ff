"""A search that meets a damaged database says so; damage to what is derived costs no answer."""

from __future__ import annotations

import pytest

from kb.errors import StoreError
from kb.model import Filter
from kb.store import open_store, repair_store
from tests.store.builders import vector_of
from tests.store.damage import answers, failing, sql

HEAD = {
    "no generation is in use": "UPDATE generations SET state = 'former'",
    "words that are not there": "UPDATE generations SET words = 9",
    "words that are no number": "UPDATE generations SET words = 'x'",
    "words below zero": "UPDATE generations SET words = -1",
    "a profile that is no JSON": "UPDATE profiles SET json = substr(json, 2)",
    "a profile of another shape": "UPDATE profiles SET json = '[]'",
    "a profile without a field": "UPDATE profiles SET json = '{}'",
    "a profile without dimensions": "UPDATE profiles SET json = "
    "json_set(json, '$.dimensions', 'x')",
}
VECTORS = {
    "text": "UPDATE vectors SET vector = 'x'",
    "a number": "UPDATE vectors SET vector = 7",
    "too short": "UPDATE vectors SET vector = CAST(substr(vector, 3) AS BLOB)",
    "nothing": "UPDATE vectors SET vector = x''",
    "one short, one long": "UPDATE vectors SET vector = CAST(CASE id % 2 WHEN 0 THEN "
    "substr(vector, 3) ELSE vector || x'0000' END AS BLOB)",
    "null": "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = "
    "replace(sql, 'vector BLOB NOT NULL', 'vector BLOB') WHERE name = 'vectors'",
}
NAMES = {
    "named by a text": "UPDATE chunks SET vector_id = 'x' WHERE id = 2",
    "named by a number that nobody has": "UPDATE chunks SET vector_id = 1 << 40 WHERE id = 2",
    "named by less than nothing": "UPDATE chunks SET vector_id = -5 WHERE id = 2",
}


EVERYTHING = Filter()


@pytest.fixture
def home(copied):
    return copied


def search(home, *, within=EVERYTHING):
    with open_store(home).snapshot() as snapshot:
        hits = [*snapshot.nearest(vector_of("x"), top_k=5, within=within)]
        snapshot.similarities(vector_of("x"), [chunk for chunk, _ in hits] or [2])
        snapshot.similarities(vector_of("x"), [*range(1, 60)])
    return hits


def expect_damage(home, **options):
    with pytest.raises(StoreError) as caught:
        search(home, **options)
    assert caught.value.failure.code == "store.corrupt"
    assert "kb verify --repair" in caught.value.failure.hint


@pytest.mark.parametrize("name", HEAD)
def test_what_every_search_reads_first_is_damaged(home, name):
    sql(home, HEAD[name])
    expect_damage(home)


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("name", VECTORS)
def test_stored_vectors_are_damaged(home, name, index):
    if not index:
        sql(home, "DELETE FROM segments")
    sql(home, *VECTORS[name].split("; "))
    if name == "null":
        sql(home, "UPDATE vectors SET vector = NULL")
    expect_damage(home)


@pytest.mark.parametrize("name", NAMES)
def test_what_passages_name_is_damaged(home, name):
    sql(home, NAMES[name])
    expect_damage(home, within=Filter(path="**"))


def test_canaries_are_damaged(home):
    for garbled in ("x'0102'", "'x'", "7"):
        sql(home, f"UPDATE profiles SET canaries = {garbled}")
        with open_store(home).snapshot() as snapshot, pytest.raises(StoreError) as caught:
            snapshot.canaries()
        assert caught.value.failure.code == "store.corrupt"
    assert repair_store(home).mended
    with open_store(home).snapshot() as snapshot:
        assert snapshot.canaries() is None


SHAPES = [
    "lists = 4", "lists = 4, probes = 2", "probes = 3", "lists = -1", "probes = -1",
    "candidates = -7", "candidates = 1 << 40", "width = -1", "width = 1 << 40", "width = 'x'",
    "kind = 'exacu'", "kind = 'leading'", "kind = 'rotated', lists = 3", "count = -1",
    "count = 'x'", "low_id = -4", "low_id = 'x'", "high_id = 0", "sha256 = x'00'", "bytes = 'x'",
    "mtime_ns = 'x'",
]  # fmt: skip


@pytest.mark.parametrize("garbled", SHAPES)
def test_an_impossible_segment_counts_as_one_that_cannot_be_read(home, whole, garbled):
    before = search(whole)
    sql(home, f"UPDATE segments SET {garbled}")
    assert search(home) == before
    with open_store(home).writer("test") as writer:
        writer.refresh_index()
    assert search(home) == before
    assert failing(home) == []


def test_lists_that_the_file_does_not_have(home, whole):
    """The row could be right, so the file is asked."""
    before = search(whole)
    sql(home, "UPDATE segments SET kind = 'leading', candidates = 100, lists = 4, probes = 2")
    assert search(home) == before
    assert "index.ranges" in failing(home)
    assert [each for each in repair_store(home).findings if not each.ok] == []
    assert answers(home) == answers(whole)

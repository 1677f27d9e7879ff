"""`verify` finds every kind of damage, and calls nothing damaged that is whole."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from kb.errors import StoreError, UsageError
from kb.store import open_store, verify_store
from kb.store.local import verify_probe
from kb.store.local.store import LocalStore
from tests.conftest import REPOSITORY
from tests.store import damage
from tests.store.damage import failing, sql


@pytest.fixture
def home(copied):
    return copied


def test_a_whole_one_passes_and_says_what_was_looked_at(home):
    findings = {finding.id: finding for finding in verify_store(home)}
    assert [each.message for each in findings.values() if not each.ok] == []
    assert findings["index.files"].detail["segments"] >= 1
    assert findings["documents.whole"].detail["documents"] == 3
    assert findings["documents.pages"].detail["pages"] == 5
    assert findings["found.by_vector"].detail["sample"] > 20
    assert all(each.message.endswith(".") for each in findings.values())


def test_an_empty_one_passes(tmp_path):
    open_store(tmp_path / "kb", create=True)
    assert failing(tmp_path / "kb") == []


def test_there_is_none(tmp_path):
    with pytest.raises(UsageError) as caught:
        verify_store(tmp_path / "kb")
    assert caught.value.failure.code == "search.no_knowledge_base"
    assert not (tmp_path / "kb").exists()


def test_nothing_is_written(home):
    def state():
        return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in home.rglob("*.*")}

    before = state()
    verify_store(home)
    assert state() == before


ALTERED = {
    "a letter of a text": (
        "UPDATE contents SET text = replace(text, 'supplier', 'Supplier') WHERE document_id = 1",
        {"database.seals", "chunks.texts"},
    ),
    "a character lost from a text": (
        "UPDATE contents SET text = substr(text, 2) WHERE document_id = 2",
        {"database.seals", "documents.pages"},
    ),
    "a byte offset": (
        "UPDATE chunks SET byte_start = byte_start + 1 WHERE id = 30",
        {"database.seals", "chunks.places"},
    ),
    "a line": (
        "UPDATE chunks SET line_end = line_end + 1 WHERE id = 3",
        {"database.seals", "chunks.places"},
    ),
    "a chunk's page": (
        "UPDATE chunks SET page_start = 2 WHERE document_id = 3 AND ordinal = 0",
        {"database.seals", "chunks.places"},
    ),
    "a span": (
        "UPDATE chunks SET char_end = char_end + 9999 WHERE id = 5",
        {"database.seals", "chunks.spans"},
    ),
    "a chunk in the middle": (
        "DELETE FROM chunks WHERE id = 4",
        {"database.seals", "chunks.order", "chunks.spans"},
    ),
    "the last chunk": (
        "DELETE FROM chunks WHERE id = (SELECT max(id) FROM chunks WHERE document_id = 1)",
        {"database.seals", "chunks.spans"},
    ),
    "a title": ("UPDATE documents SET title = 'other'", {"database.seals"}),
    "a section": (
        "UPDATE chunks SET section = '[\"other\"]' WHERE id = 2",
        {"database.seals"},
    ),
    "a page's state": (
        "UPDATE pages SET code = 'none' WHERE state = 'image_only'",
        {"database.seals", "documents.pages"},
    ),
    "a page": ("DELETE FROM pages WHERE number = 2", {"database.seals", "documents.pages"}),
    "a vector's bit": (
        "UPDATE vectors SET vector = CAST(x'0101' || substr(vector, 3) AS BLOB) WHERE id = 2",
        {"database.seals"},
    ),
    "a vector's length": (
        "UPDATE vectors SET vector = CAST(substr(vector, 3) AS BLOB) WHERE id = 2",
        {"database.seals", "vectors.values"},
    ),
    "a vector that is not finite": (
        "UPDATE vectors SET vector = CAST(x'007c' || substr(vector, 3) AS BLOB) WHERE id = 2",
        {"database.seals", "vectors.values"},
    ),
    "a vector": (
        "DELETE FROM vectors WHERE id = 3",
        {"database.seals", "database.references", "chunks.vectors", "index.ranges"},
    ),
    "whose vector": (
        "UPDATE chunks SET vector_id = 1 WHERE id = 9",
        {"database.seals", "chunks.texts"},
    ),
    "no vector": (
        "UPDATE chunks SET vector_id = NULL WHERE id = 9",
        {"database.seals", "chunks.vectors"},
    ),
    "a source": (
        "UPDATE sources SET sha256 = 'x' WHERE path = 'a.md'",
        {"database.seals", "documents.whole"},
    ),
    "a source that is gone": (
        "DELETE FROM sources WHERE path = 'a.md'",
        {"database.seals", "database.references", "documents.whole"},
    ),
    "a failure's code": ("UPDATE failures SET code = 'x'", {"database.seals", "ledger.failures"}),
    "a run": ("UPDATE runs SET status = 'x'", {"database.seals", "ledger.runs"}),
    "a counter": ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'chunks'", {"database.ids"}),
    "the manifest's count": ("UPDATE segments SET count = count + 1", {"index.ranges"}),
    "the manifest's range": ("UPDATE segments SET high_id = high_id - 1", {"index.ranges"}),
    "a word row lost": (
        "DELETE FROM words_docsize WHERE id = 3",
        {"words.rows"},
    ),
    "a word row too many": (
        "INSERT INTO words (rowid, above, heading, body) VALUES (999, 'a', 'b', 'c')",
        {"words.rows"},
    ),
    "a table": ("DROP TABLE facts", {"database.schema", "words"}),
    "a strange table": ("CREATE TABLE strange (a)", {"database.schema"}),
    "the format number": ("PRAGMA user_version = 0", {"database.schema"}),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_row_is_found(home, name):
    statement, wanted = ALTERED[name]
    sql(home, statement)
    assert wanted <= set(failing(home))


@pytest.mark.parametrize("change", ["lost", "altered", "foreign"])
def test_a_row_of_words_that_fts5_itself_finds_no_fault_with(home, change):
    """Each is a proper row for FTS5: only the words of the chunks tell that it is wrong."""
    from kb.store.local.rows import word_rows

    with LocalStore.open(home).writer("test") as writer:
        database = writer._database
        row = word_rows(database, 1, generation_id=1)[2]
        if change != "foreign":
            database.run(
                "INSERT INTO words (words, rowid, above, heading, body) "
                "VALUES ('delete', ?, ?, ?, ?)",
                *(row.chunk_id, row.above, row.heading, row.body),
            )
        at, body = (999, row.body) if change == "foreign" else (row.chunk_id, row.body + " more")
        if change != "lost":
            database.run(
                "INSERT INTO words (rowid, above, heading, body) VALUES (?, ?, ?, ?)",
                *(at, row.above, row.heading, body),
            )
        database.run("INSERT INTO words (words) VALUES ('integrity-check')")
    assert set(failing(home)) - {"found.by_words"} == {"words.rows"}


def test_words_in_another_order_are_found(home):
    from kb.store.local.rows import word_rows

    with LocalStore.open(home).writer("test") as writer:
        row = word_rows(writer._database, 1, generation_id=1)[2]
        turned = " ".join(reversed(row.body.split()))
        for sql_, body in (("'delete', ", row.body), ("", turned)):
            names = "words, rowid" if sql_ else "rowid"
            writer._database.run(
                f"INSERT INTO words ({names}, above, heading, body) VALUES ({sql_}?, ?, ?, ?)",
                *(row.chunk_id, row.above, row.heading, body),
            )
    assert "words.rows" in failing(home)


def test_a_segment_that_is_missing_or_altered(home):
    (path, *_) = (home / "index").iterdir()
    data = path.read_bytes()
    kept = path.stat()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    path.write_bytes(flipped)
    import os

    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert failing(home) == ["index.files"], "also where its time stamp is that of before"
    path.unlink()
    assert failing(home) == ["index.files"]


def test_a_chunk_that_search_does_not_find_is_told(home, monkeypatch):
    """The probe asks the product's own search, not the tables."""
    from kb.store.local.snapshot import LocalSnapshot

    real = LocalSnapshot.nearest
    monkeypatch.setattr(
        LocalSnapshot, "nearest", lambda self, v, *, top_k: real(self, v, top_k=top_k)[1:]
    )
    monkeypatch.setattr(LocalSnapshot, "match", lambda *a, **k: [])
    assert failing(home) == ["found.by_vector", "found.by_words"]


def test_the_probe_is_spread_and_always_the_same(home, monkeypatch):
    monkeypatch.setattr(verify_probe, "SAMPLE", 6)
    found = [{f.id: f for f in verify_store(home)}["found.by_words"].detail for _ in range(2)]
    assert found[0] == found[1]
    assert found[0]["sample"] == 6
    assert found[0]["of"] > 30


INGEST = """
import sys, pathlib
from tests.store import damage
from kb.store import open_store
from kb.store.local import tiers
tiers.SMALLEST = 8
home = pathlib.Path(sys.argv[1])
print("go", flush=True)
for n in range(40):
    with open_store(home).writer("ingest") as writer:
        damage.put(writer, f"new{n % 5}.md", damage.ENGLISH.replace("Clause", f"Clause {n}"))
        if n % 7 == 0:
            writer.remove(["new1.md"])
        writer.refresh_index()
"""


def test_no_false_alarm_while_an_ingest_runs(home):
    process = subprocess.Popen(
        [sys.executable, "-c", INGEST, str(home)], cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    states = 0
    while process.poll() is None:
        assert failing(home) == []
        states += 1
    process.stdout.close()
    assert process.returncode == 0
    assert states
    assert failing(home) == []


def harmless(home, before, told) -> bool:
    """Nothing that kb stores or answers is another: a free page, or room to spare in a page."""
    return damage.dump(home) == before and damage.answers(home) == told


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_anywhere_in_the_database_is_found_or_changes_nothing(home, whole, seed):
    random_ = random.Random(seed)
    path = home / "kb.sqlite3"
    data = bytearray(path.read_bytes())
    at = random_.randrange(len(data))
    data[at] ^= 1 << random_.randrange(8)
    path.write_bytes(data)
    try:
        found = failing(home)
    except StoreError as error:
        found = [error.failure.code]
    assert found or harmless(home, damage.dump(whole), damage.answers(whole)), f"byte {at}"

"""`repair` mends what can be derived, says what cannot, and never makes anything worse."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing

import pytest

from kb.errors import StoreError
from kb.store import open_store, repair_store, verify_store
from tests.store import damage, invariants
from tests.store.damage import TEXTS, answers, failing, put, sql

PAGE = 4096


@pytest.fixture
def home(copied):
    return copied


def mended(home, whole):
    """Repair, and prove: all checks pass, what is not lost answers as before, an ingest of what
    is lost brings everything back."""
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    invariants.check(home)
    lost = {each.path for each in done.lost}
    assert answers(home, without=lost) == answers(whole, without=lost)
    with open_store(home).snapshot() as snapshot:
        known = snapshot.known_sources()
        told = {each.source for each in snapshot.failures(code="store.corrupt")}
        for path in lost & known.keys():
            assert known[path].retriable, "the next ingest reads it again"
            assert path in told
    with open_store(home).writer("ingest") as writer:
        for path in TEXTS:
            if path in lost or path not in known:
                put(writer, path, TEXTS[path])
        writer.refresh_index()
    assert answers(home) == answers(whole)
    assert failing(home) == []
    return done


def test_a_whole_one_is_left_as_it_is(home):
    before = {p.name: p.read_bytes() for p in home.rglob("*.*")}
    done = repair_store(home)
    assert (list(done.mended), list(done.lost), done.kept) == ([], [], None)
    assert {p.name: p.read_bytes() for p in home.rglob("*.*")} == before


DERIVED = {
    "places": ["UPDATE chunks SET byte_start = 0, line_start = 7, page_end = 9"],
    "words lost": ["INSERT INTO words (words) VALUES ('delete-all')"],
    "words foreign": ["INSERT INTO words (rowid, above, heading, body) VALUES (99, 'a', 'b', 'c')"],
    "words' pages": ["UPDATE words_data SET block = x'00' WHERE id > 10"],
    "manifest": ["UPDATE segments SET low_id = low_id + 1, sha256 = 'x'"],
    "manifest gone": ["DELETE FROM segments"],
    "counters": ["DELETE FROM sqlite_sequence"],
    "seals": ["UPDATE seals SET seal = 0 WHERE kind = 99"],
    "all seals": ["DELETE FROM seals"],
    "all seals are others": ["UPDATE seals SET seal = seal + 1"],
    "facts": ["UPDATE facts SET name = 'version', value = 4"],
    "sources": ["UPDATE sources SET mtime_ns = 5 WHERE path = 'a.md'"],
    "a source": ["DELETE FROM sources WHERE path = 'b.txt'"],
    "canaries": ["UPDATE profiles SET canaries = x'00'"],
    "runs": ["UPDATE runs SET status = 'x'"],
    "format": ["PRAGMA user_version = 0"],
    "a strange table": ["CREATE TABLE strange (a)"],
    "an index of sqlite": ["DROP INDEX chunks_by_vector"],
    "a table of facts": ["DROP TABLE facts"],
}


@pytest.mark.parametrize("name", DERIVED)
def test_what_can_be_derived_is_mended_and_nothing_is_lost(home, whole, name):
    sql(home, *DERIVED[name])
    done = mended(home, whole)
    assert list(done.lost) == []


LOST = {
    "text": ("UPDATE contents SET text = replace(text, 'part', 'Part') WHERE document_id = 1", 1),
    "chunk": ("DELETE FROM chunks WHERE id = 4", 1),
    "page": ("DELETE FROM pages WHERE document_id = 3 AND number = 2", 1),
    "document": ("DELETE FROM documents WHERE id = 2", 1),
    "contents": ("DELETE FROM contents", 3),
    "a vector": ("UPDATE vectors SET vector = zeroblob(32) WHERE id = 2", 2),
    "vectors": ("DELETE FROM vectors", 3),
    "failure": ("DELETE FROM failures WHERE source = 'd.bin'", 1),
}


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_derived_is_said_by_name(home, whole, name):
    statement, lost = LOST[name]
    sql(home, statement)
    done = mended(home, whole)
    assert len(done.lost) == lost


def test_vectors_that_survive_are_not_paid_for_again(home):
    with open_store(home).snapshot() as snapshot:
        before = snapshot.summary().vectors
    sql(home, "DELETE FROM contents WHERE document_id = 1")
    repair_store(home)
    with open_store(home).snapshot() as snapshot:
        assert snapshot.summary().vectors == before
        assert [row.path for row in snapshot.documents()] == ["b.txt", "c.pdf"]


def test_stray_files_go(home):
    (home / "index" / ("f" * 64 + ".faiss")).write_bytes(b"x")
    (home / "index" / "9.tmp").write_bytes(b"x")
    assert failing(home) == [], "a running ingest has such files, too"
    assert len(repair_store(home).mended) == 1
    invariants.check(home, swept=True)


def hurt_index(path, random_):
    data = bytearray(path.read_bytes())
    kind = random_.choice(["flip", "cut", "swap", "missing"])
    if kind == "flip":
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    elif kind == "cut":
        del data[random_.randrange(len(data)) :]
    elif kind == "swap":
        data = data[len(data) // 2 :] + data[: len(data) // 2]
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if kind == "missing":
        path.unlink()


@pytest.mark.parametrize("seed", range(12))
def test_every_damage_to_the_index_is_found_and_mended(home, whole, seed):
    for path in list((home / "index").iterdir()):
        hurt_index(path, random.Random(seed))
    assert "index.files" in failing(home)
    assert list(mended(home, whole).lost) == []


def hurt_database(data: bytearray, random_) -> None:
    """Flip some bits, or blank, cut, or swap pages."""
    kind = random_.choice(["bits", "blank", "swap", "noise", "cut"])
    pages = len(data) // PAGE
    one, other = (random_.randrange(pages) * PAGE for _ in range(2))
    if kind == "bits":
        for _ in range(random_.choice([1, 1, 1, 8])):
            data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    elif kind == "blank":
        data[one : one + PAGE] = bytes(PAGE)
    elif kind == "noise":
        data[one : one + PAGE] = random_.randbytes(PAGE)
    elif kind == "swap":
        pages_ = bytes(data[one : one + PAGE]), bytes(data[other : other + PAGE])
        data[one : one + PAGE], data[other : other + PAGE] = pages_[1], pages_[0]
    else:
        del data[max(PAGE, one) :]


@pytest.mark.parametrize("seed", range(60))
def test_a_database_hurt_anywhere_is_mended_or_left_alone(home, whole, seed):
    path = home / "kb.sqlite3"
    data = bytearray(path.read_bytes())
    hurt_database(data, random.Random(seed))
    path.write_bytes(data)
    code = ""
    try:
        mended(home, whole)
    except StoreError as error:
        code = error.failure.code
    assert code in ("", "store.corrupt", "store.version")
    if code:
        assert path.read_bytes() == data, "nothing was made worse"
        assert {p.name for p in home.iterdir()} <= {"kb.sqlite3", "index", "lock", "kb.sqlite3-wal",
                                                    "kb.sqlite3-shm"}  # fmt: skip


def test_a_damaged_file_is_kept_beside_the_new_one(home, whole):
    path = home / "kb.sqlite3"
    data = bytearray(path.read_bytes())
    data[:PAGE] = bytes(PAGE)
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        verify_store(home)
    assert "kb verify --repair" in caught.value.failure.hint
    done = mended(home, whole)
    assert done.kept == home / "kb.sqlite3.damaged-1"
    assert done.kept.read_bytes() == data
    assert list(done.lost) == []


@pytest.mark.parametrize("cut", [False, True])
def test_a_first_page_is_made_again_after_sqlite_has_packed_the_file(home, whole, cut):
    """As `kb gc` lets it do: then no table begins where it began."""
    roots = "SELECT name, rootpage FROM sqlite_master"
    with closing(sqlite3.connect(home / "kb.sqlite3")) as connection:
        before = connection.execute(roots).fetchall()
        connection.execute("VACUUM")
        assert connection.execute(roots).fetchall() != before
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = home / "kb.sqlite3"
    data = bytearray(path.read_bytes())
    data[:PAGE] = bytes(PAGE)
    path.write_bytes(data[:-100] if cut else data)
    done = mended(home, whole)
    assert done.kept is not None
    if not cut:
        assert list(done.lost) == []


def test_a_file_cut_short_gives_what_is_left_of_it(home, whole):
    path = home / "kb.sqlite3"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 100])
    assert mended(home, whole).kept is not None


def test_where_no_table_begins_where_it_should_it_says_so(home):
    """Packed in an order that is nobody's: nothing is taken for what it is not."""
    path = home / "kb.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE first (a)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET rowid = -1 WHERE name = 'first'")
        connection.commit()
        connection.execute("VACUUM")
        connection.execute("DROP TABLE first")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[:PAGE] = bytes(PAGE)
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        repair_store(home)
    assert "Nothing was changed" in caught.value.failure.message
    assert "kb restore" in caught.value.failure.hint
    assert path.read_bytes() == data


def test_what_can_only_come_from_a_backup_is_said(home):
    sql(home, "UPDATE profiles SET digest = 'x'")
    (wrong,) = (each for each in repair_store(home).findings if not each.ok)
    assert wrong.id == "database.seals"
    assert "kb restore" in wrong.hint
    assert "--repair" not in wrong.hint


def test_gc_deletes_what_a_killed_repair_left(home):
    left = [home / "salvage.tmp", home / "restore.tmp"]
    for folder in left:
        folder.mkdir()
        (folder / "x").write_bytes(b"x")
    (home / "kb.sqlite3.replaced").write_bytes(b"x")
    (home / "kb.sqlite3.damaged-1").write_bytes(b"kept")
    with open_store(home).writer("gc") as writer:
        writer.generations().collect()
    assert not any(folder.exists() for folder in left)
    assert not (home / "kb.sqlite3.replaced").exists()
    assert (home / "kb.sqlite3.damaged-1").exists()


def test_what_cannot_be_read_at_all_is_left_alone(home):
    path = home / "kb.sqlite3"
    path.write_bytes(os.urandom(50_000))
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        repair_store(home)
    assert caught.value.failure.code == "store.corrupt"
    assert "kb restore" in caught.value.failure.hint
    assert path.read_bytes() == before
    assert not list(home.glob("*damaged*")) + list(home.glob("*.tmp"))


def test_a_repair_waits_for_the_writer(home, monkeypatch):
    monkeypatch.setattr("kb.store.local.lock.WAIT_S", 0.1)
    with open_store(home).writer("ingest"), pytest.raises(StoreError) as caught:
        repair_store(home)
    assert caught.value.failure.code == "store.locked"
    assert damage.failing(home) == []

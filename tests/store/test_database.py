"""A broken world is named: what it is, which file, and what mends it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

from kb.errors import StoreError, UsageError, failure
from kb.store import open_store
from kb.store.local import fts, schema
from kb.store.local.database import SCHEMA_VERSION
from kb.store.local.store import LocalStore
from tests.conftest import REPOSITORY
from tests.store import invariants
from tests.store.builders import PROFILE, draft, source, store_document, texts_of, vector_of


def code_of(caught) -> str:
    assert caught.value.failure.message.endswith(".")
    assert len(caught.value.failure.hint) > 10
    return caught.value.failure.code


def filled(home):
    store = open_store(home, create=True)
    with store.writer("test") as writer:
        for n in range(30):
            store_document(writer, f"{n}.txt", [f"alpha {n} " * 40])
    return store


def database(home):
    return home / "kb.sqlite3"


def test_there_is_none(home):
    with pytest.raises(UsageError) as caught:
        open_store(home)
    assert code_of(caught) == "search.no_knowledge_base"
    assert not home.exists()


def test_opening_a_second_time_keeps_what_is_there(home):
    filled(home)
    with open_store(home, create=True).snapshot() as snapshot:
        assert len(snapshot.documents()) == 30


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 99, b"SQLite format 3\0"])
def test_another_file_in_its_place(home, content):
    filled(home)
    database(home).write_bytes(content)
    with pytest.raises(StoreError) as caught:
        open_store(home, create=True)
    assert code_of(caught) == "store.corrupt"
    assert database(home).read_bytes() == content, "it is left for a person to look at"


def test_a_database_of_another_program(home):
    home.mkdir()
    with closing(sqlite3.connect(database(home))) as connection:
        connection.execute("CREATE TABLE t (a)")
    with pytest.raises(StoreError) as caught:
        open_store(home)
    assert code_of(caught) == "store.corrupt"


def test_a_truncated_database(home):
    filled(home)
    whole = database(home).read_bytes()
    database(home).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError) as caught:
        open_store(home)
    assert code_of(caught) == "store.corrupt"
    assert str(len(whole)) in caught.value.failure.message


def test_overwritten_pages(home):
    store = filled(home)
    data = bytearray(database(home).read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    database(home).write_bytes(data)
    with pytest.raises(StoreError) as caught, store.snapshot() as snapshot:
        snapshot.documents()
    assert code_of(caught) == "store.corrupt"


def test_a_journal_without_its_database(home):
    filled(home)
    database(home).rename(home / "kb.sqlite3-wal")
    with pytest.raises(StoreError) as caught:
        open_store(home, create=True)
    assert code_of(caught) == "store.corrupt"


def test_a_newer_format(home):
    store = filled(home)
    with closing(sqlite3.connect(database(home))) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError) as caught:
        open_store(home)
    assert code_of(caught) == "store.version"
    assert "99" in caught.value.failure.message
    for use in (store.snapshot, lambda: store.writer("test")):
        with pytest.raises(StoreError), use():
            pass


def test_an_older_format_is_brought_up_to_date(home, monkeypatch):
    filled(home)
    upgraded = []
    monkeypatch.setattr("kb.store.local.store.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(schema, "upgrade", upgraded.append)
    open_store(home)
    assert upgraded == [database(home)]


def test_upgrading_a_current_one_changes_nothing(home):
    filled(home)
    before = database(home).read_bytes()
    schema.upgrade(database(home))
    assert database(home).read_bytes() == before


def test_a_full_disk_stops_the_run_and_keeps_what_was_committed(home):
    store = filled(home)
    with store.writer("test") as writer:
        pages = writer._database.one("PRAGMA page_count")[0]
        writer._database.run(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError) as caught:
            store_document(writer, "big.txt", [f"beta {n} " * 500 for n in range(50)])
        assert code_of(caught) == "store.disk_full"
        assert caught.value.failure.retriable
    with store.snapshot() as snapshot:
        assert len(snapshot.documents()) == 30
    with store.writer("test") as writer:
        store_document(writer, "big.txt", ["beta"])
    invariants.check(home)


def test_a_path_that_is_not_unicode(store):
    with store.writer("test") as writer, pytest.raises(StoreError) as caught:
        writer.fail(source("caf\udce9.txt"), "h", failure("extract.corrupt"), collection="c")
    assert code_of(caught) == "store.unreachable"


@pytest.fixture
def unprivileged():
    """Root may write anywhere; lay that down for the test."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def open_to_all(tmp_path_factory):
    """A folder that an unprivileged user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_read_only_folder_can_be_searched_and_not_written(open_to_all, request):
    home = open_to_all / "kb"
    filled(home)
    import filelock  # noqa: F401 - not everybody may read where it is installed

    for path in [*home.iterdir(), home]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) | 0o444)
    request.getfixturevalue("unprivileged")
    store = LocalStore.open(home)
    with store.snapshot() as snapshot:
        assert len(snapshot.match("alpha", top_k=99)) == 30
        assert len(snapshot.nearest(vector_of("x"), top_k=99)) == 30
    with pytest.raises(StoreError) as caught, store.writer("test"):
        pass
    assert code_of(caught) == "store.unreachable"
    with pytest.raises(StoreError) as caught:
        open_store(open_to_all / "none", create=True)
    assert code_of(caught) == "store.unreachable"


def test_nothing_to_do_writes_nothing(home):
    store = filled(home)
    with store.writer("test") as writer:
        writer.refresh_index()

    def state():
        return {
            p.name: (p.stat().st_mtime_ns, p.read_bytes())
            for p in home.rglob("*")
            if p.is_file() and p.name != "lock"
        }

    before = state()
    again = open_store(home, create=True)
    with again.snapshot() as snapshot:
        snapshot.known_sources()
        snapshot.match("alpha", top_k=3)
        snapshot.nearest(vector_of("x"), top_k=3)
        snapshot.summary()
    with again.writer("test") as writer:
        writer.pin(PROFILE)
        writer.known_keys([b"k" * 32])
        writer.refresh_index()
    assert state() == before
    assert set(before) == {"kb.sqlite3"}


def test_readers_go_on_while_a_writer_commits(home):
    store = filled(home)
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            with open_store(home).snapshot() as snapshot:
                found = snapshot.match("version", top_k=9)
                seen.append((len(found), len(snapshot.documents())))
                assert len(texts_of(snapshot, found)) == len(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    with store.writer("test") as writer:
        store_document(writer, "v.txt", ["version 0", "version 0b"])
        for reader in readers:
            reader.start()
        for n in range(1, 40):
            store_document(writer, "v.txt", [f"version {n}", f"version {n}b"])
    stop.set()
    for reader in readers:
        reader.join()
    assert set(seen) == {(2, 31)}


def test_another_tokenizer_version_is_rebuilt_by_the_next_writer(home, monkeypatch):
    store = filled(home)
    monkeypatch.setattr(fts, "TOKENIZER_VERSION", fts.TOKENIZER_VERSION + 1)
    monkeypatch.setattr(fts, "index_words", lambda text: text.upper() + " extra")
    with store.snapshot() as snapshot:
        assert len(snapshot.match("alpha", top_k=99)) == 30
        assert not snapshot.match("extra", top_k=99)
    with store.writer("test"):
        pass
    with store.snapshot() as snapshot:
        assert len(snapshot.match("extra", top_k=99)) == 30
        before = database(home).read_bytes()
    with store.writer("test"):
        pass
    assert database(home).read_bytes() == before


def test_words_alone_import_nothing_heavy(home):
    filled(home)
    program = (
        "import sys, pathlib; from kb.store import open_store\n"
        "with open_store(pathlib.Path(sys.argv[1])).snapshot() as s:\n"
        "    assert s.passages([i for i, _ in s.match('alpha', top_k=3)])\n"
        "print(*{'numpy', 'faiss', 'sqlite_utils', 'filelock', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(home)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == []


def test_a_document_without_chunks_is_a_document(store):
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.put(draft("empty.txt", []))
    with store.snapshot() as snapshot:
        assert snapshot.documents()[0].chunks == 0

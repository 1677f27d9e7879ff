"""Full disks, read-only folders and files that are not what they should be, for real."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from kb.errors import KbError, StoreError
from kb.store import backup_store, open_store, repair_store, restore_store, verify_store
from tests.conftest import REPOSITORY
from tests.store import damage
from tests.store.damage import ENGLISH, answers, build, dump, failing, put

LIMITED = """
import pathlib, resource, sys
from kb.errors import StoreError
from kb.store import open_store, backup_store
from tests.store import damage
home, doing = pathlib.Path(sys.argv[1]), sys.argv[2]
size = (home / "kb.sqlite3").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2 if doing == "backup" else size + 40_000,) * 2)
try:
    if doing == "backup":
        backup_store(home, home.parent / "kb.zip")
    else:
        with open_store(home).writer("ingest") as writer:
            for n in range(200):
                damage.put(writer, f"new{n}.md", damage.ENGLISH.replace("Clause", f"Clause {n}"))
except StoreError as error:
    print(error.failure.code)
    print(error.failure.hint)
"""


def limited(home, doing):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(home), doing],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.fixture
def home(tmp_path):
    build(tmp_path / ".kb")
    return tmp_path / ".kb"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("a file system can be mounted by root alone")
    yield folder
    # Lazily: a process keeps a descriptor of each database it opened, for the sake of its locks.
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_limit_on_the_length_of_files_stops_an_ingest_whole(home):
    before = answers(home)
    code, hint = limited(home, "ingest")
    assert code == "store.disk_full"
    assert "space" in hint
    assert failing(home) == []
    new = {f"new{n}.md" for n in range(200)}
    assert answers(home, without=new) == before, "what was committed stays"
    with open_store(home).writer("ingest") as writer:
        put(writer, "later.md", "# Later\n\nIt goes on.")


def test_a_limit_on_the_length_of_files_leaves_no_half_backup(home):
    assert limited(home, "backup")[0] == "store.disk_full"
    assert [path.name for path in home.parent.iterdir()] == [".kb"]
    assert failing(home) == []


def ingest_much(home):
    with open_store(home).writer("ingest") as writer:
        for n in range(200):
            put(writer, f"new{n}.md", ENGLISH.replace("Clause", f"Clause {n}"))


def test_a_full_disk_stops_an_ingest_whole(small_disk, tmp_path):
    home = small_disk / ".kb"
    build(home)
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(bytes(max(0, free - 60_000)))
    with pytest.raises(StoreError) as caught:
        ingest_much(home)
    assert caught.value.failure.code == "store.disk_full"
    with pytest.raises(StoreError) as caught:
        backup_store(home, small_disk / "kb.zip")
    assert caught.value.failure.code == "store.disk_full"
    assert not list(small_disk.glob("kb*"))
    ballast.unlink()
    assert failing(home) == []
    with open_store(home).writer("ingest") as writer:
        put(writer, "later.md", "# Later\n\nIt goes on.")
    assert failing(home) == []


def test_a_repair_or_a_restore_that_finds_no_room_changes_nothing(small_disk, tmp_path):
    home = small_disk / ".kb"
    build(home)
    backup_store(home, tmp_path / "kb.zip")
    data = bytearray((home / "kb.sqlite3").read_bytes())
    data[:4096] = bytes(4096)
    (home / "kb.sqlite3").write_bytes(data)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(small_disk).free - 40_000)))
    for attempt in (
        lambda: repair_store(home),
        lambda: restore_store(home, tmp_path / "kb.zip", force=True),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.failure.code == "store.disk_full"
        assert (home / "kb.sqlite3").read_bytes() == data
        assert not list(home.glob("*.tmp"))
    ballast.unlink()
    assert list(repair_store(home).lost) == []
    assert failing(home) == []


def test_a_read_only_disk_can_be_verified_and_backed_up(small_disk, tmp_path):
    home = small_disk / ".kb"
    build(home)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert failing(home) == []
    backup_store(home, tmp_path / "kb.zip")
    for attempt in (
        lambda: repair_store(home),
        lambda: restore_store(home, tmp_path / "kb.zip", force=True),
        lambda: backup_store(home, small_disk / "kb.zip"),
        lambda: open_store(home).writer("x").__enter__(),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.failure.code == "store.unreachable"
    restore_store(tmp_path / "copy", tmp_path / "kb.zip")
    assert dump(tmp_path / "copy") == dump(tmp_path / "copy")
    assert answers(tmp_path / "copy") == answers(home)


def newer(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.execute("INSERT INTO theirs VALUES ('precious')")
        connection.commit()


BROKEN = {
    "of a newer kb": (newer, "store.version"),
    "overwritten": (lambda path: path.write_bytes(os.urandom(99_999)), "store.corrupt"),
    "emptied": (lambda path: path.write_bytes(b""), "store.corrupt"),
    "of another program": (foreign, "store.corrupt"),
    "a text": (lambda path: path.write_text("hello " * 99), "store.corrupt"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("attempt", [verify_store, repair_store, open_store, "backup", "read"])
def test_what_is_not_our_database_is_named_and_left_alone(home, tmp_path, name, attempt):
    spoil, code = BROKEN[name]
    path = home / "kb.sqlite3"
    spoil(path)
    before = path.read_bytes()
    actions = {
        "backup": lambda home: backup_store(home, tmp_path / "kb.zip"),
        "read": damage.answers,
    }
    with pytest.raises(KbError) as caught:
        actions.get(attempt, attempt)(home)
    assert caught.value.failure.code == code
    assert caught.value.exit_code == 4
    assert path.read_bytes() == before
    assert {each.name for each in home.iterdir()} <= {"kb.sqlite3", "index", "lock"}


UNCLEAN = """
import os, pathlib, signal, sys
from kb.store import open_store
from tests.store import damage
home = pathlib.Path(sys.argv[1])
with open_store(home).snapshot():
    with open_store(home).writer("ingest") as writer:
        for n in range(3):
            damage.put(writer, f"new{n}.md", damage.ENGLISH.replace("Clause", f"Clause {n}"))
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("cut", ["deleted", "emptied", "torn", "noise"])
def test_a_journal_that_is_deleted_or_torn_costs_at_most_its_commits(home, cut):
    before = answers(home)
    subprocess.run([sys.executable, "-c", UNCLEAN, str(home)], cwd=REPOSITORY, check=False)
    journal = home / "kb.sqlite3-wal"
    data = journal.read_bytes()
    assert len(data) > 50_000
    (home / "kb.sqlite3-shm").unlink()
    if cut == "deleted":
        journal.unlink()
    elif cut == "emptied":
        journal.write_bytes(b"")
    elif cut == "torn":
        journal.write_bytes(data[: len(data) // 2 + 77])
    else:
        half = len(data) // 2
        journal.write_bytes(data[:half] + os.urandom(len(data) - half))
    assert failing(home) == []
    new = {f"new{n}.md" for n in range(3)}
    assert answers(home, without=new) == before

"""One writer at a time, and the second is told who the first is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from kb.errors import StoreError
from kb.store import verify_store
from kb.store.local import store as local_store
from kb.store.local.store import LocalStore
from tests.conftest import REPOSITORY
from tests.store.builders import store_document

HOLD = """
import sys, pathlib, time
from kb.store import open_store
with open_store(pathlib.Path(sys.argv[1])).writer("kb ingest docs"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(home, store):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_is_told_who_holds_it(home, holder):
    started = time.monotonic()
    second = LocalStore.open(home, wait_s=0.3)
    with pytest.raises(StoreError) as caught, second.writer("kb remove"):
        pass
    assert 0.25 < time.monotonic() - started < 3
    failure = caught.value.failure
    assert failure.code == "store.locked"
    assert failure.retriable
    assert str(holder.pid) in failure.message
    assert "kb ingest docs" in failure.message
    with second.snapshot() as snapshot:
        assert list(snapshot.documents()) == []


def test_a_dead_holder_holds_nothing(home, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert json.loads((home / "lock.holder").read_text())["pid"] == holder.pid
    with LocalStore.open(home, wait_s=0.3).writer("kb remove") as writer:
        assert json.loads((home / "lock.holder").read_text())["pid"] == os.getpid()
        store_document(writer, "a.txt", ["x"])
    assert not (home / "lock.holder").exists()


def test_two_writers_in_one_process(home, store):
    second = LocalStore.open(home, wait_s=0.1)
    with store.writer("first"):
        with pytest.raises(StoreError) as caught, second.writer("second"):
            pass
        assert "first" in caught.value.failure.message
    with second.writer("second"):
        pass


def test_an_error_inside_lets_the_lock_go(home, store):
    with pytest.raises(KeyError), store.writer("first"):
        raise KeyError
    with LocalStore.open(home, wait_s=0.1).writer("second"):
        pass


def test_of_two_that_make_it_at_once_the_second_finds_it_made(tmp_path, monkeypatch):
    home = tmp_path / "kb"
    real = local_store.writer_lock

    @contextmanager
    def after_the_other(*args, **options):
        monkeypatch.undo()
        with LocalStore.open(home, create=True).writer("other") as writer:
            store_document(writer, "a.txt", ["x"])
        with real(*args, **options):
            yield

    monkeypatch.setattr(local_store, "writer_lock", after_the_other)
    with LocalStore.open(home, create=True).snapshot() as snapshot:
        assert len(snapshot.documents()) == 1


def test_a_note_that_is_torn_is_no_hindrance(home, holder):
    """A holder may die while it writes the note: whoever waits is told what is known."""
    (home / "lock.holder").write_text('{"pid": 12')
    with pytest.raises(StoreError) as caught, LocalStore.open(home, wait_s=0.1).writer("second"):
        pass
    assert caught.value.failure.code == "store.locked"
    assert "another process" in caught.value.failure.message


def test_a_writer_that_was_killed_leaves_a_whole_state_to_the_next(home, holder):
    with LocalStore.open(home).snapshot() as before:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with LocalStore.open(home, wait_s=0.3).writer("kb ingest") as writer:
            store_document(writer, "a.txt", ["x"])
            assert list(before.documents()) == [], "a reader keeps the state it began with"
        assert list(before.documents()) == []
    assert [each.id for each in verify_store(home) if not each.ok] == []


def test_a_second_command_says_who_writes_and_ends_with_4(home, holder):
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "verify", "--repair", "--home", str(home)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert str(holder.pid) in done.stderr
    assert "kb ingest docs" in done.stderr.replace("\n    ", " ")

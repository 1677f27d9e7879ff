"""A backup is consistent while others write, comes back whole, and a false one is refused."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import ExitStack, closing

import pytest

from kb.errors import StoreError, UsageError
from kb.pipeline.base import locate
from kb.store import backup_store, open_store, restore_store
from kb.store.local import backup as backups
from kb.store.local import backup_restore, tiers
from kb.store.local.steps import SAFETY_STEPS
from tests.conftest import REPOSITORY
from tests.store import invariants
from tests.store.damage import answers, build, dump, failing
from tests.store.test_verify import INGEST

TOML = b'[search]\nmode = "lexical"\n'


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch):
    monkeypatch.setattr(tiers, "SMALLEST", 8)


@pytest.fixture
def home(tmp_path):
    build(tmp_path / ".kb")
    return tmp_path / ".kb"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kb.zip"


def state(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_there_and_back(home, file, tmp_path):
    before = state(home)
    made = backup_store(home, file, extra={"kb.toml": TOML})
    assert state(home) == before
    assert made.documents == 3
    assert made.bytes == file.stat().st_size
    other = tmp_path / "other" / ".kb"
    assert restore_store(other, file) == made
    assert dump(other) == dump(home)
    assert answers(other) == answers(home)
    assert (other / "kb.toml").read_bytes() == TOML
    assert failing(other) == []
    invariants.check(other, swept=True)
    assert list((other / "index").iterdir()), "the index was built again"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".kb", "kb.zip", "other"]


def test_any_program_can_open_it(home, file, tmp_path):
    backup_store(home, file)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        archive.extract("kb.sqlite3", tmp_path)
    with closing(sqlite3.connect(tmp_path / "kb.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (3,)


def test_it_is_consistent_while_another_process_writes(home, file, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "_PAGES", 4)
    process = subprocess.Popen(
        [sys.executable, "-c", INGEST, str(home)], cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    copies = 0
    while process.poll() is None:
        backup_store(home, file, force=True)
        copies += 1
        restore_store(tmp_path / f"copy{copies}", file)
    process.stdout.close()
    assert process.returncode == 0
    assert copies
    for number in range(1, copies + 1):
        assert failing(tmp_path / f"copy{number}") == []


def test_it_does_not_overwrite_unless_told_to(home, file):
    file.write_bytes(b"mine")
    with pytest.raises(UsageError) as caught:
        backup_store(home, file)
    assert "--force" in caught.value.failure.hint
    assert file.read_bytes() == b"mine"
    backup_store(home, file, force=True)
    assert zipfile.is_zipfile(file)


def test_one_that_appears_meanwhile_is_not_overwritten(home, file, monkeypatch):
    monkeypatch.setattr(backups, "_refuse", lambda *a, **k: None)
    file.write_bytes(b"mine")
    with pytest.raises(UsageError):
        backup_store(home, file)
    assert file.read_bytes() == b"mine"
    assert [p.name for p in file.parent.iterdir() if p.name.startswith("kb.zip")] == ["kb.zip"]


@pytest.mark.parametrize("where", ["nowhere/kb.zip", "."])
def test_a_place_that_cannot_be_written_to(home, tmp_path, where):
    with pytest.raises(UsageError) as caught:
        backup_store(home, tmp_path / where)
    assert caught.value.failure.code == "usage.invalid"


@pytest.mark.parametrize("name", ["kb.sqlite3", "kb.toml", "index/x.zip", "other.zip"])
@pytest.mark.parametrize("through", ["", "link"])
def test_a_backup_never_lands_on_what_it_copies(home, tmp_path, name, through):
    (tmp_path / "link").symlink_to(home)
    before = state(home)
    with pytest.raises(UsageError) as caught:
        backup_store(home, (tmp_path / through if through else home) / name, force=True)
    assert caught.value.failure.code == "usage.invalid"
    assert "outside" in caught.value.failure.hint
    assert state(home) == before


def leftover(folder, process, *, number=1):
    """What a backup of that process leaves when it is killed."""
    names = [f"kb-backup-{process}-{number}{end}" for end in (".zip.tmp", ".sqlite3.tmp")]
    for name in [*names, f"{names[1]}-journal"]:
        (folder / name).write_bytes(b"x")
    return names


def test_the_next_backup_clears_away_what_a_killed_one_left(home, file):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leftover(file.parent, ended.pid)
    leftover(file.parent, os.getpid(), number=99)
    mine = ["kb.zip.1.tmp", "kb-backup-1.zip.tmp", "kb-backup-x-1.zip.tmp", "kb-backup-7-1.zip",
            "my-kb-backup-7-1.zip.tmp"]  # fmt: skip
    for name in mine:
        (file.parent / name).write_bytes(b"mine")
    backup_store(home, file)
    assert {p.name for p in file.parent.iterdir()} == {*mine, ".kb", "kb.zip"}


def test_a_backup_leaves_those_that_are_under_way(home, file):
    """One whose process lives, and one whose lock is held by a machine that shares the folder."""
    import fcntl

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [*leftover(file.parent, os.getppid()), *leftover(file.parent, ended.pid)]
    with (file.parent / names[2]).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        backup_store(home, file)
        assert {p.name for p in file.parent.iterdir()} >= set(names)
    backup_store(home, file, force=True)
    assert not (file.parent / names[2]).exists()


def test_a_damaged_database_makes_no_backup(home, file):
    path = home / "kb.sqlite3"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        backup_store(home, file)
    assert caught.value.failure.code == "store.corrupt"
    assert [p.name for p in file.parent.iterdir()] == [".kb"]


def test_restoring_over_another_needs_force(home, file, tmp_path):
    backup_store(home, file, extra={"kb.toml": TOML})
    other = tmp_path / "other"
    build(other, {"z.md": "# Only\n\nAnother text altogether."})
    (other / "kb.toml").write_text("# mine\n")
    before = state(other)
    with pytest.raises(UsageError) as caught:
        restore_store(other, file)
    assert "--force" in caught.value.failure.hint
    assert state(other) == before
    restore_store(other, file, force=True)
    assert dump(other) == dump(home)
    assert failing(other) == []
    assert (other / "kb.toml.replaced").read_text() == "# mine\n"
    assert not [name for name in state(other) if "sqlite3" in name and name != "kb.sqlite3"]
    invariants.check(other, swept=True)


def test_restoring_over_a_damaged_one(home, file):
    backup_store(home, file)
    wanted = dump(home)
    (home / "kb.sqlite3").write_bytes(b"garbage" * 999)
    restore_store(home, file, force=True)
    assert dump(home) == wanted
    assert failing(home) == []


def test_a_reader_goes_on_while_its_knowledge_base_is_replaced(home, file, tmp_path):
    backup_store(home, file)
    other = tmp_path / "other"
    build(other, {"z.md": "# Only\n\nAnother text altogether."})
    with open_store(other).snapshot() as old:
        assert len(old.documents()) == 1
        restore_store(other, file, force=True)
        assert len(old.documents()) == 1
        assert old.match("altogether", top_k=3)
        with open_store(other).snapshot() as new:
            assert len(new.documents()) == 3
    with open_store(other).writer("test") as writer:
        writer.start_run("x")
    assert failing(other) == []


#: Restores, and dies at the step that is named.
RESTORE = """
import sys
from pathlib import Path
from kb.store import restore_store
restore_store(Path(sys.argv[1]), Path(sys.argv[2]), force=True)
"""
STEPS = [name for name in SAFETY_STEPS if name.startswith("restore.")]
#: Does what a writer does while a reader is in the way, and dies: all it did is in the journal.
WRITE = """
import os, sys
from pathlib import Path
from kb.store import open_store
from tests.store.damage import put
with open_store(Path(sys.argv[1])).writer("ingest") as writer:
    put(writer, "late.md", "# Late\\n\\nThe supplier delivers part 99 at last.")
    os._exit(0)
"""


def run(script, *arguments, **environ):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **environ}, capture_output=True, check=False
    )
    return done.returncode


def settings_of(folder):
    locate(folder, environ={})
    file = folder / "kb.toml"
    return file.read_bytes() if file.exists() else b""


@pytest.mark.parametrize("settings", [TOML, None])
@pytest.mark.parametrize("reading", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_it_is_the_old_one_or_the_new_one(
    home, file, tmp_path, step, reading, settings
):
    """With its settings, though both have the same number of generation; no commit is lost."""
    backup_store(home, file, extra={"kb.toml": settings} if settings else None)
    other = tmp_path / "other"
    build(other, {"z.md": "# Only\n\nAnother text altogether."})
    (other / "kb.toml").write_bytes(b"# mine\n")
    with ExitStack() as stack:
        if reading:
            stack.enter_context(open_store(other).snapshot())
        assert run(WRITE, other) == 0
        assert (other / "kb.sqlite3-wal").stat().st_size
        assert run(RESTORE, other, file, KB_TEST_KILL_AT=step) == -signal.SIGKILL
        found = settings_of(other), sorted(answers(other)["documents"])
        old, new = (b"# mine\n", ["late.md", "z.md"]), (settings or b"", ["a.md", "b.txt", "c.pdf"])
        assert found == (new if step == "restore.replaced" else old)
        assert failing(other) == []
        assert run(RESTORE, other, file) == 0
    assert (settings_of(other), sorted(answers(other)["documents"])) == new
    assert dump(other) == dump(home)
    assert failing(other) == []
    assert (other / "kb.toml.replaced").read_bytes() == b"# mine\n"
    left = {path.name for path in other.iterdir()} - {"lock", "index"}
    assert left - {"kb.sqlite3-wal", "kb.sqlite3-shm"} == {
        *("kb.sqlite3", "kb.toml.replaced"),
        *(["kb.toml"] if settings else []),
    }


def test_gc_clears_away_what_a_killed_restore_announced(home, file, tmp_path):
    """Before its database goes, whose inode another file may get."""
    backup_store(home, file, extra={"kb.toml": TOML})
    for step, kept in (("restore.parted", b"# mine\n"), ("restore.replaced", TOML)):
        (home / "kb.toml").write_bytes(b"# mine\n")
        assert run(RESTORE, home, file, KB_TEST_KILL_AT=step) == -signal.SIGKILL
        assert [*home.glob("kb.toml.database-*")]
        with open_store(home).writer("gc") as writer:
            writer.generations().collect()
        assert (home / "kb.toml").read_bytes() == kept
        assert [*home.glob("kb.toml.database-*")] == []
        assert not (home / "restore.tmp").exists()


def test_a_writer_is_not_restored_over(home, file, monkeypatch):
    backup_store(home, file)
    monkeypatch.setattr("kb.store.local.lock.WAIT_S", 0.1)
    with open_store(home).writer("ingest"), pytest.raises(StoreError) as caught:
        restore_store(home, file, force=True)
    assert caught.value.failure.code == "store.locked"
    assert failing(home) == []


@pytest.mark.parametrize("place", ["_unpack", "_settle", "_replace"])
def test_a_restore_that_fails_leaves_what_was(home, file, tmp_path, monkeypatch, place):
    backup_store(home, file)
    other = tmp_path / "other"
    build(other, {"z.md": "# Only\n\nAnother text altogether."})
    before = state(other)

    def full(*_):
        raise OSError(28, "No space left on device")

    def fail(*_):
        with backup_restore.door(other):
            full()

    monkeypatch.setattr(backup_restore, place, fail)
    for home_ in (other, tmp_path / "none"):
        with pytest.raises(StoreError) as caught:
            restore_store(home_, file, force=True)
        assert caught.value.failure.code == "store.disk_full"
    assert state(other) == before
    assert not (tmp_path / "none").exists()


# --- false backups


def rewrite(file, change):
    """Write the archive again, its members changed by `change(name, data) -> {name: data}`."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def told_right(members):
    """Make the list of contents agree with what was changed, as an enemy would."""
    told = json.loads(members["backup.json"])
    told["files"] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
        if name != "backup.json"
    }
    members["backup.json"] = json.dumps(told).encode()
    return members


def trigger(members, tmp):
    path = tmp / "evil.sqlite3"
    path.write_bytes(members["kb.sqlite3"])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER evil AFTER INSERT ON runs BEGIN DELETE FROM documents; END"
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return told_right(members | {"kb.sqlite3": path.read_bytes()})


FALSE = {
    "a text": lambda f, t: f.write_text("hello"),
    "empty": lambda f, t: f.write_bytes(b""),
    "cut": lambda f, t: f.write_bytes(f.read_bytes()[:-200]),
    "cut in half": lambda f, t: f.write_bytes(f.read_bytes()[: f.stat().st_size // 2]),
    "another zip": lambda f, t: rewrite(f, lambda m: {"readme.txt": b"x"}),
    "a path upwards": lambda f, t: rewrite(f, lambda m: told_right(m | {"../evil": b"x"})),
    "an absolute path": lambda f, t: rewrite(f, lambda m: told_right(m | {"/tmp/evil": b"x"})),
    "long settings": lambda f, t: rewrite(
        f, lambda m: told_right(m | {"kb.toml": b"#" * (2 << 20)})
    ),
    "another database": lambda f, t: rewrite(f, lambda m: told_right(m | {"kb.sqlite3": b"x"})),
    "a wrong checksum": lambda f, t: rewrite(
        f, lambda m: m | {"kb.sqlite3": m["kb.sqlite3"][::-1]}
    ),
    "a manifest that is none": lambda f, t: rewrite(f, lambda m: m | {"backup.json": b"[]"}),
    "nested manifest": lambda f, t: rewrite(f, lambda m: m | {"backup.json": b"[" * 99_999}),
    "a manifest of other files": lambda f, t: rewrite(f, lambda m: m | {"kb.toml": b"x"}),
    "a trigger": lambda f, t: rewrite(f, lambda m: trigger(m, t)),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_backup_is_refused_and_nothing_is_touched(home, file, tmp_path, name):
    backup_store(home, file)
    FALSE[name](file, tmp_path)
    before = state(home)
    with pytest.raises(StoreError) as caught:
        restore_store(home, file, force=True)
    assert caught.value.failure.code == "store.corrupt"
    assert str(file) in caught.value.failure.message
    assert state(home) == before
    with pytest.raises(StoreError):
        restore_store(tmp_path / "new", file)
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.rglob("evil"))


def test_one_that_swells_is_refused(home, file):
    backup_store(home, file)
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(StoreError) as caught:
        restore_store(home, file, force=True)
    assert caught.value.failure.code == "store.corrupt"


def test_every_flipped_bit_is_refused_or_harmless(home, file, tmp_path):
    import random

    backup_store(home, file)
    data = file.read_bytes()
    random_ = random.Random(5)
    codes = set()
    for number in range(60):
        hurt = bytearray(data)
        # Half of them in the last kilobyte, where the archive says what it holds.
        at = random_.randrange(len(data)) if number % 2 else len(data) - 1 - random_.randrange(1024)
        hurt[at] ^= 1 << random_.randrange(8)
        file.write_bytes(hurt)
        new = tmp_path / f"new{number}"
        try:
            restore_store(new, file)
        except StoreError as error:
            codes.add(error.failure.code)
            assert not new.exists()
        else:
            assert dump(new) == dump(home)
    assert {"store.corrupt"} <= codes <= {"store.corrupt", "store.version"}


def test_one_of_a_newer_kb(home, file, tmp_path):
    backup_store(home, file)

    def newer(members):
        told = json.loads(members["backup.json"]) | {"version": 99, "kb": "9.9"}
        return members | {"backup.json": json.dumps(told).encode()}

    rewrite(file, newer)
    with pytest.raises(StoreError) as caught:
        restore_store(tmp_path / "new", file)
    assert caught.value.failure.code == "store.version"
    assert "9.9" in caught.value.failure.message

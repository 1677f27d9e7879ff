"""`kb restore`: put the knowledge base of a backup in place.

Everything is unpacked beside what is there and checked, before anything is touched. Then the new
database takes the name of the old one in one step; the old one lies under another name until the
new one is in place. The index is derived, and built anew.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path

from kb.errors import StoreError
from kb.store import Backup
from kb.store.local.backup import Archive, broken_backup, check_database, opened, usage
from kb.store.local.backup_settings import (
    REPLACED,
    WORK,
    announce_settings,
    clear_away,
    settle_settings,
)
from kb.store.local.database import FILE, connect, door, open_reader
from kb.store.local.lock import writer_lock
from kb.store.local.schema import sync_folder, upgrade
from kb.store.local.sealed import open_writer
from kb.store.local.steps import step
from kb.store.local.tables import FOLDER
from kb.store.local.verify_tables import differences, reference
from kb.store.local.writer import LocalWriter


def restore(home: Path, file: Path, *, force: bool) -> Backup:
    """Put the backup `file` in place in `home`; see `kb.store.restore_store`."""
    home = home.absolute()
    with door(home):
        if not file.exists():
            raise usage(f"There is no file {file}.", "Name the file that `kb backup` wrote.")
        made = not home.exists()
    with opened(file.absolute()) as archive:
        _refuse(home, force=force)
        try:
            with door(home):
                home.mkdir(parents=True, exist_ok=True)
            with writer_lock(home, "restore"):
                _refuse(home, force=force)
                _carry_out(home, archive)
                return archive.summary(file)
        except BaseException:
            if made:
                _leave_nothing(home)
            raise


def _refuse(home: Path, *, force: bool) -> None:
    with door(home):
        there = (home / FILE).exists() or (home / f"{FILE}-wal").exists()
    if there and not force:
        raise usage(
            f"There is a knowledge base in {home} already.",
            "Restore into another folder with --home, or overwrite this one with --force.",
        )


def _leave_nothing(home: Path) -> None:
    """Take away the folder that was made for a restore that failed."""
    with suppress(OSError):
        if not (home / FILE).exists():
            for name in ("lock", "lock.holder"):
                (home / name).unlink(missing_ok=True)
            home.rmdir()


def _carry_out(home: Path, archive: Archive) -> None:
    work = home / WORK
    try:
        clear_away(home)
        with door(home):
            work.mkdir()
        for name in (FILE, *archive.extras):
            _unpack(archive, name, work / name)
        step("restore.unpacked")
        broken = broken_backup(archive.path, "SQLite finds its database damaged")
        check_database(work / FILE, broken)
        upgrade(work / FILE)
        _refuse_strange(archive, work / FILE)
        _settle(work / FILE, "DELETE FROM segments")
        _replace(home, work)
    finally:
        clear_away(home)
    _refresh(home)


def _unpack(archive: Archive, name: str, path: Path) -> None:
    with door(path), path.open("xb") as file:
        for block in archive.blocks(name):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _refuse_strange(archive: Archive, path: Path) -> None:
    """Take no table, trigger or view into use that kb would not have made."""
    database = open_reader(path)
    try:
        for said in differences(database, reference()):
            raise broken_backup(archive.path, f"in its database, {said}")
    finally:
        database.close()


def _settle(path: Path, *statements: str) -> bool:
    """Bring all that a journal may hold into the database file itself, and let the journal go.

    A backup holds no files of an index, so what is restored must name none: `statements`. Gives
    False where a reader of an earlier state keeps some of it in the journal.
    """
    connection = connect(path, "mode=rw")
    try:
        with door(path):
            for statement in statements:
                connection.execute(statement)
            _, held, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(held == moved)
    finally:
        connection.close()


def _replace(home: Path, work: Path) -> None:
    """Put the new database in the place of the old one, so that each step leaves one of them whole.

    A journal is taken for that of whichever database lies beside it, so the old one is parted from
    its own before, and has to be whole without it.
    """
    path, old = home / FILE, home / f"{FILE}{REPLACED}"
    _make_whole(path, work / f"{FILE}.whole")
    with door(home):
        old.unlink(missing_ok=True)
        if path.exists():
            with suppress(OSError):  # a file system without links
                os.link(path, old)
        announce_settings(home, work)
        step("restore.announced")
        for end in ("-wal", "-shm"):
            journal = home / f"{FILE}{end}"
            if journal.exists():
                journal.replace(home / f"{FILE}{REPLACED}{end}")
        step("restore.parted")
        (work / FILE).replace(path)
        sync_folder(home)
        step("restore.replaced")
        settle_settings(home)
        sync_folder(home)
        for end in ("", "-wal", "-shm"):
            (home / f"{FILE}{REPLACED}{end}").unlink(missing_ok=True)


def _make_whole(path: Path, draft: Path) -> None:
    """Have the old database hold all of its commits without its journal.

    Where a reader is in the way, a copy that does takes its place: with the journal beside it, it
    says the same, since the journal holds whole pages that it has already.
    """
    if not path.exists():
        return
    try:
        if _settle(path):
            return
        with door(path), closing(connect(path, "mode=rw")) as source:
            with closing(connect(draft, "mode=rwc")) as target:
                source.backup(target)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
            sync_folder(path.parent)
    except StoreError as error:
        if error.failure.code != "store.corrupt":
            raise  # one that is damaged cannot be settled, and is not worth it


def _refresh(home: Path) -> None:
    """Build the index of what was restored, and sweep that of what was there before."""
    database = open_writer(home / FILE)
    try:
        LocalWriter(database, home / FOLDER).refresh_index()
    finally:
        database.close()

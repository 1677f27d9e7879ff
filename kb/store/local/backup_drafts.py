"""The files of a backup that is not complete yet, and those that a killed one left behind.

They lie in the folder of the backup, for only there a rename makes it appear whole, and carry the
process id of the one that writes them. It holds a lock of the operating system on the archive as
long as it lives; so a leftover is told from the work of another.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from kb.store.local.database import door

_ARCHIVE: Final = re.compile(r"kb-backup-([1-9][0-9]*)-[1-9][0-9]*\.zip\.tmp")
#: What SQLite may have put beside the copy of the database.
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
#: A process may write several at a time.
_NUMBERS: Final = count(1)


@contextmanager
def begun(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Give the paths of the archive, which is there and empty, and of the copy of the database.

    Both are gone after the block, unless the archive was renamed. Raises `StoreError`.
    """
    archive = folder / f"kb-backup-{os.getpid()}-{next(_NUMBERS)}.zip.tmp"
    with door(archive):
        handle = os.open(archive, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield archive, _copy_of(archive)
    finally:
        _remove(archive)
        os.close(handle)


def clear(folder: Path) -> None:
    """Delete what killed backups left in a folder, and nothing that may be anything else."""
    with suppress(OSError):
        for archive in folder.iterdir():
            named = _ARCHIVE.fullmatch(archive.name)
            if named and not _lives(int(named[1])) and _is_free(archive):
                _remove(archive)


def _lives(process: int) -> bool:
    """Tell whether another process of this number is there."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _is_free(archive: Path) -> bool:
    """Tell whether nobody holds the lock, also none on another machine that shares the folder."""
    try:
        handle = os.open(archive, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _copy_of(archive: Path) -> Path:
    return archive.with_name(archive.name.replace(".zip.tmp", ".sqlite3.tmp"))


def drop_copy(archive: Path) -> None:
    """Delete the copy of the database: before the archive gets its name, by which it is found."""
    copy = _copy_of(archive)
    for end in _BESIDE:
        with suppress(OSError):
            Path(f"{copy}{end}").unlink(missing_ok=True)


def _remove(archive: Path) -> None:
    """Delete an archive with its copy; itself last, for by it the others are found again."""
    drop_copy(archive)
    with suppress(OSError):
        archive.unlink(missing_ok=True)

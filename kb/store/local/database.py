"""The one door to SQLite: connections, transactions, and what SQLite's errors mean.

Nothing else in `kb` calls `sqlite3`. Every statement goes through `Database`, and every error of
SQLite or of the operating system leaves as a `StoreError` that names the thing, the fact and the
cure.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from kb.errors import Failure, StoreError, failure

Row: TypeAlias = tuple[Any, ...]

#: The database's name in the folder of the knowledge base.
FILE: Final = "kb.sqlite3"
#: How long SQLite itself waits for another connection's short lock, in milliseconds.
BUSY_MS: Final = 5_000
#: What sqlite3 makes of any exception in a function of ours. They raise none of their own, so it
#: was Ctrl-C or SIGTERM.
_INTERRUPTED: Final = "user-defined function raised exception"
#: `PRAGMA application_id` of every kb database: the bytes "kb01".
APPLICATION_ID: Final = 0x6B623031
#: `PRAGMA user_version` this code reads and writes; `schema.py` brings older ones up to it.
SCHEMA_VERSION: Final = 3

_MAGIC: Final = b"SQLite format 3\0"
_OLDEST_SQLITE: Final = (3, 35, 0)
#: Below this much room a failed write is put down to the full disk.
_ROOM: Final = 1 << 20

_SQLITE_CODES: Final = {
    sqlite3.SQLITE_BUSY: "store.locked",
    sqlite3.SQLITE_LOCKED: "store.locked",
    sqlite3.SQLITE_PROTOCOL: "store.locked",
    sqlite3.SQLITE_FULL: "store.disk_full",
    sqlite3.SQLITE_READONLY: "store.unreachable",
    sqlite3.SQLITE_PERM: "store.unreachable",
    sqlite3.SQLITE_AUTH: "store.unreachable",
    sqlite3.SQLITE_CANTOPEN: "store.unreachable",
    sqlite3.SQLITE_IOERR: "store.unreachable",
    sqlite3.SQLITE_NOLFS: "store.unreachable",
}
_OS_CODES: Final = {
    errno.ENOSPC: "store.disk_full",
    errno.EDQUOT: "store.disk_full",
    errno.EFBIG: "store.disk_full",
}
_SAYINGS: Final = {
    "store.locked": "Another program holds a lock on {thing}",
    "store.disk_full": "There is no room left on the disk to write {thing}",
    "store.corrupt": "{thing} is damaged",
    "store.unreachable": "{thing} cannot be opened or written",
}


@contextmanager
def door(thing: Path) -> Iterator[None]:
    """Turn every SQLite and operating-system error in the block into a `StoreError`.

    Raises KeyboardInterrupt where that came while SQLite was calling our own function (`seals`).
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a mistake in kb, not a broken world
    except sqlite3.Error as error:
        if str(error) == _INTERRUPTED:
            raise KeyboardInterrupt from error
        raise StoreError(_from_sqlite(error, thing)) from error
    except UnicodeEncodeError as error:
        message = f"{thing} cannot hold a name that is not valid Unicode: {error.object!r}."
        raise StoreError(failure("store.unreachable", message, hint="Rename the file.")) from error
    except OSError as error:
        code = _OS_CODES.get(error.errno or 0, "store.unreachable")
        raise StoreError(_described(code, Path(error.filename or thing), error)) from error


def _from_sqlite(error: sqlite3.Error, thing: Path) -> Failure:
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    code = _SQLITE_CODES.get(primary, "store.corrupt")
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(thing):
        code = "store.disk_full"
    if "no such module" in str(error):
        return _too_old("has no full-text search (FTS5)")
    return _described(code, thing, error)


def _described(code: str, thing: Path, error: Exception) -> Failure:
    said = getattr(error, "strerror", None) or str(error)
    return failure(code, f"{_SAYINGS[code].format(thing=thing)}: {said}.", error=str(error))


def _is_full(thing: Path) -> bool:
    """Tell whether there is no room: on the disk, or below the limit on the length of a file."""
    import resource  # of use only when something has failed
    import shutil

    longest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        sizes = [file.stat().st_size for file in thing.parent.glob(f"{thing.name}*")]
        free = shutil.disk_usage(thing.parent).free
    except OSError:
        return False
    limited = longest != resource.RLIM_INFINITY and max(sizes, default=0) + _ROOM > longest
    return free < _ROOM or limited


def _too_old(fact: str) -> Failure:
    return failure(
        "store.unreachable",
        f"The SQLite {sqlite3.sqlite_version} that this Python carries {fact}.",
        hint="Run kb with a Python whose sqlite3 module has SQLite 3.35 or newer with FTS5.",
    )


def damaged(thing: Path, fact: str, **detail: Any) -> StoreError:  # noqa: ANN401 - for people
    """Give the `store.corrupt` error saying what is wrong with `thing`."""
    return StoreError(failure("store.corrupt", f"{thing} is damaged: {fact}.", **detail))


class Database:
    """A connection to `kb.sqlite3`; used by one thread at a time.

    Transactions are opened and closed by name, never by the driver.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection

    @property
    def connection(self) -> sqlite3.Connection:
        """The driver's own connection, for what has no method here; errors are not translated."""
        return self._connection

    def all(self, sql: str, *values: Any) -> list[Row]:  # noqa: ANN401 - what SQLite stores
        """Give all rows of a query."""
        with door(self.path):
            return self._connection.execute(sql, values).fetchall()

    def named(self, sql: str, **values: Any) -> list[Row]:  # noqa: ANN401
        """Give all rows of a query whose values are called by name."""
        with door(self.path):
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:  # noqa: ANN401
        """Give the first row of a query, or None."""
        with door(self.path):
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def blocks(self, sql: str, *values: Any, size: int) -> Iterator[list[Row]]:  # noqa: ANN401
        """Give the rows of a query in lists of up to `size`, so that memory stays flat."""
        with door(self.path), closing(self._connection.execute(sql, values)) as cursor:
            while rows := cursor.fetchmany(size):
                yield rows

    def run(self, sql: str, *values: Any) -> int:  # noqa: ANN401
        """Carry out one statement; gives the id of the row it inserted, if it did."""
        with door(self.path):
            return self._connection.execute(sql, values).lastrowid or 0

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out one statement for each row."""
        with door(self.path):
            self._connection.executemany(sql, rows)

    def slice(self, table: str, column: str, *, row: int, start: int, end: int) -> bytes:
        """Give bytes `start` to `end` of one long value without reading the rest of it."""
        with (
            door(self.path),
            self._connection.blobopen(table, column, row, readonly=True) as value,
        ):
            value.seek(start)
            return value.read(end - start)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did as one, or nothing of it."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.run("ROLLBACK")
            raise

    def close(self) -> None:
        """Let the connection go; an open read transaction ends with it."""
        with door(self.path):
            self._connection.close()


def open_reader(path: Path) -> Database:
    """Open `path` for reading; the connection refuses to write.

    Where the folder may be written to, SQLite keeps its -wal and -shm files in order by itself.
    Where it may not, the file is read as it is, provided no -wal file holds newer commits.
    """
    if _may_write(path) and _may_write(path.parent):
        mode = "mode=rw"
    elif path.with_name(path.name + "-wal").exists():
        mode = "mode=ro"
    else:
        mode = "mode=ro&immutable=1"
    return open_database(path, mode, "query_only=ON")


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a bare connection without driver-made transactions."""
    with door(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_MS / 1000,
            check_same_thread=False,
        )


def open_database(path: Path, mode: str, *pragmas: str) -> Database:
    """Open `path` as a database of ours, with these settings; raises `StoreError`."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(_too_old("is too old"))
    inspect(path)
    database = Database(connect(path, mode), path)
    try:
        for pragma in pragmas:
            database.run(f"PRAGMA {pragma}")
        _expect_ours(database)
    except BaseException:
        database.close()
        raise
    return database


def _expect_ours(database: Database) -> None:
    application = database.one("PRAGMA application_id")
    if application != (APPLICATION_ID,):
        raise damaged(database.path, "it is a database of another program")
    found = version(database)
    if found > SCHEMA_VERSION:
        message = (
            f"{database.path} has format {found}, made by a newer kb; "
            f"this one reads up to format {SCHEMA_VERSION}."
        )
        raise StoreError(failure("store.version", message))


def version(database: Database) -> int:
    """Give the format number that stands in the database."""
    row = database.one("PRAGMA user_version")
    return int(row[0]) if row else 0


# A process that closes any descriptor of a file loses all locks that it has on it, those of its
# SQLite connections too: then another process may take itself for the last one and delete the
# journal that is in use here. So the descriptors through which heads are read stay open, the last
# few of them. The key is device and inode.
_HEADS: Final[dict[tuple[int, int], int]] = {}
_KEPT: Final = 64


def _head(path: Path) -> tuple[bytes, int]:
    """Give the first 100 bytes of a file, and its size."""
    found = path.stat()
    key = found.st_dev, found.st_ino
    handle = _HEADS.pop(key, None)
    if handle is None:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    _HEADS[key] = handle
    while len(_HEADS) > _KEPT:
        os.close(_HEADS.pop(next(iter(_HEADS))))
    return os.pread(handle, 100, 0), os.fstat(handle).st_size


def inspect(path: Path) -> None:
    """Raise `store.corrupt` where `path` cannot be a whole SQLite file, looking at its head only.

    A file cut short is told by the page count in its head, which holds only while no -wal file
    has newer pages; so a suspicion is looked into once more before it is voiced.
    """
    for last in (False, True):
        with door(path):
            head, size = _head(path)
        if not head.startswith(_MAGIC) or len(head) < 100:
            raise damaged(path, "it is not an SQLite database")
        page = int.from_bytes(head[16:18], "big")
        needed = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
        journal = path.with_name(path.name + "-wal")
        whole = size >= needed or (journal.exists() and journal.stat().st_size > 0)
        if whole:
            return
        if last:
            raise damaged(path, f"it is {size} bytes long and should be {needed}")

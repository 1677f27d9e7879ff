"""The embedded engine: `kb.sqlite3` is the truth, `index/` is derived from it.

Invariants, each with a crash test in `tests/store`:

I1  the manifest names only segments that were durable when it named them; where a file is missing
    or altered since, searches read SQLite instead and the next writer rebuilds it;
I2  a visible chunk names one stored vector, or none where the model gave none;
I4  a named segment never changes;
I5  all chunks of a generation name vectors of its one profile;
I6  ids are never used twice;
    the full-text rows are exactly the words of the stored chunks.

What a crash leaves: vectors that no chunk names yet (kept: they are paid for) and files in
`index/` that the manifest does not name (deleted by the next `refresh_index`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kb.errors import UsageError, failure
from kb.store.local.database import (
    FILE,
    SCHEMA_VERSION,
    door,
    open_reader,
    version,
)
from kb.store.local.lock import WAIT_S, writer_lock
from kb.store.local.shelf import Shelf
from kb.store.local.snapshot import LocalSnapshot
from kb.store.local.tables import FOLDER

# A search must not pay for what only a writer needs.
if TYPE_CHECKING:
    from kb.store.local.generations import CurrentWriter


class LocalStore:
    """A `kb.store.Store` in the folder `home`.

    Snapshots may be opened by several threads; each snapshot is used by one at a time.
    """

    def __init__(self, home: Path, *, wait_s: float = WAIT_S) -> None:
        self._home = home
        self._path = home / FILE
        self._shelf = Shelf(home / FOLDER)
        self._wait_s = wait_s

    @classmethod
    def open(cls, home: Path, *, create: bool = False, wait_s: float = WAIT_S) -> Self:
        """Open the knowledge base in `home`, or make an empty one there.

        `wait_s` is how long a writer waits for another, in seconds. Raises `UsageError`
        (`search.no_knowledge_base`) when there is none and `create` is False, and `StoreError`.
        """
        store = cls(home.absolute(), wait_s=wait_s)
        with door(home):
            there = store._path.exists()
        if not there and not create:
            message = f"There is no knowledge base in {home}."
            raise UsageError(failure("search.no_knowledge_base", message))
        if not there:
            store._make()
        store._bring_up_to_date()
        return store

    @contextmanager
    def snapshot(self, *, generation: int | None = None) -> Iterator[LocalSnapshot]:
        """Open a read-only view of the state as it is now; takes no lock."""
        database = open_reader(self._path)
        try:
            yield LocalSnapshot(database, self._shelf, generation=generation)
        finally:
            database.close()

    @contextmanager
    def writer(self, command: str, *, wait_s: float | None = None) -> Iterator[CurrentWriter]:
        """Take the writer's lock (waits briefly), or raise `store.locked` naming the holder.

        `command` is what the message to another writer says. Opening alone writes nothing to the
        database.
        """
        from kb.store.local.generations import CurrentWriter
        from kb.store.local.sealed import open_sealed

        wait_s = self._wait_s if wait_s is None else wait_s
        with writer_lock(self._home, command, wait_s=wait_s):
            database = open_sealed(self._path)
            try:
                yield CurrentWriter(database, self._shelf.folder)
            finally:
                database.close()

    def close(self) -> None:
        """Let go of the segments in memory; connections end with their blocks."""
        self._shelf.keep_only([])

    def _make(self) -> None:
        with door(self._home):
            self._home.mkdir(parents=True, exist_ok=True)
        from kb.store.local import schema
        from kb.store.local.sealed import open_sealed

        with writer_lock(self._home, "make the knowledge base", wait_s=self._wait_s):
            # Another process may have made it while this one waited.
            if not self._path.exists():
                schema.make(self._home)
                open_sealed(self._path).close()

    def _bring_up_to_date(self) -> None:
        database = open_reader(self._path)
        try:
            outdated = version(database) < SCHEMA_VERSION
        finally:
            database.close()
        if outdated:
            from kb.store.local import schema

            with writer_lock(self._home, "upgrade the knowledge base", wait_s=self._wait_s):
                schema.upgrade(self._path)

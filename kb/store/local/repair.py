"""`kb verify --repair`: mend what can be derived, say what was lost, and verify again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from kb.errors import StoreError, UsageError, failure
from kb.store import Repair
from kb.store.local import rows, seals, tiers, verify_tables
from kb.store.local.database import FILE, Database, connect, door
from kb.store.local.lock import writer_lock
from kb.store.local.repair_rows import Outcome, mend
from kb.store.local.repair_salvage import salvage
from kb.store.local.sealed import open_writer
from kb.store.local.steps import step
from kb.store.local.tables import FOLDER
from kb.store.local.verify import Examination, examine
from kb.store.local.verify_check import Damage, counted

_COMMAND: Final = "verify --repair"
#: Mending one thing may lay open another; more rounds than this never help.
_ROUNDS: Final = 3


def repair(home: Path) -> Repair:
    """Mend the knowledge base in `home`; see `kb.store.repair_store`."""
    home = home.absolute()
    with door(home):
        there = (home / FILE).exists()
    if not there:
        message = f"There is no knowledge base in {home}."
        raise UsageError(failure("search.no_knowledge_base", message))
    with writer_lock(home, _COMMAND):
        return _Work(home).done()


class _Work:
    """One repair, while the writer's lock is held."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / FILE
        self._outcome = Outcome()
        self._kept: Path | None = None

    def done(self) -> Repair:
        """Look, mend, and look again."""
        found = self._look()
        for _ in range(_ROUNDS):
            if found is not None and found.ok and not found.damage.strays:
                break
            if found is None or found.damage.file:
                self._salvage()
                found = examine(self._home)
            if found.damage.hopeless:
                break
            found = self._mend(found)
        assert found is not None
        return Repair(
            mended=self._outcome.mended,
            lost=self._outcome.losses(),
            kept=self._kept,
            findings=found.findings,
        )

    def _look(self) -> Examination | None:
        """Examine it, or give None where the database cannot even be opened."""
        try:
            return examine(self._home)
        except StoreError as error:
            if error.failure.code != "store.corrupt":
                raise
            return None

    def _salvage(self) -> None:
        if self._kept is not None:
            return
        self._kept = salvage(self._home, self._rounds)
        self._outcome.mended.insert(
            0,
            f"The database was read into a new file; the damaged one is kept as {self._kept.name}.",
        )

    def _rounds(self, folder: Path) -> None:
        """Mend the rows of a new database in `folder`; its index lies elsewhere."""
        for _ in range(_ROUNDS):
            found = examine(folder)
            if found.damage.hopeless or not _hurts_rows(found):
                break
            self._rows(folder / FILE, found.damage)

    def _mend(self, found: Examination) -> Examination | None:
        damage = found.damage
        try:
            if _hurts_rows(found):
                self._rows(self._path, damage)
            self._index(damage)
        except StoreError as error:
            if error.failure.code != "store.corrupt" or self._kept is not None:
                raise
            return None
        return examine(self._home)

    def _rows(self, path: Path, damage: Damage) -> None:
        with closing(connect(path, "mode=rw")) as connection:
            seals.know(connection)
            database = Database(connection, path)
            database.run("PRAGMA synchronous = FULL")
            with database.transaction():
                mend(database, damage, self._outcome)
            database.run("PRAGMA wal_checkpoint(TRUNCATE)")
        step("repair.mended")

    def _index(self, damage: Damage) -> None:
        """Build the segments again that are not sound, and sweep what nothing names."""
        with door(self._home):
            for path in damage.segments:
                path.unlink(missing_ok=True)
        hurt = bool(damage.segments or damage.manifest)
        if hurt or damage.strays:
            database = open_writer(self._path)
            try:
                self._refresh(database)
            finally:
                database.close()
        if damage.manifest:
            self._outcome.mended.append("The index was built again from the stored vectors.")
        elif damage.segments:
            told = counted(len(damage.segments), "file")
            self._outcome.mended.append(f"{told} of index/ built again from the stored vectors.")
        if damage.strays and not hurt:
            self._outcome.mended.append("Files of index/ that nothing names were deleted.")

    def _refresh(self, database: Database) -> None:
        """Bring the index of every generation up to what is stored, not only of that in use."""
        index = self._home / FOLDER
        known = {id_: json for _, id_, json in verify_tables.pinned(database)}
        for profile_id, json in known.items():
            dimensions = rows.profile(json).dimensions
            tiers.refresh(database, index, profile_id=profile_id, dimensions=dimensions)
        if not known:
            tiers.sweep(database, index)


def _hurts_rows(found: Examination) -> bool:
    """Tell whether anything but the files of the index is wrong."""
    return any(not each.ok and each.id != "index.files" for each in found.findings)

"""Deleting what nothing names: given-up generations, their vectors and segments, and the room.

First a generation loses its words and its name in one small transaction; from then on it is
nothing but rows to be deleted, some thousand at a time, so that whoever is killed in the middle
has lost nothing and a second run goes on.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from kb.store.generations import Freed
from kb.store.local import fts, tiers
from kb.store.local.backup_settings import clear_away
from kb.store.local.database import Database, door
from kb.store.local.steps import step

_AT_ONCE: Final = 5_000
#: The folder in which a repair makes a new database.
SALVAGE: Final = "salvage.tmp"
#: A smaller share of free pages is left for the next documents: to close the gaps, SQLite writes
#: the whole file anew.
_GAPS: Final = 0.05
# A run that was not finished has paid for vectors that no chunk names yet.
_UNFINISHED_SQL: Final = """
    SELECT 1 FROM runs WHERE id = (SELECT max(id) FROM runs)
    AND status NOT IN ('ok', 'partial')"""
_MARKED: Final = "state != 'current' AND words IS NULL"


def mark(database: Database, *, former: bool, building: bool) -> None:
    """Give up generations: from now on they are leftovers."""
    if not database.one(f"SELECT 1 FROM generations WHERE {_chosen(former, building)}"):  # noqa: S608
        return
    with database.transaction():
        database.run(
            "UPDATE generations SET state = 'former', words = NULL "  # noqa: S608 - constants
            f"WHERE {_chosen(former, building)}"
        )
    step("gc.marked")


def _chosen(former: bool, building: bool) -> str:
    states = ["'former'"] * former + ["'building'"] * building
    return f"words IS NOT NULL AND state IN ({', '.join(states)})"


def drop_marked(database: Database) -> tuple[tuple[int, ...], int]:
    """Delete the leftovers with their chunks; gives their ids and how many chunks they had."""
    chunks = 0
    found = database.all(f"SELECT id FROM generations WHERE {_MARKED} ORDER BY id")  # noqa: S608
    for (generation,) in found:
        low = 0
        while some := database.all(
            "SELECT id FROM chunks WHERE id > ? AND generation_id = ? ORDER BY id LIMIT ?",
            *(low, generation, _AT_ONCE),
        ):
            low = some[-1][0]
            with database.transaction():
                database.many("DELETE FROM chunks WHERE id = ?", some)
            chunks += len(some)
        step("gc.emptied")
        with database.transaction():
            database.run("DELETE FROM generations WHERE id = ?", generation)
            # A segment is of the profile of some generation; what it was made of goes later.
            database.run(
                "DELETE FROM segments WHERE profile_id NOT IN "
                "(SELECT profile_id FROM generations WHERE profile_id IS NOT NULL)"
            )
    return tuple(row[0] for row in found), chunks


def collect(
    database: Database, index: Path, *, former: bool, building: bool, shrink: bool
) -> Freed:
    """Delete what nothing names; with `shrink`, give its room back to the disk."""
    before = _size(database, index)
    mark(database, former=former, building=building)
    generations, chunks = drop_marked(database)
    for number, table in enumerate(fts.TABLES):
        owned = database.one("SELECT 1 FROM generations WHERE words = ?", number)
        if not owned and database.one(f"SELECT 1 FROM {table}_docsize LIMIT 1"):  # noqa: S608
            with database.transaction():
                fts.empty(database, table)
    vectors, journal = 0, 0
    for profile_id, used, unfinished in _profiles(database):
        if unfinished:
            journal += _count(database, profile_id, used=used)
        else:
            vectors += _drop_vectors(database, profile_id, used=used)
    database.run(
        "DELETE FROM profiles WHERE id NOT IN "
        "(SELECT profile_id FROM generations WHERE profile_id IS NOT NULL)"
    )
    tiers.sweep(database, index)
    _sweep_home(database.path)
    if shrink:
        _shrink(database)
    return Freed(
        generations=generations,
        chunks=chunks,
        vectors=vectors,
        journal=journal,
        bytes=max(0, before - _size(database, index)),
    )


def rehearse(database: Database, *, former: bool, building: bool) -> Freed:
    """Count what `collect` would delete, without writing anything."""
    gone = database.all(
        f"SELECT id FROM generations WHERE {_MARKED} OR ({_chosen(former, building)}) "  # noqa: S608
        "ORDER BY id"
    )
    ids = ", ".join(str(row[0]) for row in gone)
    (chunks,) = database.one(f"SELECT count(*) FROM chunks WHERE generation_id IN ({ids})") or (0,)  # noqa: S608
    vectors = journal = room = 0
    for profile_id, used, unfinished in _profiles(database, without=ids):
        sql = _unnamed(used, without=ids)
        number, size = database.one(
            f"SELECT count(*), coalesce(sum(length(vector)), 0) FROM vectors WHERE {sql}",  # noqa: S608
            profile_id,
        ) or (0, 0)
        if unfinished:
            journal += number
        else:
            vectors, room = vectors + number, room + size
    (free,) = database.one("PRAGMA freelist_count") or (0,)
    (page,) = database.one("PRAGMA page_size") or (0,)
    return Freed(
        generations=tuple(row[0] for row in gone),
        chunks=chunks,
        vectors=vectors,
        journal=journal,
        bytes=room + free * page,
    )


def _profiles(database: Database, *, without: str = "") -> list[tuple[int, bool, bool]]:
    """Give each profile, whether a generation has it, and whether an unfinished run may need it."""
    unfinished = database.one(_UNFINISHED_SQL) is not None
    found = database.all(
        "SELECT profiles.id, count(generations.id), coalesce(sum(state = 'building'), 0) "  # noqa: S608
        "FROM profiles LEFT JOIN generations ON profile_id = profiles.id "
        f"AND generations.id NOT IN ({without}) GROUP BY profiles.id"
    )
    return [
        (id_, used > 0, used > 0 and (unfinished or building > 0)) for id_, used, building in found
    ]


def _unnamed(used: bool, *, without: str = "") -> str:
    """Give the condition for the vectors of a profile that no chunk of a kept generation names."""
    named = (
        "EXISTS (SELECT 1 FROM chunks WHERE vector_id = vectors.id "  # noqa: S608 - ids
        f"AND generation_id NOT IN ({without}))"
    )
    return f"profile_id = ? AND NOT {named}" if used else "profile_id = ?"


def _count(database: Database, profile_id: int, *, used: bool) -> int:
    sql = f"SELECT count(*) FROM vectors WHERE {_unnamed(used)}"  # noqa: S608
    found = database.one(sql, profile_id)
    return int(found[0]) if found else 0


def _drop_vectors(database: Database, profile_id: int, *, used: bool) -> int:
    """Delete vectors, and the rows of the manifest that would name files that hold them.

    What stands behind the first of them is built anew by the next `refresh_index`, for a segment
    holds every vector of its range and no hole may come before the last one.
    """
    low, number = 0, 0
    sql = f"SELECT id FROM vectors WHERE {_unnamed(used)} AND id > ? ORDER BY id LIMIT ?"  # noqa: S608
    while some := database.all(sql, profile_id, low, _AT_ONCE):
        with database.transaction():
            database.run(
                "DELETE FROM segments WHERE profile_id = ? AND high_id >= ?",
                *(profile_id, some[0][0]),
            )
            database.many("DELETE FROM vectors WHERE id = ?", some)
        step("gc.vectors")
        low = some[-1][0]
        number += len(some)
    return number


def _sweep_home(path: Path) -> None:
    """Delete what a killed restore or repair left beside the database, which is in its place."""
    clear_away(path.parent)
    with door(path):
        shutil.rmtree(path.with_name(SALVAGE), ignore_errors=True)
        for file in path.parent.glob(f"{path.name}.replaced*"):
            file.unlink(missing_ok=True)


def _shrink(database: Database) -> None:
    """Give free pages back to the disk where there are many."""
    (free,) = database.one("PRAGMA freelist_count") or (0,)
    (pages,) = database.one("PRAGMA page_count") or (0,)
    if free > _GAPS * pages:
        database.run("VACUUM")
    database.all("PRAGMA wal_checkpoint(TRUNCATE)")


def _size(database: Database, index: Path) -> int:
    files = [*database.path.parent.glob(f"{database.path.name}*"), *index.glob("*.faiss")]
    return sum(file.stat().st_size for file in files)

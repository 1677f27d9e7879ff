"""Is the database itself whole? The file, its tables, references, seals, ids and ledgers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kb.errors import CATALOGUE, Stage
from kb.store import Finding
from kb.store.local import fts, seals
from kb.store.local.database import FILE, SCHEMA_VERSION, Database, open_reader, version
from kb.store.local.verify_check import REPAIR, Check, Scene, counted

#: Tables whose ids are never used twice, and an id that none of them ever reaches.
COUNTED: Final = ("profiles", "generations", "documents", "vectors", "chunks", "failures", "runs")
HIGHEST: Final = 1 << 48
_STATUSES: Final = ("running", "ok", "partial", "failed", "interrupted")
_HOPELESS: Final = (
    "What is wrong with profiles and generations cannot be mended. Put a backup in its place (`kb "
    "restore FILE --force`), or remove the folder and ingest the documents again."
)
#: What a knowledge base knows of itself, by name, each a number.
_FACTS: Final = {"tokenizer"}
#: Rows that others name: when one is lost, so is what hangs on it.
_PINNED: Final = ("profiles", "generations")


def file(scene: Scene) -> Finding:
    """Let SQLite read every page and compare its indexes with its tables."""
    check = Check("database.file")
    rows = scene.database.all("PRAGMA integrity_check(100)")
    for (said,) in rows:
        check.expect(said == "ok", str(said).replace("\n", " "))
    scene.damage.file |= bool(check.wrong)
    pages = scene.database.one("PRAGMA page_count")
    size = scene.database.one("PRAGMA page_size")
    assert pages is not None
    assert size is not None
    return check.finding(
        f"SQLite finds all {pages[0]:,} pages of the database whole.",
        "SQLite finds damage in the database file",
        pages=pages[0],
        bytes=pages[0] * size[0],
    )


def references(scene: Scene) -> Finding:
    """See that every row that names another one names one that is there."""
    check = Check("database.references")
    for table, _, parent, _ in scene.database.all("PRAGMA foreign_key_check"):
        check.fail(f"a row of {table} names one of {parent} that is not there")
    return check.finding(
        "Every row that names another one names one that is there.", "References lead nowhere"
    )


def schema(scene: Scene) -> Finding:
    """Compare format number and tables with those that this kb makes."""
    check = Check("database.schema")
    found = version(scene.database)
    check.expect(found == SCHEMA_VERSION, f"the format number is {found}, not {SCHEMA_VERSION}")
    wanted = reference()
    for said in differences(scene.database, wanted):
        check.fail(said)
    if not check.wrong:
        facts: dict[object, object] = dict(scene.database.all("SELECT name, value FROM facts"))
        good = facts.keys() == _FACTS and all(isinstance(each, int) for each in facts.values())
        check.expect(good, "facts does not hold what it should")
    scene.damage.file |= bool(check.wrong)
    return check.finding(
        f"Format {found} with all its {len(wanted)} tables and indexes.",
        "The tables are not those of this format",
        version=found,
    )


def differences(database: Database, wanted: Mapping[str, str | None]) -> Iterator[str]:
    """Say in what the tables, indexes, triggers and views are not those of `reference`."""
    here = _tables(database)
    for name in sorted(wanted.keys() | here.keys()):
        if name not in wanted:
            yield f"{name} does not belong here"
        elif name not in here and name != "seals":
            yield f"{name} is missing"
        elif name in here and here[name] != wanted[name]:
            yield f"{name} is another"


def reference() -> Mapping[str, str | None]:
    """Give every table and index that a new knowledge base has, and what made it; and `seals`."""
    from kb.store.local import schema as schemas

    with tempfile.TemporaryDirectory() as folder:
        schemas.make(Path(folder))
        database = open_reader(Path(folder) / FILE)
        try:
            return _tables(database) | {"seals": seals.TABLE}
        finally:
            database.close()


def _tables(database: Database) -> dict[str, str | None]:
    return dict(database.all("SELECT name, sql FROM sqlite_master"))


def sealed(scene: Scene) -> Finding:
    """Compare every row of the truth with its seal."""
    check = Check("database.seals")
    rows = laid = 0
    if not scene.sealed:
        told = "No row is sealed yet: the next command that writes does it."
        return check.finding(told, rows=0)
    for each in seals.SEALED:
        found = scene.database.one(f"SELECT count(*) FROM {each.table}")  # noqa: S608
        laid += found[0] if found else 0
        for name in seals.broken(scene.database, each):
            check.fail(f"row {name} of {each.about} is not what was written")
            scene.damage.row(each.about, name)
        if each.part:
            continue  # the first seal of the table tells which rows are gone
        rows += found[0] if found else 0
        for name in seals.lost(scene.database, each):
            check.fail(f"row {name} of {each.table} is gone")
            scene.damage.row(each.table, name)
    if check.wrong >= laid > 1:
        # Not one row has the seal that is its own.
        scene.damage.rows.clear()
        return check.finding("", "The seals are lost, and prove nothing any more", rows=rows)
    for table in _PINNED:
        _weigh(scene, table)
    _sort(scene)
    return check.finding(
        f"All {counted(rows, 'row')} are what was written.",
        f"{check.wrong:,} of {counted(rows, 'row')} are not what was written",
        hint=_HOPELESS if scene.damage.hopeless else REPAIR,
        rows=rows,
    )


def _weigh(scene: Scene, table: str) -> None:
    """Tell apart a profile of which only the canaries are lost from one that is lost itself."""
    for name in scene.damage.rows.pop(table, ()):
        known = dict(scene.profiles.values())
        row = scene.database.one("SELECT digest FROM profiles WHERE id = ?", name)
        if table == "profiles" and row and name in known and known[name].digest == row[0]:
            scene.damage.canaries = True
        else:
            scene.damage.hopeless.append(f"row {name} of {table}")


def _sort(scene: Scene) -> None:
    """Note what of the generations can be mended, though its rows cannot be trusted."""
    damage = scene.damage
    damage.disowned |= _numbers(damage.rows.pop(seals.WORDS.about, ()))
    damage.owners |= bool(damage.disowned)
    damage.recipes |= _numbers(damage.rows.pop(seals.SETTINGS.about, ()))
    for name in damage.rows.pop(seals.BUILT.about, ()):
        document, _, generation = str(name).partition(".")
        if document.isdecimal() and generation.isdecimal():
            damage.unbuilt.add((int(document), int(generation)))


def _numbers(names: Iterable[object]) -> set[int]:
    return {name for name in names if isinstance(name, int)}


def ids(scene: Scene) -> Finding:
    """I3, I5, I6: one current generation, its profile readable, no id to be used twice."""
    check = Check("database.ids")
    current = scene.database.all("SELECT id FROM generations WHERE state = 'current'")
    check.expect(len(current) == 1, f"{len(current)} generations are current")
    for table in COUNTED:
        highest = scene.database.one(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608
        known = scene.database.one("SELECT seq FROM sqlite_sequence WHERE name = ?", table)
        assert highest is not None
        counter = known[0] if known else 0
        fits = isinstance(counter, int) and highest[0] <= counter < HIGHEST
        told = f"the counter of {table} is at {counter}, its last id {highest[0]}"
        if not check.expect(fits, told):
            scene.damage.counters = True
    return check.finding(
        f"Generation {scene.generation} is current; no id can be used twice.",
        "The generations or the counters of ids are wrong",
        generation=scene.generation,
    )


def generations(scene: Scene) -> Finding:
    """See that each generation has words of its own, and settings that lead to its profile."""
    check = Check("database.generations")
    taken: set[object] = set()
    known = scene.database.all("SELECT id, state, words, settings FROM generations ORDER BY id")
    for id_, state, words, settings in known:
        own = words in range(len(fts.TABLES)) and words not in taken
        if not check.expect(own or (words is None and state != "current"), f"words of {id_}"):
            scene.damage.owners = True
        taken.add(words)
        profile = scene.profiles.get(id_)
        model = profile[1].model if profile else None
        if settings is not None and not check.expect(_leads(settings, model), f"settings of {id_}"):
            scene.damage.recipes.add(id_)
    return check.finding(
        f"{counted(len(known), 'generation')}, each with its words and its settings.",
        "What is known of generations is wrong",
        generations=len(known),
    )


def _leads(settings: object, model: str | None) -> bool:
    """Tell whether settings are named as they should be, and name the model of the profile."""
    if not _is_json(settings, dict):
        return False
    told: dict[str, object] = json.loads(str(settings))
    named = all(name.startswith("embedding.") for name in told)
    return named and told.get("embedding.model", model) in {model, None}


def failures(scene: Scene) -> Finding:
    """See that the ledger of failures can be read, and is about files that are known."""
    check = Check("ledger.failures")
    rows = scene.database.all(
        "SELECT id, stage, code, attempts, detail, source IS NULL OR source IN "
        "(SELECT path FROM sources) FROM failures"
    )
    stages = {stage.value for stage in Stage}
    for id_, stage, code, attempts, detail, known in rows:
        good = stage in stages and code in CATALOGUE and _is_json(detail, dict)
        good = good and isinstance(attempts, int) and attempts >= 0
        if not check.expect(bool(good and known), f"failure {id_} ({code}) is not well-formed"):
            scene.damage.row("failures", id_)
    return check.finding(
        f"{counted(len(rows), 'failure')} in the ledger, each well-formed.",
        "The ledger of failures is damaged",
        failures=len(rows),
    )


def runs(scene: Scene) -> Finding:
    """See that every run has a known status, and a report where it came to its end."""
    check = Check("ledger.runs")
    rows = scene.database.all("SELECT id, status, finished_at, report FROM runs ORDER BY id")
    for id_, status, finished, report in rows:
        good = status in _STATUSES and (report is None or _is_json(report, dict))
        # One that is under way now, or was killed, is the last one.
        good = good and (finished is not None or (status == "running" and id_ == rows[-1][0]))
        if not check.expect(bool(good), f"run {id_} is not well-formed"):
            scene.damage.row("runs", id_)
    return check.finding(
        f"{counted(len(rows), 'run')} in the ledger, each well-formed.",
        "The ledger of runs is damaged",
        runs=len(rows),
    )


def _is_json(text: object, kind: type) -> bool:
    try:
        return isinstance(json.loads(str(text)), kind)
    except ValueError:
        return False


def pinned(database: Database) -> Iterator[tuple[int, int, Any]]:
    """Give generation, profile id and the profile's JSON of every generation that has one."""
    yield from database.all(
        "SELECT generations.id, profiles.id, json FROM generations "
        "JOIN profiles ON profiles.id = profile_id"
    )

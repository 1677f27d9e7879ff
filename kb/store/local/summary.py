"""The counts behind `kb status`, and what of the documents cannot be found, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from kb.errors import CATALOGUE, Stage
from kb.model import Profile
from kb.store import Summary
from kb.store.local import segments
from kb.store.local.database import Database
from kb.store.local.gaps import CODE, LOST

# What a reader said of parts of a file, and the pages that answer nothing. Both may be many.
_TOLD: Final = f"""
    WITH told AS MATERIALIZED (
        SELECT source, code, locator, message, hint,
            CAST(substr(locator, instr(locator, ' ') + 1) AS INTEGER) AS number
        FROM failures WHERE stage = 'extract' AND locator NOT NULL),
    lost AS MATERIALIZED (
        SELECT documents.id AS id, path, paged, {CODE} AS code, number
        FROM pages JOIN documents ON documents.id = document_id WHERE {LOST})"""  # noqa: S608 - constants only
_OF_PAGE: Final = """told.source = lost.path AND told.number = lost.number
        AND told.locator LIKE '% ' || told.number"""
_LOST_PAGES_SQL: Final = f"""{_TOLD}
    SELECT path, lost.code, json_group_array(lost.number), paged,
        (SELECT count(*) FROM pages WHERE document_id = lost.id), message, hint
    FROM (SELECT * FROM lost ORDER BY path, number) AS lost
    LEFT JOIN told ON {_OF_PAGE} AND told.code = lost.code
    GROUP BY path, lost.code, message, hint
    ORDER BY count(*) DESC, path, lost.code"""  # noqa: S608 - constants only
# The latest failure of a source that as a whole could not be stored.
_LOST_SOURCES_SQL: Final = """
    SELECT path, sources.state, code, message, hint FROM sources
    LEFT JOIN failures ON failures.id = (
        SELECT max(id) FROM failures WHERE failures.source = sources.path)
    WHERE sources.state != 'indexed' ORDER BY path"""
# What a reader left out of a document and what is no page: a line, a chapter, a mail's body.
_LOST_PARTS_SQL: Final = f"""{_TOLD}
    SELECT source, told.code, json_group_array(locator), message, hint
    FROM told JOIN sources ON sources.path = source AND state = 'indexed'
    LEFT JOIN lost ON {_OF_PAGE} WHERE lost.path IS NULL
    GROUP BY source, told.code, message, hint
    ORDER BY source, told.code"""  # noqa: S608 - constants only
_LOST_CHUNKS_SQL: Final = """
    SELECT source, code, json_group_array(locator), min(message), min(hint) FROM (
        SELECT * FROM failures WHERE stage = :stage AND source IN (
            SELECT path FROM sources WHERE state = 'indexed') ORDER BY id)
    GROUP BY source, code ORDER BY source, code"""


def summarise(
    database: Database,
    *,
    generation_id: int,
    profile_id: int | None,
    profile: Profile | None,
    index: Path,
) -> Summary:
    """Count what a snapshot shows; `index` is the folder of the segments."""
    collections = database.all(
        "SELECT collection, count(*) FROM documents GROUP BY collection ORDER BY collection"
    )
    by_stage: dict[str, int] = dict(
        database.all("SELECT stage, count(*) FROM failures GROUP BY stage")
    )
    pages = database.all(
        "SELECT state, count(*), sum(left_out), sum(coalesce(CAST(confidence AS REAL) < 0.7, 0)) "
        "FROM pages GROUP BY state ORDER BY state"
    )
    return Summary(
        documents=sum(count for _, count in collections),
        chunks=_count(database, "chunks WHERE generation_id = ?", generation_id),
        vectors=_count(database, "vectors WHERE profile_id = ?", profile_id),
        generation=generation_id,
        profile=profile,
        collections=dict(collections),
        failures_by_stage={stage.value: by_stage[stage] for stage in Stage if stage in by_stage},
        not_searchable=[*_lost(database)],
        bytes=_size(database.path, index),
        last_run=_last_run(database),
        index=_index(database, profile_id, index),
        coverage={row[0]: row[1] for row in pages},
        left_out=sum(row[2] for row in pages),
        doubtful=sum(row[3] for row in pages),
    )


def _count(database: Database, what: str, value: int | None) -> int:
    row = database.one(f"SELECT count(*) FROM {what}", value)  # noqa: S608 - constants only
    return int(row[0]) if row else 0


def _lost(database: Database) -> Iterator[Mapping[str, Any]]:
    """Give an entry for each document and code: whole files, then pages, then passages.

    `reason` is "failed" (nothing of the file answers), "stale" (its former version answers),
    "pages" (these cannot be read), "parts" (these cannot either, and are no pages) or "chunks"
    (these are found by their words alone).
    """
    for path, state, code, message, hint in database.all(_LOST_SOURCES_SQL):
        yield _entry(path, state, code, message=message, hint=hint)
    for path, code, pages, paged, total, message, hint in database.all(_LOST_PAGES_SQL):
        entry = _entry(path, "pages", code, pages=json.loads(pages), message=message, hint=hint)
        yield {**entry, "of": total, "paged": bool(paged)}
    for path, code, places, message, hint in database.all(_LOST_PARTS_SQL):
        entry = _entry(path, "parts", code, message=message, hint=hint)
        yield {**entry, "parts": json.loads(places)}
    for path, code, locators, message, hint in database.named(
        _LOST_CHUNKS_SQL, stage=Stage.EMBED.value
    ):
        chunks = [number for text in json.loads(locators) if (number := _number(text)) is not None]
        yield _entry(path, "chunks", code, chunks=chunks, message=message, hint=hint)


def _entry(  # noqa: PLR0913 - one row of a report
    path: str,
    reason: str,
    code: str | None,
    *,
    pages: Sequence[int] | None = None,
    chunks: Sequence[int] | None = None,
    message: str | None = None,
    hint: str | None = None,
) -> Mapping[str, Any]:
    known = CATALOGUE.get(code or "")
    return {
        "path": path,
        "reason": reason,
        "code": code,
        "pages": pages,
        "chunks": chunks,
        "message": message or (known.cause if known else ""),
        "hint": hint or (known.cure if known else ""),
    }


def _number(locator: str | None) -> int | None:
    """Give 12 for "chunk 12"."""
    tail = (locator or "").rpartition(" ")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else None


def _size(path: Path, index: Path) -> int:
    """Give the bytes the knowledge base takes on the disk; a file that goes meanwhile has 0."""
    total = 0
    for file in [*path.parent.glob(path.name + "*"), *index.glob("*")]:
        try:
            total += file.stat().st_size
        except OSError:
            continue
    return total


def _last_run(database: Database) -> Mapping[str, Any] | None:
    row = database.one(
        "SELECT id, command, status, started_at, finished_at, report FROM runs "
        "ORDER BY id DESC LIMIT 1"
    )
    if row is None:
        return None
    run, command, status, started_at, finished_at, report = row
    return {
        "run": str(run),
        "command": command,
        "status": status,
        "started_at": started_at,
        "finished_at": finished_at,
        "report": json.loads(report) if report else None,
    }


def _index(database: Database, profile_id: int | None, folder: Path) -> Mapping[str, Any]:
    """Give the facts about the index: `damaged` files are searched from SQLite until rebuilt.

    `recall` is the part of the true ten nearest that is found: 1 where all is searched exactly,
    else the mean of what was measured for each segment when it was built, by its vectors.
    `shapes` says the same of each segment.
    """
    if profile_id is None:
        return _index_facts([], 0, 0)
    found = segments.listed(database, profile_id)
    high = max((segment.high for segment in found), default=0)
    tail = database.one(
        "SELECT count(*) FROM vectors WHERE id > ? AND +profile_id = ?", high, profile_id
    )
    damaged = sum(not _trusted(folder, segment) for segment in found)
    return _index_facts(found, int(tail[0]) if tail else 0, damaged)


def _index_facts(found: Sequence[segments.Segment], tail: int, damaged: int) -> Mapping[str, Any]:
    inside = sum(segment.count for segment in found)
    missed = sum(segment.count * (1 - segment.shape.recall) for segment in found)
    compact = [segment for segment in found if not segment.shape.is_exact]
    return {
        "segments": len(found),
        "in_segments": inside,
        "tail": tail,
        "damaged": damaged,
        "kind": "compact" if compact else "exact",
        "recall": round(1 - missed / max(inside + tail, 1), 4),
        "shapes": [{"vectors": s.count, "bytes": s.bytes, **asdict(s.shape)} for s in found],
    }


def _trusted(folder: Path, segment: segments.Segment) -> bool:
    return segments.unchanged(folder, segment) or segments.is_sound(folder, segment)

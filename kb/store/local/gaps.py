"""What of the documents no search can find, in numbers; apart, as every search asks for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kb.errors import CATALOGUE
from kb.store import Gaps
from kb.store.local.database import Database

if TYPE_CHECKING:
    from kb.model import Filter

# Pages in these states hold something, and it is not searchable.
LOST: Final = "state IN ('image_only', 'failed')"
CODE: Final = """coalesce(code, CASE state WHEN 'image_only' THEN 'extract.no_text'
    ELSE 'extract.corrupt' END)"""
_GAPS_SQL: Final = f"""
    SELECT count(*), count(DISTINCT document_id), min(document_id),
        json_group_array(DISTINCT {CODE})
    FROM pages WHERE {LOST} AND CASE WHEN :listed IS NULL THEN 1
        ELSE document_id IN (SELECT value FROM json_each(:listed)) END"""  # noqa: S608 - constants only
# A file of a kind that kb does not read, or without a byte, has nothing to be searched.
_FILES_SQL: Final = """
    SELECT DISTINCT path FROM failures JOIN sources ON path = source
    WHERE locator IS NULL AND state = 'failed' AND coalesce(collection = :collection, 1)
        AND code NOT IN ('discover.missing', 'extract.unsupported', 'extract.empty')"""


def gaps(database: Database, within: Filter | None, listed: Callable[[], str | None]) -> Gaps:
    """Count the pages and files that no search can find; `listed` gives the documents meant.

    One look into an index that holds such pages alone, and one into the ledger, where there are
    none.
    """
    collection, path = (within.collection, within.path) if within else (None, None)
    found = [row[0] for row in database.named(_FILES_SQL, collection=collection)]
    if found and path is not None:
        from kb.store.local.globs import path_matches, path_pattern

        pattern = path_pattern(path)
        found = [each for each in found if path_matches(pattern, each)]
    only = found[0] if len(found) == 1 else ""
    return replace(_of_pages(database, listed), files=len(found), file=only)


def _of_pages(database: Database, listed: Callable[[], str | None]) -> Gaps:
    if database.one(f"SELECT 1 FROM pages WHERE {LOST} LIMIT 1") is None:  # noqa: S608 - constants only
        return Gaps()
    ids = listed()
    ((missing, documents, first, codes),) = database.named(_GAPS_SQL, listed=ids)
    if not missing:
        return Gaps()
    one = documents == 1
    path = database.one("SELECT path FROM documents WHERE id = ?", first) if one else None
    names = tuple(json.loads(codes)) if one else ()
    return Gaps(
        pages=_pages(database, str([first]) if one else ids),
        missing=missing,
        documents=documents,
        path=str(path[0]) if path else "",
        codes=names,
        hint=_hint(database, str(path[0]), names[0]) if path and len(names) == 1 else "",
    )


def _hint(database: Database, path: str, code: str) -> str:
    """Give what mends the pages of a document, where that is the same for all of them."""
    sql = "SELECT DISTINCT hint FROM failures WHERE source = ? AND code = ? AND locator NOT NULL"
    found = [hint for (hint,) in database.all(sql, path, code)]
    if not found and code in CATALOGUE:
        return CATALOGUE[code].cure
    return str(found[0] or "") if len(found) == 1 else ""


def _pages(database: Database, listed: str | None) -> int:
    """Count the pages of these documents, or of all."""
    sql = "SELECT count(*) FROM pages"
    if listed is not None:
        sql += " WHERE document_id IN (SELECT value FROM json_each(:listed))"
    return int(database.named(sql, listed=listed)[0][0])

"""What of the documents no search can find, in numbers; apart, as every search asks for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from kb.errors import CATALOGUE
from kb.store import Gaps
from kb.store.local.database import Database

# Pages in these states hold something, and it is not searchable.
LOST: Final = "state IN ('image_only', 'failed')"
CODE: Final = """coalesce(code, CASE state WHEN 'image_only' THEN 'extract.no_text'
    ELSE 'extract.corrupt' END)"""
_GAPS_SQL: Final = f"""
    SELECT count(*), count(DISTINCT document_id), min(document_id),
        json_group_array(DISTINCT {CODE})
    FROM pages WHERE {LOST} AND CASE WHEN :listed IS NULL THEN 1
        ELSE document_id IN (SELECT value FROM json_each(:listed)) END"""  # noqa: S608 - constants only


def gaps(database: Database, listed: Callable[[], str | None]) -> Gaps:
    """Count the pages that no search can find; `listed` gives the documents that are meant.

    One look into an index that holds such pages alone, where there are none.
    """
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

"""Between rows of SQLite and the nouns of `kb`: each noun has one query and one reader here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from kb.errors import Failure, Stage
from kb.store.local.database import Database, Row

if TYPE_CHECKING:
    from kb.model import Document, Page, Profile
    from kb.store import DocumentRow, KnownSource, Passage
    from kb.store.local.fts import WordRow

_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str)
_UNSIGNED: Final = 1 << 64
#: Below the number of values that SQLite takes in one statement, wherever it was built.
_KEYS_AT_ONCE: Final = 500

PASSAGE_SQL: Final = """
    SELECT chunks.id, document_id, byte_start, byte_end, path, title, collection, ordinal,
        char_start, char_end, section, context, page_start, page_end, line_start, line_end,
        page_line
    FROM chunks JOIN documents ON documents.id = document_id"""
#: Places in a row of `PASSAGE_SQL`.
_DOCUMENT, _BYTE_END, _ORDINAL, _CHAR_END, _PAGE_END, _LINE_END = 1, 3, 7, 9, 13, 15
DOCUMENT_SQL: Final = """
    SELECT documents.id, documents.path, title, documents.collection, format, paged,
        documents.size, documents.sha256, sources.state, ingested_at,
        (SELECT count(*) FROM chunks WHERE document_id = documents.id AND generation_id = :now),
        (SELECT json_group_object(state, json_array(n, left_out, doubtful, least)) FROM (
            SELECT state, count(*) AS n, sum(left_out) AS left_out,
                sum(coalesce(CAST(confidence AS REAL) < 0.7, 0)) AS doubtful,
                min(CAST(confidence AS REAL)) AS least
            FROM pages WHERE document_id = documents.id GROUP BY state))
    FROM documents JOIN sources USING (path)"""
FAILURE_SQL: Final = """
    SELECT stage, code, message, source, locator, hint, retriable, attempts, detail
    FROM failures"""
SOURCE_SQL: Final = """
    SELECT path, collection, size, mtime_ns, inode, sha256, state, retriable FROM sources"""

STAMP_SQL: Final = """
    SELECT path, size, mtime_ns, CASE WHEN state = 'indexed' AND NOT retriable{} THEN inode END
    FROM sources"""


def signed(inode: int) -> int:
    """Give an inode number as SQLite can hold it: some file systems use all 64 bits."""
    return inode - _UNSIGNED if inode >= _UNSIGNED // 2 else inode


def known_source(row: Row) -> KnownSource:
    """Read a row of `SOURCE_SQL`."""
    from kb.store import KnownSource

    path, collection, size, mtime_ns, inode, sha256, state, retriable = row
    return KnownSource(
        path=path,
        collection=collection,
        size=size,
        mtime_ns=mtime_ns,
        inode=inode % _UNSIGNED,
        sha256=sha256,
        state=state,
        retriable=bool(retriable),
    )


def stamps(found: Iterable[Row]) -> dict[str, tuple[int, int, int] | None]:
    """Read the rows of `STAMP_SQL`."""
    return {
        path: None if inode is None else (size, mtime_ns, inode % _UNSIGNED)
        for path, size, mtime_ns, inode in found
    }


def document_row(row: Row) -> DocumentRow:
    """Read a row of `DOCUMENT_SQL`."""
    from kb.store import DocumentRow

    _, path, title, collection, form, paged, size, sha256, state, at, chunks, coverage = row
    counts = json.loads(coverage)
    pages = {name: number for name, (number, *_) in counts.items()}
    return DocumentRow(
        path=path,
        title=title,
        collection=collection,
        format=form,
        pages=sum(pages.values()) if paged else None,
        chunks=chunks,
        bytes=size,
        sha256=sha256,
        state=state,
        ingested_at=at,
        coverage=pages,
        left_out=sum(left_out for _, left_out, *_ in counts.values()),
        doubtful=sum(doubtful for *_, doubtful, _ in counts.values()),
        confidence=min((least for *_, least in counts.values() if least is not None), default=None),
    )


def document(database: Database, document_id: int, row: DocumentRow) -> Document:
    """Give a stored document as it was put."""
    from kb.model import Document, Heading

    found = database.one(
        "SELECT text, headings, problems FROM contents WHERE document_id = ?", document_id
    )
    assert found is not None, "a document has contents"
    text, headings, problems = found
    pages = database.all(
        "SELECT number, char_start, char_end, state, code, left_out, confidence FROM pages "
        "WHERE document_id = ? ORDER BY number",
        document_id,
    )
    return Document(
        title=row.title,
        format=row.format,
        text=text,
        paged=row.pages is not None,
        pages=tuple(_page(page) for page in pages),
        headings=tuple(Heading(**heading) for heading in json.loads(headings)),
        problems=tuple(_problem(problem) for problem in json.loads(problems)),
    )


def _page(row: Row) -> Page:
    from kb.model import Page, PageState

    number, start, end, state, code, left_out, confidence = row
    return Page(
        number=number,
        start=start,
        end=end,
        state=PageState(state),
        code=code,
        left_out=left_out,
        confidence=None if confidence is None else float(confidence),
    )


def page_values(page: Page) -> tuple[int, int, int, str, str | None, int, str | None]:
    """Give what is stored of a page, in the order of the columns."""
    confidence = None if page.confidence is None else repr(float(page.confidence))
    place = page.number, page.start, page.end
    return *place, page.state.value, page.code, page.left_out, confidence


def _problem(fields: dict[str, Any]) -> Failure:
    return Failure(**(fields | {"stage": Stage(fields["stage"])}))


def contents_values(document: Document) -> tuple[str, str]:
    """Give headings and problems as JSON."""
    headings = [asdict(heading) for heading in document.headings]
    problems = [asdict(problem) for problem in document.problems]
    return to_json(headings), to_json(problems)


def joined(first: Row, last: Row) -> Row | None:
    """Give two rows of `PASSAGE_SQL` as one of all that stands from the first to the last.

    None where they are not of one document, in this order.
    """
    if first[_DOCUMENT] != last[_DOCUMENT] or last[_ORDINAL] < first[_ORDINAL]:
        return None
    values = list(first)
    for at in (_BYTE_END, _CHAR_END, _LINE_END):
        values[at] = max(first[at], last[at])
    values[_PAGE_END] = last[_PAGE_END]
    return tuple(values)


def passage(database: Database, row: Row) -> Passage:
    """Read a row of `PASSAGE_SQL`, with its text."""
    from kb.model import Chunk
    from kb.store import Passage

    chunk_id, document_id, byte_start, byte_end, path, title, collection, *fields = row
    ordinal, start, end, section, context, page_start, page_end, *lines = fields
    text = b""
    if byte_end > byte_start:
        text = database.slice("contents", "text", row=document_id, start=byte_start, end=byte_end)
    chunk = Chunk(
        ordinal=ordinal,
        start=start,
        end=end,
        text=text.decode(),
        section=tuple(json.loads(section)),
        context=context,
        page_start=page_start,
        page_end=page_end,
        line_start=lines[0],
        line_end=lines[1],
        page_line=lines[2],
    )
    return Passage(chunk_id=chunk_id, path=path, title=title, collection=collection, chunk=chunk)


def read_failure(row: Row) -> Failure:
    """Read a row of `FAILURE_SQL`."""
    stage, code, message, source, locator, hint, retriable, attempts, detail = row
    return Failure(
        stage=Stage(stage),
        code=code,
        message=message,
        source=source,
        locator=locator,
        hint=hint,
        retriable=bool(retriable),
        attempts=attempts,
        detail=json.loads(detail),
    )


def profile(text: str) -> Profile:
    """Read a profile from the JSON it is kept as."""
    from kb.model import Profile

    return Profile.from_json(json.loads(text))


def to_json(value: object) -> str:
    """Give `value` as compact JSON; what JSON does not know is written as text."""
    return _ENCODER.encode(value)


def vector_ids(
    database: Database, profile_id: int | None, keys: Iterable[bytes]
) -> dict[bytes, int]:
    """Give the ids of those vectors of a profile that are stored, by key."""
    asked = list(dict.fromkeys(keys))
    found: dict[bytes, int] = {}
    for at in range(0, len(asked), _KEYS_AT_ONCE):
        some = asked[at : at + _KEYS_AT_ONCE]
        marks = ",".join("?" * len(some))
        sql = f"SELECT key, id FROM vectors WHERE profile_id = ? AND key IN ({marks})"  # noqa: S608
        found.update(database.all(sql, profile_id, *some))
    return found


def byte_offsets(text: str, offsets: Iterable[int]) -> dict[int, int]:
    """Give for each character offset the byte offset in UTF-8, in one pass over the text."""
    if text.isascii():
        return {offset: offset for offset in offsets}
    ordered = sorted({0, *offsets})
    found = {0: 0}
    for before, here in pairwise(ordered):
        found[here] = found[before] + len(text[before:here].encode())
    return found


def word_rows(database: Database, document_id: int, *, generation_id: int) -> Sequence[WordRow]:
    """Give the full-text rows of a document's chunks in a generation, made from what is stored."""
    from kb.store.local.fts import word_rows as made

    head = database.one(
        "SELECT title, text FROM documents JOIN contents ON document_id = id WHERE id = ?",
        document_id,
    )
    assert head is not None, "a document has contents"
    title, text = head
    chunks = database.all(
        "SELECT id, section, char_start, char_end FROM chunks "
        "WHERE document_id = ? AND generation_id = ?",
        *(document_id, generation_id),
    )
    return made(
        title,
        (
            (chunk_id, json.loads(section), text[start:end])
            for chunk_id, section, start, end in chunks
        ),
    )

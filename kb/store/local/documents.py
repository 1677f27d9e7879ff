"""A document in the tables: put in whole, taken out whole; call inside a transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from kb.model import Document, Source
from kb.store import ChunkDraft, DocumentDraft
from kb.store.local import fts, ledger, rows
from kb.store.local.database import Database, damaged
from kb.store.local.fts import WordChanges, WordRow

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
#: What is kept of a chunk as it is.
_kept_of: Final = attrgetter(
    *("ordinal", "start", "end", "page_start", "page_end", "line_start", "line_end"),
    *("page_line", "context"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which generation the chunks belong to, and whose vectors they may name."""

    generation_id: int
    profile_id: int | None
    #: The table of the generation's words.
    words: str = fts.TABLES[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the last attempt at a source ended, as the next run needs to know it."""

    sha256: str
    collection: str
    #: See `kb.store.KnownSource.state`.
    state: str
    retriable: bool


def storable(document: Document) -> Document:
    """Give the document without half characters, which UTF-8 cannot hold; lengths stay."""
    title, text = _whole(document.title), _whole(document.text)
    if title is document.title and text is document.text:
        return document
    return replace(document, title=title, text=text)


def _whole(text: str) -> str:
    try:
        text.encode()  # much faster than looking for what it would refuse
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def know(database: Database, source: Source, outcome: Outcome) -> None:
    """Remember a source and how it ended."""
    database.run(
        """INSERT INTO sources (path, collection, size, mtime_ns, inode, sha256, state,
            retriable) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (path) DO UPDATE SET collection = excluded.collection,
            size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
            sha256 = excluded.sha256, state = excluded.state, retriable = excluded.retriable""",
        *(source.path, outcome.collection, source.size, source.mtime_ns),
        *(rows.signed(source.inode), outcome.sha256, outcome.state, outcome.retriable),
    )


def insert(
    database: Database,
    draft: DocumentDraft,
    document: Document,
    *,
    place: Place,
    words: WordChanges,
) -> None:
    """Add a document with its pages and its chunks; their words are noted in `words`."""
    document_id = database.run(
        "INSERT INTO documents (path, collection, title, format, paged, size, sha256, "
        "ingested_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(draft.source.path, draft.collection, document.title, document.format),
        *(document.paged, draft.source.size, draft.sha256, ledger.now()),
    )
    database.run(
        "INSERT INTO contents (document_id, text, headings, problems) VALUES (?, ?, ?, ?)",
        *(document_id, document.text, *rows.contents_values(document)),
    )
    database.many(
        "INSERT INTO pages (document_id, number, char_start, char_end, state, code, left_out, "
        "confidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(document_id, *rows.page_values(page)) for page in document.pages],
    )
    insert_chunks(database, draft.chunks, document, document_id, place=place, words=words)


def drop(database: Database, path: str, *, words: WordChanges) -> int:
    """Take a document and its chunks out of every generation; their words are noted in `words`.

    Gives how many chunks the current one had.
    """
    found = database.one("SELECT id FROM documents WHERE path = ?", path)
    if found is None:
        return 0
    counts = []
    for generation_id, table in fts.owners(database):
        gone = rows.word_rows(database, found[0], generation_id=generation_id)
        words.take_out(gone, table=table)
        counts.append(len(gone))
    database.run("DELETE FROM documents WHERE id = ?", found[0])
    return counts[0]


def drop_chunks(database: Database, document_id: int, *, place: Place, words: WordChanges) -> int:
    """Take the chunks of a document out of one generation; gives how many.

    Their words are noted in `words`.
    """
    gone = rows.word_rows(database, document_id, generation_id=place.generation_id)
    words.take_out(gone, table=place.words)
    database.run(
        "DELETE FROM chunks WHERE document_id = ? AND generation_id = ?",
        *(document_id, place.generation_id),
    )
    return len(gone)


def all_words(database: Database) -> Iterator[tuple[str, Sequence[WordRow]]]:
    """Give the words of every document's chunks, and their table, document by document."""
    owners = fts.owners(database)
    for (document_id,) in database.all("SELECT id FROM documents"):
        for generation_id, table in owners:
            yield table, rows.word_rows(database, document_id, generation_id=generation_id)


def insert_chunks(
    database: Database,
    drafts: Sequence[ChunkDraft],
    document: Document,
    document_id: int,
    *,
    place: Place,
    words: WordChanges,
) -> None:
    """Add the chunks of a stored document to a generation; their words are noted in `words`."""
    edges = (edge for draft in drafts for edge in (draft.chunk.start, draft.chunk.end))
    at = rows.byte_offsets(document.text, edges)
    vectors = _vector_ids(database, drafts, place)
    # Many passages stand below the same headings.
    sections = {section: rows.to_json(section) for section in {d.chunk.section for d in drafts}}
    database.many(
        "INSERT INTO chunks (generation_id, document_id, vector_id, byte_start, byte_end, "
        "section, ordinal, char_start, char_end, page_start, page_end, line_start, line_end, "
        "page_line, context) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(place.generation_id, document_id, vectors.get(draft.key or b"")),
                *(at[chunk.start], at[chunk.end], sections[chunk.section], *_kept_of(chunk)),
            )
            for draft in drafts
            for chunk in (draft.chunk,)
        ],
    )
    # SQLite's last_insert_rowid was seen to be wrong by one here: triggers add rows, too.
    ids = _chunk_ids(database, document_id, place.generation_id)
    passages = zip(ids, drafts, strict=True)
    made = fts.word_rows(
        document.title,
        (
            (chunk_id, draft.chunk.section, document.text[draft.chunk.start : draft.chunk.end])
            for chunk_id, draft in passages
        ),
    )
    words.put_in(made, table=place.words)


def _chunk_ids(database: Database, document_id: int, generation_id: int) -> list[int]:
    """Give the ids of a document's chunks in a generation, in their order."""
    found = database.all(
        "SELECT id FROM chunks WHERE document_id = ? AND generation_id = ? ORDER BY ordinal",
        document_id,
        generation_id,
    )
    return [chunk_id for (chunk_id,) in found]


def _vector_ids(database: Database, drafts: Sequence[ChunkDraft], place: Place) -> dict[bytes, int]:
    """Give the ids of the vectors that the chunks name; each must be stored."""
    keys = [draft.key for draft in drafts if draft.key is not None]
    found = rows.vector_ids(database, place.profile_id, keys)
    for key in keys:
        if key not in found:
            fact = f"a chunk names a vector ({key.hex()}) that was never stored"
            raise damaged(database.path, fact)
    return found

"""The full-text index: rows of words for each chunk, kept exact by hand.

The FTS5 table is contentless: it holds words and places, no text. To take a row out, FTS5 must be
given the very words that went in; they are made again from the stored text. So a row is only ever
removed under the `TOKENIZER_VERSION` it was made with, and a writer rebuilds first when that has
changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kb.store.local.database import Database
from kb.store.local.evidence import gather, of_characters
from kb.store.local.tables import WORDS
from kb.store.local.terms import characters, expressions, match_expression, quoted
from kb.store.local.words import TOKENIZER_VERSION, index_words

#: How much a word counts in the headings further above, in the passage's own heading, in the text.
#: The passages below one heading share it, so it says less of each than their own headings do.
#: All are taken times 0.75, which is the same as raising BM25's k1, fixed at 1.2 in FTS5, to 1.6.
WEIGHTS: Final = (0.75, 1.5, 0.75)
#: So many passages are looked at more closely, at least.
DEPTH: Final = 200
#: So many of the documents with the most to say for them bring in their passages.
_DOCUMENTS: Final = 64
_LEAST: Final = 1e-9

#: FTS5 merges so many pieces of the index at a time, and holds so many bytes of new words before
#: it writes a piece. With the 4 and the 1 MiB that it begins with, each word is written again and
#: again: measured to be a third of what a large ingest spends on the index.
SETTINGS: Final = (("automerge", 16), ("hashsize", 16 << 20))

_COLUMNS: Final = "above, heading, body"
TABLES: Final = WORDS


class WordRow(NamedTuple):
    """The words of one chunk, as the index stores them, column by column."""

    chunk_id: int
    #: Of the document's title and the headings above the passage's own.
    above: str
    #: Of the passage's own heading.
    heading: str
    body: str


def word_row(chunk_id: int, title: str, section: Sequence[str], text: str) -> WordRow:
    """Give the words of a passage `text` that stands below the headings `section`."""
    return word_rows(title, [(chunk_id, section, text)])[0]


def word_rows(title: str, passages: Iterable[tuple[int, Sequence[str], str]]) -> list[WordRow]:
    """Give the words of passages of one document: chunk id, the headings it is below, its text."""
    # Many passages stand below the same headings.
    heads: dict[tuple[str, ...], tuple[str, str]] = {}
    made = []
    for chunk_id, section, text in passages:
        below = tuple(section)
        if below not in heads:
            heads[below] = _head_words(title, below)
        made.append(WordRow(chunk_id, *heads[below], index_words(text)))
    return made


def _head_words(title: str, section: tuple[str, ...]) -> tuple[str, str]:
    *above, own = section or ("",)
    if title not in section:
        above.insert(0, title)
    # The bar keeps the last character of one heading and the first of the next apart.
    return index_words(" | ".join(above)), index_words(own)


@dataclass(slots=True)
class WordChanges:
    """What one transaction takes out of the index and puts into it, carried out at its end.

    FTS5 writes down all it has in memory whenever a statement that fires a trigger begins, as
    those on every table under seal do. Words that go in between them would be written in many
    small pieces, and merged again: measured to be half of what storing a document costs.
    """

    #: The rows by table and chunk.
    _gone: dict[str, dict[int, WordRow]] = field(default_factory=dict)
    _made: dict[str, dict[int, WordRow]] = field(default_factory=dict)

    def take_out(self, rows: Iterable[WordRow], *, table: str) -> None:
        """Note rows that are to go; they must hold what was inserted, or is about to be."""
        gone, made = self._gone.setdefault(table, {}), self._made.get(table, {})
        for row in rows:
            if made.pop(row.chunk_id, None) is None:
                gone[row.chunk_id] = row

    def put_in(self, rows: Iterable[WordRow], *, table: str) -> None:
        """Note rows that are to be added; the id of a chunk is never used again."""
        self._made.setdefault(table, {}).update((row.chunk_id, row) for row in rows)

    def write(self, database: Database) -> None:
        """Carry out all that was noted, as the last of what a transaction does to tables."""
        for change, noted in ((delete, self._gone), (insert, self._made)):
            for table, rows in noted.items():
                if rows:
                    change(database, rows.values(), table=table)


def insert(database: Database, rows: Iterable[WordRow], *, table: str = TABLES[0]) -> None:
    """Add chunks to the index; call inside a transaction."""
    database.many(
        f"INSERT INTO {table} (rowid, {_COLUMNS}) VALUES (?, ?, ?, ?)",  # noqa: S608 - constants
        rows,
    )


def delete(database: Database, rows: Iterable[WordRow], *, table: str = TABLES[0]) -> None:
    """Take chunks out of the index; the rows must hold what was inserted."""
    database.many(
        f"INSERT INTO {table} ({table}, rowid, {_COLUMNS}) "  # noqa: S608 - constants
        "VALUES ('delete', ?, ?, ?, ?)",
        rows,
    )


def is_current(database: Database) -> bool:
    """Tell whether the index was made with this version of the word rules, and is in use."""
    row = database.one(
        "SELECT value FROM facts WHERE name = 'tokenizer' AND EXISTS "
        "(SELECT 1 FROM generations WHERE state = 'current' AND words IS NOT NULL)"
    )
    return row == (TOKENIZER_VERSION,)


def empty(database: Database, table: str) -> None:
    """Take everything out of one table; call inside a transaction."""
    database.run(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")  # noqa: S608


def set_up(database: Database, table: str) -> None:
    """Let a table write much at a time, and merge seldom; call inside a transaction."""
    for setting in SETTINGS:
        database.run(f"INSERT INTO {table} ({table}, rank) VALUES (?, ?)", *setting)  # noqa: S608


def owners(database: Database) -> list[tuple[int, str]]:
    """Give the generations that have words, the current one first, each with its table."""
    found = database.all(
        "SELECT id, words FROM generations WHERE words IS NOT NULL ORDER BY state != 'current', id"
    )
    return [(generation_id, TABLES[number]) for generation_id, number in found]


def free_table(database: Database) -> int | None:
    """Give the number of a table that no generation has, or None; it may not be empty."""
    taken = {row[0] for row in database.all("SELECT words FROM generations")}
    return next((number for number in range(len(TABLES)) if number not in taken), None)


def rebuild(database: Database, documents: Iterable[tuple[str, Sequence[WordRow]]]) -> None:
    """Make the index anew from all stored chunks; call inside a transaction.

    `documents` gives the rows of one document in one generation, and their table, and is only
    read when the current generation is sure to have one.
    """
    database.run(
        "UPDATE generations SET words = ? WHERE state = 'current' AND words IS NULL",
        free_table(database),
    )
    for table in TABLES:
        empty(database, table)
        set_up(database, table)
    for table, rows in documents:
        insert(database, rows, table=table)
    database.run("UPDATE facts SET value = ? WHERE name = 'tokenizer'", TOKENIZER_VERSION)


def match(
    database: Database, query: str, *, table: str, top_k: int, documents: str | None
) -> list[tuple[int, float]]:
    """Give up to `top_k` (chunk id, score > 0), best first; ties in order of id.

    The score is BM25, the rare words of it shared between passage and document, and single Chinese
    characters added. `table` is the one of the generation that answers. `documents` is a JSON list
    of the document ids to answer from, or None for all.
    """
    expression = match_expression(query)
    if top_k <= 0 or not expression:
        return []
    # What is in quotes is meant as it stands, and counts twice.
    twice = quoted(query)
    expression = " OR ".join([expression, *twice])
    bm25 = f"bm25({table}, {', '.join(map(str, WEIGHTS))})"
    evidence = gather(database, [*expressions(query), *twice], table=table, bm25=bm25)
    gains = sorted(evidence.of_document.items(), key=lambda gain: (-gain[1], gain[0]))
    within = "" if documents is None else "AND document_id IN (SELECT value FROM json_each(?))"
    only = () if documents is None else (documents,)
    # Without the cast SQLite makes no index of the gains, and reads them all for each passage.
    found = database.all(
        f"""WITH gains (document, gain) AS MATERIALIZED (
                SELECT CAST(json_extract(value, '$[0]') AS INTEGER), json_extract(value, '$[1]')
                FROM json_each(?))
            SELECT {table}.rowid, document_id, byte_start, byte_end, -{bm25} AS score
            FROM {table} JOIN chunks ON chunks.id = {table}.rowid
            LEFT JOIN gains ON document = document_id
            WHERE {table} MATCH ? {within}
            ORDER BY score + coalesce(gain, 0) DESC, {table}.rowid LIMIT ?""",  # noqa: S608 - constants only
        *(json.dumps(gains[:_DOCUMENTS]), expression),
        *(*only, max(top_k, DEPTH)),
    )
    extra = _of_characters(database, query, [row[1:4] for row in found])
    scores = [
        (chunk_id, max(_LEAST, score + evidence.beside(chunk_id, document_id) + more))
        for (chunk_id, document_id, _, _, score), more in zip(found, extra, strict=True)
    ]
    return sorted(scores, key=lambda scored: (-scored[1], scored[0]))[:top_k]


def _of_characters(
    database: Database, query: str, places: Sequence[tuple[int, int, int]]
) -> list[float]:
    """Give what single characters of the query say of each passage: (document, bytes from, to)."""
    asked = characters(query)
    if not asked:
        return [0.0] * len(places)
    texts = [
        database.slice("contents", "text", row=row, start=start, end=end) if end > start else b""
        for row, start, end in places
    ]
    return of_characters(asked, [text.decode(errors="replace") for text in texts])

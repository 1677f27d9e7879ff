"""The full-text index: rows of words for each chunk, kept exact by hand.

The FTS5 table is contentless: it holds words and places, no text. To take a row out, FTS5 must be
given the very words that went in; they are made again from the stored text. So a row is only ever
removed under the `TOKENIZER_VERSION` it was made with, and a writer rebuilds first when that has
changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from kb.store.local.database import Database
from kb.store.local.terms import match_expression
from kb.store.local.words import TOKENIZER_VERSION, index_words

#: How much a word counts in the headings further above, in the passage's own heading, in the text.
#: The passages below one heading share it, so it says less of each than their own headings do.
WEIGHTS: Final = (1.0, 2.0, 1.0)

_COLUMNS: Final = "above, heading, body"


@dataclass(frozen=True, slots=True)
class WordRow:
    """The words of one chunk, as the index stores them, column by column."""

    chunk_id: int
    #: Of the document's title and the headings above the passage's own.
    above: str
    #: Of the passage's own heading.
    heading: str
    body: str


def word_row(chunk_id: int, title: str, section: Sequence[str], text: str) -> WordRow:
    """Give the words of a passage `text` that stands below the headings `section`."""
    *above, own = section or ("",)
    if title not in section:
        above.insert(0, title)
    # The bar keeps the last character of one heading and the first of the next apart.
    return WordRow(chunk_id, index_words(" | ".join(above)), index_words(own), index_words(text))


def insert(database: Database, rows: Iterable[WordRow]) -> None:
    """Add chunks to the index; call inside a transaction."""
    database.many(
        f"INSERT INTO words (rowid, {_COLUMNS}) VALUES (?, ?, ?, ?)",  # noqa: S608 - a constant
        [astuple(row) for row in rows],
    )


def delete(database: Database, rows: Iterable[WordRow]) -> None:
    """Take chunks out of the index; the rows must hold what was inserted."""
    database.many(
        f"INSERT INTO words (words, rowid, {_COLUMNS}) VALUES ('delete', ?, ?, ?, ?)",  # noqa: S608
        [astuple(row) for row in rows],
    )


def is_current(database: Database) -> bool:
    """Tell whether the index was made with this version of the word rules."""
    row = database.one("SELECT value FROM facts WHERE name = 'tokenizer'")
    return row == (TOKENIZER_VERSION,)


def rebuild(database: Database, documents: Iterable[Sequence[WordRow]]) -> None:
    """Make the index anew from all stored chunks; call inside a transaction."""
    database.run("INSERT INTO words (words) VALUES ('delete-all')")
    for rows in documents:
        insert(database, rows)
    database.run("UPDATE facts SET value = ? WHERE name = 'tokenizer'", TOKENIZER_VERSION)


def match(
    database: Database, query: str, *, generation_id: int, top_k: int, documents: str | None
) -> list[tuple[int, float]]:
    """Give up to `top_k` (chunk id, BM25 score > 0), best first; ties in order of id.

    `documents` is a JSON list of the document ids to answer from, or None for all.
    """
    expression = match_expression(query)
    if not expression or top_k <= 0:
        return []
    within = "" if documents is None else "AND document_id IN (SELECT value FROM json_each(?))"
    rows = database.all(
        f"""SELECT words.rowid, -bm25(words, {", ".join(map(str, WEIGHTS))}) AS score
            FROM words JOIN chunks ON chunks.id = words.rowid
            WHERE words MATCH ? AND generation_id = ? {within}
            ORDER BY score DESC, words.rowid LIMIT ?""",  # noqa: S608 - constants only
        *(expression, generation_id, *([] if documents is None else [documents]), top_k),
    )
    return [(int(chunk_id), float(score)) for chunk_id, score in rows]

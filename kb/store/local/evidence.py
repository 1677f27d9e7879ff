"""What a passage's document, and single Chinese characters, say beyond the BM25 of the passage.

The weight of a word is split in two. That it stands in few documents tells documents apart: this
part goes to all passages of the documents that hold it. That it stands in few passages of those
documents tells the passages apart: this part is what a passage earns by holding it itself. A name
on the first page of a contract so counts for every clause of that contract, and the clause that
repeats the name no longer wins over the one that answers. Where each document is one passage,
what comes out is the BM25 of that passage again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from kb.store.local.database import Database

#: A word in more passages tells no documents apart, and reading where it stands would take long.
RARE: Final = 500
#: What BM25 of one word can at most be, in units of its weight: k1 + 1, and FTS5's k1 is 1.2.
MOST: Final = 2.2
#: How far the length of a document is held against it, 0 to 1.
_LENGTH: Final = 0.5
#: The share of a word's weight that stays a passage's own, whatever it says of its document.
OWN: Final = 0.2
#: In a document of so few passages, what names it is as good as what names a passage.
_FEW: Final = 4
#: A character beside a pair of them: its share, its k1, and how far a passage's length counts.
SHARE: Final = 1.0
_SATURATION: Final = 1.6
_LENGTH_OF_TEXT: Final = 0.4


#: A passage that holds a word, its document, and the BM25 of that word alone as FTS5 counts it.
Place: TypeAlias = tuple[int, int, float]


@dataclass(frozen=True, slots=True)
class Collection:
    """How many passages there are, how many to a document on average, and in each document."""

    passages: int
    average: float
    sizes: Mapping[int, int]

    def within(self, documents: Iterable[int]) -> int:
        """Give how many passages these documents have."""
        return sum([self.sizes[document_id] for document_id in documents])


@dataclass(slots=True)
class Evidence:
    """What is added to the BM25 of passages as FTS5 counts it."""

    #: By the id of a document, for each of its passages.
    of_document: dict[int, float] = field(default_factory=dict)
    #: For each word, which share of its BM25 a passage gains, or loses to the document.
    _changes: list[tuple[float, Mapping[int, float]]] = field(default_factory=list)

    def weigh(self, places: Sequence[Place], collection: Collection) -> None:
        """Add what one word says, of which `places` are all."""
        total, count = collection.passages, len(places)
        # As FTS5 does.
        counted = max(math.log(max(total - count + 0.5, 0.5) / (count + 0.5)), 1e-6)
        least, most = 1e-3 * counted, MOST * counted
        shares: dict[int, float] = {}
        for _, document_id, score in places:
            share = score / max(most - score, least)
            shares[document_id] = shares.get(document_id, 0.0) + share
        weight, between = _split(count, shares, collection)
        for document_id, share in shares.items():
            size = collection.sizes[document_id] / collection.average
            held = share / (1 - _LENGTH + _LENGTH * size)
            gain = (1 - OWN) * between * MOST * held / (1 + held)
            self.of_document[document_id] = self.of_document.get(document_id, 0.0) + gain
        # A word that names the document says little of its passages: most of those that hold it
        # only speak of what the whole document speaks of.
        inside = OWN * weight + (1 - OWN) * (weight - between) ** 2 / weight
        change = (inside - counted) / counted
        self._changes.append((change, {chunk_id: score for chunk_id, _, score in places}))

    def beside(self, chunk_id: int, document_id: int) -> float:
        """Give what is added for a passage of a document."""
        return self.of_document.get(document_id, 0.0) + sum(
            [change * scores[chunk_id] for change, scores in self._changes if chunk_id in scores]
        )


def gather(database: Database, phrases: Iterable[str], *, table: str, bm25: str) -> Evidence:
    """Give what the rare ones among the FTS5 phrases say; `bm25` is the call for that table."""
    words = [places for phrase in phrases if (places := _places(database, phrase, table, bm25))]
    evidence = Evidence()
    if words:
        documents = {document_id for places in words for _, document_id, _ in places}
        collection = _collection(database, table, documents)
        for places in words:
            evidence.weigh(places, collection)
    return evidence


def naming(database: Database, words: Sequence[str], *, table: str) -> list[float | None]:
    """Give for each word how much of what it tells is which document is meant, 0 to 1.

    Nothing where it stands in many passages, in all documents, or in documents of few passages;
    None where it stands nowhere.
    """
    found = [_holders(database, f'"{word}"', table) for word in words]
    rare = [ids if len(ids) <= RARE else () for ids in found]
    documents = _documents_of(database, {each for ids in rare for each in ids})
    collection = _collection(database, table, set(documents.values())) if documents else None
    shares: list[float | None] = []
    for ids, some in zip(found, rare, strict=True):
        held = {documents[each] for each in some if each in documents}
        if held and collection is not None:
            shares.append(_naming(len(some), held, collection))
        else:
            shares.append(0.0 if ids else None)
    return shares


def _naming(count: int, documents: Set[int], collection: Collection) -> float:
    """Tell it of a word in `count` passages of these documents."""
    weight, between = _split(count, documents, collection)
    # As for what a passage earns by holding the word itself.
    share = 1 - ((weight - between) / weight) ** 2
    # What stands in every document names none of them.
    others = 1 - len(documents) * collection.average / collection.passages
    few = _FEW * len(documents) / collection.within(documents)
    return share * max(0.0, others) * max(0.0, 1 - few)


def _split(count: int, documents: Iterable[int], collection: Collection) -> tuple[float, float]:
    """Give the weight of a word in `count` passages, and how much of it tells documents apart."""
    weight = rarity(count, collection.passages)
    return weight, min(rarity(collection.within(documents), collection.passages), weight)


def rarity(count: int, total: int) -> float:
    """Give the weight of what stands in `count` of `total` passages; above 0 for all words."""
    return math.log1p(max(total - count + 0.5, 0.5) / (count + 0.5))


def of_characters(characters: Sequence[str], texts: Sequence[str]) -> list[float]:
    """Give what single characters say of each text, beside the pairs that it was found by.

    A pair that the text writes otherwise leaves one character in common: 租金 and 租赁费. How rare
    a character is, is told from these texts alone.
    """
    counts = [[text.count(character) for text in texts] for character in characters]
    average = max(sum(map(len, texts)), 1) / max(len(texts), 1)
    lengths = [1 - _LENGTH_OF_TEXT + _LENGTH_OF_TEXT * len(text) / average for text in texts]
    sums = [0.0] * len(texts)
    for row in counts:
        weight = SHARE * rarity(sum(map(bool, row)), len(texts)) * (_SATURATION + 1)
        for at, count in enumerate(row):
            if count:
                sums[at] += weight * count / (count + _SATURATION * lengths[at])
    return sums


def _places(database: Database, phrase: str, table: str, bm25: str) -> list[Place]:
    """Give where a phrase stands, or nothing where it is not rare."""
    # FTS5 reads all places before it gives the first score; to count them takes far less.
    if len(_holders(database, phrase, table)) > RARE:
        return []
    return database.all(
        f"""SELECT {table}.rowid, document_id, -{bm25}
            FROM {table} JOIN chunks ON chunks.id = {table}.rowid
            WHERE {table} MATCH ? ORDER BY {table}.rowid""",  # noqa: S608 - constants only
        phrase,
    )


def _holders(database: Database, phrase: str, table: str) -> tuple[int, ...]:
    """Give the passages that hold a phrase, of a common one only some more than `RARE`."""
    sql = f"SELECT rowid FROM {table} WHERE {table} MATCH ? LIMIT ?"  # noqa: S608 - constants only
    return tuple([row[0] for row in database.all(sql, phrase, RARE + 1)])


def _documents_of(database: Database, ids: Iterable[int]) -> dict[int, int]:
    """Give the document of each passage."""
    sql = "SELECT id, document_id FROM chunks WHERE id IN (SELECT value FROM json_each(?))"
    return dict(database.all(sql, json.dumps(sorted(ids))))


def _collection(database: Database, table: str, documents: Iterable[int]) -> Collection:
    # FTS5 keeps a row of lengths for each of its own, and no text: the smallest table to count.
    counted = f"SELECT count(*), (SELECT count(*) FROM documents) FROM {table}_docsize"  # noqa: S608
    row = database.one(counted)
    passages, number = row if row is not None else (0, 0)
    # Passages of a document are numbered from 0; the generation is the one of its words.
    sizes = database.all(
        f"""SELECT value, (SELECT max(ordinal) + 1 FROM chunks WHERE document_id = value
            AND generation_id = (SELECT generation_id FROM chunks
            WHERE id = (SELECT id FROM {table}_docsize LIMIT 1)))
            FROM json_each(?)""",  # noqa: S608 - constants only
        json.dumps(sorted(documents)),
    )
    return Collection(
        passages=passages,
        average=passages / max(number, 1),
        sizes={document_id: size or 1 for document_id, size in sizes},
    )

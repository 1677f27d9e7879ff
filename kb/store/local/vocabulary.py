"""Which words the full-text index holds: how often one occurs, and what is spelt like it.

The index holds words as its stemmer left them and pairs of Chinese characters. A spelling is
therefore looked up among them, and then read off a passage that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kb.store.local import rows
from kb.store.local.database import Database
from kb.store.local.terms import Phrase, phrases
from kb.store.local.words import fold, tokens

#: Shorter words are like too many others.
SHORTEST: Final = 4
#: From this length on, two letters may differ, in shorter words one.
_LONG: Final = 8
#: So many words that begin with the same letter are compared, about 30 ms.
_MOST: Final = 20_000
#: So long are the endings that a stem lacks, at most: -ification.
_ENDING: Final = 8
#: So many of the likest are read off a passage.
_READ: Final = 8


def occurrences(database: Database, query: str, *, table: str) -> list[tuple[str, int]]:
    """Give what a question looks for, in its order, and in how many passages each part stands."""
    return [(shown(phrase), _count(database, phrase, table=table)) for phrase in phrases(query)]


def shown(phrase: Phrase) -> str:
    """Give a part of a question as a person writes it: Chinese without spaces, each sign once.

    >>> shown(Phrase(("refund", "policy"))), shown(Phrase(("第", "3.2", "条"), prefix=True))
    ('refund policy', '第3.2条')
    >>> shown(Phrase(("十个", "个工", "工作", "作日")))
    '十个工作日'
    """
    if all(word.isascii() for word in phrase.words):
        return " ".join(phrase.words)
    told = ""
    for word in phrase.words:
        # Chinese is indexed in pairs, of which each begins with the sign that ended the last.
        again = len(word) > 1 and not word.isascii() and told.endswith(word[0])
        told += word[1:] if again else word
    return told


def spellings(database: Database, word: str, *, table: str, generation: int) -> list[str]:
    """Give up to three words of the passages that are spelt much like `word`, likest first."""
    typed = fold(word)
    if len(typed) < SHORTEST or not (typed.isascii() and typed.isalpha()):
        return []
    most = 1 + (len(typed) >= _LONG)
    near = []
    for term, passages in _like(database, typed, table=table, most=most):
        # A stem lacks an ending, so that it is compared with the beginnings of the word, too;
        # and it ends in i where its words end in y.
        stems = {typed[:end] for end in range(max(len(term) - most, 1), len(term) + most + 1)}
        if typed[-1] == "y":
            stems.add(f"{typed[:-1]}i")
        away = min(distance(stem, term, most) for stem in stems)
        if away <= most:
            near.append((away, -passages, term))
    found: dict[str, tuple[int, int]] = {}
    for _, passages, term in sorted(near)[:_READ]:
        for real in _read(database, term, table=table, generation=generation):
            away = distance(typed, real, most)
            if 0 < away <= most:
                found.setdefault(real, (away, passages))
    return sorted(found, key=lambda real: (*found[real], real))[:3]


def distance(one: str, other: str, most: int) -> int:
    """Count the letters to add, drop, change or swap with the next; `most` + 1 where it is more.

    >>> distance("waranty", "warranty", 2), distance("refnud", "refund", 1), distance("a", "xyz", 1)
    (1, 1, 2)
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row, earlier = row, [i], before
        before = last
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most and min(last) > most:
            return most + 1
    return min(row[-1], most + 1)


def _count(database: Database, phrase: Phrase, *, table: str) -> int:
    expression = '"' + " ".join(phrase.words) + '"' + "*" * phrase.prefix
    sql = f"SELECT count(*) FROM {table} WHERE {table} MATCH ?"  # noqa: S608 - a constant
    found = database.one(sql, expression)
    return 0 if found is None else int(found[0])


def _like(database: Database, typed: str, *, table: str, most: int) -> Sequence[tuple[str, int]]:
    """Give the words of about that length that begin with the same letter."""
    # The list of words is a view that SQLite keeps for this connection only.
    reading = database.one("PRAGMA query_only")
    database.run("PRAGMA query_only = OFF")
    try:
        database.run(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary_{table} "
            f"USING fts5vocab (main, {table}, row)"
        )
    finally:
        database.run(f"PRAGMA query_only = {reading[0] if reading else 1}")
    return database.all(
        f"SELECT term, doc FROM temp.vocabulary_{table} WHERE term >= ? AND term < ? "  # noqa: S608 - a constant
        "AND length(term) BETWEEN ? AND ? LIMIT ?",
        *(
            typed[0],
            chr(ord(typed[0]) + 1),
            max(SHORTEST - 1, len(typed) - _ENDING),
            len(typed) + most,
            _MOST,
        ),
    )


def _read(database: Database, term: str, *, table: str, generation: int) -> Iterator[str]:
    """Give the words of one passage that holds a stem; it begins, but for its end, as they do."""
    found = database.all(
        f"{rows.PASSAGE_SQL} WHERE generation_id = ? AND chunks.id IN "  # noqa: S608 - a constant
        f"(SELECT rowid FROM {table} WHERE {table} MATCH ? LIMIT 8)",
        *(generation, f'"{term}"'),
    )
    stem = term[:-1] if len(term) > SHORTEST else term
    for row in found:
        passage = rows.passage(database, row)
        text = " ".join((passage.title, *passage.chunk.section, passage.chunk.text))
        yield from {token.word for token in tokens(fold(text)) if token.word.startswith(stem)}

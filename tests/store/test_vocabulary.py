"""How often a word occurs, and what is spelt like it."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.store.local.database import open_reader
from kb.store.local.vocabulary import distance, spellings

TEXT = """# Warranty

The warranty covers indemnification. Termination ends the warranty.

# 保修

整机保修24个月。
"""
LETTERS = st.text(alphabet="abc", max_size=6)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    (folder / "a.md").write_text(TEXT, encoding="utf-8")
    base = locate(environ={}, cwd=folder)
    ingest(base, [folder / "a.md"])
    return base


def full(one, other):
    """The distance as its definition says it, without a bound."""
    if not one or not other:
        return len(one) + len(other)
    ways = [
        full(one[1:], other) + 1,
        full(one, other[1:]) + 1,
        full(one[1:], other[1:]) + (one[0] != other[0]),
    ]
    if len(one) > 1 and len(other) > 1 and one[0] == other[1] and one[1] == other[0]:
        ways.append(full(one[2:], other[2:]) + 1)
    return min(ways)


@given(LETTERS, LETTERS, st.integers(0, 3))
def test_the_distance_is_what_it_is_up_to_its_bound(one, other, most):
    assert distance(one, other, most) == min(full(one, other), most + 1)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("warrenty", "warranty"),
        ("waranty", "warranty"),
        ("wrranty", "warranty"),
        ("idemnification", "indemnification"),
        ("Termniation", "termination"),
    ],
)
def test_a_word_typed_wrong_is_recognised(base, typed, meant):
    with base.snapshot() as snapshot:
        assert snapshot.spellings(typed)[0] == meant


@pytest.mark.parametrize("typed", ["warranty", "war", "xyzzyq", "保休", "24", "", "a" * 500])
def test_what_is_right_short_or_like_nothing_brings_no_word(base, typed):
    with base.snapshot() as snapshot:
        assert snapshot.spellings(typed) == []


def test_how_often_each_part_of_a_question_occurs(base):
    with base.snapshot() as snapshot:
        assert snapshot.size == 2
        assert snapshot.occurrences(
            "How long is the warranty for 保修 “ends the warranty” xyzzy?"
        ) == [
            ("ends the warranty", 1),
            ("warranty", 2),
            ("保修", 1),
            ("xyzzy", 0),
        ]
        assert snapshot.occurrences("?!") == []


def test_looking_for_spellings_leaves_the_reader_a_reader(base):
    database = open_reader(base.home / "kb.sqlite3")
    try:
        assert spellings(database, "waranty", table="words", generation=1) == ["warranty"]
        assert database.one("PRAGMA query_only") == (1,)
        with pytest.raises(sqlite3.OperationalError):
            database.connection.execute("DELETE FROM chunks")
    finally:
        database.close()

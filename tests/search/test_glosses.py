"""Questions find passages in the other language, and those in their own still come first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import ingest
from kb.pipeline.search import Asking, search
from kb.search.glosses import SHARE, in_english, joined

SCORES = st.dictionaries(st.integers(0, 20), st.floats(0.001, 50), max_size=10)


@given(st.text())
def test_any_text_has_words_or_none(text: str) -> None:
    assert in_english(text).isascii() or any(char in text for char in in_english(text))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("退款期限是多久？", {"refund", "return", "term", "time", "limit", "long"}),
        ("退 款", set()),
        ("USD 1,000 的违约金", {"USD", "1,000", "penalty"}),
        ("When does the contract end?", set()),
        ('合同里的"退款期限"', set()),
    ],
)
def test_words_are_those_of_the_longest_entries(question: str, words: set[str]) -> None:
    found = set(in_english(question).split())
    assert words <= found
    if not words:
        assert "refund" not in found


@given(SCORES, SCORES)
def test_english_passages_lie_below_the_best_chinese_one(own, english) -> None:
    both = joined(own, english)
    assert both.keys() == own.keys() | english.keys()
    if own and english:
        best = max(own.values())
        assert max(both.values()) == best
        assert all(both[key] <= SHARE * best * 1.000001 for key in english.keys() - own.keys())
        assert all(both[key] >= score for key, score in own.items())
    assert all(
        both[one] <= both[two]
        for one, two in pairwise(sorted(english.keys() - own.keys(), key=english.__getitem__))
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    home = tmp_path_factory.mktemp("both")
    (home / "terms.txt").write_text("A refund is paid within a term of ten days.", "utf-8")
    (home / "other.txt").write_text("The warehouse opens at nine in the morning.", "utf-8")
    (home / "条款.txt").write_text("退款期限为十日，自收到货物之日起计算。", "utf-8")
    found = locate(environ={}, cwd=home)
    ingest(found, [home])
    return found


def _paths(base: KnowledgeBase, question: str, mode: str = "hybrid") -> list[str]:
    hits = search(base, question, asking=Asking(mode=mode)).hits
    return [hit.path.rpartition("/")[2] for hit in hits]


def test_both_languages_are_found_the_own_one_first(base) -> None:
    assert _paths(base, "退款期限")[:2] == ["条款.txt", "terms.txt"]


def test_an_english_question_finds_chinese_passages_by_meaning(base) -> None:
    assert _paths(base, "When is the money paid back?")[:1] == ["terms.txt"]
    assert "条款.txt" in _paths(base, "How soon must customers get their money returned?")
    assert set(_paths(base, "退款期限", mode="dense")[:2]) == {"条款.txt", "terms.txt"}


def test_a_search_by_words_takes_them_as_they_are(base) -> None:
    assert _paths(base, "退款期限", mode="lexical") == ["条款.txt"]


def test_an_english_question_is_asked_as_it_is(base) -> None:
    assert "条款.txt" not in _paths(base, "refund term", mode="lexical")


def test_it_is_explained_which_words_were_looked_for(base) -> None:
    answer = search(base, "退款期限", asking=Asking(explain=True))
    assert answer.explain is not None
    assert "refund" in answer.explain["english"].split()
    english = next(hit for hit in answer.hits if hit.path.endswith("terms.txt"))
    assert english.explain is not None
    assert "refund" in {each["term"] for each in english.explain["matched"]}
    assert "退款" in english.explain["missing"]
    assert english.explain["lexical"]["rank"] is not None
    assert english.best is not None

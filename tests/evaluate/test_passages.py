"""Measures of passages: what counts as found, in which order, and what is cited."""

from __future__ import annotations

from math import inf, log2

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from kb.evaluate.passages import (
    Answer,
    Place,
    has_clause,
    has_page,
    overlaps,
    passage_measures,
    shares_half,
)

SPANS = st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda it: (it[0], it[0] + it[1]))
NAMES = st.sampled_from(["a", "b"])
ANSWERS = st.lists(
    st.builds(lambda name, span: Answer(document=name, start=span[0], end=span[1]), NAMES, SPANS),
    max_size=14,
)
PLACES = st.lists(
    st.builds(lambda name, span: Place(document=name, span=span), NAMES, st.none() | SPANS),
    min_size=1,
    max_size=5,
)


def hit(start: int, end: int, document: str = "a", **more: object) -> Answer:
    return Answer(document=document, start=start, end=end, **more)


def place(start: int, end: int, document: str = "a", **more: object) -> Place:
    return Place(document=document, span=(start, end), **more)


@given(ANSWERS, PLACES)
def test_a_place_is_found_by_the_characters_it_shares(answers, places):
    for answer in answers:
        for each in places:
            mine = set(range(answer.start, answer.end))
            theirs = set(range(*each.span)) if each.span else set()
            common = mine & theirs if answer.document == each.document else set()
            assert overlaps(answer, each) == bool(common)
            assert shares_half(answer, each) == (
                bool(common) and 2 * len(common) >= min(len(mine), len(theirs))
            )


@given(ANSWERS, PLACES)
def test_measures_are_shares_that_grow_with_depth(answers, places):
    found = passage_measures(answers, places)
    assert all(
        0 <= value <= 1 for name, value in found.items() if value is not None and "@" in name
    )
    assert found["recall@1"] <= found["recall@5"] <= found["recall@10"]
    assert all(found[f"half_recall@{n}"] <= found[f"recall@{n}"] for n in (1, 5, 10))
    assert (found["mrr@10"] > 0) == (found["recall@10"] > 0) == (found["ndcg@10"] > 0)
    assert (found["read"] == inf) == (not any(overlaps(a, p) for a in answers for p in places))


@given(ANSWERS, PLACES)
def test_recall_and_mrr_are_those_of_trec_eval_where_each_hit_finds_one_place(answers, places):
    """With a hit for each place at most, a ranking of places is a ranking of documents."""
    single: list[Answer] = []
    taken: set[int] = set()
    named: list[str] = []
    for number, answer in enumerate(answers):
        new = [n for n, each in enumerate(places) if overlaps(answer, each)]
        if len(new) > 1 or taken & set(new):
            continue
        single.append(answer)
        taken |= set(new)
        named.append(f"place{new[0]}" if new else f"other{number}")
    if not single:
        return
    qrels = {"q": {f"place{n}": 1 for n in range(len(places))}}
    run = {"q": {name: 100.0 - rank for rank, name in enumerate(named)}}
    wanted = {"recall_1", "recall_5", "recall_10", "ndcg_cut_10"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)["q"]
    ours = passage_measures(single, places)
    assert ours["recall@1"] == pytest.approx(theirs["recall_1"])
    assert ours["recall@5"] == pytest.approx(theirs["recall_5"])
    assert ours["recall@10"] == pytest.approx(theirs["recall_10"])
    assert ours["ndcg@10"] == pytest.approx(theirs["ndcg_cut_10"])


def test_half_is_enough_of_the_shorter_one():
    assert shares_half(hit(0, 10), place(8, 12))
    assert not shares_half(hit(0, 10), place(9, 12))
    assert shares_half(hit(8, 12), place(0, 10))


def test_a_hit_stands_for_the_copies_that_it_names():
    copy = hit(40, 60, "b", pages=(7, 7), section=("§ 9",))
    wanted = Place(document="b", span=(50, 55), page=7, clause="§ 9")
    found = passage_measures([hit(0, 20, also=(copy,))], [wanted])
    named = ("recall@1", "half_recall@1", "page@1", "page_right", "clause@1", "clause_right")
    assert [found[name] for name in named] == [1] * 6
    assert found["read"] == 20
    assert passage_measures([hit(0, 20)], [wanted])["recall@1"] == 0


def test_finding_a_place_again_gains_nothing():
    once = passage_measures([hit(0, 9), hit(50, 59)], [place(5, 7), place(52, 55)])
    again = passage_measures([hit(0, 9), hit(4, 12), hit(50, 59)], [place(5, 7), place(52, 55)])
    assert once["ndcg@10"] == 1
    assert again["ndcg@10"] == pytest.approx((1 + 1 / 2) / (1 + 1 / log2(3)))


def test_places_that_come_up_together_ask_for_one_hit():
    assert passage_measures([hit(0, 60)], [place(5, 7), place(52, 55)])["ndcg@10"] == 1


def test_a_place_that_the_text_does_not_hold_is_never_found():
    missing = Place(document="a", span=None)
    found = passage_measures([hit(0, 60)], [place(5, 7), missing])
    assert found["recall@10"] == 0.5
    assert found["ndcg@10"] == pytest.approx(1 / (1 + 1 / log2(3)))


def test_read_is_what_stands_before_the_answer_is_read():
    assert passage_measures([hit(0, 9), hit(20, 30)], [place(29, 40)])["read"] == 19


def test_pages_and_clauses_count_only_where_they_are_labelled():
    found = passage_measures([hit(0, 9)], [place(0, 5)])
    assert [found[name] for name in ("page@1", "page_right", "clause@1")] == [None] * 3


def test_a_page_is_cited_by_a_hit_that_spans_it_in_the_same_document():
    wanted = place(5, 7, page=4)
    assert has_page(hit(0, 9, pages=(3, 4)), wanted)
    assert not has_page(hit(0, 9, pages=(5, 6)), wanted)
    assert not has_page(hit(0, 9, "b", pages=(3, 4)), wanted)
    found = passage_measures([hit(90, 99, pages=(4, 4)), hit(0, 9, pages=(3, 3))], [wanted])
    # The first hit cites the page and holds another passage of it; the second is the passage, and
    # cites the wrong page.
    assert (found["page@1"], found["recall@1"], found["page_right"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("section", "cited"),
    [
        (("总则", "第三条"), True),
        (("第三条  适用范围",), True),
        (("第三十条",), False),
        (("第三条款",), False),
        ((), False),
    ],
)
def test_a_clause_is_cited_by_its_name_among_the_headings(section, cited):
    assert has_clause(hit(0, 9, section=section), place(0, 5, clause="第三条")) is cited


def test_a_label_without_a_passage_is_a_page_alone():
    alone = Place(document="a", span=None, labelled=False, page=2)
    found = passage_measures([hit(0, 9, pages=(2, 2))], [alone])
    assert "recall@10" not in found
    assert found["page@1"] == 1

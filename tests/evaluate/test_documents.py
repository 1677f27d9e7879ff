"""Measures of documents: equal to trec_eval's, whatever the ranking and the labels."""

from __future__ import annotations

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from kb.evaluate.documents import DOCUMENT_MEASURES, document_measures, means, ndcg

DOCUMENTS = [f"d{number}" for number in range(14)]
#: trec_eval's names of our measures.
THEIRS = {
    "ndcg@10": "ndcg_cut_10",
    **{f"recall@{depth}": f"recall_{depth}" for depth in (1, 5, 10, 100)},
}
RELEVANT = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(-1, 4), min_size=1)
#: Few different scores, so that many are tied.
SCORES = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 5).map(float), min_size=1)


def in_order(scores: dict[str, float]) -> list[str]:
    """Rank as trec_eval does: by score, and of equal scores the later name first."""
    return sorted(scores, key=lambda name: (scores[name], name), reverse=True)


def theirs(qrels: dict, run: dict) -> dict[str, dict[str, float]]:
    found = pytrec_eval.RelevanceEvaluator(qrels, {*THEIRS.values()}).evaluate(run)
    # It has no cut-off for the reciprocal rank, so it is given ten documents.
    ten = {query: {name: some[name] for name in in_order(some)[:10]} for query, some in run.items()}
    first = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(ten)
    return {
        query: {
            **{ours: found[query][name] for ours, name in THEIRS.items()},
            "mrr@10": first[query]["recip_rank"],
        }
        for query in found
    }


@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(RELEVANT, SCORES), min_size=1))
def test_measures_are_those_of_trec_eval(asked):
    qrels = {query: relevant for query, (relevant, _) in asked.items()}
    run = {query: scores for query, (_, scores) in asked.items()}
    expected = theirs(qrels, run)
    for query, (relevant, scores) in asked.items():
        assert document_measures(in_order(scores), relevant) == pytest.approx(expected[query])


@given(RELEVANT)
def test_a_question_that_found_nothing_counts_nothing(relevant):
    assert set(document_measures([], relevant).values()) == {0.0}


@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(RELEVANT, SCORES), min_size=1))
def test_means_are_those_of_trec_eval(asked):
    rows = [document_measures(in_order(scores), relevant) for relevant, scores in asked.values()]
    expected = theirs(
        {query: relevant for query, (relevant, _) in asked.items()},
        {query: scores for query, (_, scores) in asked.items()},
    )
    for name in DOCUMENT_MEASURES:
        values = [each[name] for each in expected.values()]
        assert means(rows)[name] == pytest.approx(
            pytrec_eval.compute_aggregated_measure("map", values)
        )


def test_long_rankings_count_to_a_hundred():
    many = [f"d{number:03d}" for number in range(200)]
    relevant = {many[0]: 1, many[50]: 2, many[99]: 1, many[100]: 1}
    scores = {name: 1000.0 - number for number, name in enumerate(many)}
    assert in_order(scores) == many
    ours = document_measures(many, relevant)
    assert ours == pytest.approx(theirs({"q": relevant}, {"q": scores})["q"])
    assert ours["recall@100"] == 0.75


def test_the_gain_is_the_grade_itself():
    # Another common definition, 2 ** grade - 1, would give 0.71.
    assert ndcg(["a", "b"], {"a": 1, "b": 3}, 10) == pytest.approx(0.7967, abs=1e-4)


def test_measures_have_the_names_of_the_contract():
    assert set(document_measures(["a"], {"a": 1})) == set(DOCUMENT_MEASURES)

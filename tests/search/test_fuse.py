"""Fusion of scores: what must hold whatever the scores are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.search.fuse import fuse, scale_by_range
from kb.search.reference import chunk_of, reference

IDS = st.integers(1, 50)
BM25 = st.dictionaries(IDS, st.floats(0.001, 40), max_size=30)
COSINES = st.dictionaries(IDS, st.floats(-1, 1), max_size=30)
WEIGHTS = st.floats(0, 1)


@given(BM25, COSINES, WEIGHTS)
def test_every_candidate_is_ranked_once_with_a_score_between_0_and_1(lexical, dense, weight):
    ranked = fuse(lexical, dense, dense_weight=weight)
    assert sorted(each.chunk_id for each in ranked) == sorted(lexical.keys() | dense.keys())
    assert all(-1e-9 <= each.score <= 1 + 1e-9 for each in ranked)
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)


@given(BM25, COSINES, WEIGHTS, st.randoms())
def test_the_order_in_which_candidates_come_does_not_matter(lexical, dense, weight, random):
    shuffled = list(lexical.items())
    random.shuffle(shuffled)
    assert fuse(lexical, dense, dense_weight=weight) == fuse(
        dict(shuffled), dict(reversed(dense.items())), dense_weight=weight
    )


@given(BM25, COSINES)
def test_weight_0_is_the_order_of_words_and_weight_1_that_of_meaning(lexical, dense):
    words = [each.chunk_id for each in fuse(lexical, dense, dense_weight=0) if each.lexical]
    assert words == sorted(words, key=lambda one: (-lexical[one], one))
    meaning = [
        each.chunk_id for each in fuse(lexical, dense, dense_weight=1) if each.dense is not None
    ]
    scaled = scale_by_range(dense)
    assert [scaled[one] for one in meaning] == sorted((scaled[o] for o in meaning), reverse=True)


@given(BM25, st.floats(0.01, 100))
def test_the_unit_of_bm25_does_not_matter(lexical, factor):
    scaled = {key: score * factor for key, score in lexical.items()}
    left = fuse(lexical, {1: 0.5}, dense_weight=0.2)
    right = fuse(scaled, {1: 0.5}, dense_weight=0.2)
    assert [each.score for each in left] == pytest.approx([each.score for each in right])


@given(st.integers(1, 2**63 - 1))
def test_a_reference_names_its_chunk(chunk_id):
    assert chunk_of(reference(chunk_id)) == chunk_id


@pytest.mark.parametrize(
    "text", ["", "c", "c-1", "c1x", "C1", "contract.md", "c" + "9" * 30, f"c{2**63}", "c²"]
)
def test_what_is_no_reference_is_none(text):
    assert chunk_of(text) is None

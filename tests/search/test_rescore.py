"""A new order for the first passages: nothing lost, nothing out of order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kb.search.fuse import Scored
from kb.search.rescore import below, reordered

SCORES = st.floats(-50, 50, allow_subnormal=False)


def ranked(scores: list[float]) -> list[Scored]:
    return [
        Scored(chunk_id=number, score=score, dense=None, lexical=None)
        for number, score in enumerate(sorted(scores, reverse=True))
    ]


def ids(scored: list[Scored]) -> list[int]:
    return [each.chunk_id for each in scored]


@given(st.lists(st.tuples(SCORES, st.none() | SCORES), max_size=20), st.lists(SCORES, max_size=5))
def test_nothing_is_lost_and_scores_fall(pairs, others) -> None:
    before, values = ranked([score for score, _ in pairs]), [value for _, value in pairs]
    rest = [replace(each, chunk_id=100 + each.chunk_id) for each in ranked(others)]
    if before and rest:
        rest = [replace(each, score=min(each.score, before[-1].score)) for each in rest]
    after = below(reordered(before, values), rest)
    assert sorted(ids(after)) == sorted(ids(before) + ids(rest))
    assert all(one.score >= other.score - 1e-9 for one, other in pairwise(after))
    given_ = [each for each in after if each.rerank is not None]
    assert after[: len(given_)] == given_
    assert [each.score for each in given_] == [each.rerank for each in given_]
    unscored = [at for at, value in enumerate(values) if value is None]
    assert ids(after)[len(given_) :] == unscored + ids(rest)


@given(st.lists(SCORES, min_size=1, max_size=20))
def test_equal_scores_keep_the_order(scores: list[float]) -> None:
    before = ranked(scores)
    assert ids(reordered(before, [1.0] * len(before))) == ids(before)
    assert reordered(before, [None] * len(before)) == before

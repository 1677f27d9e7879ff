"""Whether a difference is more than chance: the randomisation test against its definition."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.pipeline.marks import pair

MARKS = st.sampled_from([0.0, 0.25, 0.5, 1.0])
PAIRS = st.lists(st.tuples(MARKS, MARKS), min_size=1, max_size=8)


def by_definition(pairs: list[tuple[float, float]]) -> float:
    """Give the share of all ways to swap marks that differ as much as the ones seen."""
    gaps = [second - first for first, second in pairs]
    sums = [
        abs(sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)))
        for signs in product((1, -1), repeat=len(gaps))
    ]
    return sum(each >= abs(sum(gaps)) - 1e-9 for each in sums) / len(sums)


@given(PAIRS)
def test_few_questions_are_tested_exactly(pairs):
    found = pair(*map(list, zip(*pairs, strict=True)))
    assert found.p_value == pytest.approx(by_definition(pairs))
    assert (found.wins, found.losses, found.ties) == (
        sum(b > a for a, b in pairs),
        sum(b < a for a, b in pairs),
        sum(b == a for a, b in pairs),
    )
    assert found.difference == pytest.approx(sum(b - a for a, b in pairs) / len(pairs))


def test_many_questions_are_tested_by_draws_that_are_near_enough():
    gaps = [0.5, 0.25, 1.0, -0.5, 0.75, 0.1, 0.3, -0.2, 0.6, 0.05, -0.4, 0.15, 0.35, -0.1, 0.2]
    pairs = [(0.0, gap) for gap in gaps]
    found = pair([0.0] * len(gaps), gaps)
    assert found.p_value == pytest.approx(by_definition(pairs), abs=0.01)
    assert found == pair([0.0] * len(gaps), gaps), "the same marks give the same value"


def test_a_difference_on_all_of_many_questions_is_clear():
    found = pair([0.2] * 200, [0.3] * 200)
    assert found.clear
    assert found.p_value == pytest.approx(1 / 10_001)


def test_the_same_marks_differ_by_nothing():
    found = pair([0.2, 0.4], [0.2, 0.4])
    assert (found.p_value, found.clear, found.ties) == (1.0, False, 2)

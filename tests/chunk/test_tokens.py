"""The estimate of tokens."""

import pytest

from kb.chunk import estimate_tokens


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        (" \n\t\u3000", 0, 0),
        ("a", 1, 1),
        # Lengths as counted by byte-pair and word-piece tokenizers: 15 to 18 for this sentence.
        ("The Seller shall refund the purchase price within thirty days of receiving the goods.",
         15, 22),
        # 9 to 14 for this one.
        ("买方应当在三十日内付清全部价款。", 10, 16),
        ("2024-017", 6, 8),
        ("👍", 1, 3),
        ("naïve café", 2, 4),
    ],
)  # fmt: skip
def test_it_is_a_mild_over_estimate(text, least, most):
    assert least <= estimate_tokens(text) <= most


def test_white_space_costs_nothing():
    assert estimate_tokens("the  price \n\n is\u3000fixed") == estimate_tokens("thepriceisfixed")

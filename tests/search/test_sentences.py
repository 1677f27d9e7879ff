"""The sentences of a passage, and the one that answers best."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.search.sentences import best_sentence, sentences, wanted

TEXTS = st.text(alphabet='退货应当在。！？；ab C.3(（)” \n-#"', max_size=200)


@given(TEXTS)
def test_sentences_hold_all_that_is_not_blank_in_order(text):
    found = list(sentences(text))
    assert all(start < end for start, end in found)
    assert "".join("".join(text[a:b] for a, b in found).split()) == "".join(text.split())
    assert [place for span in found for place in span] == sorted(
        place for span in found for place in span
    )
    assert all(text[a:b] == text[a:b].strip() for a, b in found)


@given(TEXTS, TEXTS)
def test_the_best_sentence_is_one_of_them(text, query):
    best = best_sentence(text, wanted(query))
    assert best is None or best in list(sentences(text))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It ends. It begins! Does it?", ["It ends.", "It begins!", "Does it?"]),
        ("Pay Mr. Li of Acme Inc. 1.5 EUR. It is due.", ["Pay Mr. Li of Acme Inc. 1.5 EUR.",
                                                         "It is due."]),
        ("5.2. Delay. The fee, e.g. for delay, is due.", ["5.2. Delay.",
                                                          "The fee, e.g. for delay, is due."]),
        ("有问题，可以退货。逾期不理！请联系。", ["有问题，可以退货。", "逾期不理！", "请联系。"]),
        ("第3条 退货\n\n七日内可以退货。", ["第3条 退货", "七日内可以退货。"]),
        ("These are due:\n(a) the price\n(b) the fee", ["These are due:", "(a) the price",
                                                        "(b) the fee"]),
        ("a line\nbroken for its width. And more.", ["a line\nbroken for its width.", "And more."]),
        ('He said “stop.” Then he left.', ['He said “stop.”', "Then he left."]),
    ],
)  # fmt: skip
def test_where_sentences_end(text, parts):
    assert [text[a:b] for a, b in sentences(text)] == parts


def best(text, query, headings=()):
    found = best_sentence(text, wanted(query), headings)
    return None if found is None else text[found[0] : found[1]]


@pytest.mark.parametrize(
    ("query", "text", "answer"),
    [
        ("when are refunds paid", "We sell machines. A refund is paid in a week. Ask us.",
         "A refund is paid in a week."),
        ("质保期多久", "适用于全部商品。整机质保期为24个月。请保管发票。", "整机质保期为24个月。"),
        ("the fee for a warranty claim",
         "The fee is due. The fee is 5 EUR. A claim under the warranty is free.",
         "A claim under the warranty is free."),
        ("nothing of this", "We sell machines.", None),
        ('"late delivery"', "Delivery is late. Late delivery is free.", "Late delivery is free."),
    ],
)  # fmt: skip
def test_the_sentence_that_holds_what_is_asked(query, text, answer):
    assert best(text, query) == answer


def test_a_heading_answers_nothing():
    query = "right of audit"
    text = "5.2. Right of Audit.\n\nThe buyer may audit the books."
    assert best(text, query) == "5.2. Right of Audit."
    assert best(text, query, ("5", "5.2. Right of Audit")) == "The buyer may audit the books."
    assert best("5.2. Right of Audit.", query, ("5.2. Right of Audit",)) == "5.2. Right of Audit."

"""Two passages that say the same, however they are set; and two that only look alike."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kb.search.sameness import Wording
from tests.search.conftest import CLAUSE

CHINESE = "乙方应当在收到甲方书面通知之日起十五日内支付违约金人民币20,000元，但甲方有过错的除外。"
WORDS = st.sampled_from(
    [
        "the",
        "supplier",
        "pays",
        "5",
        "1.5",
        "10",
        "%",
        "not",
        "days",
        "of",
        "甲方",
        "支付",
        "第三条",
        "。",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=60).map(" ".join)


def same(passage, one, other, *, section=(), other_section=None):
    """Whether the second, found further down, would be named as a copy of the first."""
    host = Wording(passage(1, one, section=section))
    other_section = section if other_section is None else other_section
    return Wording(passage(2, other, section=other_section, path="b.txt")).is_in(host)


@given(TEXTS)
def test_a_passage_says_what_it_says(passage, text):
    assert same(passage, text, text)


@given(TEXTS, st.sampled_from(["\n", "  ", " \r\n", "\t"]))
def test_line_ends_do_not_matter(passage, text, gap):
    assert same(passage, text, text.replace(" ", gap))


@given(st.integers(0, len(CLAUSE) - 1))
def test_any_other_letter_or_digit_matters(passage, at):
    letter = CLAUSE[at]
    assume(letter.isalnum())
    changed = CLAUSE[:at] + ("7" if letter.isdigit() else "q") + CLAUSE[at + 1 :]
    assert not same(passage, CLAUSE, changed)
    assert not same(passage, changed, CLAUSE)


@given(st.integers(0, len(CHINESE) - 1))
def test_any_other_character_matters(passage, at):
    assume(CHINESE[at].isalnum() and CHINESE[at] not in "之的")
    changed = CHINESE[:at] + ("7" if CHINESE[at].isascii() else "丙") + CHINESE[at + 1 :]
    assert not same(passage, CHINESE, changed)


@pytest.mark.parametrize(
    "other",
    [
        CLAUSE.replace(" ", "\n"),
        CLAUSE.upper(),
        CLAUSE.replace("penalty", "pen-\nalty"),
        CLAUSE.replace(", but", " – but").replace("delay.", "delay"),
        CLAUSE.replace("shall pay", "will pay"),
        CLAUSE.replace("The Supplier", "Supplier"),
    ],
)
def test_the_same_clause_otherwise_set(passage, other):
    assert same(passage, CLAUSE, other)
    assert same(passage, other, CLAUSE)


@pytest.mark.parametrize(
    "other",
    [
        CLAUSE.replace("1.5", "15"),
        CLAUSE.replace("1.5", "1.50"),
        CLAUSE.replace("10 %", "10 €"),
        CLAUSE.replace("Supplier", "Buyer", 1),
        CLAUSE.replace("shall pay", "shall not pay"),
        CLAUSE.replace(", unless the Buyer has caused the delay", ""),
        "Notwithstanding this, " + CLAUSE,
        CLAUSE + " Nothing is due after 31 May 2024.",
        CLAUSE.replace("week", "month"),
    ],
)
def test_another_answer_is_no_copy(passage, other):
    assert not same(passage, CLAUSE, other)


REST = " is what the buyer of the goods has to bear until they are delivered to the warehouse."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Unlimited liability", "Limited liability"),
        ("The sum of 1,000 EUR", "The sum of 1.000 EUR"),
        ("Frost of -5 degrees", "Frost of 5 degrees"),
        ("☐ Any damage", "☑ Any damage"),
        ("Annex A", "Annex"),
        ("The price paid to the carrier", "The price paid by the carrier"),
    ],
)
def test_a_sign_or_the_beginning_of_a_word_matters(passage, one, other):
    assert not same(passage, one + REST, other + REST)
    assert not same(passage, other + REST, one + REST)


def test_grouped_thousands_are_the_same_amount(passage):
    one = CLAUSE.replace("1.5 %", "20,000 EUR")
    assert same(passage, one, one.replace("20,000", "20000"))


def test_the_longer_one_covers_the_shorter_by_whole_sentences(passage):
    longer = CLAUSE + " It is due at once."
    assert same(passage, longer, CLAUSE), "the host says all of it"
    assert not same(passage, CLAUSE, longer), "the host lacks a sentence"


def test_a_passage_within_a_much_longer_one_is_no_copy(passage):
    longer = f"{CLAUSE} It is due at once. The Supplier bears all costs of collecting what is owed."
    assert not same(passage, longer, CLAUSE), "it is easier to read, and to cite, by itself"


def test_a_heading_that_only_one_of_them_holds_does_not_matter(passage):
    section = ("Contract", "7 Delay")
    assert same(passage, CLAUSE, f"7 Delay\n\n{CLAUSE}", section=section)
    assert same(passage, f"7 Delay\n\n{CLAUSE}", CLAUSE, section=section)
    assert not same(passage, CLAUSE, f"8 Never\n\n{CLAUSE}", section=section)


def test_the_clauses_own_number_does_not_matter_but_an_amount_in_its_place_does(passage):
    one, other = f"5.2 {CLAUSE}", f"6.2 {CLAUSE}"
    assert same(passage, one, other, section=("5.2",), other_section=("6.2",))
    assert not same(passage, one, other)


def test_a_short_text_says_little_without_its_heading(passage):
    short = "Not applicable."
    assert same(passage, short, short, section=("4 Warranty",), other_section=("4 Warranty",))
    assert not same(passage, short, short, section=("4 Warranty",), other_section=("5 Fees",))
    assert same(passage, CLAUSE, CLAUSE, section=("4 Warranty",), other_section=("5 Fees",))


def test_texts_without_words_are_the_same_only_as_they_stand(passage):
    assert same(passage, "—", "—")
    assert not same(passage, "—", "!")

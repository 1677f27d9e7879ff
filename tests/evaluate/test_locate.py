"""A labelled passage is found in the stored text, though that was made another way."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kb.evaluate.locate import Located, letters

WORDS = st.lists(
    st.sampled_from(
        ["warranty", "12", "months", "第三条", "保修", "Größe", "the", "§ 4.1(b)", "a"]
    ),
    min_size=3,
    max_size=40,
)


@st.composite
def labelled(draw) -> tuple[list[str], int, int]:
    words = draw(WORDS)
    first = draw(st.integers(0, len(words) - 1))
    return words, first, draw(st.integers(first + 1, len(words)))


@given(labelled())
def test_the_same_text_gives_the_same_offsets(case):
    words, first, last = case
    text = " ".join(words)
    start = len(" ".join([*words[:first], ""])) if first else 0
    passage = " ".join(words[first:last])
    assert Located(text, source=text).find(passage, start=start) == (start, start + len(passage))


@given(labelled(), st.sampled_from(["\r\n", "  \n\n ", "\u3000", "\n> "]), st.booleans())
def test_white_space_marks_and_forms_of_letters_do_not_matter(case, gap, decomposed):
    words, first, last = case
    source = " ".join(words)
    form = "NFD" if decomposed else "NFC"
    stored = "\ufeff# A title\n\n" + unicodedata.normalize(form, gap.join(words))
    start = len(" ".join([*words[:first], ""])) if first else 0
    passage = source[start : start + len(" ".join(words[first:last]))]
    assume(letters(passage)[0])
    found = Located(stored, source=source).find(passage, start=start)
    assert found is not None
    assert letters(stored[slice(*found)])[0] == letters(passage)[0]


@given(st.integers(0, 39))
def test_of_many_places_the_nearest_is_taken(number):
    source = "".join(f"Item {n}: four days.\n" for n in range(40))
    start = source.index(f"Item {number}:")
    start = source.index("four", start)
    assert Located(source, source=source).find("four", start=start) == (start, start + 4)
    stored = "Terms\n\n" + source.replace("\n", "\r\n\r\n")
    found = Located(stored, source=source).find("four", start=start)
    assert found is not None
    assert stored[: found[0]].count("Item") == number + 1


def test_a_title_above_the_text_moves_all_offsets():
    source = "four of four are four"
    stored = f"# The four\n\n{source}\n"
    assert Located(stored, source=source).find("four", start=8) == (20, 24)


def test_a_byte_order_mark_counts_in_the_source_and_is_not_stored():
    source = "\ufeff9 days or 9 weeks"
    assert Located(source[1:], source=source).find("9", start=11) == (10, 11)
    assert Located("in 77 days", source="\ufeffin 77 days").find("7", start=4) == (3, 4)


def test_a_running_head_may_stand_within():
    passage = (
        "The supplier shall repair the machine without charge for twelve months after delivery."
    )
    stored = passage.replace("without", "\n- 7 -\nPurchase contract 2024-017\nwithout")
    assert Located(stored).find(passage) == (0, len(stored) - 1)


def test_a_page_says_where_to_look():
    stored = "Seller: Acme.\nBuyer: Bolt.\nSeller: Acme.\n"
    pages = ((0, 14), (14, 27), (27, 41))
    assert Located(stored, pages=pages).find("Acme", page=3) == (35, 39)


def test_whole_words_come_before_parts_of_them():
    assert Located("1845 and 4 more").find("4") == (9, 10)


@pytest.mark.parametrize("passage", ["elephant", "", "   "])
def test_what_is_not_there_is_not_found(passage):
    assert Located("The warranty is twelve months.").find(passage, start=4) is None

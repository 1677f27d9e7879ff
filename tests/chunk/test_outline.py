"""Which heading stands below which, in documents as they come: statutes, terms, manuals."""

import pytest

from kb.chunk import Chunking, chunk_document
from tests.chunk.test_headings import BODY, names, paths
from tests.chunk.texts import markdown, plain

LONG = " ".join([BODY] * 5)


def sections_of(text):
    return [chunk.section for chunk in chunk_document(plain(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SEC. 101. SHORT TITLE.\nThis is short.", ["SEC. 101 SHORT TITLE"]),
        ("Sec. 7 Refunds\nThe seller refunds.", ["Sec. 7 Refunds"]),
        ("Section 12A The Seller refunds the price.", ["Section 12A"]),
        ("§ 5a Withdrawal\nThe customer may withdraw.", ["§ 5a Withdrawal"]),
        ("TITLE IV\nMONEY\nIt is paid.", ["TITLE IV MONEY"]),
        ("Rule 3 Costs\nThe loser pays.", ["Rule 3 Costs"]),
        ("Addendum 1: Data Protection\nData are kept.", ["Addendum 1 Data Protection"]),
        ("3.2 12 Months of Warranty\nThe seller repairs.", ["3.2 12 Months of Warranty"]),
        ("A.1 Scope\nIt applies.", ["A.1 Scope"]),
        ("I. SCOPE\nAll.\nII. TERMS\nThese.", ["I. SCOPE", "II. TERMS"]),
        ("1\u00a0\u00a0Scope\nAll.\n2\u00a0\u00a0Price\nTen.", ["1 Scope", "2 Price"]),
        ("Artikel 3 Preis\nDer Preis ist fest.", ["Artikel 3 Preis"]),
        ("Article L. 121-1\nLe prix est ferme.", ["Article L. 121-1"]),
        ("Artículo 7. Precio\nEl precio es fijo.", ["Artículo 7 Precio"]),
        ("第 3 條 買方應付款。", ["第3條"]),
        ("第 3-1 條 買方應付款。", ["第3-1條"]),
        ("第三条の二 買主は代金を支払う。", ["第三条の二"]),
    ],
)  # fmt: skip
def test_a_number_is_read(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Section 4 (Term) of the Lease shall apply.",
        "Article 16(2) TFEU mandates the Parliament to act.",
        "§ 4 Absatz 5 gilt hier auch.",
        "CLIENT        SERVER\nThe client writes to the server.",
        "B.1 stands where no annex is.",
    ],
)
def test_a_mention_or_a_figure_is_no_heading(text):
    assert names(f"{BODY}\n\n{text}\n\n{BODY}") == [""]


def test_a_list_within_a_clause_does_not_take_the_next_clause():
    items = "".join(f"   {n}. item number {n};\n" for n in (1, 2, 3))
    text = (
        f"1. Scope\n{BODY}\n\n2. Words\n{BODY}\n\n3. Use\n{BODY}\n\n{items}\n"
        f"4. Price\n{BODY}\n\n5. End\n{BODY}\n"
    )
    assert paths(text)[-5:] == [
        *[("3. Use", str(n)) for n in (1, 2, 3)], ("4. Price",), ("5. End",)
    ]  # fmt: skip


def test_a_clause_with_decimals_right_below_is_no_item_of_a_list():
    items = "1. Machines\n2. Tools\n"
    text = f"1. Scope\n1.1 {BODY}\n2. Use\n2.1 {BODY} It is for:\n{items}"
    text += f"3. Price\n3.1 {BODY}\n3.2 {BODY}\n4. End\n4.1 {BODY}\n"
    assert paths(text)[-3:] == [("3. Price", "3.1"), ("3. Price", "3.2"), ("4. End", "4.1")]


def test_decimals_do_not_stand_below_a_clause_of_another_number():
    text = f"7. Costs\n{BODY}\n\n9.5 First\n{BODY}\n\n9.6 Second\n{BODY}\n"
    assert paths(text) == [("7. Costs",), ("9.5 First",), ("9.6 Second",)]


def test_letters_begin_anew_beside_the_list_before_and_not_one_level_down():
    text = f"1.1 {BODY}\n(a) one;\n(b) two.\n{BODY}\n(a) three;\n(b) four.\n{BODY}\n(a) five.\n"
    assert paths(text) == [("1.1",), *[("1.1", f"({letter})") for letter in "ababa"]]


def test_clauses_with_titles_after_a_preamble_in_points_begin_anew():
    points = "".join(f"{n}. {BODY}\n\n" for n in (1, 2, 3))
    text = f"Licence\n\n{points}1. Grant. {BODY}\n\n2. Duties. {BODY}\n\n3. End. {BODY}\n"
    assert paths(text)[-3:] == [
        ("Licence", "1. Grant"), ("Licence", "2. Duties"), ("Licence", "3. End")
    ]  # fmt: skip


def test_a_second_set_of_clauses_begins_anew_and_a_list_that_is_announced_does_not():
    one = f"1. Scope\n{LONG}\n\n2. Price\n{LONG}\n\n"
    assert paths(f"Terms\n\n{one}{one}")[-2:] == [("Terms", "1. Scope"), ("Terms", "2. Price")]
    listed = f"Terms\n\n1. Scope\nWe bring:\n1. Machines\n2. Tools\n\n2. Price\n{BODY}\n"
    assert paths(listed)[1:3] == [
        ("Terms", "1. Scope", "1. Machines"),
        ("Terms", "1. Scope", "2. Tools"),
    ]


def test_numbers_may_jump_over_what_was_repealed():
    first = "".join(f"{n}. {LONG}\n\n" for n in (1, 2, 3))
    text = f"{first}4. to 12. [Repealed]\n\n13. {LONG}\n\n14. {LONG}\n"
    assert [path[-1] for path in paths(text)][-2:] == ["13", "14"]


def test_recitals_with_lettered_points_do_not_hold_the_articles_after_them():
    recitals = f"RECITALS\n\n{BODY}\n\n(A) We sell.\n\n(B) You buy.\n\n"
    text = f"Lease\n\n{recitals}ARTICLE I\nSCOPE\n\n{BODY}\n"
    assert paths(text)[-1] == ("Lease", "ARTICLE I SCOPE")


def test_titled_letters_hold_the_numbers_below_them():
    text = "".join(
        f"{letter}. Group {letter}\n\n1. One of {letter}\n\n{LONG}\n\n"
        f"2. Two of {letter}\n\n{LONG}\n\n"
        for letter in "ABC"
    )
    assert sections_of(text) == [
        (f"{letter}. Group {letter}", f"{title} of {letter}")
        for letter in "ABC"
        for title in ("1. One", "2. Two")
    ]


@pytest.mark.parametrize("shape", ["{})", "({})"])
def test_titled_clauses_in_brackets_are_sections(shape):
    text = "".join(f"{shape.format(n)} Title {n}. {BODY}\n\n" for n in (1, 2, 3))
    assert sections_of(f"Licence\n\n{text}")[-1] == ("Licence", f"{shape.format(3)} Title 3")


def test_a_titled_line_of_its_own_makes_a_section_of_a_third_level():
    text = (
        f"3.2 Fields\n\n{BODY}\n\n3.2.1 Age\n\n{BODY}\n\n3.2.2 Date\n\n{BODY}\n\n3.3 End\n\n{BODY}"
    )
    assert [path[-1] for path in sections_of(text)] == [
        "3.2 Fields", "3.2.1 Age", "3.2.2 Date", "3.3 End"
    ]  # fmt: skip
    run_in = f"3.2 {BODY}\n3.2.1 {BODY}\n3.2.2 {BODY}\n"
    assert sections_of(run_in) == [("3.2",)]


def test_a_statute_of_short_sections_with_items_has_sections():
    one = "(1) The Minister may act.\n\n(2) The Minister may not."
    text = "".join(f"{n}. {one}\n\n" for n in range(1, 9))
    assert [path[-1] for path in sections_of(f"Act\n\n{text}")[-2:]] == ["7", "8"]


def test_clauses_that_count_on_from_part_to_part_are_of_one_kind():
    long = "".join(f"{n}. {LONG}\n\n" for n in (1, 2, 3, 4, 5))
    text = f"PART I\nRULES\n\n{long}PART II\nCHANGES\n\n6. It is changed.\n\n7. It is void.\n"
    assert [path[-1] for path in sections_of(text)] == list("1234567")


def test_parts_and_chapters_hold_one_another_as_they_come():
    text = (
        "CHAPTER 1\nGENERAL\n\nPart A\nScope\n\n§ 1. It applies.\n\n"
        "Part B\nUse\n\n§ 2. Do use it.\n\n"
        "CHAPTER 2\nMORE\n\nPart A\nAgain\n\n§ 3. It ends.\n"
    )
    one, two = "CHAPTER 1 GENERAL", "CHAPTER 2 MORE"
    assert [path[:2] for path in paths(text)] == [
        (one, "Part A Scope"), (one, "Part B Use"), (two, "Part A Again")
    ]  # fmt: skip
    text = (
        text.replace("CHAPTER", "PART")
        .replace("Part A", "Chapter 1")
        .replace("Part B", "Chapter 2")
    )
    assert paths(text)[1][:2] == ("PART 1 GENERAL", "Chapter 2 Use")


def test_a_title_without_capitals_below_its_number_is_seen_by_what_follows():
    head = "CHAPTER II\nPRINCIPLES\n\n"
    title = "Principles that relate to the keeping of data"
    for text in (f"Article 5\n\n{title}\n\n{BODY}", f"Article 5\n{title}\n1. {BODY}\n2. {BODY}"):
        assert paths(head + text)[0][-1] == f"Article 5 {title}"
    wrapped = (
        "Article 5\nPrinciples that relate to the keeping of data\nare set out here in full.\n"
    )
    assert paths(head + wrapped)[0][-1] == "Article 5"


def test_a_section_of_a_chapter_stands_below_a_title_whose_last_word_asks_for_more():
    text = (
        "CHAPTER III\n\nRights of the data subject\n\nSection 1\n\nGeneral rules\n\n"
        f"Article 12\n\n{BODY}\n\nSection 2\n\nAccess\n\nArticle 13\n\n{BODY}\n"
    )
    assert [path[-2:] for path in paths(text)] == [
        ("Section 1 General rules", "Article 12"), ("Section 2 Access", "Article 13")
    ]  # fmt: skip


def test_a_long_chinese_chapter_title_is_whole_though_the_next_line_follows_at_once():
    title = "第四章 管道建设工程与其他建设工程相遇关系的处理"
    text = f"管道规定\n第三章 运行\n第三十条 应当巡护。\n{title}\n第三十一条 依照法律处理。\n"
    assert paths(text)[-1] == ("管道规定", title, "第三十一条")


def test_a_list_in_a_declared_section_neither_goes_on_with_headings_nor_closes_them():
    for items in (f"1. Planes\n{LONG}\n\n2. Gliders\n{LONG}\n", f"2. planes, and\n{LONG}\n"):
        document = markdown(
            f"# Act\n\n## 1. Pilots\n\n{BODY}\n\n### § 1c\n\n{BODY}\n\n{items}\n"
            f"## 2. End\n\n{BODY}\n"
        )
        found = [chunk.section for chunk in chunk_document(document)]
        assert {path[:3] for path in found} == {
            ("Act", "1. Pilots"), ("Act", "1. Pilots", "§ 1c"), ("Act", "2. End")
        }  # fmt: skip


def test_a_line_of_marks_alone_is_no_title():
    assert all(all(path) for path in sections_of(f"##\n\nTerms of use\n\n{BODY}\n"))


def test_the_first_item_may_stand_on_its_clauses_own_line():
    text = f"1. (1) {BODY}\n(2) {BODY}\n2. (a) {BODY}\n(b) {BODY}\n"
    items = [("1",), ("1", "(1)"), ("1", "(2)"), ("2",), ("2", "(a)"), ("2", "(b)")]
    assert paths(text) == [(), *items]
    assert paths(f"Act\n\n{text}")[1:] == [("Act", *item) for item in items]


def test_items_of_a_text_without_headings_are_named_where_they_stand_alone():
    text = "".join(f"{n}. {BODY}\n" for n in (1, 2, 3))
    found = chunk_document(plain(text), chunking=Chunking(target_tokens=24))
    assert [chunk.section for chunk in found] == [("1",), ("2",), ("3",)]


def test_clauses_go_on_after_one_that_was_lost_though_no_line_is_ended_before_them():
    for shape in ("{}.", "1.{}"):
        clauses = (f"{shape.format(n)} {LONG}\nA note in the margin\n" for n in (1, 2, 4, 5))
        found = [path[-1] for path in paths("Act\n\n" + "".join(clauses))]
        assert [name[-1] for name in found[-4:]] == ["1", "2", "4", "5"]


def test_a_mention_further_on_is_no_clause_where_the_clauses_come_in_order_after_it():
    text = f"1.1 {BODY}\n1.2 {BODY} More is said\n1.4 Other cases\n1.3 {BODY}\n1.4 {BODY}\n"
    assert names(text) == ["1.1", "1.2", "1.3", "1.4"]

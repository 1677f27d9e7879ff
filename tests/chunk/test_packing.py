"""What goes into one passage: clauses, paragraphs, lists, tables, and what is too long."""

import time
from itertools import pairwise

import pytest

from kb.chunk import Chunking, chunk_document, estimate_tokens, split_chunk
from tests.chunk.texts import markdown, paged, plain

SENTENCE = "The seller delivers the machine to the place that the buyer has named. "


def chunks(text, **settings):
    document = text if not isinstance(text, str) else plain(text)
    return chunk_document(document, chunking=Chunking(**settings))


def test_a_clause_is_one_passage_and_never_two_clauses():
    text = "".join(f"Section 3.{n} The buyer pays {n} euros.\n" for n in range(1, 9))
    found = chunks(text, target_tokens=400)
    assert [chunk.section for chunk in found] == [(f"Section 3.{n}",) for n in range(1, 9)]


def test_the_items_of_a_clause_stay_with_it_as_long_as_it_fits():
    text = (
        "3.1 The buyer may:\n(a) pay the price at once;\n(b) return the machine at once;\n"
        "(c) write to the seller at once.\n3.2 The seller may not.\n"
    )
    assert [chunk.section for chunk in chunks(text)] == [("3.1",), ("3.2",)]
    small = chunks(text, target_tokens=9)
    assert ("3.1", "(b)") in [chunk.section for chunk in small]
    assert next(c for c in small if c.section == ("3.1", "(b)")).context == "3.1"


def test_a_bare_heading_goes_with_what_follows():
    text = "第三章 退款\n\n第一节 申请\n\n第九条 买方可以申请退款。\n\n第十条 卖方应当答复。\n"
    first, second = chunks(text)
    assert first.text.startswith("第三章")
    assert first.section == ("第三章 退款", "第一节 申请", "第九条")
    assert first.context == ""
    assert second.context == "第三章 退款 › 第一节 申请"


def test_clauses_of_one_line_do_not_run_together():
    text = "4.1 Buyer pays freight\n4.2 Seller pays tax\n4.3 Both pay fees\n"
    assert [chunk.text[:3] for chunk in chunks(text)] == ["4.1", "4.2", "4.3"]


def test_whole_paragraphs_are_packed():
    text = "\n\n".join([SENTENCE * 3] * 8)
    found = chunks(text, target_tokens=110)
    assert len(found) == 4
    assert all(chunk.text.count("\n\n") == 1 for chunk in found)


def test_passages_are_about_equal_so_that_the_last_is_no_scrap():
    sizes = [estimate_tokens(c.text) for c in chunks(SENTENCE * 40, target_tokens=250)]
    assert min(sizes) * 1.3 > max(sizes)


def test_a_long_paragraph_is_cut_between_sentences():
    for chunk in chunks(SENTENCE * 40, target_tokens=60):
        assert chunk.text.startswith("The seller")
        assert chunk.text.endswith("named.")


def test_a_long_sentence_is_cut_after_a_comma():
    text = "买方应当付款，" * 60 + "完。"
    found = chunks(text, target_tokens=40)
    assert all(chunk.text.endswith("，") for chunk in found[:-1])


def test_a_clause_up_to_the_most_is_kept_whole():
    text = f"3.1 {SENTENCE * 8}\n3.2 {SENTENCE * 30}\n"
    found = chunks(text, target_tokens=100, max_tokens=200)
    assert found[0].text.endswith(SENTENCE.strip())
    assert found[1].section == ("3.2",)
    assert estimate_tokens(found[0].text) > 100
    assert all(estimate_tokens(chunk.text) <= 100 for chunk in found[1:])


def test_a_list_is_kept_whole_where_it_fits():
    intro = "The box holds what follows and nothing more than that, so count it all.\n\n"
    items = "".join(f"- part number {n}\n" for n in range(8))
    found = chunks(SENTENCE * 3 + "\n\n" + intro + items + "\n" + SENTENCE * 3, target_tokens=90)
    assert sum("part number" in chunk.text for chunk in found) == 1


ROWS = "".join(f"Part {n} | {n} pieces | {n}00 euros\n" for n in range(1, 30))


def test_a_table_that_fits_is_kept_whole():
    text = f"Prices\n\n{SENTENCE}\n\nPart | Number | Price\n{ROWS}\n{SENTENCE}\n"
    found = chunks(text, target_tokens=450)
    assert sum("pieces" in chunk.text for chunk in found) == 1


@pytest.mark.parametrize(
    "head", ["Part | Number | Price", "| Part | Number | Price |\n|---|---|---|"]
)
def test_a_table_that_is_cut_keeps_its_header_as_context(head):
    text = f"# Prices\n\n{SENTENCE}\n\n{head}\n{ROWS}"
    found = chunks(markdown(text), target_tokens=60)
    parts = [chunk for chunk in found if "pieces" in chunk.text]
    header = head.partition("\n")[0]
    assert len(parts) > 2
    assert header in parts[0].text
    assert all(chunk.context == f"Prices › {header}" for chunk in parts[1:])
    assert all(line in text for chunk in parts for line in chunk.text.splitlines())


def test_a_table_right_below_its_heading_gives_its_own_first_row_as_header():
    found = chunks(markdown(f"## 1. Periods\n\nPart | Number | Price\n{ROWS}"), target_tokens=60)
    assert found[1].context == "1. Periods › Part | Number | Price"


def test_a_passage_may_go_on_to_the_next_page_and_says_so():
    document = paged("Report\n\nThe machine is\n", "heated before use.\nIt is then cooled.\n")
    (chunk,) = chunk_document(document)
    assert (chunk.page_start, chunk.page_end, chunk.page_line) == (1, 2, 1)
    assert (chunk.line_start, chunk.line_end) == (1, 5)


def test_the_line_on_the_page_is_counted_from_its_top():
    document = paged("3.1 One is here.\n", "\n3.2 Two is here.\n3.3 Three is here.\n")
    places = [(c.page_start, c.page_line, c.line_start) for c in chunk_document(document)]
    assert places == [(1, 1, 1), (2, 2, 3), (2, 3, 4)]


def test_an_overlap_is_made_of_whole_sentences():
    sentences = [f"Sentence number {n} says what it says." for n in range(40)]
    found = chunks(" ".join(sentences), target_tokens=60, overlap_tokens=20)
    for one, other in pairwise(found):
        shared = one.text[other.start - one.start :]
        assert shared
        assert all(part + "." in sentences for part in shared.rstrip(".").split(". "))


def test_no_overlap_goes_from_one_clause_to_another():
    text = f"3.1 {SENTENCE * 10}\n3.2 {SENTENCE * 10}\n"
    found = chunks(text, target_tokens=60, overlap_tokens=25)
    first = next(chunk for chunk in found if chunk.section == ("3.2",))
    assert first.text.startswith("3.2")


def test_a_very_long_heading_is_shortened_in_the_context_alone():
    document = markdown(f"# {'Long ' * 60}\n\n## Part\n\nText.\n\n## Other\n\nText.\n")
    last = chunk_document(document)[-1]
    assert len(last.section[0]) > 250
    assert len(last.context) <= 120


def test_split_in_two():
    (chunk,) = chunks(SENTENCE * 6)
    one, other = split_chunk(chunk, plain(SENTENCE * 6))
    assert one.text.endswith("named.")
    assert other.start == one.end + 1
    assert (one.ordinal, other.ordinal) == (chunk.ordinal, chunk.ordinal)


def test_split_keeps_headings_as_context_of_the_later_pieces():
    text = f"# Contract\n\n## Section 3.2 Refunds\n\n{SENTENCE * 6}"
    document = markdown(text)
    (chunk,) = chunk_document(document)
    one, other = split_chunk(chunk, document, parts=2)
    assert one.context == ""
    assert other.context == "Contract › Section 3.2 Refunds"
    assert other.section == chunk.section


def test_split_of_a_table_gives_its_header_to_the_later_pieces():
    text = f"# Prices\n\nPart | Number | Price\n{ROWS}"
    document = markdown(text)
    for chunk in chunk_document(document, chunking=Chunking(target_tokens=150)):
        for piece in split_chunk(chunk, document, parts=3)[1:]:
            assert piece.context == "Prices › Part | Number | Price"


def test_split_of_one_character_gives_it_back():
    document = plain("e\u0301")
    (chunk,) = chunk_document(document)
    assert split_chunk(chunk, document, parts=4) == [chunk]


@pytest.mark.parametrize(
    "text",
    ["a" * 20_000_000, "a b " * 1_000_000, "退款" * 1_000_000, " " * 20_000_000 + "a",
     "a. " * 500_000, "a" + "\u0301" * 500_000, "🇩🇪" * 200_000],
    ids=["letters", "words", "han", "spaces", "stops", "marks", "flags"],
)  # fmt: skip
def test_one_huge_line_takes_seconds(text):
    began = time.process_time()
    found = chunk_document(plain(text))
    assert time.process_time() - began < 12, "linear time takes a second or two"
    assert found[0].text
    assert found[-1].end == len(text.rstrip())


@pytest.mark.parametrize(
    "line",
    [
        "1. Foo bar\n",
        "(a) x\n(i) y\n",
        "Section 3.2 Foo\n",
        "a | b\n",
        "FOO BAR\n\ntext.\n\n",
        "第一条 x\n",
        "## x\n",
    ],
)
def test_the_time_grows_with_the_length_alone(line):
    def seconds(times):
        # This thread's own time, and the least of three: others' work does not count.
        spent = []
        for _ in range(3):
            began = time.thread_time()
            chunk_document(markdown(line * times))
            spent.append(time.thread_time() - began)
        return min(spent)

    assert seconds(4000) < 8 * max(seconds(1000), 0.02), "four times the text, not sixteen"

"""What a search looks like to a person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cli.render.explain import hit_lines, question_lines
from cli.render.search import answer_lines, copies_line, excerpt, nothing_found, place
from kb.model import Copy, Sentence

WORDS = st.text(alphabet="退货应当在七日内提出，。（） \nabcXYZ019-\t\x1b\ufe0f❤中", max_size=500)
SHORT = st.text(alphabet="政策/售后abc. \udc80", max_size=90)


def nothing(query, text):
    return []


def plain(lines):
    return [line.plain for line in lines]


def test_a_hit_shows_path_place_score_and_reference(make):
    lines = plain(answer_lines(make.answer(make.hit()), nothing, width=80))
    assert lines == [
        "1  policies/售后服务条款.md",
        "   售后服务条款 › 第3.2条",
        "   page 2, line 9   score 0.93   c123",
        "   退货应当在七日内提出。",
    ]


def test_places(make):
    without = {"page_start": None, "page_end": None, "page_line": None}
    assert place(make.hit(page_end=3)) == "pages 2-3, line 9"
    assert place(make.hit(page_line=None)) == "page 2"
    assert place(make.hit(**without)) == "lines 12-19"
    assert place(make.hit(**without, line_end=12)) == "line 12"


@given(
    WORDS,
    SHORT,
    st.lists(SHORT, max_size=4),
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=5),
    st.integers(40, 100),
)
def test_no_line_is_wider_than_the_terminal(make, text, path, section, rank, marks, width):  # noqa: PLR0917
    hit = make.hit(rank, text, path=path, section=tuple(section), line_end=10**9, ref="c" + "9" * 9)
    around = make.passage(text=text, start=0)
    answer = make.answer(hit, context={hit.ref: ((around,), (around,))})
    spans = [(min(a, b), max(a, b)) for a, b in marks]
    lines = plain(answer_lines(answer, lambda query, text: spans, width=width))
    assert all(cell_len(line) <= width for line in lines)
    assert not any("\n" in line for line in lines)


def test_a_long_passage_is_cut_to_the_part_that_answers(make):
    text = "\n".join(f"Paragraph {number} speaks of other things." for number in range(30))
    text = text.replace("Paragraph 20 speaks", "Paragraph 20: the refund")
    begin = text.index("refund")
    lines = [line.text for line in excerpt(text, [(begin, begin + 6)], width=70)]
    assert len(lines) == 8
    assert lines[0].plain.startswith("…")
    assert lines[-1].plain.endswith("…")
    marked = [line for line in lines if line.spans]
    assert len(marked) == 1
    span = marked[0].spans[0]
    assert marked[0].plain[span.start : span.end] == "refund"


def test_a_passage_without_marks_is_shown_from_its_beginning():
    lines = [line.text.plain for line in excerpt("\n".join("abcdefghijklmnop"), [], width=70)]
    assert lines[0] == "a"
    assert lines[-1] == "h…"


def test_a_mark_that_is_broken_across_lines_is_marked_on_both():
    lines = [line.text for line in excerpt("一二三四五六七八九十", [(3, 7)], width=11)]
    assert [[line.plain[s.start : s.end] for s in line.spans] for line in lines] == [
        ["四五"],
        ["六七"],
    ]


def test_context_does_not_repeat_what_overlaps(make):
    hit = make.hit(text="CCDD", char_start=4, char_end=8)
    before = make.passage(text="AABBCC", start=0)
    after = make.passage(text="DDEE", start=6)
    answer = make.answer(hit, context={hit.ref: ((before,), (after,))})
    lines = plain(answer_lines(answer, nothing, width=80))
    assert [line.strip() for line in lines[3:]] == ["AABB", "CCDD", "EE"]


def test_nothing_found_helps(make):
    assert "退货" in nothing_found(make.answer())
    assert "kb list" in nothing_found(make.answer())
    assert nothing_found(make.answer(hints=("It is empty.",))).endswith("It is empty.")
    assert "\n" not in nothing_found(make.answer(query="a\nb" * 200))


LONG = "\n".join(f"Paragraph {number} speaks of other things." for number in range(30))


def sentence(text, part, at=100):
    begin = text.index(part)
    return Sentence(
        char_start=at + begin, char_end=at + begin + len(part), text=part, page=2, line_start=1
    )


@pytest.mark.parametrize("number", [0, 3, 7, 8, 15, 22, 29])
def test_the_sentence_that_answers_best_is_shown_and_marked(make, number):
    best = sentence(LONG, f"Paragraph {number} speaks of other things.")
    lines = plain(answer_lines(make.answer(make.hit(text=LONG, best=best)), nothing, width=60))[3:]
    barred = [line for line in lines if line.startswith(" | ")]
    assert len(lines) == 8
    assert [line.strip(" |…") for line in barred] == [best.text]
    assert lines[0].endswith("Paragraph 0 speaks of other things.") == (number < 8)


def test_a_sentence_longer_than_the_excerpt_is_shown_from_where_it_answers(make):
    text = "Before it. " + "so " * 300 + "the refund " + "so " * 300 + "it ends. After it."
    part = text[11:-10]
    begin = text.index("refund")
    (hit,) = make.answer(make.hit(text=text, best=sentence(text, part))).hits
    lines = plain(answer_lines(make.answer(hit), lambda *_: [(begin, begin + 6)], width=60))[3:]
    assert "refund" in "".join(lines)
    assert len(lines) == 8
    assert not any(line.startswith(" |") for line in lines), "a mark on every line tells nothing"


@given(WORDS, st.integers(0, 400), st.integers(1, 200), st.integers(40, 100))
def test_marking_a_sentence_changes_no_width_and_no_character(make, text, begin, size, width):
    best = Sentence(
        char_start=100 + begin, char_end=100 + begin + size, text="", page=None, line_start=1
    )
    lines = plain(answer_lines(make.answer(make.hit(text=text, best=best)), nothing, width=width))
    assert all(cell_len(line) <= width for line in lines)
    told = excerpt(text, [], width=width - 3, best=(begin, begin + size))
    assert {line[:3] for line in lines[3:]} <= {"   ", " | "}
    assert [line.text.plain for line in told] == [line[3:] for line in lines[3:]]


def copies(make, count, page=3):
    return tuple(
        Copy(ref=f"c{n}", path=f"contracts/合同-{n}.pdf", page_start=page, line_start=7, section=())
        for n in range(count)
    )


def test_copies_are_named_in_one_line(make):
    assert copies_line(copies(make, 2), 80) == (
        "also in contracts/合同-0.pdf p. 3, contracts/合同-1.pdf p. 3"
    )
    line = copies_line(copies(make, 1200, page=None), 80)
    assert line.startswith("also in contracts/合同-0.pdf line 7, contracts/合同-1.pdf line 7")
    assert line.endswith(" and 1,198 more")
    shown = plain(
        answer_lines(make.answer(make.hit(duplicates=copies(make, 9))), nothing, width=80)
    )
    assert shown[-1].startswith("   also in contracts/")


@given(st.integers(1, 60), SHORT, st.integers(24, 100))
def test_the_line_of_copies_fits(make, count, path, width):
    told = tuple(replace(copy, path=path) for copy in copies(make, count))
    line = copies_line(told, width)
    assert cell_len(line) <= width
    assert "\n" not in line


EXPLAINED = {
    "passage": "c123",
    "dense": {"cosine": 0.4567, "rank": None},
    "lexical": {"score": 11.629, "rank": 2},
    "matched": [
        {"term": "退货", "idf": 4.71, "fields": ["text", "heading"]},
        {"term": "期限", "idf": 2.0, "fields": ["text"]},
    ],
    "missing": ["xyzzy"],
    "abstained": False,
}


def test_an_explanation_is_a_few_aligned_lines(make):
    lines = plain(answer_lines(make.answer(make.hit(explain=EXPLAINED)), nothing, width=80))
    assert lines[4:] == [
        "   meaning  cosine 0.457, not among the nearest",
        "   words    score 11.63, rank 2",
        "   matched  退货 (4.7) in text and heading, 期限 (2.0)",
        "   missing  xyzzy",
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"dense": {"cosine": None, "rank": None}}, "meaning  not asked"),
        (
            {"dense": {"cosine": None, "rank": None}, "abstained": True},
            "meaning  none: this passage has no vector",
        ),
        ({"lexical": {"score": None, "rank": None}}, "words    not found by words"),
        ({"matched": []}, "matched  no word"),
    ],
)
def test_an_explanation_says_what_was_not_there(changed, told):
    assert told in plain(hit_lines(EXPLAINED | changed, {"rerank": None}, width=77))


def test_an_explanation_gives_the_score_of_the_reranker():
    first = plain(hit_lines(EXPLAINED, {"rerank": 0.98765}, width=77))[0]
    assert first == "reranker score 0.988"


def test_what_both_wordings_of_a_question_hold_is_told_once(make):
    term = {"term": "8500", "passages": 1, "idf": 3.8}
    twice = EXPLAINED | {"matched": [EXPLAINED["matched"][1]] * 2}
    assert "matched  期限 (2.0)" in plain(hit_lines(twice, {}, width=77))
    explain = {
        "weights": {"dense": 0.0, "lexical": 1.0},
        "dense": {"silent": None},
        "english": "rent rent 8,500",
        "terms": [term, term],
    }
    lines = plain(question_lines(make.answer(explain=explain), width=80))
    assert lines[1:3] == ["English  rent 8,500", "words    8500 (3.8) in 1"]


def test_the_question_as_a_whole_is_explained(make):
    terms = [
        {"term": "退货", "passages": 1200, "idf": 1.25},
        {"term": "xyzzy", "passages": 0, "idf": None},
    ]
    explain = {
        "mode": "hybrid",
        "weights": {"dense": 0.0, "lexical": 1.0},
        "dense": {"used": False, "candidates": 0, "silent": "The model is away. " * 6},
        "lexical": {"used": True, "candidates": 9},
        "english": "return goods",
        "terms": terms,
    }
    lines = plain(question_lines(make.answer(explain=explain), width=80))
    assert lines[0] == "by       meaning 0.00, words 1.00"
    assert lines[1].startswith("meaning  The model is away.")
    assert lines[2].startswith(" " * 9 + "away. The")
    assert lines[-3] == "English  return goods"
    assert lines[-2:] == ["words    退货 (1.2) in 1,200, xyzzy nowhere", ""]
    assert all(cell_len(line) <= 80 for line in lines)


@pytest.mark.parametrize(
    ("query", "told"),
    [("refund", "“refund”"), ('"late fee"', '"late fee"'), ("“退款”", "“退款”"), ('"', '“"”')],
)
def test_a_question_in_quotes_gets_no_others(make, query, told):
    answer = make.answer(query=query, hints=("Try again.",))
    assert nothing_found(answer) == f"Nothing found for {told}. Try again."

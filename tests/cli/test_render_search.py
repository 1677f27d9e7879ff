"""What a search looks like to a person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cli.render.search import answer_lines, excerpt, nothing_found, place

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
    lines = excerpt(text, [(begin, begin + 6)], width=70)
    assert len(lines) == 8
    assert lines[0].plain.startswith("…")
    assert lines[-1].plain.endswith("…")
    marked = [line for line in lines if line.spans]
    assert len(marked) == 1
    span = marked[0].spans[0]
    assert marked[0].plain[span.start : span.end] == "refund"


def test_a_passage_without_marks_is_shown_from_its_beginning():
    lines = plain(excerpt("\n".join("abcdefghijklmnop"), [], width=70))
    assert lines[0] == "a"
    assert lines[-1] == "h…"


def test_a_mark_that_is_broken_across_lines_is_marked_on_both():
    lines = excerpt("一二三四五六七八九十", [(3, 7)], width=11)
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
    assert "退货" in nothing_found(make.answer(), filtered=False)
    assert "--collection" in nothing_found(make.answer(), filtered=True)
    assert "\n" not in nothing_found(make.answer(query="a\nb" * 200), filtered=False)

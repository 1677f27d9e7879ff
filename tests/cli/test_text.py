"""Text in cells: no line too wide, nothing lost, no control character on the screen."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cli.output import emit
from cli.render.search import excerpt
from cli.render.styled import Text
from cli.render.tables import Column, size_of, table
from cli.render.text import cells, clean, columns, one_line, paragraph, shorten, wrap

CHINESE = "退货应当在七日内提出，经售后部门确认（含保修期内）后，方可办理。"
TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=CHINESE + " abcdef-/.,0123456789\n\t", max_size=400),
    st.text(alphabet="❤\ufe0f👩\u200d👧e\u0301 中a\n", max_size=60),
)


@given(TEXTS, st.integers(2, 100))
def test_wrapped_lines_fit_and_lose_nothing_but_space(text, width):
    shown = clean(text)
    lines = [shown[a:b] for a, b in wrap(shown, width)]
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(shown.split())


@given(TEXTS)
def test_cleaning_keeps_every_offset_and_lets_no_control_through(text):
    shown = clean(text)
    assert len(shown) == len(text)
    assert not [c for c in shown if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]
    shown.encode("utf-8")


@given(TEXTS, st.integers(1, 60))
def test_shortened_text_fits(text, width):
    line = one_line(text)
    short = shorten(line, width)
    assert cells(short) <= width
    assert short == line or "…" in short


def test_chinese_breaks_anywhere_but_before_closing_punctuation():
    lines = paragraph("一二三四五，六七八九十。", 10)
    assert lines == ["一二三四", "五，六七八", "九十。"]


def test_words_are_not_torn_unless_longer_than_a_line():
    assert paragraph("the warranty period", 12) == ["the warranty", "period"]
    assert paragraph("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]


def test_a_terminal_escape_in_a_document_does_nothing():
    assert "\x1b" not in clean("\x1b]0;owned\x07")


@pytest.mark.parametrize(("given_", "used"), [("200", 100), ("80", 80), ("10", 40), ("no", 80)])
def test_width_is_the_terminals_within_reason(monkeypatch, given_, used):
    monkeypatch.setenv("COLUMNS", given_)
    if given_ == "no":
        monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError))
    assert columns() == used


NAMES = st.text(alphabet=CHINESE + "abc/. \x1b", max_size=120)


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 10**9)), max_size=8))
def test_tables_never_break(rows):
    heads = [Column(head="document", least=20), Column(head="state", least=8)]
    heads.append(Column(head="chunks", number=True))
    lines = list(table(heads, rows, width=80))
    assert len(lines) == len(rows) + 1
    assert all(line.cell_len <= 80 and "\n" not in line.plain for line in lines)


def test_a_column_can_go_on_below():
    column = Column(head="value", least=10, whole=True)
    lines = [str(line) for line in table([column], [["http://gpu-1.example:8000/v1"]], width=12)]
    assert "".join(lines[1:]) == "http://gpu-1.example:8000/v1"


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**50, "1024.0 TiB")]
)
def test_sizes(count, told):
    assert size_of(count) == told


@given(st.text("ab\u200b退", max_size=30), st.data())
def test_a_line_is_printed_without_what_is_not_to_be_seen(plain, data):
    line = Text(plain)
    start = data.draw(st.integers(0, len(plain)))
    end = data.draw(st.integers(start, len(plain)))
    line.stylize("bold", start, end)
    seen = line.seen()
    assert seen.plain == plain.replace("\u200b", "")
    (span,) = seen.spans
    assert seen.plain[span.start : span.end] == plain[start:end].replace("\u200b", "")


def test_words_of_a_broken_chinese_line_are_found_in_the_output():
    before = "由于不可抗力的原因导致合同不能履行的各方当事人可以部分或者全部免除由此造"
    lines = [line for line, _ in excerpt(f"{before}\n成的损失。", [], width=100)]
    shown = io.StringIO()
    with redirect_stdout(shown):
        emit(lines)
    assert "\u200b" not in shown.getvalue()
    assert "由此造成的损失" in shown.getvalue().replace("\n", "")

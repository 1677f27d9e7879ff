"""reStructuredText: the markup is taken out and every line stays where it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.extract.plain.rst_marks import inline
from tests.extract.make_office import outcome, read, titles


def lines_of(folder: Path, text: str) -> list[str]:
    """Give the lines as read; there are as many as in the file."""
    lines = read(folder, "a.rst", text.encode()).text.split("\n")[:-1]
    assert len(lines) == len(text.rstrip("\n").split("\n"))
    return lines


def test_titles_by_their_adornment(tmp_path: Path) -> None:
    text = "=====\nWhole\n=====\n\nOne\n===\n\ntext\n\nUnder\n-----\n\nTwo\n===\n\n第一节\n------\n"
    document = read(tmp_path, "a.rst", text.encode())
    assert titles(document) == [
        (1, "Whole"), (2, "One"), (3, "Under"), (2, "Two"), (3, "第一节"),
    ]  # fmt: skip
    assert document.title == "Whole"
    assert "=" not in document.text


@pytest.mark.parametrize(
    "text", ["a line\nLonger\n---\n", "one\n\n-----\n\ntwo\n", "Longer\n---\n"]
)
def test_what_is_no_title(tmp_path: Path, text: str) -> None:
    assert titles(read(tmp_path, "a.rst", text.encode())) == []


def test_directives_show_what_a_reader_sees(tmp_path: Path) -> None:
    text = (
        ".. note:: Careful.\n\n   Body *here*.\n\n.. code-block:: c\n   :linenos:\n\n"
        "   a = *b*;\n\n"
        ".. image:: x.png\n   :alt: A map\n\n.. toctree::\n   :maxdepth: 2\n\n   one\n   two\n\n"
        ".. function:: f(a)\n\n   Does it.\n\n.. raw:: html\n\n   <b>\n\nend\n"
    )
    assert [line for line in lines_of(tmp_path, text) if line] == [
        "Note: Careful.", "   Body here.", "   a = *b*;", "[A map]", "f(a)", "   Does it.", "end",
    ]  # fmt: skip


def test_comments_targets_and_substitutions(tmp_path: Path) -> None:
    text = (
        ".. _start:\n.. a comment\n   goes on\n\nVersion |v| of ``|v|``, see note [1]_.\n\n"
        ".. |v| replace:: 3.2\n.. _x: https://x.org\n\n.. [1] The *note*.\n.. [2] Other.\n"
    )
    assert [line for line in lines_of(tmp_path, text) if line] == [
        "Version 3.2 of |v|, see note [1].", "[1] The note.", "[2] Other.",
    ]  # fmt: skip


def test_literal_blocks_are_kept(tmp_path: Path) -> None:
    text = "Like this::\n\n    **a** `b`_\n\n    c_\n\nand ::\n\n  *d*\n\n::\n\n  e_\n\nf_\n"
    assert [line for line in lines_of(tmp_path, text) if line] == [
        "Like this:", "    **a** `b`_", "    c_", "and", "  *d*", "  e_", "f",
    ]  # fmt: skip


def test_tables_are_rows(tmp_path: Path) -> None:
    text = (
        "=====  =====\nPart   Price\n=====  =====\nA1     3\n\\      *4*\n=====  =====\n\n"
        "+---+---+\n| a | b |\n+===+===+\n| c |   |\n+---+---+\n"
    )
    assert [line for line in lines_of(tmp_path, text) if line] == [
        "Part | Price", "A1 | 3", "|  | 4 |", "a | b", "| c |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("*a* and **b c** and ``d *e*``", "a and b c and d *e*"),
        (":ref:`the guide <g>` :py:func:`~a.b.c` :c:type:`!x`", "the guide c x"),
        ("`kb <https://x.org>`__ and `more\nwords`_", "kb and more\nwords"),
        ("2 * 3 * 4, a_b, __init__, x*", "2 * 3 * 4, a_b, __init__, x*"),
        (":Author: Ann", "Author: Ann"),
        ("| one\n| two", "one\ntwo"),
        (r"\*no\* a\ b", "*no* ab"),
    ],
)
def test_inline_marks(marked: str, plain: str) -> None:
    assert inline(marked, {}) == plain


_PIECES = st.sampled_from(
    ["\n", "\n\n", "   ", ".. ", "..", "::", "note:: ", "|a|", "`", "``", "*", "**", "====", "----",
     "=== ===", "+---+", "| x |", "word", "_", ":role:`x`", ".. [1] ", ".. _t:", ":opt: 1", "\\",
     "replace:: ", "中文", "\f", "\r\n"]
)  # fmt: skip


@given(pieces=st.lists(_PIECES, max_size=60))
def test_any_markup_keeps_its_lines(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str]
) -> None:
    from kb.extract.plain.rst import read as read_rst
    from tests.extract.make import written

    data = "".join(pieces).encode()
    source = written(tmp_path_factory.getbasetemp() / "any.rst", data)
    text = read_rst(data, source).text
    expected = data.decode().replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    assert text.count("\n") == (expected.count("\n") + 1 if data else 0)
    assert outcome(tmp_path_factory.getbasetemp(), "any.rst", data) in {"text", "extract.empty"}

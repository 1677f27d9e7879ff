"""Markdown: the file as it is, and the headings it declares."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.extract import extract
from kb.extract.plain import markdown
from kb.model import Document, Source
from tests.extract.make import assert_whole, written

ANYWHERE = Source(path="notes.md", location=Path("notes.md"), size=0, mtime_ns=0, inode=0)


def read(text: str) -> Document:
    document = markdown.read(text.encode(), ANYWHERE)
    assert document.text == text
    assert_whole(document)
    return document


def headings(text: str) -> list[tuple[int, str]]:
    return [(each.level, each.title) for each in read(text).headings]


def test_headings_of_both_kinds() -> None:
    text = "# One\ntext\n\nTwo\n---\n\n### Three ###\n\nFour\n====\n###### Six"
    assert headings(text) == [(1, "One"), (2, "Two"), (3, "Three"), (1, "Four"), (6, "Six")]


def test_a_heading_stands_at_its_line() -> None:
    text = "intro\r\n\r\n  ## *A* `b` ##\r\nSub\r\n===\r\n"
    found = read(text).headings
    lines = [text[each.start : each.end] for each in found]
    assert lines == ["  ## *A* `b` ##", "Sub"]
    assert [each.title for each in found] == ["A b", "Sub"]


@pytest.mark.parametrize(
    "text",
    [
        "```\n# code\n```\n",
        "~~~~ python\n# code\n~~~\n# still\n~~~~\n",
        "```\n# never closed\n",
        "    # indented code\n",
        "#no blank\n",
        "####### seven\n",
        "- item\n---\n",
        "> quote\n---\n",
        "| a |\n---\n",
        "\n---\n",
        "# \n",
        "text # not\n",
    ],
)
def test_what_is_no_heading(text: str) -> None:
    assert headings(text) == []


def test_code_that_is_closed_ends() -> None:
    assert headings("```\n# no\n```\n# yes\n") == [(1, "yes")]
    assert headings("``` a `b` c\n# yes\n") == [(1, "yes")]


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ('The [price](http://x.y/a "t") of **`kb`**', "The price of kb"),
        ("![logo](a.png) Home", "logo Home"),
        ("snake_case and 2*3*4", "snake_case and 2*3*4"),
        ("_one_ __two__ ~~three~~", "one two three"),
        ("a \\* b", "a * b"),
        ("<a id='x'></a>Name {#anchor}", "Name"),
        ("第三条 **付款**", "第三条 付款"),
        ("C#", "C#"),
    ],
)
def test_titles_lose_their_marks(marked: str, plain: str) -> None:
    assert headings(f"# {marked}\n") == [(1, plain)]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: 'The Plan'\ntags: [a]\n---\n# Other\n", "The Plan"),
        ("---\r\ntitle: Plan\r\n---\r\n", "Plan"),
        ("## Second\n# First\n", "First"),
        ("text only\n", "notes"),
        ("---\n\nnot front matter\n", "notes"),
    ],
)
def test_the_title(text: str, title: str) -> None:
    assert read(text).title == title


def test_front_matter_holds_no_headings() -> None:
    assert headings("---\n# comment\ntitle: x\n---\n# Real\n") == [(1, "Real")]


def test_a_file_is_read_with_its_line_ends(tmp_path: Path) -> None:
    text = "# 标题\r\n\r\nA\rB\nC"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "gb18030"):
        document = extract(written(tmp_path / "a.md", text.encode(encoding)))
        assert document.text == text
        assert document.title == "标题"


@given(st.text(st.sampled_from("#-=`~ *_[]()<>|\n\rab1.>\t"), max_size=60))
def test_headings_always_stand_in_the_text(text: str) -> None:
    read(text)


def test_a_title_of_nothing_but_marks_takes_no_time() -> None:
    for mark in ("`", "**", "[", "_", "~~"):
        assert markdown.plain("a " + mark * 30_000) == "a " + mark * 30_000


def test_front_matter_in_toml_and_headings_in_html() -> None:
    front = '+++\ntitle = "Lease guide"\n# no heading\n+++\n'
    text = f'{front}\n<h1 align="center">The <b>lease</b></h1>\n'
    document = read(text)
    assert document.title == "Lease guide"
    assert headings(text) == [(1, "The lease")]
    (heading,) = document.headings
    assert text[heading.start : heading.end].startswith("<h1")

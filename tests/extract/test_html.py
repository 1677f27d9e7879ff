"""HTML: the text that people came to read, its headings, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.errors import StageError
from kb.extract import extract
from kb.model import Document
from tests.extract.make import assert_whole, written

LONG = "The warranty covers material and workmanship, and it begins on the day of delivery. " * 3


def read(tmp_path: Path, html: str | bytes, name: str = "page.html") -> Document:
    data = html if isinstance(html, bytes) else html.encode()
    document = extract(written(tmp_path / name, data))
    assert_whole(document)
    assert (document.format, document.paged) == ("html", False)
    return document


def test_blocks_lists_tables_and_headings(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "<title> Help \n centre </title><body><h1>First <em>aid</em></h1><p>One<br>two  three"
        "<p>Next.<ul><li>red<li><p>green</p></ul><ol start=3><li>x<li>y</ol>"
        "<table><tr><th>Part<th>Price<tr><td>A<br>1<td>3 <b>EUR</b></table>"
        "<pre>a\n  b</pre><h2>Last</h2>end",
    )
    assert document.text == (
        "First aid\n\nOne\ntwo three\n\nNext.\n\n- red\n- green\n\n3. x\n4. y\n\n"
        "Part | Price\nA 1 | 3 EUR\n\na\n  b\n\nLast\n\nend\n"
    )
    assert document.title == "Help centre"
    assert [(each.level, each.title) for each in document.headings] == [
        (1, "First aid"),
        (2, "Last"),
    ]
    for each in document.headings:
        assert document.text[each.start : each.end] == each.title


@pytest.mark.parametrize(
    "content", ["<main>{}</main>", "<div role=main>{}</div>", "<article>{}</article>"]
)
def test_what_stands_around_the_marked_content_is_left_out(tmp_path: Path, content: str) -> None:
    inner = f"<header><h1>Warranty</h1></header><p>{LONG}</p><aside>AROUND</aside>"
    page = (
        "<body><nav>AROUND</nav><header>AROUND</header><script>AROUND</script><style>AROUND</style>"
        f"<p hidden>AROUND</p><p style='display: none'>AROUND</p>{content.format(inner)}"
        "<form>AROUND</form><footer>AROUND</footer>"
    )
    text = read(tmp_path, page).text
    assert "AROUND" not in text
    assert text.startswith("Warranty\n")
    assert LONG.strip() in text


def test_a_small_marked_part_does_not_hide_the_rest(tmp_path: Path) -> None:
    page = f"<body><article>Only a teaser.</article><div><p>{LONG}</p><p>{LONG}</p></div>"
    text = read(tmp_path, page).text
    assert text.count("warranty") == 6
    assert "teaser" in text or LONG.strip() in text


def test_without_marks_the_densest_block_wins_and_its_opening_stays(tmp_path: Path) -> None:
    links = "".join(f"<li><a href=/{n}>Link number {n} to elsewhere</a>" for n in range(40))
    page = (
        f"<body><div id=menu-left><ul>{links}</ul></div><div id=page>"
        f"<div class=intro><p>Opening: {LONG}</p></div><div class=more><div>"
        + f"<p>{LONG}</p>" * 5
        + f"</div></div></div><div class=footer><p>{LONG[:90]} imprint</p></div>"
    )
    text = read(tmp_path, page).text
    assert "Opening" in text
    assert text.count(LONG.strip()) == 6
    assert "Link number" not in text
    assert "imprint" not in text


def test_a_dense_block_that_is_a_small_part_does_not_hide_the_rest(tmp_path: Path) -> None:
    rows = "".join(f"<div>Clause {number}: {LONG}</div>" for number in range(30))
    text = read(tmp_path, f"<body><div>{rows}</div><div><p>{LONG}</p></div>").text
    assert text.count("Clause") == 30


def test_a_page_that_is_all_navigation_keeps_it(tmp_path: Path) -> None:
    assert (
        "Home" in read(tmp_path, "<body><nav><a href=/>Home</a> <a href=/b>Prices</a></nav>").text
    )


def test_a_sidebar_that_holds_the_text_is_the_text(tmp_path: Path) -> None:
    assert LONG.strip() in read(tmp_path, f"<body><div class=sidebar><p>{LONG}</p></div>").text


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Untitled</title><h1>Terms of sale</h1>x", "Terms of sale"),
        ("<p>nothing", "page"),
        ("<title></title><h2>Second</h2>x", "Second"),
    ],
)
def test_titles(tmp_path: Path, html: str, title: str) -> None:
    assert read(tmp_path, html).title == title


@pytest.mark.parametrize(
    ("encoding", "head"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("gb18030", ""),
        ("gb18030", "<meta charset=gb2312>"),
        ("gb18030", '<meta http-equiv="Content-Type" content="text/html; charset=GBK">'),
        ("big5", "<meta charset='big5'>"),
        ("utf-8", "<meta charset=gb2312x>"),
        ("gb18030", "<meta charset=utf-8>"),
        ("utf-8", '<?xml version="1.0" encoding="UTF-8"?>'),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, head: str) -> None:
    words = (
        "本合同自公布之日起生效，的不是我在有人大"
        if encoding != "big5"
        else "本合同自公布之日起生效，在有人大"
    )
    head = head.replace("gb2312x", "nonsense")
    data = f"{head}<title>t</title><p>{words}</p>".encode(encoding)
    assert read(tmp_path, data).text == words + "\n"


def test_entities_nuls_and_headings_with_anchors(tmp_path: Path) -> None:
    document = read(
        tmp_path, b"<h2>Set&shy;up&#8203; <a href=#s>#</a></h2><p>a&nbsp;&amp;\0 b&#0;&#xD800;</p>"
    )
    assert document.headings[0].title == "Setup"
    assert document.text.startswith("Setup\n")
    assert "a & b" in document.text


def test_depth_and_breadth_are_survived(tmp_path: Path) -> None:
    deep = "<div>" * 20_000 + "deep" + "</div>" * 20_000
    for page in (deep, "<b>" * 20_000 + "bold", "<table><tr><td>" * 2_000 + "cell"):
        source = written(tmp_path / "deep.html", page.encode())
        try:
            assert_whole(extract(source))
        except StageError as error:
            codes = {"extract.corrupt", "extract.empty", "extract.too_large"}
            assert error.failure.code in codes  # noqa: PT017 - either outcome is fine
    wide = "<p>" + "word " * 100_000 + "<p>x" * 20_000
    assert read(tmp_path, wide).text.count("word") == 100_000


def test_nothing_to_read_is_empty(tmp_path: Path) -> None:
    for page in ("<html></html>", "<!-- a -->", " ", "<script>x</script>"):
        with pytest.raises(StageError) as error:
            extract(written(tmp_path / "e.html", page.encode()))
        assert error.value.failure.code == "extract.empty"


def test_a_contract_saved_as_html_loses_nothing(tmp_path: Path) -> None:
    parts = "".join(
        f"<div style='page:p{n}'><p align=center>- {n} -</p><p>Short.</p>"
        f"<div>Section {n}.1 {LONG}</div>"
        f"<table><tr><td>Part {n}</td><td>Price</td></tr></table></div>"
        for n in range(1, 9)
    )
    page = (
        "<document><type>EX-10<text><body><div style='display:none'>HIDDEN</div><p>COVER</p>"
        f"{parts}<div><p>IN WITNESS WHEREOF</p><p>By: ____</p></div></body>"
    )
    text = read(tmp_path, page).text
    for n in range(1, 9):
        assert f"- {n} -" in text
        assert f"Section {n}.1" in text
        assert f"Part {n} | Price" in text
    assert "COVER" in text
    assert "By: ____" in text
    assert text.count("Short.") == 8
    assert "HIDDEN" not in text


@pytest.mark.parametrize("name", ["cookies", "share", "comments-on-drafts", "menu", "tags"])
def test_a_chapter_is_kept_though_its_name_is_that_of_furniture(tmp_path: Path, name: str) -> None:
    title = name.replace("-", " ").capitalize()
    page = (
        f"<body><nav>AROUND</nav><main><h1>Privacy</h1><p>{LONG * 4}</p>"
        f"<section id={name}><h2>{title}</h2><p>KEPT {LONG}</p></section>"
        f"<h2 id=menu>Menu</h2><p>{LONG}</p></main>"
    )
    document = read(tmp_path, page)
    assert "KEPT" in document.text
    assert [each.title for each in document.headings] == ["Privacy", title, "Menu"]
    assert "AROUND" not in document.text


def test_coloured_code_and_page_builders_keep_their_words(tmp_path: Path) -> None:
    page = (
        f"<body><nav>AROUND</nav><main><p>{LONG * 3}</p>"
        "<pre><span class='token comment'># note</span>\n<span class=tag>a</span></pre>"
        f"<div class='elementor-widget elementor-widget-text-editor'><p>BUILT {LONG}</p></div>"
        "</main>"
    )
    text = read(tmp_path, page).text
    assert "# note\na" in text
    assert "BUILT" in text


RELATED = "<ul><li><a href=/a>Nine ways to AWAY a boiler</a><li><a href=/b>AWAY again</a></ul>"


@pytest.mark.parametrize(
    "block",
    [
        f"<div><h3>Related articles</h3>{RELATED}</div>",
        f"<h3>You may also like</h3>{RELATED}",
        f"<section><p><b>相关阅读</b></p>{RELATED}</section>",
        f"<div class=MostPopular>{RELATED}</div>",
        "<p>Read more: <a href=/a>The AWAY story that you missed</a></p>",
        "<div id=cookie-banner>AWAY with cookies</div>",
        "<div class=share-buttons>AWAY</div>",
        "<p class=sr-only>AWAY</p>",
        "<div class='d-none d-print-block'>AWAY</div>",
        f"<section id=comments><h3>12 comments</h3>{'<p>AWAY, I say, away.</p>' * 60}</section>",
    ],
)
def test_what_leads_away_from_an_article_is_left_out(tmp_path: Path, block: str) -> None:
    page = (
        f"<body><nav>x</nav><article><h1>Boilers</h1><p>{LONG}</p>{block}<h2>Care</h2>"
        f"<p>{LONG}</p><ul><li><a href=/x>KEPT, a manual</a>, in print</ul></article>"
    )
    text = read(tmp_path, page).text
    assert "AWAY" not in text
    assert text.count(LONG.strip()) == 2
    assert "KEPT" in text
    assert "Care" in text


def test_a_page_of_answers_is_not_emptied_of_them(tmp_path: Path) -> None:
    answers = "".join(f"<div class=comment>Answer {n}: {LONG}</div>" for n in range(12))
    page = f"<body><nav>x</nav><div class=thread><h1>Why?</h1>{answers}</div>"
    assert read(tmp_path, page).text.count("Answer") == 12


def test_ruby_and_rows_of_one_cell(tmp_path: Path) -> None:
    page = (
        "<p><ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>を読む</p>"
        "<table><tr><td></td><td>x = 1</td></tr><tr><td>a</td><td></td><td>c</td></tr></table>"
    )
    assert read(tmp_path, page).text == "漢字を読む\n\nx = 1\na |  | c\n"


def test_definitions_and_captions_are_kept(tmp_path: Path) -> None:
    page = (
        f"<body><nav>x</nav><main><p>{LONG}</p><dl><dt>Term</dt><dd>Two years.</dd></dl>"
        "<figure><img src=x><figcaption>Fig. 1: a boiler</figcaption></figure></main>"
    )
    text = read(tmp_path, page).text
    assert "Term\nTwo years.\n" in text
    assert "Fig. 1: a boiler" in text


def test_a_page_of_nothing_but_lists_of_links_keeps_them(tmp_path: Path) -> None:
    block = "<div><h2>Related articles</h2><a href=/x>The warranty of boilers</a></div>"
    assert read(tmp_path, f"<body><nav>x</nav>{block * 5}").text.count("warranty") == 5

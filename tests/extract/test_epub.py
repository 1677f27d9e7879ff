"""EPUB: chapters in the order of the spine, without the navigation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extract.make_office import book, read, refused, texts, titles, zipped

NAV = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'


def test_chapters_come_in_the_order_of_the_spine(tmp_path: Path) -> None:
    chapters = {
        "b.xhtml": "<h1>Second</h1><p>two</p>",
        "a.xhtml": "<h1>First</h1><p>one</p><h2>Part</h2><p>more<br/>lines</p>",
    }
    data = book(chapters, title="Of Things", order=["a.xhtml", "b.xhtml"])
    document = read(tmp_path, "x.epub", data)
    assert document.text == ("First\n\none\n\nPart\n\nmore\nlines\n\nSecond\n\ntwo\n")
    assert titles(document) == [(1, "First"), (2, "Part"), (1, "Second")]
    assert document.title == "Of Things"
    assert not document.paged


def test_navigation_is_kept_out_and_names_chapters_that_bear_no_heading(tmp_path: Path) -> None:
    chapters = {"one.xhtml": "<p>In the beginning.</p>", "two.xhtml": "<p>THE END</p><p>So.</p>"}
    nav = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol>'
        '<li><a href="one.xhtml">Chapter One</a></li>'
        '<li><a href="two.xhtml#x">The End</a></li></ol></nav></body></html>'
    )
    data = book(chapters, items=NAV, more={"OPS/nav.xhtml": nav}, order=["nav", *chapters])
    document = read(tmp_path, "x.epub", data)
    assert texts(document) == ["Chapter One", "In the beginning.", "THE END", "So."]
    assert titles(document) == [(1, "Chapter One"), (1, "THE END")]


def test_names_of_the_older_contents_count_too(tmp_path: Path) -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Eins'
        '</text></navLabel><content src="a.xhtml"/></navPoint></navMap></ncx>'
    )
    item = '<item id="ncx" href="t.ncx" media-type="application/x-dtbncx+xml"/>'
    data = book({"a.xhtml": "<p>text</p>"}, items=item, more={"OPS/t.ncx": ncx})
    assert titles(read(tmp_path, "x.epub", data)) == [(1, "Eins")]


def test_what_pages_take_for_their_frame_is_text_in_a_book(tmp_path: Path) -> None:
    body = (
        '<header><p>Motto</p></header><p class="comments">Body &amp; soul.&#160;End<a id="n"/></p>'
        '<aside epub:type="footnote"><p>1 A note.</p></aside><nav><a href="x">GONE</a></nav>'
        "<script>GONE()</script><div/><p>last</p>"
    )
    lines = texts(read(tmp_path, "x.epub", book({"a.xhtml": body})))
    assert lines == ["Motto", "Body & soul. End", "1 A note.", "last"]


def test_a_damaged_or_missing_chapter_is_a_problem_of_its_own(tmp_path: Path) -> None:
    data = book({"a.xhtml": "<p>one</p>"}, items='<item id="gone" href="gone.xhtml" '
                'media-type="application/xhtml+xml"/>', order=["gone", "a.xhtml"])  # fmt: skip
    document = read(tmp_path, "x.epub", data)
    assert texts(document) == ["one"]
    assert [each.locator for each in document.problems] == ["OPS/gone.xhtml"]


@pytest.mark.parametrize(
    "href", ["../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "%00"]
)
def test_no_name_becomes_a_path(tmp_path: Path, href: str) -> None:
    item = f'<item id="evil" href="{href}" media-type="application/xhtml+xml"/>'
    data = book({"a.xhtml": "<p>one</p>"}, items=item, order=["evil", "a.xhtml"])
    document = read(tmp_path, "x.epub", data)
    assert document.text == "one\n"
    assert len(document.problems) == 1


def test_broken_markup_is_read_as_browsers_do(tmp_path: Path) -> None:
    data = book({"a.xhtml": "<p>one<p>two &nbsp; three"})
    assert texts(read(tmp_path, "x.epub", data)) == ["one", "two three"]


def _protected(algorithm: str) -> bytes:
    xml = (
        f'<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/><CipherData>'
        '<CipherReference URI="OPS/a.xhtml"/></CipherData></EncryptedData></encryption>'
    )
    return book({"a.xhtml": "<p>text</p>"}, more={"META-INF/encryption.xml": xml})


def test_copy_protection_is_told_from_hidden_fonts(tmp_path: Path) -> None:
    aes = _protected("http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    assert refused(tmp_path, "a.epub", aes).code == "extract.encrypted"
    assert read(tmp_path, "b.epub", _protected("http://www.idpf.org/2008/embedding")).text


def test_what_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "a.epub", zipped({"mimetype": "x"})).code == "extract.corrupt"
    assert refused(tmp_path, "b.epub", b"PK").code == "extract.corrupt"
    assert refused(tmp_path, "c.epub", book({"a.xhtml": "<p/>"})).code == "extract.empty"
    item = '<item id="i" href="i.png" media-type="image/png"/>'
    comic = book({"a.xhtml": '<img src="i.png"/>'}, items=item)
    assert refused(tmp_path, "d.epub", comic).code == "extract.no_text"
    bomb = book({"a.xhtml": " " * 40_000_000})
    assert refused(tmp_path, "e.epub", bomb).code == "extract.too_large"


def test_a_chapter_of_links_is_text_like_any_other(tmp_path: Path) -> None:
    links = "".join(f'<li><a href="x{at}.html">Entry number {at}</a></li>' for at in range(90))
    words = "<p>" + "The rent falls due on the first day. " * 40 + "</p>"
    body = f"<h1>Index</h1>{words}<div><h2>Related articles</h2><ul>{links}</ul></div>"
    lines = texts(read(tmp_path, "x.epub", book({"a.xhtml": body})))
    assert lines[2] == "Related articles"
    assert len(lines) == 93


def test_words_in_drawings_are_read_also_where_a_drawing_is_the_page(tmp_path: Path) -> None:
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg"><desc>A whale at sea</desc><g><text>Call me'
        '<tspan x="1" y="9">Ish</tspan><tspan>mael</tspan>.</text></g></svg>'
    )
    chapters = {"a.xhtml": f"<p>Page one.</p>{drawing}<p>Below.</p>"}
    item = '<item id="d.svg" href="d.svg" media-type="image/svg+xml"/>'
    data = book(chapters, items=item, more={"OPS/d.svg": drawing}, order=["a.xhtml", "d.svg"])
    said = ["[A whale at sea]", "Call me Ishmael."]
    assert texts(read(tmp_path, "x.epub", data)) == ["Page one.", *said, "Below.", *said]


def test_what_stands_in_for_a_kind_that_readers_need_not_know_is_read(tmp_path: Path) -> None:
    items = (
        '<item id="p" href="p.png" media-type="image/png" fallback="q"/>'
        '<item id="q" href="q.json" media-type="application/json" fallback="b.xhtml"/>'
        '<item id="r" href="r.png" media-type="image/png" fallback="r"/>'
        '<item id="old" href="old.html" media-type="text/x-oeb1-document"/>'
    )
    chapters = {"b.xhtml": "<p>In words.</p><object data='x.swf'><p>No film.</p></object>"}
    old = "<html><body><p>Of old.</p></body></html>"
    data = book(chapters, items=items, more={"OPS/old.html": old}, order=["p", "r", "old"])
    assert texts(read(tmp_path, "x.epub", data)) == ["In words.", "No film.", "Of old."]


def test_equations_are_written_as_people_type_them(tmp_path: Path) -> None:
    row = "<mtr><mtd><mo>-</mo><mn>3</mn><mn>3</mn></mtd></mtr>"
    math = (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"{}><semantics><mrow><msub><mi>a</mi>'
        "<mn>1</mn></msub><mo>&#8290;</mo><mo>=</mo><mfenced open='[' close=']'>"
        "<mtable>{}</mtable></mfenced>"
        "<mtext>if so</mtext></mrow><annotation>NOT SAID</annotation></semantics></math>"
    )
    inline = math.format("", row + "<mtr><mtd/></mtr>" + row)
    block = math.format(' display="block"', row)
    lines = texts(read(tmp_path, "x.epub", book({"a.xhtml": f"<p>So {inline}, then</p>{block}"})))
    assert lines == ["So a_1=[-33; -33] if so, then", "a_1=[-33] if so"]

r"""RTF: code pages, `\u`, tables, notes, headings, and what is not seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extract.make_office import read, refused, texts, titles

FONTS = (
    rb"{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\fnil\fcharset134 SimSun;}"
    rb"{\f2\fnil\fcharset204 Arial Cyr;}{\f3\fnil\fcharset128 MS Mincho;}"
    rb"{\f4\fnil\fcharset2 Symbol;}}"
)


def rtf(body: bytes, head: bytes = rb"\ansi\ansicpg1252\deff0") -> bytes:
    return rb"{\rtf1" + head + FONTS + body + b"}"


def escaped(text: str, encoding: str) -> bytes:
    """Give a text as the escapes of its bytes, as Word writes it."""
    return b"".join(b"\\'%02x" % byte for byte in text.encode(encoding))


def text_of(folder: Path, body: bytes, **more: bytes) -> list[str]:
    return texts(read(folder, "a.rtf", rtf(body, **more)))


def test_paragraphs_lines_and_signs(tmp_path: Path) -> None:
    body = rb"\pard one\tab two\line three\par a\emdash b\~c\_d \{x\} \\ e\'e9\par" + b"\nlast"
    assert read(tmp_path, "a.rtf", rtf(body)).text == (
        "one\ttwo\nthree\n\na—b\u00a0c-d {x} \\ eé\n\nlast\n"
    )


@pytest.mark.parametrize(
    ("font", "text", "encoding"),
    [
        (rb"\f1", "合同的价格", "gb18030"),
        (rb"\f2", "Договор", "cp1251"),
        (rb"\f3", "表示ソ契約", "cp932"),
        (rb"\f0", "café", "cp1252"),
    ],
)
def test_bytes_are_read_in_the_code_page_of_their_font(
    tmp_path: Path, font: bytes, text: str, encoding: str
) -> None:
    body = font + b" " + escaped(text, encoding) + rb"\f0  plain\par"
    assert text_of(tmp_path, body) == [f"{text} plain"]


def test_the_second_byte_of_a_character_may_be_a_plain_letter(tmp_path: Path) -> None:
    assert text_of(tmp_path, rb"\f3 \'83A\'83B x\par") == [b"\x83A\x83B x".decode("cp932")]


def test_the_code_page_of_the_file_counts_where_no_font_says_otherwise(tmp_path: Path) -> None:
    body = escaped("价格", "gb18030") + rb"\par"
    assert text_of(tmp_path, body, head=rb"\ansi\ansicpg936\deff0") == ["价格"]


def test_unicode_escapes_and_what_stands_for_them(tmp_path: Path) -> None:
    body = (
        rb"\u20215?\u-10179 ?\u-8704 ?\uc2\u8364\'80\'80{\uc0\u960}x\uc1\u8211-y"
        rb"{\upr{GONE}{\*\ud{\u945 ?}}}\par"
    )
    assert text_of(tmp_path, body) == ["价\U0001f600€πx–yα"]


def test_symbols_are_no_letters(tmp_path: Path) -> None:
    assert text_of(tmp_path, rb"{\f4\'b7}\tab item\par\u61623 ?x\par") == ["•\titem", "•x"]


def test_what_is_not_seen(tmp_path: Path) -> None:
    body = (
        rb"{\info{\title A Good Title}{\author GONE}}{\header GONE}{\footer GONE\par}"
        rb"{\pict\pngblip 89504e47 0d0a1a0a}{\v GONE}{\deleted GONE}{\*\unknown GONE{\b GONE}}"
        rb"{\object{\*\objdata 0105}{\result shown}}{\field{\*\fldinst GONE}{\fldrslt page}}"
        rb"{\*\bkmkstart GONE}\v GONE\v0  end\par"
    )
    document = read(tmp_path, "a.rtf", rtf(body))
    assert document.text == "shownpage end\n"
    assert document.title == "A Good Title"


def test_a_group_that_is_indented_is_what_its_first_word_says(tmp_path: Path) -> None:
    fonts = b"{ \\fonttbl\n  {\\f0\\froman Times;}\n  { \\f1 Arial (Thai);} }"
    assert text_of(tmp_path, fonts + b"One{ \\b two} three\\par") == ["One two three"]


def test_binary_data_is_passed_over(tmp_path: Path) -> None:
    assert text_of(tmp_path, rb"a{\pict\bin7 }}}{{\x}b\par") == ["ab"]


def test_tables_are_rows_and_frames_are_not(tmp_path: Path) -> None:
    def row(*cells: bytes) -> bytes:
        return rb"\trowd\pard\intbl " + b"".join(cell + rb"\cell " for cell in cells) + rb"\row "

    body = (
        row(b"Part", b"Price") + row(rb"A1\par more", b"3") + row(b"A2", b"")
        + rb"\pard after\par" + row(b"in a frame")
    )  # fmt: skip
    assert read(tmp_path, "a.rtf", rtf(body)).text == (
        "Part | Price\nA1 more | 3\n| A2 |\n\nafter\n\nin a frame\n"
    )


def test_headings_by_style_and_by_outline_level(tmp_path: Path) -> None:
    body = (
        rb"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 My own;}{\s2\b heading 2;}{\s9 Title;}"
        rb"{\*\cs21 heading 1 Char;}}"
        rb"\pard\s9 The Whole\par\pard\s1 One\par\pard body\par\pard\s2 Two\par"
        rb"\pard\outlinelevel2 Three\par\pard\s0 body\par"
    )
    document = read(tmp_path, "a.rtf", rtf(body))
    assert titles(document) == [(1, "The Whole"), (1, "One"), (2, "Two"), (3, "Three")]
    assert document.title == "The Whole"


def test_footnotes_and_comments_follow_their_paragraph(tmp_path: Path) -> None:
    body = (
        rb"Price{\super\chftn}{\footnote\pard {\super\chftn} Net of tax.} is due"
        rb"{\*\atnid A}{\*\atnauthor Ann}\chatn{\*\annotation{\*\atndate 1}check it}\par next\par"
    )
    assert text_of(tmp_path, body) == [
        "Price[1] is due", "[1] Net of tax.", "Comment: check it", "next",
    ]  # fmt: skip


def test_numbers_that_are_written_down_for_old_programs_are_read(tmp_path: Path) -> None:
    assert text_of(tmp_path, rb"{\listtext\f0 3.2\tab}Price\par") == ["3.2\tPrice"]


def test_a_file_that_breaks_off_is_read_to_its_end(tmp_path: Path) -> None:
    assert text_of(tmp_path, rb"one\par{\b two")[:2] == ["one", "two"]


def test_what_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "a.rtf", b"plain text").code == "extract.corrupt"
    assert refused(tmp_path, "b.rtf", rtf(b"")).code == "extract.empty"
    assert refused(tmp_path, "c.rtf", rb"{\rtf1" + b"{" * 200_000).code == "extract.too_large"
    assert refused(tmp_path, "d.rtf", b"").code == "extract.empty"

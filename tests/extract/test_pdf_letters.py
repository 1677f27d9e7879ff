"""PDF: letters that a file does not tell, or tells falsely, and blanks that nobody wrote."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from kb.extract import extract
from kb.extract.ocr.recogniser import Recogniser
from kb.extract.pdf import scans, with_pdfium
from kb.extract.pdf.garbled import is_garbled
from kb.extract.pdf.pieces import Piece
from kb.extract.pdf.rows import lines
from kb.extract.pdf.sheet import Line, Sheet
from kb.extract.pdf.text import tidy
from kb.model import Document, PageState
from tests.extract.make import (
    assert_whole,
    pdf,
    pdf_objects,
    placed,
    shown,
    stream,
    written,
)

ENGLISH = (
    "The tenant pays the rent on the first working day of each month to the account that the "
    "owner has named in writing, without any deduction, and the owner keeps the house in good "
    "repair. Whoever gives notice does so in writing, three months before the end of a quarter; "
    "what was built into the house stays there, and nothing is owed for it by either of them."
)
GERMAN = (
    "Der Mieter zahlt die Miete am ersten Werktag eines jeden Monats auf das Konto, das ihm der "
    "Vermieter schriftlich genannt hat, und zwar ohne jeden Abzug und auf seine eigenen Kosten. "
    "Gekündigt wird schriftlich und drei Monate vor dem Ende eines Quartals; was in das Haus "
    "eingebaut wurde, bleibt dort, und keiner von beiden schuldet dem anderen etwas dafür."
)
POLISH = (
    "Najemca płaci czynsz pierwszego dnia roboczego każdego miesiąca na rachunek wskazany przez "
    "wynajmującego na piśmie, bez żadnych potrąceń, a wynajmujący utrzymuje dom w dobrym stanie. "
    "Wypowiedzenie następuje na piśmie, na trzy miesiące przed końcem kwartału; to, co zostało "
    "wbudowane w dom, tam pozostaje i żadna ze stron nie jest nic winna drugiej z tego tytułu."
)


def read(tmp_path: Path, data: bytes) -> Document:
    document = extract(written(tmp_path / "letters.pdf", data))
    assert_whole(document)
    return document


def moved(text: str, by: int) -> str:
    return "".join(chr(ord(sign) + by) if " " < sign < "\x7f" else sign for sign in text)


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, POLISH])
@pytest.mark.parametrize("by", [1, 3, -29, -31])
def test_letters_of_a_language_are_told_from_others(text: str, by: int) -> None:
    assert not is_garbled(text)
    assert is_garbled(moved(text, by))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wkh uhqw",
        "条款" * 400 + "XJ-K7 QZ " * 20,
        "| 17 | 4.20 " * 60,
        "Signed by XXXXXXXX XXXXXXXX of XXXXXXXX. " * 20,
        "x y z k j w " * 60,
        "Ο μισθωτής πληρώνει το ενοίκιο την πρώτη ημέρα του μήνα. " * 10,
    ],
)
def test_little_text_and_other_scripts_are_never_garbled(text: str) -> None:
    assert not is_garbled(text)


def test_a_page_in_many_scripts_is_garbled() -> None:
    assert is_garbled("ఱҨͱאقठকถ " * 40)


@given(st.text(max_size=600))
def test_any_text_is_judged(text: str) -> None:
    assert is_garbled(text) in (True, False)


#: In lines that fit on a page.
_LINES = textwrap.fill(ENGLISH, 70)
_SHOWN = moved(_LINES, 3)


def test_a_page_that_is_not_what_it_shows_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KB_OCR", "off")
    document = read(tmp_path, pdf([shown(_LINES), shown(_SHOWN)]))
    assert _SHOWN in document.text
    assert [page.state for page in document.pages] == 2 * [PageState.INDEXED]
    (problem,) = document.problems
    assert (problem.code, problem.locator) == ("extract.no_text", "page 2")
    assert "switched off" in problem.message
    assert "KB_OCR" in problem.hint


@pytest.mark.parametrize(("said", "taken"), [(_LINES, True), (_SHOWN, False), ("a", False)])
def test_what_is_recognised_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, *, taken: bool
) -> None:
    def recognised(_pdf: Any, _number: int, _sheet: Sheet, _by: Recogniser) -> Sheet:
        return Sheet(lines=(Line(said),), state=PageState.OCR, confidence=0.9)

    monkeypatch.setattr(scans, "_recognised", recognised)
    document = read(tmp_path, pdf([shown(_SHOWN)]))
    assert document.text == (said if taken else _SHOWN)
    assert document.pages[0].state is (PageState.OCR if taken else PageState.INDEXED)
    assert len(document.problems) == (0 if taken else 1)


def _seen(texts: Sequence[str]) -> Any:
    quick = with_pdfium.Pdf.sheet

    def sheet(opened: with_pdfium.Pdf, number: int) -> Sheet:
        real = quick(opened, number)
        made = tuple(real.lines[0]._replace(text=text) for text in texts)
        return replace(real, lines=made)

    return sheet


@pytest.mark.parametrize(
    "text", [_SHOWN, "\ufffd" * 40 + ENGLISH[:60], "\x03\x04" * 30 + "abc" * 30]
)
def test_pypdf_is_asked_for_a_doubtful_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    data = pdf([shown(_LINES)])
    monkeypatch.setattr(with_pdfium.Pdf, "sheet", _seen([text]))
    document = read(tmp_path, data)
    assert document.text == _LINES
    assert document.problems == ()


def test_pypdf_is_not_followed_where_it_says_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KB_OCR", "off")
    monkeypatch.setattr(with_pdfium.Pdf, "sheet", _seen(["\ufffd" * 60 + _LINES]))
    assert _LINES in read(tmp_path, pdf([shown("a")])).text


def _unnamed(codes: bytes) -> bytes:
    """Give a PDF of one page whose font says of no glyph what letter it is."""
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1000 1000] /FontMatrix [.001 0 0 .001 0 0]"
        b" /FirstChar 0 /LastChar 31 /Widths [%s] /CharProcs << /g7 4 0 R >> /Resources << >>"
        b" /Encoding << /Type /Encoding /Differences [0 %s] >> >>"
    ) % (b"600 " * 32, b"/g7 " * 32)
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 6 0 R /Resources"
        b" << /Font << /F1 5 0 R >> >> >>"
    )
    return pdf_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            page,
            stream(b"600 0 d0 0 0 500 700 re f"),
            font,
            stream(b"BT /F1 12 Tf 72 700 Td <%s> Tj ET" % codes.hex().encode()),
        ]
    )


def test_a_page_whose_signs_have_no_letters_is_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KB_OCR", "off")
    data = pdf_objects_with_text(_unnamed(bytes([2, 3, 4, 5, 6, 7, 2, 8, 14, 15] * 4)))
    document = read(tmp_path, data)
    assert document.pages[0].state is PageState.IMAGE_ONLY


def pdf_objects_with_text(data: bytes) -> bytes:
    """Give the file with a second page that has a text, so that it is not refused."""
    writer = PdfWriter()
    writer.append(PdfReader(io.BytesIO(data)))
    writer.append(PdfReader(io.BytesIO(pdf([shown("Payment is due.")]))))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_blank_within_a_word_that_was_stretched_goes(tmp_path: Path) -> None:
    # The last letter of each word is drawn for itself, as far from the others as they are.
    words = [("Buon", "a"), ("Vist", "a"), ("Driv", "e"), ("Nort", "h"), ("Roa", "d")]
    left, shows = 72.0, []
    for word, last in words:
        shows.append(f"2.2 Tc 1 0 0 1 {left} 700 Tm ({word}) Tj")
        left += _width(word) + 2.2 * len(word)
        shows.append(f"1 0 0 1 {left} 700 Tm ({last} ) Tj")
        left += _width(last + " ") + 6
    data = pdf([f"BT /F1 10 Tf {' '.join(shows)} ET".encode()])
    assert _bare(data) == "Buon a Vist a Driv e Nort h Roa d"
    assert read(tmp_path, data).text == "Buona Vista Drive North Road"


def _width(text: str) -> float:
    """Give the width of a text in Helvetica of 10 points."""
    wide = {"B": 6.67, "V": 6.67, "D": 7.22, "N": 7.22, "R": 7.22, " ": 2.78, "i": 2.22}
    wide |= {"s": 5.0, "t": 2.78, "r": 3.33, "v": 5.0}
    return sum(wide.get(sign, 5.56) for sign in text)


def test_letters_of_a_size_below_nothing_are_read_as_they_are_seen(tmp_path: Path) -> None:
    seen = ("Rent", "is due on the first day", "of each month in advance")
    text = placed(*((540, 92 + 14 * at, line) for at, line in enumerate(seen)), size=-10)
    upside_down = pdf([text]).replace(
        b"/MediaBox [0 0 612 792]", b"/MediaBox [0 0 612 792] /Rotate 180"
    )
    assert read(tmp_path, upside_down).text == "\n".join(seen)


def test_what_lies_beside_the_page_is_counted(tmp_path: Path) -> None:
    document = read(tmp_path, pdf([placed((72, 700, "On the page"), (700, 700, "beside it"))]))
    assert document.text == "On the page"
    assert document.pages[0].left_out == len("besideit")


def test_a_file_without_its_first_line_is_read_by_its_end(tmp_path: Path) -> None:
    data = pdf([shown("Payment is due.")]).replace(b"%PDF-1.4\n", b"\n\n\n\n\n\n\n\n\n")
    assert read(tmp_path, data).text == "Payment is due."


def test_words_of_full_width_letters_stay_apart() -> None:
    assert tidy("Ｂｏｘ ｏｆ １２ 条 款") == "Ｂｏｘ ｏｆ １２条款"


@pytest.mark.parametrize("gap", [1.9, 2.2, 2.78])
def test_a_narrow_blank_between_words_stays(tmp_path: Path, gap: float) -> None:
    left, shows = 72.0, []
    for word in ("Buona", "Vista", "Drive", "North", "Road"):
        shows.append(f"1 0 0 1 {left} 700 Tm ({word}) Tj")
        left += _width(word) + gap
    content = f"BT /F1 10 Tf {' '.join(shows)} ET".encode()
    said = read(tmp_path, pdf([content])).text
    assert said == _bare(pdf([content])) == "Buona Vista Drive North Road"


def _bare(data: bytes) -> str:
    """Give the text of the only page as pdfium alone reads it."""
    document = pypdfium2.PdfDocument(data)
    try:
        text: str = document[0].get_textpage().get_text_range()
        return text.strip()
    finally:
        document.close()


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("股东名称", "持股比例"), "股东名称 持股比例"),
        (("甲", "方", "乙方"), "甲方乙方"),
        (("Rent", "900"), "Rent 900"),
    ],
)
def test_cells_of_chinese_stay_apart(cells: tuple[str, ...], said: str) -> None:
    row = [
        Piece(cell, 100.0 * at, 700.0, 100.0 * at + 50, 710.0, 10.0, 0, at)
        for at, cell in enumerate(cells)
    ]
    assert [tidy(line.text) for line in lines([row])] == [said]

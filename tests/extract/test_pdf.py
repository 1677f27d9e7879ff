"""PDF: pages, their states, and what is said of the ones without text."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PasswordType, PdfReader, PdfWriter

from kb.chunk import Chunking, chunk_document
from kb.errors import StageError
from kb.extract import conditions, extract
from kb.extract.pdf import render, with_pdfium
from kb.extract.pdf.page import page_text
from kb.extract.pdf.sheet import Sheet
from kb.extract.pdf.text import tidy, unmapped
from kb.model import Document, PageState
from tests.extract.make import (
    PICTURE,
    assert_whole,
    page_texts,
    pdf,
    pdf_objects,
    protected,
    shown,
    stream,
    written,
)

TEXT = shown("Payment is due in thirty days.")


def read(tmp_path: Path, data: bytes) -> Document:
    document = extract(written(tmp_path / "contract 7.pdf", data))
    assert_whole(document)
    assert (document.format, document.paged) == ("pdf", True)
    return document


def refused(tmp_path: Path, data: bytes) -> StageError:
    with pytest.raises(StageError) as error:
        extract(written(tmp_path / "refused.pdf", data))
    with pytest.raises(StageError) as other, conditions.carefully():
        extract(written(tmp_path / "refused.pdf", data))
    assert other.value.failure.code == error.value.failure.code
    assert error.value.failure.source == "refused.pdf"
    return error.value


def test_pages_are_joined_by_a_line_end_that_belongs_to_the_page_before(tmp_path: Path) -> None:
    document = read(tmp_path, pdf([shown("One\ntwo"), TEXT, shown("Three")]))
    assert page_texts(document) == ["One\ntwo\n", "Payment is due in thirty days.\n", "Three"]
    assert {page.state for page in document.pages} == {PageState.INDEXED}
    assert document.problems == ()


def test_blank_pages_and_pictures_are_told_apart(tmp_path: Path) -> None:
    outlined = b" ".join(b"%d 1 m 2 3 l S" % number for number in range(300))
    rule = b"72 700 m 500 700 l S"
    document = read(tmp_path, pdf([TEXT, b"", PICTURE, rule, outlined, b"q BI /W 1 ID x EI Q"]))
    assert [page.state for page in document.pages] == [
        PageState.INDEXED,
        PageState.BLANK,
        PageState.IMAGE_ONLY,
        PageState.BLANK,
        PageState.IMAGE_ONLY,
        PageState.IMAGE_ONLY,
    ]
    assert [page.code for page in document.pages][1:3] == [None, "extract.no_text"]
    assert [(each.code, each.locator) for each in document.problems] == [
        ("extract.no_text", "page 3"),
        ("extract.no_text", "page 5"),
        ("extract.no_text", "page 6"),
    ]
    assert {each.source for each in document.problems} == {"contract 7.pdf"}


def test_a_picture_that_is_named_but_not_painted_leaves_a_page_blank(tmp_path: Path) -> None:
    document = read(tmp_path, pdf([TEXT, b"q Q"]))
    assert document.pages[1].state is PageState.BLANK


def test_a_stamp_on_every_scan_is_no_text(tmp_path: Path) -> None:
    scans = [PICTURE + b" " + shown(f"Envelope ID: 77-A{page}") for page in range(4)]
    failure = refused(tmp_path, pdf(scans)).failure
    assert failure.code == "extract.no_text"
    document = read(tmp_path, pdf([TEXT, *scans]))
    assert [page.state for page in document.pages] == [PageState.INDEXED] + 4 * [
        PageState.IMAGE_ONLY
    ]
    # The same short text on two pages may well be text.
    assert len(read(tmp_path, pdf([TEXT, *scans[:2]])).problems) == 0


def _clause(number: int) -> str:
    words = "the buyer pays what is due within thirty days of the date of the invoice"
    return "\n".join(f"{words[line:].lstrip()} {number * 100 + line}" for line in range(6))


def test_a_page_that_says_what_an_earlier_one_said_is_a_duplicate(tmp_path: Path) -> None:
    texts = [_clause(1), _clause(2), _clause(1), _clause(2), _clause(3)]
    data = pdf(list(map(shown, texts)))
    for way in (nullcontext(), conditions.carefully()):
        with way:
            document = read(tmp_path, data)
        states = [page.state for page in document.pages]
        assert states == [*2 * [PageState.INDEXED], *2 * [PageState.DUPLICATE], PageState.INDEXED]
        said = page_texts(document)
        assert [each.strip() for each in said] == [texts[0], texts[1], "", "", texts[4]]
        assert [page.left_out for page in document.pages] == [0, 0, len(texts[0]), len(texts[1]), 0]
        assert document.problems == ()
        assert {page.code for page in document.pages} == {None}
        chunks = chunk_document(document, chunking=Chunking(target_tokens=40))
        cited = [each.page_start for each in chunks if "invoice 203" in each.text]
        assert cited == [2]
        assert not {each.page_start for each in chunks} & {3, 4}


def test_a_running_head_makes_no_difference_to_a_duplicate(tmp_path: Path) -> None:
    pages = [
        shown(f"Supply Agreement\n{_clause(at)}\nPage {number} of 5")
        for number, at in enumerate([1, 1, 2, 3, 1], 1)
    ]
    document = read(tmp_path, pdf(pages))
    twice = [page.number for page in document.pages if page.state is PageState.DUPLICATE]
    assert twice == [2, 5]
    assert document.text.count("Supply Agreement") == 1


@pytest.mark.parametrize("other", [_clause(2), _clause(1).replace("100", "101"), ""])
def test_pages_that_are_short_or_differ_are_no_duplicates(tmp_path: Path, other: str) -> None:
    document = read(tmp_path, pdf([shown(_clause(1)), shown(other or "short"), shown("short")]))
    assert {page.state for page in document.pages} == {PageState.INDEXED}


def test_scans_alone_are_refused_and_counted(tmp_path: Path) -> None:
    failure = refused(tmp_path, pdf([PICTURE, PICTURE, b""])).failure
    assert failure.code == "extract.no_text"
    assert "2 of 3 pages" in failure.message
    assert failure.detail == {"pages": 3, "pictures": 2}


def test_the_error_of_an_earlier_file_is_not_taken_for_this_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kb.extract.pdf import with_pdfium

    def stale(*_: object, **__: object) -> None:
        error = with_pdfium.pypdfium2.PdfiumError("Failed to load document")
        error.err_code = with_pdfium.pdfium.FPDF_ERR_PASSWORD
        raise error

    monkeypatch.setattr(with_pdfium.pypdfium2, "PdfDocument", stale)
    assert read(tmp_path, pdf([TEXT])).pages[0].state is PageState.INDEXED


def test_blank_pages_alone_are_empty(tmp_path: Path) -> None:
    assert refused(tmp_path, pdf([b"", b""])).failure.code == "extract.empty"
    no_page = pdf_objects(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 0 /Kids [] >>"]
    )
    assert refused(tmp_path, no_page).failure.code == "extract.empty"


def test_one_damaged_page_does_not_take_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pypdf import PageObject

    plain = PageObject.extract_text

    def failing(page: PageObject) -> str:
        text = plain(page)
        if "two" in text:
            raise RecursionError("no way out")
        return text

    quick = with_pdfium.Pdf.sheet

    def failing_sheet(opened: with_pdfium.Pdf, number: int) -> Sheet:
        sheet = quick(opened, number)
        if "two" in sheet.text:
            raise with_pdfium.UnreadableError("no way out")
        return sheet

    monkeypatch.setattr(PageObject, "extract_text", failing)
    monkeypatch.setattr(with_pdfium.Pdf, "sheet", failing_sheet)
    document = read(tmp_path, pdf([shown("one"), shown("two"), shown("three")]))
    assert page_texts(document) == ["one\n", "\n", "three"]
    assert document.pages[1].state is PageState.FAILED
    (problem,) = document.problems
    assert (problem.code, problem.locator) == ("extract.corrupt", "page 2")
    assert "no way out" in problem.detail["reason"]
    failure = refused(tmp_path, pdf([shown("two"), shown("two")])).failure
    assert failure.code == "extract.corrupt"


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"])
def test_a_password_is_refused_and_an_empty_one_is_not(tmp_path: Path, algorithm: str) -> None:
    plain = pdf([TEXT])
    locked = protected(plain, user="secret", owner="other", algorithm=algorithm)
    assert refused(tmp_path, locked).failure.code == "extract.encrypted"
    opened = read(tmp_path, protected(plain, user="", owner="other", algorithm=algorithm))
    assert "thirty days" in opened.text


@pytest.mark.parametrize("algorithm", ["AES-256-R5", "AES-256"])
def test_an_empty_password_of_the_owner_does_not_let_us_in(
    tmp_path: Path, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = protected(pdf([TEXT]), user="secret", owner="other", algorithm=algorithm)
    opened = protected(pdf([TEXT]), user="", owner="other", algorithm=algorithm)
    decrypt = PdfReader.decrypt

    def as_owner(reader: PdfReader, password: str) -> PasswordType:
        """Answer as if the owner's password were empty, which pypdf itself does not write."""
        decrypt(reader, password)
        return PasswordType.OWNER_PASSWORD

    monkeypatch.setattr(PdfReader, "decrypt", as_owner)
    assert refused(tmp_path, locked).failure.code == "extract.encrypted"
    assert "thirty days" in read(tmp_path, opened).text


@pytest.fixture
def passwords() -> Iterator[Callable[[Sequence[str]], None]]:
    yield conditions.set_passwords
    conditions.set_passwords(())


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256-R5", "AES-256"])
@pytest.mark.parametrize("secret", ["secret", "geheim-ä"])
def test_a_password_that_fits_opens_the_file(
    tmp_path: Path,
    passwords: Callable[[Sequence[str]], None],
    secret: str,
    algorithm: str,
    *,
    careful: bool,
) -> None:
    locked = protected(pdf([TEXT]), user=secret, owner="other", algorithm=algorithm)
    passwords(["", "wrong", "\ud800", secret])
    with conditions.carefully() if careful else nullcontext():
        assert "thirty days" in read(tmp_path, locked).text
    passwords(["wrong", "\ud800"])
    with conditions.carefully() if careful else nullcontext():
        failure = refused(tmp_path, locked).failure
    assert failure.code == "extract.encrypted"
    assert "none of the 2 passwords given opens it" in failure.message
    assert "wrong" not in repr(failure)


def test_passwords_are_not_shown() -> None:
    shown_as = repr(conditions.Conditions(passwords=("hunter2",)))
    assert "hunter2" not in shown_as


def test_without_pdfium_pypdf_reads_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kb.extract.pdf.with_pdfium", None)
    monkeypatch.delattr("kb.extract.pdf.with_pdfium")
    document = read(tmp_path, pdf([TEXT, PICTURE], title="The lease"))
    assert document.title == "The lease"
    assert [page.state for page in document.pages] == [PageState.INDEXED, PageState.IMAGE_ONLY]


def test_a_page_without_letters_of_its_own_is_read_again_by_pypdf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = with_pdfium.Pdf.sheet

    def unmapped_sheet(opened: with_pdfium.Pdf, number: int) -> Sheet:
        sheet = quick(opened, number)
        return replace(sheet, lines=tuple(line._replace(text="\x01\x02") for line in sheet.lines))

    monkeypatch.setattr(with_pdfium.Pdf, "sheet", unmapped_sheet)
    assert "thirty days" in read(tmp_path, pdf([TEXT])).text


def test_a_page_can_be_drawn(tmp_path: Path) -> None:
    picture = render(pdf([b"", PICTURE]), 2, scale=1.0)
    assert picture.shape == (792, 612)
    assert (picture[400, 300], picture[2, 611]) == (0x7F, 0xFF)


def test_a_loop_among_the_pages_ends(tmp_path: Path) -> None:
    loop = pdf_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 2 /Kids [3 0 R 2 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
        ]
    )
    assert refused(tmp_path, loop).failure.code in ("extract.empty", "extract.corrupt")


@pytest.mark.parametrize(
    "data",
    [b"not a pdf", b"%PDF-1.7\n", b"%PDF-1.4\n" + b"\xff" * 500, b"<html>%PDF"],
)
def test_what_is_no_pdf_is_corrupt(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data).failure.code == "extract.corrupt"


def test_a_pdf_cut_short_is_read_or_refused_but_never_raises(tmp_path: Path) -> None:
    whole = pdf([TEXT, TEXT])
    refusals = set[str]()
    for end in range(20, len(whole), 37):
        path = tmp_path / "cut.pdf"
        try:
            assert_whole(extract(written(path, whole[:end])))
        except StageError as error:
            refusals.add(error.failure.code)
    assert refusals <= {"extract.corrupt", "extract.empty"}


def test_empty_groups_are_dropped_and_the_text_stays(tmp_path: Path) -> None:
    content = b"q\n" + b"q\rQ\r" * 40_000 + TEXT + b"\nQ"
    assert read(tmp_path, pdf([content])).text == "Payment is due in thirty days."
    page = PdfReader(io.BytesIO(pdf([content]))).pages[0]
    page_text(page)
    left = page.get_contents()
    assert left is not None
    assert len(left.get_data()) < 200


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("Supply Agreement 2024", "Supply Agreement 2024"),
        ("", "contract 7"),
        ("Microsoft Word - final v2.doc", "contract 7"),
        ("untitled", "contract 7"),
        ("10811.exe", "contract 7"),
        ("  ", "contract 7"),
    ],
)
def test_the_title_is_the_declared_one_if_a_person_wrote_it(
    tmp_path: Path, declared: str, expected: str
) -> None:
    assert read(tmp_path, pdf([TEXT], title=declared)).title == expected


def test_bookmarks_become_headings_where_their_line_is_found(tmp_path: Path) -> None:
    writer = PdfWriter(
        clone_from=PdfReader(
            io.BytesIO(pdf([shown("1. Scope\nText."), shown("Payment\n  terms\nA")]))
        )
    )
    chapter = writer.add_outline_item(title="Scope", page_number=0)
    writer.add_outline_item(title="Payment terms", page_number=1, parent=chapter)
    writer.add_outline_item(title="Nowhere", page_number=1)
    out = io.BytesIO()
    writer.write(out)
    document = read(tmp_path, out.getvalue())
    found = [
        (each.level, each.title, document.text[each.start : each.end]) for each in document.headings
    ]
    assert found == [(1, "1. Scope", "1. Scope"), (2, "Payment terms", "Payment\nterms")]


def test_letters_without_unicode_are_no_text(tmp_path: Path) -> None:
    cmap = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff>"
        b" endcodespacerange 1 beginbfrange <20> <7e> <e020> endbfrange endcmap end"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        stream(TEXT),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /ABCDEF+Private /ToUnicode 6 0 R >>",
        stream(cmap),
    ]
    assert refused(tmp_path, pdf_objects(objects)).failure.code == "extract.no_text"


def test_tidy() -> None:
    assert tidy("of\ufb01ce\u00a0\u00a0hours \r\n  next") == "office hours\nnext"
    assert tidy("本 合 同 由 甲 方，乙 方") == "本合同由甲方，乙方"
    assert tidy("계약 기간 2 년, ABC 公司") == "계약 기간 2 년, ABC 公司"
    assert tidy("a\n\n\n\nb\0c\ud800") == "a\n\nb c\ufffd"
    assert tidy("\uf0b7 point\x01 one") == "• point one"


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("\x01\x02\x03", 1.0),
        ("/g12/g7/g3/g9/", 1.0),
        ("\ue001\ue002\ue003 a", 0.75),
        ("\ufffd\ufffd ab", 0.5),
        ("\uf0b7 a bullet", 0.0),
        ("", 0.0),
        ("A and/or B 1/2", 0.0),
        # A date is like the name of one glyph; as many names as letters are none.
        ("on 10/12/2010", 0.0),
        ("/10/12/ a (cid:7)\x01", 0.8),
        ("/10/12/ abcdef (cid:7)\x01", 0.25),
    ],
)
def test_unmapped(text: str, share: float) -> None:
    assert unmapped(text) == pytest.approx(share)

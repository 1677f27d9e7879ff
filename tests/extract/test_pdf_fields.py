"""PDF: what is filled in or written upon a page, and forms that other programs draw."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from kb.errors import StageError
from kb.extract import extract
from kb.model import Document, PageState
from tests.extract.make import (
    assert_whole,
    page_texts,
    pdf,
    pdf_objects,
    shown,
    stream,
    written,
)

_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def form(content: bytes, *annotations: bytes, catalogue: bytes = b"", named: int = 0) -> bytes:
    """Give a PDF of one page; the fields are the first `named` of its annotations."""
    places = b" ".join(b"%d 0 R" % number for number in range(7, 7 + len(annotations)))
    fields = b" ".join(b"%d 0 R" % number for number in range(7, 7 + named))
    acro = b"/AcroForm << /Fields [%s] /DR << /Font << /F1 4 0 R >> >> /DA (/F1 10 Tf 0 g) >>"
    look = stream(
        b"BT /F1 10 Tf 2 5 Td (Maria Schmidt) Tj ET",
        b"/Type /XObject /Subtype /Form /BBox [0 0 200 20] /Resources << /Font << /F1 4 0 R >> >>",
    )
    return pdf_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s %s >>"
            % (acro % fields if named else b"", catalogue),
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Annots [%s]"
            b" /Resources << /Font << /F1 4 0 R >> >> >>" % places,
            _FONT,
            stream(content),
            look,
            *annotations,
        ]
    )


def read(tmp_path: Path, data: bytes) -> Document:
    document = extract(written(tmp_path / "form.pdf", data))
    assert_whole(document)
    return document


_FIELD = b"/Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Maria Schmidt) /F 4"
_PLACE = b"/Rect [130 715 330 735]"


def test_what_is_filled_in_stands_where_it_is_seen(tmp_path: Path) -> None:
    field = b"<< %s %s /AP << /N 6 0 R >> >>" % (_FIELD, _PLACE)
    document = read(tmp_path, form(shown("Tenant:\nRent: 900"), field, named=1))
    assert document.text == "Tenant: Maria Schmidt\nRent: 900"


def test_a_value_without_a_look_is_given_one(tmp_path: Path) -> None:
    document = read(tmp_path, form(shown("Tenant:"), b"<< %s %s >>" % (_FIELD, _PLACE), named=1))
    assert document.text == "Tenant: Maria Schmidt"


@pytest.mark.parametrize("kind", [b"FreeText", b"Stamp"])
def test_text_written_upon_a_page_is_part_of_it(tmp_path: Path, kind: bytes) -> None:
    box = b"<< /Type /Annot /Subtype /%s %s /F 4 /AP << /N 6 0 R >> >>" % (kind, _PLACE)
    assert read(tmp_path, form(b"", box)).text == "Maria Schmidt"


def test_what_is_hidden_stays_so(tmp_path: Path) -> None:
    box = b"<< /Subtype /FreeText %s /F 2 /AP << /N 6 0 R >> >>" % _PLACE
    assert read(tmp_path, form(shown("Tenant:"), box)).text == "Tenant:"


def test_links_leave_a_page_as_it_is(tmp_path: Path) -> None:
    link = b"<< /Subtype /Link %s /A << /S /URI /URI (http://x.example) >> >>" % _PLACE
    assert read(tmp_path, form(shown("Tenant:"), link)).text == "Tenant:"


_WAITING = b"/NeedsRendering true /AcroForm << /Fields [] /XFA 5 0 R >>"


def test_a_form_that_only_asks_to_wait_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        document = read(tmp_path, form(shown("Please wait..."), catalogue=_WAITING))
    assert document.pages[0].state is PageState.INDEXED
    (problem,) = document.problems
    assert (problem.code, problem.source) == ("extract.unsupported", "form.pdf")
    assert "XFA" in problem.message
    assert not caplog.records
    with pytest.raises(StageError) as error:
        read(tmp_path, form(b"", catalogue=_WAITING))
    assert error.value.failure.code == "extract.unsupported"


def test_pages_of_numbers_alone_keep_them(tmp_path: Path) -> None:
    document = read(tmp_path, pdf([shown(f"Page {number}") for number in range(1, 5)]))
    assert [said.strip() for said in page_texts(document)] == [f"Page {n}" for n in range(1, 5)]

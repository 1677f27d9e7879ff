"""Bombs and endless things, each of which once took too much or was lost without a word."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from unittest import mock

import pytest

from kb.chunk import Chunking, chunk_document, estimate_tokens
from kb.errors import Failure
from kb.extract import extract, open_extractor, registry
from kb.extract.canonical import one_page
from tests.extract.fuzz.seeds import made
from tests.extract.make import written
from tests.extract.make_archives import raw_zip
from tests.extract.make_office import refused

_MAIN = {
    ".docx": "word/document.xml",
    ".pptx": "ppt/presentation.xml",
    ".xlsx": "xl/workbook.xml",
    ".odt": "content.xml",
    ".epub": "OPS/book.opf",
}


def _lying(data: bytes, part: str, *, holds: int) -> bytes:
    """Give a zip one part of which holds so many NULs and says that it is short."""
    entries = []
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = packer.compress(bytes(holds)) + packer.flush()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            told: dict[str, object] = {"name": name.encode(), "data": archive.read(name)}
            if name == part:
                told |= {"data": zeros, "size": 900, "method": 8, "packed": len(zeros)}
            entries.append(told)
    return raw_zip(entries)


@pytest.mark.parametrize("ending", _MAIN)
def test_a_part_that_says_less_than_it_holds_is_not_unpacked_further(
    tmp_path: Path, ending: str
) -> None:
    data = _lying(made()[ending][0], _MAIN[ending], holds=60_000_000)
    extract(written(tmp_path / f"whole{ending}", made()[ending][0]))  # loads what it needs
    tracemalloc.start()
    try:
        found = refused(tmp_path, f"bomb{ending}", data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.code == "extract.corrupt"
    assert peak < 20_000_000


@pytest.mark.parametrize("body", [b"<div>" * 3000 + b"words", b"<p>words" + b"<b>so <i>" * 3000])
def test_a_page_nested_without_end_is_refused_and_not_cut_short(
    tmp_path: Path, body: bytes
) -> None:
    found = refused(tmp_path, "deep.html", b"<html><body>" + body)
    assert found.code == "extract.too_large"
    mail = b"From: a@b\nSubject: deep\nContent-Type: text/html\n\n" + body
    document = extract(written(tmp_path / "deep.eml", mail))
    assert document.text.startswith("Subject: deep")
    assert [each.code for each in document.problems] == ["extract.too_large"]
    assert document.problems[0].locator == "body"


def test_more_headings_than_any_book_has_are_refused(tmp_path: Path) -> None:
    with mock.patch.object(registry, "MAX_HEADINGS", 20):
        assert extract(written(tmp_path / "a.md", b"# a\n" * 20)).headings
        assert refused(tmp_path, "b.md", b"# a\n" * 21).code == "extract.too_large"


@pytest.mark.parametrize("run", ["a" + "\u0301" * 5000, "\U0001f468\u200d" * 5000])
def test_a_letter_with_marks_without_end_is_cut_like_any_text(run: str) -> None:
    chunks = chunk_document(one_page(run, title="t", kind="text"))
    assert "".join(chunk.text for chunk in chunks) == run
    assert max(estimate_tokens(chunk.text) for chunk in chunks) <= Chunking().limit


def test_marks_as_people_write_them_stay_on_their_letter() -> None:
    text = ("e\u0301\u0323" * 30 + " ") * 20
    for chunk in chunk_document(one_page(text, title="t", kind="text")):
        assert chunk.text[0] not in "\u0301\u0323"


def test_empty_files_need_no_worker(tmp_path: Path) -> None:
    given = [written(tmp_path / f"{number}.txt", b"") for number in range(50)]
    with open_extractor(workers=1) as extractor:
        found = [outcome for _, outcome in extractor.map(given)]
        assert extractor._pool is None
    assert all(isinstance(each, Failure) and each.code == "extract.empty" for each in found)
    assert [each.source for each in found if isinstance(each, Failure)] == [
        each.path for each in given
    ]

"""Documents are cut where they are read; one that cannot be cut harms no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kb.chunk import Chunking, chunk_document
from kb.errors import Failure, StageError, failure
from kb.model import Document, Page
from kb.pipeline import cutting
from kb.pipeline.base import locate
from kb.pipeline.cutting import Cutter, cut
from kb.pipeline.ingest import ingest
from kb.pipeline.recipe import ocr_environ
from kb.pipeline.search import search

TEXT = "The seller refunds the price.\n"
DOCUMENT = Document(
    title="a", format="text", text=TEXT, pages=(Page(number=1, start=0, end=30),), paged=False
)


def test_a_document_is_given_with_its_passages() -> None:
    made = Cutter(chunking=Chunking(target_tokens=4))(DOCUMENT)
    assert made.document is DOCUMENT
    assert made.chunks == chunk_document(DOCUMENT, chunking=Chunking(target_tokens=4))
    assert len(made.chunks) > 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StageError(failure("extract.too_large")), "extract.too_large"),
        (RecursionError("deep"), "chunk.failed"),
    ],
)
def test_what_cannot_be_cut_is_a_failure_of_its_own(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cutting, "chunk_document", failing)
    found = cut(DOCUMENT, Chunking())
    assert isinstance(found, Failure)
    assert found.code == code


def test_hunger_is_told_by_whoever_bounds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cutting, "chunk_document", failing)
    with pytest.raises(MemoryError):
        cut(DOCUMENT, Chunking())


def test_an_ingest_cuts_nothing_in_its_own_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("kb.pipeline.flow.cut", never)
    (tmp_path / "a.md").write_text(TEXT)
    base = locate(environ={}, cwd=tmp_path)
    assert ingest(base, [tmp_path / "a.md"]).status == "ok"
    assert [hit.path for hit in search(base, "refund of the price").hits] == ["a.md"]


def test_only_what_is_set_is_told_to_the_workers(tmp_path: Path) -> None:
    settings = locate(environ={}, cwd=tmp_path).settings
    assert ocr_environ(settings) == {}
    told = replace(settings, ocr="off", ocr_languages="eng+deu", ocr_seconds=90.0)
    assert ocr_environ(told) == {
        "KB_OCR": "off",
        "KB_OCR_LANGUAGES": "eng+deu",
        "KB_OCR_SECONDS": "90.0",
    }

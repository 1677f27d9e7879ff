"""With things that not every machine has: a real embedding server, folders of real documents.

KB_TEST_BASE_URL=http://127.0.0.1:8000/v1 KB_TEST_CORPUS=DIR make test
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.pipeline.search import Asking, search
from kb.pipeline.show import show

SERVER = os.environ.get("KB_TEST_BASE_URL")
CORPUS = os.environ.get("KB_TEST_CORPUS")


@pytest.mark.server
@pytest.mark.skipif(not SERVER, reason="KB_TEST_BASE_URL names no embedding server")
def test_a_real_server_answers_an_ingest_and_a_search(tmp_path: Path, sample_docs: Path) -> None:
    base = locate(environ={"KB_BASE_URL": str(SERVER)}, cwd=tmp_path)
    report = ingest(base, [sample_docs / "policies"])
    assert report.error is None
    assert report.documents.added == 5
    assert report.stages[3].succeeded == report.chunks.added
    dense = search(base, "how do I get my money back", asking=Asking(mode="dense")).hits
    assert "refund-policy.md" in dense[0].path
    again = ingest(base, [sample_docs / "policies"])
    assert again.documents.unchanged == 5


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="KB_TEST_CORPUS names no folder of documents")
def test_each_file_of_a_corpus_is_searchable_or_listed_with_a_code(tmp_path: Path) -> None:
    folder = Path(str(CORPUS))
    base = locate(environ={}, cwd=tmp_path)
    report = ingest(base, [folder])
    assert report.status in ("ok", "partial")
    with base.snapshot() as snapshot:
        stored = {row.path for row in snapshot.documents()}
        listed = {failure.source for failure in snapshot.failures()}
    files = {
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }
    assert files <= stored | listed
    for path in islice(sorted(stored), 50):
        text = show(base, path).text
        words = " ".join(text.split()[20:28]) or text
        for hit in search(base, words, asking=Asking(top_k=5)).hits:
            assert show(base, hit.path).text[hit.char_start : hit.char_end] == hit.text

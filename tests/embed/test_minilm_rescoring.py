"""builtin:minilm as what orders the first passages of a search."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.embed.builtin_minilm import model as minilm
from kb.embed.builtin_minilm import weights
from kb.embed.builtin_minilm.recipe import int8_model
from kb.embed.builtin_minilm.rescoring import cosines
from kb.errors import UsageError
from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.pipeline.search import Asking, search
from tests.embed.minilm_reference import small

QUESTION = "When does the warranty end?"
TEXTS = ("The warranty ends after two months.", "合同的退款期限", "The refund of the price is due.")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pytest.importorskip("onnxruntime", reason="the extra minilm is not installed")
    made = int8_model(*small(("the", "warranty", "ends", "refund")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "find_spec", lambda name: object())
    monkeypatch.setattr(minilm, "model_file", lambda: made)
    minilm.load.cache_clear()
    yield minilm.load()
    minilm.load.cache_clear()


def test_scores_are_cosines_and_none_for_an_unknown_language(installed) -> None:
    asked, first, third = (
        installed.vector(installed.ids(text)) for text in (QUESTION, TEXTS[0], TEXTS[2])
    )
    assert cosines(QUESTION, TEXTS) == [float(asked @ first), None, float(asked @ third)]
    assert cosines("退款期限是多久", TEXTS) is None


def test_a_long_passage_is_judged_by_its_beginning(installed) -> None:
    long = "the refund " * 400
    (found,) = cosines(QUESTION, [long]) or [None]
    assert found == (cosines(QUESTION, ["the refund " * 127]) or [None])[0]


def test_a_search_is_put_in_order_where_it_is_set(installed, tmp_path) -> None:
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{number}.txt").write_text(text, encoding="utf-8")
    ingest(locate(environ={}, cwd=tmp_path), [tmp_path])
    base = locate(environ={"KB_RERANK_MODEL": "builtin:minilm"}, cwd=tmp_path)
    found = search(base, "the warranty and the refund", asking=Asking(top_k=2))
    assert [hit.scores["rerank"] is not None for hit in found.hits] == [True, True]
    assert "rerank" in found.timings_ms
    off = search(base, "the warranty and the refund", asking=Asking(top_k=2, rerank=False))
    assert "rerank" not in off.timings_ms


def test_without_the_extra_it_is_refused_with_the_cure(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_text(TEXTS[0], encoding="utf-8")
    ingest(locate(environ={}, cwd=tmp_path), [tmp_path / "a.txt"])
    base = locate(environ={"KB_RERANK_MODEL": "builtin:minilm"}, cwd=tmp_path)
    with pytest.raises(UsageError) as caught:
        search(base, "warranty")
    assert "pip install 'clausekb[minilm]'" in caught.value.failure.hint

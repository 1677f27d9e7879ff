"""The shelf that README and demo use: every labelled question lands on its clause."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import ingest
from kb.pipeline.search import Asking, search
from kb.pipeline.show import show
from tests.conftest import REPOSITORY

GOLDEN = REPOSITORY / "tests" / "golden" / "sample_questions.jsonl"
QUESTIONS = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
#: They ask in words that the right passage does not use; the built-in model does not bridge that.
HARD = {"how heavy is the BV-40 Duo", "who owns goods that have been shipped but not yet paid"}
HONEST_FAILURES = {
    ("sample_docs/inbox/scanned-delivery-note.pdf", "extract.no_text"),
    ("sample_docs/inbox/payroll-encrypted.pdf", "extract.encrypted"),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, sample_docs: Path) -> KnowledgeBase:
    folder = tmp_path_factory.mktemp("company")
    (folder / "sample_docs").symlink_to(sample_docs, target_is_directory=True)
    base = locate(environ={}, cwd=folder)
    report = ingest(base, [folder / "sample_docs"])
    assert {(each.source, each.code) for each in report.failures} == HONEST_FAILURES
    return base


def plain(text: str) -> str:
    return re.sub(r"\s+", "", text)


def lands(hit, question) -> bool:
    """The right file, and the passage that holds the answer."""
    return hit.path == f"sample_docs/{question['path']}" and plain(question["contains"]) in plain(
        hit.text
    )


def _case(question: dict[str, str]) -> object:
    marks = [pytest.mark.xfail(reason="needs a stronger model", strict=False)]
    hard = question["query"] in HARD
    return pytest.param(question, id=question["query"], marks=marks if hard else [])


@pytest.mark.parametrize("question", [_case(question) for question in QUESTIONS])
def test_a_question_lands_on_its_clause(base: KnowledgeBase, question: dict[str, str]) -> None:
    hits = search(base, question["query"], asking=Asking(top_k=5)).hits
    right = next((hit for hit in hits if lands(hit, question)), None)
    assert right is not None, [(hit.path, hit.section) for hit in hits]
    if question["page"] is not None:
        assert right.page_start is not None
        assert right.page_end is not None
        assert right.page_start <= question["page"] <= right.page_end


@pytest.mark.parametrize("query", ["怎么退款?", "怎么退款？", "退款", "第3.2条"])
def test_how_to_refund_in_chinese_is_clause_3_2(base: KnowledgeBase, query: str) -> None:
    hit = search(base, query, asking=Asking(top_k=1)).hits[0]
    assert hit.path == "sample_docs/policies/售后服务条款.md"
    assert hit.section[0] == "售后服务条款"
    assert hit.section[-1].startswith("第3.2条")


def test_how_to_refund_in_english_is_section_3_2(base: KnowledgeBase) -> None:
    hit = search(base, "how to refund", asking=Asking(top_k=1)).hits[0]
    assert hit.path == "sample_docs/policies/refund-policy.md"
    assert "3.2" in hit.section[-1]


def test_every_hit_is_the_text_it_cites(base: KnowledgeBase) -> None:
    for question in QUESTIONS:
        for hit in search(base, question["query"], asking=Asking(top_k=20)).hits:
            shown = show(base, hit.path)
            assert shown.text[hit.char_start : hit.char_end] == hit.text
            assert show(base, hit.ref).text == hit.text
            assert shown.text.count("\n", 0, hit.char_start) + 1 == hit.line_start
            on = [page.number for page in shown.pages if page.start <= hit.char_start < page.end]
            assert hit.page_start in (None, *on)

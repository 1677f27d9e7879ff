"""A search with a reranker: the new order, and what a search is without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.errors import UsageError
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import ingest
from kb.pipeline.search import Answer, Asking, search
from kb.search.rescore import POOL
from tests.fakes.reranker import FakeReranker

QUESTION = "warranty of the kettle"
LAST = "The warranty ends when the kettle is opened by the customer."


@pytest.fixture
def fake() -> Iterator[FakeReranker]:
    with FakeReranker(liked={LAST: 9.5, "": -1.0}) as server:
        yield server


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty small documents, of which the one that answers is no special one to words."""
    folder = tmp_path_factory.mktemp("desk")
    for number in range(60):
        what = "the warranty of kettle model" if number < 40 else "the colour of cup"
        text = f"Kettle number {number}: {what} {number} is usual."
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    (folder / "last.txt").write_text(LAST, encoding="utf-8")
    ingest(locate(folder / ".kb", environ={}, cwd=folder), [folder])
    return folder


def base(desk: Path, fake: FakeReranker | None, **environ: str) -> KnowledgeBase:
    if fake is not None:
        environ = {"KB_RERANK_URL": fake.url} | environ
    return locate(desk / ".kb", environ=environ, cwd=desk)


def asked(desk: Path, fake: FakeReranker | None, **how) -> Answer:
    return search(base(desk, fake), QUESTION, asking=Asking(**how))


def test_a_reranker_that_is_set_orders_the_hits(desk: Path, fake: FakeReranker) -> None:
    answer = asked(desk, fake)
    assert answer.hits[0].text == LAST
    assert (answer.hits[0].score, answer.hits[0].scores["rerank"]) == (9.5, 9.5)
    assert answer.hits[0].scores["lexical"] is not None
    assert answer.timings_ms["rerank"] > 0
    assert not answer.warnings
    assert [hit.rank for hit in answer.hits] == list(range(1, 11))


@pytest.mark.parametrize("mode", ["lexical", "dense", "hybrid"])
def test_each_mode_is_reranked(desk: Path, fake: FakeReranker, mode: str) -> None:
    assert asked(desk, fake, mode=mode).hits[0].text == LAST


def test_only_the_first_are_sent_and_the_others_follow(desk: Path, fake: FakeReranker) -> None:
    answer = asked(desk, fake, top_k=61)
    (request,) = fake.asked
    assert len(request.body["documents"]) == POOL
    assert len(answer.hits) == 61
    assert all(hit.scores["rerank"] is None for hit in answer.hits[POOL:])
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.ref for hit in answer.hits}) == 61


def test_without_one_nothing_is_asked(desk: Path, fake: FakeReranker) -> None:
    plain, left_out = asked(desk, None), asked(desk, fake, rerank=False)
    assert plain.hits == left_out.hits
    assert not fake.requests
    assert "rerank" not in plain.timings_ms
    assert plain.hits[0].scores["rerank"] is None


def test_one_that_is_wanted_must_be_set(desk: Path) -> None:
    with pytest.raises(UsageError) as caught:
        asked(desk, None, rerank=True)
    assert "KB_RERANK_URL" in caught.value.failure.hint


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_a_refusal_leaves_the_order_and_says_so(
    desk: Path, fake: FakeReranker, status: int
) -> None:
    fake.faults.status = status
    answer, plain = asked(desk, fake), asked(desk, None)
    assert answer.hits == plain.hits
    assert answer.exit_code == 0
    (warning,) = answer.warnings
    assert warning.startswith("search.rerank_")
    assert "in the order found without it" in warning


def test_nonsense_and_silence_leave_the_order(desk: Path, fake: FakeReranker) -> None:
    plain = asked(desk, None)
    fake.faults.answer = b'{"results": [{"index": 99, "relevance_score": 1}]}'
    answer = asked(desk, fake)
    assert (answer.hits, len(answer.warnings)) == (plain.hits, 1)
    fake.faults.hang = True
    slow = search(base(desk, fake, KB_RERANK_TIMEOUT_S="0.3"), QUESTION)
    assert (slow.hits, len(slow.warnings)) == (plain.hits, 1)


def test_what_gets_no_score_follows_and_is_told(desk: Path, fake: FakeReranker) -> None:
    fake.faults.drop = 5
    answer = asked(desk, fake, top_k=POOL)
    assert [hit.scores["rerank"] is None for hit in answer.hits] == [False] * 45 + [True] * 5
    assert "no score to 5 of 50" in answer.warnings[0]


def test_the_key_goes_to_its_server_alone_and_is_never_told(desk: Path, fake: FakeReranker) -> None:
    fake.faults.status, fake.faults.echo = 400, True
    keys = {"KB_API_KEY": "embedding-key", "KB_BASE_URL": "http://127.0.0.1:9/v1"}
    search(base(desk, fake, **keys), QUESTION, asking=Asking(mode="lexical"))
    assert all("Authorization" not in each.headers for each in fake.requests)
    fake.requests.clear()
    own = base(desk, fake, KB_RERANK_API_KEY="reranker-key", **keys)
    answer = search(own, QUESTION, asking=Asking(mode="lexical"))
    assert {each.headers["Authorization"] for each in fake.requests} == {"Bearer reranker-key"}
    assert "-key" not in json.dumps([*answer.warnings, *(str(row) for row in own.settings.rows())])

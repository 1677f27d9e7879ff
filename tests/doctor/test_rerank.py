"""The doctor's look at the reranker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kb.doctor.rerank import checks
from tests.doctor.conftest import Examined
from tests.fakes.endpoint import FakeEndpoint
from tests.fakes.reranker import FakeReranker

RIGHT = {"fourteen days": 0.9, "十四日": 0.9, "": 0.1}


@pytest.fixture
def reranker() -> Iterator[FakeReranker]:
    with FakeReranker(liked=dict(RIGHT)) as server:
        yield server


def found(examined: Examined, fake: FakeEndpoint, **environ: str) -> dict[str, tuple[str, str]]:
    made = checks(examined(fake, sleep=lambda _: None, **environ))
    return {check.id: (check.status, f"{check.message} {check.hint}") for check in made}


def test_without_one_nothing_is_checked(examined: Examined, fake: FakeEndpoint) -> None:
    assert found(examined, fake) == {}


def test_a_good_one_is_found_good(
    examined: Examined, fake: FakeEndpoint, reranker: FakeReranker
) -> None:
    whole = f"{reranker.url}/v1/rerank"
    told = found(examined, fake, KB_RERANK_URL=whole, KB_RERANK_MODEL=reranker.model)
    assert {name: status for name, (status, _) in told.items()} == {
        "rerank.address": "ok",
        "rerank.answer": "ok",
        "rerank.chinese": "ok",
    }


def test_settings_that_cost_a_request_each_time_are_told(
    examined: Examined, fake: FakeEndpoint, reranker: FakeReranker
) -> None:
    told = found(examined, fake, KB_RERANK_URL=reranker.url)
    assert told["rerank.address"][0] == "warn"
    assert f"KB_RERANK_MODEL={reranker.model}" in told["rerank.address"][1]
    told = found(examined, fake, KB_RERANK_URL=reranker.url, KB_RERANK_MODEL=reranker.model)
    assert f"KB_RERANK_URL={reranker.url}/v1/rerank" in told["rerank.address"][1]


def test_a_wrong_order_is_a_warning(
    examined: Examined, fake: FakeEndpoint, reranker: FakeReranker
) -> None:
    reranker.liked = {"interest of eight": 0.9, "百分之八": 0.9, "": 0.1}
    told = found(examined, fake, KB_RERANK_URL=reranker.url)
    assert told["rerank.answer"][0] == told["rerank.chinese"][0] == "warn"
    reranker.liked = {"": 0.5}
    assert found(examined, fake, KB_RERANK_URL=reranker.url)["rerank.answer"][0] == "warn"


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_refusal_fails(
    examined: Examined, fake: FakeEndpoint, reranker: FakeReranker, status: int
) -> None:
    reranker.faults.status = status
    told = found(examined, fake, KB_RERANK_URL=reranker.url)
    assert {name: status for name, (status, _) in told.items()} == {"rerank.answer": "fail"}


def test_an_address_that_is_none_fails(examined: Examined, fake: FakeEndpoint) -> None:
    assert found(examined, fake, KB_RERANK_URL="gpu:8001")["rerank.address"][0] == "fail"

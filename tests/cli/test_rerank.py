"""`kb search --rerank`, as a person or a script runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import run_here
from tests.fakes.reranker import FakeReranker


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "one.txt").write_text("The warranty of the kettle, the warranty card.", "utf-8")
    (folder / "two.txt").write_text("The kettle has two years of warranty.", "utf-8")
    assert run_here("ingest", str(folder), "--home", str(folder / ".kb"), "-q").code == 0
    return folder / ".kb"


def found(home: Path, *options: str, **environ: str):
    return run_here(
        "search", "warranty kettle", "--home", str(home), "--json", *options, env=environ
    )


def test_hits_are_reranked_where_one_is_set(home: Path) -> None:
    with FakeReranker(liked={"two years": 2.0, "": 1.0}) as fake:
        told = found(home, KB_RERANK_URL=fake.url)
        assert told.code == 0
        assert [hit["scores"]["rerank"] for hit in told.json["hits"]] == [2.0, 1.0]
        assert "two years" in told.json["hits"][0]["text"]
        assert told.json["timings_ms"]["rerank"] > 0
        fake.requests.clear()
        left_out = found(home, "--no-rerank", KB_RERANK_URL=fake.url)
        assert not fake.requests
    assert [hit["scores"]["rerank"] for hit in left_out.json["hits"]] == [None, None]
    assert "rerank" not in left_out.json["timings_ms"]


def test_one_that_fails_is_a_warning_and_no_failure(home: Path) -> None:
    with FakeReranker(api_key="right-key") as fake:
        fake.faults.echo = True
        told = found(home, KB_RERANK_URL=fake.url, KB_RERANK_API_KEY="wrong-key")
        assert fake.asked[0].headers["Authorization"] == "Bearer wrong-key"
    assert told.code == 0
    assert len(told.json["hits"]) == 2
    (warning,) = told.json["warnings"]
    assert "search.rerank_refused" in warning
    assert "KB_RERANK_API_KEY" in warning
    assert "wrong-key" not in told.out + told.err


def test_one_that_is_wanted_must_be_set_and_be_an_address(home: Path) -> None:
    assert found(home, "--rerank").code == 2
    assert found(home, KB_RERANK_URL="gpu:8001").code == 2
    assert found(home, "--no-rerank", KB_RERANK_URL="gpu:8001").code == 0


def test_its_settings_are_shown_and_its_key_is_not(home: Path) -> None:
    environ = {"KB_RERANK_URL": "http://gpu:8001", "KB_RERANK_API_KEY": "secret-key"}
    told = run_here("config", "--home", str(home), env=environ)
    assert "http://gpu:8001" in told.out
    assert "secret-key" not in told.out

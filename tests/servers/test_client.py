"""The client and the commands against real servers: documents in, citations out, vectors right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kb.embed import Embedder, open_endpoint
from kb.model import EmbedItem
from tests.servers.conftest import KEY, Told, kb
from tests.servers.process import Server

pytestmark = pytest.mark.real_server

QUESTIONS = {
    "how do I get my money back": "sample_docs/policies/refund-policy.md",
    "how long is the warranty": "sample_docs/policies/warranty-policy.md",
    "退货条件": "sample_docs/policies/售后服务条款.md",
    "香港客戶": "sample_docs/policies/香港客戶維修須知.md",
}
TEXTS = [
    "The warranty covers two years of private use.",
    "We refund the price within five working days.",
    "个人消费者自签收之日起14日内可以无理由退货。",
    "Descale the boiler every three months: 45 g of citric acid to a litre.",
    "香港客戶請致電維修中心。",
    "Bohnenbehälter leeren, dann entkalken.",
    "x",
    "Payment is due thirty days after the date of the invoice. " * 8,
]
#: Fewer words than the model takes tokens (256): kb cannot know by itself that it is too long.
UNKNOWN_WORDS = 200
#: More tokens than those words have.
LONGEST = 4096


@pytest.fixture
def embedder(minilm_server: Server) -> Iterator[Embedder]:
    with open_endpoint(base_url=minilm_server.base_url, prompts="none") as opened:
        yield opened


def ingested(desk: Path, server: Server) -> Told:
    """Make a knowledge base, bring the sample documents in, and give the ingest's report."""
    made = kb("init", "--base-url", server.base_url, cwd=desk, env=server.settings)
    assert made.code == 0, made.err
    told = kb("ingest", "sample_docs", "--json", cwd=desk, env=server.settings)
    # 1: the samples hold a scan and an encrypted file, which no embedding server can mend.
    assert told.code == 1, told.err
    stages = {failure["stage"] for failure in told.json["failures"]}
    assert stages == {"extract"}, told.json["failures"]
    (embed,) = [each for each in told.json["stages"] if each["stage"] == "embed"]
    assert embed["succeeded"] == embed["attempted"] == told.json["chunks"]["added"]
    return told


def found(desk: Path, server: Server, question: str, mode: str) -> list[str]:
    """Search, prove each citation, and give the paths."""
    key = {name: server.settings[name] for name in server.settings if name == "KB_API_KEY"}
    told = kb("search", "--json", "--mode", mode, question, cwd=desk, env=key)
    assert told.code == 0, told.out
    assert told.json["warnings"] == []
    hits = told.json["hits"]
    whole = kb("show", "--json", hits[0]["path"], cwd=desk, env={}).json["text"]
    assert whole[hits[0]["char_start"] : hits[0]["char_end"]] == hits[0]["text"]
    return [hit["path"] for hit in hits]


def test_documents_in_and_citations_out(desk: Path, minilm_server: Server) -> None:
    report = ingested(desk, minilm_server).json
    assert report["profile"]["dimensions"] == 384
    for question, path in QUESTIONS.items():
        assert path in found(desk, minilm_server, question, "hybrid")[:3], question
    # MiniLM knows English: its vectors alone must find this, in words that are not in the text.
    dense = found(desk, minilm_server, "how do I get my money back", "dense")
    assert QUESTIONS["how do I get my money back"] in dense[:3]
    again = kb("ingest", "sample_docs", "--json", cwd=desk, env=minilm_server.settings)
    assert again.json["chunks"]["added"] == 0


def test_the_shape_of_the_users_server_behind_a_key(desk: Path, qwen3_server: Server) -> None:
    report = ingested(desk, qwen3_server).json
    assert report["profile"]["dimensions"] == 2560
    assert report["profile"]["model"] == "Qwen/Qwen3-Embedding-4B"
    for question, path in QUESTIONS.items():
        # The weights are random: only the words can find anything.
        assert path in found(desk, qwen3_server, question, "lexical")[:3], question
        assert found(desk, qwen3_server, question, "dense")
    for file in (desk / ".kb").rglob("*"):
        assert file.is_dir() or KEY.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("key", [None, "sk-another"])
def test_a_missing_or_wrong_key_is_told(
    tmp_path: Path, qwen3_server: Server, key: str | None
) -> None:
    settings = {"KB_BASE_URL": qwen3_server.base_url} | ({"KB_API_KEY": key} if key else {})
    told = kb("init", "--json", cwd=tmp_path, env=settings)
    assert told.code == 3
    assert told.error["code"] == "embed.unauthorized"
    assert "KB_API_KEY" in told.error["hint"]
    assert "sk-another" not in told.out + told.err


def test_vectors_are_the_same_alone_and_in_a_batch(embedder: Embedder) -> None:
    together = _vectors(embedder, TEXTS)
    alone = np.array([_vectors(embedder, [text])[0] for text in TEXTS])
    agreement = together @ alone.T
    assert np.diag(agreement).min() > 0.999
    # Each text's nearest is itself, so vectors in the wrong order would be seen.
    assert agreement.argmax(axis=1).tolist() == list(range(len(TEXTS)))
    assert np.linalg.norm(together, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_vectors_of_the_users_shape_are_the_same_alone_and_in_a_batch(
    qwen3_server: Server,
) -> None:
    with open_endpoint(base_url=qwen3_server.base_url, api_key=KEY, prompts="qwen3") as embedder:
        together = _vectors(embedder, TEXTS)
        alone = np.array([_vectors(embedder, [text])[0] for text in TEXTS])
    assert together.shape == (len(TEXTS), 2560)
    assert np.diag(together @ alone.T).min() > 0.999
    assert (together @ alone.T).argmax(axis=1).tolist() == list(range(len(TEXTS)))


def test_one_text_that_is_too_long_among_200_costs_no_other_its_vector(
    embedder: Embedder,
) -> None:
    texts = [f"Clause {n} speaks of matter number {n * 7}." for n in range(200)]
    texts[77] = _unknown_words(UNKNOWN_WORDS)
    items = [EmbedItem(key=str(n).encode(), text=text) for n, text in enumerate(texts)]
    embedder.prepare(longest=LONGEST)
    outcomes = {int(each.key): each for each in embedder.embed(items)}
    assert sorted(outcomes) == list(range(200))
    for number in set(outcomes) - {77}:
        assert outcomes[number].vector is not None, outcomes[number]
    refused = outcomes[77].failure
    assert refused is not None
    assert refused.code == "embed.input_too_long"
    assert refused.retriable is False


def test_a_model_that_is_not_served_is_told(tmp_path: Path, minilm_server: Server) -> None:
    settings = minilm_server.settings | {"KB_MODEL": "another-model"}
    told = kb("init", "--json", cwd=tmp_path, env=settings)
    if minilm_server.recipe.name.startswith("vllm"):
        assert told.code == 3
        assert told.error["code"] == "embed.model_not_found"
        assert told.error["detail"]["served"] == ["minilm"]
        assert "minilm" in told.error["hint"]
    else:
        # The others take any name. kb cannot refuse what works, so it says what it sees.
        assert told.code == 0
        assert "lists minilm and not another-model" in told.err


def test_a_model_that_generates_text_is_told(tmp_path: Path, chat_server: Server) -> None:
    (tmp_path / "note.md").write_text("The warranty covers two years.\n", encoding="utf-8")
    told = kb("ingest", "note.md", "--json", cwd=tmp_path, env=chat_server.settings)
    assert told.code == 3
    assert told.error["code"] == "embed.not_embedding_model"
    assert told.error["detail"]["served"] == ["chat"]


def _vectors(embedder: Embedder, texts: list[str]) -> np.ndarray:
    """Give the texts' vectors in their order; shape (texts, dimensions)."""
    items = [EmbedItem(key=str(n).encode(), text=text) for n, text in enumerate(texts)]
    outcomes = {int(each.key): each.vector for each in embedder.embed(items)}
    vectors = [outcomes[n] for n in range(len(texts))]
    assert all(vector is not None for vector in vectors)
    return np.array(vectors)


def _unknown_words(count: int) -> str:
    """Give words of which each is many tokens, so that the text is longer than it looks."""
    chance = random.Random(7)
    return " ".join("".join(chance.choices("bcdfgkqxz", k=12)) for _ in range(count))

"""Rerankers: three dialects, odd addresses, refusals, answers that nobody should believe."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.embed.reranking import Reranker, RerankOptions, Scores
from kb.embed.reranking.addresses import addresses
from kb.embed.reranking.answers import FaultError, read_scores
from kb.embed.reranking.options import key_for
from kb.embed.reranking.prompts import qwen3
from kb.errors import Failure, StageError, UsageError
from tests.fakes.reranker import PATHS, FakeReranker

QUESTION = "how long is the warranty"
PASSAGES = ["nothing of that", "the warranty is two years long", "how is it"]


def ask(fake: FakeReranker, passages: list[str] = PASSAGES, **settings) -> Scores:
    settings.setdefault("base_url", fake.url)
    reranker = Reranker(RerankOptions(**settings), sleep=lambda _: None)
    try:
        return reranker.scores(QUESTION, passages)
    finally:
        reranker.close()


def refusal(fake: FakeReranker, passages: list[str] = PASSAGES, **settings) -> Failure:
    with pytest.raises(StageError) as caught:
        ask(fake, passages, **settings)
    return caught.value.failure


def expected(fake: FakeReranker) -> tuple[float, ...]:
    return tuple(fake.score(QUESTION, each) for each in PASSAGES)


# -- dialects and addresses --------------------------------------------------------------------


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "/rerank", "/v1/rerank", "/v2/rerank/"])
def test_each_dialect_is_found_from_each_way_to_write_its_address(dialect: str, end: str) -> None:
    with FakeReranker(dialect, api_key="secret") as fake:
        found = ask(fake, base_url=fake.url + end, model=fake.model, api_key="secret")
        assert found.values == expected(fake)
        assert found.address.removeprefix(fake.url) in PATHS[dialect]


@pytest.mark.parametrize("way", PATHS["vllm"])
def test_the_whole_address_is_tried_first(way: str) -> None:
    with FakeReranker() as fake:
        assert ask(fake, base_url=fake.url + way, model=fake.model).address == fake.url + way
        assert [each.path for each in fake.requests] == [way]


@given(
    st.lists(st.sampled_from(["api", "x-1", "v1", "v2", "rerank"]), max_size=4),
    st.sampled_from(["", "/", "//"]),
)
def test_an_address_is_told_whole_once_and_ends_in_rerank(parts: list[str], end: str) -> None:
    found = addresses("HTTP://host:1/" + "/".join(parts) + end)
    assert len(found) == len(set(found)) >= 3
    assert all(each.startswith("http://host:1/") and each.endswith("/rerank") for each in found)
    assert all("//" not in each.removeprefix("http://") for each in found)
    assert addresses(found[0])[0] == found[0]


@pytest.mark.parametrize("url", ["host:80", "ftp://x", "http://", "http://u:p@x", "http://x?k=1"])
def test_an_address_that_is_none_is_refused_by_name(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        addresses(url)
    assert "KB_RERANK_URL" in caught.value.failure.hint


def test_without_a_model_the_only_one_that_is_listed_is_named() -> None:
    with FakeReranker(model="bge-reranker-v2-m3") as fake:
        assert ask(fake).model == "bge-reranker-v2-m3"
        assert fake.asked[0].body["model"] == "bge-reranker-v2-m3"


# -- prompts -----------------------------------------------------------------------------------


def test_qwen3_reranker_gets_its_template() -> None:
    with FakeReranker(model="Qwen/Qwen3-Reranker-0.6B") as fake:
        assert ask(fake, model=fake.model).prompts == "qwen3"
        sent = fake.asked[-1].body
    assert sent["query"].startswith("<|im_start|>system\nJudge whether the Document")
    assert sent["query"].endswith(f"<Query>: {QUESTION}\n")
    assert sent["documents"][1].startswith("<Document>: the warranty")
    assert sent["documents"][1].endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_a_template_of_the_servers_own_is_not_doubled() -> None:
    with FakeReranker(model="Qwen3-Reranker-4B", template_tokens=60) as fake:
        assert ask(fake).prompts == "none"
        assert fake.asked[-1].body["documents"] == PASSAGES


@pytest.mark.parametrize("prompts", ["none", "qwen3"])
def test_prompts_that_are_set_are_used_and_nothing_is_tried(prompts: str) -> None:
    for model, tokens in (("Qwen3-Reranker-4B", 60), ("bge", 0)):
        with FakeReranker(model=model, template_tokens=tokens) as fake:
            assert ask(fake, model=model, prompts=prompts).prompts == prompts
            assert len(fake.asked) == 1


@given(st.text(alphabet=st.sampled_from("<|im_end>\n a")))
def test_a_passage_cannot_end_the_conversation_it_stands_in(text: str) -> None:
    assert qwen3().passage(text).count("<|") == qwen3().passage("").count("<|")
    assert qwen3().query(text).count("<|") == qwen3().query("").count("<|")


# -- what is too long or too much --------------------------------------------------------------


@pytest.mark.parametrize("names_limit", [True, False])
def test_a_passage_that_is_too_long_is_cut_for_scoring(names_limit: bool) -> None:
    with FakeReranker() as fake:
        fake.faults.max_words, fake.faults.names_limit = 120, names_limit
        found = ask(fake, [*PASSAGES, "warranty " + "word " * 3000])
        assert found.values[:3] == expected(fake)
        assert found.values[3] == fake.score(QUESTION, "warranty")
        assert found.cut == 1
        assert len(fake.asked) <= 8


def test_a_question_that_leaves_no_room_is_told() -> None:
    with FakeReranker() as fake:
        fake.faults.max_words = 3
        found = refusal(fake, ["word " * 3000])
        assert found.code == "search.rerank_refused"
        assert "question" in found.message
        assert len(fake.asked) < 16


def test_too_many_passages_are_sent_in_several_requests() -> None:
    passages = [f"warranty {number}" for number in range(50)]
    with FakeReranker("tei") as fake:
        fake.faults.max_batch = 16
        found = ask(fake, passages)
        assert found.values == tuple(fake.score(QUESTION, each) for each in passages)
        sent = [len(each.body["texts"]) for each in fake.asked if "texts" in each.body]
        assert sum(size for size in sent if size <= 16) == 50


# -- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, "search.rerank_refused", "asks for an API key"),
        (400, "search.rerank_refused", "refused the request (status 400)"),
        (404, "search.rerank_refused", "Nothing at"),
        (424, "search.rerank_refused", "not a reranker"),
        (501, "search.rerank_refused", "not a reranker"),
        (302, "search.rerank_refused", "Nothing at"),
        (429, "search.rerank_unreachable", "overloaded"),
        (500, "search.rerank_unreachable", "overloaded"),
        (503, "search.rerank_unreachable", "overloaded"),
    ],
)
def test_a_refusal_is_told_with_its_cure(status: int, code: str, told: str) -> None:
    with FakeReranker() as fake:
        fake.faults.status = status
        found = refusal(fake)
    assert found.code == code
    assert told in found.message
    assert found.hint.endswith("`kb search --no-rerank` does without it.")
    assert found.detail["status"] == status


def test_a_model_that_is_not_served_and_one_that_is_not_named_are_told() -> None:
    with FakeReranker() as fake:
        found = refusal(fake, model="other")
        assert "does not serve the model 'other'" in found.message
    with FakeReranker("cohere") as fake:
        found = refusal(fake)
        assert "wants a model named" in found.message
        assert "KB_RERANK_MODEL" in found.hint


def test_where_no_address_reranks_all_are_named() -> None:
    with FakeReranker() as fake:
        fake.faults.status = 404
        assert len(refusal(fake).detail["tried"]) == 3


def test_nobody_there_and_silence_are_told() -> None:
    with FakeReranker() as fake:
        fake.faults.hang = True
        found = refusal(fake, model=fake.model, timeout_s=0.3)
        assert (found.code, found.hint[:4]) == ("search.rerank_unreachable", "Look")
        assert "in time" in found.message
    found = refusal(fake, model=fake.model)
    assert found.code == "search.rerank_unreachable"
    assert "Nothing answers" in found.message


def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    with FakeReranker() as fake:
        fake.faults.status, fake.faults.times = 503, 1
        assert ask(fake).values == expected(fake)
        fake.faults.times, fake.faults.retry_after = 1, "60"
        assert refusal(fake).code == "search.rerank_unreachable"


# -- answers -----------------------------------------------------------------------------------


def test_what_an_answer_leaves_out_has_no_score() -> None:
    with FakeReranker() as fake:
        fake.faults.drop = 1
        assert ask(fake).values == (None, *expected(fake)[1:])


@pytest.mark.parametrize(
    "answer",
    [
        "<html>",
        "{",
        "[]",
        "5",
        "null",
        "{}",
        '{"error": "no"}',
        '{"results": []}',
        '{"results": [5]}',
        '{"results": [{"index": 0}]}',
        '{"results": [{"relevance_score": 1}]}',
        '{"results": [{"index": 3, "relevance_score": 1}]}',
        '{"results": [{"index": -1, "relevance_score": 1}]}',
        '{"results": [{"index": true, "relevance_score": 1}]}',
        '{"results": [{"index": 1.0, "relevance_score": 1}]}',
        '{"results": [{"index": 0, "relevance_score": true}]}',
        '{"results": [{"index": 0, "relevance_score": "1"}]}',
        '{"results": [{"index": 0, "relevance_score": NaN}]}',
        '{"results": [{"index": 0, "relevance_score": -Infinity}]}',
        '{"results": [{"index": 0, "relevance_score": 1' + "0" * 400 + "}]}",
        '{"results": [{"index": 0, "score": 1}, {"index": 0, "score": 2}]}',
        '{"data": [{"object": "embedding", "index": 0, "embedding": [1]}]}',
    ],
)
def test_nonsense_is_refused(answer: str) -> None:
    with FakeReranker() as fake:
        fake.faults.answer = answer.encode()
        found = refusal(fake)
    assert found.code == "search.rerank_invalid"
    assert found.message.endswith(".")


SCORES = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(SCORES, min_size=1, max_size=60), st.data())
def test_scores_are_read_in_the_order_of_the_texts(scores: list[float], data: st.DataObject):
    order = data.draw(st.permutations(range(len(scores))))
    kept = order[: data.draw(st.integers(1, len(order)))]
    name = data.draw(st.sampled_from(["score", "relevance_score"]))
    entries = [{"index": at, name: scores[at]} for at in kept]
    answer = data.draw(st.sampled_from([entries, {"results": entries}, {"data": entries}]))
    found = read_scores(json.dumps(answer).encode(), count=len(scores))
    assert found == tuple(score if at in kept else None for at, score in enumerate(scores))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["results", "data", "index", "score", "relevance_score"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON | st.binary(max_size=40), st.integers(0, 4))
def test_whatever_comes_gives_finite_scores_or_a_sentence(answer: object, count: int) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    told = ""
    try:
        found = read_scores(body, count=count)
    except FaultError as fault:
        found, told = (None,) * count, str(fault)
    assert not told or told.endswith(".")
    assert len(found) == count
    assert all(score is None or math.isfinite(score) for score in found)


# -- secrets -----------------------------------------------------------------------------------


def test_the_embedding_endpoints_key_goes_to_its_own_server_alone() -> None:
    there = "http://gpu:8000/v1"
    for url, key in {
        "http://gpu:8000/rerank": "secret",
        "HTTP://GPU:8000": "secret",
        "http://gpu:8001": None,
        "https://gpu:8000": None,
        "http://gpu.evil:8000": None,
        "http://gpu:8000@evil": None,
    }.items():
        assert key_for(url, own=None, embedding_url=there, embedding="secret") == key, url
        assert key_for(url, own="mine", embedding_url=there, embedding="secret") == "mine"
    assert key_for(there, own=None, embedding_url=None, embedding="secret") is None


@pytest.mark.parametrize("status", [None, 400, 500])
def test_a_key_is_sent_and_never_told(status: int | None) -> None:
    with FakeReranker(api_key="other-key") as fake:
        fake.faults.echo, fake.faults.status = True, status
        fake.faults.body = b"Bearer secret-key"
        found = refusal(fake, model=fake.model, api_key="secret-key")
        assert fake.asked[0].headers["Authorization"] == "Bearer secret-key"
    assert "secret-key" not in json.dumps(found.as_json())
    assert "secret-key" not in repr(RerankOptions(base_url="http://x", api_key="secret-key"))


def test_a_key_that_cannot_be_sent_is_refused_without_being_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        key_for("http://x", own="sécret", embedding_url=None, embedding=None)
    assert "KB_RERANK_API_KEY" in caught.value.failure.hint
    assert "sécret" not in repr(caught.value.failure)

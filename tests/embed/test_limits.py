"""Nothing is cut silently: how long a text may be is asked, measured, counted and learnt."""

from __future__ import annotations

import re
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.embed.count import at_most, weigh
from kb.embed.endpoint import EndpointEmbedder
from kb.embed.limits import Counted, Limits
from kb.embed.reach import Reach, find_reach
from kb.errors import EndpointError
from kb.model import Embedded, EmbedItem
from tests.embed.conftest import Open, asked
from tests.fakes.endpoint import FakeEndpoint, Request, tokens

VLLM = "This model's maximum context length is {} tokens. However, your prompt contains more"


def _items(texts: list[str]) -> list[EmbedItem]:
    return [EmbedItem(key=str(n).encode(), text=text) for n, text in enumerate(texts)]


def _embedded(embedder: EndpointEmbedder, texts: list[str]) -> dict[int, Embedded]:
    return {int(each.key): each for each in embedder.embed(_items(texts))}


def _asked(fake: FakeEndpoint, path: str) -> list[Request]:
    return [request for request in fake.requests if request.path == path]


def _never(_text: str) -> Counted | None:
    raise AssertionError("the endpoint was asked to count")


# -- counting without asking -------------------------------------------------------------------


@given(text=st.text(max_size=300))
def test_no_tokenizer_of_words_characters_or_bytes_exceeds_the_sure_bound(text: str) -> None:
    bound = at_most(text)
    assert tokens(text) + 2 <= bound
    assert len(text.encode()) + 2 <= bound


def test_signs_that_tokenizers_spell_out_are_bounded_as_spelt() -> None:
    spelt = "صلى الله عليه وسلم"
    assert at_most("\ufdfa") >= len(spelt.encode())


@given(text=st.text(max_size=300))
def test_the_estimate_is_no_lower_than_words_and_wide_characters(text: str) -> None:
    assert weigh(text) >= tokens(text)


@given(limit=st.integers(9, 400), text=st.text(alphabet="ab 合同。9\n", max_size=300))
def test_what_is_called_short_enough_fits_the_endpoints_own_count(limit: int, text: str) -> None:
    counting = Limits(limit, count=lambda each: Counted(tokens=tokens(each) + 2))
    blind = Limits(limit, count=lambda _: None)
    for limits in (counting, blind):
        if limits.too_long(text) is None:
            assert tokens(text) + 2 <= limit
    if tokens(text) + 2 <= limit:
        assert counting.too_long(text) is None, "the endpoint's own count decides"


def test_texts_that_surely_fit_are_not_counted() -> None:
    limits = Limits(500, count=_never)
    assert limits.too_long("x" * 492) is None
    assert limits.too_long("An ordinary sentence of a contract. " * 30) is None
    with pytest.raises(AssertionError):
        limits.too_long("An ordinary sentence of a contract. " * 50)


def test_without_any_limit_nothing_is_too_long_and_nothing_is_counted() -> None:
    assert Limits(None, count=_never).too_long("word " * 100_000) is None


def test_counts_sharpen_the_estimate_and_characters_do_not() -> None:
    text = "contract " * 100
    limits = Limits(280, count=lambda _: None)
    assert limits.too_long(text) is not None
    limits.saw([text], len(text))
    assert limits.too_long(text) is not None
    limits.saw([text], 101)
    assert limits.too_long(text) is None
    limits.saw([text], 260)
    assert limits.too_long(text) is not None
    limits.saw([text], 101)
    assert limits.too_long(text) is not None, "the highest share counts"


# -- what a refusal teaches --------------------------------------------------------------------


def test_a_refusal_that_names_the_limit_teaches_it_at_once() -> None:
    limits = Limits(None, count=lambda _: None)
    limits.refused(["short", "word " * 900], VLLM.format(512))
    assert (limits.most, limits.lessons) == (511, 1)
    limits.refused(["word " * 900], VLLM.format(2048))
    assert (limits.most, limits.lessons) == (511, 1)


@pytest.mark.parametrize(
    "texts",
    [["The maximum context length is 20 tokens. " * 20], ["a b"]],
    ids=["its own words", "shorter than that"],
)
def test_a_limit_that_cannot_be_meant_is_not_believed(texts: list[str]) -> None:
    limits = Limits(None, count=lambda _: None)
    limits.refused(texts, VLLM.format(20))
    assert limits.most is None


def test_a_refusal_without_a_limit_teaches_that_longer_texts_are_refused_too() -> None:
    limits = Limits(None, count=lambda _: None)
    limits.refused(["word " * 300], "Payload too large")
    assert limits.too_long("word " * 300) is not None
    assert limits.too_long("word " * 299) is None
    limits.refused(["word " * 500], "Payload too large")
    assert limits.too_long("word " * 299) is None
    limits.refused(["a short text"], "Payload too large")
    limits.refused(["word " * 200, "word " * 210], "Payload too large")
    assert limits.too_long("word " * 299) is None
    assert limits.lessons == 1


# -- where a server cuts and says nothing ------------------------------------------------------


def _mean(reads: int, noise: float = 0.0):
    """Embed as a model that takes the mean of the first words, each in its own direction."""
    random = np.random.default_rng(7)
    directions: dict[str, np.ndarray] = {}

    def embed(text: str) -> np.ndarray:
        common = directions.setdefault("", random.standard_normal(64))
        total = np.zeros(64)
        for word in text.split()[:reads]:
            if word not in directions:
                # Words lie at a cosine of about 0.8, as in models that crowd together.
                directions[word] = common + 0.5 * random.standard_normal(64)
            total += directions[word]
        total /= np.linalg.norm(total)
        shaken = total + noise * random.standard_normal(64) / 8
        return (shaken / np.linalg.norm(shaken)).astype(np.float32)

    return embed


@given(
    reads=st.integers(40, 1023),
    longest=st.integers(1024, 3000),
    noise=st.sampled_from([0.0, 0.013]),
)
@settings(max_examples=40)
def test_where_a_text_is_cut_is_found_and_never_overrated(
    reads: int, longest: int, noise: float
) -> None:
    calls = 0
    embed = _mean(reads, noise)

    def counted(text: str) -> np.ndarray:
        nonlocal calls
        calls += 1
        return embed(text)

    reach = find_reach(counted, longest)
    assert reach is not None
    assert reach.cut
    assert reach.tokens <= reads
    assert reach.tokens >= 0.8 * reads - 4
    assert calls <= 2 + np.log2(longest)


@given(longest=st.integers(64, 3000))
@settings(max_examples=20)
def test_a_server_that_reads_all_costs_two_requests(longest: int) -> None:
    embed = _mean(100_000, 0.013)
    seen: list[str] = []

    def counted(text: str) -> np.ndarray:
        seen.append(text)
        return embed(text)

    assert find_reach(counted, longest) == Reach(tokens=longest, cut=False)
    assert len(seen) == 2
    assert min(len(text.split()) for text in seen) > longest


def test_a_server_that_refuses_does_not_cut() -> None:
    assert find_reach(lambda _: None, 100) is None


def test_vectors_that_are_all_alike_say_nothing() -> None:
    same = np.ones(4, np.float32) / 2
    assert find_reach(lambda _: same, 1000) is None


@pytest.mark.parametrize("usage", ["words", "characters", None])
def test_silent_cutting_is_found_told_and_avoided(
    opened: Open, said: list[str], usage: str | None
) -> None:
    with FakeEndpoint(max_model_len=None, tokenize=False) as fake:
        fake.faults.cut_at = 200
        fake.faults.usage = usage
        embedder = opened(fake.base_url)
        embedder.prepare(longest=1024)
        (line,) = [line for line in said if "says nothing" in line]
        assert 150 <= int(re.findall(r"\d+", line)[0]) <= 200
        assert len(fake.embedded) <= 1 + 2 + 7
        texts = [f"number {n}" + " word" * n for n in range(0, 400, 7)]
        outcomes = _embedded(embedder, texts)
        for n, text in enumerate(texts):
            outcome = outcomes[n]
            if outcome.vector is not None:
                assert np.allclose(outcome.vector, fake.vector(text), atol=1e-5)
            else:
                assert outcome.failure is not None
                assert outcome.failure.code == "embed.input_too_long"
                assert tokens(text) > 80
        assert sum(outcome.vector is None for outcome in outcomes.values()) < 45


def test_no_measurement_where_a_limit_is_listed_told_or_set(opened: Open, said: list[str]) -> None:
    with FakeEndpoint() as fake:
        opened(fake.base_url).prepare(longest=1024)
        assert len(fake.embedded) == 1
    with FakeEndpoint(models=()) as fake:
        opened(fake.base_url, model="any").prepare(longest=1024)
        assert len(fake.embedded) == 1
    with FakeEndpoint(max_model_len=None, tokenize=False) as fake:
        fake.faults.cut_at = 200
        opened(fake.base_url, max_input_tokens=150).prepare(longest=1024)
        assert len(fake.embedded) == 1
    assert not said


def test_a_measurement_that_fails_is_told_and_stops_nothing(opened: Open, said: list[str]) -> None:
    with FakeEndpoint(max_model_len=None, tokenize=False) as fake:
        embedder = opened(fake.base_url, max_retries=0)
        fake.faults.status, fake.faults.times = 500, 2
        embedder.prepare(longest=1024)
        assert any("not known how long" in line for line in said)
        assert _embedded(embedder, ["a text"])[0].vector is not None


# -- what is asked, and how often --------------------------------------------------------------


@pytest.mark.parametrize("model", [None, "fake-embed"])
def test_the_list_of_models_is_asked_once(opened: Open, model: str | None) -> None:
    with FakeEndpoint(max_model_len=100) as fake:
        embedder = opened(fake.base_url, model=model)
        embedder.prepare(longest=1024)
        assert len(_asked(fake, "/v1/models")) == 1
        pinned = embedder.profile
        again = opened(fake.base_url, model=model, expected=pinned)
        assert len(_asked(fake, "/v1/models")) == 1
        again.prepare(longest=1024)
        assert len(_asked(fake, "/v1/models")) == 2
        assert _embedded(again, ["word " * 99, "word " * 100])[1].vector is None


def test_a_question_asks_for_nothing_but_its_vector(fake: FakeEndpoint, opened: Open) -> None:
    pinned = opened(fake.base_url).profile
    fake.requests.clear()
    embedder = opened(fake.base_url, expected=pinned, max_input_tokens=300, brief=True)
    asked(embedder, "a question " * 120)
    assert [request.path for request in fake.requests] == ["/v1/embeddings"]


def test_the_smaller_limit_counts_where_one_is_set_and_one_is_listed(opened: Open) -> None:
    for listed, chosen in ((100, 150), (150, 99)):
        with FakeEndpoint(max_model_len=listed) as fake:
            pinned = opened(fake.base_url).profile
            embedder = opened(fake.base_url, expected=pinned, max_input_tokens=chosen)
            embedder.prepare(longest=1024)
            outcomes = _embedded(embedder, ["word " * 99, "word " * 100])
            assert outcomes[0].vector is not None
            assert outcomes[1].vector is None


def test_the_limit_of_the_only_model_is_taken_under_whatever_name(opened: Open) -> None:
    with FakeEndpoint(model="other", max_model_len=100) as fake:
        fake.accept_any_model = True
        embedder = opened(fake.base_url, model="mine")
        assert _embedded(embedder, ["word " * 100])[0].vector is None


@pytest.mark.parametrize("key", [None, "sk-secret"])
@pytest.mark.parametrize("prefix", ["/v1", "/models/v1", ""])
def test_only_texts_near_the_limit_are_counted_at_the_servers_root(
    opened: Open, key: str | None, prefix: str
) -> None:
    with FakeEndpoint(max_model_len=200, api_key=key, specials=2) as fake:
        embedder = opened(fake.base_url, api_key=key)
        texts = ["word " * 20] * 50 + ["word " * n for n in (196, 197, 198, 210)]
        outcomes = _embedded(embedder, texts)
        failed = {n: each.failure for n, each in outcomes.items() if each.failure}
        assert set(failed) == {52, 53}
        assert failed[52].detail | {"limit": 199, "tokens": 200} == failed[52].detail
        assert "200 tokens" in failed[52].message
        counted = _asked(fake, "/tokenize")
        assert len(counted) == 4
        for request in counted:
            assert set(request.body) == {"model", "prompt", "add_special_tokens"}
            assert request.headers.get("Authorization") == (f"Bearer {key}" if key else None)


def test_a_server_without_tokenize_is_asked_for_it_once(opened: Open) -> None:
    with FakeEndpoint(max_model_len=200, tokenize=False) as fake:
        embedder = opened(fake.base_url)
        outcomes = _embedded(embedder, ["word " * n for n in range(60, 260)])
        assert len(_asked(fake, "/tokenize")) == 1
        for n, outcome in outcomes.items():
            assert outcome.vector is None or n + 60 < 200
            assert outcome.vector is not None or n + 60 > 120


def test_the_first_batch_holds_no_more_than_its_share_of_real_tokens(opened: Open) -> None:
    # One letter to a token: the estimate is half of what the endpoint counts.
    texts = ["a b c d e f g h i j " * 10] * 300
    with FakeEndpoint() as fake:
        embedder = opened(fake.base_url, batch_tokens=2000)
        embedder.prepare(longest=1024)
        fake.requests.clear()
        _embedded(embedder, texts)
        sums = [sum(map(tokens, request.body["input"])) for request in fake.embedded]
        assert sums[0] <= 2000
        assert len(_asked(fake, "/tokenize")) <= 4
        # A request is well filled all the same.
        assert sum(sums) / len(sums) > 1500


def test_few_texts_are_not_counted_beforehand(fake: FakeEndpoint, opened: Open) -> None:
    embedder = opened(fake.base_url)
    embedder.prepare(longest=1024)
    _embedded(embedder, ["a few words"] * 5)
    assert not _asked(fake, "/tokenize")


def test_a_limit_learnt_from_a_refusal_spares_the_others_one(opened: Open) -> None:
    with FakeEndpoint(max_model_len=None, tokenize=False) as fake:
        fake.faults.max_words = 120
        embedder = opened(fake.base_url, concurrency=1)
        texts = [f"{n} " + "word " * (200 if n % 3 else 20) for n in range(600)]
        outcomes = _embedded(embedder, texts)
        refused = [request for request in fake.embedded if request.status == [400]]
        assert len(refused) == 1
        failed = {n for n, each in outcomes.items() if each.failure is not None}
        assert failed == {n for n in range(600) if n % 3}


def test_a_template_that_leaves_no_room_is_told_before_anything_is_sent(opened: Open) -> None:
    with FakeEndpoint(max_model_len=30) as fake:
        embedder = opened(
            fake.base_url,
            prompts="custom",
            query_template="{text}",
            passage_template="many words " * 20 + "{text}",
        )
        with pytest.raises(EndpointError) as caught:
            embedder.prepare(longest=1024)
    assert caught.value.failure.code == "embed.input_too_long"
    assert "template" in caught.value.failure.message
    assert "passage_template" in caught.value.failure.hint


@given(st.floats(0.3, 1.0))
def test_where_nobody_objects_to_a_cut_cheap_words_earn_no_trust_for_dear_ones(
    share: float,
) -> None:
    words = "Entkalkungsvorrichtung " * 40
    refusing, silent = (Limits(weigh(words) + 10, count=lambda _: None) for _ in range(2))
    silent.lower(weigh(words) + 10, silent=True)
    for limits in (refusing, silent):
        limits.saw(["the of and " * 30], ceil(weigh("the of and " * 30) * share))
    assert refusing.too_long(words) is None or share > 0.8
    assert silent.too_long(words) is not None, "German has 1.4 tokens where English has 1"

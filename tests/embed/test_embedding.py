from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.embed.batches import LOOK_AHEAD, sendable
from kb.embed.endpoint import EndpointEmbedder, connect
from kb.embed.flow import MAX_ITEMS, Window
from kb.embed.options import Options, World
from kb.errors import EndpointError
from kb.model import Embedded, EmbedItem
from tests.embed.conftest import Clock, Open, asked
from tests.fakes.endpoint import FakeEndpoint, Faults


def _items(texts: list[str]) -> list[EmbedItem]:
    return [EmbedItem(key=str(n).encode(), text=text) for n, text in enumerate(texts)]


def _texts(count: int) -> list[str]:
    return [f"passage number {n} of the contract " + "word " * (n % 40) for n in range(count)]


def _by_key(outcomes: list[Embedded]) -> dict[bytes, Embedded]:
    keys = Counter(outcome.key for outcome in outcomes)
    assert set(keys.values()) <= {1}, "a text was answered twice"
    return {outcome.key: outcome for outcome in outcomes}


def _checked(
    fake: FakeEndpoint, embedder: EndpointEmbedder, texts: list[str]
) -> dict[str, Embedded]:
    """Embed; every text is answered once, and every vector is that of its own text."""
    outcomes = _by_key(list(embedder.embed(_items(texts))))
    assert len(outcomes) == len(texts)
    for n, text in enumerate(texts):
        outcome = outcomes[str(n).encode()]
        assert (outcome.vector is None) != (outcome.failure is None)
        if outcome.vector is not None:
            assert outcome.vector.dtype == np.float32
            assert np.allclose(outcome.vector, fake.vector(sendable(text)), atol=1e-5), text
    return {f"{n}": outcomes[str(n).encode()] for n in range(len(texts))}


def _until_it_ends(stream: Iterator[Embedded]) -> tuple[list[Embedded], EndpointError | None]:
    outcomes: list[Embedded] = []
    try:
        for outcome in stream:
            outcomes.append(outcome)  # noqa: PERF402 - what came before the error counts
    except EndpointError as error:
        return outcomes, error
    return outcomes, None


def _failed(outcomes: dict[str, Embedded]) -> dict[str, str]:
    return {key: out.failure.code for key, out in outcomes.items() if out.failure is not None}


def test_every_text_gets_its_own_vector(fake: FakeEndpoint, opened: Open) -> None:
    assert not _failed(_checked(fake, opened(fake.base_url), _texts(700)))
    assert all(len(request.body["input"]) <= MAX_ITEMS for request in fake.embedded)
    assert len(fake.embedded) < 60


@pytest.mark.parametrize(
    "shape",
    [
        {"shuffle": True},
        {"no_index": True},
        {"float_only": True},
        {"scale": 6.4},
        {"usage": "characters"},
        {"usage": None},
        {"hang_up": True},
        {"refuse_encoding": True},
    ],
    ids=str,
)
def test_other_manners_of_answering_change_nothing(
    fake: FakeEndpoint, opened: Open, shape: dict[str, Any]
) -> None:
    fake.faults = Faults(**shape)
    assert not _failed(_checked(fake, opened(fake.base_url), _texts(200)))


def test_texts_are_sent_as_they_are(fake: FakeEndpoint, opened: Open) -> None:
    texts = ["query: a\n\tb  ", "合同\u3000第一条", "nul \0", "😀", '"quoted\\"', "None"]
    embedder = opened(fake.base_url)
    fake.requests.clear()
    _checked(fake, embedder, texts)
    assert sorted(fake.texts) == sorted(texts)


def test_a_lone_surrogate_does_not_take_its_neighbours_down(
    fake: FakeEndpoint, opened: Open
) -> None:
    assert not _failed(_checked(fake, opened(fake.base_url), ["a \ud800 b", "c", "\udfff"]))


def test_blank_texts_are_answered_without_being_sent(fake: FakeEndpoint, opened: Open) -> None:
    embedder = opened(fake.base_url)
    fake.requests.clear()
    outcomes = _checked(fake, embedder, ["a", "", " \n", "b"])
    assert _failed(outcomes) == {"1": "embed.empty_input", "2": "embed.empty_input"}
    assert sorted(fake.texts) == ["a", "b"]


def test_nothing_to_embed_asks_nothing(fake: FakeEndpoint, opened: Open) -> None:
    embedder = opened(fake.base_url)
    fake.requests.clear()
    assert list(embedder.embed([])) == []
    assert not fake.requests


def test_the_input_limit_comes_from_the_server_or_the_settings(opened: Open) -> None:
    texts = ["word " * 50, "word " * 150, "word " * 250]
    with FakeEndpoint(max_model_len=200) as fake:
        assert set(_failed(_checked(fake, opened(fake.base_url), texts))) == {"2"}
        narrow = opened(fake.base_url, max_input_tokens=100)
        assert set(_failed(_checked(fake, narrow, texts))) == {"1", "2"}
    with FakeEndpoint(max_model_len=None, tokenize=False) as fake:
        fake.faults.max_words = 100
        outcomes = _checked(fake, opened(fake.base_url), texts)
        assert _failed(outcomes) == {"1": "embed.input_too_long", "2": "embed.input_too_long"}
        # The first refusal names the limit; what is known to exceed it is not sent again.
        details = [outcomes[key].failure.detail for key in "12" if outcomes[key].failure]
        assert all("maximum context length" in d["body"] for d in details if "body" in d)
        assert all(d["limit"] == 99 for d in details if "limit" in d)


# -- reading and giving ------------------------------------------------------------------------


def test_items_are_read_only_as_they_are_sent(fake: FakeEndpoint, opened: Open) -> None:
    read = 0

    def endless() -> Iterator[EmbedItem]:
        nonlocal read
        while True:
            read += 1
            yield EmbedItem(key=str(read).encode(), text=f"text {read}")

    embedder = opened(fake.base_url, concurrency=2)
    outcomes = embedder.embed(endless())
    assert read == 0
    for given_out in range(1, 2000):
        next(outcomes)
        assert read - given_out <= LOOK_AHEAD + 3 * MAX_ITEMS
    outcomes.close()


def test_outcomes_come_before_the_last_item_is_read(fake: FakeEndpoint, opened: Open) -> None:
    finished = threading.Event()

    def source() -> Iterator[EmbedItem]:
        yield from _items(_texts(2000))
        finished.set()

    first = next(opened(fake.base_url).embed(source()))
    assert first.vector is not None
    assert not finished.is_set()


def test_a_source_that_fails_is_not_swallowed(fake: FakeEndpoint, opened: Open) -> None:
    def source() -> Iterator[EmbedItem]:
        yield from _items(_texts(100))
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        list(opened(fake.base_url).embed(source()))


def test_a_mistake_of_ours_is_not_swallowed_on_a_thread(
    fake: FakeEndpoint, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = opened(fake.base_url)

    def mistaken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(embedder._session, "ask", mistaken)
    with pytest.raises(ZeroDivisionError):
        list(embedder.embed(_items(["a"])))


def test_two_streams_at_once_do_not_mix(fake: FakeEndpoint, opened: Open) -> None:
    embedder = opened(fake.base_url)
    one = embedder.embed(EmbedItem(key=b"one", text=f"one {n}") for n in range(300))
    two = embedder.embed(EmbedItem(key=b"two", text=f"two {n}") for n in range(300))
    for first, second in zip(one, two, strict=True):
        assert (first.key, second.key) == (b"one", b"two")
    assert asked(embedder, "three").vector is not None


# -- concurrency -------------------------------------------------------------------------------


def test_a_configured_concurrency_is_kept(fake: FakeEndpoint, opened: Open) -> None:
    fake.faults.slow_s = 0.005
    _checked(fake, opened(fake.base_url, concurrency=3, batch_tokens=50), _texts(100))
    assert fake.most_parallel == 3


def test_more_is_sent_at_once_while_that_pays(fake: FakeEndpoint, opened: Open) -> None:
    fake.faults.slow_s = 0.01
    _checked(fake, opened(fake.base_url, batch_tokens=50), _texts(600))
    # How far it rises is measured, and so is tested without a clock in test_flow.
    assert 3 <= fake.most_parallel <= 16


def test_less_is_sent_at_once_when_the_server_objects(fake: FakeEndpoint, opened: Open) -> None:
    fake.faults.max_parallel = 2
    fake.faults.slow_s = 0.001
    embedder = opened(fake.base_url, batch_tokens=50)
    assert not _failed(_checked(fake, embedder, _texts(400)))
    refused = sum(429 in request.status for request in fake.embedded)
    assert refused < len(fake.embedded) / 4


def test_requests_that_are_refused_together_halve_the_number_once(
    fake: FakeEndpoint, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = opened(fake.base_url, concurrency=8, batch_tokens=50)
    halved: list[int] = []
    monkeypatch.setattr(Window, "refused", lambda window, *_: halved.append(window.limit))
    fake.faults.slow_s = 0.05
    fake.faults.status, fake.faults.times = 429, 8
    assert not _failed(_checked(fake, embedder, _texts(100)))
    assert 1 <= len(halved) <= 3


def test_the_pause_that_the_server_asks_for_is_kept(
    fake: FakeEndpoint, opened: Open, clock: Clock
) -> None:
    embedder = opened(fake.base_url, concurrency=1)
    fake.faults.status, fake.faults.times, fake.faults.retry_after = 429, 1, "17"
    assert not _failed(_checked(fake, embedder, _texts(5)))
    assert 16 < sum(clock.slept) < 18


# -- one bad text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "embed.bad_request"),
        (413, "embed.input_too_long"),
        (422, "embed.bad_request"),
        (500, "embed.server_error"),
    ],
)
@pytest.mark.parametrize("guilty", [0, 500, 999])
def test_one_bad_text_in_a_thousand_costs_few_requests_and_no_neighbour(
    fake: FakeEndpoint, opened: Open, status: int, code: str, guilty: int
) -> None:
    texts = _texts(1000)
    _checked(fake, opened(fake.base_url), texts)
    clean = len(fake.embedded)
    texts[guilty] += "POISON"
    fake.faults.poison, fake.faults.poison_status = "POISON", status
    outcomes = _checked(fake, opened(fake.base_url), texts)
    assert _failed(outcomes) == {str(guilty): code}
    # Twice the halvings of 64 (6), then at most 8 tries with a harmless text after each; how
    # many batches there are varies a little with time.
    assert len(fake.embedded) - 2 * clean <= 12 + 1 + 16 + 6
    failure = outcomes[str(guilty)].failure
    assert failure is not None
    assert failure.detail["status"] == status
    assert failure.locator is None


@pytest.mark.parametrize("status", [400, 500])
def test_a_lone_bad_text_is_not_mistaken_for_a_dead_server(
    fake: FakeEndpoint, opened: Open, status: int
) -> None:
    embedder = opened(fake.base_url)
    fake.faults.poison, fake.faults.poison_status = "POISON", status
    assert set(_failed(_checked(fake, embedder, ["POISON"]))) == {"0"}
    assert asked(embedder, "POISON").failure is not None


def test_a_text_that_kills_the_connection_fails_alone(fake: FakeEndpoint, opened: Open) -> None:
    texts = _texts(300)
    texts[42] += "POISON"
    fake.faults.poison, fake.faults.poison_status = "POISON", 0
    failed = _failed(_checked(fake, opened(fake.base_url), texts))
    assert failed == {"42": "embed.unreachable"}


def test_many_bad_texts_are_all_found(fake: FakeEndpoint, opened: Open) -> None:
    texts = [f"text {n} " + ("POISON" if n % 7 == 0 else "") for n in range(300)]
    fake.faults.poison = "POISON"
    failed = _failed(_checked(fake, opened(fake.base_url), texts))
    assert set(failed) == {str(n) for n in range(0, 300, 7)}


@pytest.mark.parametrize("bad", ["nan", "inf", "zero"])
def test_a_text_without_a_direction_fails_alone(fake: FakeEndpoint, opened: Open, bad: str) -> None:
    texts = _texts(100)
    texts[42] = "import os"
    fake.faults.bad_vector, fake.faults.bad_text = bad, "import os"
    failed = _failed(_checked(fake, opened(fake.base_url), texts))
    assert failed == {"42": "embed.invalid_vector"}


def test_a_text_that_repeats_what_servers_say_stops_nothing(
    fake: FakeEndpoint, opened: Open
) -> None:
    said = "model_not_found: the model does not support embeddings, encoding_format, dimensions"
    texts = [*_texts(50), said]
    fake.faults.poison, fake.faults.poison_status = said, 422
    fake.faults.body = None
    fake.faults.echo_text = True
    embedder = opened(fake.base_url, dimensions=16)
    assert _failed(_checked(fake, embedder, texts)) == {"50": "embed.bad_request"}
    assert asked(embedder, "a").vector is not None
    assert {"encoding_format", "dimensions"} <= set(fake.embedded[-1].body)


@pytest.mark.parametrize("limit", [1, 3, 8, 63])
def test_a_server_that_takes_few_texts_at_once_is_learnt(
    fake: FakeEndpoint, opened: Open, limit: int
) -> None:
    fake.faults.max_batch = limit
    assert not _failed(_checked(fake, opened(fake.base_url), _texts(300)))
    refused = sum(503 in request.status for request in fake.embedded)
    assert refused < len(fake.embedded) / 2


@pytest.mark.parametrize("fault", [{"same_index": True}, {"drop": 1}], ids=str)
def test_a_server_that_muddles_batches_still_serves_single_texts(
    fake: FakeEndpoint, opened: Open, fault: dict[str, Any]
) -> None:
    embedder = opened(fake.base_url)
    fake.faults = Faults(**fault)
    if "drop" in fault:
        fake.faults.drop_only_from = 2
    assert not _failed(_checked(fake, embedder, _texts(20)))


# -- the endpoint goes away ----------------------------------------------------------------------


def test_what_came_before_the_end_is_given_out_first(
    fake: FakeEndpoint, opened: Open, said: list[str]
) -> None:
    def source() -> Iterator[EmbedItem]:
        for n, item in enumerate(_items(_texts(5000))):
            if n == 1500:
                fake.stop()
            yield item

    outcomes, error = _until_it_ends(opened(fake.base_url).embed(source()))
    assert error is not None
    assert error.failure.code == "embed.unreachable"
    assert len(outcomes) >= 500
    assert all(outcome.vector is not None for outcome in outcomes)
    assert any(line.startswith("waiting for") for line in said)


def test_a_dead_server_is_asked_by_one_request_at_a_time(fake: FakeEndpoint, opened: Open) -> None:
    embedder = opened(fake.base_url, concurrency=8, batch_tokens=50)
    fake.faults.reset = True
    before = len(fake.embedded)
    outcomes, error = _until_it_ends(embedder.embed(_items(_texts(1000))))
    assert outcomes == []
    assert error is not None
    # Two rounds of eight at most, then one text and one harmless text in each round.
    assert len(fake.embedded) - before <= 8 + 8 + 2 * 5


def test_a_server_that_comes_back_is_forgiven(
    fake: FakeEndpoint, opened: Open, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = opened(fake.base_url)
    fake.faults.reset = True
    sleep = clock.sleep

    def mend(seconds: float) -> None:
        sleep(seconds)
        fake.faults.reset = len(clock.slept) < 2

    monkeypatch.setattr(clock, "sleep", mend)
    assert not _failed(_checked(fake, embedder, _texts(300)))


def test_a_key_that_is_withdrawn_stops_the_run_at_once(fake: FakeEndpoint, opened: Open) -> None:
    embedder = opened(fake.base_url, concurrency=2)
    fake.faults.status = 401
    before = len(fake.embedded)
    with pytest.raises(EndpointError) as caught:
        list(embedder.embed(_items(_texts(1000))))
    assert caught.value.failure.code == "embed.unauthorized"
    assert len(fake.embedded) - before <= 2


def test_a_hung_request_is_given_up_and_the_texts_are_not(fake: FakeEndpoint, opened: Open) -> None:
    embedder = opened(fake.base_url, timeout_s=0.1, concurrency=1)
    fake.faults.stall_first = 1
    assert not _failed(_checked(fake, embedder, ["a", "b"]))


# -- properties ----------------------------------------------------------------------------------


_any_texts = st.lists(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=30), max_size=150
)


KINDS = (429, 500, 502, 503, "reset", "truncated", "html", "error200", "empty", "short", "nan")


@pytest.mark.parametrize("seed", range(6))
def test_a_thousand_texts_come_through_a_server_that_fails_one_time_in_five(
    fake: FakeEndpoint, opened: Open, seed: int
) -> None:
    embedder = opened(fake.base_url, batch_tokens=200)
    fake.faults = Faults(random_rate=0.2, random_kinds=KINDS, seed=seed)
    assert not _failed(_checked(fake, embedder, _texts(1000)))
    assert sum(request.status != [200] for request in fake.embedded) > 5


@pytest.mark.parametrize("seed", range(2))
def test_texts_come_through_a_server_that_resets_and_stalls(
    fake: FakeEndpoint, opened: Open, seed: int
) -> None:
    embedder = opened(fake.base_url, batch_tokens=100, timeout_s=0.2)
    fake.faults = Faults(random_rate=0.2, random_kinds=("stall", "reset", 500, 503), seed=seed)
    drawn: list[object] = []
    draw = fake.draw
    fake.draw = lambda: drawn.append(fault := draw()) or fault  # type: ignore[func-returns-value,method-assign]
    assert not _failed(_checked(fake, embedder, _texts(500)))
    assert {"stall", "reset", 500, 503} <= set(drawn)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(texts=_any_texts, seed=st.integers(0, 10_000), tokens=st.sampled_from([None, 20, 200]))
def test_any_texts_come_through_a_server_that_fails_one_time_in_five(
    texts: list[str], seed: int, tokens: int | None
) -> None:
    with FakeEndpoint() as fake:
        world = World(timing=Clock().timing, container=lambda: False)
        options = Options(base_url=fake.base_url, prompts="none", batch_tokens=tokens)
        with connect(options, expected=None, world=world) as embedder:
            fake.faults = Faults(random_rate=0.2, random_kinds=KINDS, seed=seed)
            failed = _failed(_checked(fake, embedder, texts))
    assert set(failed.values()) <= {"embed.empty_input"}
    assert set(failed) == {str(n) for n, text in enumerate(texts) if not text.strip()}


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    guilty=st.sets(st.integers(0, 149), max_size=12),
    status=st.sampled_from([400, 413, 422, 500]),
    concurrency=st.sampled_from([None, 1, 4]),
)
def test_exactly_the_guilty_texts_fail(
    guilty: set[int], status: int, concurrency: int | None
) -> None:
    texts = [f"text {n} {'POISON' if n in guilty else ''}" for n in range(150)]
    with FakeEndpoint() as fake:
        world = World(timing=Clock().timing, container=lambda: False)
        options = Options(base_url=fake.base_url, prompts="none", concurrency=concurrency)
        with connect(options, expected=None, world=world) as embedder:
            fake.faults.poison, fake.faults.poison_status = "POISON", status
            assert set(_failed(_checked(fake, embedder, texts))) == {str(n) for n in guilty}

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kb.embed import open_endpoint
from kb.errors import EndpointError, KbError, UsageError
from kb.model import EmbedItem
from tests.embed.conftest import Clock, Open, asked
from tests.fakes.endpoint import FakeEndpoint, Faults


def _refused(opened: Open, base_url: str, **settings: Any) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        opened(base_url, **settings)
    return caught.value


def test_the_profile_is_what_was_configured_and_what_came_back(
    fake: FakeEndpoint, opened: Open
) -> None:
    profile = opened(fake.base_url, prompts="qwen3").profile
    assert (profile.provider, profile.model, profile.dimensions) == ("endpoint", "fake-embed", 16)
    assert profile.query_template.startswith("Instruct: ")
    assert profile.passage_template == "{text}"
    assert profile.dense_weight == 0.5


def test_the_first_request_is_one_short_passage(fake: FakeEndpoint, opened: Open) -> None:
    opened(fake.base_url, prompts="e5")
    (request,) = fake.embedded
    assert request.body["model"] == "fake-embed"
    assert len(request.body["input"]) == 1
    assert request.body["input"][0].startswith("passage: ")
    assert set(request.body) == {"model", "input", "encoding_format"}


def test_only_configured_fields_are_sent(fake: FakeEndpoint, opened: Open) -> None:
    assert opened(fake.base_url, dimensions=8).profile.dimensions == 8
    assert set(fake.embedded[0].body) == {"model", "input", "encoding_format", "dimensions"}


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/v1", "/v1/embeddings"])
def test_the_address_may_be_written_in_many_ways(
    fake: FakeEndpoint, opened: Open, ending: str
) -> None:
    embedder = opened(f"http://127.0.0.1:{fake.port}{ending}")
    assert embedder.profile.model == "fake-embed"


@pytest.mark.parametrize("model", [None, "fake-embed"])
@pytest.mark.parametrize("ending", ["", "/v1"])
def test_a_server_at_the_root_is_found(opened: Open, model: str | None, ending: str) -> None:
    with FakeEndpoint(prefix="") as fake:
        embedder = opened(f"http://127.0.0.1:{fake.port}{ending}", model=model)
        assert asked(embedder, "a").vector is not None
        assert fake.embedded[-1].path == "/embeddings"


def test_a_server_without_a_list_of_models_works_when_the_model_is_named(opened: Open) -> None:
    with FakeEndpoint(models=()) as fake:
        assert opened(fake.base_url, model="any").profile.model == "any"
        assert "KB_MODEL" in _refused(opened, fake.base_url).failure.hint


def test_several_models_are_listed_and_none_is_guessed(opened: Open) -> None:
    with FakeEndpoint(models=("a", "b")) as fake:
        failure = _refused(opened, fake.base_url).failure
    assert failure.code == "embed.model_not_found"
    assert failure.detail["served"] == ["a", "b"]
    assert "a, b" in failure.message
    assert not fake.embedded


def test_a_model_that_is_not_served_is_answered_with_those_that_are(
    fake: FakeEndpoint, opened: Open
) -> None:
    failure = _refused(opened, fake.base_url, model="gone").failure
    assert failure.code == "embed.model_not_found"
    assert "fake-embed" in failure.hint
    assert len(fake.embedded) == 1


def test_a_server_that_ignores_the_models_name_is_remarked_on(
    fake: FakeEndpoint, opened: Open, said: list[str]
) -> None:
    fake.models = ("other",)
    fake.accept_any_model = True
    opened(fake.base_url, model="mine")
    assert any("lists other and not mine" in line for line in said)


def test_a_generating_server_is_told_from_a_wrong_address(opened: Open) -> None:
    with FakeEndpoint(generate_only=True) as fake:
        failure = _refused(opened, fake.base_url, model="fake-embed").failure
        assert failure.code == "embed.not_embedding_model"
        assert "fake-embed" in failure.message
        wrong = _refused(opened, f"http://127.0.0.1:{fake.port}/api", model="fake-embed").failure
        assert wrong.code == "embed.wrong_path"
        assert wrong.detail["tried"]


@pytest.mark.parametrize(
    "auth_body",
    [{"error": "Unauthorized"}, {"detail": "Unauthorized"}, {"error": {"message": "x"}}],
)
@pytest.mark.parametrize("model", [None, "fake-embed"])
@pytest.mark.parametrize("key", [None, "sk-wrong"])
def test_a_missing_or_wrong_key_is_unauthorized(
    opened: Open, auth_body: Any, model: str | None, key: str | None
) -> None:
    with FakeEndpoint(api_key="sk-right", auth_body=auth_body) as fake:
        failure = _refused(opened, fake.base_url, model=model, api_key=key).failure
        assert failure.code == "embed.unauthorized"
        assert failure.detail["status"] == 401
        assert len(fake.requests) == 1
        assert opened(fake.base_url, api_key="sk-right").profile.dimensions == 16


@pytest.mark.parametrize("key", ["sk-\nx", "ключ", "a\x00b"])
def test_a_key_that_cannot_be_sent_is_a_setting_to_mend(
    fake: FakeEndpoint, opened: Open, key: str
) -> None:
    with pytest.raises(UsageError) as caught:
        opened(fake.base_url, api_key=key)
    assert key not in str(caught.value.failure)
    assert not fake.requests


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 400}, "embed.bad_request"),
        ({"status": 401}, "embed.unauthorized"),
        ({"status": 403}, "embed.unauthorized"),
        ({"status": 405}, "embed.wrong_path"),
        ({"status": 422}, "embed.bad_request"),
        ({"status": 429}, "embed.rate_limited"),
        ({"status": 500}, "embed.server_error"),
        ({"status": 502}, "embed.server_error"),
        ({"status": 503}, "embed.overloaded"),
        ({"html": True}, "embed.invalid_response"),
        ({"truncated": True}, "embed.invalid_response"),
        ({"error200": True}, "embed.invalid_response"),
        ({"empty": True}, "embed.count_mismatch"),
        ({"chat": True}, "embed.not_embedding_model"),
        ({"extra": 1}, "embed.count_mismatch"),
        ({"bad_vector": "nan"}, "embed.invalid_vector"),
        ({"bad_vector": "inf"}, "embed.invalid_vector"),
        ({"bad_vector": "zero"}, "embed.invalid_vector"),
        ({"reset": True}, "embed.unreachable"),
        ({"max_words": 1}, "embed.input_too_long"),
    ],
    ids=str,
)
@pytest.mark.parametrize("probed", [True, False])
def test_what_is_wrong_with_every_text_is_one_failure_of_the_endpoint(
    fake: FakeEndpoint, opened: Open, fault: dict[str, Any], code: str, probed: bool
) -> None:
    pinned = opened(fake.base_url).profile
    for name, value in fault.items():
        setattr(fake.faults, name, value)
    before = len(fake.embedded)
    items = [EmbedItem(key=str(n).encode(), text=f"text number {n}") for n in range(1000)]

    def embed_all() -> None:
        embedder = opened(fake.base_url, expected=None if probed else pinned, concurrency=1)
        assert not [out for out in embedder.embed(items) if out.failure]

    with pytest.raises(EndpointError) as caught:
        embed_all()
    assert caught.value.failure.code == code
    assert caught.value.exit_code == 3
    assert len(fake.embedded) - before < 25


@pytest.mark.parametrize("fault", [{"html": True}, {"chat": True}, {"status": 404}], ids=str)
def test_what_is_no_embedding_server_is_not_waited_for(
    fake: FakeEndpoint, opened: Open, clock: Clock, fault: dict[str, Any]
) -> None:
    fake.faults = Faults(**fault)
    _refused(opened, fake.base_url)
    assert not clock.slept


def test_nobody_there_is_waited_for_visibly_and_then_unreachable(
    opened: Open, clock: Clock, said: list[str]
) -> None:
    with FakeEndpoint(listen=False) as fake:
        for model in (None, "fake-embed"):
            failure = _refused(opened, fake.base_url, model=model).failure
            assert failure.code == "embed.unreachable"
            assert failure.retriable
    assert 2 * 10 < sum(clock.slept) < 2 * 30
    assert said[0].startswith(f"waiting for the embedding endpoint at {fake.base_url} (")


def test_patience_can_be_switched_off(opened: Open, clock: Clock) -> None:
    with FakeEndpoint(listen=False) as fake:
        _refused(opened, fake.base_url, max_retries=0)
    assert not clock.slept


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("model", [None, "fake-embed"])
def test_a_server_that_is_still_loading_is_waited_for(
    opened: Open,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    model: str | None,
    container: bool,
) -> None:
    with FakeEndpoint(listen=False) as fake:
        sleep = clock.sleep

        def start_later(seconds: float) -> None:
            sleep(seconds)
            if len(clock.slept) == 3:
                fake.start()

        monkeypatch.setattr(clock, "sleep", start_later)
        made = opened(fake.base_url, model=model, container=container)
        assert made.profile.dimensions == 16


def test_localhost_in_a_container_is_named(fake: FakeEndpoint, opened: Open) -> None:
    fake.stop()
    failure = _refused(opened, fake.base_url, container=True, max_retries=0).failure
    assert failure.code == "embed.localhost_in_container"
    assert "host.docker.internal" in failure.hint


def test_a_server_that_worked_until_now_is_not_a_mistaken_address(
    fake: FakeEndpoint, opened: Open
) -> None:
    embedder = opened(fake.base_url, container=True)
    fake.stop()
    with pytest.raises(EndpointError) as caught:
        asked(embedder, "a")
    assert caught.value.failure.code == "embed.unreachable"


def test_https_on_a_plain_port_is_tls_at_once(
    fake: FakeEndpoint, opened: Open, clock: Clock
) -> None:
    failure = _refused(opened, fake.base_url.replace("http:", "https:")).failure
    assert failure.code == "embed.tls"
    assert not clock.slept


def test_a_hung_server_is_a_timeout(fake: FakeEndpoint, opened: Open) -> None:
    fake.faults.stall_s = 30
    failure = _refused(opened, fake.base_url, timeout_s=0.05, max_retries=1).failure
    assert failure.code == "embed.timeout"


def test_a_server_that_refuses_encoding_format_gets_it_once(
    fake: FakeEndpoint, opened: Open
) -> None:
    fake.faults.refuse_encoding = True
    embedder = opened(fake.base_url)
    assert asked(embedder, "a").vector is not None
    assert ["encoding_format" in request.body for request in fake.embedded] == [True, False, False]


def test_float_lists_are_taken_although_base64_was_asked_for(
    fake: FakeEndpoint, opened: Open
) -> None:
    fake.faults.float_only = True
    vector = asked(opened(fake.base_url), "word").vector
    assert vector is not None
    assert np.allclose(vector, fake.vector("word"), atol=1e-6)


def test_a_server_that_refuses_dimensions_may_have_them_anyway(
    fake: FakeEndpoint, opened: Open
) -> None:
    fake.faults.refuse_dimensions = True
    assert opened(fake.base_url, dimensions=16).profile.dimensions == 16
    failure = _refused(opened, fake.base_url, dimensions=8).failure
    assert failure.code == "embed.bad_request"
    assert "KB_DIMENSIONS" in failure.hint
    assert "Matryoshka" in failure.detail["body"]


def test_a_server_that_ignores_dimensions_is_a_mismatch(fake: FakeEndpoint, opened: Open) -> None:
    fake.faults.dimensions = 16
    assert _refused(opened, fake.base_url, dimensions=8).failure.code == "embed.dimension_mismatch"


@pytest.mark.parametrize(
    "numbers",
    [
        {"dimensions": 0},
        {"concurrency": 0},
        {"batch_tokens": -1},
        {"max_input_tokens": 0},
        {"max_retries": -1},
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"timeout_s": float("inf")},
    ],
    ids=str,
)
def test_numbers_that_make_no_sense_are_refused_unsent(
    fake: FakeEndpoint, opened: Open, numbers: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        opened(fake.base_url, **numbers)
    assert not fake.requests


# -- with the pinned profile ---------------------------------------------------------------


def test_a_search_costs_one_request(fake: FakeEndpoint, opened: Open) -> None:
    pinned = replace(opened(fake.base_url, prompts="qwen3").profile, dense_weight=0.7)
    fake.requests.clear()
    embedder = opened(fake.base_url, prompts="qwen3", expected=pinned, brief=True)
    assert embedder.profile == pinned
    vector = asked(embedder, "When is rent due?").vector
    assert [request.path for request in fake.requests] == ["/v1/embeddings"]
    assert fake.texts == [pinned.query("When is rent due?")]
    assert vector is not None
    assert np.allclose(vector, fake.vector(fake.texts[0]), atol=1e-6)


def test_other_settings_than_pinned_show_in_the_profile(fake: FakeEndpoint, opened: Open) -> None:
    pinned = opened(fake.base_url, prompts="e5").profile
    other = opened(fake.base_url, prompts="qwen3", expected=pinned).profile
    assert other.digest != pinned.digest
    shorter = opened(fake.base_url, prompts="e5", dimensions=8, expected=pinned).profile
    assert shorter.dimensions == 8
    fake.models = ("fake-embed", "second")
    second = opened(fake.base_url, prompts="e5", model="second", expected=pinned).profile
    assert second.model == "second"


def test_vectors_of_another_length_than_pinned_stop_the_run(
    fake: FakeEndpoint, opened: Open
) -> None:
    pinned = opened(fake.base_url).profile
    fake.faults.dimensions = 24
    with pytest.raises(EndpointError) as caught:
        asked(opened(fake.base_url, expected=pinned, brief=True), "a")
    assert caught.value.failure.code == "embed.dimension_mismatch"


def test_a_server_at_the_root_is_found_without_a_probe(fake: FakeEndpoint, opened: Open) -> None:
    pinned = opened(fake.base_url).profile
    with FakeEndpoint(prefix="") as root:
        embedder = opened(f"http://127.0.0.1:{root.port}/v1", expected=pinned, brief=True)
        assert asked(embedder, "a").vector is not None
        assert asked(embedder, "b").vector is not None
        assert [r.path for r in root.requests] == ["/v1/embeddings", "/embeddings", "/embeddings"]


def test_who_asks_a_question_is_not_kept_waiting(
    fake: FakeEndpoint, opened: Open, clock: Clock
) -> None:
    pinned = opened(fake.base_url).profile
    fake.faults.status = 429
    fake.faults.retry_after = "100"
    with pytest.raises(EndpointError):
        asked(opened(fake.base_url, expected=pinned, brief=True), "a")
    assert sum(clock.slept) <= 10


# -- the key ---------------------------------------------------------------------------------

KEY = 'sk-"hunter2"\\é'.encode("ascii", "ignore").decode()


def test_the_key_is_in_no_error_no_log_and_no_text(
    caplog: pytest.LogCaptureFixture, opened: Open, said: list[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    for status in (400, 401, 404, 413, 422, 429, 500, 502, 503):
        with FakeEndpoint(api_key=KEY) as fake:
            embedder = opened(fake.base_url, api_key=KEY)
            fake.faults.status, fake.faults.echo_key = status, True
            shown += [repr(embedder), repr(vars(embedder)), str(embedder.profile)]
            try:
                shown += [repr(o) for o in embedder.embed([EmbedItem(key=b"k", text="a b")])]
            except KbError as error:
                shown += [repr(error.failure), *traceback.format_exception(error)]
    everything = "\n".join([*shown, *said, caplog.text])
    assert "hunter2" not in everything
    assert "***" in everything


def test_the_front_door_opens(fake: FakeEndpoint) -> None:
    with open_endpoint(base_url=fake.base_url, prompts="none") as embedder:
        (outcome,) = embedder.embed([EmbedItem(key=b"k", text="word")])
        assert outcome.vector is not None
        assert np.allclose(outcome.vector, fake.vector("word"), atol=1e-6)

"""Each form of request, against servers that take it, refuse it, or do something else with it."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.doctor.check import Check
from kb.doctor.examination import Examination, Wanted
from kb.doctor.exchange import Outcome
from kb.doctor.request import checks as requests
from kb.doctor.request.lengths import too_long
from kb.doctor.texts import PAIRS, words, words_expression
from kb.doctor.vectors import checks as vectors
from kb.doctor.vectors.known_models import KNOWN, contradiction, suggestion
from tests.fakes.endpoint import FakeEndpoint

Examined = Callable[..., Examination]
KEY = "sk-secret-of-mine"
ALL = [
    "request.smallest",
    "request.usage",
    "request.string",
    "request.chinese",
    "request.characters",
    "request.base64",
    "request.batch",
    "request.long",
    "request.too_long",
]


def made(examination: Examination) -> dict[str, Check]:
    checks = list(requests.checks(examination))
    assert len({check.id for check in checks}) == len(checks)
    return {check.id: check for check in checks}


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    """A model that tells words apart; the shared fixture's vectors are too short for that."""
    with FakeEndpoint(dimensions=256) as server:
        yield server


# -- all well --------------------------------------------------------------------------------


def test_a_sound_server_passes_every_check_in_order(examined: Examined, fake: FakeEndpoint) -> None:
    examination = examined(fake, facts={"api"}, max_model_len=8192)
    checks = made(examination)
    assert list(checks) == ALL
    assert {check.status for check in checks.values()} == {"ok"}
    assert {"vectors", "embedder"} <= examination.facts
    assert examination.dimensions == 256
    assert len(fake.embedded) <= 15
    assert fake.embedded[0].body == {
        "model": "fake-embed",
        "input": [
            "query: How long can a customer send something back?",
            (
                "passage: Goods may be returned within fourteen days of delivery, unused and in "
                "the original packaging."
            ),
        ],
    }


def test_deep_asks_for_the_whole_limit_and_for_shortened_vectors(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.faults.max_words = 5000
    examination = examined(fake, facts={"api"}, max_model_len=5000, wanted=Wanted(deep=True))
    checks = made(examination)
    assert checks["request.long"].detail["tokens"] == 4999
    assert checks["request.long"].detail["exact"]
    assert "request.dimensions" in checks
    assert {check.status for check in checks.values()} == {"ok"}


# -- nothing is raised, no secret is told ----------------------------------------------------

BODIES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "embedding", "index", "error", "message", "usage", "detail"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
STATUSES = st.sampled_from([200, 301, 307, 400, 401, 403, 404, 405, 413, 422, 429, 500, 502, 503])


def judged(checks: list[Check]) -> None:
    for check in checks:
        assert check.id.partition(".")[0] in {"request", "vectors"}
        assert check.message.strip()
        assert bool(check.hint) == (check.status in {"warn", "fail"})
        assert KEY not in repr(check)
        assert "\n" not in check.message
        json.dumps(dict(check.detail))


@given(status=STATUSES, body=BODIES, echo=st.booleans(), health=st.sampled_from([200, 503, None]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
def test_whatever_a_server_answers_the_smallest_request_ends_in_one_check(
    examined: Examined, status: int, body: object, echo: bool, health: int | None
) -> None:
    with FakeEndpoint(api_key=KEY) as fake:
        fake.faults.status, fake.faults.body = status, body
        fake.faults.echo_key, fake.faults.health = echo, health
        examination = examined(fake, facts={"api"}, KB_API_KEY=KEY, KB_TIMEOUT_S="2")
        checks = list(requests.checks(examination))
    judged(checks)
    assert len(checks) == 1 or status == 200


@given(
    rate=st.sampled_from([0.1, 0.4, 0.8]),
    seed=st.integers(0, 1000),
    kinds=st.sets(
        st.sampled_from(
            [400, 413, 422, 429, 500, 503, "reset", "truncated", "html", "empty", "short", "nan"]
        ),
        min_size=1,
        max_size=4,
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whatever_goes_wrong_on_the_way_each_check_ends_in_a_sentence(
    examined: Examined, rate: float, seed: int, kinds: set[int | str]
) -> None:
    with FakeEndpoint(dimensions=32) as fake:
        fake.faults.random_rate, fake.faults.seed = rate, seed
        fake.faults.random_kinds = tuple(sorted(kinds, key=str))
        examination = examined(fake, facts={"api"}, KB_TIMEOUT_S="2", max_model_len=300)
        checks = list(requests.checks(examination))
        if "vectors" in examination.facts:
            checks += vectors.checks(examination)
        assert len(fake.embedded) < 120
    judged(checks)


# -- the forms of a request ------------------------------------------------------------------


def test_a_refused_bare_string_is_only_a_warning(
    examined: Examined, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tests.fakes.endpoint._malformed",
        lambda body: "no" if isinstance(body["input"], str) else None,
    )
    check = made(examined(fake, facts={"api"}))["request.string"]
    assert check.status == "warn"
    assert "kb sends lists and needs none" in check.message


@pytest.mark.parametrize("limit", [2, 3, 8, 9, 31, 63])
def test_the_largest_batch_is_found_and_the_flag_named(
    examined: Examined, fake: FakeEndpoint, limit: int
) -> None:
    fake.faults.max_batch = limit
    examination = examined(fake, facts={"api"})
    checks = made(examination)
    check = checks["request.batch"]
    assert check.status == "warn"
    assert f"takes {limit} texts in one request and refuses {limit + 1}" in check.message
    assert "--max-num-queued-reqs" in check.hint
    assert examination.largest_batch == limit
    assert checks["request.characters"].status == "ok"
    assert sum("Clause 1 " in str(request.body["input"]) for request in fake.embedded) <= 8
    assert all("refused" not in check.message for check in vectors.checks(examination))
    assert max(len(r.body["input"]) for r in fake.embedded if r.status == [200]) <= limit


@pytest.mark.parametrize(
    ("status", "words", "cure"),
    [
        (422, "batch size 64 > maximum allowed batch size 32", "--max-client-batch-size 64"),
        (413, "Request Entity Too Large", "client_max_body_size"),
        (429, "slow down", "rate limit"),
        (400, "too many inputs", "limit of texts in a request"),
    ],
)
def test_each_server_words_its_limit_of_a_batch_in_its_own_way(
    examined: Examined,
    fake: FakeEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    words: str,
    cure: str,
) -> None:
    def refused(_: object, texts: list[str], crowd: int) -> tuple[int, object] | None:
        return (status, {"error": words}) if len(texts) > 32 else None

    monkeypatch.setattr("tests.fakes.endpoint._refused_text", refused)
    check = made(examined(fake, facts={"api"}))["request.batch"]
    assert check.status == "warn"
    assert f"takes 32 texts in one request and refuses 33 ({status}: {words})" in check.message
    assert cure in check.hint


def test_vectors_lost_in_a_large_batch_are_a_failure(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.faults.drop, fake.faults.drop_only_from = 1, 20
    check = made(examined(fake, facts={"api"}))["request.batch"]
    assert check.status == "fail"
    assert check.detail["code"] == "embed.count_mismatch"
    assert "For 20 texts" in check.message


def test_refused_characters_are_named(examined: Examined, fake: FakeEndpoint) -> None:
    fake.faults.poison, fake.faults.poison_status = "\x00", 500
    check = made(examined(fake, facts={"api"}))["request.characters"]
    assert check.status == "warn"
    assert "A text with a NUL character is refused" in check.message


def test_chinese_that_arrives_as_question_marks_is_a_failure(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Garbling(FakeEndpoint):
        def drawn(self, text: str) -> object:
            return super().drawn(text.encode("ascii", "replace").decode())

    with Garbling(dimensions=256) as fake:
        check = made(examined(fake, facts={"api"}))["request.chinese"]
    assert check.status == "fail"
    assert "question marks" in check.message


def test_base64_may_be_ignored_or_refused(examined: Examined, fake: FakeEndpoint) -> None:
    fake.faults.float_only = True
    ignored = made(examined(fake, facts={"api"}))["request.base64"]
    fake.faults.refuse_encoding = True
    refused = made(examined(fake, facts={"api"}))["request.base64"]
    assert (ignored.status, refused.status) == ("ok", "ok")
    assert "reads both" in ignored.message
    assert "asks for numbers" in refused.message


def test_base64_of_other_numbers_is_a_failure(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FakeEndpoint.drawn
    with FakeEndpoint(dimensions=64) as fake:

        def drawn(self: FakeEndpoint, text: str) -> object:
            packed = "encoding_format" in fake.embedded[-1].body
            return real(self, f"other {text}" if packed else text)

        monkeypatch.setattr(FakeEndpoint, "drawn", drawn)
        check = made(examined(fake, facts={"api"}))["request.base64"]
    assert check.status == "fail"
    assert "little-endian float32" in check.message


# -- dimensions ------------------------------------------------------------------------------


def test_shortened_vectors_are_the_ones_that_later_requests_ask_for(
    examined: Examined, fake: FakeEndpoint
) -> None:
    examination = examined(fake, facts={"api"}, KB_DIMENSIONS="64")
    check = made(examination)["request.dimensions"]
    assert check.status == "ok"
    assert "shortened from 256 to 64" in check.message
    assert "kb brings it back to 1" in check.message
    assert 0.2 < check.detail["norm"] < 0.8
    assert examination.dimensions == 64
    outcome = examination.embed(["a"])
    assert outcome.rows is not None
    assert outcome.rows.shape == (1, 64)


def test_refused_and_ignored_dimensions_have_their_own_cures(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.faults.refuse_dimensions = True
    refused = made(examined(fake, facts={"api"}, KB_DIMENSIONS="64"))["request.dimensions"]
    equal = made(examined(fake, facts={"api"}, KB_DIMENSIONS="256"))["request.dimensions"]
    fake.faults.refuse_dimensions, fake.faults.dimensions = False, 256
    ignored = made(examined(fake, facts={"api"}, KB_DIMENSIONS="64"))["request.dimensions"]
    assert refused.status == ignored.status == "fail"
    assert """--hf-overrides '{"is_matryoshka": true}'""" in refused.hint
    assert "KB_DIMENSIONS=256" in ignored.hint
    assert equal.status == "ok"


# -- length ----------------------------------------------------------------------------------


@given(count=st.integers(1, 3000))
def test_the_code_for_a_curl_line_gives_the_very_text(count: int) -> None:
    assert eval(words_expression(count)) == words(count)
    assert len(words(count).split()) == count


def test_a_text_of_one_token_less_than_the_limit_is_taken(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.specials, fake.faults.max_words = 2, 256
    check = made(examined(fake, facts={"api"}, max_model_len=256))["request.long"]
    assert check.status == "ok"
    assert check.detail["tokens"] == 255
    assert "255 tokens (the limit is 256)" in check.message


def test_a_limit_that_nobody_told_is_learnt_from_the_refusal(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.faults.max_words, fake.tokenize = 300, False
    examination = examined(fake, facts={"api"}, max_model_len=None)
    checks = made(examination)
    assert examination.max_model_len == 300
    assert checks["request.long"].status == "ok"
    assert checks["request.too_long"].status == "ok"
    assert "the limit is 300" in checks["request.too_long"].message


@given(limit=st.integers(40, 1400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
def test_a_silent_cut_is_found_and_the_setting_named(examined: Examined, limit: int) -> None:
    with FakeEndpoint(dimensions=256, tokenize=False) as fake:
        fake.faults.cut_at = limit
        check = made(examined(fake, facts={"api"}, max_model_len=None))["request.too_long"]
    assert check.status == "warn"
    found = check.detail["tokens"]
    # The fake counts the prefix too; one part in sixteen may go unnoticed.
    assert math.isclose(found, limit, rel_tol=0.1, abs_tol=40)
    assert f"KB_MAX_INPUT_TOKENS={found}" in check.hint


def test_a_cut_beyond_what_is_sent_is_no_trouble(examined: Examined, fake: FakeEndpoint) -> None:
    fake.faults.cut_at = 500
    examination = examined(fake, facts={"api"}, max_model_len=None, KB_MAX_INPUT_TOKENS="400")
    check = made(examination)["request.too_long"]
    assert check.status == "ok"
    assert "KB_MAX_INPUT_TOKENS=400" in check.message


def test_a_slow_server_is_given_shorter_texts_unless_deep(
    examined: Examined, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.doctor.request.sizes._TOKENS_EACH", 1e-6)
    slow = made(examined(fake, facts={"api"}, max_model_len=30_000))
    deep = made(examined(fake, facts={"api"}, max_model_len=3_000, wanted=Wanted(deep=True)))
    assert slow["request.long"].detail["tokens"] == 512
    assert slow["request.too_long"].detail["tokens"] == 512
    assert deep["request.long"].detail["tokens"] == 2_999
    assert deep["request.too_long"].status == "ok"


def test_the_search_for_a_silent_cut_ends_in_time_and_never_says_too_much(
    examined: Examined, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.faults.cut_at = 700
    real = Examination.embed

    def slow(self: Examination, *given: object, **named: object) -> Outcome:
        outcome = real(self, *given, **named)
        return replace(outcome, exchange=replace(outcome.exchange, seconds=3.0))

    monkeypatch.setattr(Examination, "embed", slow)
    check = too_long(examined(fake, facts={"api"}, max_model_len=None, KB_TIMEOUT_S="10"))
    assert len(fake.embedded) == 4
    none = too_long(examined(fake, facts={"api"}, max_model_len=None, KB_TIMEOUT_S="1"))
    assert check.status == "warn"
    assert 300 < check.detail["tokens"] <= 720
    assert none.status == "skip"
    assert "kb doctor --deep" in none.message


def test_a_failure_at_a_long_text_names_the_setting(examined: Examined, fake: FakeEndpoint) -> None:
    fake.faults.poison, fake.faults.poison_status = "music", 500
    check = made(examined(fake, facts={"api"}, max_model_len=600))["request.too_long"]
    assert check.status == "warn"
    assert "KB_MAX_INPUT_TOKENS=599" in check.hint


def test_a_server_that_falls_silent_is_asked_once_more_and_then_left_alone(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeEndpoint(dimensions=32) as fake:
        real = FakeEndpoint.drawn

        def drawn(self: FakeEndpoint, text: str) -> object:
            if len(text) > 1000:
                fake.faults.hang_embeddings = True
                fake.ending.wait(5)
            return real(self, text)

        monkeypatch.setattr(FakeEndpoint, "drawn", drawn)
        examination = examined(fake, facts={"api"}, max_model_len=600, KB_TIMEOUT_S="0.5")
        checks = made(examination)
    assert list(checks)[-2:] == ["request.long", "request.alive"]
    assert "KB_TIMEOUT_S" in checks["request.long"].hint
    assert "answers nothing" in checks["request.alive"].message
    assert not {"vectors", "embedder"} & examination.facts


# -- usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "told"),
    [("words", "counts tokens"), ("characters", "counts characters"), (None, "does not say")],
)
def test_what_is_counted_is_told(
    examined: Examined, fake: FakeEndpoint, usage: str | None, told: str
) -> None:
    fake.faults.usage = usage
    check = made(examined(fake, facts={"api"}))["request.usage"]
    assert check.status == "ok"
    assert told in check.message


# -- names and lengths -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "dimensions", "told"),
    [
        ("Qwen/Qwen3-Embedding-4B", 2560, None),
        ("Qwen/Qwen3-Embedding-4B", 1024, "Qwen3-Embedding-0.6B"),
        ("qwen3-embedding:0.6b", 1024, None),
        ("Qwen3-Embedding-8B-AWQ", 2560, "Qwen3-Embedding-4B"),
        ("BAAI/bge-m3", 768, "bge-base"),
        ("intfloat/multilingual-e5-large", 1024, None),
        ("text-embedding-3-large", 1536, "text-embedding-3-small"),
        ("my-own-model", 123, None),
    ],
)
def test_a_name_and_a_length_go_together(model: str, dimensions: int, told: str | None) -> None:
    found = contradiction(model, dimensions)
    assert (found is None) == (told is None)
    if found is not None and told is not None:
        assert told in found.message


def test_each_known_model_is_found_by_its_own_name() -> None:
    for known in KNOWN:
        assert contradiction(known.name, known.dimensions) is None, known.name
        assert contradiction(known.name, 7) is not None, known.name
        assert known.name in suggestion(known.dimensions)


# -- a server that wants fewer requests ------------------------------------------------------


def test_a_server_that_asks_to_wait_is_waited_for_and_no_text_is_blamed(
    examined: Examined, fake: FakeEndpoint
) -> None:
    waits: list[float] = []
    examination = examined(fake, facts={"api"}, sleep=waits.append)
    draw = fake.draw
    turns = itertools.count()
    fake.draw = lambda: 429 if next(turns) % 2 else draw()  # type: ignore[method-assign]
    fake.faults.retry_after = "0.5"
    checks = made(examination)
    assert {check.status for check in checks.values()} <= {"ok", "skip"}
    assert checks["request.characters"].status == "ok"
    assert waits
    assert set(waits) == {0.5}


def test_a_server_that_takes_no_more_ends_the_questions(
    examined: Examined, fake: FakeEndpoint
) -> None:
    examination = examined(fake, facts={"api"}, sleep=lambda _: None)
    turns = itertools.count()
    fake.draw = lambda: 429 if next(turns) > 3 else None  # type: ignore[method-assign]
    *_, last, alive = made(examination).values()
    assert last.detail["code"] == "embed.rate_limited"
    assert alive.id == "request.alive"
    assert "takes no more (429" in alive.message
    assert "Restart" not in alive.hint
    assert not examination.facts & {"vectors", "embedder"}


def test_a_long_wait_is_told_and_not_waited_for(examined: Examined, fake: FakeEndpoint) -> None:
    waits: list[float] = []
    fake.faults.status, fake.faults.retry_after = 429, "600"
    check = made(examined(fake, facts={"api"}, sleep=waits.append))["request.smallest"]
    assert "Retry-After: 600" in check.message
    assert "Wait" in check.hint
    assert not waits


def test_vectors_that_change_each_time_are_not_blamed_on_base64(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.faults.noise = 0.5
    assert made(examined(fake, facts={"api"}))["request.base64"].status == "skip"


@pytest.mark.parametrize("kind", ["nan", "zero"])
def test_chinese_without_a_sound_vector_is_a_matter_of_precision(
    examined: Examined, fake: FakeEndpoint, kind: str
) -> None:
    fake.faults.bad_vector, fake.faults.bad_text = kind, PAIRS[0].chinese.passage
    check = made(examined(fake, facts={"api"}))["request.chinese"]
    assert check.status == "fail"
    assert "bfloat16" in check.hint

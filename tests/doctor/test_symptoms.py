"""The troubles that people report: each has its own sentence and its own cure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from kb.doctor.check import Check
from kb.doctor.examination import Examination
from kb.doctor.request import checks as requests
from kb.doctor.texts import PAIRS
from kb.doctor.vectors import checks as vectors
from kb.embed.prompts import PROMPTS
from tests.fakes.endpoint import FakeEndpoint

QWEN = "Qwen/Qwen3-Embedding-4B"
Examined = Callable[..., Examination]


class Tuned(FakeEndpoint):
    """Knows what the pairs mean, in Chinese only under the prompts it was trained with."""

    def __init__(self, prompts: str) -> None:
        super().__init__(dimensions=512, model=QWEN)
        query, passage = PROMPTS[prompts]
        self.topics: dict[str, int] = {}
        for topic, pair in enumerate(PAIRS):
            self.topics[query.replace("{text}", pair.chinese.question)] = topic
            self.topics[passage.replace("{text}", pair.chinese.passage)] = topic
            for asked, told in PROMPTS.values():
                self.topics[asked.replace("{text}", pair.english.question)] = topic
                self.topics[told.replace("{text}", pair.english.passage)] = topic

    def drawn(self, text: str) -> np.ndarray:
        topic = self.topics.get(text)
        if topic is None:
            return super().drawn(text)
        mixed = self.vector(f"topic {topic}") + 0.3 * self.vector(text)
        return (mixed / np.linalg.norm(mixed)).astype(np.float32)


def smallest(examination: Examination) -> Check:
    (check,) = requests.checks(examination)
    assert check.id == "request.smallest"
    assert check.status == "fail"
    assert check.detail["curl"].startswith("curl ")
    assert "vectors" not in examination.facts
    return check


def found(examination: Examination, name: str) -> Check:
    examination.facts.add("vectors")
    return next(check for check in vectors.checks(examination) if check.id == name)


@contextmanager
def serving(**faults: object) -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as fake:
        for name, value in faults.items():
            assert hasattr(fake.faults, name)
            setattr(fake.faults, name, value)
        yield fake


# -- (1) an empty array ----------------------------------------------------------------------


class Nothing(list[object]):
    """`[]`, which counts as a body."""

    def __bool__(self) -> bool:
        return True


EMPTY = [
    ({"object": "list", "data": []}, "`data: []`"),
    (Nothing(), "`[]`"),
    ({"embedding": []}, "`embedding: []`"),
    ({"data": [{"index": n, "embedding": []} for n in range(2)]}, "`embedding: []`"),
]


@pytest.mark.parametrize(("body", "told"), EMPTY)
def test_an_empty_array_is_named_and_the_cure_is_to_ask_without_the_proxy(
    examined: Examined, body: object, told: str
) -> None:
    with serving(status=200, body=body) as fake:
        check = smallest(examined(fake, facts={"api"}))
    assert "empty array" in check.message
    assert told in check.message
    assert "without the proxy" in check.hint
    assert "--log" in check.hint


# -- (2) 1024 or 768 in place of 2560 --------------------------------------------------------


@pytest.mark.parametrize(("given", "told"), [(1024, "Qwen3-Embedding-0.6B"), (768, "bge-base")])
def test_too_few_dimensions_name_the_model_that_runs_under_that_name(
    examined: Examined, given: int, told: str
) -> None:
    with FakeEndpoint(dimensions=given, model=QWEN) as fake:
        check = found(examined(fake, facts={"api"}), "vectors.dimension")
    assert check.status == "fail"
    assert f"{given:,} numbers and Qwen3-Embedding-4B has 2,560" in check.message
    assert told in check.message
    assert "or shortens" in check.message
    assert "vllm serve" in check.hint
    assert f"KB_DIMENSIONS={given}" in check.hint


# -- (3) parameters of generation ------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("max_length", "max_length is not supported"),
        ("temperature", "Extra inputs are not permitted: body.temperature"),
        ("max_tokens", "Unsupported parameter: 'max_tokens'"),
        ("stream", "stream: unknown field"),
        ("truncate", "this model does not support truncate"),
    ],
)
def test_a_parameter_of_generation_is_blamed_on_what_stands_between(
    examined: Examined, field: str, words: str
) -> None:
    with serving(status=400, body={"error": {"message": words}}) as fake:
        check = smallest(examined(fake, facts={"api"}))
        assert len(fake.embedded) == 1
        assert set(fake.embedded[0].body) == {"model", "input"}
    assert f"`{field}`" in check.message
    assert "kb never sends" in check.message
    assert "proxy" in check.message
    assert f"Take `{field}` out of the proxy's settings" in check.hint
    assert "--runner pooling" in check.hint


def test_a_parameter_of_generation_may_be_refused_with_500(examined: Examined) -> None:
    words = {"error": {"message": "unknown parameter n_predict"}}
    with serving(status=500, body=words) as fake:
        check = smallest(examined(fake, facts={"api"}))
    assert "`n_predict`" in check.message
    assert "kb never sends" in check.message


def test_a_proxy_that_names_itself_is_named(examined: Examined) -> None:
    words = "litellm.UnsupportedParamsError: does not support parameters: max_tokens"
    with serving(status=400, body={"error": {"message": words}}) as fake:
        check = smallest(examined(fake, facts={"api"}))
    assert "LiteLLM, which stands between," in check.message


# -- (4) 404 ---------------------------------------------------------------------------------


def test_a_wrong_path_a_wrong_model_and_a_chat_model_are_told_apart(examined: Examined) -> None:
    with FakeEndpoint(models=()) as fake:
        path = smallest(examined(f"http://127.0.0.1:{fake.port}/v2", model="m", facts={"api"}))
    with FakeEndpoint() as fake:
        model = smallest(examined(fake, facts={"api"}, model="another"))
    with FakeEndpoint(generate_only=True) as fake:
        chat = smallest(examined(fake, facts={"api"}))
    assert "There is nothing at" in path.message
    assert "ends in /v1" in path.hint
    assert path.detail["code"] == "embed.wrong_path"
    assert "does not serve the model 'another'" in model.message
    assert "KB_MODEL" in model.hint
    assert "generate text" in chat.message
    assert "--runner pooling" in chat.hint


# -- (5) 400 invalid input -------------------------------------------------------------------


def test_where_only_a_bare_string_is_taken_it_is_said(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    def malformed(body: dict[str, object]) -> str | None:
        return None if isinstance(body["input"], str) else "input: a valid string is needed"

    monkeypatch.setattr("tests.fakes.endpoint._malformed", malformed)
    with FakeEndpoint() as fake:
        check = smallest(examined(fake, facts={"api"}))
    assert "refuses a list of texts" in check.message
    assert "a valid string is needed" in check.message
    assert check.message.endswith("it takes a bare string.")
    assert "OpenAI-compatible address" in check.hint


def test_where_one_text_is_taken_and_two_are_not_it_is_said(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tests.fakes.endpoint._malformed",
        lambda body: None if len(body["input"]) == 1 else "one at a time, please",
    )
    with FakeEndpoint() as fake:
        check = smallest(examined(fake, facts={"api"}))
    assert check.message.endswith("it takes a list of one short text.")
    assert "limit of texts" in check.hint


def test_where_no_form_of_input_is_taken_all_were_tried(examined: Examined) -> None:
    with serving(status=422, body={"detail": "no such input"}) as fake:
        check = smallest(examined(fake, facts={"api"}))
        forms = [request.body["input"] for request in fake.embedded]
    assert "invalid" not in check.message
    assert "refuses a list of texts as input, and a string and objects too" in check.message
    assert [type(form[0] if isinstance(form, list) else form) for form in forms] == [
        str,
        str,
        str,
        str,
        dict,
    ]
    assert "list of strings" in check.hint


# -- (6) 500 ---------------------------------------------------------------------------------


def test_a_500_for_everything_a_dead_engine_and_nan_are_told_apart(examined: Examined) -> None:
    with serving(status=500, body={"error": {"message": "boom"}}) as fake:
        always = smallest(examined(fake, facts={"api"}))
    with serving(status=500, health=503) as fake:
        dead = smallest(examined(fake, facts={"api"}))
    with serving(status=500, body={"error": "Out of range float values: nan"}) as fake:
        nan = smallest(examined(fake, facts={"api"}))
    with serving(status=500, times=1) as fake:
        text = smallest(examined(fake, facts={"api"}))
    with serving(status=502) as fake:
        gateway = smallest(examined(fake, facts={"api"}))
    assert "fails with 500 whatever it is asked" in always.message
    assert "boom" in always.message
    assert "kb doctor --log" in always.hint
    assert "its engine has died" in dead.message
    assert dead.hint.startswith("Restart the server")
    assert "(NaN)" in nan.message
    assert "--dtype bfloat16" in nan.hint
    assert "embeds one letter" in text.message
    assert "`-ub`" in text.hint
    assert "A gateway answers 502" in gateway.message
    assert len({check.hint for check in (always, dead, nan, text, gateway)}) == 5


# -- (7) stuck -------------------------------------------------------------------------------


def stuck(examined: Examined, monkeypatch: pytest.MonkeyPatch, load: float) -> Check:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    with serving(hang_embeddings=True) as fake:
        return smallest(examined(fake, facts={"api"}, KB_TIMEOUT_S="0.3"))


def test_a_stuck_engine_beside_a_busy_cpu_is_not_one_beside_an_idle_cpu(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = stuck(examined, monkeypatch, 400.0)
    idle = stuck(examined, monkeypatch, 0.0)
    assert busy.detail["code"] == idle.detail["code"] == "embed.timeout"
    assert "load 400.0" in busy.message
    assert "runs on the CPU" in busy.message
    assert "the engine hangs" in idle.message
    for check in (busy, idle):
        assert check.message.startswith("Stuck: no vector within")
        assert "nvidia-smi" in check.hint
        assert "--log" in check.hint


def test_a_server_that_answers_nothing_at_all_is_not_called_stuck(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Examination, "get", lambda self, url: self.embed(["a"]).exchange)
    with serving(hang_embeddings=True) as fake:
        check = smallest(examined(fake, facts={"api"}, KB_TIMEOUT_S="0.3"))
    assert "/models answers no more either" in check.message


# -- (8) poor results for want of prefixes ---------------------------------------------------


@pytest.mark.parametrize(("mine", "better"), [("none", "qwen3"), ("e5", "qwen3"), ("none", "e5")])
def test_poor_chinese_results_for_want_of_prefixes_name_the_setting(
    examined: Examined, mine: str, better: str
) -> None:
    with Tuned(better) as fake:
        check = found(examined(fake, facts={"api"}, KB_PROMPTS=mine), "vectors.prefixes")
    assert check.status == "warn"
    assert check.message.startswith("Poor Chinese results for want of prefixes")
    assert f"KB_PROMPTS={better}" in check.hint
    assert "kb doctor --prompts" in check.hint


@pytest.mark.parametrize("prompts", list(PROMPTS))
def test_under_the_prompts_it_was_trained_with_nothing_is_said(
    examined: Examined, prompts: str
) -> None:
    with Tuned(prompts) as fake:
        check = found(examined(fake, facts={"api"}, KB_PROMPTS=prompts), "vectors.prefixes")
    assert check.status == "ok"


# -- all of them -----------------------------------------------------------------------------


def test_all_eight_have_their_own_sentence_and_their_own_cure(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(words: str, status: int = 400) -> Check:
        with serving(status=status, body={"error": {"message": words}}) as fake:
            return smallest(examined(fake, facts={"api"}))

    with serving(empty=True) as fake:
        empty = smallest(examined(fake, facts={"api"}))
    with FakeEndpoint(dimensions=1024, model=QWEN) as fake:
        short = found(examined(fake, facts={"api"}), "vectors.dimension")
    with FakeEndpoint(generate_only=True) as fake:
        nowhere = smallest(examined(fake, facts={"api"}))
    with Tuned("qwen3") as fake:
        poor = found(examined(fake, facts={"api"}, KB_PROMPTS="none"), "vectors.prefixes")
    eight = [
        empty,
        short,
        refused("max_length is not supported"),
        nowhere,
        refused("invalid input"),
        refused("boom", 500),
        stuck(examined, monkeypatch, 0.0),
        poor,
    ]
    assert len({check.message for check in eight}) == 8
    assert len({check.hint for check in eight}) == 8
    assert [check.status for check in eight] == ["fail"] * 7 + ["warn"]


# -- answers that only look like vectors -----------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "told", "cure"),
    [
        ({"html": True}, "/embeddings is answered with a web page (200)", "server behind it"),
        ({"truncated": True}, "is not JSON, or was cut off (", "a proxy between cuts it"),
        ({"same_index": True}, "`index` numbers", "one `index` for each text"),
        ({"drop": 1}, "with 1 vector for 2 texts", "Update or replace the server"),
    ],
)
def test_what_comes_in_place_of_vectors_is_not_blamed_on_the_address(
    examined: Examined, faults: dict[str, object], told: str, cure: str
) -> None:
    with serving(**faults) as fake:
        check = smallest(examined(fake, facts={"api"}))
    assert told in check.message
    assert cure in check.hint
    assert "chat program" not in check.hint


def test_a_prefix_that_is_refused_is_told_from_a_limit_of_texts(examined: Examined) -> None:
    with serving(poison="passage:") as fake:
        check = smallest(examined(fake, facts={"api"}))
    assert check.message.endswith("it takes a list of two texts without the prefixes.")
    assert "KB_PROMPTS=none" in check.hint


def test_a_model_is_not_said_to_know_no_chinese_where_the_prefixes_are_wrong(
    examined: Examined,
) -> None:
    with Tuned("qwen3") as fake:
        check = found(examined(fake, facts={"api"}, KB_PROMPTS="none"), "vectors.chinese")
    assert check.status == "warn"
    assert "does not know" not in check.message
    assert check.hint == "Set KB_PROMPTS=qwen3."

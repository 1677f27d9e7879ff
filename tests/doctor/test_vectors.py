"""What is wrong with vectors, one fault at a time; and what a model understands."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from kb.doctor.check import Check
from kb.doctor.examination import Examination
from kb.doctor.texts import PAIRS
from kb.doctor.vectors import checks as vectors
from tests.fakes.endpoint import FakeEndpoint
from tests.fakes.reader import Reader

Examined = Callable[..., Examination]
FORM = [
    "vectors.dimension",
    "vectors.norm",
    "vectors.finite",
    "vectors.repeat",
    "vectors.batch",
    "vectors.order",
    "vectors.spread",
]
MEANING = ["vectors.english", "vectors.chinese", "vectors.cross", "vectors.prefixes"]


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader("english", "chinese") as server:
        yield server


def made(examination: Examination) -> dict[str, Check]:
    examination.facts |= {"api", "vectors", "embedder"}
    checks = list(vectors.checks(examination))
    assert len({check.id for check in checks}) == len(checks)
    return {check.id: check for check in checks}


def statuses(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.status for name, check in checks.items() if check.status != "ok"}


def test_a_model_that_understands_passes_every_check_in_few_requests(
    examined: Examined, reader: Reader
) -> None:
    checks = made(examined(reader))
    assert list(checks) == FORM + MEANING
    assert statuses(checks) == {}
    assert checks["vectors.cross"].detail["right"] == 16
    assert len(reader.embedded) <= 12
    assert max(len(request.body["input"]) for request in reader.embedded) <= 32


# -- form ------------------------------------------------------------------------------------


def test_vectors_of_any_length_are_brought_to_one(examined: Examined, reader: Reader) -> None:
    reader.faults.scale = 4.5
    checks = made(examined(reader))
    assert statuses(checks) == {}
    assert "from 4.50 to 4.50: kb brings them to 1" in checks["vectors.norm"].message


@pytest.mark.parametrize("kind", ["nan", "inf", "zero"])
@pytest.mark.parametrize(("text", "told"), [("", "11 of 11"), ("import os", "1 of 11")])
def test_vectors_that_hold_no_direction_are_a_failure(
    examined: Examined, reader: Reader, kind: str, text: str, told: str
) -> None:
    reader.faults.bad_vector, reader.faults.bad_text = kind, text
    checks = made(examined(reader))
    assert list(checks)[-1] == ("vectors.prefixes" if text else "vectors.finite")
    assert checks["vectors.finite"].status == "fail"
    assert checks["vectors.finite"].message.startswith(told)
    assert "--dtype bfloat16" in checks["vectors.finite"].hint


@pytest.mark.parametrize(("noise", "status"), [(0.01, "ok"), (0.06, "warn"), (0.5, "fail")])
def test_the_same_text_with_another_vector_is_judged_by_its_distance(
    examined: Examined, reader: Reader, noise: float, status: str
) -> None:
    # Two vectors, each so far from the right one, have a cosine of about 1 - noise ** 2.
    reader.faults.noise = noise
    real = FakeEndpoint.drawn

    def drawn(text: str) -> np.ndarray:
        return real(reader, text)

    reader.drawn = drawn  # type: ignore[method-assign]
    checks = made(examined(reader))
    assert checks["vectors.repeat"].status == status
    assert checks["vectors.batch"].status == status


def test_a_text_that_changes_among_others_is_a_failure(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Reader.drawn

    def drawn(self: Reader, text: str) -> np.ndarray:
        crowd = len(self.embedded[-1].body["input"]) > 1
        return real(self, text) + np.float32(0.3 if crowd else 0) * self.vector("padding")

    monkeypatch.setattr(Reader, "drawn", drawn)
    with Reader("english", "chinese") as server:
        checks = made(examined(server))
    assert checks["vectors.repeat"].status == "ok"
    assert checks["vectors.batch"].status == "fail"
    assert "Update the server" in checks["vectors.batch"].hint


def test_another_order_is_a_failure(
    examined: Examined, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that sorts by length and forgets to sort back, numbering as it goes."""
    real = Reader.drawn
    place = [0]

    def drawn(self: Reader, text: str) -> np.ndarray:
        texts = self.embedded[-1].body["input"]
        text = sorted(texts, key=len)[texts.index(text)]
        place[0] += 1
        return real(self, text)

    monkeypatch.setattr(Reader, "drawn", drawn)
    check = made(examined(reader))["vectors.order"]
    assert place[0] > 8
    assert check.status == "fail"
    assert "another order" in check.message


def test_an_order_told_by_the_index_is_no_trouble(examined: Examined, reader: Reader) -> None:
    reader.faults.shuffle = True
    assert statuses(made(examined(reader))) == {}


def test_vectors_that_are_all_alike_are_a_failure(examined: Examined, fake: FakeEndpoint) -> None:
    fake.faults.alike = True
    checks = made(examined(fake))
    assert list(checks) == FORM
    assert checks["vectors.spread"].status == "fail"
    assert "untrained, or its pooling is wrong" in checks["vectors.spread"].message
    assert "--pooling last" in checks["vectors.spread"].hint


def test_a_length_other_than_the_configured_one_is_a_failure(
    examined: Examined, reader: Reader
) -> None:
    check = made(examined(reader, KB_DIMENSIONS="640"))["vectors.dimension"]
    assert check.status == "fail"
    assert "KB_DIMENSIONS says 640 and vectors have 512 numbers" in check.message
    assert "KB_DIMENSIONS=512" in check.hint


# -- meaning ---------------------------------------------------------------------------------


def test_a_model_that_knows_only_english_is_a_warning_and_not_a_failure(
    examined: Examined,
) -> None:
    with Reader("english") as server:
        server.topics |= {pair.chinese.question: "Chinese" for pair in PAIRS}
        checks = made(examined(server))
    assert checks["vectors.english"].status == "ok"
    assert checks["vectors.chinese"].status == "warn"
    assert checks["vectors.cross"].status == "skip"
    assert "fail" not in statuses(checks).values()
    sentence = "This model does not know Chinese: kb finds Chinese passages by their words"
    assert checks["vectors.chinese"].message.startswith(sentence)


def test_a_model_that_knows_only_chinese_is_a_warning_too(examined: Examined) -> None:
    with Reader("chinese") as server:
        checks = made(examined(server))
    assert statuses(checks) == {"vectors.english": "warn", "vectors.cross": "skip"}


def test_two_languages_that_do_not_meet_are_a_warning(examined: Examined) -> None:
    with Reader("english", "chinese", across=False) as server:
        checks = made(examined(server))
    assert statuses(checks) == {"vectors.cross": "warn"}
    assert "language of the documents" in checks["vectors.cross"].hint


def test_random_weights_are_a_failure(examined: Examined) -> None:
    with Reader("english", "chinese") as server:
        texts = list(server.topics)
        server.topics = {text: f"number {place}" for place, text in enumerate(texts)}
        checks = made(examined(server))
    assert list(checks)[-1] == "vectors.english"
    assert checks["vectors.english"].status == "fail"
    assert "carry no meaning" in checks["vectors.english"].message
    assert "--pooling last" in checks["vectors.english"].hint


# -- trouble on the way ----------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 4, 5, 6, 7])
def test_a_server_that_dies_meanwhile_ends_the_group_with_one_failure(
    examined: Examined, reader: Reader, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real = Reader.drawn

    def drawn(self: Reader, text: str) -> np.ndarray:
        if len(self.embedded) > after:
            self.faults.reset = True
        return real(self, text)

    monkeypatch.setattr(Reader, "drawn", drawn)
    examination = examined(reader)
    checks = list(made(examination).values())
    assert [check.status for check in checks[-2:]] == ["fail", "fail"]
    assert checks[-1].id == "vectors.alive"
    assert "fail" not in {check.status for check in checks[:-2]}
    assert "vectors" not in examination.facts


def test_a_slow_server_is_not_asked_for_other_prompts(
    examined: Examined, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.doctor.vectors.meaning._SLOW_S", 0.0)
    checks = made(examined(reader))
    assert statuses(checks) == {"vectors.prefixes": "skip"}
    assert "kb doctor --prompts" in checks["vectors.prefixes"].message


def test_the_pairs_are_whole_and_in_their_language() -> None:
    for pair in PAIRS:
        for wording in (pair.english, pair.chinese):
            chinese = wording is pair.chinese
            for text in (wording.question, wording.passage):
                assert text.isascii() != chinese
                assert any("一" <= letter <= "鿿" for letter in text) == chinese


def test_vectors_in_another_order_are_the_first_thing_told(
    examined: Examined, reader: Reader
) -> None:
    reader.faults.shuffle = reader.faults.no_index = True
    failures = [check.id for check in made(examined(reader)).values() if check.status == "fail"]
    assert failures == ["vectors.order"]


def test_where_no_vector_is_finite_their_length_is_not_called_good(
    examined: Examined, reader: Reader
) -> None:
    reader.faults.bad_vector = "nan"
    checks = made(examined(reader))
    assert checks["vectors.norm"].status == "skip"
    assert checks["vectors.finite"].status == "fail"

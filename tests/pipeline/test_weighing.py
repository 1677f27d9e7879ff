"""How much meaning counts beside words: measured for a new endpoint model, and kept with it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.status import weight_of
from kb.embed.canary import TEXTS
from kb.model import USUAL_WEIGHT, Profile
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import ingest
from kb.pipeline.observe import Silent
from kb.pipeline.reindex import reindex
from kb.pipeline.search import search
from kb.pipeline.weigh_probes import MOST, probes, thinned
from kb.pipeline.weighing import GRID, LEAST, chosen
from kb.store import verify_store
from tests.fakes.endpoint import FakeEndpoint

MEASURING = "Measuring how much meaning is to count beside words."


class Heard(Silent):
    """Keeps what is said; `then` is called when something is said that begins with `at`."""

    def __init__(self, at: str = "", then=lambda: None) -> None:
        self.said: list[str] = []
        self._at, self._then = at, then

    def say(self, sentence: str) -> None:
        self.said.append(sentence)
        if self._at and sentence.startswith(self._at):
            self._then()


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(dimensions=256) as endpoint:
        yield endpoint


def document(number: int) -> str:
    """Six sections of words that few other documents have, the same ones each time."""
    chance = random.Random(number)
    sections = []
    for part in range(6):
        words = [f"w{chance.randrange(400)}" for _ in range(60)]
        lines = [" ".join(words[at : at + 10]).capitalize() + "." for at in range(0, 60, 10)]
        sections.append(f"## Section {number} {part}\n\n" + "\n".join(lines))
    return "\n\n".join([f"# Document {number}", *sections])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf")
    for number in range(18):
        (folder / f"{number:03}.md").write_text(document(number), encoding="utf-8")
    return folder


def base_at(fake: FakeEndpoint, home: Path, shelf: Path, **environ: str) -> KnowledgeBase:
    settings = {"KB_BASE_URL": fake.base_url, "KB_MAX_RETRIES": "0", "KB_TIMEOUT_S": "5"}
    return locate(home / ".kb", environ=settings | environ, cwd=shelf)


def profile_of(base: KnowledgeBase) -> Profile:
    with base.snapshot() as snapshot:
        assert snapshot.profile is not None
        return snapshot.profile


def questions(fake: FakeEndpoint, after: int = 0) -> list[str]:
    """Give the texts that were sent as questions, canaries left out."""
    sent = [text for text in fake.texts[after:] if text.startswith("query: ")]
    return [text for text in sent if text.removeprefix("query: ") not in TEXTS]


# -- the choice --------------------------------------------------------------------------------

HOME = GRID.index(USUAL_WEIGHT)


@given(st.integers(0, 2**32), st.integers(12, 100))
def test_noise_does_not_move_the_weight_often(seed: int, number: int) -> None:
    marks = np.random.default_rng(seed).random((number, len(GRID)), np.float32)
    marks[:, HOME] = marks.max(axis=1)
    assert chosen(marks) == USUAL_WEIGHT
    same = np.repeat(marks[:, :1], len(GRID), axis=1)
    assert chosen(same) == USUAL_WEIGHT


@given(st.sampled_from(GRID), st.integers(20, 100))
def test_what_is_clearly_best_is_chosen(best: float, number: int) -> None:
    marks = np.array([[1 - abs(best - each) for each in GRID]] * number, np.float32)
    assert abs(chosen(marks) - best) <= 0.2
    assert (chosen(marks) - USUAL_WEIGHT) * (best - USUAL_WEIGHT) >= 0


def test_what_chance_may_explain_moves_nothing() -> None:
    marks = np.full((40, len(GRID)), 0.5, np.float32)
    marks[:12, 0], marks[12:20, 0] = 1.0, 0.1
    assert marks[:, 0].mean() > marks[:, HOME].mean() + 0.05, "the best, but not clearly"
    assert chosen(marks) == USUAL_WEIGHT


# -- the texts --------------------------------------------------------------------------------


@given(st.text(max_size=60), st.floats(0, 1), st.integers(0, 9))
def test_a_text_loses_words_and_gains_none(text: str, lost: float, seed: int) -> None:
    whole = thinned(text, 0.0, random.Random(seed)).split(" ")
    left = thinned(text, lost, random.Random(seed)).split(" ")
    assert not Counter(left) - Counter(whole)
    assert bool(whole[0]) == bool(left[0])


def check_probes(base: KnowledgeBase) -> None:
    store = base.open()
    made = probes(store)
    assert made == probes(store)
    assert LEAST < len(made) <= MOST
    with store.snapshot() as snapshot:
        for probe in made:
            found = snapshot.document(probe.answer.path)
            assert found is not None
            there = found.document.text[probe.answer.start : probe.answer.end].split()
            assert {word.strip(".").lower() for word in there} >= {
                word.lower() for word in probe.embedded.split()
            }
            assert all(set(each.split()) <= set(probe.embedded.split()) for each in probe.worded)
    store.close()


# -- an ingest ---------------------------------------------------------------------------------


def test_a_new_model_is_weighed_once(fake, shelf, tmp_path) -> None:
    base, heard = base_at(fake, tmp_path, shelf), Heard()
    report = ingest(base, [shelf], observer=heard)
    assert report.status == "ok"
    assert MEASURING in heard.said
    assert LEAST <= len(questions(fake)) <= MOST
    profile = profile_of(base)
    assert profile.weighed == len(questions(fake))
    assert profile.dense_weight in GRID
    assert report.profile == profile == search(base, "w1 w2").profile
    assert [each for each in verify_store(base.home) if not each.ok] == []
    check_probes(base)

    before = len(fake.texts)
    (tmp_path / "more.md").write_text(document(500), encoding="utf-8")
    ingest(base, [tmp_path / "more.md"])
    assert not questions(fake, before)
    assert profile_of(base) == profile


def test_a_model_that_sees_no_difference_counts_less_than_one_that_does(
    fake, shelf, tmp_path
) -> None:
    good = base_at(fake, tmp_path / "good", shelf)
    ingest(good, [shelf])
    fake.faults.alike = True
    bad = base_at(fake, tmp_path / "bad", shelf)
    ingest(bad, [shelf])
    assert profile_of(good).dense_weight >= USUAL_WEIGHT
    assert profile_of(bad).dense_weight < USUAL_WEIGHT


def test_few_passages_are_not_weighed(fake, tmp_path) -> None:
    (tmp_path / "one.md").write_text(document(1), encoding="utf-8")
    base, heard = base_at(fake, tmp_path, tmp_path), Heard()
    ingest(base, [tmp_path / "one.md"], observer=heard)
    assert not questions(fake)
    assert MEASURING not in heard.said
    assert (profile_of(base).dense_weight, profile_of(base).weighed) == (USUAL_WEIGHT, 0)


def test_an_endpoint_that_goes_away_fails_nothing_and_is_asked_later(fake, shelf, tmp_path) -> None:
    def go_away() -> None:
        fake.faults.status = 503

    base, heard = base_at(fake, tmp_path, shelf), Heard(MEASURING, go_away)
    report = ingest(base, [shelf], observer=heard)
    assert (report.status, report.error, report.exit_code) == ("ok", None, 0)
    assert any("could not be measured" in each for each in heard.said)
    assert profile_of(base).weighed == 0

    fake.faults.status = None
    (tmp_path / "more.md").write_text(document(500), encoding="utf-8")
    ingest(base, [tmp_path / "more.md"])
    assert profile_of(base).weighed >= LEAST


def test_the_builtin_model_is_not_weighed(shelf, tmp_path) -> None:
    heard = Heard()
    base = locate(tmp_path / ".kb", environ={}, cwd=shelf)
    ingest(base, [shelf], observer=heard)
    assert MEASURING not in heard.said
    assert profile_of(base).weighed == 0


# -- a reindex ---------------------------------------------------------------------------------


def test_a_reindex_onto_another_model_weighs_it(fake, shelf, tmp_path) -> None:
    home = tmp_path / ".kb"
    ingest(locate(home, environ={}, cwd=shelf), [shelf])
    heard = Heard()
    outcome = reindex(base_at(fake, tmp_path, shelf), observer=heard)
    assert outcome.check is not None
    weighed = {each.model: each.weighed for each in profiles(base_at(fake, tmp_path, shelf))}
    assert weighed[fake.model] >= LEAST
    assert any("short texts more" in each for each in heard.said)


def profiles(base: KnowledgeBase) -> list[Profile]:
    with base.snapshot() as snapshot:
        return [each.profile for each in snapshot.generations() if each.profile is not None]


# -- what it is --------------------------------------------------------------------------------

PROFILE = Profile(
    provider="endpoint", model="m", dimensions=4, query_template="{text}", passage_template="{text}"
)


@given(st.floats(0, 1), st.integers(0, 1000))
def test_a_weight_makes_vectors_no_others(weight: float, questions: int) -> None:
    other = replace(PROFILE, dense_weight=weight, weighed=questions)
    assert (other.digest, other.identity) == (PROFILE.digest, PROFILE.identity)
    assert Profile.from_json(other.as_json()) == other


def test_a_profile_that_was_written_before_is_read() -> None:
    written = PROFILE.as_json()
    del written["weighed"]
    assert Profile.from_json(written) == PROFILE


def test_status_says_who_set_the_weight() -> None:
    assert weight_of(PROFILE) == "50 %, as is usual"
    assert "measured with 90 texts of your own" in weight_of(
        replace(PROFILE, dense_weight=0.3, weighed=90)
    )
    assert weight_of(replace(PROFILE, provider="builtin")) == "50 %, measured for it"

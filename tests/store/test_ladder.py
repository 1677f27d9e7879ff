"""Compact segments: exact scores, honest recall, and nothing seen that should not be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.store_data import Cloud
from kb.model import Filter, Profile
from kb.store import open_store
from kb.store.local import calibrate, dense, ladder, rotation, tiers
from kb.store.local.ladder import LEADING, ROTATED, Shape
from kb.store.local.segments import listed
from kb.store.local.writer import LocalWriter
from tests.conftest import REPOSITORY
from tests.store import crashing, invariants
from tests.store.builders import draft, texts_of, unit, vector_of
from tests.store.conformance import StoreConformance

WIDE = 256
PROFILE = Profile(
    provider="endpoint",
    model="toy",
    dimensions=WIDE,
    query_template="{text}",
    passage_template="{text}",
)
#: A run of the crash test whose segments are compact.
CRASHING = """
import sys
from pathlib import Path
from kb.store.local import ladder, tiers
from tests.store import crashing
tiers.SMALLEST, ladder.EXACT, ladder.WIDTHS = 8, 0, (4, 8)
crashing.work(Path(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def _compact(monkeypatch):
    """Every segment is compact, however small, and narrow enough to miss something."""
    monkeypatch.setattr(ladder, "EXACT", 0)
    monkeypatch.setattr(ladder, "WIDTHS", (128,))
    monkeypatch.setattr(ladder, "CANDIDATES", (40, 80))
    monkeypatch.setattr(tiers, "SMALLEST", 8)


def cloud(*, matryoshka: bool = True, count: int = 3000) -> Cloud:
    return Cloud(count=count, dimensions=WIDE, matryoshka=matryoshka)


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def add(writer, path: str, numbers, vectors, **options) -> None:
    """Store a document whose passages are these numbers."""
    writer.pin(PROFILE)
    keys = [key(number) for number in numbers]
    writer.add_vectors(keys, vectors)
    writer.put(draft(path, [f"t{number}" for number in numbers], keys=keys, **options))


def fill(store, vectors, *, document: int = 500, refresh: bool = True) -> None:
    with store.writer("test") as writer:
        for at in range(0, len(vectors), document):
            some = vectors[at : at + document]
            add(writer, f"{at}.txt", range(at, at + len(some)), some)
        if refresh:
            writer.refresh_index()


def shapes(store) -> list[Shape]:
    with store.snapshot() as snapshot:
        return [segment.shape for segment in listed(snapshot._database, 1)]


def numbers_of(snapshot, hits) -> list[int]:
    return [int(text[1:]) for text in texts_of(snapshot, hits)]


def exact_scores(vectors, question) -> np.ndarray:
    return (vectors.astype(np.float16).astype(np.float64) * question).sum(axis=1)


def checked_recall(snapshot, vectors, alive, question, *, within=None) -> float:
    """Assert what must hold of every answer; give which part of the ten nearest it has."""
    hits = snapshot.nearest(question, top_k=10, **({"within": within} if within else {}))
    numbers = numbers_of(snapshot, hits)
    scores = exact_scores(vectors, question.astype(np.float64))
    assert len(numbers) == len(set(numbers)) == min(10, len(alive))
    assert set(numbers) <= set(alive)
    np.testing.assert_allclose([score for _, score in hits], scores[numbers], atol=1e-12)
    assert all(one[1] > two[1] or one < two for one, two in pairwise(hits))
    best = sorted(alive, key=lambda number: -scores[number])[:10]
    return len(set(best) & set(numbers)) / max(len(best), 1)


@pytest.mark.parametrize(("matryoshka", "kind"), [(True, LEADING), (False, ROTATED)])
def test_questions_from_outside_find_what_the_figure_says(store, matryoshka, kind):
    made = cloud(matryoshka=matryoshka)
    vectors = made.block(0, made.count)
    fill(store, vectors)
    (shape,) = shapes(store)
    assert shape.kind == kind
    assert shape.width < WIDE
    assert calibrate.GOAL <= shape.recall <= 1
    assert shape.candidates in ladder.CANDIDATES
    with store.snapshot() as snapshot:
        alive = range(made.count)
        found = [checked_recall(snapshot, vectors, alive, q) for q in made.questions(60)]
    assert np.mean(found) >= calibrate.GOAL


def test_where_no_direction_says_more_all_are_kept(store):
    noise = unit(np.random.default_rng(3).standard_normal((2000, WIDE)))
    fill(store, noise)
    (shape,) = shapes(store)
    assert (shape.kind, shape.width, shape.candidates) == (LEADING, WIDE, 40)
    assert shape.recall >= calibrate.GOAL
    with store.snapshot() as snapshot:
        found = [checked_recall(snapshot, noise, range(2000), q) for q in -noise[:20]]
    assert np.mean(found) >= calibrate.GOAL


def test_the_figure_is_what_is_lost_when_too_little_is_tried(store, monkeypatch):
    """The measurement must be able to fail: one candidate finds one in ten."""
    monkeypatch.setattr(ladder, "CANDIDATES", (1,))
    fill(store, cloud(count=1000).block(0, 1000))
    (shape,) = shapes(store)
    assert shape.width == WIDE
    assert 0.05 < shape.recall <= 0.1
    with store.snapshot() as snapshot:
        facts = snapshot.summary().index
    assert (facts["kind"], facts["recall"]) == ("compact", pytest.approx(shape.recall))


def test_all_candidates_are_ranked_by_their_exact_scores(store, monkeypatch):
    """In so few dimensions the true nearest stand far down among the candidates."""
    monkeypatch.setattr(ladder, "WIDTHS", (24,))
    monkeypatch.setattr(ladder, "CANDIDATES", (600,))
    monkeypatch.setattr(calibrate, "GOAL", 0)
    monkeypatch.setattr(calibrate, "_PROMISING", 0)
    made = cloud(count=2000)
    vectors = made.block(0, 2000)
    fill(store, vectors)
    (shape,) = shapes(store)
    assert (shape.width, shape.candidates) == (24, 600)
    with store.snapshot() as snapshot:
        found = [checked_recall(snapshot, vectors, range(2000), q) for q in made.questions(40)]
    assert np.mean(found) >= 0.97


def test_lists_are_probed_until_enough_is_found(store, monkeypatch):
    monkeypatch.setattr(ladder, "SCANNED", 0)
    monkeypatch.setattr(dense, "FEW", 0)
    made = cloud()
    vectors = made.block(0, made.count)
    fill(store, vectors)
    (shape,) = shapes(store)
    assert shape.lists == ladder.lists_for(made.count, shape.width) > shape.probes > 0
    assert shape.recall >= calibrate.GOAL
    with store.snapshot() as snapshot:
        questions = made.questions(40)
        found = [checked_recall(snapshot, vectors, range(made.count), q) for q in questions]
        assert np.mean(found) >= calibrate.GOAL
        # The filter's vectors may all lie in lists that are far from the question.
        one = Filter(path="500.txt")
        inside = [
            checked_recall(snapshot, vectors, range(500, 1000), q, within=one) for q in questions
        ]
        assert np.mean(inside) >= calibrate.GOAL
        assert len(snapshot.nearest(questions[0], top_k=3000)) == 3000


def test_an_exact_segment_that_has_grown_too_large_is_built_anew(store, home, monkeypatch):
    made = cloud(count=1000)
    vectors = made.block(0, 1000)
    with monkeypatch.context() as patch:
        patch.setattr(ladder, "EXACT", 1 << 30)
        fill(store, vectors)
        assert [shape.is_exact for shape in shapes(store)] == [True]
        with store.snapshot() as snapshot:
            before = snapshot.nearest(vectors[7], top_k=10)
    with open_store(home).writer("test") as writer:
        writer.refresh_index()
    assert [shape.is_exact for shape in shapes(store)] == [False]
    with open_store(home).snapshot() as snapshot:
        assert snapshot.nearest(vectors[7], top_k=10) == before
    invariants.check(home, swept=True)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 9)),
        st.tuples(st.just("remove"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("refresh"), st.just(0), st.just(0)),
    ),
    min_size=3,
    max_size=14,
)


def carried_out(store, steps, vectors) -> dict[str, list[int]]:
    """Do the steps, with a last refresh; give which numbers stand in which document."""
    alive: dict[str, list[int]] = {}
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        for what, document, part in steps:
            path = f"d{document}.txt"
            if what == "put":
                alive[path] = list(range(100 * part, 100 * part + 100))
                some = vectors[alive[path]]
                add(writer, path, alive[path], some, collection="xy"[document % 2])
            elif what == "remove":
                writer.remove([path])
                alive.pop(path, None)
            else:
                writer.refresh_index()
        writer.refresh_index()
    return alive


@settings(max_examples=25)
@given(steps=steps, few=st.sampled_from([0, 4096]), lists=st.booleans())
def test_puts_removals_reruns_and_merges_keep_answers_right(steps, few, lists):
    made = cloud(count=1000)
    vectors = made.block(0, 1000)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(dense, "FEW", few)
        patch.setattr(ladder, "SCANNED", 0 if lists else 1 << 30)
        store = open_store(Path(folder), create=True)
        alive = carried_out(store, steps, vectors)
        invariants.check(Path(folder), swept=True)
        everything = sorted({number for numbers in alive.values() for number in numbers})
        of_x = {n for path, numbers in alive.items() if path[1] in "024" for n in numbers}
        found = []
        with store.snapshot() as snapshot:
            for question in made.questions(8):
                # One vector may serve several passages; each has its own place in the answer.
                hits = snapshot.nearest(question, top_k=1000)
                numbers = list(dict.fromkeys(numbers_of(snapshot, hits)))
                assert len(hits) == sum(map(len, alive.values()))
                assert set(numbers) == set(everything)
                scores = exact_scores(vectors, question.astype(np.float64))
                true = sorted(of_x, key=lambda n: -scores[n])[:10]
                inside = snapshot.nearest(question, top_k=30, within=Filter(collection="x"))
                numbers = list(dict.fromkeys(numbers_of(snapshot, inside)))
                assert set(numbers) <= of_x
                assert bool(numbers) == bool(of_x)
                found.append(len(set(numbers) & set(true)) / len(true) if true else 1.0)
        assert np.mean(found) >= calibrate.GOAL


@pytest.mark.parametrize(
    "step", ["segment.measured", "segment.written", "segment.renamed", "segment.named"]
)
def test_a_kill_while_a_compact_segment_is_made_costs_nothing(home, step, monkeypatch):
    monkeypatch.setattr(ladder, "WIDTHS", (4, 8))
    crashing.prepare(home)
    done = subprocess.run(
        [sys.executable, "-c", CRASHING, str(home)],
        cwd=REPOSITORY,
        env={**os.environ, "KB_TEST_KILL_AT": step},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    store = open_store(home)
    invariants.check(home)
    with store.snapshot() as snapshot:
        hits = snapshot.nearest(vector_of(crashing.AFTER[3]), top_k=1)
        assert texts_of(snapshot, hits) == [crashing.AFTER[3]]
    crashing.work(home)
    invariants.check(home, swept=True)
    assert {shape.is_exact for shape in shapes(store)} == {False}
    with store.snapshot() as snapshot:
        assert len(snapshot.nearest(vector_of("new 1 3"), top_k=99)) == 14 + 1 + 30


class TestCompactStore(StoreConformance):
    """The suite of every engine, where each put ends in a compact segment."""

    @pytest.fixture(autouse=True)
    def _a_segment_after_each_put(self, home, store, monkeypatch):
        monkeypatch.setattr(ladder, "WIDTHS", (4, 8))
        monkeypatch.setattr(tiers, "SMALLEST", 1)
        real = LocalWriter.put

        def put(writer, made):
            counts = real(writer, made)
            writer.refresh_index()
            return counts

        monkeypatch.setattr(LocalWriter, "put", put)
        yield
        invariants.check(home)

    def test_its_segments_are_compact(self, store):
        with store.writer("test") as writer:
            writer.pin(PROFILE)
            writer.add_vectors([b"k" * 32], vector_of("x", WIDE)[None])
            writer.put(draft("a.txt", ["x"], keys=[b"k" * 32]))
        assert [shape.is_exact for shape in shapes(store)] == [False]


def test_the_truth_is_what_a_full_sort_gives():
    random = np.random.default_rng(5)
    vectors = random.standard_normal((700, 24)).astype(np.float32)
    asked = random.standard_normal((9, 24)).astype(np.float32)
    truth = calibrate.Truth(asked)
    for at in range(0, 700, 64):
        truth.take(np.arange(at, min(at + 64, 700)), vectors[at : at + 64])
    order = np.argsort(-(asked @ vectors.T), axis=1)
    assert truth.recall(order[:, :10]) == 1
    assert truth.recall(order[:, :7]) == pytest.approx(0.7)
    assert truth.recall(order[:, 10:]) == 0
    assert truth.recall(np.full((9, 3), -1)) == 0


def test_equal_vectors_stand_for_one_another():
    truth = calibrate.Truth(np.ones((1, 4), np.float32))
    truth.take(np.arange(30), np.ones((30, 4), np.float32))
    assert truth.recall(np.arange(20, 30)[None]) == 1
    assert truth.recall(np.arange(25, 30)[None]) == 0.5


def test_questions_are_none_of_the_vectors_and_no_farther_than_asked():
    sample = cloud(count=1000).block(0, 1000)
    asked = calibrate.questions(sample)
    assert asked.shape == (128, WIDE)
    assert np.linalg.norm(asked, axis=1) == pytest.approx(np.ones(128), abs=1e-5)
    nearest = (asked @ sample.T).max(axis=1)
    assert 0.4 < nearest.mean() < 0.7
    assert nearest.max() < 0.9
    assert (calibrate.questions(sample) == asked).all()


@pytest.mark.parametrize("count", [1, 5, 400])
def test_main_directions_are_upright_and_keep_the_most(count):
    spread = np.geomspace(1, 0.01, 48).astype(np.float32)
    sample = np.random.default_rng(1).standard_normal((count, 48), dtype=np.float32) * spread
    found = rotation.main_directions(sample, 12)
    assert found.shape == (12, 48)
    np.testing.assert_allclose(found @ found.T, np.eye(12), atol=1e-4)
    best = np.linalg.svd(sample)[1][:12]
    assert np.sum((sample @ found.T) ** 2) == pytest.approx(np.sum(best**2), rel=0.02)


def test_the_steps_of_the_ladder():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder, "EXACT", 16 << 20)
        assert ladder.is_small(3276, 2560)
        assert not ladder.is_small(3277, 2560)
    assert ladder.lists_for(100_000, 256) == 0
    assert ladder.lists_for(500_000, 256) == 2 * 707
    assert list(ladder.spaces(32)) == [(LEADING, 32)]

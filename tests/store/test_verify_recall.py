"""`verify` checks what compact segments find: the figure that is stored, and the same again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kb.model import text_key
from kb.store import open_store, repair_store, verify_store
from kb.store.local import calibrate, ladder, tiers, verify_recall
from tests.store.builders import draft
from tests.store.damage import failing, sql
from tests.store.test_ladder import PROFILE, WIDE, cloud, shapes


@pytest.fixture(autouse=True)
def _compact(monkeypatch):
    monkeypatch.setattr(ladder, "EXACT", 0)
    monkeypatch.setattr(ladder, "WIDTHS", (128,))
    monkeypatch.setattr(ladder, "CANDIDATES", (40, 80))
    monkeypatch.setattr(tiers, "SMALLEST", 8)


@pytest.fixture
def home(tmp_path):
    return tmp_path / ".kb"


def filled(home, count):
    """A knowledge base whose passages have vectors with neighbours."""
    store = open_store(home, create=True)
    texts = [f"t{number}" for number in range(count)]
    keys = [text_key(text) for text in texts]
    made = draft("a.txt", texts, keys=keys)
    chunks = [
        replace(each, chunk=replace(each.chunk, line_start=line, line_end=line))
        for line, each in zip(range(1, 2 * count, 2), made.chunks, strict=True)
    ]
    with store.writer("test") as writer:
        writer.start_run("ingest")
        writer.pin(PROFILE)
        writer.add_vectors(keys, cloud(count=count).block(0, count))
        writer.put(replace(made, chunks=chunks))
        writer.refresh_index()
    return store


@pytest.fixture
def compact(home):
    return filled(home, 1500)


def recall_of(home):
    return {each.id: each for each in verify_store(home)}["index.recall"]


def test_the_figure_is_measured_again_and_is_the_same(home, compact):
    (shape,) = shapes(compact)
    found = recall_of(home)
    assert found.ok
    assert found.detail == {"recall": shape.recall, "compact": 1, "measured": 1}
    assert f"{shape.recall:.1%}" in found.message


def test_what_takes_too_long_is_not_measured_again(home, compact, monkeypatch):
    monkeypatch.setattr(verify_recall, "_AFFORD", 1499 * WIDE)
    found = recall_of(home)
    assert (found.ok, found.detail["measured"]) == (True, 0)


FALSE = {
    "lower": "recall = 0.9",
    "a little lower": "recall = 0.985",
    "none": "recall = 'x'",
    "above all": "recall = 1.5",
    "not a number": "recall = 9e999",
    "fewer candidates": "candidates = 1",
    "no candidates": "candidates = 0",
    "another kind": "kind = 'leadinh'",
    "exact": "kind = 'exact'",
    "probes": "probes = 3",
    "width": "width = width + 1",
    "figures that are none": "candidates = 'x'",
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_figure_is_found_and_measured_anew(home, compact, name):
    (before,) = shapes(compact)
    sql(home, f"UPDATE segments SET {FALSE[name]}")
    assert "index.recall" in failing(home)
    done = repair_store(home)
    assert [each.id for each in done.findings if not each.ok] == []
    assert (list(done.lost), done.kept) == ([], None)
    assert shapes(compact) == [before]


def test_a_segment_that_finds_less_than_it_says_is_found(home, compact, monkeypatch):
    """What it says is good enough: only asking again tells."""
    monkeypatch.setattr(calibrate, "measure", lambda *_: 0.9)
    found = recall_of(home)
    assert not found.ok
    assert "finds 90.0%" in found.message
    assert "--repair" in found.hint


def test_where_nothing_more_can_be_tried_it_says_so(home, monkeypatch):
    monkeypatch.setattr(ladder, "CANDIDATES", (1,))
    filled(home, 1000)
    found = recall_of(home)
    assert not found.ok
    assert "cannot help" in found.hint
    built = []
    monkeypatch.setattr(tiers, "_build", lambda *a, **k: built.append(a))
    done = repair_store(home)
    assert [each.id for each in done.findings if not each.ok] == ["index.recall"]
    assert (list(done.mended), built) == ([], [])


def test_exact_segments_have_no_figure_to_doubt(home, monkeypatch):
    monkeypatch.setattr(ladder, "EXACT", 1 << 30)
    filled(home, 100)
    found = recall_of(home)
    assert found.ok
    assert found.detail == {"recall": 1.0, "compact": 0, "measured": 0}
    sql(home, "UPDATE segments SET recall = 0.5")
    assert failing(home) == ["index.recall"]

"""Kill the writer at each named step: what was committed stays, and a second run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kb.store import open_store
from kb.store.local import tiers
from kb.store.local.steps import STEPS
from tests.conftest import REPOSITORY
from tests.store import crashing, invariants
from tests.store.builders import texts_of, vector_of


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch):
    monkeypatch.setattr(tiers, "SMALLEST", 8)


def killed_at(step: str, home: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.crashing", str(home)],
        cwd=REPOSITORY,
        env={**os.environ, "KB_TEST_KILL_AT": step},
        check=False,
    )
    return done.returncode


def seen(home: Path) -> dict[str, list[str]]:
    with open_store(home).snapshot() as snapshot:
        paths = [row.path for row in snapshot.documents()]
        return {path: snapshot.document(path).document.text.split("\n\n") for path in paths}


@pytest.mark.parametrize("step", [step for step in STEPS if step != "database.made"])
def test_a_kill_costs_nothing_that_was_finished(step, home):
    crashing.prepare(home)
    assert killed_at(step, home) == -signal.SIGKILL
    store = open_store(home)
    invariants.check(home)
    now = seen(home)
    assert now["failing.txt"] == ["stays"]
    done = STEPS.index(step) >= STEPS.index("put.committed")
    assert now["changed.txt"] == (crashing.AFTER if done else crashing.BEFORE)
    with store.snapshot() as snapshot:
        state = snapshot.known_sources()["failing.txt"].state
        assert state == ("stale" if STEPS.index(step) > STEPS.index("fail.written") else "indexed")
        if step == "vectors.committed":
            assert snapshot.summary().vectors == 14 + 14, "what was paid for is kept"
        hits = snapshot.nearest(vector_of(now["changed.txt"][3]), top_k=1)
        assert texts_of(snapshot, hits) == [now["changed.txt"][3]]
    crashing.work(home)
    invariants.check(home, swept=True)
    last = seen(home)
    assert sorted(last) == ["changed.txt", "failing.txt", "new0.txt", "new1.txt", "new2.txt"]
    assert last["changed.txt"] == crashing.AFTER
    with store.snapshot() as snapshot:
        assert len(snapshot.nearest(vector_of("new 1 3"), top_k=99)) == 14 + 1 + 30
        # The killed run is told from the one that came to its end.
        statuses = [row[0] for row in snapshot._database.all("SELECT status FROM runs ORDER BY id")]
        assert statuses == ["interrupted", "running"]


def test_a_kill_while_the_database_is_made_leaves_none(home):
    assert killed_at("database.made", home) == -signal.SIGKILL
    assert not (home / "kb.sqlite3").exists()
    crashing.work(home)
    invariants.check(home, swept=True)
    assert not list(home.glob("*.new*"))
    assert seen(home)["changed.txt"] == crashing.AFTER


def test_every_step_is_passed(home, monkeypatch):
    """A step that no code passes would make its kill test prove nothing."""
    passed = set()
    for module in ("schema", "writer", "tiers"):
        monkeypatch.setattr(f"kb.store.local.{module}.step", passed.add)
    crashing.prepare(home)
    crashing.work(home)
    assert passed == set(STEPS)

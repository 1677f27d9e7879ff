"""Reindex, switch, rollback and gc, killed at any moment: what answers is one whole generation."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kb.model import text_key
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.flow import VECTOR_BLOCK
from kb.pipeline.search import Asking, search
from kb.store import verify_store
from kb.store.local.steps import GENERATION_STEPS
from tests.conftest import REPOSITORY
from tests.fakes.endpoint import FakeEndpoint
from tests.pipeline.test_reindex import WORDS, paid
from tests.store import invariants

BUILDING = ["vectors.written", "vectors.committed", "built.written", "built.committed"]
SWITCHING = [
    *("settings.written", "switch.put_away", "switch.written", "switch.committed"),
    "settings.renamed",
]
REINDEX = ["generation.begun", *BUILDING, *SWITCHING, "gc.emptied", "gc.vectors"]
ROLLBACK = [*BUILDING, *SWITCHING]
GC = ["gc.marked", "gc.emptied", "gc.vectors"]
#: From here on the new generation is in use.
DONE = {"switch.committed", "settings.renamed", "gc.emptied", "gc.vectors"}
QUESTION = "The cedar of kind2 belongs to house22 and stays there until month2 of the year."


@pytest.fixture(scope="module")
def old():
    # Wide enough for each question to have one answer.
    with FakeEndpoint(dimensions=128) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def new():
    with FakeEndpoint(dimensions=192, model="other-embed") as endpoint:
        yield endpoint


def started(folder: Path, *words: str, **environ: str) -> subprocess.Popen[bytes]:
    # The smallest segment holds eight vectors here, so that there are some.
    program = (
        "import sys; from kb.store.local import tiers; tiers.SMALLEST = 8; "
        "from cli.main import main; sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "KB_MAX_RETRIES": "0", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kb(folder: Path, *words: str, **environ: str) -> int:
    process = started(folder, *words, **environ)
    said = process.communicate()
    if process.returncode not in {0, -signal.SIGKILL}:
        raise AssertionError(said)
    return process.returncode


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, old: FakeEndpoint) -> Path:
    """A folder with a knowledge base of the old model."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "shelf").mkdir()
    for number, word in enumerate(WORDS):
        clauses = "\n\n".join(
            f"## {word.title()} rule {n}\n\nThe {word} of kind{n} belongs to house{number}{n} "
            f"and stays there until month{n} of the year."
            for n in range(1, 9)
        )
        (folder / "shelf" / f"{word}.md").write_text(f"# About {word}\n\n{clauses}\n")
    assert kb(folder, "-q", "ingest", "shelf", KB_BASE_URL=old.base_url) == 0
    return folder


@pytest.fixture
def copy(desk: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(desk, tmp_path / "desk"))


def to_new(new: FakeEndpoint) -> list[str]:
    return ["-q", "reindex", "--base-url", new.base_url, "--model", "other-embed", "--force"]


def base_in(folder: Path) -> KnowledgeBase:
    return locate(environ={"KB_MAX_RETRIES": "0"}, cwd=folder)


def answering(folder: Path) -> str:
    """Check that what answers is whole; gives its model."""
    invariants.check(folder / ".kb")
    assert [found for found in verify_store(folder / ".kb") if not found.ok] == []
    base = base_in(folder)
    hits = search(base, QUESTION, asking=Asking(mode="dense", top_k=3)).hits
    assert hits[0].path == "shelf/cedar.md"
    with base.snapshot() as snapshot:
        rows = snapshot.documents()
        assert len(rows) == len(WORDS)
        assert all(row.chunks == 8 for row in rows)
        assert snapshot.profile is not None
        return snapshot.profile.model


def stored(folder: Path, model: str) -> set[bytes]:
    with base_in(folder).snapshot() as snapshot:
        rows = snapshot._database.all(
            "SELECT key FROM vectors JOIN profiles ON profiles.id = profile_id "
            "WHERE json_extract(json, '$.model') = ?",
            model,
        )
    return {row[0] for row in rows}


@pytest.mark.parametrize("step", REINDEX)
def test_reindex_killed_at_a_named_step(step, copy, old, new):
    before = len(new.texts)
    assert kb(copy, *to_new(new), KB_TEST_KILL_AT=step) == -signal.SIGKILL
    assert answering(copy) == ("other-embed" if step in DONE else "fake-embed")
    known = stored(copy, "other-embed")
    middle = len(new.texts)
    again = to_new(new) if step not in DONE else ["gc"]
    assert kb(copy, *again) == 0
    assert answering(copy) == "other-embed"
    twice = [text for text in paid(new, middle) if text_key(text) in known]
    assert twice == [], "what is stored is never paid for again"
    sent = paid(new, before)
    assert len(sent) - len(set(sent)) <= VECTOR_BLOCK
    with base_in(copy).snapshot() as snapshot:
        assert [each.state for each in snapshot.generations()] == ["current"]
    assert sorted(path.name for path in (copy / ".kb").glob("kb.toml*")) == ["kb.toml"]


@pytest.mark.parametrize("step", ROLLBACK)
def test_rollback_killed_at_a_named_step(step, copy, old, new):
    assert kb(copy, *to_new(new), "--keep-old") == 0
    (copy / "shelf" / "zebra.md").write_text("# Zebra\n\nA zebra came by in spring.\n")
    assert kb(copy, "-q", "ingest", "shelf") == 0
    before = len(old.texts)
    assert kb(copy, "-q", "rollback", KB_TEST_KILL_AT=step) == -signal.SIGKILL
    invariants.check(copy / ".kb")
    base = base_in(copy)
    with base.snapshot() as snapshot:
        model = snapshot.profile.model
        assert all(row.chunks for row in snapshot.documents())
    assert model == ("fake-embed" if step in DONE else "other-embed")
    assert search(base, "A zebra came by in spring.").hits[0].path == "shelf/zebra.md"
    if step not in DONE:
        assert kb(copy, "-q", "rollback") == 0
    assert search(base_in(copy), QUESTION).hits[0].path == "shelf/cedar.md"
    with base_in(copy).snapshot() as snapshot:
        assert snapshot.profile.model == "fake-embed"
    zebra = [text for text in paid(old, before) if "zebra" in text.lower()]
    assert len(zebra) == (2 if step == "vectors.written" else 1)
    invariants.check(copy / ".kb")


@pytest.mark.parametrize("step", GC)
def test_gc_killed_at_a_named_step(step, copy, old, new):
    assert kb(copy, *to_new(new), "--keep-old") == 0
    assert kb(copy, "gc", "--former", KB_TEST_KILL_AT=step) == -signal.SIGKILL
    assert answering(copy) == "other-embed"
    assert kb(copy, "gc") == 0
    assert answering(copy) == "other-embed"
    invariants.check(copy / ".kb", swept=True)
    assert stored(copy, "fake-embed") == set()


def test_every_step_is_killed_at():
    assert {*REINDEX, *ROLLBACK, *GC} >= set(GENERATION_STEPS)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.55, 0.7, 0.85])
def test_killed_at_a_random_moment(share, copy, old, new):
    new.faults.slow_s = 0.02
    try:
        process = started(copy, *to_new(new), "--keep-old", KB_BATCH_TOKENS="256")
        time.sleep(3 * share * random.Random(share).uniform(0.9, 1.1))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        model = answering(copy)
        known, middle = stored(copy, "other-embed"), len(new.texts)
        if model == "fake-embed":
            assert kb(copy, *to_new(new)) == 0
    finally:
        new.faults.slow_s = 0.0
    assert answering(copy) == "other-embed"
    assert not [text for text in paid(new, middle) if text_key(text) in known]


def test_a_search_all_the_while_sees_the_old_or_the_new(copy, old, new):
    """In processes of their own, one after another, through a reindex and a rollback."""
    seen: list[tuple[int, str, str]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            process = started(copy, "search", QUESTION, "--json", "-k", "1", "--mode", "dense")
            out, err = process.communicate()
            if process.returncode:
                seen.append((process.returncode, err.decode(), ""))
            else:
                found = json.loads(out)
                seen.append((0, found["profile"]["model"], found["hits"][0]["path"]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert kb(copy, *to_new(new), "--keep-old") == 0
        assert kb(copy, "-q", "rollback") == 0
    finally:
        over.set()
        watcher.join()
    both = {(0, model, "shelf/cedar.md") for model in ("fake-embed", "other-embed")}
    assert set(seen) <= both
    assert len(seen) > 1

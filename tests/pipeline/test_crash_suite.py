"""Killed at every named step, and at random moments, a knowledge base stays whole.

Every command that changes something is killed (SIGKILL, so nothing is tidied up) at every step
that it passes. After each kill `verify` is clean, a search answers, what is seen is what was there
before or what comes after; the same command then runs to its end, where everything is as if it had
never been disturbed, and no text was paid for twice beyond those that were on their way.

Twelve random moments are tried unless `KB_TEST_RANDOM_KILLS` asks for another number:

    KB_TEST_RANDOM_KILLS=200 pytest tests/pipeline/test_crash_suite.py -k random
"""

from __future__ import annotations

import ast
import importlib
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kb.errors import StoreError
from kb.model import text_key
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.search import Asking, search
from kb.store import verify_store
from tests.conftest import REPOSITORY
from tests.fakes.endpoint import FakeEndpoint
from tests.pipeline.crash_scenes import IN_FLIGHT, QUESTION, SCENES, Desk, Scene, prepare
from tests.pipeline.dump import dump
from tests.pipeline.small_kb import LIMITS

RANDOM_KILLS = int(os.environ.get("KB_TEST_RANDOM_KILLS", "12"))
#: Steps that no scene passes, each with its reason.
UNREACHED: dict[str, str] = {}
HURT = {"damaged": "store.corrupt"}
BY_NAME = {scene.name: scene for scene in SCENES}


def kills() -> Iterator[object]:
    for scene in SCENES:
        for step, nth in scene.kills:
            yield pytest.param(scene.name, step, nth)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for module, limits in LIMITS.items():
        for name, value in limits.items():
            monkeypatch.setattr(importlib.import_module(module), name, value)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with FakeEndpoint() as fake:
        made = Desk(tmp_path_factory.mktemp("desk"), fake)
        prepare(made)
        yield made


@pytest.fixture(scope="module")
def undisturbed(desk):
    """Run each scene once to its end; gives what is known before and then, and its steps."""
    made: dict[str, tuple[Ends, list[str]]] = {}

    def run(scene: Scene) -> tuple[Ends, list[str]]:
        if scene.name not in made:
            home = f"{scene.name}-whole"
            desk.copy(scene.on, home)
            log = desk.folder / f"{home}.steps"
            started = time.monotonic()
            code = desk.run(home, *scene.words, KB_TEST_STEPS=str(log))
            desk.seconds[scene.name] = time.monotonic() - started
            assert code == scene.exit_code, (desk.folder / f"{home}.log").read_text()
            before = state(desk, scene.on) if scene.on else None
            made[scene.name] = ((before, state(desk, home)), log.read_text().splitlines())
        return made[scene.name]

    return run


Ends = tuple[dict[str, object] | None, dict[str, object] | None]


def base_of(desk: Desk, home: str) -> KnowledgeBase:
    """Open it as a later command does, which needs no environment once there is a kb.toml."""
    made = (desk.folder / home / "kb.toml").exists()
    environ = {} if made else {"KB_BASE_URL": desk.fake.base_url}
    return locate(desk.folder / home, environ=environ, cwd=desk.folder)


def state(desk: Desk, home: str) -> dict[str, object] | None:
    """What a knowledge base says and answers; None where there is none."""
    base = base_of(desk, home)
    if not base.exists:
        return None
    try:
        said = dump(base)
    except StoreError as error:
        return {"damaged": error.failure.code}
    found = {mode: answers(base, mode) for mode in ("dense", "lexical")}
    said["settings"] = (base.settings.base_url, base.settings.model, base.settings.prompts)
    return {**said, "answers": found}


def answers(base: KnowledgeBase, mode: str) -> list[tuple[object, ...]]:
    with base.snapshot() as snapshot:
        if snapshot.profile is None:
            return []
    hits = search(base, QUESTION, asking=Asking(mode=mode, top_k=5)).hits
    return [(hit.path, hit.char_start, hit.text, round(hit.score, 3)) for hit in hits]


def stored_keys(desk: Desk, home: str) -> set[bytes]:
    path = desk.folder / home / "kb.sqlite3"
    if not path.exists() or state(desk, home) == HURT:
        return set()
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT key FROM vectors")}


def check_whole(desk: Desk, home: str) -> None:
    if (desk.folder / home / "kb.sqlite3").exists():
        assert [found for found in verify_store(desk.folder / home) if not found.ok] == []


def check_survived(desk: Desk, scene: Scene, home: str, ends: Ends) -> None:
    """Assert that what is seen after a kill was there before, or is what comes after."""
    before, after = ends
    now = state(desk, home)
    if scene.name != "repair":
        check_whole(desk, home)
    elif now != HURT:
        # What it has not come to yet was missing before it began.
        wrong = [found.id for found in verify_store(desk.folder / home) if not found.ok]
        assert wrong in ([], ["index.files"])
    if scene.name in {"init", "ingest", "update"}:
        # Documents change one by one, each of them whole.
        known = [each["documents"] for each in (before, after) if each is not None]
        for path, document in (now or {"documents": {}})["documents"].items():
            assert document in [each.get(path) for each in known], path
        if before is not None:
            assert now["answers"]["dense"]
            assert now["answers"]["lexical"]
    else:
        assert now in (before, after)


def check_rerun(
    desk: Desk, scene: Scene, home: str, after: object, *, since: int, again: Callable[..., int]
) -> None:
    """Give the command again: it completes, pays little, and ends where it should."""
    before = desk.paid(since)
    stored = stored_keys(desk, home)
    assert set(before.values()) <= {1}, "one run sends a text once"
    lost = [text for text in before if text_key(text) not in stored]
    mark = len(desk.fake.texts)
    assert again(home, *scene.words) in {0, scene.exit_code}, log_of(desk, home)
    after_all = desk.paid(mark)
    assert set(after_all.values()) <= {1}
    twice = before.keys() & after_all.keys()
    assert twice <= set(lost), "a text that is stored is never paid for again"
    assert len(twice) <= IN_FLIGHT
    check_end(desk, scene, home, after)


def check_end(desk: Desk, scene: Scene, home: str, after: object) -> None:
    check_whole(desk, home)
    assert state(desk, home) == after
    if scene.name == "backup":
        check_backup(desk, home, after)


def check_backup(desk: Desk, home: str, after: object) -> None:
    """Assert that the file holds it all."""
    copy = f"{home}-copy"
    assert desk.run_here(copy, "restore", f"{home}.zip") == 0, log_of(desk, copy)
    check_whole(desk, copy)
    assert state(desk, copy) == after


def log_of(desk: Desk, home: str) -> str:
    return (desk.folder / f"{home}.log").read_text()


@pytest.mark.parametrize(("name", "step", "nth"), list(kills()))
def test_killed_at_a_step(desk, undisturbed, name, step, nth):
    scene = BY_NAME[name]
    ends, _ = undisturbed(scene)
    home = f"{name}-{step.replace(' ', '-')}-{nth}"
    desk.copy(scene.on, home)
    mark = len(desk.fake.texts)
    assert desk.killed_at(home, scene, step, nth) == -signal.SIGKILL, log_of(desk, home)
    check_survived(desk, scene, home, ends)
    if scene.once and state(desk, home) == ends[1]:
        check_end(desk, scene, home, ends[1])
    else:
        check_rerun(desk, scene, home, ends[1], since=mark, again=desk.run_here)


@pytest.mark.parametrize("number", range(RANDOM_KILLS))
def test_killed_at_a_random_moment(desk, undisturbed, number):
    scenes = list(SCENES)
    scene = scenes[number % len(scenes)]
    ends, _ = undisturbed(scene)
    home = f"{scene.name}-random-{number}"
    desk.copy(scene.on, home)
    mark = len(desk.fake.texts)
    seconds = desk.seconds[scene.name] * random.Random(number).random()
    code = desk.killed_after(home, scene, seconds)
    assert code in {-signal.SIGKILL, scene.exit_code}
    check_survived(desk, scene, home, ends)
    if scene.once and state(desk, home) == ends[1]:
        check_end(desk, scene, home, ends[1])
    else:
        check_rerun(desk, scene, home, ends[1], since=mark, again=desk.run)


def test_a_repair_brings_everything_back(desk, undisturbed):
    ends, _ = undisturbed(BY_NAME["repair"])
    assert ends == (HURT, state(desk, "first"))


def test_a_killed_backup_is_cleared_away_by_the_next_one(desk):
    home = "cleared"
    desk.copy("first", home)
    scene = BY_NAME["backup"]
    for step in scene.steps:
        assert desk.killed_at(home, scene, step) == -signal.SIGKILL
        left = [*desk.folder.glob("kb-backup-*")]
        assert left or step.endswith(("before backup.copy", "after backup.publish"))
        assert desk.run_here(home, "backup", "--force", "another.zip") == 0
        assert [*desk.folder.glob("kb-backup-*")] == []


@pytest.mark.parametrize("name", BY_NAME)
def test_a_scene_passes_the_steps_that_it_names(undisturbed, name):
    """One that it passes and does not name would never be the moment of a kill."""
    scene = BY_NAME[name]
    _, passed = undisturbed(scene)
    assert set(passed) == set(scene.steps)
    for step, nth in scene.later:
        assert passed.count(step) >= nth


def named_steps() -> set[str]:
    """Every name that `step` is called with in the code."""
    found = set()
    for path in sorted(Path(REPOSITORY / "kb").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "kb.store.local.steps import step" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "step":
                assert isinstance(node.args[0], ast.Constant), f"{path}: a step has a plain name"
                found.add(node.args[0].value)
    return found


def test_every_named_step_of_the_code_is_the_moment_of_a_kill():
    reached = {step for scene in SCENES for step in scene.steps}
    assert named_steps() - reached == set(UNREACHED)

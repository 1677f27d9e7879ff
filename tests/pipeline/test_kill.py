"""A process that is killed at any moment, and run again, ends where an undisturbed one does."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kb.pipeline.base import locate
from tests.conftest import REPOSITORY
from tests.pipeline.dump import dump

SHARE_OF_WHOLE = [0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
STEPS = ["database.made", "vectors.written", "vectors.committed", "put.written", "put.committed"]


def kb(folder: Path, *words: str, **environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of documents that no run has seen."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(
        REPOSITORY / "sample_docs", folder / "docs", ignore=shutil.ignore_patterns(".*")
    )
    for number in range(40):
        clauses = "\n\n".join(f"## {n}. Rule {n}\n\nTerm {number}-{n} applies." for n in range(30))
        (folder / "docs" / f"long{number}.md").write_text(f"# Contract {number}\n\n{clauses}\n")
    return folder


@pytest.fixture(scope="module")
def undisturbed(desk: Path) -> tuple[object, float]:
    started = time.monotonic()
    kb(desk, "--home", "whole", "-q", "ingest", "docs").wait()
    return dump(locate(desk / "whole", environ={}, cwd=desk)), time.monotonic() - started


def finish(desk: Path, home: str) -> object:
    """Run again to the end, and give what is known then."""
    assert kb(desk, "--home", home, "-q", "ingest", "docs").wait() == 1  # two honest failures
    return dump(locate(desk / home, environ={}, cwd=desk))


@pytest.mark.parametrize("share", SHARE_OF_WHOLE)
def test_killed_at_a_random_moment(desk, undisturbed, share):
    expected, seconds = undisturbed
    home = f"home{share}"
    process = kb(desk, "--home", home, "-q", "ingest", "docs")
    time.sleep(seconds * share * random.Random(share).uniform(0.9, 1.1))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert finish(desk, home) == expected


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_named_step(desk, undisturbed, step):
    home = f"home-{step}"
    killed = kb(desk, "--home", home, "-q", "ingest", "docs", KB_TEST_KILL_AT=step).wait()
    assert killed == -signal.SIGKILL
    assert finish(desk, home) == undisturbed[0]

"""README: every console session in it is run, and what it prints is compared.

A block fenced as `console` is a session in a folder that holds `sample_docs/`; the blocks follow
one another in one knowledge base. Lines that begin with `$ ` are commands. `...` in the expected
output stands for anything, and figures of time may differ.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kb.errors import CATALOGUE
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^```console\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
#: Figures that differ from run to run: seconds at the end of a line, sizes, points in time.
VOLATILE = re.compile(
    r"\b\d+\.\d+(?= ?s\b|$)|\b\d+(?:\.\d+)? [KM]iB|\b\d{4}-\d\d-\d\dT[\d:]+Z", flags=re.MULTILINE
)


def commands(session: str) -> list[tuple[str, str]]:
    """Give each command with the output that is expected after it."""
    parts = re.split(r"^\$ (.*)\n", session, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def normal(text: str) -> str:
    """Take away what differs from run to run, and trailing blanks."""
    text = VOLATILE.sub("*", text)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(REPOSITORY / "sample_docs", folder / "sample_docs")
    return folder


def run(command: str, folder: Path) -> str:
    """Run one line of a session as a shell would, with this Python's `kb` first on the path."""
    binaries = Path(sys.executable).parent
    environ = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
        "PYTHONPATH": str(REPOSITORY),
        # As on a machine without an engine that recognises letters: the tests install none.
        "KB_OCR": "rapidocr",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_readme_has_sessions() -> None:
    assert len(SESSIONS) >= 3


@pytest.mark.skipif(
    not (Path(sys.executable).parent / "kb").exists(), reason="kb is not installed as a command"
)
def test_readme_sessions_print_what_the_readme_says(desk: Path) -> None:
    checker = doctest.OutputChecker()
    for session in SESSIONS:
        for command, expected in commands(session):
            printed = run(command, desk)
            same = checker.check_output(normal(expected), normal(printed), doctest.ELLIPSIS)
            assert same, f"$ {command}\nREADME:\n{expected}\nPRINTED:\n{printed}"


def test_readme_lists_every_failure_code() -> None:
    missing = [code for code in CATALOGUE if f"`{code}`" not in README]
    assert not missing

"""Servers that start when a test first asks for them, and `kb` as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.servers.install import Cache, CannotInstallError
from tests.servers.process import Recipe, Server, chat, minilm, qwen3

FOLDER = os.environ.get("KB_TEST_SERVERS")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
#: No run of kb takes longer, on a slow machine, too.
LONGEST_S = 900
KEY = "sk-of-the-tests-0123456789"
MINILM = ("vllm", "llama", "infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a run of `kb` gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out.count("\n") == 1, self.out + self.err
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The failure that ended the run, of a report or alone."""
        return self.json["error"]


def begin(*arguments: str, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start `kb` and come back at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=cwd,
        env=CLEAN | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"} | dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str]) -> Told:
    """Wait for the end and give what was told."""
    with process:
        out, err = process.communicate(timeout=LONGEST_S)
    return Told(code=process.returncode, out=out, err=err)


def kb(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Told:
    """Run `kb` to its end."""
    return finish(begin(*arguments, cwd=cwd, env=env))


@pytest.fixture(scope="session")
def cache() -> Cache:
    if not FOLDER:
        pytest.skip("KB_TEST_SERVERS names no folder to install servers into (make test-servers)")
    return Cache(Path(FOLDER))


@pytest.fixture(scope="session")
def made(cache: Cache) -> Iterator[Callable[[Callable[[Cache], Recipe]], Server]]:
    """Install what a recipe needs and give its server, not started; it is stopped at the end."""
    with ExitStack() as stack:

        def make(recipe: Callable[[Cache], Recipe]) -> Server:
            try:
                server = Server(recipe(cache), cache.logs)
            except CannotInstallError as error:
                pytest.skip(f"cannot be installed on this machine: {error}")
            stack.callback(server.stop)
            return server

        yield make


Make = Callable[[Callable[[Cache], Recipe]], Server]


def _running(server: Server) -> Server:
    server.ensure()
    return server


@pytest.fixture(scope="session", params=MINILM)
def minilm_server(request: pytest.FixtureRequest, made: Make) -> Iterator[Server]:
    """Real weights behind each of the servers, one after the other."""
    server = _running(made(lambda cache: minilm(cache, request.param)))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def qwen3_server(made: Make) -> Server:
    """The users' shape, behind a key."""
    return _running(made(lambda cache: qwen3(cache, api_key=KEY)))


@pytest.fixture(scope="session")
def chat_server(made: Make) -> Server:
    """A server that embeds nothing."""
    return _running(made(chat))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A working directory with the documents of the README."""
    shutil.copytree(REPOSITORY / "sample_docs", tmp_path / "sample_docs")
    return tmp_path

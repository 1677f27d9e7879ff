"""Starts a real embedding server, waits until it embeds, and ends it with all its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.servers.install import Cache, environment, last_line

HOST = "127.0.0.1"
#: vLLM takes one to three minutes on two busy cores.
READY_S = 600.0
ENDING_S = 20.0
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "INFINITY_ANONYMOUS_USAGE_STATS": "0",
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one server is started; `command` lacks the port, which comes last."""

    name: str
    command: Sequence[str]
    model: str
    api_key: str | None = None
    #: False: it serves a model that does not embed, and is ready when it lists it.
    embeds: bool = True


class Server:
    """One server on one port, which it keeps when it is started again."""

    def __init__(self, recipe: Recipe, logs: Path) -> None:
        self.recipe = recipe
        self.log = logs / f"{recipe.name}.log"
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    @property
    def settings(self) -> dict[str, str]:
        """The environment in which `kb` uses this server; it finds the model's name itself."""
        key = {"KB_API_KEY": self.recipe.api_key} if self.recipe.api_key else {}
        return {"KB_BASE_URL": self.base_url} | key

    def start(self) -> None:
        """Start it and come back at once; until it is ready it refuses connections."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self.recipe.command, "--host", HOST, "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment() | QUIET,
                cwd=self.log.parent,
                start_new_session=True,  # its children are ended with it
            )

    def ensure(self) -> None:
        """Come back when it embeds; start it where it does not run."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        self.wait()

    def wait(self) -> None:
        """Come back when it has embedded a text; raises `AssertionError` when it never does."""
        assert self._process is not None
        deadline = time.monotonic() + READY_S
        while not self._ready():
            ended = self._process.poll()
            assert ended is None, f"{self.recipe.name} ended with {ended}: {last_line(self.log)}"
            assert time.monotonic() < deadline, f"{self.recipe.name} is not ready; see {self.log}"
            time.sleep(1)

    def embed(self, texts: Sequence[str]) -> httpx.Response:
        """Send texts without kb; raises `httpx.HTTPError`."""
        body = {"model": self.recipe.model, "input": list(texts)}
        return self._ask("POST", "/embeddings", json=body)

    def _ready(self) -> bool:
        with suppress(httpx.HTTPError):
            if self.recipe.embeds:
                return self.embed(["Are you ready?"]).status_code == 200
            return self._ask("GET", "/models").status_code == 200
        return False

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        key = self.recipe.api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
            return client.request(method, self.base_url + path, **more)

    def kill(self) -> None:
        """End it and its children at once, as a crash does."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(timeout=ENDING_S)

    def stop(self) -> None:
        """End it politely, then surely; nothing of it is left."""
        self._signal(signal.SIGTERM)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=ENDING_S)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def minilm(
    cache: Cache, program: str, *, name: str = "minilm", queued: int | None = None
) -> Recipe:
    """Give the recipe of MiniLM behind "vllm", "llama" or "infinity"; installs what it needs.

    `queued`: vLLM refuses a request of more texts than this. Raises `CannotInstallError`.
    """
    cache.server(program)
    make = {"vllm": _minilm_vllm, "llama": _minilm_llama, "infinity": _minilm_infinity}[program]
    limit = [] if queued is None else ["--max-num-queued-reqs", str(queued)]
    name = f"{program}-minilm" if queued is None else f"{program}-minilm-queue-{queued}"
    return Recipe(name=name, command=[*make(cache), *limit], model="minilm")


def qwen3(cache: Cache, *, api_key: str) -> Recipe:
    """Give the recipe of the users' shape: Qwen3, 2560 dimensions, random weights, behind a key."""
    cache.server("vllm")
    served = "Qwen/Qwen3-Embedding-4B"
    options = ("--runner", "pooling", "--max-model-len", "8192", "--api-key", api_key)
    command = _vllm(cache, cache.qwen3("qwen3-2560"), served, *options)
    return Recipe(name="vllm-qwen3", command=command, model=served, api_key=api_key)


def chat(cache: Cache) -> Recipe:
    """Give the recipe of a model that only generates text."""
    cache.server("vllm")
    command = _vllm(cache, cache.qwen3("tiny-qwen3-chat"), "chat", "--max-model-len", "1024")
    return Recipe(name="vllm-chat", command=command, model="chat", embeds=False)


def _vllm(cache: Cache, model: Path, served: str, *options: str) -> list[str]:
    # float32: float16 is what it would choose, and many times slower on a CPU.
    # --enforce-eager: compiling takes minutes and needs a C++ compiler.
    program = str(cache.program("vllm", "vllm"))
    common = ("--served-model-name", served, "--dtype", "float32", "--enforce-eager")
    return [program, "serve", str(model), *common, *options]


def _minilm_vllm(cache: Cache) -> list[str]:
    return _vllm(cache, cache.minilm(), "minilm", "--runner", "pooling")


def _minilm_llama(cache: Cache) -> list[str]:
    program = str(cache.program("llama", "python"))
    model = ("--model", str(cache.gguf()), "--model_alias", "minilm")
    return [program, "-m", "llama_cpp.server", *model, "--embedding", "true", "--n_ctx", "512"]


def _minilm_infinity(cache: Cache) -> list[str]:
    program = str(cache.program("infinity", "infinity_emb"))
    model = ("--model-id", str(cache.minilm()), "--served-model-name", "minilm")
    engine = ("--engine", "torch", "--device", "cpu", "--no-bettertransformer")
    return [program, "v2", *model, *engine, "--no-model-warmup", "--url-prefix", "/v1"]

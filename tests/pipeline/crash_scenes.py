"""What the crash suite does to knowledge bases: the commands, their steps, and the state before."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from tests.conftest import REPOSITORY
from tests.fakes.endpoint import FakeEndpoint
from tests.pipeline.small_kb import VECTORS

#: In every passage of the corpus, and in no canary.
MARKER = "parcel"
QUESTION = "which parcel is delivered to depot three"
#: So many texts may be on their way, or back and not yet written down, when the power goes: less
#: than a block of vectors, and one request, which holds up to four passages here.
IN_FLIGHT = VECTORS + 4

_INDEX = ("segment.measured", "segment.written", "segment.renamed", "segment.named")
_EMBED = ("vectors.written", "vectors.committed")
_BUILT = ("built.written", "built.committed")


def _around(*names: str) -> tuple[str, ...]:
    return tuple(f"{when} {name}" for name in names for when in ("before", "after"))


_SWITCH = (
    "settings.written",
    *_around("generations.put_away", "generations.take_out"),
    *("switch.put_away", "switch.written", "switch.committed", "settings.renamed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One command on one state; `steps` are all that it passes, each of them is a kill."""

    name: str
    #: The prepared knowledge base it works on, or None.
    on: str | None
    words: tuple[str, ...]
    steps: tuple[str, ...]
    #: Later passings of a step at which it is killed as well.
    later: tuple[tuple[str, int], ...] = ()
    exit_code: int = 0
    #: Where it has happened, to give it again would ask for something else.
    once: bool = False

    @property
    def kills(self) -> list[tuple[str, int]]:
        """The step and its passing of each kill."""
        return [*((step, 1) for step in self.steps), *self.later]


SCENES = (
    Scene(
        name="init",
        on=None,
        words=("init",),
        steps=("database.made", *_around("setup.remember_settings")),
    ),
    Scene(
        name="ingest",
        on=None,
        words=("ingest", "docs"),
        steps=(
            *("database.made", *_EMBED, "put.written", "put.committed", "fail.written", *_INDEX),
            *_around("setup.remember_settings"),
        ),
        later=(("vectors.written", 4), ("put.committed", 3)),
        exit_code=1,
    ),
    Scene(
        name="update",
        on="first",
        words=("ingest", "--prune", "docs"),
        steps=(
            *("remove.written", *_EMBED, "put.written", "put.committed", "fail.written", *_INDEX),
            *_around("setup.remember_settings"),
        ),
        later=(("put.written", 2),),
        exit_code=1,
    ),
    Scene(
        name="remove",
        on="first",
        words=("remove", "docs/c2.md"),
        steps=("remove.written",),
        once=True,
    ),
    Scene(
        name="reindex",
        on="first",
        words=("reindex", "--prompts", "qwen3", "--force"),
        steps=(
            *("generation.begun", *_EMBED, *_BUILT, *_INDEX, *_SWITCH, "gc.emptied", "gc.vectors"),
            *_around("collect.drop_vectors"),
        ),
        later=(("vectors.committed", 3), ("built.committed", 3)),
    ),
    Scene(
        name="rollback",
        on="kept",
        words=("rollback",),
        steps=(*_EMBED, *_BUILT, *_INDEX, *_SWITCH),
        once=True,
    ),
    Scene(
        name="gc",
        on="kept",
        words=("gc", "--former"),
        steps=("gc.marked", "gc.emptied", "gc.vectors", *_INDEX, *_around("collect.drop_vectors")),
        # Those of the generation that goes, then those that no passage has any more.
        later=(("gc.vectors", 2), ("gc.vectors", 8)),
    ),
    Scene(
        name="backup",
        on="first",
        words=("backup", "--force", "{home}.zip"),
        steps=(
            *("backup.copied", "backup.packed"),
            *_around("backup.copy", "backup.pack", "backup.publish"),
        ),
    ),
    Scene(
        name="restore",
        on="first",
        words=("restore", "--force", "kept.zip"),
        steps=(
            *_around("backup_restore.unpack", "backup_restore.settle", "backup_restore.replace"),
            *("restore.unpacked", "restore.announced", "restore.parted", "restore.replaced"),
            *("database.made", *_INDEX),
        ),
    ),
    Scene(
        name="repair",
        on="hurt",
        words=("verify", "--repair"),
        steps=(
            *("database.made", "repair.salvaged", "repair.mended", "repair.linked"),
            *("repair.swapped", *_INDEX),
        ),
        later=(("database.made", 2), ("database.made", 3)),
    ),
)


@dataclass(slots=True)
class Desk:
    """A folder with documents and knowledge bases, and the endpoint that they are made with."""

    folder: Path
    fake: FakeEndpoint
    seconds: dict[str, float] = field(default_factory=dict)

    def start(self, home: str, words: tuple[str, ...], **environ: str) -> subprocess.Popen[bytes]:
        """Start the real command line, in a process group of its own."""
        given = [word.format(home=home) for word in words]
        with (self.folder / f"{home}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.pipeline.small_kb", "--home", home, "-q", *given],
                cwd=self.folder,
                env={**self.environ, **environ},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, home: str, *words: str, **environ: str) -> int:
        """Run it to its end and give the exit code."""
        return self.start(home, words, **environ).wait()

    def run_here(self, home: str, *words: str) -> int:
        """Run it in this process, which takes half the time; the small limits must be set."""
        from cli.main import main

        given = [word.format(home=home) for word in words]
        told = io.StringIO()
        listening = signal.getsignal(signal.SIGTERM)
        try:
            with (
                mock.patch.dict(os.environ, self.environ, clear=True),
                chdir(self.folder),
                redirect_stdout(told),
                redirect_stderr(told),
            ):
                return main(["--home", home, "-q", *given])
        finally:
            signal.signal(signal.SIGTERM, listening)
            with (self.folder / f"{home}.log").open("a", encoding="utf-8") as log:
                log.write(told.getvalue())

    def killed_at(self, home: str, scene: Scene, step: str, nth: int = 1) -> int:
        """Run it until it is killed at a step; gives the exit code."""
        kill = {"KB_TEST_KILL_AT": step, "KB_TEST_KILL_NTH": str(nth)}
        return self.run(home, *scene.words, **kill)

    def killed_after(self, home: str, scene: Scene, seconds: float) -> int:
        """Run it for so long, then kill it with all its workers; gives the exit code."""
        process = self.start(home, scene.words)
        time.sleep(seconds)
        # Until it is waited for, its group is there, also where it has come to its end.
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the commands: small requests, one after another."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("KB_")},
            "PYTHONPATH": str(REPOSITORY),
            "KB_BASE_URL": self.fake.base_url,
            "KB_CONCURRENCY": "1",
            "KB_BATCH_TOKENS": "80",
        }

    def copy(self, before: str | None, home: str) -> None:
        """Give a knowledge base the state `before`."""
        if before is not None:
            shutil.copytree(self.folder / before, self.folder / home)

    def paid(self, since: int = 0) -> Counter[str]:
        """How often each passage was sent after so many texts."""
        return Counter(
            text
            for text in self.fake.texts[since:]
            if MARKER in text and not text.startswith(("query: ", "Instruct: "))
        )


def prepare(desk: Desk) -> None:
    """Make the documents and the states that scenes begin with."""
    docs = desk.folder / "docs"
    docs.mkdir()
    for number in range(6):
        _write(docs / f"c{number}.md", _contract(number, 1), when=1_600_000_000)
    _write(docs / "stale.md", _contract(7, 1), when=1_600_000_000)
    # Three runs, so that the next one has four segments to merge.
    for names in (("c0", "c1"), ("c2", "c3"), ("c4", "c5", "stale")):
        _expect(0, desk.run("first", "ingest", *(f"docs/{name}.md" for name in names)))
    desk.copy("first", "hurt")
    _hurt(desk.folder / "hurt")
    desk.copy("first", "kept")
    _expect(0, desk.run("kept", "reindex", "--prompts", "qwen3", "--keep-old", "--force"))
    _write(docs / "c1.md", _contract(1, 2), when=1_600_000_100)
    _write(docs / "c6.md", _contract(6, 2), when=1_600_000_100)
    _write(docs / "stale.md", "", when=1_600_000_100)
    (docs / "c3.md").unlink()
    _expect(1, desk.run("kept", "ingest", "docs", KB_PROMPTS="qwen3"))
    _expect(0, desk.run("kept", "backup", "kept.zip"))


def _expect(code: int, given: int) -> None:
    assert given == code


def _hurt(home: Path) -> None:
    """Take away the first page of the database, and a file of the index: all can be mended."""
    with (home / "kb.sqlite3").open("r+b") as file:
        file.write(bytes(4096))
    min((home / "index").glob("*.faiss")).unlink()


def _write(path: Path, text: str, *, when: int) -> None:
    path.write_text(text)
    os.utime(path, (when, when))


def _contract(number: int, version: int) -> str:
    clauses = "\n\n".join(
        f"## {n}. Rule {n}\n\nThe carrier brings parcel {number}-{n}-{version} to depot "
        f"{(number * 7 + n) % 9} within {n + version} days, and tells gate {n * 31 + number}."
        for n in range(1, 9)
    )
    return f"# Contract {number}\n\n{clauses}\n"

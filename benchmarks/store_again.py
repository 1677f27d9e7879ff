"""A second ingest of files that are the same, beside a bare walk with `stat` over them.

Whole processes are compared, since that is what a person or a timer starts: `kb ingest FOLDER`
beside a Python that does nothing but walk the folder with `os.walk` and call `os.stat` for each
file, which is the least that anybody must do who wants to know whether a file changed. Both pay
for a Python that starts, for every folder and for every `stat`; kb pays for its command line, for
reading what it knows of each file, and for saying so. The other figures say where it goes:
`os.scandir`, whose entries spare a walk the joining of names, and the work without the start.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.measure import median_cpu, python, ratio
from benchmarks.store_base import draft
from kb.model import Source
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import ingest
from kb.source import discover
from kb.store import DocumentDraft, open_store

_FILES: Final = 10_000
_IN_A_FOLDER: Final = 100
_RUNS: Final = 9
_WALK: Final = """
import os, sys
def walk(folder):
    for entry in os.scandir(folder):
        walk(entry.path) if entry.is_dir(follow_symlinks=False) else entry.stat()
walk(sys.argv[1])
"""
_OS_WALK: Final = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(folder, name))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What the second ingest costs, in CPU, as a multiple of the walk."""

    #: In a process that runs already: `ingest` beside a function that walks.
    work: float
    #: As whole processes, beside `os.scandir` and `DirEntry.stat`.
    process: float
    #: As whole processes, beside `os.walk` and `os.stat`.
    os_walk: float
    #: As whole processes, but for what both cost where there is one file: the price of a file.
    files: float
    #: What an ingest of one unchanged file costs, in seconds.
    start_s: float


def again(folder: Path, command: str) -> Again:
    """Make files and a knowledge base that knows them all; `command` is that of `kb`."""
    home, files = _known(folder / "many", _FILES)
    base = locate(home)
    pairs = [
        (_seconds(lambda: _ingest(base, files)), _seconds(lambda: _walk(files)))
        for _ in range(1 + _RUNS)
    ]
    whole = [command, "--home", str(home), "ingest", str(files)]
    least, file = _known(folder / "one", 1)
    one = [command, "--home", str(least), "ingest", str(file)]
    walk = [*python(_WALK), str(files)]
    start = median_cpu(one, runs=_RUNS)
    for_files = median_cpu(whole, runs=_RUNS) - start
    walking = median_cpu(walk, runs=_RUNS) - median_cpu(python("import os, sys"), runs=_RUNS)
    return Again(
        work=statistics.median(one / other for one, other in pairs[1:]),
        process=ratio(whole, walk, runs=_RUNS),
        os_walk=ratio(whole, [*python(_OS_WALK), str(files)], runs=_RUNS),
        files=for_files / walking,
        start_s=start,
    )


def _known(folder: Path, count: int) -> tuple[Path, Path]:
    """Make so many files and a knowledge base that knows them all."""
    home, files = folder / ".kb", folder / "files"
    _make(files, count)
    _know(files, home, count)
    # Every knowledge base that an ingest made has one.
    (home / "kb.toml").write_text('[embedding]\nmodel = "builtin:static"\n', encoding="utf-8")
    return home, files


def _make(files: Path, count: int) -> None:
    for number in range(count):
        path = files / f"{number // _IN_A_FOLDER:03}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Note {number}.\n", encoding="utf-8")


def _know(files: Path, home: Path, count: int) -> None:
    store = open_store(home, create=True)
    found = discover([files], root=home.parent, home=home)
    sources = [each for each in found if isinstance(each, Source)]
    assert len(sources) == count
    with store.writer("benchmark") as writer:
        for at in range(0, _FILES, 500):
            writer.put_all([_draft(each) for each in sources[at : at + 500]])
    store.close()


def _draft(source: Source) -> DocumentDraft:
    made = draft(source.path, ["Note."])
    return replace(made, source=source, chunks=[replace(each, key=None) for each in made.chunks])


def _ingest(base: KnowledgeBase, files: Path) -> None:
    report = ingest(base, [files])
    assert report.documents.unchanged == _FILES


def _walk(folder: Path | str) -> None:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            _walk(entry.path)
        else:
            entry.stat()


def _seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began

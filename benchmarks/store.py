"""`python -m benchmarks.store [--quick | --full]`: what the store costs and finds, as ratios.

Each figure stands beside a yardstick measured in the same run, since machines differ and are
shared; CPU time is the firm figure. `--quick` takes 10,000 vectors, the default adds 100,000,
`--full` adds 500,000 of 2560 dimensions and 1,000,000 of 384 (hours, and some 20 GB of disk).
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.measure import REPOSITORY, machine, python, ratio, run_once
from benchmarks.store_again import again
from benchmarks.store_base import Filled, Writing, fill, put
from benchmarks.store_data import Cloud, Floats
from kb.store import Snapshot, open_store
from kb.store.local.database import connect

_KB: Final = str(Path(sys.executable).with_name("kb"))
_HEAVY: Final = python("import click, sqlite3, faiss")
_QUESTIONS: Final = 100
_MANY: Final = 100_000
_FILL: Final = """
import sys
from pathlib import Path
from benchmarks.store_base import fill
from benchmarks.store_data import Cloud
cloud = Cloud(count=int(sys.argv[2]), dimensions=2560, matryoshka=False)
print(fill(Path(sys.argv[1]), cloud).peak_mib)
"""
_RESIDENT: Final = """
import sys
from pathlib import Path
import numpy as np
from kb.store import open_store
with open_store(Path(sys.argv[1])).snapshot() as snapshot:
    for question in np.load(sys.argv[2]):
        snapshot.nearest(question, top_k=10)
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 vectors only")
    parser.add_argument("--full", action="store_true", help="up to 1,000,000 vectors")
    options = parser.parse_args()
    print(f"machine: {machine()}, load {os.getloadavg()[0]:.1f}")
    compileall.compile_dir(REPOSITORY / "kb", quiet=1)
    compileall.compile_dir(REPOSITORY / "cli", quiet=1)
    show("kb --version, CPU", ratio([_KB, "--version"], python("pass")), "x of python -c pass")
    _again()
    if not options.quick:
        _memory()
    clouds = [Cloud(count=10_000, dimensions=2560, matryoshka=m) for m in (True, False)]
    if not options.quick:
        clouds += [Cloud(count=_MANY, dimensions=2560, matryoshka=m) for m in (True, False)]
    if options.full:
        clouds += [
            Cloud(count=500_000, dimensions=2560, matryoshka=False),
            Cloud(count=1_000_000, dimensions=384, matryoshka=False),
        ]
    for cloud in clouds:
        with tempfile.TemporaryDirectory(prefix="kb-bench-") as folder:
            measure(Path(folder), cloud)


def show(what: str, value: float | str, unit: str = "") -> None:
    told = f"{value:>10.{2 if value > 10 else 3}f}" if isinstance(value, float) else f"{value:>10}"
    print(f"  {what:<46} {told} {unit}", flush=True)


def measure(folder: Path, cloud: Cloud) -> None:
    """Fill a knowledge base with a cloud and measure everything about it."""
    kind = "with" if cloud.matryoshka else "without"
    print(f"{cloud.count:,} x {cloud.dimensions}, {kind} Matryoshka structure")
    home = folder / "kb"
    filled = fill(home, cloud)
    _ingest(cloud, filled)
    _disk(home, cloud)
    questions = cloud.questions(_QUESTIONS)
    np.save(folder / "questions.npy", questions)
    np.save(folder / "question.npy", questions[0])
    store = open_store(home)
    with store.snapshot() as snapshot:
        _recall(snapshot, cloud, questions)
        if cloud.count <= _MANY:
            _warm(snapshot, cloud, questions)
    store.close()
    show("resident memory of a search", _resident(home, folder / "questions.npy"), "MiB")
    with endpoint(folder / "question.npy") as address:
        _cold(home, address)
    _change(home, cloud)


def _ingest(cloud: Cloud, filled: Filled) -> None:
    show("ingest", cloud.count / filled.wall_s, "chunks/s by the clock")
    show("ingest, CPU", cloud.count / filled.cpu_s, "chunks for a second of CPU")
    show("  of it the index", filled.index_cpu_s / filled.cpu_s, "of the CPU")


def _again() -> None:
    with tempfile.TemporaryDirectory(prefix="kb-bench-") as folder:
        told = again(Path(folder), _KB)
    show("second ingest of 10,000 same files, CPU", told.work, "x of a walk with stat")
    show("  as a whole process", told.process, "x of Python walking (os.scandir)")
    show("  as a whole process", told.os_walk, "x of Python walking (os.walk, os.stat)")
    show("  as a whole process, for the files alone", told.files, "x of the walk")
    show("  of one file, as a whole process", told.start_s * 1000, "ms of CPU")


def _memory() -> None:
    """Fill knowledge bases of growing size, each in a process of its own."""
    peaks = []
    for count in (10_000, 50_000, _MANY):
        with tempfile.TemporaryDirectory(prefix="kb-bench-") as folder:
            done = subprocess.run(
                [*python(_FILL), str(Path(folder) / "kb"), str(count)],
                cwd=REPOSITORY,
                check=True,
                capture_output=True,
                text=True,
            )
        peaks.append(float(done.stdout))
        show(f"peak memory of filling {count:,} x 2560", peaks[-1], "MiB")
    show("  the largest to the smallest", peaks[-1] / peaks[0], "x for 10 times as many")


def _disk(home: Path, cloud: Cloud) -> None:
    """Take the vectors out of a copy: what it is smaller by is what they and their keys take."""
    files = sum(file.stat().st_size for file in (home / "index").iterdir())
    total = (home / "kb.sqlite3").stat().st_size
    bare = home.with_name("bare.sqlite3")
    shutil.copyfile(home / "kb.sqlite3", bare)
    with closing(connect(bare, "mode=rw")) as database:
        database.execute("DELETE FROM vectors")
        free = database.execute("PRAGMA freelist_count").fetchone()[0]
        vectors = free * database.execute("PRAGMA page_size").fetchone()[0]
    for file in bare.parent.glob("bare.sqlite3*"):
        file.unlink()
    show("disk, whole database and index", (total + files) / cloud.count, "bytes for a chunk")
    show("  the index", files / cloud.count, "bytes for a vector")
    show("  vectors, their keys and the index", (vectors + files) / cloud.count, "bytes")


def _recall(snapshot: Snapshot, cloud: Cloud, questions: Floats) -> None:
    """Compare with every stored vector, for questions from outside."""
    facts = snapshot.summary().index
    for shape in facts["shapes"]:
        told = f"{shape['kind']} {shape['width']}, {shape['candidates']} candidates"
        lists = f", {shape['probes']} of {shape['lists']} lists" if shape["lists"] else ""
        print(f"  segment of {shape['vectors']:,}: {told}{lists}, measured {shape['recall']}")
    tenth = np.full((len(questions), 0), -np.inf, np.float32)
    for _, vectors in cloud.blocks(10_000):
        scores = questions @ vectors.astype(np.float16).astype(np.float32).T
        tenth = np.sort(np.concatenate([tenth, scores], axis=1), axis=1)[:, -10:]
    found = [
        np.mean([score >= least - 1e-5 for _, score in snapshot.nearest(question, top_k=10)])
        for question, least in zip(questions, tenth[:, 0].tolist(), strict=True)
    ]
    show("recall@10, questions from outside", float(np.mean(found)))


def _warm(snapshot: Snapshot, cloud: Cloud, questions: Floats) -> None:
    import faiss

    whole = faiss.IndexScalarQuantizer(
        cloud.dimensions, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    whole.train(cloud.block(0, 5000))
    for _, vectors in cloud.blocks(10_000):
        whole.add(vectors)
    faiss.omp_set_num_threads(1)
    ours = _median_ms(lambda q: snapshot.nearest(q, top_k=10), questions)
    theirs = _median_ms(lambda q: whole.search(q[None], 10), questions)
    show("warm search, median CPU", ours, "ms")
    show("  to FAISS SQ8 at full width", ours / theirs, f"x of {theirs:.3g} ms")


def _resident(home: Path, questions: Path) -> float:
    """Give the most that a process of its own held, in MiB, as Linux counts it."""
    done = subprocess.run(
        [*python(_RESIDENT), str(home), str(questions)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout) / 1024


def _median_ms(search: Callable[[Floats], Any], questions: Floats) -> float:
    spent = []
    for question in questions:
        began = time.process_time()
        search(question)
        spent.append(time.process_time() - began)
    return 1000 * statistics.median(spent)


@contextmanager
def endpoint(vector: Path) -> Iterator[str]:
    """Run the endpoint in a process of its own; gives its address."""
    command = [sys.executable, "-m", "benchmarks.store_endpoint", str(vector)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _cold(home: Path, address: str) -> None:
    settings = f'[embedding]\nbase_url = "{address}"\nmodel = "m"\nprompts = "custom"\n'
    templates = 'query_template = "{text}"\npassage_template = "{text}"\n'
    (home / "kb.toml").write_text(settings + templates, encoding="utf-8")
    for mode in ("dense", "hybrid", "lexical"):
        command = [_KB, "--home", str(home), "search", "tase retu", "--mode", mode]
        done = run_once(command)
        if done.exit_code:
            show(f"cold kb search --mode {mode}", "failed", f"exit code {done.exit_code}")
            continue
        show(f"cold kb search --mode {mode}, CPU", ratio(command, _HEAVY), "x of the imports")
    (home / "kb.toml").unlink()


def _change(home: Path, cloud: Cloud) -> None:
    """Add and delete 1,000 chunks; the yardstick is building the whole index anew."""
    drafts = Writing().documents("again", 1000)
    more = Cloud(count=1000, dimensions=cloud.dimensions, matryoshka=cloud.matryoshka, seed=2)
    vectors = more.block(0, 1000)
    with open_store(home).writer("benchmark") as writer:
        added = _cpu(lambda: (put(writer, drafts, vectors), writer.refresh_index()))
        paths = [draft.source.path for draft in drafts]
        removed = _cpu(lambda: (writer.remove(paths), writer.refresh_index()))
        for file in (home / "index").glob("*.faiss"):
            file.unlink()
        rewritten = _cpu(writer.refresh_index)
    show("add 1,000 chunks, CPU", added / rewritten, "x of rewriting the index")
    show("delete 1,000 chunks, CPU", removed / rewritten, "x of rewriting the index")


def _cpu(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()

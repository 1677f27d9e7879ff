"""`python -m benchmarks.store_rivals`: kb side by side with other stores, in whole processes.

Every side gets the same vectors and texts (English and Chinese) and keeps the texts too; each verb
is a process of its own. kb's cold search is the whole `kb search`, its call to an endpoint included
(the endpoint's own time is not); the others read the question's vector from a file and print what
they find, as `kb store` does with kb's store alone. What each side does with words and vectors
stands below the table, for they do not do the same. A side that cannot be installed, or fails, is
told with its reason.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import REPOSITORY, Cost, machine, run_once
from benchmarks.rivals.installs import RIVALS, interpreter, last_line
from benchmarks.rivals.table import Outcome, show, size_of
from benchmarks.store import endpoint

_KB: Final = str(Path(sys.executable).with_name("kb"))
_ROUNDS: Final = 5
_LIMIT_S: Final = 1500
_SETTINGS: Final = """
[embedding]
base_url = "{address}"
model = "m"
prompts = "custom"
query_template = "{{text}}"
passage_template = "{{text}}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A side that takes part: its script's command, its folder, what is known of it."""

    command: list[str]
    word: list[str]
    home: Path
    outcome: Outcome

    def run(self, *words: str | Path) -> Cost | None:
        """Run one verb; None where it failed, and the outcome says why."""
        with tempfile.TemporaryFile() as errors:
            command = [*self.command, *map(str, words), *self.word]
            cost = run_once(command, errors=errors, limit_s=_LIMIT_S)
            if cost.exit_code == 0:
                return cost
            errors.seek(0)
            told = last_line(errors.read().decode(errors="replace"))
        killed = cost.wall_s >= _LIMIT_S
        self.outcome.failed = f"{words[0]}: " + (f"over {_LIMIT_S} s" if killed else told)
        return None


def main() -> None:
    names = [rival.name for rival in RIVALS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="vectors")
    parser.add_argument("--dimensions", type=int, help="default: 384, then 2560")
    parser.add_argument("--only", default=",".join(names), help=f"of {', '.join(names)}")
    default = Path(tempfile.gettempdir()) / "kb-rivals"
    parser.add_argument("--venvs", type=Path, default=default, help=f"default: {default}")
    options = parser.parse_args()
    for part in ("kb", "cli", "benchmarks"):
        compileall.compile_dir(REPOSITORY / part, quiet=1)
    print(f"machine: {machine()}, load {os.getloadavg()[0]:.1f}", flush=True)
    for width in [options.dimensions] if options.dimensions else [384, 2560]:
        with tempfile.TemporaryDirectory(prefix="kb-rivals-") as folder:
            compare(Path(folder), (options.count, width), options.venvs, options.only.split(","))


def compare(folder: Path, shape: tuple[int, int], venvs: Path, only: Sequence[str]) -> None:
    """Measure all sides with vectors of one shape and print the table."""
    count, width = shape
    data = folder / "data"
    data.mkdir()
    # A process of its own, so that its memory is not taken for that of what is started later.
    made = [sys.executable, "-m", "benchmarks.rivals.data", str(data), str(count), str(width)]
    subprocess.run(made, check=True, cwd=REPOSITORY)
    kb, *others = sides = _sides(folder, venvs, only)
    for side in sides:
        if side.command:
            _ingest(side, data)
        if kb.outcome.failed:
            sys.exit(f"kb has nothing to compare with, {kb.outcome.failed}")
    words = _words(data)
    with endpoint(data / "question.npy") as address:
        (kb.home / "kb.toml").write_text(_SETTINGS.format(address=address), encoding="utf-8")
        more = _cold(sides, data, words)
    for side in sides:
        if side.outcome.cold:
            _warm(side, data)
    print(f"\n{count:,} x {width}, load {os.getloadavg()[0]:.1f}")
    show(kb.outcome, [*more, *(side.outcome for side in others)], count)


def _sides(folder: Path, venvs: Path, only: Sequence[str]) -> list[Running]:
    told = (
        "ingest through its store, in transactions as large as those of `kb ingest`; vectors "
        "under SHA-256 keys and an index of them; FTS5 over words with stems, pairs of Chinese "
        "characters and headings; place of each passage by page and line; a CRC-32 for each row; "
        "cold search by `kb search --mode dense`"
    )
    sides = [_side(folder, "kb", Path(sys.executable), Outcome(name="kb", told=told))]
    for rival in RIVALS:
        if rival.name not in only:
            continue
        python, versions = interpreter(rival, venvs)
        outcome = Outcome(name=rival.name, told=f"{versions}; {rival.settings}")
        if python is None:
            outcome = Outcome(name=rival.name, told=f"not installed: {versions}")
        sides.append(_side(folder, rival.module, python, outcome, rival.word))
    return sides


def _side(
    folder: Path, module: str, python: Path | None, outcome: Outcome, word: str = ""
) -> Running:
    home = folder / outcome.name
    home.mkdir()
    command = [str(python), "-m", f"benchmarks.rivals.with_{module}"] if python else []
    return Running(command=command, word=[word] if word else [], home=home, outcome=outcome)


def _ingest(side: Running, data: Path) -> None:
    side.outcome.ingest = side.run("ingest", data, side.home)
    side.outcome.disk = size_of(side.home) if side.outcome.ingest else 0
    _progress(side, "ingested", side.outcome.ingest)


def _words(data: Path) -> str:
    """Give a question in words that stand in some passage."""
    with (data / "texts.jsonl").open(encoding="utf-8") as lines:
        return " ".join(json.loads(next(lines)).split()[1:6])


def _cold(sides: Sequence[Running], data: Path, words: str) -> list[Outcome]:
    """Search once in a fresh process each, all in turn.

    Gives what a hybrid search of kb costs, and what its store costs without a command line.
    """
    kb = sides[0]
    dense, hybrid = (
        [_KB, "--home", str(kb.home), "search", words, "--mode", mode]
        for mode in ("dense", "hybrid")
    )
    mixed = Outcome(name="kb hybrid", told=f"the same store, `kb search --mode hybrid {words}`")
    store = replace(
        kb, outcome=Outcome(name="kb store", told="the same store, without `kb search`")
    )
    for turn in range(1 + _ROUNDS):
        costs = [(kb.outcome, run_once(dense)), (mixed, run_once(hybrid))]
        costs += [
            (side.outcome, cost)
            for side in (store, *sides[1:])
            if (side is store or side.outcome.ingest)
            and (cost := side.run("search", side.home, data / "question.npy"))
        ]
        for outcome, cost in costs:
            assert cost.exit_code == 0, f"{outcome.name} could not search"
            # The first turn only warms the caches.
            if turn:
                outcome.cold.append(cost)
                told = f"cold search {cost.cpu_s:.3f} s CPU, {cost.wall_s:.3f} s wall"
                print(f"  {outcome.name}: {told}", file=sys.stderr, flush=True)
    return [mixed, store.outcome]


def _warm(side: Running, data: Path) -> None:
    answers = side.home.with_name("answers.json")
    cost = side.run("warm", side.home, data / "questions.npy", answers)
    if cost is None:
        _progress(side, "searched", cost)
        return
    told = json.loads(answers.read_text())
    side.outcome.warm = median(cpu for cpu, _, _ in told), median(wall for _, wall, _ in told)
    truth = json.loads((data / "truth.json").read_text())
    shares = [
        len(set(rows) & set(exact)) / len(exact)
        for (_, _, rows), exact in zip(told, truth, strict=True)
    ]
    side.outcome.recall = sum(shares) / len(shares)
    _progress(side, f"recall {side.outcome.recall:.3f}", cost)


def _progress(side: Running, what: str, cost: Cost | None) -> None:
    told = (
        f"{what}: {cost.cpu_s:.1f} s CPU, {cost.wall_s:.1f} s wall, {cost.peak_mib:.0f} MiB"
        if cost
        else side.outcome.failed
    )
    print(f"  {side.outcome.name}: {told}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

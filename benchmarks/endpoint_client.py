"""How busy does the client keep an embedding server, and what does it cost itself?

    python -m benchmarks.endpoint_client [--quick] [--only 60,250,500,steps,cpu,memory]

The server is simulated (`benchmarks.simulated_server`), in a process of its own; texts have 300
tokens, vectors 2560 dimensions, and the client has its defaults. All of it takes five minutes.

Busy is texts served / (capacity x seconds), counted by the server; a text that is half done counts
half. It is given twice, since the client starts with two small requests at a time and learns how
much the server takes: `whole run` from the first request to the last outcome, with that learning
and the end, when little is left to send; `second half` from half of the time until the texts run
out, with nothing left out in between. Both spans are fixed before the run. `at once` is how many
requests were at the server, on average over the whole run.

CPU is the time of the client's process, all its threads, against `json.loads` and `b64decode` over
as many bytes, each measured right after the other; the median of the ratios counts. A machine
whose cores are all taken by others makes the threads wait for one another, which costs up to half
as much again: the loads before and after are printed.

Memory is the peak of a fresh process that does nothing but embed texts from a generator and drop
the vectors, at the server that works in steps. It is asked to have 8 requests under way from the
beginning: each of its threads keeps about 3 MiB for reading answers, so with the defaults the peak
also tells how many were ever tried at once, which is up to 16 and differs from run to run.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.measure import REPOSITORY, machine, python
from benchmarks.simulated_server import answer_body, steps_capacity
from kb.embed.endpoint import EndpointEmbedder, connect
from kb.embed.options import Options, World
from kb.model import EmbedItem

TOKENS: Final = 300
#: Seconds for which texts are fed, for each capacity.
SECONDS: Final = {60: 100.0, 250: 45.0, 500: 30.0}
STEPS_SECONDS: Final = 20.0
_WORDS: Final = "The party of the first part delivers goods as agreed upon herein. "
_CPU_TEXTS: Final = 10_000
_PAIRS: Final = 5
_COUNTS: Final = (1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Stats:
    """What the server says of itself."""

    now: float
    done: float
    busy_s: float
    request_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Server:
    """A simulated server that runs."""

    root: str

    def stats(self) -> Stats:
        """Ask what has been done so far."""
        with urllib.request.urlopen(f"{self.root}/stats") as reply:
            return Stats(**json.load(reply))

    def embedder(self, concurrency: int | None = None) -> EndpointEmbedder:
        """Connect as the program does by default, or with so many requests under way."""
        options = Options(
            base_url=f"{self.root}/v1",
            model="simulated",
            prompts="none",
            concurrency=concurrency,
        )
        return connect(options, expected=None, world=World())


@contextmanager
def simulated(kind: str, capacity: float = 0.0) -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.simulated_server", kind]
    if capacity:
        command += ["--capacity", str(capacity)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
        assert process.stdin is not None
        process.stdin.close()


def texts() -> Iterator[EmbedItem]:
    """Give different texts of 300 tokens without end."""
    letters = TOKENS * 4 - 4
    filler = _WORDS * (letters // len(_WORDS) + 1)
    number = 0
    while True:
        key = number.to_bytes(8, "big")
        yield EmbedItem(key=key, text=f"{number:08} {filler}"[:letters])
        number += 1


def for_seconds(seconds: float, server: Server, marks: list[Stats]) -> Iterator[EmbedItem]:
    """Feed texts for a while; what the server has done is noted at half time and at the end."""
    started = time.monotonic()
    moments = [started + seconds / 2, started + seconds]
    for item in texts():
        if time.monotonic() >= moments[0]:
            marks.append(server.stats())
            del moments[0]
            if not moments:
                return
        yield item


def efficiency(capacity: float, first: Stats, last: Stats) -> float:
    return (last.done - first.done) / (capacity * (last.now - first.now))


def at_once(first: Stats, last: Stats) -> float:
    return (last.request_s - first.request_s) / (last.now - first.now)


def show(what: str, seen: str, goal: str = "", note: str = "") -> None:
    print(f"{what:<36} {seen:>8} {goal:>9}  {note}".rstrip(), flush=True)


def keep_busy(name: str, server: Server, capacity: float, seconds: float, goal: int) -> None:
    marks: list[Stats] = []
    with server.embedder() as embedder:
        first = server.stats()
        own = time.process_time()
        failed = 0
        for outcome in embedder.embed(for_seconds(seconds, server, marks)):
            failed += outcome.vector is None
        last = server.stats()
        own = time.process_time() - own
    half, end = marks
    wall = last.now - first.now
    seen = efficiency(capacity, first, last)
    note = f"{at_once(first, last):.1f} at once, CPU {own / wall:.0%}"
    show(f"{name}, whole run of {wall:.0f} s", f"{seen:.1%}", f">= {goal} %", note)
    show(f"{name}, second half", f"{efficiency(capacity, half, end):.1%}")
    if failed:
        show(f"{name}, TEXTS THAT FAILED", f"{failed:,}", "0")


def embed_many(
    server: Server, items: Iterable[EmbedItem], concurrency: int | None = None
) -> tuple[float, int]:
    """Embed the texts; give the CPU seconds, without connecting, and how many had vectors."""
    with server.embedder(concurrency) as embedder:
        started = time.process_time()
        served = sum(outcome.vector is not None for outcome in embedder.embed(items))
        return time.process_time() - started, served


def bare_parse(body: bytes, requests: int) -> float:
    started = time.process_time()
    for _ in range(requests):
        for entry in json.loads(body)["data"]:
            base64.b64decode(entry["embedding"])
    return time.process_time() - started


def cpu() -> None:
    # As many texts as the client puts into a full request of such texts.
    per_request = 16_384 // TOKENS
    body = answer_body(per_request)
    ours, bare = [], []
    with simulated("instant") as server:
        items = list(islice(texts(), _CPU_TEXTS))
        embed_many(server, items[:1_000]), bare_parse(body, 20)
        for _ in range(_PAIRS):
            ours.append(embed_many(server, items)[0])
            bare.append(bare_parse(body, _CPU_TEXTS // per_request))
    ratios = sorted(one / other for one, other in zip(ours, bare, strict=True))
    show(
        f"CPU for {_CPU_TEXTS:,} texts, of a bare parse",
        f"{statistics.median(ratios):.2f} x",
        "<= 2.5 x",
        f"{ratios[0]:.2f} to {ratios[-1]:.2f}; {statistics.median(ours):.2f} s",
    )


def memory(counts: Sequence[int]) -> None:
    peaks = []
    for count in counts:
        with simulated("steps") as server:
            code = (
                "from benchmarks.endpoint_client import Server, embed_many, islice, peak, texts; "
                f"items = islice(texts(), {count}); "
                f"served = embed_many(Server({server.root!r}), items, 8)[1]; "
                f"assert served == {count}; print(peak())"
            )
            output = subprocess.check_output(python(code), cwd=REPOSITORY, text=True)
        peaks.append(float(output))
        show(f"peak memory, {count:,} texts", f"{peaks[-1]:.0f} MiB")
    growth = peaks[-1] / peaks[0]
    show(f"peak memory, {counts[-1]:,} to {counts[0]:,}", f"{growth:.2f} x", "<= 1.15 x")


def peak() -> float:
    """Give this process's own peak in MiB (Linux).

    `ru_maxrss` would do wrong here: it includes what the parent held when it started the process.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the time, less steady")
    parser.add_argument("--only", default="60,250,500,steps,cpu,memory", help="which figures")
    options = parser.parse_args()
    wanted = set(re.split("[, ]+", options.only))
    share = 0.25 if options.quick else 1.0
    print(f"{machine()}; load {_load()}")
    show("what", "measured", "goal")
    for capacity, seconds in SECONDS.items():
        if str(capacity) in wanted:
            with simulated("slots", capacity) as server:
                keep_busy(f"8 slots, {capacity}/s", server, capacity, seconds * share, 95)
    if "steps" in wanted:
        with simulated("steps") as server:
            full = steps_capacity(TOKENS)
            keep_busy(f"steps, {full:,.0f}/s", server, full, STEPS_SECONDS * share, 85)
    if "cpu" in wanted:
        cpu()
    if "memory" in wanted:
        memory(_COUNTS[:2] if options.quick else _COUNTS)
    print(f"load {_load()}")


def _load() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


if __name__ == "__main__":
    main()

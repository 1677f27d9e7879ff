"""How busy does the client keep an embedding server, and what does it cost itself?

    python -m benchmarks.endpoint_client [--quick] [--only 60,250,500,steps,cpu,memory]

The server is simulated (`benchmarks.simulated_server`), in a process of its own; texts have 300
tokens, vectors 2560 dimensions. Efficiency is texts served / (capacity x seconds), counted by the
server; a text that is half done counts half. It is given twice, since the client starts with two
small requests at a time and learns how much the server takes: `whole run` from the first request
to the last outcome, with that learning and the end, when little is left to send; `second half`
from half of the time until the texts run out, with nothing left out in between. Both spans are
fixed before the run. `at once`: requests under way at the server, on average in each span.

CPU is this process's alone, against `json.loads` and `b64decode` over the same bytes. Memory is
the peak of a fresh process.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.measure import REPOSITORY, machine, python
from benchmarks.simulated_server import DIMENSIONS, answer_body, steps_capacity
from kb.embed.endpoint import EndpointEmbedder, connect
from kb.embed.options import Options, World
from kb.model import EmbedItem

TOKENS: Final = 300
#: Seconds for which texts are fed. A full request to the slowest takes 7 s.
SECONDS: Final = {60: 160.0, 250: 60.0, 500: 45.0}
STEPS_SECONDS: Final = 30.0
_WORDS: Final = "The party of the first part delivers goods as agreed upon herein. "
_CPU_TEXTS: Final = 10_000
_PAIRS: Final = 5
_COUNTS: Final = (1_000, 10_000, 50_000)


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

    def embedder(self) -> EndpointEmbedder:
        """Connect as the program does by default."""
        options = Options(base_url=f"{self.root}/v1", model="simulated", prompts="none")
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
    print(
        f"{name:<18} {capacity:>7.0f}/s {wall:>6.0f} s"
        f" {efficiency(capacity, first, last):>10.1%} {efficiency(capacity, half, end):>11.1%}"
        f" {f'>= {goal} %':>8} {f'{at_once(first, last):.1f} {at_once(half, end):.1f}':>9}"
        f" {own / wall:>7.0%} {(last.cpu_s - first.cpu_s) / wall:>7.0%}"
        + (f"  {failed} FAILED" if failed else ""),
        flush=True,
    )


def embed_many(server: Server, items: Iterable[EmbedItem]) -> tuple[float, int]:
    """Embed the texts; give the CPU seconds, without connecting, and how many had vectors."""
    with server.embedder() as embedder:
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
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    print(
        f"client CPU per {_CPU_TEXTS:,} embeddings: {statistics.median(ours):.2f} s;"
        f" bare parse {statistics.median(bare):.2f} s; {ratio:.2f} x (goal at most 2.5 x)",
        flush=True,
    )


def memory() -> None:
    peaks = []
    with simulated("instant") as server:
        for count in _COUNTS:
            code = (
                "from benchmarks.endpoint_client import Server, embed_many, islice, peak, texts; "
                f"items = islice(texts(), {count}); "
                f"assert embed_many(Server({server.root!r}), items)[1] == {count}; print(peak())"
            )
            output = subprocess.check_output(python(code), cwd=REPOSITORY, text=True)
            peaks.append(float(output))
    seen = ", ".join(f"{mib:.0f} MiB at {n:,}" for mib, n in zip(peaks, _COUNTS, strict=True))
    print(f"client peak memory: {seen} texts (goal: flat once all requests are under way)")


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
    print(f"machine: {machine()}; {DIMENSIONS} dimensions, {TOKENS} tokens per text")
    print(
        f"{'server':<18} {'capacity':>9} {'wall':>8} {'whole run':>10} {'second half':>11}"
        f" {'goal':>8} {'at once':>9} {'own CPU':>7} {'its CPU':>7}"
    )
    for capacity, seconds in SECONDS.items():
        if str(capacity) in wanted:
            with simulated("slots", capacity) as server:
                keep_busy("8 slots", server, capacity, seconds * share, 95)
    if "steps" in wanted:
        with simulated("steps") as server:
            capacity_ = steps_capacity(TOKENS)
            keep_busy("steps of 256", server, capacity_, STEPS_SECONDS * share, 85)
    if "cpu" in wanted:
        cpu()
    if "memory" in wanted:
        memory()


if __name__ == "__main__":
    main()

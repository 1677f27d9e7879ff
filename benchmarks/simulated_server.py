"""An embedding server that only waits: it stands in for a GPU of known speed.

    python -m benchmarks.simulated_server slots --capacity 250
    python -m benchmarks.simulated_server steps
    python -m benchmarks.simulated_server instant

`slots`: 8 requests at a time, each text takes its slot for 8 / capacity seconds, the others queue.
`steps`: up to 256 texts of any requests together, 5 ms and 2 microseconds per token.
`instant`: answers at once, so that only the client's own work is left.

It prints its port and then serves POST /v1/embeddings, GET /v1/models and GET /stats until its
standard input is closed. Answers are made beforehand and cost little, since client and server share
the machine. Work begins on the simulated clock: the moment when the last work ended, or when the
request was read. A timer that fires late costs the client nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import heapq
import json
import random
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol

DIMENSIONS: Final = 2560
SLOTS: Final = 8
STEP_TEXTS: Final = 256
STEP_S: Final = 0.005
TOKEN_S: Final = 2e-6
LETTERS_PER_TOKEN: Final = 4
#: Different vectors; more texts than that in one request get them again.
_VECTORS: Final = 64


def steps_capacity(tokens: int) -> float:
    """Give the texts of so many tokens that full steps serve per second."""
    return STEP_TEXTS / (STEP_S + TOKEN_S * STEP_TEXTS * tokens)


@cache
def encoded() -> tuple[str, ...]:
    """Make the vectors, as base64 of little-endian float32."""
    chance = random.Random(5)
    rows = ([chance.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(_VECTORS))
    return tuple(base64.b64encode(array("f", row).tobytes()).decode() for row in rows)


@cache
def answer(count: int) -> bytes:
    """Give the whole HTTP answer for so many texts."""
    body = answer_body(count)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def answer_body(count: int) -> bytes:
    """Give the JSON alone. It reports no tokens, so that the client relies on its estimate."""
    entries = ",".join(
        f'{{"object":"embedding","index":{index},"embedding":"{encoded()[index % _VECTORS]}"}}'
        for index in range(count)
    )
    return f'{{"object":"list","data":[{entries}],"model":"simulated"}}'.encode()


@dataclass(slots=True)
class Record:
    """What was worked on when: texts are counted in proportion to the time spent on them."""

    whole: int = 0
    recent: list[tuple[float, float, int]] = field(default_factory=list)
    busy_s: float = 0.0

    def add(self, start: float, end: float, texts: int) -> None:
        """Note work on so many texts."""
        self.recent.append((start, end, texts))

    def until(self, now: float) -> tuple[float, float]:
        """Give the texts done and the seconds worked until now."""
        done, busy = 0.0, 0.0
        still: list[tuple[float, float, int]] = []
        for start, end, texts in self.recent:
            if end <= now:
                self.whole += texts
                self.busy_s += end - start
            else:
                still.append((start, end, texts))
                share = max(0.0, now - start) / (end - start)
                done += texts * share
                busy += max(0.0, now - start)
        self.recent = still
        return self.whole + done, self.busy_s + busy


@dataclass(slots=True)
class Load:
    """How many requests are under way, and for how many seconds in all."""

    requests: int = 0
    request_s: float = 0.0
    _since: float = 0.0

    def change(self, by: int, now: float) -> None:
        """Note that requests came or went."""
        self.request_s += self.requests * (now - self._since)
        self.requests += by
        self._since = now


class Machine(Protocol):
    """Decides when a request is done."""

    def take(self, lengths: list[int], reply: Callable[[], None]) -> None:
        """Work on texts of these lengths in tokens, and call `reply` when all are done."""


class Slots:
    """So many requests at a time, each text a fixed time."""

    def __init__(self, record: Record, capacity: float) -> None:
        self._record = record
        self._each = SLOTS / capacity
        self._free = [0.0] * SLOTS

    def take(self, lengths: list[int], reply: Callable[[], None]) -> None:
        """Plan when the texts are done, and reply then."""
        loop = asyncio.get_running_loop()
        start = max(heapq.heappop(self._free), loop.time())
        end = start + self._each * len(lengths)
        heapq.heappush(self._free, end)
        self._record.add(start, end, len(lengths))
        loop.call_at(end, reply)


@dataclass(slots=True)
class _Waiting:
    arrived: float
    lengths: list[int]
    reply: Callable[[], None]


class Steps:
    """Texts of all requests share steps, first come first served; idle between none."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._queue: deque[_Waiting] = deque()
        self._free_at = 0.0
        self._working = False

    def take(self, lengths: list[int], reply: Callable[[], None]) -> None:
        """Plan when the texts are done, and reply then."""
        self._queue.append(_Waiting(asyncio.get_running_loop().time(), lengths, reply))
        if not self._working:
            self._begin()

    def _begin(self) -> None:
        self._working = bool(self._queue)
        if not self._queue:
            return
        start = max(self._free_at, self._queue[0].arrived)
        room, tokens, ended = STEP_TEXTS, 0, []
        while self._queue and room and self._queue[0].arrived <= start:
            head = self._queue[0]
            part, head.lengths = head.lengths[:room], head.lengths[room:]
            room -= len(part)
            tokens += sum(part)
            if not head.lengths:
                ended.append(self._queue.popleft().reply)
        self._free_at = start + STEP_S + TOKEN_S * tokens
        self._record.add(start, self._free_at, STEP_TEXTS - room)
        asyncio.get_running_loop().call_at(self._free_at, self._end, ended)

    def _end(self, replies: list[Callable[[], None]]) -> None:
        self._begin()
        for reply in replies:
            reply()


class Instant:
    """No work at all."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def take(self, lengths: list[int], reply: Callable[[], None]) -> None:
        """Plan when the texts are done, and reply then."""
        self._record.whole += len(lengths)
        reply()


class Connection(asyncio.Protocol):
    """As much of HTTP/1.1 as the client speaks: one request after the other, with lengths."""

    def __init__(self, machine: Machine, stats: Callable[[], bytes], load: Load) -> None:
        self._machine = machine
        self._stats = stats
        self._load = load
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect a request and act when it is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        _, found, after = head.partition(b"content-length:")
        length = int(after.split(b"\r\n", 1)[0]) if found else 0
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        self._route(head, body)

    def _route(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get /stats"):
            self._send(_plain(self._stats()))
        elif head.startswith(b"get "):
            self._send(_plain(b'{"object":"list","data":[{"id":"simulated"}]}'))
        else:
            texts = json.loads(body)["input"]
            self._load.change(1, time.monotonic())
            lengths = [max(1, len(text) // LETTERS_PER_TOKEN) for text in texts]
            self._machine.take(lengths, lambda: self._answer(len(texts)))

    def _answer(self, count: int) -> None:
        self._load.change(-1, time.monotonic())
        self._send(answer(count))

    def _send(self, data: bytes) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(data)


def _plain(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def serve(kind: str, capacity: float) -> None:
    record, load = Record(), Load()
    machine: Machine
    if kind == "slots":
        machine = Slots(record, capacity)
    else:
        machine = Steps(record) if kind == "steps" else Instant(record)
    loop = asyncio.get_running_loop()

    def stats() -> bytes:
        now = loop.time()
        done, busy = record.until(now)
        load.change(0, time.monotonic())
        seen = {"now": now, "done": done, "busy_s": busy, "request_s": load.request_s}
        return json.dumps(seen | {"cpu_s": time.process_time()}).encode()

    for count in range(1, _VECTORS + 1):
        answer(count)
    server = await loop.create_server(lambda: Connection(machine, stats, load), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("slots", "steps", "instant"))
    parser.add_argument("--capacity", type=float, default=250.0, help="texts per second of `slots`")
    options = parser.parse_args()
    asyncio.run(serve(options.kind, options.capacity))


if __name__ == "__main__":
    main()

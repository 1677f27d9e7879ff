"""Texts like those of real documents, and how many of them a server embeds in a second."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from kb.chunk import estimate_tokens
from kb.doctor.examination import Examination
from kb.doctor.exchange import Caller, read_outcome
from kb.errors import Failure

#: How many different bodies the passages have, and about how many tokens come before each.
_BODIES: Final = 32
_HEAD_TOKENS: Final = 8
_WHO: Final = ("The buyer", "The supplier", "The carrier", "The operator", "The service partner")
_DOES: Final = ("shall inspect", "returns", "replaces", "stores", "cleans", "reports", "measures")
_WHAT: Final = (
    "the water filter",
    "the goods delivered",
    "each damaged part",
    "the pressure valve",
    "the invoice and its annexes",
    "the steam boiler",
    "all personal data",
)
_WHEN: Final = (
    "within {n} days of delivery",
    "after {n} litres of water",
    "at a pressure of {n} bar",
    "as clause {n} of this agreement provides",
    "before the end of week {n}",
)
_BUT: Final = (
    "unless the parties have agreed otherwise in writing",
    "and keeps a record for the auditor",
    "where the temperature rises above the limit in the table",
    "in which case the warranty ends",
    "and informs the other side without delay",
)


class Texts:
    """Makes passages and questions of which no two begin alike, in this run or another.

    A prefix cache would make the same texts look faster the second time.
    """

    def __init__(self, seed: int | None = None) -> None:
        # Chance here makes texts, no secrets.
        self._random = random.Random(time.time_ns() if seed is None else seed)  # noqa: S311
        self._bodies: dict[int, list[str]] = {}

    def passage(self, tokens: int) -> str:
        """Give a passage of at most about so many tokens, as kb estimates them."""
        if tokens not in self._bodies:
            # Made once: what is measured is the server, not this.
            self._bodies[tokens] = [self._body(tokens) for _ in range(_BODIES)]
        return (
            f"Clause {self._random.randrange(10**9)}: {self._random.choice(self._bodies[tokens])}"
        )

    def question(self) -> str:
        """Give a question of about fifteen tokens."""
        pick, number = self._random.choice, self._random.randrange(10**6)
        return f"In case {number}, who {pick(_DOES)} {pick(_WHAT)} and by when?"

    def _body(self, tokens: int) -> str:
        wanted = max(4, tokens - _HEAD_TOKENS)
        text = self._sentence()
        while (length := estimate_tokens(text)) < wanted:
            text = f"{text} {self._sentence()}"
        words = text.split(" ")
        return " ".join(words[: max(2, len(words) * wanted // length)])

    def _sentence(self) -> str:
        pick = self._random.choice
        when = pick(_WHEN).format(n=self._random.randrange(2, 400))
        return f"{pick(_WHO)} {pick(_DOES)} {pick(_WHAT)} {when}, {pick(_BUT)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one request of a measurement holds."""

    items: int
    #: Tokens in each passage, as kb estimates them.
    tokens: int
    #: Further fields of the request.
    fields: Mapping[str, Any] = field(default_factory=dict)

    def texts(self, examination: Examination, texts: Texts) -> list[str]:
        """Give the passages of one request as they are sent."""
        return [examination.passage(texts.passage(self.tokens)) for _ in range(self.items)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What came of so many requests at once."""

    concurrency: int
    requests: int
    chunks: int
    #: Tokens as the server counted them, else as estimated.
    tokens: int
    chunks_per_s: float
    tokens_per_s: float
    #: Seconds that a request took on average.
    seconds: float
    #: Why it ended early, and the line that shows it.
    failure: Failure | None = None
    curl: str = ""

    def row(self) -> dict[str, Any]:
        """Give the level as a line of the table."""
        row: dict[str, Any] = {
            "concurrency": self.concurrency,
            "chunks_per_s": round(self.chunks_per_s, 2),
            "tokens_per_s": round(self.tokens_per_s),
            "request_s": round(self.seconds, 3),
            "requests": self.requests,
        }
        return row | ({"code": self.failure.code} if self.failure is not None else {})


@dataclass(slots=True, kw_only=True)
class _Work:
    """What one of the threads did."""

    seconds: float = 0.0
    requests: int = 0
    chunks: int = 0
    tokens: int = 0
    failure: Failure | None = None
    curl: str = ""


def measure(
    examination: Examination, texts: Texts, batch: Batch, *, concurrency: int, seconds: float
) -> Level:
    """Send requests from so many threads for so long, each as soon as its last one is answered.

    A request that is under way at the end is waited for; the first failure ends all threads.
    """
    ended = threading.Event()
    deadline = time.monotonic() + seconds

    def work(_: int) -> _Work:
        done = _Work()
        started = time.monotonic()
        with closing(Caller(examination.base, api_key=examination.settings.api_key)) as caller:
            while not ended.is_set() and (not done.requests or time.monotonic() < deadline):
                _send(examination, caller, batch, batch.texts(examination, texts), done)
                if done.failure is not None:
                    ended.set()
        done.seconds = time.monotonic() - started
        return done

    with ThreadPoolExecutor(max_workers=concurrency) as threads:
        return _level(concurrency, list(threads.map(work, range(concurrency))))


def _send(
    examination: Examination, caller: Caller, batch: Batch, sent: Sequence[str], done: _Work
) -> None:
    exchange = caller.post(
        f"{examination.base}/embeddings",
        {"model": examination.model, "input": sent, **batch.fields},
        timeout=examination.patience,
        expression=f"['word ' * {batch.tokens}] * {batch.items}",
    )
    outcome = read_outcome(exchange, examination.scene, count=len(sent))
    if outcome.failure is not None:
        done.failure, done.curl = outcome.failure, exchange.curl()
        return
    characters, estimated = sum(map(len, sent)), sum(map(estimate_tokens, sent))
    done.requests += 1
    done.chunks += len(sent)
    done.tokens += counted(outcome.tokens, characters=characters, estimated=estimated)


def counted(reported: int | None, *, characters: int, estimated: int) -> int:
    """Give the server's count of tokens, or the estimate where it counts something else.

    Some servers count characters, and some nothing.

    >>> counted(62, characters=62, estimated=16), counted(18, characters=62, estimated=16)
    (16, 18)
    """
    if reported is None or abs(reported - characters) <= 1:
        return estimated
    return reported if estimated / 5 <= reported <= 5 * estimated else estimated


def _level(concurrency: int, works: Sequence[_Work]) -> Level:
    """Add up the threads: each by its own time, since they do not end together."""
    good = [work for work in works if work.chunks and work.seconds > 0]
    requests = sum(work.requests for work in good)
    failed = next((work for work in works if work.failure is not None), _Work())
    return Level(
        concurrency=concurrency,
        requests=requests,
        chunks=sum(work.chunks for work in good),
        tokens=sum(work.tokens for work in good),
        chunks_per_s=sum(work.chunks / work.seconds for work in good),
        tokens_per_s=sum(work.tokens / work.seconds for work in good),
        seconds=sum(work.seconds for work in good) / requests if requests else 0.0,
        failure=failed.failure,
        curl=failed.curl,
    )

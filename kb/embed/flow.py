"""How much to send at once and how long to wait: learnt from what the endpoint gives.

Concurrency doubles while doubling pays, then rises by one while that pays, and halves when the
server objects. Batches start small, so that a slow server is known to be slow before much is
asked of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from kb.embed.errors_map import MAX_WAIT_S, Trouble
from kb.errors import EndpointError

#: Texts in one request at most.
MAX_ITEMS: Final = 64
#: Requests under way at most, where the number is not configured.
MAX_REQUESTS: Final = 16
#: Tokens in one request at most, where the number is not configured.
MAX_TOKENS: Final = 16_384
DEFAULT_TIMEOUT_S: Final = 30.0
DEFAULT_RETRIES: Final = 5

_START_TOKENS: Final = 2048
_LEAST_TOKENS: Final = 512
#: Seconds per token granted before the server's speed is known (a small CPU: 50 tokens/s).
_SLOWEST: Final = 0.02
#: A request of this many seconds is soon enough to grow on, or so long that it must shrink.
#: Concurrency learns once per round of requests, so longer ones would make it learn more slowly,
#: and the last ones of a run keep only a part of the server busy.
_SOON_S: Final = 0.5
_LONG_S: Final = 20.0
_FIRST_PAUSE_S: Final = 0.5
_LAST_PAUSE_S: Final = 30.0
#: For so many rounds nothing more is tried: at most after a step that did not pay, and after the
#: server objected.
_CONTENT: Final = 8
_CAREFUL: Final = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock, and chance: replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    #: Gives a number from 0 to 1.
    chance: Callable[[], float] = random.random


class Load:
    """How much goes into one request, and how long it may take."""

    def __init__(self, *, batch_tokens: int | None, timeout_s: float | None) -> None:
        self._most = batch_tokens or MAX_TOKENS
        self._base = DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s
        self.tokens = min(self._most, batch_tokens or _START_TOKENS)
        self.items = MAX_ITEMS
        #: Real tokens per estimated token, from the server's own counts.
        self.factor = 1.0
        self._pace: float | None = None
        self._calm = 0

    def timeout(self, tokens: int) -> float:
        """Give the seconds that a request of so many tokens may take."""
        each = _SLOWEST if self._pace is None else min(_SLOWEST, max(10 * self._pace, 0.002))
        return self._base + tokens * each

    def landed(self, *, items: int, tokens: int, seconds: float, grow: bool = True) -> None:
        """Learn from a request that brought its vectors; without `grow`, ask for no more yet."""
        pace = seconds / max(tokens, 1)
        self._pace = pace if self._pace is None else 0.8 * self._pace + 0.2 * pace
        if seconds > _LONG_S:
            self.tokens = max(min(_LEAST_TOKENS, self._most), self.tokens // 2)
        elif grow and seconds < _SOON_S and (2 * tokens >= self.tokens or items >= self.items):
            self.tokens = min(self._most, self.tokens * 2)
        self._calm += 1
        if self._calm >= 16:
            self._calm = 0
            self.items = min(MAX_ITEMS, self.items * 2)

    def too_much(self, items: int) -> None:
        """Learn from a request of so many texts that the server would not take."""
        self.items = max(1, min(self.items, items // 2))
        self._calm = 0

    def counted(self, *, characters: int, estimated: int, reported: int | None) -> None:
        """Learn from the server's token count, unless it counts characters, as infinity does."""
        if reported is None or not estimated or abs(reported - characters) <= 1:
            return
        seen = reported / estimated
        if 0.2 <= seen <= 5:
            self.factor = 0.8 * self.factor + 0.2 * seen


class Window:
    """How many requests are under way at once.

    It starts with two and doubles after each round of requests, until a round in which throughput
    did not rise by half of what it could, or the server objects. From then on it goes up one at a
    time, stays while the step pays, and steps back when it does not.
    """

    def __init__(self, fixed: int | None) -> None:
        self._most = fixed or MAX_REQUESTS
        self._fixed = fixed is not None
        self.limit = fixed or min(2, self._most)
        self._doubling = True
        #: When the round began; None: it begins with the next success.
        self._since: float | None = 0.0
        self._landed = 0
        self._tokens = 0
        self._seconds = 0.0
        #: The limit before the latest step up, and the throughput; None when no step is on trial.
        self._before: tuple[int, float] | None = None
        self._hold = 0
        self._content = 1

    @property
    def most(self) -> int:
        """The number it never exceeds."""
        return self._most

    @property
    def settled(self) -> bool:
        """Whether it is done with doubling."""
        return not self._doubling or self.limit == self._most

    def landed(self, tokens: int, *, left: float, now: float, full: bool) -> None:
        """Learn from a success; `full`: as many requests as allowed were under way.

        Only requests count that left after the round began: those from before it were under way
        with fewer others.
        """
        if not full or self._since is None:
            self._measure_from(now)
        elif left >= self._since:
            self._landed += 1
            self._tokens += tokens
            self._seconds += now - left
            if self._landed >= self._round and self._seconds > 0:
                self._judge()
                self._measure_from(now)

    def refused(self) -> None:
        """Halve: the server said that it is too much, or showed it."""
        self.limit = max(1, self.limit // 2)
        self._hold = _CAREFUL
        self._doubling = False
        self._before = None
        self._since = None

    @property
    def _round(self) -> int:
        """How many successes make a measurement: four or more, and every place as often."""
        return self.limit * -(-4 // self.limit)

    def _measure_from(self, now: float) -> None:
        self._since, self._landed, self._tokens, self._seconds = now, 0, 0, 0.0

    def _judge(self) -> None:
        """Go up where the last step paid at least half of what it could; else step back."""
        # Landings are not counted by the clock: requests sent together land together, and a round
        # that ends between two such groups would look like more or less than it was.
        rate = self.limit * self._tokens / self._seconds
        if self._hold:
            self._hold -= 1
        elif self._fixed or self._paid(rate):
            self._rise(rate)
        else:
            self._step_back()

    def _paid(self, rate: float) -> bool:
        if self._before is None:
            return True
        limit, before = self._before
        return rate >= before * (1 + 0.5 * (self.limit - limit) / limit)

    def _rise(self, rate: float) -> None:
        if self._before is not None:
            self._content = 1
        # Where doubling brings nothing, requests take twice as long: not so long as to time out.
        self._doubling = self._doubling and 2 * self._seconds / self._landed <= _LONG_S
        higher = min(self._most, self.limit * 2 if self._doubling else self.limit + 1)
        self._before = (self.limit, rate) if higher > self.limit else None
        self.limit = higher

    def _step_back(self) -> None:
        """Go back; the more often in a row, the longer nothing is tried."""
        assert self._before is not None
        self.limit, _ = self._before
        self._before = None
        if self._doubling:
            self._doubling = False
        else:
            self._hold = self._content
            self._content = min(_CONTENT, 2 * self._content)


class Patience:
    """When to give up: counts the rounds of failures with no success in between.

    Requests that were under way together fail together and count once.
    """

    def __init__(
        self,
        *,
        max_retries: int,
        timing: Timing,
        notify: Callable[[str], None] | None,
        where: Callable[[], str],
        longest_s: float = MAX_WAIT_S,
    ) -> None:
        self._max_retries = max_retries
        self._timing = timing
        self._notify = notify
        self._where = where
        self._longest = longest_s
        self._since: float | None = None
        #: The number of the latest request.
        self.sent = 0
        self._counted = 0
        self.rounds = 0
        #: Before this moment nothing is sent.
        self.resume_at = 0.0

    @property
    def max_retries(self) -> int:
        """How often one request is repeated."""
        return self._max_retries

    def number(self) -> int:
        """Give the next request its number."""
        self.sent += 1
        return self.sent

    def success(self) -> None:
        """Forget the failures: the endpoint works."""
        self.rounds = 0
        self._since = None

    def strike(self, number: int, trouble: Trouble) -> float:
        """Count a failure; give the seconds to wait, or raise `EndpointError` when it is enough."""
        now = self._timing.now()
        counts = number > self._counted
        if counts:
            self.rounds += 1
            self._counted = self.sent
        if self._since is None:
            self._since = now
        if self.rounds > self._max_retries:
            raise EndpointError(replace(trouble.failure, attempts=self.rounds))
        # A request sent before the latest success may fail after it: then there are no rounds.
        pause = self.pause(self.rounds, trouble.wait_s)
        if self.rounds > 1 or trouble.wait_s:
            self.resume_at = max(self.resume_at, now + pause)
        if counts and self.rounds > 1:
            self._say(now - self._since)
        return pause

    def pause(self, repeated: int, asked: float | None = None) -> float:
        """Give the seconds to wait before the next try: doubling, and never in step with others."""
        if asked is not None:
            return min(asked, self._longest)
        whole = min(_LAST_PAUSE_S, self._longest, _FIRST_PAUSE_S * (1 << max(repeated - 1, 0)))
        return whole * (0.5 + self._timing.chance())

    def _say(self, waited: float) -> None:
        if self._notify is not None:
            self._notify(f"waiting for the embedding endpoint at {self._where()} ({waited:.0f} s)")

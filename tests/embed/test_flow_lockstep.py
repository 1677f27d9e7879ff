"""Concurrency is learnt from a simulated server on a simulated clock: nothing here is timed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.embed.answers import Answer
from kb.embed.batches import Planner
from kb.embed.crew import Flight
from kb.embed.engine import Run, Tools
from kb.embed.errors_map import Action, Trouble
from kb.embed.flow import MAX_REQUESTS, Load, Patience, Timing, Window
from kb.errors import failure
from kb.model import EmbedItem


def limits(
    window: Window, *, slots: int, landings: int, seconds: float = 1.0, now: float = 0.0
) -> list[int]:
    """Let a server work on so many requests at once; gives the limit after each landing."""
    free, seen = [now] * slots, []
    flying: list[tuple[float, float]] = []
    for _ in range(landings):
        while len(flying) < window.limit:
            end = max(now, heapq.heappop(free)) + seconds
            heapq.heappush(free, end)
            heapq.heappush(flying, (end, now))
        now, left = heapq.heappop(flying)
        window.landed(1000, left=left, now=now, full=True)
        seen.append(window.limit)
    return seen


def steps(seen: list[int]) -> list[int]:
    """Give each limit once where it stayed for several landings."""
    return [one for one, other in pairwise([*seen, 0]) if one != other]


@pytest.mark.parametrize(("slots", "rounds"), [(4, 1), (8, 2), (16, 3)])
def test_places_are_filled_by_doubling(slots: int, rounds: int) -> None:
    # A round has four landings or more, and is counted from the landing after the last one's.
    landings = sum(max(4, 2**n) + 2**n - 1 for n in range(1, rounds + 1))
    assert max(limits(Window(None), slots=slots, landings=landings)) == slots


@given(st.integers(2, 16))
def test_places_stay_filled(slots: int) -> None:
    seen = limits(Window(None), slots=slots, landings=3000)
    assert min(seen[500:]) >= slots
    assert max(seen[500:]) <= min(MAX_REQUESTS, 2 * slots)


def test_a_server_that_takes_one_after_the_other_is_not_flooded() -> None:
    seen = limits(Window(None), slots=1, landings=3000)
    assert steps(seen)[:4] == [2, 4, 2, 3]
    assert max(seen) == 4
    assert max(seen[100:]) == 3
    assert seen.count(2) > 5 * seen.count(3)


def test_doubling_that_could_make_requests_too_long_is_not_tried() -> None:
    seen = limits(Window(None), slots=16, landings=100, seconds=11.0)
    assert all(later - earlier <= 1 for earlier, later in pairwise(seen))
    assert max(seen) > 8


def test_after_a_refusal_it_halves_and_doubles_no_more() -> None:
    window = Window(None)
    limits(window, slots=16, landings=40)
    before = window.limit
    window.refused()
    assert window.limit == before // 2 == 8
    seen = [8, *limits(window, slots=16, landings=2000, now=1e6)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(seen))
    assert max(seen) == 16


def test_after_a_refusal_nothing_is_tried_for_some_rounds() -> None:
    window = Window(None)
    limits(window, slots=16, landings=40)
    window.refused()
    # Four rounds of eight, after the landing with which the first one begins.
    seen = limits(window, slots=16, landings=64, now=1e6)
    assert set(seen[: 1 + 4 * 8]) == {8}
    assert 9 in seen


def test_a_configured_number_is_reached_again_whether_it_pays_or_not() -> None:
    window = Window(6)
    window.refused()
    seen = limits(window, slots=1, landings=200)
    assert steps(seen) == [3, 4, 5, 6]


def test_a_step_that_pays_makes_the_next_ones_quick() -> None:
    window = Window(None)
    limits(window, slots=4, landings=2000)
    assert window.limit <= 5
    seen = limits(window, slots=9, landings=4000, now=1e6)
    # Five steps that pay, then one that does not, once after every longer rest.
    first = seen.index(10)
    rests = [at for at in range(first + 1, len(seen)) if seen[at - 1 : at + 1] == [9, 10]]
    assert rests[0] - first < rests[2] - rests[1]


@given(
    st.sampled_from([None, 1, 2, 3, 7]),
    st.lists(
        st.none()
        | st.tuples(st.integers(1, 9999), st.floats(0, 99), st.floats(0, 99), st.booleans())
    ),
)
def test_whatever_happens_it_keeps_its_bounds(
    fixed: int | None, events: list[tuple[int, float, float, bool] | None]
) -> None:
    window, now, objected = Window(fixed), 0.0, False
    for event in events:
        before = window.limit
        if event is None:
            window.refused()
            objected = True
            assert window.limit == max(1, before // 2)
        else:
            tokens, passed, took, full = event
            now += passed
            window.landed(tokens, left=now - took, now=now, full=full)
            assert window.limit <= (before + 1 if objected else before * 2)
        assert 1 <= window.limit <= window.most == (fixed or MAX_REQUESTS)


@dataclass
class Simulated:
    """A server of 8 places as the engine's crew; more than `room` requests at once are refused."""

    each: float
    room: int = 99
    now: float = 0.0
    busy_s: float = 0.0
    refused: int = 0
    most: int = 0
    #: How many texts each request held.
    sizes: list[int] = field(default_factory=list)
    free: list[float] = field(default_factory=lambda: [0.0] * 8)
    flying: list[tuple[float, int, Flight]] = field(default_factory=list)

    @property
    def busy(self) -> int:
        return len(self.flying)

    def send(self, flight: Flight) -> None:
        texts = len(flight.job.pieces)
        self.sizes.append(texts)
        end = self.now
        if self.busy >= self.room:
            self.refused += 1
            trouble = Trouble(action=Action.BUSY, failure=failure("embed.rate_limited"))
            flight = replace(flight, result=trouble)
        else:
            end = max(self.now, heapq.heappop(self.free)) + self.each * texts
            heapq.heappush(self.free, end)
            self.busy_s += self.each * texts
            rows = np.ones((texts, 1), np.float32)
            flight = replace(flight, result=Answer(rows=rows), seconds=end - self.now)
        # The way there and back takes 10 ms.
        heapq.heappush(self.flying, (end + 0.01, flight.number, flight))
        self.most = max(self.most, self.busy)

    def next(self, timeout: float | None) -> Flight | None:
        landing = self.flying[0][0]
        if timeout is not None and landing > self.now + timeout:
            self.now += timeout
            return None
        self.now = max(self.now, landing)
        return heapq.heappop(self.flying)[2]

    def stop(self) -> None:
        pass

    def pass_by(self, seconds: float) -> None:
        self.now += seconds

    def items(self, seconds: float) -> Iterator[EmbedItem]:
        number = 0
        while self.now < seconds:
            number += 1
            yield EmbedItem(key=str(number).encode(), text="four" * 299)


def run(server: Simulated, seconds: float, concurrency: int | None = None) -> tuple[int, int]:
    """Feed texts for so long; gives how many were embedded and the limit at the end."""
    timing = Timing(now=lambda: server.now, sleep=server.pass_by, chance=lambda: 0.5)
    tools = Tools(
        ask=lambda texts, _: Answer(rows=np.ones((len(texts), 1), np.float32)),
        window=Window(concurrency),
        load=Load(batch_tokens=None, timeout_s=None),
        patience=Patience(max_retries=5, timing=timing, notify=None, where=str),
        timing=timing,
    )
    outcomes = Run(Planner(server.items(seconds), tools.load), server, tools).outcomes()
    return sum(outcome.vector is not None for outcome in outcomes), tools.window.limit


@pytest.mark.parametrize(("capacity", "seconds"), [(60, 100), (250, 45), (500, 30)])
def test_a_server_of_eight_places_is_kept_busy_from_beginning_to_end(
    capacity: int, seconds: int
) -> None:
    server = Simulated(8 / capacity)
    run(server, seconds)
    assert server.busy_s / (8 * server.now) >= 0.95


@pytest.mark.parametrize(("concurrency", "small"), [(None, 2 + 4 + 8 + 16), (5, 5)])
def test_batches_grow_when_the_number_at_once_is_found(concurrency: int | None, small: int) -> None:
    server = Simulated(0.01)
    run(server, 10, concurrency)
    assert len(set(server.sizes[:small])) == 1
    assert max(server.sizes[: 3 * small]) > server.sizes[0]


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_no_more_than_configured_is_ever_under_way(concurrency: int) -> None:
    server = Simulated(0.05)
    run(server, 60, concurrency)
    assert server.most == concurrency


def test_a_server_that_refuses_a_crowd_is_seldom_asked_for_more() -> None:
    server = Simulated(0.01, room=5)
    embedded, limit = run(server, 120)
    assert limit <= 6
    assert server.refused < embedded / 200

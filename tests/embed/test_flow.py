from __future__ import annotations

from collections import deque

import pytest

from kb.embed.errors_map import Action, Trouble
from kb.embed.flow import MAX_ITEMS, MAX_REQUESTS, Load, Patience, Timing, Window
from kb.errors import EndpointError, failure


def _serve(window: Window, rate_at: dict[int, float], landings: int) -> list[int]:
    """Let a server of so many tokens per second at each concurrency answer."""
    now, seen = 0.0, []
    sent = deque([0.0] * window.limit)
    for _ in range(landings):
        now += 1000 / rate_at[len(sent)]
        window.landed(1000, left=sent.popleft(), now=now, full=len(sent) + 1 >= window.limit)
        sent.extend([now] * (window.limit - len(sent)))
        seen.append(window.limit)
    return seen


def test_concurrency_doubles_while_throughput_does() -> None:
    rates = {n: 1000.0 * n for n in range(1, 33)}
    seen = _serve(Window(None), rates, 400)
    assert sorted(set(seen)) == [2, 4, 8, MAX_REQUESTS]
    assert seen == sorted(seen)


def test_concurrency_stays_where_more_brings_no_more() -> None:
    rates = {n: 1000.0 * min(n, 4) for n in range(1, 33)}
    seen = _serve(Window(None), rates, 1000)
    assert max(seen) == 8
    assert max(seen[100:]) == 5
    assert seen.count(4) > 2 * seen.count(5)


def test_concurrency_halves_when_the_server_objects_and_comes_back_one_by_one() -> None:
    window = Window(None)
    rates = {n: 1000.0 * n for n in range(1, 33)}
    _serve(window, rates, 400)
    window.refused()
    assert window.limit == MAX_REQUESTS // 2
    for _ in range(10):
        window.refused()
    assert window.limit == 1
    seen = _serve(window, rates, 900)
    assert sorted(set(seen)) == list(range(1, MAX_REQUESTS + 1))


def test_a_configured_number_is_the_start_and_the_limit() -> None:
    window = Window(5)
    assert window.limit == 5
    assert max(_serve(window, {n: 1000.0 * n for n in range(1, 33)}, 200)) == 5


def test_nothing_is_learnt_while_there_is_too_little_to_send() -> None:
    window = Window(None)
    for n in range(100):
        window.landed(1000, left=n - 1.0, now=float(n), full=False)
    assert window.limit == 2


def test_time_allowed_grows_with_what_is_sent_and_with_slowness() -> None:
    load = Load(batch_tokens=None, timeout_s=7)
    assert load.timeout(0) == 7
    assert load.timeout(10_000) > load.timeout(100) > 7
    fast, slow = Load(batch_tokens=None, timeout_s=7), Load(batch_tokens=None, timeout_s=7)
    fast.landed(items=10, tokens=1000, seconds=0.1)
    slow.landed(items=10, tokens=1000, seconds=10)
    assert fast.timeout(16_000) < slow.timeout(16_000) == load.timeout(16_000)


def test_batches_start_small_grow_on_a_fast_server_and_shrink_on_a_slow_one() -> None:
    load = Load(batch_tokens=None, timeout_s=None)
    first = load.tokens
    for _ in range(9):
        load.landed(items=MAX_ITEMS, tokens=load.tokens, seconds=0.1)
    assert load.tokens > first
    for _ in range(99):
        load.landed(items=MAX_ITEMS, tokens=load.tokens, seconds=60)
    assert load.tokens < first


def test_a_configured_batch_is_never_exceeded() -> None:
    load = Load(batch_tokens=100, timeout_s=None)
    for _ in range(9):
        load.landed(items=MAX_ITEMS, tokens=100, seconds=0.1)
    assert load.tokens == 100


def test_texts_in_a_request_halve_when_refused_and_come_back_slowly() -> None:
    load = Load(batch_tokens=None, timeout_s=None)
    load.too_much(64)
    load.too_much(64)
    assert load.items == 32
    for _ in range(15):
        load.landed(items=32, tokens=10, seconds=1)
    assert load.items == 32
    load.landed(items=32, tokens=10, seconds=1)
    assert load.items == 64


def test_the_servers_token_count_corrects_the_estimate() -> None:
    load = Load(batch_tokens=None, timeout_s=None)
    for _ in range(50):
        load.counted(characters=4000, estimated=1000, reported=1500)
    assert load.factor == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("reported", [4000, 4001, None, 10, 99_999])
def test_a_count_of_characters_or_nonsense_is_ignored(reported: int | None) -> None:
    load = Load(batch_tokens=None, timeout_s=None)
    load.counted(characters=4000, estimated=1000, reported=reported)
    assert load.factor == 1.0


TROUBLE = Trouble(action=Action.AGAIN, failure=failure("embed.unreachable"))


def _patience(said: list[str], retries: int = 3) -> Patience:
    return Patience(
        max_retries=retries,
        timing=Timing(now=lambda: 100.0, sleep=lambda _: None, chance=lambda: 0.5),
        notify=said.append,
        where=lambda: "http://gpu/v1",
    )


def test_patience_ends_after_so_many_rounds_with_doubling_pauses(said: list[str]) -> None:
    patience = _patience(said)
    pauses = [patience.strike(patience.number(), TROUBLE) for _ in range(3)]
    assert pauses == [0.5, 1.0, 2.0]
    with pytest.raises(EndpointError) as caught:
        patience.strike(patience.number(), TROUBLE)
    assert caught.value.failure.attempts == 4
    assert said[0].startswith("waiting for the embedding endpoint at http://gpu/v1 (")


def test_requests_that_were_under_way_together_count_once(said: list[str]) -> None:
    patience = _patience(said, retries=1)
    numbers = [patience.number() for _ in range(16)]
    for number in numbers:
        patience.strike(number, TROUBLE)
    assert patience.rounds == 1
    assert not said


def test_a_success_forgives_everything(said: list[str]) -> None:
    patience = _patience(said, retries=1)
    for _ in range(20):
        patience.strike(patience.number(), TROUBLE)
        patience.success()
    assert patience.rounds == 0


def test_a_failure_from_before_the_latest_success_is_no_new_round(said: list[str]) -> None:
    patience = _patience(said)
    early = patience.number()
    patience.strike(patience.number(), TROUBLE)
    patience.success()
    assert patience.strike(early, TROUBLE) == 0.5
    assert patience.rounds == 0


def test_what_the_server_asks_for_is_waited_by_everyone(said: list[str]) -> None:
    patience = _patience(said)
    asked = Trouble(action=Action.BUSY, failure=failure("embed.rate_limited"), wait_s=9.0)
    assert patience.strike(patience.number(), asked) == 9.0
    assert patience.resume_at == 109.0


def test_pauses_are_never_in_step() -> None:
    chances = iter([0.0, 1.0])
    patience = Patience(
        max_retries=3,
        timing=Timing(now=lambda: 0.0, sleep=lambda _: None, chance=lambda: next(chances)),
        notify=None,
        where=str,
    )
    assert patience.pause(3) != patience.pause(3)

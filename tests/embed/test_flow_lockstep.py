"""Concurrency is learnt from whole rounds of requests that land together."""

from __future__ import annotations

from kb.embed.flow import Window


def rounds(window: Window, *, count: int, seconds: float) -> int:
    """Let requests fly in lockstep at the window's limit; gives the limit reached."""
    now = 0.0
    for _ in range(count):
        now += seconds
        for _ in range(window.limit):
            window.landed(1000, now=now, full=True)
    return window.limit


def test_a_server_with_free_places_is_filled_though_requests_land_together() -> None:
    assert rounds(Window(None), count=60, seconds=1.0) >= 8

"""A fake endpoint, a clock that does not wait, and an embedder between the two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from kb.embed.endpoint import EndpointEmbedder, connect
from kb.embed.flow import Timing
from kb.embed.options import Options, World
from kb.model import Embedded, Profile
from tests.fakes.endpoint import FakeEndpoint

Open = Callable[..., EndpointEmbedder]


class Clock:
    """Passes by itself, and jumps where somebody would sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return time.monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        # A waiting server needs its processor too.
        time.sleep(0.0005)
        self.slept.append(seconds)

    @property
    def timing(self) -> Timing:
        return Timing(now=self.now, sleep=lambda s: self.sleep(s), chance=lambda: 0.5)  # noqa: PLW0108 - tests replace it


def asked(embedder: EndpointEmbedder, question: str) -> Embedded:
    """Ask what a search asks."""
    (outcome,) = embedder.embed_now([embedder.profile.query(question)])
    return outcome


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    """What the user was told while it worked."""
    return []


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as server:
        yield server


@pytest.fixture
def opened(clock: Clock, said: list[str]) -> Iterator[Open]:
    """Open an embedder: opened(fake.base_url, model=..., expected=...)."""
    with ExitStack() as stack:

        def open_(
            base_url: str,
            *,
            expected: Profile | None = None,
            container: bool = False,
            brief: bool = False,
            **more: Any,
        ) -> EndpointEmbedder:
            world = World(
                notify=said.append, timing=clock.timing, container=lambda: container, brief=brief
            )
            options = Options(base_url=base_url, **({"prompts": "none"} | more))
            return stack.enter_context(connect(options, expected=expected, world=world))

        yield open_

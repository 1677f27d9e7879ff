"""What an examination knows so far; each group of checks adds to it and asks of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kb.config import Settings
from kb.doctor.exchange import Caller, Exchange, Outcome, read_outcome
from kb.embed.errors_map import Scene, retry_after
from kb.embed.prompts import templates
from kb.embed.session import Served
from kb.embed.urls import in_container, is_loopback

if TYPE_CHECKING:
    from kb.pipeline.base import KnowledgeBase

#: How long the smallest request may take, in seconds, where no timeout is configured.
PATIENCE_S: Final = 30.0
#: How often a server that asks for fewer requests is asked again, how long is waited where it
#: does not say how long, and how long all waits of an examination may take, in seconds.
_AGAIN: Final = 2
_WAIT_S: Final = 1.0
_WAITS_S: Final = 15.0
#: How long looking at an address may take, in seconds.
GLANCE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an examination is to look at beyond the usual."""

    #: A log of the server, to be read for known lines.
    log: Path | None = None
    #: Compare the prompt presets on the user's own documents.
    prompts: bool = False
    #: Take the time for texts near the model's limit and for more load.
    deep: bool = False
    #: How many chunks the estimate of an ingest is for.
    chunks: int = 10_000


@dataclass(slots=True, kw_only=True)
class Examination:
    """The endpoint that is looked at, and what was found out about it.

    The facts are filled in by the groups in their order; a later group does not run where an
    earlier one found that there is nothing to ask (`Group.needs`).
    """

    base_of: KnowledgeBase
    wanted: Wanted
    #: This machine is a container.
    container: bool = field(default_factory=in_container)
    #: The address that answers, e.g. "http://gpu:8000/v1"; at first the likeliest one.
    base: str = ""
    #: Other addresses that the setting may mean.
    others: tuple[str, ...] = ()
    #: What is certain: "address" (it can be parsed), "connection" (something answers there),
    #: "vectors" (it embeds).
    facts: set[str] = field(default_factory=set)
    #: What GET /models lists; None: it was not listed.
    served: tuple[Served, ...] | None = None
    #: The model that requests name.
    model: str = ""
    #: The server's version, where it is vLLM and says so.
    version: str | None = None
    #: The longest input in tokens: as the server says, or as was found out.
    max_model_len: int | None = None
    #: Length of the vectors.
    dimensions: int | None = None
    #: How many texts one request may hold, as far as that was tried.
    largest_batch: int = 64
    #: Seconds per token, as a request of many short texts showed; None: not measured.
    pace_s: float | None = None
    #: How long a server that asks for fewer requests may still be waited for, in seconds.
    waits_s: float = _WAITS_S
    sleep: Callable[[float], None] = time.sleep
    #: Fields that every request for embeddings carries because of the settings (`dimensions`).
    always: dict[str, Any] = field(default_factory=dict)
    _caller: Caller | None = None

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.base_of.settings

    @property
    def root(self) -> str:
        """The address without /v1, where `/health` and `/metrics` are."""
        head, _, last = self.base.rpartition("/")
        return head if last[:1] == "v" and last[1:].isdigit() else self.base

    @property
    def patience(self) -> float:
        """How long one small request may take, in seconds."""
        return self.settings.timeout_s or PATIENCE_S

    @property
    def scene(self) -> Scene:
        """Which endpoint is spoken of in the sentences of a failure."""
        return Scene(
            base=self.base,
            model=self.model,
            api_key=self.settings.api_key,
            inside=self.container and is_loopback(self.base),
        )

    @property
    def templates(self) -> tuple[str, str]:
        """The query and passage template in force."""
        settings = self.settings
        return templates(
            settings.prompts,
            query_template=settings.query_template,
            passage_template=settings.passage_template,
            instruction=settings.instruction,
        )

    def query(self, text: str) -> str:
        """Give a question as it is sent."""
        return self.templates[0].replace("{text}", text)

    def passage(self, text: str) -> str:
        """Give a passage as it is sent."""
        return self.templates[1].replace("{text}", text)

    def get(self, url: str, *, timeout: float = GLANCE_S) -> Exchange:
        """Fetch a page of the endpoint, with the key."""
        return self.caller().get(url, timeout=timeout)

    def embed(
        self,
        given: str | Sequence[str],
        *,
        timeout: float | None = None,
        expression: str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Ask for embeddings of exactly `given`; the templates are not applied.

        `fields` are further fields of the request (`encoding_format`, `dimensions`, ...);
        `expression` is Python code for a long `given`, for the `curl` line. A server that asks
        for fewer requests (429) is waited for and asked again, as an ingest does.
        """
        for _ in range(_AGAIN):
            outcome = self._asked(given, timeout, expression, fields)
            wait = _asked_to_wait(outcome)
            if wait is None or wait > self.waits_s:
                return outcome
            self.waits_s -= wait
            self.sleep(wait)
        return self._asked(given, timeout, expression, fields)

    def _asked(
        self,
        given: str | Sequence[str],
        timeout: float | None,
        expression: str | None,
        fields: Mapping[str, Any] | None,
    ) -> Outcome:
        exchange = self.caller().post(
            f"{self.base}/embeddings",
            {"model": self.model, "input": given, **self.always, **(fields or {})},
            timeout=timeout or self.patience,
            expression=expression,
        )
        count = 1 if isinstance(given, str) else len(given)
        return read_outcome(exchange, self.scene, count=count)

    def caller(self) -> Caller:
        """Give the connection to the endpoint."""
        if self._caller is None:
            self._caller = Caller(self.base, api_key=self.settings.api_key)
        return self._caller

    def move(self, base: str) -> None:
        """Ask at another address from now on."""
        self.base = base
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._caller is not None:
            self._caller.close()
            self._caller = None


def _asked_to_wait(outcome: Outcome) -> float | None:
    """Give how long the server wants to be left alone, in seconds; None where it does not."""
    reply = outcome.exchange.reply
    if reply is None or reply.status != 429:
        return None
    asked = retry_after(reply.headers, now=datetime.now(UTC))
    return _WAIT_S if asked is None else asked

"""One request, what came back, and the `curl` line that does the same."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from kb.embed.answers import Fault, read_rows, tokens_of
from kb.embed.errors_map import Scene, of_fault, of_reply, of_silence
from kb.embed.transport import Reply, Transport, UnansweredError
from kb.errors import Failure

if TYPE_CHECKING:
    from kb.model import Matrix

#: A longer body is not printed in a `curl` line, but made by a program in it.
_LONG: Final = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its answer; exactly one of `reply` and `error` is set."""

    method: str
    url: str
    body: Mapping[str, Any] | None = None
    #: Python code that gives the body's `input`, where that is too long to be printed.
    expression: str | None = None
    #: Whether the API key was sent.
    keyed: bool = False
    reply: Reply | None = None
    error: UnansweredError | None = None
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """The HTTP status; 0 where no answer came."""
        return self.reply.status if self.reply is not None else 0

    @property
    def text(self) -> str:
        """The beginning of the answer's body."""
        return self.reply.body[:100_000].decode(errors="replace") if self.reply else ""

    def json(self) -> Any:  # noqa: ANN401 - whatever the server says
        """Give the answer's body as JSON; None where it is none."""
        try:
            return json.loads(self.reply.body) if self.reply is not None else None
        except (ValueError, RecursionError):
            return None

    @property
    def is_page(self) -> bool:
        """True when a web page came back."""
        return self.text.lstrip()[:1] == "<"

    def curl(self) -> str:
        """Give a shell line that sends the same request; the key stands in it as a variable."""
        words = ["curl", "-sS", "-i", "-X", self.method, shlex.quote(self.url)]
        if self.keyed:
            words += ["-H", '"Authorization: Bearer $KB_API_KEY"']
        if self.body is None:
            return " ".join(words)
        words += ["-H", "'Content-Type: application/json'"]
        plain = json.dumps(self.body, ensure_ascii=False)
        if len(plain) <= _LONG or self.expression is None:
            return " ".join([*words, "-d", shlex.quote(plain)])
        rest = {key: value for key, value in self.body.items() if key != "input"}
        code = f"import json; print(json.dumps({{**{rest!r}, 'input': {self.expression}}}))"
        return " ".join(["python3", "-c", shlex.quote(code), "|", *words, "-d", "@-"])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """An embedding request: vectors as the server sent them, or why there are none."""

    exchange: Exchange
    #: Shape (n, dimensions), not normalised; None where `failure` is set.
    rows: Matrix | None = None
    #: What the server says the texts came to, in tokens.
    tokens: int | None = None
    failure: Failure | None = None


class Caller:
    """Sends single requests to one server and reads what comes back; raises nothing."""

    def __init__(self, base: str, *, api_key: str | None) -> None:
        self._keyed = bool(api_key)
        self._transport = Transport(base, api_key=api_key, connections=1)

    def get(self, url: str, *, timeout: float) -> Exchange:
        """Fetch a page."""
        return self._timed(Exchange(method="GET", url=url, keyed=self._keyed), timeout)

    def post(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        timeout: float,
        expression: str | None = None,
    ) -> Exchange:
        """Send a JSON body; `expression` is Python code for a long `input` (see `curl`)."""
        request = Exchange(
            method="POST", url=url, body=body, expression=expression, keyed=self._keyed
        )
        return self._timed(request, timeout)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _timed(self, request: Exchange, timeout: float) -> Exchange:
        started = time.monotonic()
        try:
            if request.body is None:
                reply = self._transport.get(request.url, timeout=timeout)
            else:
                sent = json.dumps(request.body, ensure_ascii=False).encode(errors="surrogatepass")
                reply = self._transport.post(request.url, sent, timeout=timeout)
        except UnansweredError as error:
            return replace(request, error=error, seconds=time.monotonic() - started)
        return replace(request, reply=reply, seconds=time.monotonic() - started)


def read_outcome(
    exchange: Exchange, scene: Scene, *, count: int, dimensions: int | None = None
) -> Outcome:
    """Say what came of a request for `count` embeddings, as an ingest would understand it."""
    if exchange.error is not None:
        return Outcome(exchange=exchange, failure=of_silence(scene, exchange.error).failure)
    assert exchange.reply is not None
    if exchange.status != 200:
        return Outcome(exchange=exchange, failure=of_reply(scene, exchange.reply).failure)
    rows = read_rows(exchange.reply.body, count=count, dimensions=dimensions)
    if isinstance(rows, Fault):
        found = of_fault(scene, exchange.reply, rows, proven=False).failure
        return Outcome(exchange=exchange, failure=found)
    return Outcome(exchange=exchange, rows=rows, tokens=tokens_of(exchange.json()))

"""Turns a request that failed into a check, and looks whether the server lives after it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from kb.doctor.check import Check, cure, fail, warn
from kb.doctor.examination import Examination
from kb.doctor.exchange import Outcome
from kb.errors import Failure

#: The check of the smallest request.
SMALLEST: Final = "request.smallest"
#: What to do where only the server knows the cause.
READ_LOG: Final = "read the server's log: `kb doctor --log FILE`"
#: What a request ends with when nobody answers any more.
SILENT: Final = frozenset({"embed.timeout", "embed.unreachable"})
#: What says nothing of the texts that were sent: asked again, they may be embedded.
BUSY: Final = SILENT | {"embed.rate_limited", "embed.overloaded"}
#: How long a server that fell silent is given for one word, in seconds.
_SIGN_OF_LIFE_S: Final = 10.0
#: How much of a server's words a message repeats, in characters.
_SAID: Final = 80


def figures(outcome: Outcome) -> dict[str, Any]:
    """Give what a check of a failed request carries: its code, its answer and its `curl` line."""
    found = found_in(outcome)
    return {"code": found.code, **found.detail, "curl": outcome.exchange.curl()}


def found_in(outcome: Outcome) -> Failure:
    """Give the failure of a request that is known to have failed."""
    assert outcome.failure is not None
    return outcome.failure


def failing(name: str, outcome: Outcome, message: str = "", hint: str = "") -> Check:
    """Give a failed check; without a message and a hint, those that an ingest would report."""
    found = found_in(outcome)
    return fail(name, message or found.message, hint or cure(found), **figures(outcome))


def warning(name: str, outcome: Outcome, message: str, hint: str) -> Check:
    """Give a check of a request that failed and that kb can do without."""
    return warn(name, message, hint, **figures(outcome))


def said(outcome: Outcome) -> str:
    """Give the status and the first of what the server said, on one line, for a message."""
    found = outcome.failure
    body = str(found.detail.get("body", "")) if found is not None else ""
    line = " ".join((_worded(body) or body).split())
    if len(line) > _SAID:
        line = line[:_SAID].rsplit(" ", 1)[0] + " ..."
    status = outcome.exchange.status
    return f"{status}: {line}" if line else str(status)


def _worded(body: str) -> str:
    """Give the sentence in the body of an error, "" where there is none in a usual place."""
    # The body in a failure is cut short, so it need not be whole JSON.
    found = re.search(r'"(?:message|error|detail|msg)"\s*:\s*("(?:[^"\\]|\\.)*"?)', body)
    if found is None:
        return ""
    quoted = found[1] if found[1].endswith('"') else found[1] + '"'
    try:
        return str(json.loads(quoted))
    except ValueError:
        return ""


def silenced(examination: Examination, check: Check) -> Iterator[Check]:
    """Where a check ended in silence, look once whether the server answers anything still.

    Gives a check only where it does not; then nothing more is to be asked of it.
    """
    if check.detail.get("code") not in BUSY:
        return
    patience = min(examination.patience, _SIGN_OF_LIFE_S)
    outcome = examination.embed([examination.passage("a")], timeout=patience)
    if outcome.failure is None:
        return
    examination.facts -= {"vectors", "embedder"}
    yield failed_for_good(check.id, outcome)


def failed_for_good(after: str, outcome: Outcome) -> Check:
    """Say that a server has not answered since a request."""
    group = after.partition(".")[0]
    if found_in(outcome).code not in SILENT:
        return failing(
            f"{group}.alive",
            outcome,
            f"After the request of {after} the endpoint takes no more ({said(outcome)}).",
            "Wait, or raise the limit of requests in the gateway or the plan; then run `kb doctor` "
            "again. An ingest waits by itself; KB_CONCURRENCY=1 sends one request at a time.",
        )
    return failing(
        f"{group}.alive",
        outcome,
        f"Since the request of {after} the endpoint answers nothing, not even one letter.",
        "Restart the server. Where it is vLLM before 0.32, update it: a long text in a batch could "
        "block its queue.",
    )

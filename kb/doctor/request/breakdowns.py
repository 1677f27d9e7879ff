"""What it means that the server fails at the smallest request, or will not take it now."""

from __future__ import annotations

import re
from typing import Final

from kb.doctor.check import Check
from kb.doctor.examination import Examination
from kb.doctor.exchange import Outcome
from kb.doctor.outcomes import READ_LOG, SMALLEST, failing, found_in, said
from kb.doctor.request.refusals import other_form, steered

_NOT_FINITE: Final = re.compile(r"\bNaN\b|out of range float|not finite|\binf\b", re.IGNORECASE)
_NO_MEMORY: Final = re.compile(r"out of memory|\bOOM\b|cannot allocate", re.IGNORECASE)


def unable(examination: Examination, outcome: Outcome) -> Check:
    """Say what an answer of 429, 503 or another failure of the server means."""
    if outcome.exchange.status in {429, 503}:
        return _busy(examination, outcome)
    if outcome.exchange.status >= 500:
        return _broken(examination, outcome)
    return failing(SMALLEST, outcome)


def _busy(examination: Examination, outcome: Outcome) -> Check:
    if outcome.exchange.status == 503 and _health(examination) == 503:
        return _dead(outcome)
    if outcome.exchange.status == 429:
        return _limited(outcome)
    if examination.embed([examination.passage("a")]).failure is None:
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint takes one text and not two in a request ({said(outcome)}).",
            "Start vLLM without `--max-num-queued-reqs`, or with at least 64: it counts texts.",
        )
    found = found_in(outcome)
    message = f"The endpoint takes no request now ({said(outcome)})."
    return failing(SMALLEST, outcome, message, found.hint)


def _limited(outcome: Outcome) -> Check:
    reply = outcome.exchange.reply
    asked = reply.headers.get("retry-after", "")[:40] if reply is not None else ""
    told = f"; Retry-After: {asked}" if asked else ""
    return failing(
        SMALLEST,
        outcome,
        f"The endpoint takes no request now ({said(outcome)}{told}).",
        "Wait, or raise the limit of requests in the gateway or the plan; then run `kb doctor` "
        "again. An ingest waits by itself; KB_CONCURRENCY=1 sends one request at a time.",
    )


def _broken(examination: Examination, outcome: Outcome) -> Check:
    status, text = outcome.exchange.status, outcome.exchange.text
    if status in {502, 504}:
        return failing(
            SMALLEST,
            outcome,
            f"A gateway answers {status}: the embedding server behind it gives no answer.",
            "Start the server behind the gateway, or raise the gateway's time limit; see it with "
            "KB_BASE_URL set to the server itself.",
        )
    if _NOT_FINITE.search(text):
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint fails with {status}: its vectors are not finite numbers (NaN).",
            "Serve the model with `--dtype bfloat16` (or float32) instead of float16.",
        )
    if _NO_MEMORY.search(text):
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint fails with {status}: it is out of memory.",
            "See `nvidia-smi`; start vLLM with a lower `--gpu-memory-utilization` or "
            "`--max-model-len`.",
        )
    if _health(examination) == 503:
        return _dead(outcome)
    # llama.cpp answers 500 to every request that it does not understand.
    return steered(outcome) or _which_text(examination, outcome)


def _dead(outcome: Outcome) -> Check:
    return failing(
        SMALLEST,
        outcome,
        f"The endpoint fails with {outcome.exchange.status} and its /health says 503: "
        "its engine has died.",
        f"Restart the server; to see why it died, {READ_LOG}.",
    )


def _which_text(examination: Examination, outcome: Outcome) -> Check:
    status = outcome.exchange.status
    if examination.embed(["a"]).failure is None:
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint fails with {status} for two sentences but embeds one letter.",
            "llama.cpp: raise `-ub` and `-b`, which limit the tokens of a request; other servers: "
            f"{READ_LOG}.",
        )
    if examination.embed("a").failure is None:
        return other_form(outcome, "a bare string", "string")
    return failing(
        SMALLEST,
        outcome,
        f"The endpoint fails with {status} whatever it is asked, even for one letter "
        f"({said(outcome)}).",
        f"To see the cause, {READ_LOG}. llama.cpp answers 500 also where it was started without "
        "`--embeddings`.",
    )


def _health(examination: Examination) -> int:
    return examination.get(f"{examination.root}/health").status

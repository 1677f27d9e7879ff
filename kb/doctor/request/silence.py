"""What it means that no answer came to the smallest request: stuck, gone, or crashed."""

from __future__ import annotations

import os

from kb.doctor.check import Check
from kb.doctor.examination import Examination
from kb.doctor.exchange import Outcome
from kb.doctor.outcomes import READ_LOG, SMALLEST, failing
from kb.embed.urls import is_loopback


def silent(examination: Examination, outcome: Outcome) -> Check:
    """Say what a request without an answer means."""
    error = outcome.exchange.error
    if error is None or error.kind != "timeout":
        return _hung_up(outcome) if error and error.kind == "broken" else failing(SMALLEST, outcome)
    seconds = f"{outcome.exchange.seconds:.0f} s"
    if not _answers_otherwise(examination):
        return failing(
            SMALLEST,
            outcome,
            f"No answer within {seconds}, and /models answers no more either.",
            "See with `top` whether the server's machine is overloaded, restart the server, and "
            f"{READ_LOG}.",
        )
    load = _load(examination)
    if load is not None:
        return failing(
            SMALLEST,
            outcome,
            f"Stuck: no vector within {seconds} while /models answers, and this machine's CPU is "
            f"busy ({load}), as where the model runs on the CPU or is still being compiled.",
            "See `top` and `nvidia-smi`: no process on the GPU: start the server on it; one there: "
            "wait for the first compilation, or start vLLM with `--enforce-eager`. If it is not "
            f"the server that is busy, restart it; {READ_LOG}.",
        )
    return failing(
        SMALLEST,
        outcome,
        f"Stuck: no vector within {seconds} while /models answers: the engine hangs, or computes "
        "for somebody else.",
        "On the server: `nvidia-smi` at 0 % and `top` quiet: restart it; CPU high: it compiles or "
        f"runs without GPU (vLLM: `--enforce-eager`). Slow only: KB_TIMEOUT_S=120. And {READ_LOG}.",
    )


def _hung_up(outcome: Outcome) -> Check:
    return failing(
        SMALLEST,
        outcome,
        "The endpoint closed the connection without an answer, as a server does that crashes.",
        f"See whether the server is running and restart it; to see why, {READ_LOG}.",
    )


def _load(examination: Examination) -> str | None:
    """Give this machine's load where the server is on it and the load is high."""
    if not is_loopback(examination.base):
        return None
    try:
        load = os.getloadavg()[0]
    except OSError:
        return None
    cores = os.cpu_count() or 1
    # An average over a minute rises slowly: half of the cores is a lot after half a minute.
    return f"load {load:.1f} on {cores} cores" if load >= cores / 2 else None


def _answers_otherwise(examination: Examination) -> bool:
    urls = (f"{examination.base}/models", f"{examination.root}/health")
    return any(examination.get(url).status for url in urls)

"""Who else waits for the server, and does it keep what it has read before?"""

from __future__ import annotations

from collections.abc import Iterator

from kb.doctor.check import Check, ok, skip, warn
from kb.doctor.examination import Examination
from kb.doctor.speed.load import Texts
from kb.doctor.speed.metrics import Metrics, read_metrics


def queue(examination: Examination) -> Iterator[Check]:
    """Say whether requests of others are under way; nothing where the server does not say."""
    seen = _metrics(examination)
    if seen is None or seen.waiting is None:
        return
    running = seen.running or 0
    figures = {"running": running, "waiting": seen.waiting}
    if seen.waiting > 0:
        yield warn(
            "speed.queue",
            f"Requests of others are in the server's queue ({seen.waiting:,.0f} waiting, "
            f"{running:,.0f} being worked on): the figures below are lower than its best.",
            "Somebody else uses this server now. Measure again when they are done, or give kb "
            "a server of its own.",
            **figures,
        )
    else:
        told = f" ({running:,.0f} being worked on)" if running else ""
        yield ok("speed.queue", f"No requests of others wait for the server{told}.", **figures)


def cache(examination: Examination, texts: Texts) -> Iterator[Check]:
    """Send one long text twice and see whether the server found its beginning again."""
    before = _metrics(examination)
    if before is None:
        where = f"{examination.root}/metrics"
        yield skip("speed.prefix_cache", f"{where} shows no figures of vLLM's, so it is not known.")
        return
    if before.caching is False:
        yield _off()
        return
    longest = examination.max_model_len or 512
    sent = examination.passage(texts.passage(min(400, longest // 2)))
    for _ in range(2):
        outcome = examination.embed(sent)
        if outcome.failure is not None:
            yield skip("speed.prefix_cache", f"Not measured: {outcome.failure.message}")
            return
    yield _judged(before, _metrics(examination) or before)


def _judged(before: Metrics, after: Metrics) -> Check:
    if after.queries is None or after.hits is None:
        return skip("speed.prefix_cache", "This version of vLLM does not count its prefix cache.")
    asked = after.queries - (before.queries or 0)
    found = after.hits - (before.hits or 0)
    figures = {"queries": asked, "hits": found}
    if asked <= 0:
        return _off()
    if found <= 0:
        return ok(
            "speed.prefix_cache",
            "Prefix caching counts, but a text sent twice was not found again: its beginning is "
            "shorter than a block, or others filled the cache.",
            **figures,
        )
    return ok(
        "speed.prefix_cache",
        f"Prefix caching works ({found:,.0f} of {asked:,.0f} tokens of a text sent twice were "
        "found): an instruction before each question costs nearly nothing.",
        **figures,
    )


def _off() -> Check:
    return ok(
        "speed.prefix_cache",
        "Prefix caching is off, as vLLM has it for models with mean or CLS pooling: an "
        "instruction before each question is computed each time.",
    )


def _metrics(examination: Examination) -> Metrics | None:
    exchange = examination.get(f"{examination.root}/metrics")
    return read_metrics(exchange.text) if exchange.status == 200 else None

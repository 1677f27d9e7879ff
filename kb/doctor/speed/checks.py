"""How fast does the endpoint embed, at how many requests at once, and how long will it take?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from kb.doctor.check import Check, failed, ok, warn
from kb.doctor.examination import Examination
from kb.doctor.exchange import Outcome
from kb.doctor.speed.cache import cache, queue
from kb.doctor.speed.load import Batch, Level, Texts, measure

#: A search that waits longer than this for its question's vector feels slow, in seconds.
SLOW_S: Final = 1.0
#: Questions asked for the latency.
_QUESTIONS: Final = 5
#: Tokens in a passage: what an ingest makes by default.
_PASSAGE_TOKENS: Final = 256
#: kb's estimate of a text's tokens may be short by a third.
_MARGIN: Final = 0.7
#: One request of the measurement is to take about this long on its own, in seconds.
_REQUEST_S: Final = 0.4
_MOST_ITEMS: Final = 64
_LEVELS: Final = (1, 2, 4, 8)
_DEEP: Final = (1, 2, 4, 8, 16)
#: More than this at once is not tried, whatever is configured.
_MOST_AT_ONCE: Final = 64
#: How long one level is measured, in seconds.
_LEVEL_S: Final = 2.0
_DEEP_LEVEL_S: Final = 5.0
#: A level must bring so much more than the best before it to be worth a higher one.
_GAIN: Final = 1.1
#: Requests that take longer are not made more of, in seconds.
_SLOW_REQUEST_S: Final = 8.0
#: What says that a request held too much, and a smaller one may pass.
_TOO_MUCH: Final = frozenset(
    {
        "embed.bad_request",
        "embed.input_too_long",
        "embed.overloaded",
        "embed.rate_limited",
        "embed.server_error",
    }
)
#: An ingest of more than this deserves a plan, in seconds.
_LONG_S: Final = 12 * 3600


def checks(examination: Examination) -> Iterator[Check]:
    """Measure one question, then many passages at rising concurrency; about ten seconds."""
    yield from queue(examination)
    texts = Texts()
    latency = _latency(examination, texts)
    yield latency
    if latency.status == "fail":
        return
    batch = _fitting(examination, texts)
    if isinstance(batch, Outcome):
        yield _unmeasured(batch)
        return
    levels = list(_levels(examination, texts, batch))
    yield _throughput(levels, batch)
    good = [level for level in levels if level.chunks]
    if good:
        chosen = _chosen(good)
        yield _concurrency(examination, good, chosen)
        yield _estimate(examination.wanted.chunks, chosen, batch)
    yield from cache(examination, texts)


def _latency(examination: Examination, texts: Texts) -> Check:
    """Ask a few questions one after the other; the first opens the connection."""
    taken: list[float] = []
    outcome = examination.embed(examination.query(texts.question()))
    while outcome.failure is None and len(taken) < _QUESTIONS and sum(taken) < 2 * SLOW_S:
        started = time.monotonic()
        outcome = examination.embed(examination.query(texts.question()))
        taken.append(time.monotonic() - started)
    if outcome.failure is not None:
        return failed("speed.latency", outcome.failure, curl=outcome.exchange.curl())
    middle = median(taken)
    figures = {"median_ms": round(1000 * middle, 1), "ms": [round(1000 * each) for each in taken]}
    message = f"One question takes {_milliseconds(middle)} (median of {len(taken)})."
    if middle <= SLOW_S:
        return ok("speed.latency", message, **figures)
    hint = (
        "Every search waits this long. Look with `nvidia-smi` on the server's machine whether it "
        f"works on the GPU and for whom else, and at num_requests_running in {examination.root}"
        "/metrics."
    )
    return warn("speed.latency", message, hint, **figures)


def _unmeasured(outcome: Outcome) -> Check:
    """Say why there is no measurement; a limit of requests slows an ingest and does not end it."""
    assert outcome.failure is not None
    name, curl = "speed.throughput", outcome.exchange.curl()
    if outcome.failure.code != "embed.rate_limited":
        return failed(name, outcome.failure, curl=curl)
    return warn(
        name,
        "The endpoint limits requests (429), so how fast it embeds is not measured.",
        "An ingest waits by itself; to go faster, raise the limit of requests in the gateway or "
        "the plan.",
        code=outcome.failure.code,
        curl=curl,
    )


def _fitting(examination: Examination, texts: Texts) -> Batch | Outcome:
    """Give a request that the server takes and that is short on its own; else what it said."""
    longest = examination.max_model_len or 8192
    template = len(examination.templates[1]) // 4
    tokens = min(_PASSAGE_TOKENS, int((longest - template) * _MARGIN))
    dimensions = examination.settings.dimensions
    plain = {"dimensions": dimensions} if dimensions else {}
    fields = {"encoding_format": "base64", **plain}
    batch = Batch(items=1, tokens=max(8, tokens), fields=fields)
    started = time.monotonic()
    outcome = _try(examination, texts, batch)
    if outcome.failure is not None and outcome.failure.code == "embed.bad_request":
        batch = replace(batch, fields=plain)
        started = time.monotonic()
        outcome = _try(examination, texts, batch)
    while outcome.failure is not None and _too_long(outcome) and batch.tokens > 8:
        batch = replace(batch, tokens=batch.tokens // 2)
        started = time.monotonic()
        outcome = _try(examination, texts, batch)
    if outcome.failure is not None:
        return outcome
    single = time.monotonic() - started
    return _largest(examination, texts, batch, int(_REQUEST_S / max(single, 1e-3)))


def _largest(examination: Examination, texts: Texts, batch: Batch, items: int) -> Batch | Outcome:
    """Give the batch with up to so many texts that the server takes at once."""
    items = min(max(items, 1), _MOST_ITEMS)
    while items > 1:
        larger = replace(batch, items=items)
        outcome = _try(examination, texts, larger)
        if outcome.failure is None:
            return larger
        if outcome.failure.code not in _TOO_MUCH:
            return outcome
        items //= 2
    return batch


def _try(examination: Examination, texts: Texts, batch: Batch) -> Outcome:
    sent = batch.texts(examination, texts)
    return examination.embed(sent, fields=batch.fields)


def _too_long(outcome: Outcome) -> bool:
    return outcome.failure is not None and outcome.failure.code in {
        "embed.bad_request",
        "embed.input_too_long",
    }


def _levels(examination: Examination, texts: Texts, batch: Batch) -> Iterator[Level]:
    """Give levels of rising concurrency, until more brings nothing or the server objects."""
    deep = examination.wanted.deep
    configured = examination.settings.concurrency
    own = {min(configured, _MOST_AT_ONCE)} if configured else set()
    best = 0.0
    done = False
    for concurrency in sorted({*(_DEEP if deep else _LEVELS), *own}):
        if done and concurrency not in own:
            continue
        level = measure(
            examination,
            texts,
            batch,
            concurrency=concurrency,
            seconds=_DEEP_LEVEL_S if deep else _LEVEL_S,
        )
        yield level
        if level.failure is not None or level.seconds > _SLOW_REQUEST_S:
            return
        done = done or (not deep and level.chunks_per_s < _GAIN * best)
        best = max(best, level.chunks_per_s)


def _chosen(levels: Sequence[Level]) -> Level:
    """Give the least concurrency that brings nearly all there is."""
    best = max(level.chunks_per_s for level in levels)
    return next(level for level in levels if level.chunks_per_s * _GAIN >= best)


def _throughput(levels: Sequence[Level], batch: Batch) -> Check:
    table = [level.row() for level in levels]
    figures = {"levels": table, "items": batch.items, "estimated_tokens": batch.tokens}
    good = [level for level in levels if level.chunks and level.failure is None]
    last = levels[-1]
    if not good:
        assert last.failure is not None
        return failed("speed.throughput", last.failure, **figures, curl=last.curl)
    told = ", ".join(f"{_rate(level.chunks_per_s)} with {level.concurrency}" for level in good)
    best = max(good, key=lambda level: level.chunks_per_s)
    message = (
        f"It embeds {_rate(best.chunks_per_s)} chunks ({best.tokens_per_s:,.0f} tokens) a second "
        f"(requests at once: {told})."
    )
    if last.failure is None:
        return ok("speed.throughput", message, **figures)
    most = max(level.concurrency for level in good)
    message = f"{message} At {last.concurrency} it failed: {last.failure.message}"
    hint = f"kb lowers the number by itself when that happens; KB_CONCURRENCY={most} spares it."
    if last.failure.code not in {"embed.overloaded", "embed.rate_limited"}:
        hint = f"Read the server's log (`kb doctor --log FILE`); until then KB_CONCURRENCY={most}."
    return warn(
        "speed.throughput", message, hint, code=last.failure.code, curl=last.curl, **figures
    )


def _concurrency(examination: Examination, levels: Sequence[Level], chosen: Level) -> Check:
    configured = examination.settings.concurrency
    number = chosen.concurrency
    plural = "request" if number == 1 else "requests"
    message = f"{number} {plural} at once give nearly all there is"
    if number == 1:
        message = "1 request at a time gives nearly all there is"
    figures = {"chosen": number, "configured": configured}
    if configured is None:
        message += "; kb finds the number itself in each run."
        return ok("speed.concurrency", message, **figures)
    mine = next((each for each in levels if each.concurrency == configured), None)
    if mine is not None and mine.chunks_per_s * _GAIN >= chosen.chunks_per_s:
        return ok("speed.concurrency", f"{message}; KB_CONCURRENCY is {configured}.", **figures)
    lost = (
        "was not reached" if mine is None else f"gives {_rate(mine.chunks_per_s)} chunks a second"
    )
    return warn(
        "speed.concurrency",
        f"{message} ({_rate(chosen.chunks_per_s)} chunks a second); KB_CONCURRENCY is {configured} "
        f"and {lost}.",
        f"Set KB_CONCURRENCY={number}, or take it out (embedding.concurrency in kb.toml): "
        "kb then finds the number itself.",
        **figures,
    )


def _estimate(chunks: int, chosen: Level, batch: Batch) -> Check:
    seconds = chunks / chosen.chunks_per_s
    each = round(chosen.tokens / chosen.chunks)
    message = f"Embedding {chunks:,} chunks of {each} tokens will take about {in_words(seconds)}."
    figures = {"chunks": chunks, "seconds": round(seconds), "items": batch.items}
    if seconds <= _LONG_S:
        return ok("speed.estimate", message, **figures)
    hint = (
        "Begin with the folder that matters most (`kb ingest FOLDER`). A run can be stopped with "
        "Ctrl-C at any time; the same command goes on where it stopped."
    )
    return warn("speed.estimate", message, hint, **figures)


def in_words(seconds: float) -> str:
    """Give a length of time as people say it.

    >>> in_words(0.2), in_words(95), in_words(7000), in_words(300_000)
    ('1 second', '2 minutes', '2 hours', '3 days')
    """
    units = ((90, 1, "second"), (5400, 60, "minute"), (129_600, 3600, "hour"))
    unit, name = next(
        ((unit, name) for most, unit, name in units if seconds < most), (86_400, "day")
    )
    number = max(1, round(seconds / unit))
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds < 10 else f"{seconds:,.0f} s"

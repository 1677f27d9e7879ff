"""Does the endpoint embed what kb sends, in every form that kb sends?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from kb.doctor.check import Check, fail, ok, warn
from kb.doctor.examination import Examination
from kb.doctor.outcomes import BUSY, SILENT, failing, found_in, said, silenced, warning
from kb.doctor.request.lengths import long, too_long
from kb.doctor.request.optional import base64, dimensions
from kb.doctor.request.sizes import batch
from kb.doctor.request.symptoms import explain
from kb.doctor.texts import ODD, PAIRS

if TYPE_CHECKING:
    from kb.doctor.exchange import Outcome
    from kb.model import Vector

_ENGLISH: Final = PAIRS[0].english
_CHINESE: Final = PAIRS[0].chinese


def checks(examination: Examination) -> Iterator[Check]:
    """Send the smallest request, then each other form; stop where the endpoint falls silent."""
    texts = [
        examination.query(_ENGLISH.question),
        examination.passage(_ENGLISH.passage),
    ]
    first = examination.embed(texts)
    if first.failure is not None:
        yield explain(examination, first)
        return
    assert first.rows is not None
    examination.facts |= {"vectors", "embedder"}
    examination.dimensions = first.rows.shape[1]
    yield ok(
        "request.smallest",
        f"A question and a passage were embedded in {first.exchange.seconds:.2f} s: "
        f"vectors of {first.rows.shape[1]:,} numbers.",
        seconds=round(first.exchange.seconds, 3),
        dimensions=first.rows.shape[1],
    )
    yield usage(first, texts)
    for step in _STEPS:
        check = step(examination)
        if check is None:
            continue
        yield check
        yield from silenced(examination, check)
        if "vectors" not in examination.facts:
            return


def usage(first: Outcome, texts: list[str]) -> Check:
    """Tell what the endpoint counts: tokens or characters."""
    name, characters = "request.usage", sum(map(len, texts))
    if first.tokens is None:
        message = "The endpoint does not say how many tokens a text has: kb estimates them."
        return ok(name, message)
    figures = {"counted": first.tokens, "characters": characters}
    if abs(first.tokens - characters) <= 1:
        message = f"The endpoint counts characters as tokens ({first.tokens}): kb estimates them."
        return ok(name, message, **figures)
    message = f"The endpoint counts tokens: {first.tokens} for {characters} characters."
    return ok(name, message, **figures)


def string(examination: Examination) -> Check:
    """Tell whether a text is taken that is not in a list."""
    name = "request.string"
    outcome = examination.embed(examination.passage(_ENGLISH.passage))
    if outcome.failure is None:
        return ok(name, "A bare string is taken too (kb sends lists).")
    if found_in(outcome).code in BUSY:
        return failing(name, outcome)
    return warning(
        name,
        outcome,
        f"A bare string is refused ({said(outcome)}). kb sends lists and needs none.",
        "Nothing to do for kb. Other programs may need `input` as a list here.",
    )


def chinese(examination: Examination) -> Check:
    """Tell whether Chinese reaches the model as Chinese."""
    name = "request.chinese"
    text = _CHINESE.passage
    # Alike in length, as a model that knows none of the characters sees nothing but their number.
    other = text[::-1]
    marks = re.sub(r"[^\x00-\x7f]", "?", text)
    rows: list[Vector] = []
    # One by one: a server may take fewer texts in a request than three.
    for each in (text, other, marks):
        outcome = examination.embed([examination.passage(each)])
        if outcome.rows is None:
            return _not_chinese(outcome)
        rows.append(outcome.rows[0])
    whole, reversed_, asked = rows
    if not (np.isfinite(whole).all() and whole.any()):
        return fail(
            name,
            "Chinese text gets a vector that is not finite (NaN) or is all zeros.",
            "Start the server with `--dtype bfloat16` (or float32): float16 overflows in this "
            "model.",
            code="embed.invalid_vector",
        )
    if _same(whole, asked):
        return fail(
            name,
            "Chinese arrives as question marks: something on the way changes the encoding.",
            "Ask the server itself, without the proxy between, and set that proxy to UTF-8.",
        )
    if _same(whole, reversed_):
        return warn(
            name,
            "The model sees no difference between Chinese characters: it knows none of them.",
            "Use a model that knows Chinese (Qwen3-Embedding, bge-m3); kb finds Chinese passages "
            "by their words meanwhile.",
        )
    return ok(name, "Chinese text arrives whole.")


def _not_chinese(outcome: Outcome) -> Check:
    name = "request.chinese"
    if found_in(outcome).code in BUSY:
        return failing(name, outcome)
    return failing(
        name,
        outcome,
        f"Chinese text is not embedded ({said(outcome)}).",
        "See that no proxy changes the request's encoding: kb sends UTF-8. Ask the server itself "
        "with this check's curl line.",
    )


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-7))


def characters(examination: Examination) -> Check:
    """Tell which texts with odd characters are taken."""
    name = "request.characters"
    outcome = examination.embed([examination.passage(text) for text in ODD.values()])
    good = ok(
        name,
        f"{len(ODD)} texts with odd characters (emoji, line breaks, NUL, ...) are taken.",
        tried=list(ODD),
    )
    if outcome.failure is None:
        return good
    if found_in(outcome).code in SILENT:
        return failing(name, outcome)
    guilty: list[str] = []
    for told, text in ODD.items():
        alone = examination.embed([examination.passage(text)])
        if alone.failure is not None and found_in(alone).code in BUSY:
            return failing(name, alone)
        if alone.failure is not None:
            guilty.append(told)
            outcome = alone
    if not guilty:
        # It was their number: request.batch tells.
        return good
    return warning(
        name,
        outcome,
        f"A text with {', or with '.join(guilty)} is refused ({said(outcome)}).",
        "Update the server. Until then kb sets such passages aside and finds them by their words.",
    )


#: In this order: what is most likely to block a server comes last.
_STEPS: Final[tuple[Callable[[Examination], Check | None], ...]] = (
    string,
    chinese,
    characters,
    base64,
    dimensions,
    batch,
    long,
    too_long,
)

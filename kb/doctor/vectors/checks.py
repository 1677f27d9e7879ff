"""Are the vectors sound: their number, length and order, and do they tell texts apart?"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from kb.doctor.check import Check, fail, ok, skip, warn
from kb.doctor.examination import Examination
from kb.doctor.outcomes import failing, silenced
from kb.doctor.texts import FRAGILE, PAIRS
from kb.doctor.vectors import meaning
from kb.doctor.vectors.known_models import contradiction, suggestion

if TYPE_CHECKING:
    from kb.doctor.exchange import Outcome
    from kb.model import Matrix

#: Below this cosine two vectors of one text are told apart by a user; below the other kb
#: refuses to go on with a knowledge base (`embed.drift`).
_STEADY: Final = 0.9995
_DRIFT: Final = 0.995
#: Unrelated texts all closer than this: no meaning is in them.
_ALIKE: Final = 0.98


class _SilentError(Exception):
    """A request failed; the check tells how."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.message)
        self.check = check


def checks(examination: Examination) -> Iterator[Check]:
    """Embed a few texts alone, together and in another order; then look at their meaning."""
    try:
        if (yield from _form(examination)):
            yield from meaning.checks(examination)
    except (_SilentError, meaning.UnansweredError) as error:
        yield error.check
        yield from silenced(examination, error.check)


def _form(examination: Examination) -> Generator[Check, None, bool]:
    """Look at what can be seen without understanding; tell whether there may be a meaning."""
    texts = [examination.passage(pair.english.passage) for pair in PAIRS]
    together = _rows(examination, "vectors.dimension", [*texts, *_fragile(examination)])
    yield _dimension(examination, together)
    yield _norm(together)
    sound = _sound(together)
    yield _finite(sound, [*texts, *_fragile(examination)])
    if not sound[: len(texts)].all():
        return False
    together = unit(together[: len(texts)])
    alone = [_rows(examination, "vectors.repeat", [texts[place]])[0] for place in (0, 0, 1, 2)]
    single = unit(np.stack(alone))
    yield _repeat(single)
    order = _order(examination, texts, single[1:])
    if order.status == "fail":
        # What follows would compare the vectors of unlike texts.
        yield order
        return False
    yield _batch(single[1:], together[:3])
    yield order
    spread = _spread(together)
    yield spread
    return spread.status == "ok"


def _fragile(examination: Examination) -> list[str]:
    return [examination.passage(text) for text in FRAGILE]


def _rows(examination: Examination, name: str, texts: Sequence[str]) -> Matrix:
    """Give the vectors as sent, shape (n, dimensions), in requests that are not too large."""
    most = max(1, examination.largest_batch)
    parts: list[Matrix] = []
    for start in range(0, len(texts), most):
        outcome = examination.embed(list(texts[start : start + most]))
        parts.append(_of(name, outcome))
    if len({part.shape[1] for part in parts}) > 1:
        message = "Vectors of one model have different lengths from one request to the next."
        hint = "Two models answer behind one address: point KB_BASE_URL at one server."
        raise _SilentError(fail(name, message, hint, code="embed.dimension_mismatch"))
    return np.concatenate(parts)


def _of(name: str, outcome: Outcome) -> Matrix:
    if outcome.rows is None:
        raise _SilentError(failing(name, outcome))
    return outcome.rows


def unit(rows: Matrix) -> Matrix:
    """Give the vectors at length 1, in double precision; one without a direction stays as it is."""
    wide = rows.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.where(norms > 0, norms, 1.0))


# -- form ------------------------------------------------------------------------------------


def _dimension(examination: Examination, rows: Matrix) -> Check:
    name, given = "vectors.dimension", rows.shape[1]
    wanted = examination.settings.dimensions
    if wanted is not None and given != wanted:
        return fail(
            name,
            f"KB_DIMENSIONS says {wanted:,} and vectors have {given:,} numbers{_named(given)}.",
            f"Unset KB_DIMENSIONS or set KB_DIMENSIONS={given}; if you expect {wanted:,}, see "
            "which model the server was started with.",
            code="embed.dimension_mismatch",
            dimensions=given,
        )
    found = contradiction(examination.model, given) if wanted is None else None
    if found is not None:
        return fail(name, found.message, found.hint, dimensions=given)
    if wanted is not None:
        return ok(name, f"Vectors have {given:,} numbers, as KB_DIMENSIONS says.", dimensions=given)
    return ok(name, f"Vectors have {given:,} numbers{_named(given)}.", dimensions=given)


def _named(dimensions: int) -> str:
    suggested = suggestion(dimensions)
    return f", like those of {suggested}" if suggested else ""


def _norm(rows: Matrix) -> Check:
    name = "vectors.norm"
    with np.errstate(all="ignore"):
        norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    known = norms[np.isfinite(norms)]
    if not known.size:
        return skip(name, "Not known: no vector is finite.")
    least, most = float(known.min()), float(known.max())
    figures = {"least": round(least, 6), "most": round(most, 6)}
    if least > 0.99 and most < 1.01:
        return ok(name, "Vectors have length 1.", **figures)
    message = f"Vectors have lengths from {least:.2f} to {most:.2f}: kb brings them to 1 by itself."
    return ok(name, message, **figures)


def _sound(rows: Matrix) -> np.ndarray:
    """Tell of each vector whether it has a direction; shape (n,)."""
    finite = np.isfinite(rows)
    return np.asarray(finite.all(axis=1) & np.where(finite, rows != 0, False).any(axis=1))


def _finite(sound: np.ndarray, texts: Sequence[str]) -> Check:
    name = "vectors.finite"
    if sound.all():
        return ok(name, f"All {len(sound)} vectors are finite, and none is all zeros.")
    bad = [text for text, fine in zip(texts, sound, strict=True) if not fine]
    return fail(
        name,
        f"{len(bad)} of {len(texts)} vectors are not finite (NaN) or all zeros, for instance that "
        f"of {bad[0][:40]!r}.",
        "Start the server with `--dtype bfloat16` (or float32): float16 overflows in this model.",
        code="embed.invalid_vector",
        texts=bad,
    )


# -- the same text, the same vector ----------------------------------------------------------


def _repeat(single: Matrix) -> Check:
    cosine = float(single[0] @ single[1])
    return _steady(
        "vectors.repeat",
        cosine,
        good=f"The same text twice gives the same vector (cosine {cosine:.6f}).",
        bad=f"The same text twice gives two vectors (cosine {cosine:.4f}).",
        hint="vLLM: start it with `--no-enable-prefix-caching`. Behind a load balancer: see that "
        "all servers run the same model.",
    )


def _batch(single: Matrix, together: Matrix) -> Check:
    cosine = float(np.einsum("ij,ij->i", single, together).min())
    return _steady(
        "vectors.batch",
        cosine,
        good=f"A text alone and among others gives the same vector (cosine {cosine:.6f}).",
        bad=f"A text gives another vector among others than alone (cosine {cosine:.4f}).",
        hint="Update the server: padding leaks into the vectors. Or serve in float32 (vLLM: "
        "`--dtype float32`) and see whether it goes away.",
    )


def _steady(name: str, cosine: float, *, good: str, bad: str, hint: str) -> Check:
    if cosine >= _STEADY:
        return ok(name, good, cosine=round(cosine, 6))
    if cosine >= _DRIFT:
        return warn(name, bad, hint, cosine=round(cosine, 6))
    return fail(name, bad, hint, cosine=round(cosine, 6))


def _order(examination: Examination, texts: Sequence[str], single: Matrix) -> Check:
    """Ask in another order: each of the first texts must lie at its own place."""
    name, count = "vectors.order", len(texts)
    # A step that shares no factor with the number of texts visits each once.
    places = [(3 * place + 2) % count for place in range(count)]
    shuffled = unit(_rows(examination, name, [texts[place] for place in places]))
    for place, vector in enumerate(single):
        cosines = shuffled @ vector
        mine = places.index(place)
        if cosines[mine] < cosines.max() - (1 - _STEADY):
            best = int(cosines.argmax())
            return fail(
                name,
                f"Vectors come in another order than their texts: the vector of text {mine} came "
                f"at place {best}.",
                "Update the server or leave out the proxy between: every passage would get the "
                "vector of another one.",
            )
    return ok(name, f"{count} vectors come in the order of their texts.")


def _spread(rows: Matrix) -> Check:
    name = "vectors.spread"
    cosines = rows @ rows.T
    others = cosines[~np.eye(len(rows), dtype=bool)]
    least, mean = float(others.min()), float(others.mean())
    figures = {"least": round(least, 4), "mean": round(mean, 4)}
    if mean < _ALIKE:
        message = f"Unrelated texts lie apart (cosine {mean:.2f} on average)."
        return ok(name, message, **figures)
    return fail(
        name,
        f"All vectors are alike, whatever the text (cosine {mean:.4f} on average): the model is "
        "untrained, or its pooling is wrong.",
        "See in the server's log which weights it loaded. Qwen3-Embedding needs last-token "
        "pooling (llama.cpp: `--pooling last`; vLLM: `--runner pooling`).",
        **figures,
    )

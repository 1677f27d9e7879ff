"""The optional fields of a request: `encoding_format` and `dimensions`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from kb.doctor.check import Check, fail, ok, skip
from kb.doctor.examination import Examination
from kb.doctor.outcomes import BUSY, SILENT, failing, figures, found_in, said
from kb.doctor.texts import PAIRS

if TYPE_CHECKING:
    from kb.doctor.exchange import Outcome
    from kb.model import Matrix

_MATRYOSHKA: Final = """vLLM: `--hf-overrides '{"is_matryoshka": true}'`"""
#: The passage that is asked for in each form.
_TEXT: Final = PAIRS[0].english.passage


def base64(examination: Examination) -> Check:
    """Tell whether vectors come packed, as kb asks for them, and are then the same."""
    name = "request.base64"
    text = [examination.passage(_TEXT)]
    outcome = examination.embed(text, fields={"encoding_format": "base64"})
    if outcome.rows is None:
        return _unpacked(outcome)
    if not _packed(outcome):
        return ok(name, "The endpoint sends numbers where base64 is asked for: kb reads both.")
    plain = examination.embed(text)
    if plain.rows is None:
        return failing(name, plain)
    if not _alike(outcome.rows, plain.rows) and _unsteady(examination, text, plain.rows):
        return skip(name, "Not known: the same text gets another vector each time it is sent.")
    if not _alike(outcome.rows, plain.rows):
        return fail(
            name,
            f"The vector in base64 is not the one in numbers ({outcome.rows.shape[1]} against "
            f"{plain.rows.shape[1]} of them): it is not little-endian float32.",
            "Serve float32 vectors in base64, or have the proxy refuse `encoding_format`: kb then "
            "asks for numbers.",
        )
    return ok(name, "Vectors come as base64, and are the same as in numbers.")


def _unpacked(outcome: Outcome) -> Check:
    """Judge a refusal: harmless where it is one, as kb then asks for numbers."""
    name = "request.base64"
    if found_in(outcome).code in BUSY:
        return failing(name, outcome)
    if outcome.exchange.status == 200:
        hint = "Update the server: kb asks for base64, and what comes back cannot be read."
        return failing(name, outcome, f"base64: {found_in(outcome).message}", hint)
    message = f"Vectors as base64 are refused ({said(outcome)}): kb asks for numbers."
    return ok(name, message, **figures(outcome))


def _unsteady(examination: Examination, text: list[str], before: Matrix) -> bool:
    again = examination.embed(text)
    return again.rows is not None and not _alike(again.rows, before)


def _packed(outcome: Outcome) -> bool:
    answer = outcome.exchange.json()
    return isinstance(answer["data"][0]["embedding"], str)


def _alike(one: Matrix, other: Matrix) -> bool:
    if one.shape != other.shape:
        return False
    # NaN is a matter of vectors.finite.
    return not np.isfinite(one).all() or _cosine(one[0], other[0]) > 0.99


def _cosine(one: Matrix, other: Matrix) -> float:
    a, b = one.astype(np.float64), other.astype(np.float64)
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-30))


def dimensions(examination: Examination) -> Check | None:
    """Tell whether vectors are shortened where the settings (or --deep) ask for it."""
    wanted, own = examination.settings.dimensions, examination.dimensions or 0
    if wanted is None and not (examination.wanted.deep and own > 1):
        return None
    asked = wanted or own // 2
    outcome = examination.embed([examination.passage(_TEXT)], fields={"dimensions": asked})
    if wanted is None:
        return _able(outcome, own, asked)
    if outcome.rows is not None and outcome.rows.shape[1] == wanted:
        examination.dimensions = wanted
        examination.always["dimensions"] = wanted
        return _shortened(outcome, own, wanted)
    return _not_so(outcome, own, wanted)


def _able(outcome: Outcome, own: int, asked: int) -> Check:
    """Say whether vectors could be shortened; nobody asked for it, so nothing is wrong."""
    name = "request.dimensions"
    if outcome.rows is None and found_in(outcome).code in SILENT:
        return failing(name, outcome)
    if outcome.rows is None:
        message = f"The endpoint refuses to shorten its vectors, so KB_DIMENSIONS stays {own:,}."
        return ok(name, message, **figures(outcome))
    given = outcome.rows.shape[1]
    if given != asked:
        message = f"The endpoint ignores `dimensions`: KB_DIMENSIONS stays {own:,}."
        return ok(name, message, dimensions=given)
    message = f"The endpoint can shorten its vectors: {own:,} to {asked:,} was tried."
    return ok(name, message, dimensions=given)


def _shortened(outcome: Outcome, own: int, wanted: int) -> Check:
    assert outcome.rows is not None
    name = "request.dimensions"
    norm = float(np.linalg.norm(outcome.rows[0].astype(np.float64)))
    if own == wanted:
        return ok(name, f"Vectors have {wanted:,} numbers, as KB_DIMENSIONS says.", norm=norm)
    message = f"Vectors are shortened from {own:,} to {wanted:,} numbers, as KB_DIMENSIONS says"
    if abs(norm - 1) > 0.01:
        message += f"; their length is then {norm:.2f}, and kb brings it back to 1"
    return ok(name, f"{message}.", norm=round(norm, 4))


def _not_so(outcome: Outcome, own: int, wanted: int) -> Check:
    name = "request.dimensions"
    if outcome.rows is not None:
        given = outcome.rows.shape[1]
        return fail(
            name,
            f"KB_DIMENSIONS is {wanted:,}, the endpoint ignores that and gives {given:,} numbers.",
            f"Unset KB_DIMENSIONS, or set KB_DIMENSIONS={given}.",
            code="embed.dimension_mismatch",
        )
    if found_in(outcome).code in SILENT:
        return failing(name, outcome)
    if own == wanted:
        message = f"Vectors have {own:,} numbers; `dimensions` is refused and not needed."
        return ok(name, message, **figures(outcome))
    if re.search(r"dimensions in range", outcome.exchange.text):
        hint = f"Unset KB_DIMENSIONS, or set it to {own} or less."
    else:
        hint = f"Unset KB_DIMENSIONS, or let the server shorten its vectors ({_MATRYOSHKA})."
    return failing(
        name,
        outcome,
        f"KB_DIMENSIONS is {wanted:,}; the model's vectors have {own:,} numbers and the endpoint "
        f"refuses to change that ({said(outcome)}).",
        hint,
    )

"""Does the endpoint give the vectors that the knowledge base was made with?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from kb.doctor.check import Check, fail, failed, ok, skip
from kb.doctor.examination import Examination
from kb.embed.canary import LEAST_COSINE, samples
from kb.errors import CATALOGUE, failure
from kb.model import Profile

if TYPE_CHECKING:
    from kb.model import Matrix

_DRIFT = CATALOGUE["embed.drift"]


def checks(examination: Examination) -> Iterator[Check]:
    """Compare the settings and two canaries with what is pinned; reads only."""
    if not examination.base_of.exists:
        yield skip("profile.pinned", "There is no knowledge base here to compare with.")
        return
    with examination.base_of.snapshot() as snapshot:
        pinned, canaries = snapshot.profile, snapshot.canaries()
    if pinned is None:
        yield skip("profile.pinned", "The knowledge base here has no vectors yet.")
        return
    differing = _differences(examination, pinned)
    if differing:
        found = failure("embed.profile_mismatch", f"The knowledge base here differs: {differing}.")
        yield failed("profile.pinned", found)
        return
    yield ok("profile.pinned", f"The settings fit the knowledge base here ({pinned.model}).")
    if canaries is not None:
        yield _drift(examination, pinned, canaries)


def _differences(examination: Examination, pinned: Profile) -> str:
    query, passage = examination.templates
    mine = {
        "provider": "endpoint",
        "model": examination.model,
        "dimensions": examination.dimensions,
        "query_template": query,
        "passage_template": passage,
    }
    told = [
        f"{name} was {getattr(pinned, name)!r} and is now {value!r}"
        for name, value in mine.items()
        if getattr(pinned, name) != value
    ]
    return "; ".join(told)


def _drift(examination: Examination, pinned: Profile, canaries: Matrix) -> Check:
    asked = samples(pinned, questions=False)
    outcome = examination.embed(list(asked.values()))
    if outcome.failure is not None:
        return failed("profile.drift", outcome.failure, curl=outcome.exchange.curl())
    assert outcome.rows is not None
    units = outcome.rows / np.linalg.norm(outcome.rows, axis=1, keepdims=True)
    cosines = np.einsum("ij,ij->i", units, canaries[list(asked)])
    worst = float(cosines.min())
    if worst >= LEAST_COSINE:
        message = f"Texts embedded when it was made get the same vectors (cosine {worst:.4f})."
        return ok("profile.drift", message, cosine=round(worst, 6))
    message = (
        "Texts embedded when the knowledge base was made get other vectors now "
        f"(cosine {worst:.3f}): other weights, another precision, or a prefix added on the way."
    )
    return fail("profile.drift", message, _DRIFT.cure, code="embed.drift", cosine=round(worst, 6))

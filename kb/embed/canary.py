"""Does an endpoint still give the vectors it gave when the knowledge base was made?

A few fixed texts, in several languages and under both templates, are embedded when the profile is
pinned and kept with it. Each later run embeds two of them again before anything else. What changes
behind the same model name (weights, quantisation, pooling, a prefix added by a proxy) moves them;
batching and rounding hardly do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kb.embed.now import in_order, numbered
from kb.errors import EndpointError, failure
from kb.model import Embedded, Profile

if TYPE_CHECKING:
    from kb.embed import Embedder
    from kb.model import Matrix

TEXTS: Final = (
    "The buyer may return the goods within fourteen days of delivery.",
    "买方应当在收货后十四日内提出退货申请。",
    "Der Käufer kann die Ware innerhalb von vierzehn Tagen zurückgeben.",
    "Pump pressure 9 bar, water 93 °C, error code E-17.",
)
#: The least cosine between a canary's vectors then and now. Measured on vLLM (CPU, MiniLM): the
#: same text again, alone or in large batches 0.9999998; bfloat16 against float32 0.9999; a prefix
#: left out or swapped 0.83 to 0.98.
LEAST_COSINE: Final = 0.995


def canary_texts(profile: Profile) -> list[str]:
    """Give the texts exactly as they are sent: as passages, then as questions."""
    passages = [profile.passage(text) for text in TEXTS]
    return [*passages, *(profile.query(text) for text in TEXTS)]


def samples(profile: Profile, *, questions: bool) -> dict[int, str]:
    """Give two canaries by their place, English and Chinese: as questions or as passages."""
    first = len(TEXTS) if questions else 0
    texts = canary_texts(profile)
    return {place: texts[place] for place in (first, first + 1)}


def embed_canaries(embedder: Embedder) -> Matrix | None:
    """Give the vectors of all canaries, shape (n, dimensions), or None where one has none."""
    import numpy as np

    outcomes = _patiently(embedder, canary_texts(embedder.profile))
    rows = [outcome.vector for outcome in outcomes if outcome.vector is not None]
    return np.stack(rows) if len(rows) == len(outcomes) else None


def check_drift(places: Sequence[int], outcomes: Sequence[Embedded], pinned: Matrix) -> None:
    """Compare canaries embedded now with those kept; raises `EndpointError` (`embed.drift`).

    `places[i]` is the row of `pinned`, shape (n, dimensions), that `outcomes[i]` belongs to.
    """
    cosines = [
        float(outcome.vector @ pinned[place])
        for place, outcome in zip(places, outcomes, strict=True)
        if outcome.vector is not None
    ]
    worst = min(cosines, default=1.0)
    if worst < LEAST_COSINE:
        message = (
            "The endpoint no longer gives the vectors it gave when the knowledge base was made: "
            f"the same text now lies at cosine {worst:.3f} to its former vector."
        )
        raise EndpointError(failure("embed.drift", message, cosine=round(worst, 6)))


def check_now(embedder: Embedder, pinned: Matrix) -> None:
    """Embed two canaries as passages and compare; raises `EndpointError` (`embed.drift`)."""
    asked = samples(embedder.profile, questions=False)
    check_drift(list(asked), _patiently(embedder, list(asked.values())), pinned)


def _patiently(embedder: Embedder, texts: Sequence[str]) -> list[Embedded]:
    """Give the outcomes in order; a server that is still loading is waited for, as in a run."""
    return in_order(embedder.embed(numbered(texts)))

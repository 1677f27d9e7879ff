"""How much a reindex is: passages, tokens, calls, and minutes at the speed that was measured."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from kb.chunk import Chunking, chunk_document, estimate_tokens
from kb.embed import Embedder
from kb.errors import StageError
from kb.model import EmbedItem, Profile, text_key
from kb.pipeline.rebuild import stored
from kb.pipeline.weigh_probes import MOST, PASSAGES
from kb.store import Builder, Store

#: Of more documents, so many are cut into passages, and the rest is reckoned from these.
_MOST_DOCUMENTS: Final = 400
#: So many texts are embedded to learn the speed: the first half warms up, the second is timed.
PROBE: Final = 32
#: What one request holds at most, by default.
_TEXTS: Final = 64
_TOKENS: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a reindex will take; of the texts that are paid for, only the number counts."""

    documents: int
    chunks: int
    #: Passages whose vectors are stored already.
    reused: int
    #: Of the passages to be embedded, by kb's own reckoning.
    tokens: int
    #: Requests, where each is as full as it may be.
    calls: int
    #: None where nothing could be measured.
    seconds: float | None = None
    tokens_per_second: float | None = None
    #: False where it was reckoned from a sample of the documents.
    exact: bool = True
    #: Texts that were embedded to measure the speed, and got a vector.
    probed: int = 0
    #: Whether their vectors are stored, so that the reindex does not send them again.
    probe_kept: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give it as `kb reindex --json` shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What is to be done, and a few of the texts that are to be embedded."""

    documents: int
    chunks: int
    reused: int
    tokens: int
    exact: bool
    sample: Sequence[EmbedItem] = field(default=())


def sizes(store: Store, paths: Sequence[str], profile: Profile, how: Chunking) -> Sizes:
    """Cut the documents, or a sample of them, into passages and count."""
    # Chance here draws a sample, no secrets.
    chance = random.Random(0)  # noqa: S311
    exact = len(paths) <= _MOST_DOCUMENTS
    drawn = list(paths) if exact else sorted(chance.sample(list(paths), _MOST_DOCUMENTS))
    chunks, texts = 0, dict[bytes, str]()
    for _, document in stored(store, drawn):
        try:
            made = chunk_document(document, chunking=how)
        except StageError:
            continue  # the reindex tells it
        chunks += len(made)
        sent = [profile.passage(each.with_context) for each in made]
        texts |= {text_key(text): text for text in sent}
    with store.snapshot() as snapshot:
        paid = snapshot.paid_for(profile, texts)
    left = {key: text for key, text in texts.items() if key not in paid}
    share = len(paths) / max(1, len(drawn))
    return Sizes(
        documents=len(paths),
        chunks=round(chunks * share),
        reused=round((chunks - len(left)) * share),
        tokens=round(sum(map(estimate_tokens, left.values())) * share),
        exact=exact,
        sample=[EmbedItem(key=key, text=text) for key, text in list(left.items())[:PROBE]],
    )


def measured(found: Sizes, embedder: Embedder, builder: Builder | None = None) -> Estimate:
    """Embed a few of the texts to learn the speed; a builder keeps their vectors.

    Raises `EndpointError`.
    """
    half = len(found.sample) // 2
    speed: float | None = None
    probed = 0
    for some in (found.sample[:half], found.sample[half:]):
        started = time.perf_counter()
        outcomes = [each for each in embedder.embed(iter(some)) if each.vector is not None]
        seconds = time.perf_counter() - started
        probed += len(outcomes)
        tokens = sum(estimate_tokens(item.text) for item in some)
        speed = tokens / max(seconds, 1e-6) if tokens else speed
        if builder is not None and outcomes:
            import numpy as np

            rows = np.stack([each.vector for each in outcomes if each.vector is not None])
            builder.add_vectors([each.key for each in outcomes], rows)
    texts = found.chunks - found.reused
    return Estimate(
        documents=found.documents,
        chunks=found.chunks,
        reused=found.reused,
        tokens=found.tokens,
        calls=_calls(embedder.profile, texts, found.tokens),
        seconds=0.0 if not texts else round(found.tokens / speed, 1) if speed else None,
        tokens_per_second=round(speed, 1) if speed else None,
        exact=found.exact,
        probed=probed,
        probe_kept=builder is not None and probed > 0,
    )


def _calls(profile: Profile, texts: int, tokens: int) -> int:
    if profile.provider == "builtin":
        return 0
    return max(-(-texts // _TEXTS), -(-tokens // _TOKENS))


def sentence(estimate: Estimate) -> str:
    """Say it in a sentence or two."""
    about = "" if estimate.exact else "about "
    told = (
        f"{estimate.documents:,} documents give {about}{estimate.chunks:,} passages; "
        f"{estimate.reused:,} are paid for already"
    )
    if estimate.chunks == estimate.reused:
        return f"{told}, so nothing has to be embedded."
    left = estimate.chunks - estimate.reused
    told += f", {left:,} are to be embedded: {estimate.tokens:,} tokens"
    if estimate.calls:
        told += f" in at least {estimate.calls:,} calls"
    if estimate.seconds is None:
        return f"{told}."
    told += f", {duration(estimate.seconds)} at the speed of the first texts."
    return f"{told}{_probe(estimate)}{_weighing(estimate)}"


def _weighing(estimate: Estimate) -> str:
    """Say what measuring the weight of the model costs, where it is measured."""
    if not estimate.calls or estimate.chunks < PASSAGES:
        return ""
    return f" Up to {MOST} short texts more show how much meaning is to count beside words."


def _probe(estimate: Estimate) -> str:
    """Say what measuring the speed has cost; of the built-in model's texts, nothing is paid."""
    if not estimate.calls or not estimate.probed:
        return ""
    texts = "1 text was" if estimate.probed == 1 else f"{estimate.probed} texts were"
    after = "their vectors are kept" if estimate.probe_kept else "their vectors are not kept"
    return f" {texts} sent to measure it; {after}."


def duration(seconds: float) -> str:
    """Give a time as people say it.

    >>> duration(20), duration(200), duration(9000)
    ('less than a minute', 'about 4 minutes', 'about 2.5 hours')
    """
    if seconds < 60:
        return "less than a minute"
    if seconds < 7200:
        return f"about {-(-seconds // 60):.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"

"""`kb search`: a question in, ranked passages with exact citations out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from kb.errors import (
    CATALOGUE,
    EXIT_OK,
    EndpointError,
    Failure,
    StageError,
    UsageError,
    failure,
)
from kb.model import Filter, Hit, Profile
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.observe import Observer, Silent
from kb.search.rank import Question, chunk_of, rank
from kb.store import Gaps, Passage, Snapshot

if TYPE_CHECKING:
    from kb.model import Vector

#: An endpoint that is away leaves a hybrid search its words; one that lies does not.
AWAY: Final = frozenset(
    {
        "embed.unreachable",
        "embed.localhost_in_container",
        "embed.timeout",
        "embed.tls",
        "embed.rate_limited",
        "embed.overloaded",
        "embed.server_error",
    }
)

Around = tuple[tuple[Passage, ...], tuple[Passage, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a search found; `context` holds, by ref, the passages before and after each hit."""

    query: str
    mode: str
    profile: Profile | None
    hits: tuple[Hit, ...]
    context: Mapping[str, Around]
    warnings: tuple[str, ...]
    timings_ms: Mapping[str, float]
    exit_code: int = EXIT_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    """The question's vector, or why there is none."""

    vector: Vector | None = None
    warning: str = ""
    exit_code: int = EXIT_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a question is asked."""

    top_k: int = 10
    #: None: the mode of the settings.
    mode: str | None = None
    within: Filter = field(default_factory=Filter)
    #: How many passages before and after each hit are wanted beside it.
    around: int = 0


def search(
    base: KnowledgeBase,
    query: str,
    *,
    asking: Asking | None = None,
    observer: Observer | None = None,
) -> Answer:
    """Answer a question.

    Raises `UsageError` (`search.empty_query`, `search.no_knowledge_base`, `search.bad_filter`,
    `embed.profile_mismatch`) and `EndpointError`; where the endpoint is only away and words may
    answer, they do, with a warning and the endpoint's exit code.
    """
    try:
        return _search(base, query, asking or Asking(), observer)
    except UsageError as error:
        if error.failure.code != "embed.profile_mismatch" or base.again is None:
            raise
        # Another generation may have come into use, with its settings, since these were read.
        fresh = base.again()
        if fresh.settings == base.settings:
            raise
        return _search(fresh, query, asking or Asking(), observer)


def _search(base: KnowledgeBase, query: str, how: Asking, observer: Observer | None) -> Answer:
    if not query.strip():
        raise UsageError(failure("search.empty_query"))
    mode = how.mode or base.settings.search_mode
    started = time.perf_counter()
    with base.snapshot() as snapshot:
        _check_filter(snapshot, how.within)
        meaning = _embed(base, snapshot, query, mode, observer or Silent())
        embedded = time.perf_counter()
        profile = snapshot.profile
        question = Question(
            text=query,
            vector=meaning.vector,
            mode=mode,
            top_k=how.top_k,
            dense_weight=profile.dense_weight if profile else 0.0,
            within=how.within,
        )
        hits = rank(snapshot, question)
        context = {hit.ref: _around(snapshot, hit, how.around) for hit in hits if how.around}
        gaps = snapshot.gaps(how.within)
    timings = {"embed": embedded - started, "search": time.perf_counter() - embedded}
    return Answer(
        query=query,
        mode=mode,
        profile=profile,
        hits=tuple(hits),
        context=context,
        warnings=tuple(filter(None, (meaning.warning, _not_searched(gaps)))),
        timings_ms={name: round(seconds * 1000, 2) for name, seconds in timings.items()},
        exit_code=meaning.exit_code,
    )


def _embed(
    base: KnowledgeBase, snapshot: Snapshot, query: str, mode: str, observer: Observer
) -> _Meaning:
    pinned = snapshot.profile
    if mode == "lexical" or pinned is None:
        return _Meaning()
    try:
        vector = _vector(base, snapshot, pinned, query, observer)
    except (EndpointError, StageError) as error:
        refused = isinstance(error, StageError)
        if mode == "dense" or not (refused or error.failure.code in AWAY):
            raise
        return _Meaning(exit_code=error.exit_code, warning=_words_only(error.failure))
    if vector is None and mode == "dense":
        return _Meaning(warning=_unknown_language(pinned))
    return _Meaning(vector=vector)


def _vector(
    base: KnowledgeBase, snapshot: Snapshot, pinned: Profile, query: str, observer: Observer
) -> Vector | None:
    """Embed the question and, in the same request, two canaries of an endpoint."""
    from kb.embed.canary import check_drift, samples
    from kb.pipeline.embedder import open_embedder

    # Nobody waits at a prompt for a server to come up; an ingest does.
    patient = base.settings
    settings = replace(patient, max_retries=patient.max_retries or 1)
    kept = snapshot.canaries()
    asked = samples(pinned, questions=True) if kept is not None else {}
    with open_embedder(settings, pinned, observer, brief=True) as embedder:
        first, *others = embedder.embed_now([pinned.query(query), *asked.values()])
    if kept is not None:
        check_drift(list(asked), others, kept)
    if first.failure is not None:
        raise StageError(first.failure)
    return first.vector


def _not_searched(gaps: Gaps) -> str:
    """Say how many pages no search can find, or nothing."""
    if not gaps.missing:
        return ""
    be = "is" if gaps.missing == 1 else "are"
    pages = f"{gaps.missing:,} of {gaps.pages:,} {'page' if gaps.pages == 1 else 'pages'}"
    if not gaps.path:
        return (
            f"{pages} {be} not searchable, in {gaps.documents:,} documents; "
            "kb status shows which and why."
        )
    (code, *others) = gaps.codes
    scans = (
        "" if others or code != "extract.no_text" else "a scan and " if be == "is" else "scans and "
    )
    known = CATALOGUE.get(code)
    cure = f": {known.cure}" if known is not None and not others else "; kb status shows why."
    return f"{pages} of {gaps.path} {be} {scans}not searchable{cure}"


def _words_only(why: Failure) -> str:
    return f"{why.code}: {why.message} These hits were found by words alone. {why.hint}"


def _unknown_language(profile: Profile) -> str:
    return (
        f"The model {profile.model} does not know the language of this question, so a dense "
        "search cannot answer it; leave --mode out to search by words."
    )


def _check_filter(snapshot: Snapshot, within: Filter) -> None:
    if within == Filter() or snapshot.any_document(within):
        return
    names = [f"--collection {within.collection}"] if within.collection is not None else []
    names += [f"--path {within.path}"] if within.path is not None else []
    raise UsageError(failure("search.bad_filter", f"No document fits {' and '.join(names)}."))


def _around(snapshot: Snapshot, hit: Hit, count: int) -> Around:
    chunk_id = chunk_of(hit.ref)
    assert chunk_id is not None
    return before_and_after(snapshot.neighbours(chunk_id, count=count), chunk_id)


def before_and_after(passages: Sequence[Passage], chunk_id: int) -> Around:
    """Split neighbouring passages into those before a chunk and those after it."""
    at = [passage.chunk_id for passage in passages].index(chunk_id)
    return tuple(passages[:at]), tuple(passages[at + 1 :])

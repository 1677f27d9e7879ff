"""`kb search`: a question in, ranked passages with exact citations out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kb.errors import EXIT_OK, UsageError, failure
from kb.model import Filter, Hit, Profile
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.meaning import Meaning, meaning_of
from kb.pipeline.observe import Observer, Silent
from kb.pipeline.reranking import Reranking, reranking
from kb.search.best import with_best
from kb.search.quotes import loosened
from kb.search.rank import Question, rank
from kb.search.reference import ends_of
from kb.store import Gaps, Passage, Snapshot

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
    #: Where nothing was found: why, and what to try.
    hints: tuple[str, ...] = ()
    #: What holds for the whole question, where an explanation was asked for.
    explain: Mapping[str, Any] | None = None
    #: What was looked for: to rank deeper without asking a model again.
    question: Question | None = None


class _Told(NamedTuple):
    """What an answer says of one question."""

    hits: tuple[Hit, ...]
    hints: tuple[str, ...]
    warning: str
    explain: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a question is asked."""

    top_k: int = 10
    #: None: the mode of the settings.
    mode: str | None = None
    within: Filter = field(default_factory=Filter)
    #: How many passages before and after each hit are wanted beside it.
    around: int = 0
    #: Whether passages that say the same, and neighbours in a section, become one answer.
    collapse: bool = True
    #: Whether it is told why each hit stands where it does.
    explain: bool = False
    #: Whether a reranker orders the hits; None: where one is set.
    rerank: bool | None = None


def search(
    base: KnowledgeBase,
    query: str,
    *,
    asking: Asking | None = None,
    observer: Observer | None = None,
    held: Snapshot | None = None,
) -> Answer:
    """Answer a question, from the view `held` of the knowledge base where one is given.

    Raises `UsageError` (`search.empty_query`, `search.no_knowledge_base`, `search.bad_filter`,
    `embed.profile_mismatch`) and `EndpointError`; where the endpoint is only away and words may
    answer, they do, with a warning and the endpoint's exit code.
    """
    try:
        return _search(base, query, asking or Asking(), observer, held)
    except UsageError as error:
        if error.failure.code != "embed.profile_mismatch" or base.again is None or held:
            raise
        # Another generation may have come into use, with its settings, since these were read.
        fresh = base.again()
        if fresh.settings == base.settings:
            raise
        return _search(fresh, query, asking or Asking(), observer, None)


def _search(
    base: KnowledgeBase,
    query: str,
    how: Asking,
    observer: Observer | None,
    held: Snapshot | None,
) -> Answer:
    if not query.strip():
        raise UsageError(failure("search.empty_query"))
    mode = how.mode or base.settings.search_mode
    reranker = reranking(base.settings, query, wanted=how.rerank)
    started = time.perf_counter()
    with nullcontext(held) if held else base.snapshot() as snapshot:
        _check_filter(snapshot, how.within)
        profile = snapshot.profile
        meaning = meaning_of(base, snapshot, query, mode, observer or Silent())
        embedded = time.perf_counter()
        weight = profile.dense_weight if profile else 0.0
        words, nowhere = loosened(snapshot, query)
        question = Question(
            text=words,
            vector=meaning.vector,
            mode=mode,
            top_k=how.top_k,
            dense_weight=weight * meaning.share,
            within=how.within,
            collapse=how.collapse,
            english=meaning.english,
        )
        told = _told(snapshot, question, reranker, meaning, explain=how.explain)
        around = [hit for hit in told.hits if how.around]
        context = {hit.ref: _around(snapshot, hit, how.around) for hit in around}
        gaps = snapshot.gaps(how.within)
    timings = {"embed": embedded - started, "search": time.perf_counter() - embedded}
    if reranker is not None:
        timings |= {"search": timings["search"] - reranker.seconds, "rerank": reranker.seconds}
    reranked = reranker.warning if reranker is not None else ""
    # Without hits, the hints say it.
    nowhere = nowhere if told.hits else ""
    warnings = (
        meaning.warning,
        reranked,
        nowhere,
        told.warning,
        _not_searched(gaps),
        _not_read(gaps),
    )
    return Answer(
        query=query,
        mode=mode,
        profile=profile,
        hits=told.hits,
        context=context,
        warnings=tuple(filter(None, warnings)),
        timings_ms={name: round(seconds * 1000, 2) for name, seconds in timings.items()},
        exit_code=meaning.exit_code,
        hints=told.hints,
        explain=told.explain,
        question=question,
    )


def _told(
    snapshot: Snapshot,
    question: Question,
    reranker: Reranking | None,
    meaning: Meaning,
    *,
    explain: bool,
) -> _Told:
    """Rank, mark the best sentences, and say why and what would help where that is due."""
    words = f"{question.text} {question.english}"
    ranked = rank(snapshot, question, rescore=reranker)
    hits = with_best(snapshot, ranked.hits, words)
    hints: list[str] = []
    warning = ""
    if not hits or all(hit.scores.get("lexical") is None for hit in hits):
        from kb.search.nothing import no_word_found, what_helps

        hints = [] if hits else what_helps(snapshot, question)
        warning = no_word_found(snapshot, question, hits)
    why: Mapping[str, Any] | None = None
    if explain:
        from kb.search.explain import explained

        hits, why = explained(snapshot, question, hits, silent=meaning.warning, depth=ranked.depth)
    return _Told(hits=tuple(hits), hints=tuple(hints), warning=warning, explain=why)


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
    cure = f": {gaps.hint}" if gaps.hint else "; kb status shows why."
    return f"{pages} of {gaps.path} {be} {scans}not searchable{cure}"


def _not_read(gaps: Gaps) -> str:
    """Say how many files no search can find, or nothing."""
    if not gaps.files:
        return ""
    if gaps.file:
        return f"{gaps.file} could not be read and is not searched; kb status shows why."
    return (
        f"{gaps.files:,} files could not be read and are not searched; "
        "kb status shows which and why."
    )


def _check_filter(snapshot: Snapshot, within: Filter) -> None:
    if within == Filter() or snapshot.any_document(within):
        return
    names = [f"--collection {within.collection}"] if within.collection is not None else []
    names += [f"--path {within.path}"] if within.path is not None else []
    raise UsageError(failure("search.bad_filter", f"No document fits {' and '.join(names)}."))


def _around(snapshot: Snapshot, hit: Hit, count: int) -> Around:
    ends = ends_of(hit.ref)
    assert ends is not None, "a hit has a reference"
    first, last = ends
    before, after = before_and_after(snapshot.neighbours(first, count=count), first)
    if last != first:
        _, after = before_and_after(snapshot.neighbours(last, count=count), last)
    return before, after


def before_and_after(passages: Sequence[Passage], chunk_id: int) -> Around:
    """Split neighbouring passages into those before a chunk and those after it."""
    at = [passage.chunk_id for passage in passages].index(chunk_id)
    return tuple(passages[:at]), tuple(passages[at + 1 :])

"""One labelled question, asked as `kb search` asks it, and how well it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from kb.errors import EXIT_ENDPOINT, EndpointError, StageError, UsageError, failure
from kb.evaluate.dataset import Query
from kb.evaluate.documents import document_measures
from kb.evaluate.passages import Answer, Place, fits, overlaps, passage_measures
from kb.model import Filter, Hit
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.evaluate_shelf import Names
from kb.pipeline.search import Asking, search
from kb.search.rank import Question, rank
from kb.search.reference import chunk_of
from kb.store import Snapshot

#: So many documents are ranked, which is what recall@100 looks at.
RANKED: Final = 100
#: So many times as many hits are asked for where they are of too few documents.
_DEEPER: Final = 4
#: So many hits are told of each question.
_TOLD: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How questions are asked."""

    #: None: the mode of the settings.
    mode: str | None = None
    #: So many hits are asked for, as in a search; more only to rank documents after them.
    top_k: int = 10
    #: "all", "document" or "auto".
    scope: str = "auto"
    #: Whether a reranker orders the hits; None: where one is set.
    rerank: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One question: what was found, and its measures."""

    id: str
    #: As it was asked, and the id of the document that alone it was asked of.
    text: str
    within: str | None
    #: The rank of each relevant document; None where it was not found among 100.
    ranks: Mapping[str, int | None]
    documents: Mapping[str, float]
    passages: Mapping[str, float | None]
    #: The first hits: "rank", "score", "ref", "document", "path", "char_start", "char_end",
    #: "page_start", "section", and whether it finds a labelled place ("right", None without any).
    hits: Sequence[Mapping[str, Any]]
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give it as a line of a run file."""
        told = asdict(self)
        read = told["passages"].get("read")
        if read == float("inf"):
            told["passages"]["read"] = None
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks the questions of a set of one knowledge base."""

    base: KnowledgeBase
    snapshot: Snapshot
    names: Names
    way: Way
    #: How many passages there are.
    chunks: int

    def ask(self, query: Query, places: Sequence[Place]) -> Scored:
        """Ask one question.

        Raises `EndpointError`, also where words had to answer because the endpoint was away: that
        would measure something else.
        """
        text, within = wording(query, self.way.scope)
        inside = Filter(path=self.names.paths[within] if within else None)
        relevant = {name for name, grade in query.relevant.items() if grade > 0}
        asked = _Asked(self, text, inside)
        ranking = asked.rank(relevant, places)
        ranks = {name: rank for rank, name in enumerate(ranking, start=1)}
        return Scored(
            id=query.id,
            text=text,
            within=within,
            ranks={name: ranks.get(name) for name in query.relevant if name in relevant},
            documents=document_measures(ranking, query.relevant),
            passages=passage_measures(asked.answers, places) if places else {},
            hits=[
                _told(hit, answer, places)
                for hit, answer in zip(asked.hits[:_TOLD], asked.answers[:_TOLD], strict=True)
            ],
            warnings=asked.warnings,
        )


def wording(query: Query, scope: str) -> tuple[str, str | None]:
    """Give what is asked, and the document that alone it is asked of, or None for all.

    A question that names its document and has two wordings is asked of everything in the one, and
    within the document in the other.
    """
    alone = query.document is not None and query.question in (None, query.text)
    if query.document is None or scope == "all" or (scope == "auto" and not alone):
        return query.text, None
    return query.question or query.text, query.document


class _Asked:
    """One question, asked as deep as its labels need."""

    def __init__(self, asker: Asker, text: str, within: Filter) -> None:
        self._asker = asker
        self._text = text
        self._within = within
        self._seen: set[str] = set()
        self.hits: list[Hit] = []
        self.answers: list[Answer] = []
        self.warnings: tuple[str, ...] = ()
        self._question: Question | None = None

    def rank(self, relevant: set[str], places: Sequence[Place]) -> list[str]:
        """Give the documents in the order of their best hits, as far as they matter.

        The first hits are those of a search as it is usually made. What a deeper one ranks, passage
        by passage, only comes after them; documents after the last relevant one, and passages after
        the first right one, change nothing.
        """
        self._add(self._first())
        ranking = self._documents()
        unread = bool(places) and not any(
            fits(answer, place, overlaps) for answer in self.answers for place in places
        )
        depth = max(self._asker.way.top_k, RANKED)
        while unread or (len(ranking) < RANKED and not relevant.issubset(ranking)):
            unread = False
            self._add(self._deep(depth))
            ranking = self._documents()
            if depth >= self._asker.chunks:
                break
            depth *= _DEEPER
        return ranking

    def _first(self) -> Sequence[Hit]:
        """Give the hits of a search."""
        way = self._asker.way
        asking = Asking(top_k=way.top_k, mode=way.mode, within=self._within, rerank=way.rerank)
        try:
            held = self._asker.snapshot
            answer = search(self._asker.base, self._text, asking=asking, held=held)
        except StageError as error:  # the model refuses this question alone
            self.warnings = (error.failure.message,)
            return []
        except UsageError as error:
            if error.failure.code != "search.bad_filter":
                raise
            # The one document that it is about could not be read.
            self.warnings = (error.failure.message,)
            return []
        if answer.exit_code == EXIT_ENDPOINT:
            raise EndpointError(failure("embed.unreachable", " ".join(answer.warnings)))
        self.warnings, self._question = answer.warnings, answer.question
        return answer.hits

    def _deep(self, top_k: int) -> Sequence[Hit]:
        """Give passages in the order in which a search ranks them, without what it tells of them.

        Copies, neighbours and best sentences are for hits that are read.
        """
        if self._question is None:  # it could not be asked at all
            return []
        question = replace(self._question, top_k=top_k, collapse=False)
        return rank(self._asker.snapshot, question).hits

    def _add(self, hits: Sequence[Hit]) -> None:
        for hit in hits:
            covered = hit.passages or (hit.ref,)
            if not self._seen.issuperset(covered):
                self.hits.append(hit)
                self.answers.append(self._answer(hit))
            self._seen.update(covered, (copy.ref for copy in hit.duplicates))

    def _answer(self, hit: Hit) -> Answer:
        names = self._asker.names
        also: list[Answer] = []
        if hit.duplicates:
            ids = [chunk for copy in hit.duplicates if (chunk := chunk_of(copy.ref)) is not None]
            also = [
                Answer(
                    document=names.document(each.path),
                    start=each.chunk.start,
                    end=each.chunk.end,
                    pages=_pages(each.chunk.page_start, each.chunk.page_end),
                    section=each.chunk.section,
                )
                for each in self._asker.snapshot.passages(ids).values()
            ]
        return Answer(
            document=names.document(hit.path),
            start=hit.char_start,
            end=hit.char_end,
            pages=_pages(hit.page_start, hit.page_end),
            section=hit.section,
            also=tuple(also),
        )

    def _documents(self) -> list[str]:
        """Give the documents in order; those of copies stand with the hit that names them."""
        every = [each for answer in self.answers for each in (answer, *answer.also)]
        return list(dict.fromkeys(each.document for each in every if each.document is not None))


def _pages(first: int | None, last: int | None) -> tuple[int, int] | None:
    return None if first is None or last is None else (first, last)


def _told(hit: Hit, answer: Answer, places: Sequence[Place]) -> dict[str, Any]:
    """Give what a run file tells of a hit; its ref means nothing outside this run."""
    return {
        "rank": hit.rank,
        "ref": hit.ref,
        "score": hit.score,
        "document": answer.document,
        "path": hit.path,
        "char_start": hit.char_start,
        "char_end": hit.char_end,
        "page_start": hit.page_start,
        "section": list(hit.section),
        "right": any(fits(answer, place, overlaps) for place in places) if places else None,
    }

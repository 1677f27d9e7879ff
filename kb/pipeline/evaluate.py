"""`kb eval`: how well a set of labelled questions is answered, with the settings in force.

The documents go into a knowledge base that is thrown away afterwards, and each question is asked
as `kb search` asks it. A document's rank is that of its best passage.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import inf
from pathlib import Path, PurePosixPath
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from kb.errors import CATALOGUE, EndpointError, UsageError, failure
from kb.evaluate.dataset import Dataset
from kb.evaluate.documents import means
from kb.pipeline.base import FOLDER, KnowledgeBase
from kb.pipeline.evaluate_ask import Asker, Scored, Way
from kb.pipeline.evaluate_places import places_of
from kb.pipeline.evaluate_shelf import lay_out, sample, stored_names
from kb.pipeline.observe import Observer, Silent, Steps

if TYPE_CHECKING:
    from kb.model import Profile, Report

#: Of the documents that could not be read, so many are named.
_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a set is to be measured."""

    way: Way = field(default_factory=Way)
    #: Ask so many of the questions only, the same ones each time; None: all.
    limit: int | None = None
    workers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was measured."""

    dataset: str
    mode: str
    profile: Profile | None
    chunking: Mapping[str, int]
    documents: int
    chunks: int
    #: One row for each question, in their order.
    rows: tuple[Scored, ...]
    #: Labelled places, and those of them that the stored text does not hold.
    places: int
    missing: int
    #: In all, to bring the documents in, and to ask.
    seconds: float
    ingest_seconds: float
    ask_seconds: float
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """The measures of documents, each the mean over the questions."""
        return means([row.documents for row in self.rows])

    @property
    def passages(self) -> Mapping[str, float | None] | None:
        """The measures of passages, each the mean over the questions that have labelled places.

        `read` is a median, and None where at least half of the questions found nothing.
        """
        rows = [row.passages for row in self.rows if row.passages]
        if not rows:
            return None
        lengths = [length for row in rows if (length := row.get("read")) is not None]
        read = median(lengths) if lengths else inf
        return means(rows) | {"read": read if read < inf else None}

    def as_json(self) -> dict[str, Any]:
        """Give it as the JSON contract shows it (`kb.eval/1`)."""
        passages = self.passages
        labelled = sum(bool(row.passages) for row in self.rows)
        told = (
            {}
            if passages is None
            else {
                "passages": {
                    "queries": labelled,
                    "spans": self.places,
                    **{name: _rounded(value) for name, value in passages.items()},
                },
                "missing_spans": self.missing,
            }
        )
        return {
            "schema": "kb.eval/1",
            "dataset": self.dataset,
            "queries": len(self.rows),
            "metrics": {name: _rounded(value) for name, value in self.metrics.items()},
            **told,
            "asked_within": sum(row.within is not None for row in self.rows),
            "documents": self.documents,
            "chunks": self.chunks,
            "profile": self.profile.as_json() if self.profile else None,
            "mode": self.mode,
            "chunking": dict(self.chunking),
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
            "seconds_ingest": round(self.ingest_seconds, 3),
            "seconds_queries": round(self.ask_seconds, 3),
        }


def evaluate(
    base: KnowledgeBase,
    dataset: Dataset,
    *,
    how: How | None = None,
    observer: Observer | None = None,
) -> Evaluation:
    """Measure how well the set's questions are answered with the settings of `base`.

    Nothing of `base` but its settings is used. Raises `UsageError` (also where no document could
    be read), `EndpointError` and `StoreError`; on Ctrl-C nothing is left behind.
    """
    how, observer = how or How(), observer or Silent()
    began = time.perf_counter()
    queries = sample(dataset.queries, how.limit)
    if not queries:
        message = f"No question of the set {dataset.name} has a label."
        raise UsageError(failure("usage.dataset", message))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="kb-eval-"))).resolve()
        own = KnowledgeBase(home=folder / FOLDER, root=folder, settings=base.settings)
        files = lay_out(dataset, folder / "corpus")
        report = _bring_in(own, files, how, observer)
        ready = time.perf_counter()
        held = stack.enter_context(own.snapshot())
        names = stored_names(files, folder)
        entries = {entry.id: entry for entry in dataset.documents}
        placed = places_of(held, queries, names.paths, entries)
        asked = time.perf_counter()
        asker = Asker(
            base=own,
            snapshot=held,
            names=names,
            way=how.way,
            chunks=report.chunks.added + report.chunks.reused,
        )
        steps = Steps(observer, "Asking", len(queries))
        rows = []
        for query in queries:
            rows.append(asker.ask(query, placed.places.get(query.id, ())))
            steps.document(query.id)
        ended = time.perf_counter()
        profile, recipe = held.profile, held.recipe
        return Evaluation(
            dataset=dataset.name,
            mode=how.way.mode or base.settings.search_mode,
            profile=profile,
            chunking=recipe.chunking if recipe else {},
            documents=report.documents.added,
            chunks=asker.chunks,
            rows=tuple(rows),
            places=placed.labels,
            missing=placed.missing,
            seconds=ended - began,
            ingest_seconds=ready - began,
            ask_seconds=ended - asked,
            notes=(*dataset.notes, *_not_read(report), *_warned(rows, report)),
        )


def _bring_in(
    own: KnowledgeBase, files: Mapping[str, Path], how: How, observer: Observer
) -> Report:
    from kb.pipeline import ingest as ingesting

    # Made here, so that nobody is told of a knowledge base that is about to go.
    own.open(create=True).close()
    report = ingesting.ingest(
        own,
        list(files.values()),
        how=ingesting.How(workers=how.workers),
        observer=observer,
    )
    if report.status == "interrupted":
        raise KeyboardInterrupt
    if report.error is not None:
        raise EndpointError(report.error)
    if not report.documents.added:
        told = report.failures[0].message if report.failures else "There are none."
        message = f"No document of the set could be read. {told}"
        raise UsageError(failure("usage.dataset", message))
    return report


def _not_read(report: Report) -> Iterator[str]:
    """Say which documents could not be brought in as a whole."""
    if not report.failures:
        return
    named = [
        f"{PurePosixPath(each.source or '').name}: {each.code}" for each in report.failures[:_NAMED]
    ]
    more = len(report.failures) - len(named)
    told = "; ".join(named) + (f"; and {more:,} more" if more else "")
    yield f"Not all of the documents could be read as a whole ({told})."


def _warned(rows: Sequence[Scored], report: Report) -> Iterator[str]:
    """Say what searches warned of; what all of them say of unread documents is told already."""
    told = Counter(warning for row in rows for warning in row.warnings)
    for warning, times in told.most_common(_NAMED):
        # A reranker or an endpoint that failed is named by its code, and changes what is measured.
        failed = warning.partition(":")[0] in CATALOGUE
        if failed or not (report.failures and times == len(rows)):
            asked = "question was" if times == 1 else "questions were"
            yield f"{times:,} {asked} answered with this warning: {warning}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)

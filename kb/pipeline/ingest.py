"""`kb ingest`: bring files in, keep everything that worked, say why the rest did not."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kb.embed import Embedder
from kb.errors import EndpointError, Failure, Stage, StageError
from kb.extract import open_extractor
from kb.model import Document, Profile, Report, RunStatus, Source
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.embedder import check_canaries, open_embedder
from kb.pipeline.flow import Flow, Read, is_update
from kb.pipeline.observe import Observer, Silent, Steps
from kb.pipeline.plan import Plan, Task, Wanted, make_plan
from kb.pipeline.recipe import check_chunking, chunking, longest_passage, recipe_of
from kb.pipeline.setup import remember_settings
from kb.pipeline.tally import Tally, counted
from kb.source import sha256_of
from kb.store import KnownSource, Recipe, Store, Writer

if TYPE_CHECKING:
    from kb.chunk import Chunking
    from kb.model import Matrix

#: Worker processes that read files.
WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How an ingest is to be done."""

    wanted: Wanted = field(default_factory=Wanted)
    dry_run: bool = False
    workers: int | None = None


def ingest(
    base: KnowledgeBase,
    paths: Sequence[Path],
    *,
    how: How | None = None,
    observer: Observer | None = None,
    command: str = "ingest",
) -> Report:
    """Bring files and folders in; unchanged ones cost nothing.

    Raises `UsageError` and `StoreError`. An endpoint that cannot be used is told in the report
    (`status` "failed", `error`), since what was finished before it failed is kept.
    """
    with ExitStack() as stack:
        store = stack.enter_context(closing(base.open())) if base.exists else None
        run = _Run(base, how or How(), observer or Silent())
        plan = run.plan(paths, store)
        if run.how.dry_run or not plan.writes:
            return run.report(uuid.uuid4().hex[:12], "ok")
        try:
            embedder = stack.enter_context(run.embedder()) if plan.tasks else None
        except EndpointError as stop:
            return run.stopped(stop)
        except KeyboardInterrupt:
            return run.report(uuid.uuid4().hex[:12], "interrupted")
        if store is None:
            store = stack.enter_context(closing(base.open(create=True)))
            run.observer.say(f"Made a knowledge base in {base.home}.")
        return run.carry_out(plan, embedder, store, command)


class _Run:
    """One ingest from plan to report."""

    def __init__(self, base: KnowledgeBase, how: How, observer: Observer) -> None:
        self.how = how
        self.observer = observer
        self._base = base
        self._tally = Tally()
        self._profile: Profile | None = None
        #: Canaries that are kept with the profile, and those to be kept with it.
        self._kept: Matrix | None = None
        self._canaries: Matrix | None = None
        self._recipe: Recipe | None = None

    @property
    def _chunking(self) -> Chunking:
        return chunking(self._base.settings, self._recipe)

    def embedder(self) -> Embedder:
        """Open the embedder, and refuse one that does not fit, before anything is written."""
        check_chunking(self._base.settings, self._recipe)
        embedder = open_embedder(self._base.settings, self._profile, self.observer)
        try:
            self._canaries = check_canaries(embedder, self._kept)
            embedder.prepare(longest=longest_passage(self._chunking))
        except BaseException:
            embedder.close()
            raise
        return embedder

    def carry_out(
        self, plan: Plan, embedder: Embedder | None, store: Store, command: str
    ) -> Report:
        """Do what the plan says; a failing endpoint or Ctrl-C ends it with what was finished."""
        with store.writer(command) as writer:
            run = writer.start_run(command)
            try:
                self._forget(plan, writer)
                if embedder is not None:
                    self._bring_in(plan.tasks, embedder, writer)
                    self.observer.say(self._tally.sentence())
                self.observer.say("Bringing the index up to date.")
                with self._tally.at(Stage.STORE):
                    writer.refresh_index()
                report = self.report(run, "ok")
            except KeyboardInterrupt:
                report = self.report(run, "interrupted")
            except EndpointError as stop:
                report = self.stopped(stop, run)
            writer.finish_run(report)
        return report

    def plan(self, paths: Sequence[Path], store: Store | None) -> Plan:
        """Look at every file and decide what it needs."""
        with self._tally.at(Stage.DISCOVER), ExitStack() as stack:
            known: Mapping[str, KnownSource] = {}
            standing: Sequence[Failure] = ()
            if store is not None:
                snapshot = stack.enter_context(store.snapshot())
                known = snapshot.known_sources()
                standing = snapshot.failures()
                self._profile, self._kept = snapshot.profile, snapshot.canaries()
                self._recipe = snapshot.recipe
            plan = make_plan(
                paths,
                root=self._base.root,
                home=self._base.home,
                known=known,
                wanted=self.how.wanted,
            )
            self._count_plan(plan, standing)
        return plan

    def _count_plan(self, plan: Plan, standing: Sequence[Failure]) -> None:
        tally = self._tally
        found = len(plan.tasks) + len(plan.unchanged) + len(plan.standing)
        tally.ok(Stage.DISCOVER, found)
        for failure in plan.failures:
            tally.fail(failure)
        tally.documents["failed"] += len(plan.failures) + len(plan.standing)
        tally.documents["unchanged"] += len(plan.unchanged)
        tally.skip(Stage.EXTRACT, len(plan.unchanged) + len(plan.standing))
        # What still stands of earlier runs about files that are the same is told again.
        about = {*plan.standing, *plan.unchanged}
        for failure in standing:
            if failure.source in about:
                tally.standing(failure)
        if self.how.dry_run:
            self._count_rehearsal(plan)
        self.observer.say(
            f"Found {counted(found, 'file')}: {len(plan.tasks):,} to read, "
            f"{len(plan.unchanged):,} unchanged."
        )

    def _count_rehearsal(self, plan: Plan) -> None:
        for task in plan.tasks:
            self._tally.documents["updated" if is_update(task) else "added"] += 1
        self._tally.documents["removed"] += len(plan.gone)

    def _forget(self, plan: Plan, writer: Writer) -> None:
        for source in plan.touched:
            writer.touch(source)
        if plan.gone:
            documents, chunks = writer.remove(plan.gone)
            self._tally.documents["removed"] += documents
            self._tally.chunks["removed"] += chunks

    def _bring_in(self, tasks: Sequence[Task], embedder: Embedder, writer: Writer) -> None:
        recipe = recipe_of(self._base.settings, embedder.profile, self._chunking)
        writer.pin(embedder.profile, canaries=self._canaries, recipe=recipe)
        # Also where the profile was pinned by a run that was killed before it came to this.
        remember_settings(self._base, embedder.profile)
        self._profile = embedder.profile
        steps = Steps(self.observer, "Reading and embedding", len(tasks))
        flow = Flow(writer, embedder.profile, self._chunking, self._tally, steps)
        with closing(self._read(tasks)) as reads:
            flow.carry(reads, embedder)

    def _read(self, tasks: Sequence[Task]) -> Generator[Read]:
        """Read the files in worker processes, in order, hashing each before it is read."""
        under_way: deque[tuple[Task, str]] = deque()

        def sources() -> Iterator[Source]:
            for task in tasks:
                under_way.append((task, task.sha256 or _hash(task.source)))
                yield task.source

        with open_extractor(workers=self.how.workers or WORKERS) as extractor:
            results = extractor.map(sources())
            while True:
                with self._tally.at(Stage.EXTRACT):
                    found = next(results, None)
                if found is None:
                    return
                if isinstance(found[1], Document):
                    self._tally.ok(Stage.EXTRACT)
                task, digest = under_way.popleft()
                yield Read(
                    task=task,
                    source=found[0],
                    sha256=digest,
                    outcome=found[1],
                    read_at_ns=time.time_ns(),
                )

    def stopped(self, stop: EndpointError, run: str | None = None) -> Report:
        """Give the report of a run that the endpoint ended."""
        self._tally.fail(stop.failure)
        return self.report(run or uuid.uuid4().hex[:12], "failed", stop.failure)

    def report(self, run: str, status: RunStatus, error: Failure | None = None) -> Report:
        """Give the report of the run as it stands."""
        return self._tally.report(run, status, profile=self._profile, error=error)


def _hash(source: Source) -> str:
    """Give the hash of a file, or nothing when the reader will say what is wrong with it."""
    try:
        return sha256_of(source)
    except StageError:
        return ""

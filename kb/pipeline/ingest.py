"""`kb ingest`: bring files in, keep everything that worked, say why the rest did not.

Most runs find that nothing is to be done; what reads, cuts and embeds is imported after that.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import EndpointError, Failure, Stage
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.plan import Remembered, Wanted, make_plan
from kb.pipeline.remembered import is_container, readable_by_now
from kb.pipeline.tally import Tally, counted
from kb.pipeline.unreached import news, note

if TYPE_CHECKING:
    from kb.chunk import Chunking
    from kb.embed import Embedder
    from kb.model import Matrix, Profile, Report, RunStatus
    from kb.pipeline.members import Members
    from kb.pipeline.observe import Observer, Steps
    from kb.pipeline.plan import Plan, Task
    from kb.pipeline.shelf import Read
    from kb.store import Recipe, Snapshot, Store, Writer

#: Worker processes that read files.
WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How an ingest is to be done."""

    wanted: Wanted = field(default_factory=Wanted)
    dry_run: bool = False
    workers: int | None = None
    #: Tried in turn on files that want one; never shown.
    passwords: tuple[str, ...] = field(default=(), repr=False)
    #: How long to wait for another writer, in seconds, before the files are looked at; None:
    #: briefly, and only where there is something to write.
    wait_s: float | None = None


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
        run = _Run(base, how or How(), observer or _silent())
        writer = None
        if store is not None and run.how.wait_s is not None and not run.how.dry_run:
            writer = stack.enter_context(store.writer(command, wait_s=run.how.wait_s))
        plan = run.plan(paths, store)
        unreached = store is not None and bool(run.news(plan))
        if run.how.dry_run or not (plan.writes or unreached):
            return run.report(_new_run(), "ok")
        try:
            embedder = stack.enter_context(run.embedder()) if plan.tasks else None
        except EndpointError as stop:
            return run.stopped(stop)
        except KeyboardInterrupt:
            return run.report(_new_run(), "interrupted")
        if store is None:
            store = stack.enter_context(closing(base.open(create=True)))
            run.observer.say(f"Made a knowledge base in {base.home}.")
        if writer is None:
            writer = stack.enter_context(store.writer(command, wait_s=run.how.wait_s))
        return run.carry_out(plan, embedder, store, writer, command)


class _Run:
    """One ingest from plan to report."""

    def __init__(self, base: KnowledgeBase, how: How, observer: Observer) -> None:
        self.how = how
        self.observer = observer
        self._base = base
        self._tally = Tally()
        self._remembered = Remembered(force=self.how.wanted.force, only=self.how.wanted.only)
        #: What earlier runs could not do and nobody mended.
        self._standing: Sequence[Failure] = ()
        self._profile: Profile | None = None
        #: Canaries that are kept with the profile, and those to be kept with it.
        self._kept: Matrix | None = None
        self._canaries: Matrix | None = None
        self._recipe: Recipe | None = None

    @property
    def _chunking(self) -> Chunking:
        from kb.pipeline.recipe import chunking

        return chunking(self._base.settings, self._recipe)

    def embedder(self) -> Embedder:
        """Open the embedder, and refuse one that does not fit, before anything is written."""
        from kb.pipeline.embedder import check_canaries, open_embedder
        from kb.pipeline.recipe import check_chunking, longest_passage

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
        self, plan: Plan, embedder: Embedder | None, store: Store, writer: Writer, command: str
    ) -> Report:
        """Do what the plan says; a failing endpoint or Ctrl-C ends it with what was finished."""
        run = writer.start_run(command)
        try:
            self._forget(plan, writer)
            note(self.news(plan), writer, self._remembered, root=self._base.root)
            if embedder is not None:
                self._bring_in(plan.tasks, embedder, writer)
                self.observer.say(self._tally.sentence())
            self.observer.say("Bringing the index up to date.")
            with self._tally.at(Stage.STORE):
                writer.refresh_index()
            if embedder is not None and embedder.profile.provider != "builtin":
                from kb.pipeline.weighing import weigh_new

                self._profile = weigh_new(store, writer, embedder, self.observer)
            report = self.report(run, "ok")
        except KeyboardInterrupt:
            report = self.report(run, "interrupted")
        except EndpointError as stop:
            report = self.stopped(stop, run)
        writer.finish_run(report)
        return report

    def news(self, plan: Plan) -> list[Failure]:
        """Give what could not be looked at and is not in the ledger yet."""
        return news(plan.failures, self._standing)

    def plan(self, paths: Sequence[Path], store: Store | None) -> Plan:
        """Look at every file and decide what it needs."""
        snapshot = None
        with self._tally.at(Stage.DISCOVER), ExitStack() as stack:
            if store is not None:
                snapshot = stack.enter_context(store.snapshot())
                self._recall(snapshot)
            plan = make_plan(
                paths,
                root=self._base.root,
                home=self._base.home,
                remembered=self._remembered,
                wanted=self.how.wanted,
            )
            if snapshot is not None and (plan.writes or plan.failures):
                self._recall_all(snapshot)
            self._count_plan(plan)
        return plan

    def _recall(self, snapshot: Snapshot) -> None:
        """Read what a plan is made of, and no more: most plans are that nothing is to be done."""
        wanted = self.how.wanted
        self._standing = snapshot.failures()
        self._remembered = Remembered(
            snapshot.known_sources,
            stamps={} if wanted.force else snapshot.stamps(wanted.collection),
            anew=readable_by_now(self._standing),
            force=wanted.force,
            only=wanted.only,
        )
        self._profile = snapshot.profile

    def _recall_all(self, snapshot: Snapshot) -> None:
        """Read, before the snapshot is closed, what it takes to carry a plan out."""
        self._kept, self._recipe = snapshot.canaries(), snapshot.recipe
        _ = self._remembered.known

    def _count_plan(self, plan: Plan) -> None:
        tally = self._tally
        found = len(plan.tasks) + len(plan.unchanged) + len(plan.standing)
        tally.ok(Stage.DISCOVER, found)
        for failure in plan.failures:
            tally.fail(failure)
        tally.documents["failed"] += len(plan.failures)
        self._count_same(plan.unchanged, plan.standing)
        if self.how.dry_run:
            self._count_rehearsal(plan)
        tally.ignored = plan.left_out.as_json()
        if plan.ignored:
            self.observer.say(_said_ignored(len(plan.ignored), prune=self.how.wanted.prune))
        self.observer.say(
            f"Found {counted(found, 'file')}: {len(plan.tasks):,} to read, "
            f"{len(plan.unchanged):,} unchanged."
        )

    def _count_same(self, unchanged: Sequence[str], standing: Sequence[str]) -> None:
        """Count files that are as they were; what stands of earlier runs about them is told again.

        Nothing of those in `standing` was stored, or not of what they are now.
        """
        self._tally.documents["unchanged"] += len(unchanged)
        self._tally.documents["failed"] += len(standing)
        self._tally.skip(Stage.EXTRACT, len(unchanged) + len(standing))
        if self._standing:
            self._tell_standing({*unchanged, *standing})

    def _tell_standing(self, about: AbstractSet[str]) -> None:
        for failure in self._standing:
            if failure.source in about:
                self._tally.standing(failure)

    def _count_rehearsal(self, plan: Plan) -> None:
        from kb.pipeline.shelf import is_update

        for task in plan.tasks:
            self._tally.documents["updated" if is_update(task) else "added"] += 1
        self._tally.documents["removed"] += len(plan.gone)
        if any(is_container(task.source.path) for task in plan.tasks):
            self.observer.say(
                "An archive or a mail counts as one: what is in it is known when it is read."
            )

    def _forget(self, plan: Plan, writer: Writer) -> None:
        if plan.forgotten:
            writer.remove(plan.forgotten)
        for source in plan.touched:
            writer.touch(source)
        if plan.gone:
            documents, chunks = writer.remove(plan.gone)
            self._tally.documents["removed"] += documents
            self._tally.chunks["removed"] += chunks

    def _bring_in(self, tasks: Sequence[Task], embedder: Embedder, writer: Writer) -> None:
        from kb.pipeline.flow import Flow
        from kb.pipeline.members import Members
        from kb.pipeline.observe import Steps
        from kb.pipeline.recipe import recipe_of
        from kb.pipeline.setup import remember_settings

        recipe = recipe_of(self._base.settings, embedder.profile, self._chunking)
        writer.pin(embedder.profile, canaries=self._canaries, recipe=recipe)
        # Also where the profile was pinned by a run that was killed before it came to this.
        remember_settings(self._base, embedder.profile)
        self._profile = embedder.profile
        steps = Steps(self.observer, "Reading and embedding", len(tasks))
        flow = Flow(writer, embedder.profile, self._chunking, self._tally, steps)
        members = Members(remembered=self._remembered)
        with closing(self._read(tasks, members, steps)) as reads:
            flow.carry(reads, embedder)
        self._finish(members, writer)

    def _finish(self, members: Members, writer: Writer) -> None:
        """Close the containers, now that all of their members are stored."""
        with self._tally.at(Stage.STORE):
            documents, chunks = members.settle(writer)
        self._tally.documents["removed"] += documents
        self._tally.chunks["removed"] += chunks
        same = [known.path for known in members.same if known.state == "indexed"]
        standing = [known.path for known in members.same if known.state != "indexed"]
        self._tally.ok(Stage.DISCOVER, len(members.same))
        self._count_same(same, standing)

    def _read(self, tasks: Sequence[Task], members: Members, steps: Steps) -> Generator[Read]:
        """Read the files, and then what is in them, each in a worker process."""
        from kb.extract import open_extractor
        from kb.pipeline.reading import outcomes
        from kb.pipeline.recipe import ocr_environ

        waiting = deque(tasks)
        with open_extractor(
            workers=self.how.workers or WORKERS,
            passwords=self.how.passwords,
            environ=ocr_environ(self._base.settings),
        ) as extractor:
            while waiting:  # the last containers may bring members when nothing else is left
                for read in outcomes(waiting, extractor, self._chunking, self._tally):
                    stored, inside = members.found(read)
                    waiting.extendleft(reversed(inside))
                    self._tally.ok(Stage.DISCOVER, len(inside))
                    steps.more(len(inside))
                    if stored is None:
                        self._tally.documents["unchanged"] += 1
                        self._tell_standing({read.source.path})
                    else:
                        yield stored

    def stopped(self, stop: EndpointError, run: str | None = None) -> Report:
        """Give the report of a run that the endpoint ended."""
        self._tally.fail(stop.failure)
        return self.report(run or _new_run(), "failed", stop.failure)

    def report(self, run: str, status: RunStatus, error: Failure | None = None) -> Report:
        """Give the report of the run as it stands."""
        return self._tally.report(run, status, profile=self._profile, error=error)


def _silent() -> Observer:
    from kb.pipeline.observe import Silent

    return Silent()


def _new_run() -> str:
    """Give a run that is not in the ledger a name."""
    return os.urandom(6).hex()


def _said_ignored(number: int, *, prune: bool) -> str:
    """Say what becomes of documents that are stored and that a pattern leaves out now."""
    told = f"{counted(number, 'file')} in the knowledge base {'is' if number == 1 else 'are'}"
    end = "and will be forgotten" if prune else "and will be forgotten with --prune only"
    return f"{told} left out by a pattern now, {end}."

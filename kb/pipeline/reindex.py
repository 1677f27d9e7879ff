"""`kb reindex`: make the next generation beside the one in use, compare the two, and switch.

Nothing is taken from the files: the canonical text is stored. A run that is killed or loses its
endpoint goes on with what it has built when it is started again with the same settings.
"""

from __future__ import annotations

import uuid
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from kb.config import Settings
from kb.embed import Embedder
from kb.errors import EXIT_PARTIAL, EndpointError, Failure, Stage, StoreError
from kb.model import Profile, Report, RunStatus
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.embedder import check_canaries, open_embedder
from kb.pipeline.estimate import Estimate, measured, sentence, sizes
from kb.pipeline.evaluate_own import Own, own_questions
from kb.pipeline.observe import Observer, Silent
from kb.pipeline.rebuild import Work, fill
from kb.pipeline.recipe import (
    chunking,
    longest_passage,
    recipe_of,
    settings_with,
    toml_values,
)
from kb.pipeline.selfcheck import SelfCheck, Side, forgiving, self_check
from kb.pipeline.setup import HEAD
from kb.pipeline.tally import Tally
from kb.pipeline.target import Target, find_target
from kb.pipeline.toml_file import settle, write_beside
from kb.pipeline.weighing import set_weight
from kb.store import Builder, Generation, Recipe, Store, Writer

COMMAND: Final = "reindex"
NOTHING: Final = (
    "Nothing has to be made anew: the knowledge base was made with these very settings. "
    "`kb reindex --force` does it all the same."
)
REFUSED: Final = (
    "The new generation was not put in use, since it finds less than the one before. It is kept: "
    "`kb reindex --force` with the same options puts it in use without embedding anything, and "
    "`kb gc --building` deletes it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a reindex is to be done."""

    keep_old: bool = False
    dry_run: bool = False
    #: Also where nothing differs, and though the self-check finds the new one worse.
    force: bool = False
    #: How long to wait for another writer; None: briefly.
    wait_s: float | None = None
    #: A set of labelled questions about the stored documents, to compare with; None: questions
    #: are made of the documents.
    labelled: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a reindex or a rollback."""

    report: Report
    #: The generation in use afterwards.
    generation: int | None = None
    switched: bool = False
    estimate: Estimate | None = None
    check: SelfCheck | None = None
    #: Why nothing was done or switched, in whole sentences; empty where all went its way.
    note: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        refused = self.check is not None and self.check.worse and not self.switched
        return self.report.exit_code or (EXIT_PARTIAL if refused else 0)

    def as_json(self) -> dict[str, Any]:
        """Give it as the JSON contract shows it: `kb.ingest/1` with a few keys more."""
        return self.report.as_json() | {
            "estimate": self.estimate.as_json() if self.estimate else None,
            "generation": self.generation,
            "switched": self.switched,
            "selfcheck": self.check.as_json() if self.check else None,
            "note": self.note,
        }


def reindex(
    base: KnowledgeBase, *, how: How | None = None, observer: Observer | None = None
) -> Outcome:
    """Make the next generation with the settings in force, and put it in use.

    Raises `UsageError` and `StoreError`. An endpoint that cannot be used is told in the report
    (`status` "failed", `error`): what was finished before it failed is kept.
    """
    run = _Run(base, how or How(), observer or Silent())
    with ExitStack() as stack:
        run.store = stack.enter_context(closing(base.open()))
        run.read_labels()
        if run.how.dry_run:
            return run.guarded(lambda: run.rehearse(stack))
        writer = stack.enter_context(run.store.writer(COMMAND, wait_s=run.how.wait_s))
        return run.carry_out(writer, stack)


@dataclass(slots=True)
class _Run:
    """One reindex from the first look to the report."""

    base: KnowledgeBase
    how: How
    observer: Observer
    tally: Tally = field(default_factory=Tally)
    store: Store = field(init=False)
    profile: Profile | None = None
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    estimate: Estimate | None = None
    check: SelfCheck | None = None
    switched: bool = False
    note: str = ""
    own: Own | None = None

    def read_labels(self) -> None:
        """Read the labelled questions before anything is made; raises `UsageError`."""
        if self.how.labelled is not None:
            with self.store.snapshot() as snapshot:
                self.own = own_questions(snapshot, self.how.labelled)

    def rehearse(self, stack: ExitStack) -> str:
        """Say what a reindex would take; nothing that is found changes."""
        embedder, target = self._target(stack)
        if target.same and not self.how.force:
            return NOTHING
        with self.store.snapshot() as snapshot:
            paths = [row.path for row in snapshot.documents()]
        found = sizes(self.store, paths, target.profile, target.how)
        self.estimate = measured(found, embedder, self._keeper(target, stack))
        return sentence(self.estimate)

    def _keeper(self, target: Target, stack: ExitStack) -> Builder | None:
        """Give what keeps vectors of the profile, if it is known and nobody else writes now."""
        with self.store.snapshot() as snapshot:
            known = [each for each in snapshot.generations() if each.profile == target.profile]
        if not known or target.drifted or target.profile.provider == "builtin":
            return None
        try:
            writer = stack.enter_context(self.store.writer(COMMAND, wait_s=0))
        except StoreError:  # a folder that may only be read, or another writer
            return None
        return writer.generations().go_on(known[0].id)

    def carry_out(self, writer: Writer, stack: ExitStack) -> Outcome:
        """Do it, unless nothing differs; a failing endpoint or Ctrl-C ends it."""
        started = False

        def work() -> str:
            nonlocal started
            embedder, target = self._target(stack)
            if target.same and not self.how.force:
                return NOTHING
            self.run, started = writer.start_run(COMMAND), True
            return self._make(writer, embedder, target, stack)

        outcome = self.guarded(work)
        if started:
            writer.finish_run(outcome.report)
        if self.switched:
            self.observer.say("Deleting what nothing names any more.")
            writer.generations().collect(shrink=False)
            writer.generations().go_on(outcome.generation or 0).refresh_index()
        return outcome

    def guarded(self, work: Any) -> Outcome:  # noqa: ANN401 - a function from nothing to a note
        """Give the outcome of `work`, whose text is the note, also where it came to no end."""
        status: RunStatus = "ok"
        error: Failure | None = None
        note = self.note
        try:
            note = work()
            status = "failed" if self.check and self.check.worse and not self.switched else "ok"
        except KeyboardInterrupt:
            status = "interrupted"
        except EndpointError as stop:
            self.tally.fail(stop.failure)
            status, error = "failed", stop.failure
        with self.store.snapshot() as snapshot:
            now = snapshot.generations()[0]
        return Outcome(
            report=self.tally.report(
                self.run, status, profile=self.profile or now.profile, error=error
            ),
            generation=now.id,
            switched=self.switched,
            estimate=self.estimate,
            check=self.check,
            note=note,
        )

    def _target(self, stack: ExitStack) -> tuple[Embedder, Target]:
        embedder, target = find_target(self.base, self.store, self.observer)
        stack.enter_context(embedder)
        return embedder, target

    # -- making it ------------------------------------------------------------------------

    def _make(self, writer: Writer, embedder: Embedder, target: Target, stack: ExitStack) -> str:
        builder = self._builder(writer, target)
        self.profile = builder.profile
        embedder.prepare(longest=longest_passage(target.how))
        missing = builder.missing()
        found = sizes(self.store, missing, builder.profile, target.how)
        self.estimate = measured(found, embedder, builder)
        self.observer.say(sentence(self.estimate))
        with self.store.snapshot() as snapshot:
            self.tally.documents["unchanged"] += len(snapshot.documents()) - len(missing)
        fill(Work(self.store, self.tally, self.observer), builder, embedder, target.how)
        # What was embedded to measure the speed was no gift.
        for counts, number in (("added", self.estimate.probed), ("reused", -self.estimate.probed)):
            self.tally.chunks[counts] += number
        self.tally.ok(Stage.EMBED, self.estimate.probed)
        self.tally.skip(Stage.EMBED, -self.estimate.probed)
        self.observer.say("Bringing the index up to date.")
        builder.refresh_index()
        set_weight(self.store, builder, builder.id, embedder, self.observer)
        self.observer.say("Comparing the new generation with the one in use.")
        self.check = self._compare(builder, embedder, stack)
        if self.check.worse and not self.how.force:
            return REFUSED
        self._switch(writer, builder, target.recipe)
        return ""

    def _builder(self, writer: Writer, target: Target) -> Builder:
        generations = writer.generations()
        if target.building is not None:
            self.observer.say("Going on with the generation that was begun before.")
            return generations.go_on(target.building.id, recipe=target.recipe)
        return generations.begin(
            target.profile, target.recipe, canaries=target.canaries, drifted=target.drifted
        )

    def _compare(self, builder: Builder, embedder: Embedder, stack: ExitStack) -> SelfCheck:
        with self.store.snapshot() as snapshot:
            current = snapshot.generations()[0]
        former = current.profile
        if former is None:
            mine: Embedder | None = None
        elif former.identity == builder.profile.identity:
            mine = embedder
        else:
            settings = former_settings(self.base, current)
            mine = stack.enter_context(
                forgiving(lambda: _open_former(settings, former, self.store))
            )
        return self_check(
            self.store,
            Side(generation=current.id, embedder=mine),
            Side(generation=builder.id, embedder=embedder),
            mode=self.base.settings.search_mode,
            own=self.own,
        )

    def _switch(self, writer: Writer, builder: Builder, recipe: Recipe) -> None:
        with self.store.snapshot() as snapshot:
            current = snapshot.generations()[0]
        if current.recipe is None and current.profile is not None:
            # So that a rollback knows what this kb did not write down when it was made.
            plain = self.base.lasting or self.base.settings
            old = recipe_of(plain, current.profile, chunking(plain))
            writer.pin(current.profile, recipe=old)
        switch(self.base, writer, builder.id, recipe, keep=self.how.keep_old)
        self.switched = True
        self.observer.say(f"Generation {builder.id} is in use.")


def switch(
    base: KnowledgeBase, writer: Writer, generation: int, recipe: Recipe | None, *, keep: bool
) -> None:
    """Put a generation in use, and its settings into `kb.toml`."""
    if recipe is not None:
        written = base.lasting or base.settings
        write_beside(base.home, generation, toml_values(recipe, written), head=HEAD)
    writer.generations().switch(generation, keep=keep)
    settle(base.home, generation)


def former_settings(base: KnowledgeBase, generation: Generation) -> Settings:
    """Give the settings of a generation; the key goes only to the server that it is meant for."""
    now = base.settings
    if generation.recipe is None:
        return replace(base.lasting or now, api_key=None)
    then = settings_with(now, generation.recipe)
    here, there = (urlsplit(each.base_url or "").netloc for each in (now, then))
    return then if here == there else replace(then, api_key=None)


def _open_former(settings: Settings, profile: Profile, store: Store) -> Embedder:
    """Open the embedder of the generation in use, if it still gives the vectors it gave."""
    embedder = open_embedder(replace(settings, max_retries=1), profile, Silent())
    try:
        with store.snapshot() as snapshot:
            check_canaries(embedder, snapshot.canaries(profile))
    except BaseException:
        embedder.close()
        raise
    return embedder

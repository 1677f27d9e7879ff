"""`kb rollback`: put the generation that was kept in use again, with the settings that made it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final

from kb.errors import EndpointError, Failure, UsageError, failure
from kb.model import RunStatus
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.embedder import check_canaries, open_embedder
from kb.pipeline.observe import Observer, Silent
from kb.pipeline.rebuild import Work, fill
from kb.pipeline.recipe import chunking, longest_passage, settings_with
from kb.pipeline.reindex import Outcome, switch
from kb.pipeline.tally import Tally, counted
from kb.store import Builder, Generation, Store, Writer

COMMAND: Final = "rollback"
#: So many documents are named in a refusal.
_NAMED: Final = 5


def rollback(
    base: KnowledgeBase, *, wait_s: float | None = None, observer: Observer | None = None
) -> Outcome:
    """Go back to the generation that `kb reindex --keep-old` kept; the present one is kept then.

    Documents that were added or changed since are put into it first. Where its endpoint cannot
    be used for that, nothing is switched, and the report (`status` "failed", `error`) names them.
    Raises `UsageError` where no generation was kept, and `StoreError`.
    """
    with closing(base.open()) as store, store.writer(COMMAND, wait_s=wait_s) as writer:
        former = _former(store)
        work = Work(store, Tally(), observer or Silent())
        run = writer.start_run(COMMAND)
        status: RunStatus = "ok"
        error: Failure | None = None
        try:
            _go_back(base, work, writer, former)
        except KeyboardInterrupt:
            status = "interrupted"
        except EndpointError as stop:
            missing = writer.generations().go_on(former.id).missing()
            status, error = "failed", _refusal(stop, missing, former)
            work.tally.fail(error)
        now = _generations(store)[0]
        report = work.tally.report(run, status, profile=now.profile, error=error)
        writer.finish_run(report)
    return Outcome(report=report, generation=now.id, switched=now.id == former.id)


def _go_back(base: KnowledgeBase, work: Work, writer: Writer, former: Generation) -> None:
    """Put into the former generation what it lacks, then put it in use."""
    builder = writer.generations().go_on(former.id)
    missing = builder.missing()
    with work.store.snapshot() as snapshot:
        work.tally.documents["unchanged"] += len(snapshot.documents()) - len(missing)
    if missing:
        told = f"{counted(len(missing), 'document')} came or changed since then."
        work.observer.say(f"{told} They are put into generation {former.id} first.")
        _complete(base, builder, former, work)
    switch(base, writer, former.id, former.recipe, keep=True)
    builder.refresh_index()
    work.observer.say(f"Generation {former.id} is in use again.")


def _former(store: Store) -> Generation:
    for each in _generations(store):
        if each.state == "former":
            return each
    raise UsageError(
        failure(
            "usage.invalid",
            "There is no former generation to go back to.",
            hint="`kb reindex --keep-old` keeps the one that is in use now.",
        )
    )


def _generations(store: Store) -> list[Generation]:
    with store.snapshot() as snapshot:
        return list(snapshot.generations())


def _complete(base: KnowledgeBase, builder: Builder, former: Generation, work: Work) -> None:
    settings = base.settings
    if former.recipe is not None:
        settings = settings_with(settings, former.recipe)
    how = chunking(settings, former.recipe)
    try:
        embedder = open_embedder(settings, builder.profile, work.observer)
    except UsageError as error:
        raise EndpointError(error.failure) from error
    with embedder:
        with work.store.snapshot() as snapshot:
            kept = snapshot.canaries(builder.profile)
        check_canaries(embedder, kept)
        embedder.prepare(longest=longest_passage(how))
        fill(work, builder, embedder, how)
    builder.refresh_index()


def _refusal(stop: EndpointError, missing: Sequence[str], former: Generation) -> Failure:
    """Say which documents the former generation lacks, and why they cannot be put into it."""
    named = ", ".join(missing[:_NAMED])
    more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    model = former.profile.model if former.profile else "its model"
    return replace(
        stop.failure,
        message=(
            f"Nothing was switched. Generation {former.id} does not hold {named}{more} as they "
            f"are now, and {model} cannot embed them: {stop.failure.message}"
        ),
        hint=(
            f"{stop.failure.hint} Then run `kb rollback` again; or remove these documents with "
            "`kb remove`, roll back, and ingest them afterwards."
        ),
    )

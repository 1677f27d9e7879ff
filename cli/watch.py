"""`kb ingest --watch`: a line for each round, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cli.options import Common
from kb.errors import EXIT_INTERRUPTED, Failure

if TYPE_CHECKING:
    from kb.pipeline.base import KnowledgeBase
    from kb.pipeline.ingest import How
    from kb.pipeline.watch import Event


def keep_up(
    common: Common, base: KnowledgeBase, paths: Sequence[Path], how: How, *, poll: float | None
) -> int:
    """Keep the knowledge base up to date and tell each round; gives the exit code in the end."""
    from cli.output import say
    from cli.render.progress import watching
    from kb.pipeline.watch import Pace, watch

    with watching(quiet=common.quiet) as observer:
        observer.say("Watching; Ctrl-C ends it.")
        rounds = watch(base, paths, how=how, observer=observer, pace=Pace(poll=poll))
        try:
            with closing(rounds):
                for event in rounds:
                    _tell(common, event)
        except KeyboardInterrupt:
            pass
    say("Stopped watching: what was finished is kept.")
    return EXIT_INTERRUPTED


def _tell(common: Common, event: Event) -> None:
    from cli.output import emit, emit_json

    if common.json:
        from cli.render.objects import error_object

        emit_json(error_object(event) if isinstance(event, Failure) else event.as_json())
        return
    from cli.render.failures import error_block
    from cli.render.report import round_lines
    from cli.render.text import columns

    if isinstance(event, Failure):
        emit(error_block(event, width=columns()), err=True)
    else:
        emit(round_lines(event, width=columns()))

"""`kb ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Common, collection_option, define, open_base

if TYPE_CHECKING:
    from kb.model import Report


@define(
    "ingest",
    summary="Bring files and folders in.",
    examples=(
        "kb ingest contracts/ manuals/",
        "kb ingest --collection policies 售后服务条款.md",
        "kb ingest --prune docs/",
        "kb ingest --dry-run .",
    ),
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=str)
@collection_option("Put the documents into this collection.  [default: as before, or 'default']")
@click.option("--prune", is_flag=True, help="Forget files that are gone below the given paths.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, 256),
    help="Files read at the same time.  [default: 2]",
)
@click.option("--force", is_flag=True, help="Read unchanged files again, too.")
def command(  # noqa: PLR0913 - one parameter for each option
    common: Common,
    *,
    paths: tuple[str, ...],
    collection: str | None,
    prune: bool,
    dry_run: bool,
    workers: int | None,
    force: bool,
) -> int:
    """Bring files and folders into the knowledge base; unchanged files cost nothing.

    Makes a knowledge base in ./.kb where there is none. What cannot be read or embedded is told
    with the stage, the reason and what to do, and the rest is kept.
    """
    from cli.render.progress import watching
    from kb.pipeline.ingest import How, ingest
    from kb.pipeline.plan import Wanted

    base = open_base(common)
    wanted = Wanted(collection=collection, force=force, prune=prune)
    how = How(wanted=wanted, dry_run=dry_run, workers=workers)
    with watching(quiet=common.quiet) as observer:
        report = ingest(base, [Path(path) for path in paths], how=how, observer=observer)
    return finish(common, report, dry_run=dry_run)


def finish(common: Common, report: Report, *, dry_run: bool = False) -> int:
    """Print what a run did and give its exit code."""
    from cli.errors import INTERRUPTED
    from cli.output import emit, emit_json, say

    if common.json:
        emit_json(report.as_json())
    else:
        from cli.render.report import report_lines
        from cli.render.text import columns

        emit(report_lines(report, width=columns(), dry_run=dry_run))
    if report.status == "interrupted":
        say(INTERRUPTED)
    return report.exit_code

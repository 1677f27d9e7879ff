"""`kb ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Common, collection_option, define, filled, open_base, wait_option
from cli.passwords import password_option

if TYPE_CHECKING:
    from kb.model import Report


@define(
    "ingest",
    summary="Bring files and folders in.",
    examples=(
        "kb ingest contracts/ manuals/",
        "kb ingest --collection policies 售后服务条款.md",
        "kb ingest --prune docs/",
        "kb ingest --model builtin:minilm papers/",
        "kb ingest --dry-run .",
        "kb ingest --watch --prune docs/",
        "kb ingest --exclude 'drafts/' --exclude '*.tmp.md' docs/",
        "kb ingest --password-file passwords.txt contracts/",
    ),
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=filled)
@collection_option("Put the documents into this collection.  [default: as before, or 'default']")
@click.option(
    "--model",
    metavar="NAME",
    help="Model for a new knowledge base; builtin:static and builtin:minilm need no endpoint.  "
    "[default: as set]",
)
@click.option("--prune", is_flag=True, help="Forget files that are gone below the given paths.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, 256),
    help="Files read at the same time.  [default: 2]",
)
@click.option("--force", is_flag=True, help="Read unchanged files again, too.")
@click.option(
    "--include",
    metavar="GLOB",
    type=filled,
    multiple=True,
    help="Below the given folders, take only files that fit; may be given again.",
)
@click.option(
    "--exclude",
    metavar="GLOB",
    type=filled,
    multiple=True,
    help="Leave out files and folders that fit, also of --include; may be given again.",
)
@password_option
@click.option(
    "--ocr/--no-ocr",
    default=None,
    help="Recognise the letters of scans, or not.  [default: as set, else where an engine is]",
)
@click.option("--watch", is_flag=True, help="Go on, and bring in what changes, until Ctrl-C.")
@click.option(
    "--poll",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 86_400),
    envvar="KB_WATCH_POLL_S",
    help="With --watch: look so often in place of being told of changes.  [default: 5 on network "
    "file systems]",
)
@wait_option
def command(  # noqa: PLR0913 - one parameter for each option
    common: Common,
    *,
    paths: tuple[str, ...],
    collection: str | None,
    model: str | None,
    prune: bool,
    dry_run: bool,
    workers: int | None,
    force: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    password_file: str | None,
    ocr: bool | None,
    watch: bool,
    poll: float | None,
    wait: float | None,
) -> int:
    """Bring files and folders into the knowledge base; unchanged files cost nothing.

    Makes a knowledge base in ./.kb where there is none. What cannot be read or embedded is told
    with the stage, the reason and what to do, and the rest is kept.

    A file .kbignore in any folder says, in the language of .gitignore, what is left out below it;
    the patterns of --exclude and --include are read as if they stood in the given folder. A file
    or folder that is given itself is taken as it is.

    With --watch, files are read as soon as they have been still for a second, and each round is
    told on one line. What is gone is forgotten with --prune only; a given folder that is away is
    waited for.
    """
    from cli.passwords import passwords_of
    from cli.render.progress import watching
    from kb.pipeline.ingest import How, ingest
    from kb.pipeline.plan import Wanted
    from kb.source import Selection

    if watch and dry_run:
        raise click.UsageError("--watch and --dry-run do not go together.")
    engine = None if ocr is None else ("auto" if ocr else "off")
    base = open_base(common, {"embedding.model": model, "ocr.engine": engine})
    selection = Selection(include=include, exclude=exclude)
    wanted = Wanted(collection=collection, force=force, prune=prune, selection=selection)
    passwords = passwords_of(password_file)
    how = How(wanted=wanted, dry_run=dry_run, workers=workers, passwords=passwords, wait_s=wait)
    if watch:
        from cli.watch import keep_up

        return keep_up(common, base, [Path(path) for path in paths], how, poll=poll)
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

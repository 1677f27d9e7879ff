"""`kb reindex`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import (
    Common,
    chunking_options,
    define,
    endpoint_options,
    open_base,
    wait_option,
)

if TYPE_CHECKING:
    from kb.pipeline.reindex import Outcome


@define(
    "reindex",
    summary="Embed all documents anew, with another model or other passages.",
    examples=(
        "kb reindex --base-url http://gpu1:8000/v1 --model BAAI/bge-m3 --dry-run",
        "kb reindex --target-tokens 400 --keep-old",
        "kb reindex --model builtin:static --eval questions.jsonl",
        "kb reindex --json --wait 600",
    ),
)
@endpoint_options
@click.option(
    "--dimensions",
    metavar="N",
    type=click.IntRange(1),
    help="Length of the vectors, for models that can shorten them.  [default: as set]",
)
@chunking_options
@click.option(
    "--keep-old", is_flag=True, show_default=False, help="Keep the former one for kb rollback."
)
@click.option(
    "--dry-run",
    is_flag=True,
    show_default=False,
    help="Say what it would take, without doing it; a few texts are sent to measure the speed.",
)
@click.option(
    "--force",
    is_flag=True,
    show_default=False,
    help="Also where nothing differs, or the new one finds less.",
)
@click.option(
    "--eval",
    "labelled",
    metavar="DATASET",
    type=click.Path(path_type=Path),
    help="Compare by these labelled questions.  [default: questions made of the documents]",
)
@wait_option
def command(  # noqa: PLR0913 - one parameter for each option
    common: Common,
    *,
    base_url: str | None,
    model: str | None,
    prompts: str | None,
    dimensions: int | None,
    target_tokens: int | None,
    overlap_tokens: int | None,
    keep_old: bool,
    dry_run: bool,
    force: bool,
    labelled: Path | None,
    wait: float | None,
) -> int:
    """Make all passages and vectors anew from the stored text; the files are not needed.

    Searches go on with the former generation until the new one is complete and has been compared
    with it; then one step puts it in use. Killed or interrupted, the same command goes on. Nothing
    else can write meanwhile. What differs from before is written into kb.toml.
    """
    from cli.render.progress import watching
    from kb.pipeline.reindex import How, reindex

    options = {
        "embedding.base_url": base_url,
        "embedding.model": model,
        "embedding.prompts": prompts,
        "embedding.dimensions": dimensions,
        "chunking.target_tokens": target_tokens,
        "chunking.overlap_tokens": overlap_tokens,
    }
    base = open_base(common, options)
    how = How(keep_old=keep_old, dry_run=dry_run, force=force, wait_s=wait, labelled=labelled)
    with watching(quiet=common.quiet) as observer:
        outcome = reindex(base, how=how, observer=observer)
    return finish(common, outcome)


def finish(common: Common, outcome: Outcome) -> int:
    """Print what became of it and give the exit code."""
    from cli.errors import INTERRUPTED
    from cli.output import emit, emit_json, say

    if common.json:
        emit_json(outcome.as_json())
    else:
        from cli.render.reindex import outcome_lines
        from cli.render.text import columns

        emit(outcome_lines(outcome, width=columns()))
    if outcome.report.status == "interrupted":
        say(INTERRUPTED)
    return outcome.exit_code

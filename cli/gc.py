"""`kb gc`."""

from __future__ import annotations

import click

from cli.options import Common, define, open_base, wait_option


@define(
    "gc",
    summary="Delete what nothing names, and free its room.",
    examples=("kb gc --dry-run", "kb gc --former"),
)
@click.option(
    "--former",
    is_flag=True,
    show_default=False,
    help="Also the generation kept for kb rollback.",
)
@click.option(
    "--building",
    is_flag=True,
    show_default=False,
    help="Also the half-built one that kb reindex would go on with.",
)
@click.option(
    "--dry-run", is_flag=True, show_default=False, help="Say what would go, and do nothing."
)
@wait_option
def command(
    common: Common, *, former: bool, building: bool, dry_run: bool, wait: float | None
) -> int:
    """Delete leftovers of generations, vectors that no passage has, and files that nothing names.

    Vectors that an unfinished ingest or reindex has paid for are left.
    """
    from cli.output import emit, emit_json
    from cli.render.reindex import freed_lines, freed_object
    from kb.pipeline.gc import Which, gc

    base = open_base(common)
    which = Which(former=former, building=building)
    freed = gc(base, which=which, dry_run=dry_run, wait_s=wait)
    if common.json:
        emit_json(freed_object(freed, dry_run=dry_run))
    else:
        from cli.render.text import columns

        emit(freed_lines(freed, width=columns(), dry_run=dry_run))
    return 0

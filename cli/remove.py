"""`kb remove`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import Common, define, filled, open_base
from kb.errors import EXIT_OK, EXIT_PARTIAL


@define(
    "remove",
    summary="Forget documents; the files are left alone.",
    examples=("kb remove policies/old.md", "kb remove drafts/"),
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=filled)
def command(common: Common, *, paths: tuple[str, ...]) -> int:
    """Forget documents, or all documents below a folder; the files are left alone."""
    from cli.output import emit, emit_json, write
    from kb.pipeline.catalogue import remove

    removal = remove(open_base(common), [Path(path) for path in paths])
    if common.json:
        from cli.render.objects import remove_object

        emit_json(remove_object(removal))
    else:
        from cli.render.failures import report_blocks
        from cli.render.tables import count
        from cli.render.text import columns

        # Files that could not be read are among them; those hold no document.
        told = f"{count(removal.documents, 'file')}, {count(removal.chunks, 'chunk')}"
        write(f"Forgotten: {told}.\n")
        emit(report_blocks(removal.failures, width=columns()))
    return EXIT_PARTIAL if removal.failures else EXIT_OK

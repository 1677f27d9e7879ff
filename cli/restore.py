"""`kb restore`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import Common, define, filled, open_base


@define(
    "restore",
    summary="Put a backup in place.",
    examples=("kb restore kb-monday.zip", "kb restore --home copy/.kb kb-monday.zip"),
)
@click.argument("file", metavar="FILE", type=filled)
@click.option(
    "--force",
    is_flag=True,
    show_default=False,
    help="Overwrite the knowledge base that is there.",
)
def command(common: Common, *, file: str, force: bool) -> int:
    """Put the knowledge base of a backup in place, after checking all of it.

    Without --home, it goes where the other commands look: KB_HOME, or .kb here or in a parent
    folder. A kb.toml that differs is kept as kb.toml.replaced.
    """
    from cli.output import emit_json, write
    from kb.pipeline.backup import restore

    made = restore(open_base(common), Path(file), force=force)
    if common.json:
        from cli.render.verify import backup_object

        emit_json(backup_object(made, "kb.restore/1"))
        return 0
    from cli.render.text import clean
    from cli.render.verify import backup_line

    write(clean(backup_line(made, "Restored", file)) + "\n")
    return 0

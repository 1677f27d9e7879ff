"""`kb backup`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import Common, define, filled, open_base


@define(
    "backup",
    summary="Write a consistent copy to one file.",
    examples=("kb backup kb-monday.zip", "kb backup --force /mnt/backups/kb.zip"),
)
@click.argument("file", metavar="FILE", type=filled)
@click.option("--force", is_flag=True, show_default=False, help="Overwrite FILE if it is there.")
def command(common: Common, *, file: str, force: bool) -> int:
    """Write documents, vectors and settings to FILE, also while an ingest runs.

    FILE is a zip archive; the API key is not in it, nor the index, which is derived.
    """
    from cli.output import emit_json, write
    from kb.pipeline.backup import backup

    made = backup(open_base(common), Path(file), force=force)
    if common.json:
        from cli.render.verify import backup_object

        emit_json(backup_object(made, "kb.backup/1"))
        return 0
    from cli.render.text import clean
    from cli.render.verify import backup_line

    write(clean(backup_line(made, "Backup made", file)) + "\n")
    return 0

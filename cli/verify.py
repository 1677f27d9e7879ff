"""`kb verify`."""

from __future__ import annotations

import click

from cli.options import Common, define, open_base, shown_home
from kb.errors import EXIT_OK, EXIT_PARTIAL


@define(
    "verify",
    summary="Prove the knowledge base whole; mend it.",
    examples=("kb verify", "kb verify --repair", "kb verify --json | jq .ok"),
)
@click.option(
    "--repair",
    is_flag=True,
    show_default=False,
    help="Mend what can be derived, and say what must be ingested again.",
)
def command(common: Common, *, repair: bool) -> int:
    """Check database, texts, vectors, index and citations, and say what is wrong.

    Nothing is written, and other commands may go on. With --repair, all that follows from the
    stored texts and vectors is made again; a damaged database file is kept beside the new one.
    """
    from cli.output import emit, emit_json
    from kb.pipeline import verify as checks

    base = open_base(common)
    verdict = checks.repair(base) if repair else checks.verify(base)
    if common.json:
        from cli.render.verify import verify_object

        emit_json(verify_object(verdict))
    else:
        from cli.render.text import columns
        from cli.render.verify import verdict_lines

        emit(verdict_lines(verdict, shown_home(base), width=columns()))
    return EXIT_OK if verdict.ok and not verdict.lost else EXIT_PARTIAL

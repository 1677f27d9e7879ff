"""`kb status`."""

from __future__ import annotations

from cli.options import Common, define, open_base, shown_home


@define(
    "status",
    summary="Print counts, model, size and the last run.",
    examples=("kb status", "kb status --json | jq .failures_by_stage"),
)
def command(common: Common) -> int:
    """Print counts, model, size, the last run, and what cannot be searched and why."""
    from cli.output import emit, emit_json
    from kb.pipeline.catalogue import status

    base = open_base(common)
    summary = status(base)
    if common.json:
        from cli.render.objects import status_object

        emit_json(status_object(summary, base))
        return 0
    from cli.render.status import status_lines
    from cli.render.text import columns

    emit(status_lines(summary, shown_home(base), width=columns()))
    return 0

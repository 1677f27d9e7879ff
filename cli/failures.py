"""`kb failures`."""

from __future__ import annotations

from cli.options import Common, code_option, define, open_base, stage_option


@define(
    "failures",
    summary="List what failed, and what to do about it.",
    examples=(
        "kb failures",
        "kb failures --stage extract",
        "kb failures --code extract.no_text --json | jq -r '.failures[].source'",
    ),
)
@stage_option
@code_option
def command(common: Common, *, stage: str | None, code: str | None) -> int:
    """List what failed and still stands, with what to do about it."""
    from cli.output import emit, emit_json
    from kb.pipeline.catalogue import failures

    found = failures(open_base(common), stage=stage, code=code)
    if common.json:
        from cli.render.objects import failures_object

        emit_json(failures_object(found))
        return 0
    from cli.render.failures import ledger_lines
    from cli.render.text import columns

    emit(ledger_lines(found, width=columns(), filtered=bool(stage or code)))
    return 0

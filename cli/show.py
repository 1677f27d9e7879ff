"""`kb show`."""

from __future__ import annotations

import click

from cli.options import Common, define, open_base


@define(
    "show",
    summary="Print a passage or a document as stored.",
    examples=(
        "kb show c123",
        "kb show c123 --context 3",
        "kb show policies/售后服务条款.md",
        "kb show --json policies/refund-policy.md | jq -r .text",
    ),
)
@click.argument("ref")
@click.option(
    "--context",
    metavar="N",
    type=click.IntRange(0, 100),
    default=1,
    help="Passages to show before and after a passage.",
)
def command(common: Common, *, ref: str, context: int) -> int:
    """Print a passage or a document as it is stored.

    REF is the reference of a hit, such as c123, or the path of a document.
    """
    from cli.output import emit, emit_json, is_terminal
    from kb.pipeline.show import show

    shown = show(open_base(common), ref, around=context)
    if common.json:
        from cli.render.objects import show_object

        emit_json(show_object(shown))
        return 0
    from cli.render.show import shown_lines
    from cli.render.text import columns

    # A program that reads this wants the lines as they are; a person wants them readable.
    emit(shown_lines(shown, width=columns(), wrapped=is_terminal()))
    return 0

"""`kb show`."""

from __future__ import annotations

import click

from cli.options import Common, define, filled, open_base


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
@click.argument("ref", type=filled)
@click.option(
    "--context",
    metavar="N",
    type=click.IntRange(0, 100),
    help="Passages to show before and after a passage.  [default: 1 on a terminal, else 0]",
)
def command(common: Common, *, ref: str, context: int | None) -> int:
    """Print a passage or a document as it is stored.

    REF is the reference of a hit, such as c123, or the path of a document. A terminal is shown
    where it stands and what stands around it; a file or a pipe gets the stored text and no more.
    """
    from cli.output import emit, emit_json, is_terminal, write
    from kb.pipeline.show import show

    exact = not is_terminal() and context is None
    shown = show(open_base(common), ref, around=1 if context is None else context)
    if common.json:
        from cli.render.objects import show_object

        emit_json(show_object(shown))
    elif exact:
        write(shown.text)
    else:
        from cli.render.show import shown_lines
        from cli.render.text import columns

        emit(shown_lines(shown, width=columns(), wrapped=is_terminal()))
    return 0

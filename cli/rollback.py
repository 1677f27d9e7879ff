"""`kb rollback`."""

from __future__ import annotations

from cli.options import Common, define, open_base, wait_option


@define(
    "rollback",
    summary="Go back to the generation that reindex --keep-old kept.",
    examples=("kb rollback", "kb rollback --json"),
)
@wait_option
def command(common: Common, *, wait: float | None) -> int:
    """Put the former generation in use again, with its settings; the present one is kept instead.

    Documents that came or changed since then are embedded with its model first.
    """
    from cli.reindex import finish
    from cli.render.progress import watching
    from kb.pipeline.rollback import rollback

    base = open_base(common)
    with watching(quiet=common.quiet) as observer:
        outcome = rollback(base, wait_s=wait, observer=observer)
    return finish(common, outcome)

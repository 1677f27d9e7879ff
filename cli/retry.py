"""`kb retry`."""

from __future__ import annotations

from cli.ingest import finish
from cli.options import Common, code_option, define, open_base, stage_option, wait_option
from cli.passwords import password_option


@define(
    "retry",
    summary="Try again what failed.",
    examples=(
        "kb retry",
        "kb retry --stage embed",
        "kb retry --code extract.encrypted --password-file passwords.txt",
    ),
)
@stage_option
@code_option
@password_option
@wait_option
def command(
    common: Common,
    *,
    stage: str | None,
    code: str | None,
    password_file: str | None,
    wait: float | None,
) -> int:
    """Try again what failed before.

    What is already embedded is not asked of the endpoint again.
    """
    from cli.passwords import passwords_of
    from cli.render.progress import watching
    from kb.pipeline.retry import retry

    base = open_base(common)
    passwords = passwords_of(password_file)
    with watching(quiet=common.quiet) as observer:
        report = retry(
            base, stage=stage, code=code, observer=observer, passwords=passwords, wait_s=wait
        )
    return finish(common, report)

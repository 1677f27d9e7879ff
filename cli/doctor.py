"""`kb doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import Common, define, open_base


@define(
    "doctor",
    summary="Check the embedding endpoint and say what to do.",
    examples=(
        "kb doctor",
        "kb doctor --base-url http://gpu1:8000/v1 --model Qwen/Qwen3-Embedding-4B",
        "kb doctor --log vllm.log",
        "kb doctor --prompts --deep",
        "kb doctor --json | jq '.checks[] | select(.status==\"fail\")'",
    ),
)
@click.option("--base-url", metavar="URL", help="Embedding endpoint.  [default: the settings']")
@click.option("--model", metavar="NAME", help="Model.  [default: the settings', or the only one]")
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read the log of a vLLM server for known errors.",
)
@click.option(
    "--prompts",
    is_flag=True,
    show_default=False,
    help="Compare the prompt presets on your own documents.",
)
@click.option(
    "--deep",
    is_flag=True,
    show_default=False,
    help="Take minutes: texts up to the model's limit, more load.",
)
@click.option(
    "--chunks",
    type=click.IntRange(min=1),
    default=10_000,
    metavar="N",
    help="Say how long an ingest of N chunks would take.",
)
def command(  # noqa: PLR0913 - one argument for each option
    common: Common,
    *,
    base_url: str | None,
    model: str | None,
    log: Path | None,
    prompts: bool,
    deep: bool,
    chunks: int,
) -> int:
    """Check the embedding endpoint step by step, and say what to do.

    Each line says what was looked at and found: ok, warn, fail or skip. Nothing is written to
    the knowledge base. Exit code 1 when a check failed.
    """
    from kb.doctor import Wanted, examine

    base = open_base(common, {"embedding.base_url": base_url, "embedding.model": model})
    wanted = Wanted(log=log, prompts=prompts, deep=deep, chunks=chunks)
    checks = examine(base, wanted)
    if common.json:
        from cli.output import emit_json
        from cli.render.objects import doctor_object

        told = doctor_object(list(checks))
        emit_json(told)
        return 0 if told["ok"] else 1
    from cli.output import emit
    from cli.render.doctor import check_lines, closing_lines
    from cli.render.text import columns

    seen = []
    for check in checks:
        seen.append(check)
        emit(check_lines(check, width=columns()))
    emit(closing_lines(seen, width=columns()))
    return 1 if any(check.status == "fail" for check in seen) else 0

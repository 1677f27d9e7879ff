"""`kb init`."""

from __future__ import annotations

import click

from cli.options import Common, define, open_base, shown_home
from kb.config import PROMPT_NAMES


@define(
    "init",
    summary="Make a knowledge base and check the endpoint.",
    examples=(
        "kb init",
        "kb init --base-url http://localhost:8000/v1",
        "kb init --base-url http://gpu1:8080 --model BAAI/bge-m3 --prompts none",
    ),
)
@click.option(
    "--base-url", metavar="URL", help="Embedding endpoint.  [default: the built-in model]"
)
@click.option("--model", metavar="NAME", help="Model.  [default: the only one the endpoint serves]")
@click.option(
    "--prompts",
    type=click.Choice(PROMPT_NAMES),
    help="What to put before questions and passages.  [default: e5]",
)
def command(common: Common, *, base_url: str | None, model: str | None, prompts: str | None) -> int:
    """Make a knowledge base here, check the embedding endpoint and pin its profile.

    The endpoint's key is read from KB_API_KEY and stored nowhere.
    """
    from cli.output import emit_json, write
    from cli.render.progress import watching
    from kb.pipeline.setup import init

    options = {
        "embedding.base_url": base_url,
        "embedding.model": model,
        "embedding.prompts": prompts,
    }
    base = open_base(common, options, here=True)
    existed = base.exists
    with watching(quiet=common.quiet) as observer:
        profile = init(base, observer=observer)
    if common.json:
        from cli.render.objects import init_object

        emit_json(init_object(base, profile, created=not existed))
        return 0
    from cli.render.status import model_of
    from cli.render.text import clean

    told = "is already here" if existed else "made"
    lines = (f"Knowledge base {told}: {shown_home(base)}", f"Model: {model_of(profile)}")
    write(clean("\n".join(lines)) + "\n")
    return 0

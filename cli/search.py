"""`kb search`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from cli.options import Common, collection_option, define, glob_option, open_base
from kb.config import MODES

if TYPE_CHECKING:
    from kb.pipeline.search import Answer, Asking


@define(
    "search",
    summary="Find the passages that answer a question.",
    examples=(
        "kb search how long is the warranty",
        "kb search 退货期限是几天 -k 3",
        "kb search --mode lexical '\"ER-4021\"'",
        "kb search --path 'manuals/**' --context 1 descale the boiler",
        "kb search --explain 退货期限",
        "kb search --json refund | jq -r '.hits[].path'",
    ),
    brief=True,
)
@click.argument("query", metavar="QUERY...", nargs=-1, required=True)
@click.option(
    "-k", "top_k", metavar="N", type=click.IntRange(1, 1000), default=10, help="How many hits."
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="By meaning, by words, or both.  [default: search.mode in kb.toml, else hybrid]",
)
@collection_option("Only documents of this collection.  [default: all]")
@glob_option
@click.option(
    "--context",
    metavar="N",
    type=click.IntRange(0, 100),
    default=0,
    help="Passages to show before and after each hit.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every passage by itself, also those that say the same as another hit or stand beside it.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Tell why each hit stands where it does: its scores, and which words matched.",
)
@click.option(
    "--rerank/--no-rerank",
    default=None,
    help="Have a reranker order the hits.  [default: where KB_RERANK_URL names one]",
)
def command(  # noqa: PLR0913 - one parameter for each option
    common: Common,
    *,
    query: tuple[str, ...],
    top_k: int,
    mode: str | None,
    collection: str | None,
    path: str | None,
    context: int,
    everything: bool,
    explain: bool,
    rerank: bool | None,
) -> int:
    """Find the passages that answer a question, each with its exact place.

    The words of the question need no quotes; "words in quotes" count where they stand side by side.
    """
    _one_thread()
    from cli.render.progress import watching
    from kb.model import Filter
    from kb.pipeline.search import Asking, search

    base = open_base(common)
    within = Filter(collection=collection, path=path)
    asking = Asking(
        top_k=top_k,
        mode=mode,
        within=within,
        around=context,
        collapse=not everything,
        explain=explain,
        rerank=rerank,
    )
    with watching(quiet=common.quiet) as observer:
        answer = search(base, " ".join(query), asking=asking, observer=observer)
    _print(common, answer, asking)
    return answer.exit_code


def _one_thread() -> None:
    """Keep numpy's BLAS from starting threads.

    They wait for work in a loop, and one question has none for them: a fifth of the whole search.
    """
    if "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _print(common: Common, answer: Answer, asking: Asking) -> None:
    from cli.output import emit, emit_json, say

    if common.json:
        from cli.render.objects import search_object

        emit_json(search_object(answer, around=asking.around > 0))
        return
    from cli.render.search import answer_lines, nothing_found
    from cli.render.text import columns, paragraph
    from kb.search.highlight import highlights

    width = columns()
    for warning in answer.warnings:
        say("\n".join(paragraph(f"Warning: {warning}", width)))
    if answer.explain is not None:
        from cli.render.explain import question_lines

        emit(question_lines(answer, width=width))
    emit(answer_lines(answer, highlights, width=width))
    if not answer.hits:
        say("\n".join(paragraph(nothing_found(answer), width)))

"""`kb eval`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Common, chunking_options, define, endpoint_options, open_base
from kb.config import MODES
from kb.errors import UsageError

if TYPE_CHECKING:
    from kb.pipeline.evaluate import Evaluation, How

_FOLDER = click.Path(path_type=Path)
#: Where questions that name a document are asked.
_SCOPES = ("auto", "all", "document")


def _may_be_written(
    ctx: click.Context,  # noqa: ARG001 - as click calls it
    param: click.Parameter,  # noqa: ARG001
    value: Path | None,
) -> Path | None:
    """Refuse a file that a run must not replace, before hours of work are spent on the run."""
    if value is None:
        return None
    if not value.parent.is_dir():
        raise click.BadParameter(f"there is no folder {value.parent}.")
    if value.is_dir():
        raise click.BadParameter(f"{value} is a folder.")
    if value.is_file() and value.stat().st_size:
        from kb.pipeline.evaluate_runs import read_run

        try:
            read_run(value)
        except UsageError as error:
            told = f"{value} is there already and holds no run of kb eval."
            raise click.BadParameter(told) from error
    return value


@define(
    "eval",
    summary="Measure how well labelled questions are answered.",
    examples=(
        "kb eval nfcorpus/",
        "kb eval contracts/ --questions questions.jsonl --out before.jsonl",
        "kb eval contracts/ --mode lexical --limit 200 --json",
        "kb eval --compare before.jsonl after.jsonl",
    ),
)
@click.argument("dataset", metavar="[DATASET]", required=False, type=_FOLDER)
@click.option(
    "--questions",
    metavar="FILE",
    type=_FOLDER,
    help="Questions and answers, one JSON object a line.  [default: those in DATASET]",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="By meaning, by words, or both.  [default: search.mode in kb.toml, else hybrid]",
)
@click.option(
    "--rerank/--no-rerank",
    default=None,
    help="Have a reranker order the hits.  [default: where KB_RERANK_URL names one]",
)
@endpoint_options
@chunking_options
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), help="Ask N of the questions.  [default: all]"
)
@click.option(
    "-k",
    "top_k",
    metavar="N",
    type=click.IntRange(10, 1000),
    default=10,
    help="Hits asked for, as with kb search; after them, documents are ranked on.",
)
@click.option(
    "--scope",
    type=click.Choice(_SCOPES),
    default="auto",
    help="Ask questions that name a document of all documents, or of that one.",
)
@click.option(
    "--file-field",
    metavar="NAME",
    default="file",
    help="The field of docs.jsonl that names a document's file, e.g. pdf.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=_FOLDER,
    callback=_may_be_written,
    help="Write what each question found.",
)
@click.option(
    "--compare",
    metavar="FILE FILE",
    nargs=2,
    type=_FOLDER,
    help="Compare what two runs wrote with --out, question by question.",
)
def command(  # noqa: PLR0913 - one parameter for each option
    common: Common,
    *,
    dataset: Path | None,
    questions: Path | None,
    mode: str | None,
    rerank: bool | None,
    base_url: str | None,
    model: str | None,
    prompts: str | None,
    target_tokens: int | None,
    overlap_tokens: int | None,
    limit: int | None,
    top_k: int,
    scope: str,
    file_field: str,
    out: Path | None,
    compare: tuple[Path, Path] | None,
) -> int:
    """Measure how well the questions of a set are answered, with the settings in force here.

    DATASET is a folder: corpus.jsonl, queries.jsonl and qrels/test.tsv (BEIR), or documents with
    questions.jsonl, of which a line is {"query": ..., "path": ..., "contains": ...}. The documents
    go into a knowledge base that is thrown away; your own is not touched.
    """
    from kb.pipeline.evaluate import How
    from kb.pipeline.evaluate_ask import Way

    if compare is not None:
        return _compare(common, dataset, compare)
    if dataset is None:
        raise click.UsageError("A set is needed: the folder DATASET, or --compare FILE FILE.")
    options = {
        "embedding.base_url": base_url,
        "embedding.model": model,
        "embedding.prompts": prompts,
        "chunking.target_tokens": target_tokens,
        "chunking.overlap_tokens": overlap_tokens,
    }
    how = How(way=Way(mode=mode, top_k=top_k, scope=scope, rerank=rerank), limit=limit)
    found = _measure(common, options, (dataset, questions, file_field), how)
    if out is not None:
        from kb.pipeline.evaluate_runs import write_run

        write_run(out, found)
    _print(common, found)
    return 0


def _measure(
    common: Common,
    options: Mapping[str, object],
    where: tuple[Path, Path | None, str],
    how: How,
) -> Evaluation:
    from cli.render.progress import watching
    from kb.evaluate.reading import read_dataset
    from kb.pipeline.evaluate import evaluate

    folder, questions, file_field = where
    base = open_base(common, options)
    with watching(quiet=common.quiet) as observer:
        labelled = read_dataset(folder, questions=questions, file_field=file_field)
        return evaluate(base, labelled, how=how, observer=observer)


def _print(common: Common, found: Evaluation) -> None:
    from cli.output import emit, emit_json

    if common.json:
        emit_json(found.as_json())
        return
    from cli.render.eval import evaluation_lines
    from cli.render.text import columns

    emit(evaluation_lines(found, width=columns()))


def _compare(common: Common, dataset: Path | None, files: tuple[Path, Path]) -> int:
    from cli.output import emit, emit_json
    from kb.pipeline.evaluate_runs import compare_runs, read_run

    if dataset is not None:
        raise click.UsageError("--compare reads two files that exist, and takes no DATASET.")
    found = compare_runs(*map(read_run, files))
    if common.json:
        emit_json(found.as_json())
        return 0
    from cli.render.eval import comparison_lines
    from cli.render.text import columns

    emit(comparison_lines(found, width=columns()))
    return 0

"""What `kb reindex`, `kb rollback` and `kb gc` did, for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from cli.render.report import report_lines
from cli.render.styled import Text
from cli.render.tables import Column, count, size_of, table
from cli.render.text import paragraph
from kb.pipeline.estimate import sentence

if TYPE_CHECKING:
    from kb.pipeline.reindex import Outcome
    from kb.pipeline.selfcheck import SelfCheck
    from kb.store import Freed

_COLUMNS: Final = (
    Column(head="found by"),
    Column(head="before", number=True),
    Column(head="after", number=True),
)
_WAYS: Final = {"hybrid": "words and meaning", "dense": "meaning", "lexical": "words"}


def outcome_lines(outcome: Outcome, *, width: int) -> Iterator[Text]:
    """Give the report, the comparison, and what is in use now."""
    if outcome.report.stages and any(stage.attempted for stage in outcome.report.stages):
        yield from report_lines(outcome.report, width=width)
        yield Text()
    elif outcome.estimate is not None and not outcome.switched:
        yield Text("Dry run: nothing was changed.")
        yield from map(Text, paragraph(sentence(outcome.estimate), width, ""))
        return
    if outcome.check is not None:
        yield from _compared(outcome.check, width)
    if outcome.note:
        yield from map(Text, paragraph(outcome.note, width, ""))
    state = "now in use" if outcome.switched else "still in use"
    yield Text(f"Generation {outcome.generation} is {state}.")


def _compared(check: SelfCheck, width: int) -> Iterator[Text]:
    if check.rows:
        asked = (
            f"{count(check.questions, 'question')} of {check.dataset} were asked"
            if check.dataset
            else f"{check.questions} headings and sentences of the documents were asked for"
        )
        told = f"{asked}; the mean reciprocal rank of the right passage:"
        yield from map(Text, paragraph(told, width, ""))
        rows = [
            (_WAYS[row.mode], f"{row.before:.3f}", f"{row.after:.3f}{' worse' * row.worse}")
            for row in check.rows
        ]
        yield from table(_COLUMNS, rows, width=width)
        told = f"It may fall by {check.margin:.2f}, and by what chance accounts for."
        yield from map(Text, paragraph(told, width, ""))
    if check.left_out:
        told = (
            "Not asked, as no answer to them is in the knowledge base: "
            f"{count(check.left_out, 'question')} of {check.dataset}."
        )
        yield from map(Text, paragraph(told, width, ""))
    if check.note:
        yield from map(Text, paragraph(check.note, width, ""))


def freed_object(freed: Freed, *, dry_run: bool) -> dict[str, Any]:
    """Give `kb.gc/1`."""
    told = asdict(freed) | {"generations": list(freed.generations)}
    return {"schema": "kb.gc/1", "dry_run": dry_run, **told}


def freed_lines(freed: Freed, *, width: int, dry_run: bool) -> Iterator[Text]:
    """Say what was deleted, or would be."""
    told = (
        f"{count(len(freed.generations), 'generation')}, {count(freed.chunks, 'chunk')}, "
        f"{count(freed.vectors, 'vector')}"
    )
    if dry_run:
        told = f"Dry run: nothing was changed. To delete: {told}; about {size_of(freed.bytes)}."
    else:
        told = f"Deleted: {told}. The files are {size_of(freed.bytes)} smaller."
    yield from map(Text, paragraph(told, width, ""))
    if freed.journal:
        told = f"{count(freed.journal, 'vector')} of an unfinished run"
        told += " stays" if freed.journal == 1 else " stay"
        yield from map(Text, paragraph(f"{told}: run it again to the end.", width, ""))

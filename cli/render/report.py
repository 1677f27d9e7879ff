"""What a run did, for people: stages, counts, and each failure with what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cli.render.failures import NAMED, report_blocks
from cli.render.styled import Text
from cli.render.tables import Column, count, table
from cli.render.text import cells, one_line, paragraph, shorten
from kb.errors import Stage

if TYPE_CHECKING:
    from kb.model import ChunkCounts, DocumentCounts, Report

_COLUMNS: Final = (
    Column(head="stage"),
    Column(head="attempted", number=True),
    Column(head="succeeded", number=True),
    Column(head="failed", number=True),
    Column(head="skipped", number=True),
    Column(head="seconds", number=True),
)
#: Where to find out more about an endpoint that failed.
LOOK_CLOSER: Final = "kb doctor looks at the endpoint step by step and says what to do."
_AS_IS: Final[Mapping[str, str]] = {}
_TO_DO: Final[Mapping[str, str]] = {
    "added": "to add",
    "updated": "to update",
    "removed": "to remove",
}


def report_lines(report: Report, *, width: int, dry_run: bool = False) -> Iterator[Text]:
    """Give the table of stages, the counts, and a block for each failure."""
    if dry_run:
        yield Text("Dry run: nothing was changed.")
        yield Text(_counts("document", report.documents, _TO_DO))
    else:
        rows = [tuple(asdict(stage).values()) for stage in report.stages]
        yield from table(_COLUMNS, rows, width=width)
        yield Text()
        told = _counts("document", report.documents), _counts("chunk", report.chunks)
        yield from map(Text, [" ".join(told)] if len(" ".join(told)) <= width else told)
    if report.ignored:
        yield from map(Text, paragraph(_left_out(report.ignored), width))
    yield from report_blocks(report.failures, width=width)
    last = _last_line(report)
    if last:
        yield Text()
        yield from map(Text, last.splitlines())


def round_lines(report: Report, *, width: int) -> Iterator[Text]:
    """Give one line for a round of a watch, and a line for each of its failures."""
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    found = {name: n for name, n in asdict(report.documents).items() if n and name != "unchanged"}
    told = [f"{number:,} {name}" for name, number in found.items() if name != "failed"]
    if not told and not report.failures:
        told = [f"{report.documents.unchanged:,} unchanged"]
    if report.chunks.added:
        told.append(count(report.chunks.added, "new passage"))
    if report.failures:
        told.append(count(len(report.failures), "failure"))
    if report.status == "interrupted":
        told.append("interrupted")
    yield Text(shorten(f"{now}  {', '.join(told)}", width))
    shown = report.failures[:NAMED]
    for failure in shown:
        where = one_line(failure.source or "")
        room = max(12, width - cells(failure.code) - 14)
        yield Text.assemble("  ", (failure.code, "red"), f"  {shorten(where, room)}")
        yield from map(Text, paragraph(one_line(failure.message), width, "    "))
        yield from (Text(line, "green") for line in paragraph(failure.hint, width, "    "))
    if len(report.failures) > len(shown):
        yield Text(f"  and {len(report.failures) - len(shown):,} more: kb failures")


def _left_out(ignored: Mapping[str, Mapping[str, int]]) -> str:
    """Say how many files and folders patterns left out.

    >>> _left_out({".kbignore": {"files": 12, "folders": 1}, "--exclude": {"files": 1}})
    'Left out: 1 file by --exclude; 12 files and 1 folder ignored by .kbignore.'
    """
    told = []
    for where, counts in sorted(ignored.items()):
        named = [
            count(counts.get(f"{n}s", 0), n) for n in ("file", "folder") if counts.get(f"{n}s")
        ]
        how = "ignored by" if where.startswith(".") else "by"
        told.append(f"{' and '.join(named)} {how} {where}")
    return f"Left out: {'; '.join(told)}."


def _counts(
    noun: str, counts: DocumentCounts | ChunkCounts, words: Mapping[str, str] = _AS_IS
) -> str:
    found = asdict(counts)
    # What is removed is no longer among the documents that the run looked at.
    total = sum(found.values()) - found["removed"]
    named = [f"{number:,} {words.get(name, name)}" for name, number in found.items() if number]
    told = ", ".join(named)
    return f"{count(total, noun)}{': ' if told else ''}{told}."


def _last_line(report: Report) -> str:
    if report.error is not None:
        told = "Stopped: what was finished is kept; run the same command again to go on."
        about_endpoint = report.error.stage is Stage.EMBED
        return f"{told}\n{LOOK_CLOSER}" if about_endpoint else told
    # Where nothing could be made a knowledge base of, there is no ledger either.
    if not report.failures or report.profile is None:
        return ""
    told = count(len(report.failures), "failure")
    return f"{told}; kb failures lists what stands, kb retry tries it again."

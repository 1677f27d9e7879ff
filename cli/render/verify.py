"""What a verification found, and what a backup holds: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cli.render.styled import Text
from cli.render.tables import count, size_of
from cli.render.text import one_line, paragraph, shorten

if TYPE_CHECKING:
    from kb.pipeline.verify import Verdict
    from kb.store import Backup, Finding

#: More lost documents than this are told as a number.
MANY = 20


def verdict_lines(verdict: Verdict, home: str, *, width: int) -> Iterator[Text]:
    """Give a line for each check, what mends it where it failed, and the result."""
    yield from _repair_lines(verdict, width)
    for finding in verdict.findings:
        yield from _finding(finding, width)
    yield Text()
    wrong = sum(not finding.ok for finding in verdict.findings)
    checks = count(len(verdict.findings), "check")
    if wrong:
        yield from map(Text, paragraph(f"{home}: {wrong} of {checks} failed.", width))
    elif verdict.lost:
        told = f"{home} is whole again; {count(len(verdict.lost), 'document')} to ingest again."
        yield from map(Text, paragraph(told, width))
    else:
        yield from map(Text, paragraph(f"{home} is whole: {checks} passed.", width))


def _finding(finding: Finding, width: int) -> Iterator[Text]:
    sign, style = ("ok  ", "green") if finding.ok else ("fail", "bold red")
    if finding.ok:
        yield Text.assemble((sign, style), "  ", shorten(one_line(finding.message), width - 6))
        return
    lines = paragraph(one_line(finding.message), width, "      ")
    yield Text.assemble((sign, style), "  ", lines[0].lstrip() if lines else "")
    yield from map(Text, lines[1:])
    hint = paragraph(one_line(finding.hint), width, "        ")
    for number, line in enumerate(hint):
        yield Text(line if number else f"      → {line[8:]}", "green")


def _repair_lines(verdict: Verdict, width: int) -> Iterator[Text]:
    if verdict.repaired is None:
        return
    for told in verdict.repaired or ("Nothing had to be mended.",):
        yield from map(Text, paragraph(one_line(told), width))
    if verdict.lost:
        yield Text()
        yield Text("To be ingested again", "bold")
        for lost in verdict.lost[:MANY]:
            yield Text(f"  {shorten(one_line(lost.path), width - 2)}")
            yield from map(Text, paragraph(one_line(lost.reason), width, "    "))
        if len(verdict.lost) > MANY:
            yield Text(f"  and {len(verdict.lost) - MANY} more: kb failures")
        yield Text("  → Run `kb ingest` with these files again.", "green")
    yield Text()


def verify_object(verdict: Verdict) -> dict[str, Any]:
    """Give `kb.verify/1`."""
    return {
        "schema": "kb.verify/1",
        "ok": verdict.ok,
        "checks": [
            {
                "id": finding.id,
                "status": "ok" if finding.ok else "fail",
                "message": finding.message,
                "hint": finding.hint,
                "detail": dict(finding.detail),
            }
            for finding in verdict.findings
        ],
        "repaired": None if verdict.repaired is None else list(verdict.repaired),
        "lost": [{"path": lost.path, "reason": lost.reason} for lost in verdict.lost],
        "kept": str(verdict.kept) if verdict.kept else None,
    }


def backup_object(made: Backup, schema: str) -> dict[str, Any]:
    """Give `kb.backup/1` or `kb.restore/1`."""
    return {
        "schema": schema,
        "file": str(made.file),
        "bytes": made.bytes,
        "documents": made.documents,
        "chunks": made.chunks,
        "vectors": made.vectors,
        "made_at": made.made_at,
        "settings": list(made.settings),
    }


def backup_line(made: Backup, done: str, named: str) -> str:
    """Give what a backup holds; `named` is its file as the user called it."""
    return (
        f"{done}: {named}\n{count(made.documents, 'document')}, "
        f"{count(made.chunks, 'chunk')}, {count(made.vectors, 'vector')}; "
        f"{size_of(made.bytes)}; as of {made.made_at}."
    )

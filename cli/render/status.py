"""The state of a knowledge base, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final

from cli.render.styled import Text
from cli.render.tables import Column, count, pairs, size_of, table
from cli.render.text import cells, one_line, paragraph, shorten

if TYPE_CHECKING:
    from kb.model import Profile
    from kb.store import Generation, Summary

#: Where there are more entries than this, of each kind the first few and a number are told.
MANY: Final = 20
NAMED: Final = 5
#: What each state of a page is called.
_STATES: Final = {
    "indexed": "searchable",
    "ocr": "by OCR",
    "blank": "blank",
    "duplicate": "duplicate",
    "image_only": "scans",
    "failed": "failed",
}
#: What each `reason` of a part that cannot be found means.
_REASONS: Final = {
    "failed": "Nothing of it is found.",
    "stale": "Its former version is found.",
}


def status_lines(summary: Summary, home: str, *, width: int) -> Iterator[Text]:
    """Give the counts, then collections, failures and what cannot be found."""
    yield from pairs(
        [
            ("Knowledge base", home),
            ("Documents", f"{summary.documents:,}"),
            ("Pages", _pages(summary)),
            ("Chunks", f"{summary.chunks:,} ({count(summary.vectors, 'vector')})"),
            ("Size", size_of(summary.bytes)),
            ("Model", model_of(summary.profile)),
            *((("Meaning counts", weight_of(summary.profile)),) if summary.profile else ()),
            ("Generation", summary.generation),
            *(("Beside it", beside(each)) for each in summary.generations[1:]),
            ("Index", _index(summary.index)),
            ("Last run", _last_run(summary.last_run)),
        ],
        width=width,
    )
    if len(summary.collections) > 1 or "default" not in summary.collections:
        yield from _counted("collection", "documents", summary.collections, width)
    if summary.failures_by_stage:
        yield from _counted("failed at stage", "failures", summary.failures_by_stage, width)
    if summary.not_searchable:
        yield from _not_searchable(summary.not_searchable, width)


def _pages(summary: Summary) -> str:
    """Give how many pages ended in which state."""
    total = sum(summary.coverage.values())
    if not total:
        return "0"
    told = [
        f"{summary.coverage[state]:,} {word}"
        for state, word in _STATES.items()
        if summary.coverage.get(state)
    ]
    if summary.doubtful:
        told.append(f"{summary.doubtful:,} of OCR unsure")
    return f"{total:,}: {', '.join(told)}"


def model_of(profile: Profile | None) -> str:
    """Give the embedding profile in a few words."""
    if profile is None:
        return "none yet: the first ingest sets it"
    kind = "built-in" if profile.provider == "builtin" else profile.provider
    return f"{profile.model} ({kind}, {profile.dimensions} dimensions)"


def weight_of(profile: Profile) -> str:
    """Say how much meaning counts beside words in a hybrid search, and who says so."""
    share = f"{round(100 * profile.dense_weight)} %"
    if profile.weighed:
        return f"{share}, measured with {count(profile.weighed, 'text')} of your own"
    return f"{share}, {'measured for it' if profile.provider == 'builtin' else 'as is usual'}"


def beside(generation: Generation) -> str:
    """Say what a generation that is not in use is there for."""
    told = f"generation {generation.id}, {count(generation.chunks, 'chunk')}"
    lacks = f", {count(generation.missing, 'document')} missing" if generation.missing else ""
    what = {"building": "half-built by kb reindex", "former": "kept for kb rollback"}
    model = f", {generation.profile.model}" if generation.profile else ""
    return f"{told}{lacks}, {what.get(generation.state, 'for kb gc to delete')}{model}"


def _index(facts: Mapping[str, Any]) -> str:
    told = []
    if facts.get("segments"):
        vectors = count(facts.get("in_segments", 0), "vector")
        told.append(f"{count(facts['segments'], 'segment')} with {vectors}")
    if facts.get("tail"):
        told.append(f"{count(facts['tail'], 'vector')} searched directly")
    if facts.get("kind") == "compact":
        told.append(f"compact: {facts.get('recall', 0):.1%} of the nearest are found")
    if facts.get("damaged"):
        told.append(f"{facts['damaged']} damaged: the next ingest rebuilds it")
    return ", ".join(told) or "empty"


def _last_run(run: Mapping[str, Any] | None) -> str:
    if not run:
        return "none yet"
    status = run.get("status") or "not finished"
    told = [f"{run.get('command')} {run.get('started_at')}", f"{status}"]
    return ": ".join(told)


def _counted(head: str, counted: str, counts: Mapping[str, int], width: int) -> Iterator[Text]:
    yield Text()
    columns = (Column(head=head, least=16), Column(head=counted, number=True))
    yield from table(columns, list(counts.items()), width=width)


def _not_searchable(entries: Sequence[Mapping[str, Any]], width: int) -> Iterator[Text]:
    yield Text()
    yield Text("Not searchable", "bold")
    kinds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in entries:
        kinds.setdefault((str(entry.get("reason")), str(entry.get("code"))), []).append(entry)
    for (_, code), each in kinds.items():
        few = len(each) if len(each) <= max(1, MANY // len(kinds)) else NAMED
        yield from _some_not_searchable(each[:few], width)
        if len(each) > few:
            yield Text(f"  and {len(each) - few:,} more: kb failures --code {one_line(code)}")


def _some_not_searchable(entries: Sequence[Mapping[str, Any]], width: int) -> Iterator[Text]:
    for (told, cure), group in groupby(entries, key=_told):
        for entry in group:
            code = one_line(str(entry.get("code") or ""))
            room = width - 5 - cells(code)
            path = shorten(one_line(str(entry["path"])), max(room, 12))
            yield Text.assemble("  ", (path, "bold"), "   ", (code, "red"))
        yield from map(Text, paragraph(told, width, "    "))
        hint = paragraph(cure, width, "      ")
        for number, line in enumerate(hint):
            yield Text(line if number else f"    → {line[6:]}", "green")


def _told(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Give what is lost and why, and what mends it; neighbours that share both are told once."""
    message, hint = (one_line(str(entry.get(name) or "")) for name in ("message", "hint"))
    return f"{_lost(entry)} {message}", hint


def _lost(entry: Mapping[str, Any]) -> str:
    reason = str(entry.get("reason"))
    if reason == "pages":
        pages = entry.get("pages") or ()
        told, of = _ranges(pages), entry.get("of")
        share = f" ({len(pages):,} of {of:,})" if of and entry.get("paged", True) else ""
        if len(pages) == 1:
            return f"Page {told}{share} is not found."
        return f"Pages {told}{share} are not found."
    if reason == "parts":
        parts = [one_line(str(each)) for each in entry.get("parts") or ()]
        more = f" and {len(parts) - NAMED:,} more" if len(parts) > NAMED else ""
        return f"Not found of it: {', '.join(parts[:NAMED])}{more}."
    if reason == "chunks":
        number = len(entry.get("chunks") or ())
        found = "is" if number == 1 else "are"
        return f"{count(number, 'passage')} {found} found by words alone."
    return _REASONS.get(reason, reason)


def _ranges(numbers: Sequence[int]) -> str:
    """Give numbers in order as people write them.

    >>> _ranges([3, 7, 8, 9])
    '3, 7-9'
    """
    runs: list[list[int]] = [[numbers[0]]] if numbers else []
    for before, number in pairwise(numbers):
        if number == before + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)

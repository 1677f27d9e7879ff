"""A set's questions, put to a knowledge base that holds their documents already.

A document of the set is the stored one whose path is, or ends in, the file that the set names for
it, else its id; else the one whose file name without its ending is the id.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kb.errors import UsageError, failure
from kb.evaluate.dataset import Entry, Query
from kb.evaluate.passages import Place
from kb.evaluate.reading import listed_files, read_questions
from kb.pipeline.evaluate_ask import wording
from kb.pipeline.evaluate_places import places_of
from kb.pipeline.questions import Asked, Span
from kb.store import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Questions with places in the stored documents."""

    #: Name of the folder or file that they are from.
    name: str
    asked: tuple[Asked, ...]
    #: Questions of which no answer is stored.
    left_out: int


def own_questions(snapshot: Snapshot, source: Path) -> Own:
    """Give the labelled questions of a folder, or of a file like `questions.jsonl`.

    Raises `UsageError` (`usage.dataset`) where `source` is no such set, or none of its answers is
    in the knowledge base.
    """
    folder, questions = (source, None) if source.is_dir() else (source.parent, source)
    queries = list(read_questions(folder, None, questions).queries())
    files = {} if questions is not None else listed_files(folder)
    stored = [row.path for row in snapshot.documents()]
    paths = matched(_wanted(queries), files, stored)
    entries = {name: Entry(id=name, file=files.get(name)) for name in paths}
    placed = places_of(snapshot, queries, paths, entries)
    asked = []
    for query in queries:
        answers = _answers(snapshot, query, placed.places.get(query.id, ()), paths)
        text, within = wording(query, "auto")
        if answers and (within is None or within in paths):
            asked.append(
                Asked(
                    text=text,
                    answers=answers,
                    within=paths[within] if within is not None else None,
                )
            )
    if not asked:
        message = (
            f"None of the {len(queries):,} labelled questions in {source} has an answer in this "
            "knowledge base."
        )
        hint = "`kb list` shows its documents; the set has to name them by their paths."
        raise UsageError(failure("usage.dataset", message, source=str(source), hint=hint))
    return Own(name=source.name, asked=tuple(asked), left_out=len(queries) - len(asked))


def matched(
    wanted: Iterable[str], files: Mapping[str, Path], stored: Sequence[str]
) -> Mapping[str, str]:
    """Give the stored path of each document of a set; one that fits several is left out."""
    ends: dict[str, list[str]] = defaultdict(list)
    stems: dict[str, list[str]] = defaultdict(list)
    for path in stored:
        parts = PurePosixPath(_same(path)).parts
        for start in range(len(parts)):
            ends["/".join(parts[start:])].append(path)
        stems[PurePosixPath(_same(path)).stem].append(path)
    found: dict[str, str] = {}
    for name in wanted:
        own = [files[name].name] if name in files else []
        fits = next((fit for each in (name, *own) if (fit := ends.get(_same(each)))), None)
        fits = fits or stems.get(_same(name), [])
        if len(fits) == 1:
            found[name] = fits[0]
    return found


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", name.removeprefix("./"))


def _wanted(queries: Iterable[Query]) -> Iterator[str]:
    named: dict[str, None] = {}
    for query in queries:
        named |= dict.fromkeys(query.relevant) | dict.fromkeys(e.document for e in query.labels)
        if query.document is not None:
            named[query.document] = None
    return iter(named)


def _answers(
    snapshot: Snapshot, query: Query, places: Sequence[Place], paths: Mapping[str, str]
) -> tuple[Span, ...]:
    """Give where the answers stand: labelled passages, else pages, else whole documents."""
    found = [
        Span(path=paths[each.document], start=each.span[0], end=each.span[1])
        for each in places
        if each.span is not None and each.document in paths
    ]
    if found or any(each.labelled for each in places):
        return tuple(found)
    pages = {each.document: each.page for each in places if each.page is not None}
    for name, grade in query.relevant.items():
        document = snapshot.document(paths[name]) if name in paths and grade > 0 else None
        if document is not None:
            start, end = 0, len(document.document.text)
            numbered = [p for p in document.document.pages if p.number == pages.get(name)]
            if numbered:
                start, end = numbered[0].start, numbered[0].end
            found.append(Span(path=paths[name], start=start, end=end))
    return tuple(found)

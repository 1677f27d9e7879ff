"""A folder of labelled questions, in the layouts that there are.

- BEIR: `corpus.jsonl` {_id, title, text}, `queries.jsonl` {_id, text}, `qrels/test.tsv`.
- Files: `docs.jsonl` {id, file, title} and the files it names, `queries.jsonl`, and labels in
  `spans.jsonl` {query_id, doc_id, start, end, text, page, clause} or in `qrels`.
- The same without `docs.jsonl`: every file in the folder is a document, named by its path there.
- Any of them with `questions.jsonl` in place of labels: each line asks and says what is right.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kb.errors import UsageError, failure
from kb.evaluate.dataset import Dataset, Entry, Label, Query
from kb.evaluate.rows import bad, number_of, read_relevance, read_rows, text_of

QUESTIONS: Final = "questions.jsonl"
LAYOUT: Final = (
    "A set is a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv (BEIR), or with "
    "documents and questions.jsonl; the README says what stands in them."
)
#: What of a folder is no document where nothing lists the documents.
_NO_DOCUMENTS: Final = frozenset(
    {"docs.jsonl", "queries.jsonl", "spans.jsonl", "qrels.tsv", QUESTIONS}
)


def read_dataset(
    folder: Path, *, questions: Path | None = None, file_field: str = "file"
) -> Dataset:
    """Read the documents' names, the questions and their labels.

    `questions` names a file in the format of `questions.jsonl` to use in place of the folder's
    own labels; `file_field` is the field of `docs.jsonl` that names a document's file. Raises
    `UsageError` (`usage.dataset`) naming the file that is missing, or the line that is wrong.
    """
    if not folder.is_dir():
        what = "is a file; the folder that holds it is needed" if folder.exists() else "is not here"
        raise _not_a_set(folder, f"{folder} {what}.")
    entries = _documents(folder, file_field)
    asked = read_questions(folder, {each.id: each for each in entries}, questions)
    return Dataset(
        name=folder.resolve().name,
        documents=entries,
        queries=tuple(asked.queries()),
        notes=tuple(asked.notes()),
    )


def listed_files(folder: Path) -> Mapping[str, Path]:
    """Give the file of each document that `docs.jsonl` lists, by id, whether it is there or not."""
    listed = folder / "docs.jsonl"
    if not listed.exists():
        return {}
    return {
        text_of(listed, line, row, "id", "_id"): folder / text_of(listed, line, row, "file")
        for line, row in read_rows(listed)
    }


def read_questions(
    folder: Path, known: Mapping[str, Entry] | None, questions: Path | None = None
) -> Asked:
    """Read what is asked; with `known`, a label that names another document is refused."""
    asked = Asked(known)
    own = folder / QUESTIONS
    if questions is not None or (own.exists() and not (folder / "queries.jsonl").exists()):
        asked.read_questions(questions or own)
        return asked
    asked.read_queries(_needed(folder / "queries.jsonl"))
    tables = _tables(folder)
    spans = folder / "spans.jsonl"
    if not tables and not spans.exists():
        raise _not_a_set(
            folder, f"{folder} has queries.jsonl and no labels: no qrels/test.tsv, no spans.jsonl."
        )
    for table in tables:
        asked.read_relevance(table)
    if spans.exists():
        asked.read_spans(spans)
    return asked


@dataclass(slots=True)
class Asked:
    """Questions, while they and their labels are being read."""

    #: The documents by id; None: not known here.
    known: Mapping[str, Entry] | None
    _queries: dict[str, Query] = field(default_factory=dict)
    _relevant: dict[str, dict[str, int]] = field(default_factory=dict)
    _labels: dict[str, list[Label]] = field(default_factory=dict)
    _unused: Counter[str] = field(default_factory=Counter)

    def read_queries(self, file: Path) -> None:
        """Read `queries.jsonl`."""
        for line, row in read_rows(file):
            query = Query(
                id=text_of(file, line, row, "_id", "id"),
                text=text_of(file, line, row, "text", "question"),
                document=text_of(file, line, row, "doc", needed=False) or None,
                question=text_of(file, line, row, "question", needed=False) or None,
            )
            self._add(file, line, query)

    def read_relevance(self, file: Path) -> None:
        """Read a table of relevance."""
        for _, query, document, grade in read_relevance(file):
            if query not in self._queries:
                self._unused["in qrels about questions that queries.jsonl does not have"] += 1
            else:
                if self.known is not None and document not in self.known:
                    self._unused["in qrels about documents that are not in the set"] += 1
                self._relevant.setdefault(query, {})[document] = grade

    def read_spans(self, file: Path) -> None:
        """Read `spans.jsonl`."""
        for line, row in read_rows(file):
            query = text_of(file, line, row, "query_id")
            label = self._label(file, line, row, ("doc_id",))
            if query not in self._queries:
                self._unused["in spans.jsonl about questions that queries.jsonl does not have"] += 1
            else:
                self._labels.setdefault(query, []).append(label)

    def read_questions(self, file: Path) -> None:
        """Read `questions.jsonl`: each line asks, and says which place answers."""
        for line, row in read_rows(_needed(file)):
            query = Query(
                id=text_of(file, line, row, "id", "_id", needed=False) or f"line {line}",
                text=text_of(file, line, row, "query", "question", "text"),
                document=text_of(file, line, row, "within", needed=False) or None,
            )
            self._add(file, line, query)
            answers = row.get("answers", [row])
            if not isinstance(answers, list) or not all(isinstance(a, dict) for a in answers):
                raise bad(file, '"answers" is not a list of objects.', line=line)
            for answer in answers:
                label = self._label(file, line, answer, ("path", "doc_id"))
                if label.text or label.page or label.clause:
                    self._labels.setdefault(query.id, []).append(label)
                self._relevant.setdefault(query.id, {})[label.document] = 1

    def queries(self) -> Iterator[Query]:
        """Give the questions that have labels, each with its labels.

        Where nothing says which documents are relevant, those with a labelled place are.
        """
        for query in self._queries.values():
            labels = self._labels.get(query.id, [])
            relevant = self._relevant.get(query.id) or {each.document: 1 for each in labels}
            if labels or any(grade > 0 for grade in relevant.values()):
                yield Query(
                    id=query.id,
                    text=query.text,
                    document=query.document,
                    question=query.question,
                    relevant=relevant,
                    labels=tuple(labels),
                )

    def notes(self) -> Iterator[str]:
        """Say what of the labels was not used."""
        for what, count in self._unused.items():
            yield f"{count:,} {'line' if count == 1 else 'lines'} {what}."

    def _add(self, file: Path, line: int, query: Query) -> None:
        if query.id in self._queries:
            raise bad(file, f"there is a question {query.id!r} above.", line=line)
        if query.document is not None:
            self._check_document(file, line, query.document)
        self._queries[query.id] = query

    def _label(
        self, file: Path, line: int, row: Mapping[str, Any], document: Iterable[str]
    ) -> Label:
        name = text_of(file, line, row, *document)
        self._check_document(file, line, name)
        start, end = (number_of(file, line, row, each, 0) for each in ("start", "end"))
        if (start is None) != (end is None) or (
            start is not None and end is not None and end <= start
        ):
            raise bad(file, '"end" has to be greater than "start", and neither alone.', line=line)
        return Label(
            document=name,
            text=text_of(file, line, row, "text" if "doc_id" in row else "contains", needed=False),
            start=start,
            end=end,
            page=number_of(file, line, row, "page", 1),
            clause=text_of(file, line, row, "clause", "section", needed=False) or None,
        )

    def _check_document(self, file: Path, line: int, name: str) -> None:
        if self.known is not None and name not in self.known:
            raise bad(file, f"there is no document {name!r} in the set.", line=line)


def _documents(folder: Path, file_field: str) -> tuple[Entry, ...]:
    corpus, listed = folder / "corpus.jsonl", folder / "docs.jsonl"
    if corpus.exists():
        found = list(_texts(corpus))
    elif listed.exists():
        found = list(_files(listed, file_field))
    else:
        found = list(_all_files(folder))
    if not found:
        raise _not_a_set(folder, f"{folder} holds no documents.")
    return tuple(found)


def _texts(file: Path) -> Iterator[Entry]:
    seen: set[str] = set()
    for line, row in read_rows(file):
        name = text_of(file, line, row, "_id", "id")
        if name in seen:
            raise bad(file, f"there is a document {name!r} above.", line=line)
        seen.add(name)
        title = text_of(file, line, row, "title", needed=False)
        yield Entry(id=name, title=title, text=text_of(file, line, row, "text", needed=False))


def _files(listed: Path, file_field: str) -> Iterator[Entry]:
    seen: set[str] = set()
    for line, row in read_rows(listed):
        name = text_of(listed, line, row, "id", "_id")
        file = listed.parent / text_of(listed, line, row, file_field)
        if name in seen:
            raise bad(listed, f"there is a document {name!r} above.", line=line)
        seen.add(name)
        if not file.is_file():
            raise bad(listed, f"there is no file {file}.", line=line)
        yield Entry(id=name, title=text_of(listed, line, row, "title", needed=False), file=file)


def _all_files(folder: Path) -> Iterator[Entry]:
    for where, below, names in os.walk(folder):
        below[:] = sorted(each for each in below if not each.startswith(".") and each != "qrels")
        here = Path(where)
        for name in sorted(names):
            labels = here == folder and (name in _NO_DOCUMENTS or name.startswith("README"))
            if not (labels or name.startswith(".")):
                file = here / name
                yield Entry(id=file.relative_to(folder).as_posix(), file=file)


def _tables(folder: Path) -> list[Path]:
    """Give the tables of relevance: the test questions where they are apart, else all."""
    test = folder / "qrels" / "test.tsv"
    if test.exists():
        return [test]
    return [*sorted((folder / "qrels").glob("*.tsv")), *folder.glob("qrels.tsv")]


def _needed(file: Path) -> Path:
    if not file.is_file():
        raise _not_a_set(file, f"{file} is missing.")
    return file


def _not_a_set(source: Path, message: str) -> UsageError:
    return UsageError(failure("usage.dataset", message, source=str(source), hint=LAYOUT))

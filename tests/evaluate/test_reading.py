"""Sets of labelled questions: the layouts, and what is said of a set that is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from kb.errors import UsageError
from kb.evaluate.dataset import Label
from kb.evaluate.reading import read_dataset
from tests.conftest import REPOSITORY


def jsonl(*rows: Mapping[str, object]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def make(folder: Path, **files: str) -> Path:
    """Write files; `__` in a name is a slash, and the name's last `_` the dot."""
    for name, text in files.items():
        file = folder / ".".join(name.replace("__", "/").rsplit("_", 1))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return folder


CORPUS = jsonl({"_id": "d1", "title": "One", "text": "first"}, {"_id": "d2", "text": "second"})
QUERIES = jsonl({"_id": "q1", "text": "which is first?"}, {"_id": "q2", "text": "and the second?"})
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td2\t1\nq2\td1\t0\n"


def test_beir(tmp_path):
    found = read_dataset(
        make(tmp_path, corpus_jsonl=CORPUS, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)
    )
    assert found.name == tmp_path.name
    assert [(each.id, each.title, each.text) for each in found.documents] == [
        ("d1", "One", "first"),
        ("d2", "", "second"),
    ]
    assert [(each.id, each.text, dict(each.relevant)) for each in found.queries] == [
        ("q1", "which is first?", {"d1": 2}),
        ("q2", "and the second?", {"d2": 1, "d1": 0}),
    ]


@pytest.mark.parametrize("name", ["qrels__dev_tsv", "qrels_tsv"])
@pytest.mark.parametrize("table", [QRELS, "q1 0 d1 2\nq2 0 d2 1\n", "q1\td1\t2\r\nq2\td2\t1\r\n"])
def test_tables_of_relevance(tmp_path, name, table):
    files = {"corpus_jsonl": CORPUS, "queries_jsonl": QUERIES, name: table}
    found = read_dataset(make(tmp_path, **files))
    assert [each.relevant["d1" if each.id == "q1" else "d2"] for each in found.queries] == [2, 1]


def test_of_several_tables_the_test_questions_are_asked(tmp_path):
    tables = {"qrels__test_tsv": "q1\td1\t1\n", "qrels__train_tsv": "q2\td2\t1\n"}
    found = read_dataset(make(tmp_path, corpus_jsonl=CORPUS, queries_jsonl=QUERIES, **tables))
    assert [each.id for each in found.queries] == ["q1"]


def test_labels_about_nothing_known_are_counted(tmp_path):
    table = QRELS + "q9\td1\t1\nq1\td9\t1\n"
    found = read_dataset(
        make(tmp_path, corpus_jsonl=CORPUS, queries_jsonl=QUERIES, qrels_tsv=table)
    )
    assert len(found.notes) == 2
    # It stays among what is to be found: leaving it out would better the figures.
    assert found.queries[0].relevant == {"d1": 2, "d9": 1}


def test_files_and_spans(tmp_path):
    folder = make(
        tmp_path,
        docs_jsonl=jsonl({"id": "acme", "file": "txt/acme.txt", "pdf": "pdf/acme.pdf"}),
        txt__acme_txt="The term is 9 days.\r\n",
        pdf__acme_pdf="%PDF",
        queries_jsonl=jsonl(
            {"_id": "q1", "text": "Acme; the term", "question": "The term", "doc": "acme"}
        ),
        spans_jsonl=jsonl(
            {
                "query_id": "q1",
                "doc_id": "acme",
                "start": 12,
                "end": 18,
                "text": "9 days",
                "page": 1,
            }
        ),
    )
    found = read_dataset(folder)
    (query,) = found.queries
    assert (query.document, query.question, query.text) == ("acme", "The term", "Acme; the term")
    assert query.labels == (Label(document="acme", text="9 days", start=12, end=18, page=1),)
    assert query.relevant == {"acme": 1}
    assert found.documents[0].file == folder / "txt" / "acme.txt"
    assert read_dataset(folder, file_field="pdf").documents[0].file == folder / "pdf" / "acme.pdf"


def test_files_without_a_list_are_named_by_their_paths(tmp_path):
    folder = make(
        tmp_path,
        **{"README_md": "about", "terms__a_txt": "nine days", "b_txt": "ten", ".hidden_txt": "x"},
        queries_jsonl=jsonl({"_id": "q1", "text": "how long?"}),
        spans_jsonl=jsonl({"query_id": "q1", "doc_id": "terms/a.txt", "start": 0, "end": 9}),
    )
    found = read_dataset(folder)
    assert [each.id for each in found.documents] == ["b.txt", "terms/a.txt"]


def test_questions_of_ones_own(tmp_path):
    folder = make(
        tmp_path,
        a_txt="nine days",
        b_txt="ten days",
        questions_jsonl=jsonl(
            {"query": "how long?", "path": "a.txt", "contains": "nine days", "section": "§ 2"},
            {
                "id": "both",
                "query": "which?",
                "answers": [{"path": "a.txt"}, {"path": "b.txt", "contains": "ten", "page": 2}],
            },
        ),
    )
    found = read_dataset(folder)
    assert {each.id for each in found.documents} == {"a.txt", "b.txt"}
    first, second = found.queries
    assert first.labels == (Label(document="a.txt", text="nine days", clause="§ 2"),)
    assert (first.id, first.relevant) == ("line 1", {"a.txt": 1})
    assert second.labels == (Label(document="b.txt", text="ten", page=2),)
    assert (second.id, second.relevant) == ("both", {"a.txt": 1, "b.txt": 1})


def test_the_questions_of_the_sample_documents_are_a_set():
    golden = REPOSITORY / "tests" / "golden" / "sample_questions.jsonl"
    found = read_dataset(REPOSITORY / "sample_docs", questions=golden)
    assert len(found.queries) == len(golden.read_text(encoding="utf-8").splitlines())
    assert all(each.labels for each in found.queries)


WHOLE = {"corpus_jsonl": CORPUS, "queries_jsonl": QUERIES, "qrels_tsv": QRELS}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"corpus_jsonl": CORPUS}, "queries.jsonl is missing"),
        ({"queries_jsonl": QUERIES, "qrels_tsv": QRELS}, "holds no documents"),
        ({"corpus_jsonl": CORPUS, "queries_jsonl": QUERIES}, "no labels"),
        (
            WHOLE | {"corpus_jsonl": '{"_id": "d1"}\n{oops\n'},
            "corpus.jsonl, line 2: this is not JSON",
        ),
        (WHOLE | {"corpus_jsonl": "[1]\n"}, "corpus.jsonl, line 1: a JSON object is needed"),
        (WHOLE | {"corpus_jsonl": CORPUS * 2}, "line 3: there is a document 'd1' above"),
        (WHOLE | {"queries_jsonl": '{"_id": "q1"}\n'}, 'line 1: "text" or "question" is missing'),
        (WHOLE | {"queries_jsonl": QUERIES * 2}, "line 3: there is a question 'q1' above"),
        (WHOLE | {"qrels_tsv": "q1\td1\t1\nq1\td2\n"}, "qrels.tsv, line 2: three columns"),
        (
            {"docs_jsonl": '{"id": "a", "file": "gone.txt"}\n', "queries_jsonl": QUERIES},
            "docs.jsonl, line 1: there is no file",
        ),
        (
            WHOLE
            | {"spans_jsonl": jsonl({"query_id": "q1", "doc_id": "d7", "start": 0, "end": 2})},
            "spans.jsonl, line 1: there is no document 'd7'",
        ),
        (
            WHOLE
            | {"spans_jsonl": jsonl({"query_id": "q1", "doc_id": "d1", "start": 5, "end": 5})},
            '"end" has to be greater than "start"',
        ),
        (
            WHOLE | {"spans_jsonl": jsonl({"query_id": "q1", "doc_id": "d1", "page": 0})},
            "a whole number from 1",
        ),
        ({"a_txt": "x", "questions_jsonl": '{"query": "x"}\n'}, '"path" or "doc_id" is missing'),
    ],
)
def test_what_is_wrong_is_named(tmp_path, files, said):
    with pytest.raises(UsageError) as stopped:
        read_dataset(make(tmp_path, **files))
    told = stopped.value.failure
    assert told.code == "usage.dataset"
    assert said in told.message
    assert told.hint


def test_a_file_is_no_set(tmp_path):
    make(tmp_path, corpus_jsonl=CORPUS)
    for path, said in ((tmp_path / "corpus.jsonl", "is a file"), (tmp_path / "no", "is not here")):
        with pytest.raises(UsageError, match=said):
            read_dataset(path)


def test_other_encodings_are_refused(tmp_path):
    make(tmp_path, **WHOLE)
    (tmp_path / "queries.jsonl").write_bytes('{"_id": "1", "text": "Größe"}'.encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8"):
        read_dataset(tmp_path)

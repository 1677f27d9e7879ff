"""`kb eval` as it is typed: tables, JSON, exit codes, and what is left behind."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from kb.evaluate.documents import DOCUMENT_MEASURES
from tests.conftest import REPOSITORY

WORDS = ("amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "heath", "islet", "jetty")


def narrow(result):
    assert all(cell_len(line) <= 80 for line in result.out.split("\n")), result.out
    return result


def jsonl(file: Path, *rows: object) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def labelled(here):
    """A BEIR set of ten documents, of which the questions name nine rightly."""
    folder = here / "houses"
    (folder / "qrels").mkdir(parents=True)
    texts = {w: f"The {w} belongs to house {n} and stays there." for n, w in enumerate(WORDS)}
    jsonl(folder / "corpus.jsonl", *({"_id": w, "title": w, "text": t} for w, t in texts.items()))
    asked = [{"_id": f"q{n}", "text": f"whose is the {w}?"} for n, w in enumerate(WORDS)]
    jsonl(folder / "queries.jsonl", *asked)
    right = ["birch", *WORDS[1:]]
    table = "".join(f"q{n}\t{w}\t1\n" for n, w in enumerate(right))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{table}")
    return folder


def test_a_table_for_people(kb, labelled):
    result = narrow(kb("-q", "eval", "houses"))
    assert result.code == 0, result.err
    assert "houses: 10 questions, 10 documents, 10 passages" in result.out
    assert "documents: recall  0.9000" in result.out
    assert "passages:" not in result.out
    assert result.err == ""
    assert not (labelled.parent / ".kb").exists()


def test_one_object_for_programs(kb, labelled):
    told = kb("-q", "eval", "houses", "--json", "--mode", "lexical", "--limit", "6").json
    assert (told["schema"], told["dataset"], told["queries"]) == ("kb.eval/1", "houses", 6)
    assert list(told["metrics"]) == list(DOCUMENT_MEASURES)
    assert told["mode"] == "lexical"
    assert told["seconds"] >= told["seconds_queries"] > 0
    assert "passages" not in told


def test_the_sample_documents_have_questions(kb, here):
    golden = str(REPOSITORY / "tests" / "golden" / "sample_questions.jsonl")
    told = kb("-q", "eval", str(REPOSITORY / "sample_docs"), "--questions", golden, "--json").json
    assert told["passages"]["queries"] == told["queries"] == 34
    assert told["missing_spans"] == 0
    assert told["metrics"]["recall@10"] > 0.9
    for name in ("recall@10", "page@10", "clause@10"):
        assert told["passages"][name] > 0.7
    assert any("payroll-encrypted.pdf" in note for note in told["notes"])


def test_passages_in_the_table(kb, labelled):
    jsonl(
        labelled / "spans.jsonl",
        {"query_id": "q1", "doc_id": "birch", "text": "house 1", "clause": "birch"},
        {"query_id": "q2", "doc_id": "cedar", "text": "never written"},
    )
    out = narrow(kb("-q", "eval", "houses")).out
    assert "passages: recall        0.5000" in out
    assert "clause cited            1.0000" in out
    assert "Of 2 labelled passages, 1 is not in the text that was read" in out.replace("\n", " ")


def test_two_runs_are_compared(kb, labelled):
    for name, options in (("a", ["--mode", "lexical"]), ("b", ["--target-tokens", "16"])):
        assert kb("-q", "eval", "houses", "--out", f"{name}.jsonl", *options).code == 0
    lines = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert lines[0]["schema"] == "kb.eval-run/1"
    assert [line["id"] for line in lines[1:]] == [f"q{n}" for n in range(10)]
    assert lines[2]["ranks"] == {"birch": 1}
    assert lines[2]["hits"][0]["document"] == "birch"
    result = narrow(kb("eval", "--compare", "a.jsonl", "b.jsonl"))
    assert result.code == 0
    assert "First: a.jsonl (houses, lexical)" in result.out
    assert "too few to tell" in result.out.replace("\n", " ")
    told = kb("eval", "--compare", "a.jsonl", "b.jsonl", "--json").json
    assert told["schema"] == "kb.eval-compare/1"
    assert set(told["metrics"]["documents mrr@10"]) >= {"mine", "other", "p_value", "wins", "ties"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), "usage.invalid", "A set is needed"),
        (("houses", "--compare", "a", "b"), "usage.invalid", "takes no DATASET"),
        (("nowhere",), "usage.dataset", "nowhere is not here"),
        (("houses", "--questions", "no.jsonl"), "usage.dataset", "no.jsonl is missing"),
        (("--compare", "a", "b"), "usage.runs", "a cannot be read"),
        (("houses", "--out", "no/run.jsonl"), "usage.invalid", "there is no folder no"),
        (("houses", "--out", "houses"), "usage.invalid", "is a folder"),
        (("houses", "--out", "houses/queries.jsonl"), "usage.invalid", "holds no run"),
        (("houses", "--model", "builtin:none"), "embed.model_not_found", "builtin:none"),
    ],
)
def test_what_is_wrong_is_named(kb, labelled, arguments, code, said):
    result = kb("-q", "eval", *arguments, "--json")
    assert result.code == 2
    assert result.json["error"]["code"] == code
    assert said in result.json["error"]["message"]


def test_a_run_goes_in_the_place_of_another_and_of_nothing_else(kb, labelled):
    before = (labelled / "queries.jsonl").read_bytes()
    assert kb("-q", "eval", "houses", "--limit", "1", "--out", "houses/queries.jsonl").code == 2
    assert (labelled / "queries.jsonl").read_bytes() == before
    for questions in ("1", "2"):
        assert kb("-q", "eval", "houses", "--limit", questions, "--out", "run.jsonl").code == 0
    assert (labelled.parent / "run.jsonl").read_text().count("\n") == 3


def test_a_line_that_is_wrong_is_named(kb, labelled):
    with (labelled / "corpus.jsonl").open("a") as file:
        file.write("{oops\n")
    result = narrow(kb("-q", "eval", "houses"))
    assert result.code == 2
    assert "corpus.jsonl, line 11: this is not JSON" in result.err.replace("\n    ", " ")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_nothing(kb_start, labelled, sent):
    temp = labelled.parent / "temp"
    temp.mkdir()
    process = kb_start("-q", "eval", "houses", cwd=labelled.parent, env={"TMPDIR": str(temp)})
    with process:
        while process.poll() is None and not list(temp.glob("kb-eval-*/.kb")):
            time.sleep(0.005)
        process.send_signal(sent)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(temp.iterdir()) == []

"""What a stranger met: a dot that named everything, advice that did not fit, a lost line."""

from __future__ import annotations

import json

import pytest

from tests.fakes.reranker import FakeReranker


@pytest.fixture
def shelf(kb, here):
    (here / "rent.md").write_text("# Rent\n\nThe rent is due on the first day.\n")
    (here / "rows.jsonl").write_text('{"a": "boiler"}\n{oops\n{"b": "grinder"}\n')
    assert kb("ingest", "-q", ".").code == 1
    return here


def test_a_dot_typed_in_a_folder_names_what_is_below_that_folder(kb, shelf, monkeypatch):
    (shelf / "empty").mkdir()
    monkeypatch.chdir(shelf / "empty")
    assert kb("remove", ".").code == 1
    assert len(kb("list", "--json").json["documents"]) == 2
    assert kb("remove", "/").code == 1
    monkeypatch.chdir(shelf)
    assert kb("remove", ".").out == "Forgotten: 2 files, 2 chunks.\n"


def test_a_line_that_was_left_out_is_listed(kb, shelf):
    (entry,) = kb("status", "--json").json["not_searchable"]
    assert (entry["reason"], entry["parts"]) == ("parts", ["line 2"])
    assert "Not found of it: line 2. The line is not valid JSON" in kb("status").out


def test_an_endpoint_named_for_one_command_is_asked(kb, shelf):
    with (shelf / ".kb" / "kb.toml").open("a") as file:
        file.write('\n[embedding]\nmodel = "builtin:static"\n')
    told = kb("doctor", "--base-url", "http://127.0.0.1:1", "--json")
    assert told.code == 1
    assert any(check["status"] == "fail" for check in told.json["checks"])
    assert kb("search", "rent", env={"KB_BASE_URL": "http://127.0.0.1:1"}).code == 0


def test_a_reranker_that_fails_every_question_is_told_beside_unread_documents(kb, shelf):
    question = {"query": "rent", "path": "rent.md", "contains": "first day"}
    (shelf / "questions.jsonl").write_text(json.dumps(question) + "\n")
    with FakeReranker("vllm") as fake:
        fake.faults.status = 500
        out = kb("eval", "-q", ".", env={"KB_RERANK_URL": fake.url}).out
    assert "answered with this warning: search.rerank_unreachable" in out

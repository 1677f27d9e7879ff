"""What a stranger met: a dot that named everything, advice that did not fit, a lost line."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests.fakes.endpoint import FakeEndpoint
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


def test_what_is_inside_a_file_is_told_by_that_file(kb, here):
    with zipfile.ZipFile(here / "bundle.zip", "w") as archive:
        archive.writestr("lease.md", "The rent of the boat is due in March.")
    assert kb("ingest", "-q", ".").code == 0
    result = kb("ingest", "bundle.zip/lease.md", "--json")
    assert result.code == 1
    (told,) = result.json["failures"]
    assert told["message"] == "bundle.zip/lease.md would be inside bundle.zip, which is a file."
    assert told["hint"].startswith("`kb ingest bundle.zip` reads")
    assert kb("status", "--json").json["not_searchable"] == []
    assert kb("failures", "--json").json["failures"] == []


def test_a_link_that_leads_to_itself_is_no_matter_of_permission(kb, here):
    (here / "loop.md").symlink_to(here / "loop.md")
    (told,) = kb("ingest", "loop.md", "--json").json["failures"]
    assert (told["code"], told["hint"]) == ("discover.unreadable", "Remove the link.")


def test_a_reranker_that_there_is_not(kb, shelf):
    told = kb("search", "rent", "--json", env={"KB_RERANK_MODEL": "builtin:nope"})
    assert told.code == 2
    assert "builtin:minilm" in told.json["error"]["hint"]


def test_a_search_is_not_told_to_retry_an_ingest(kb, shelf):
    with FakeEndpoint() as fake:
        there = {"KB_BASE_URL": fake.base_url, "KB_MODEL": "fake-embed", "KB_MAX_RETRIES": "0"}
        assert kb("ingest", "--home", "apart", "rent.md", env=there).code == 0
        fake.faults.status = 503
        (warning,) = kb("search", "--home", "apart", "rent", "--json", env=there).json["warnings"]
    assert "retry" not in warning
    assert warning.endswith("then ask again.")


def test_files_that_could_not_be_read_at_all_are_told(kb, shelf):
    (shelf / "torn.pdf").write_bytes(b"%PDF-1.4 torn")
    (shelf / "song.mp3").write_bytes(b"\0\1")
    assert kb("ingest", "-q", ".").code == 1
    told = "torn.pdf could not be read and is not searched; kb status shows why."
    assert kb("search", "rent", "--json").json["warnings"] == [told]
    assert kb("search", "rent", "--json", "--path", "*.md").json["warnings"] == []
    (shelf / "also.pdf").write_bytes(b"%PDF-1.4 torn, too")
    assert kb("ingest", "-q", ".").code == 1
    (warning,) = kb("search", "rent", "--json").json["warnings"]
    assert warning.startswith("2 files could not be read and are not searched; kb status")

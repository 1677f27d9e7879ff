"""The commands on a real knowledge base: real files, the built-in model, real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest
from rich.cells import cell_len


def test_ingest_told_everything(filled):
    told = filled.ingest.json
    assert told["status"] == "partial"
    assert told["documents"]["added"] == 2
    assert {each["code"] for each in told["failures"]} == {"extract.empty", "extract.unsupported"}
    assert "Made a knowledge base" in filled.ingest.err
    assert "\x1b" not in filled.ingest.err


@pytest.mark.parametrize("query", ["退货", "how long is the warranty", "refund"])
def test_a_hit_is_cited_exactly(kb, filled, query):
    hits = kb("search", "--json", "--home", filled.home, query).json["hits"]
    assert hits
    for hit in hits:
        whole = kb("show", "--json", "--home", filled.home, hit["path"]).json
        assert whole["text"][hit["char_start"] : hit["char_end"]] == hit["text"]
        passage = kb("show", "--json", "--home", filled.home, hit["ref"]).json
        assert passage["text"] == hit["text"]
        assert passage["path"] == hit["path"]


def test_search_prints_the_passage_under_its_place(kb, filled):
    result = kb("search", "--home", filled.home, "退货条件", "-k", "1")
    first, second, *rest = result.out.split("\n")
    assert first == "1  docs/售后服务条款.md"
    assert "第3.1条 退货条件" in second
    assert "14日内可以无理由退货" in "".join(rest)


def test_a_filter_that_fits_nothing_is_told(kb, filled):
    result = kb("search", "--json", "--home", filled.home, "--path", "no/**", "x")
    assert result.code == 2
    assert result.json["error"]["code"] == "search.bad_filter"


def test_the_catalogue(kb, filled):
    at = ("--home", filled.home)
    assert [each["path"] for each in kb("list", "--json", *at).json["documents"]] == [
        "docs/policy.md",
        "docs/售后服务条款.md",
    ]
    status = kb("status", "--json", *at).json
    assert status["documents"] == 2
    assert status["last_run"]["command"] == "ingest"
    codes = {each["code"] for each in kb("failures", "--json", *at).json["failures"]}
    assert "extract.empty" in codes
    for name in ("list", "status", "failures", "config"):
        result = kb(name, *at)
        assert result.code == 0
        assert result.out
        assert result.err == ""


def test_a_knowledge_base_is_found_from_below(filled, kb_apart):
    below = filled.folder / "docs"
    assert kb_apart("list", "--json", cwd=below).json["documents"]


def test_quiet_says_nothing_and_otherwise_there_is_a_line_for_each_stage(tmp_path, kb_apart):
    (tmp_path / "a.md").write_text("# A\n\nThe first document.\n")
    loud = kb_apart("ingest", "a.md", cwd=tmp_path)
    assert loud.code == 0
    assert "Found 1 file" in loud.err
    assert "\r" not in loud.err
    quiet = kb_apart("ingest", "--force", "-q", "a.md", cwd=tmp_path)
    assert quiet.err == ""
    assert "1 document: " in quiet.out


def test_a_terminal_sees_a_bar_and_wrapped_lines(tmp_path, kb_on_terminal):
    text = "退货应当在七日内提出。" * 30
    for n in range(30):
        (tmp_path / f"{n}.md").write_text(f"# 第{n}条\n\n{text}\n")
    code, shown = kb_on_terminal("ingest", ".", cwd=tmp_path)
    assert code == 0
    assert "Reading and embedding" in shown
    assert "\x1b[?25h" in shown  # the cursor is back
    assert "30 documents: 30 added." in shown
    code, shown = kb_on_terminal("show", "3.md", cwd=tmp_path)
    assert code == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r", "").split("\n")
    assert all(cell_len(line) <= 80 for line in lines)
    assert text in "".join(lines)


def test_a_life(here, kb, kb_apart):
    def run(name, *arguments):
        if name in ("ingest", "retry"):  # these have worker processes of their own
            return kb_apart(name, *arguments, "--json", "-q", cwd=here)
        return kb(name, *arguments, "--json", "-q")

    first, second = here / "docs" / "a.md", here / "docs" / "b.md"
    first.parent.mkdir()
    first.write_text("# A\n\nThe first document.\n")
    second.write_text("# B\n\nThe second document.\n")
    assert run("init").json["created"] is True
    dry = run("ingest", "--dry-run", "docs")
    assert (dry.code, dry.json["documents"]["added"]) == (0, 2)
    assert run("list").json["documents"] == []
    assert run("ingest", "docs").json["documents"]["added"] == 2
    assert run("ingest", "docs").json["documents"]["unchanged"] == 2
    first.unlink()
    assert run("ingest", "--prune", "docs").json["documents"]["removed"] == 1
    assert run("retry").code == 0
    assert run("remove", "docs/b.md").json["documents"] == 1
    again = run("remove", "docs/b.md")
    assert again.code == 1
    assert again.json["failures"][0]["code"] == "discover.missing"
    assert run("search", "document").json["hits"] == []


def test_a_path_that_is_missing_is_told(tmp_path, kb_apart):
    result = kb_apart("ingest", "nowhere", "--json", "-q", cwd=tmp_path)
    assert result.code == 1
    assert result.json["failures"][0]["code"] == "discover.missing"


def test_an_endpoint_that_is_down_gives_3_and_no_traceback(tmp_path, kb_apart):
    (tmp_path / "a.md").write_text("# A\n\nThe first document.\n")
    env = {"KB_BASE_URL": "http://127.0.0.1:9/v1", "KB_MODEL": "m", "KB_MAX_RETRIES": "0"}
    for arguments in (["init"], ["ingest", "a.md"]):
        result = kb_apart(*arguments, cwd=tmp_path, env=env)
        assert result.code == 3
        assert "Traceback" not in result.err
        told = kb_apart(*arguments, "--json", cwd=tmp_path, env=env)
        assert told.code == 3
        assert "embed.unreachable" in told.out or "embed.localhost_in_container" in told.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_ingest_goes_on(tmp_path, kb_start, kb_apart, number):
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(1000):
        (docs / f"{n}.md").write_text(f"# Document {n}\n\n" + f"Clause {n} of the contract.\n" * 40)
    with kb_start("ingest", "docs", "--json", cwd=tmp_path) as process:
        line = process.stderr.readline().decode()
        while "Found" not in line:
            assert line, "kb ended before it began"
            line = process.stderr.readline().decode()
        time.sleep(0.5)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Interrupted: what was finished is kept" in err.decode()
    assert "Traceback" not in err.decode()
    told = json.loads(out)
    assert told.get("status") == "interrupted" or told["error"]["code"] == "run.interrupted"
    done = kb_apart("ingest", "docs", "--json", "-q", cwd=tmp_path, env=dict(os.environ))
    counts = done.json["documents"]
    assert done.code == 0
    assert counts["added"] + counts["unchanged"] == 1000

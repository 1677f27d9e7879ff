"""`kb verify`: what a person sees, what a script gets, and how it exits."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from rich.cells import cell_len


@pytest.fixture
def home(filled, tmp_path):
    shutil.copytree(filled.home, tmp_path / ".kb")
    return tmp_path / ".kb"


def narrow(result):
    assert all(cell_len(line) <= 80 for line in (result.out + result.err).split("\n"))
    return result


def change(home, statement):
    with closing(sqlite3.connect(home / "kb.sqlite3")) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_line_for_each_check(kb, home, here):
    result = narrow(kb("verify"))
    assert (result.code, result.err) == (0, "")
    *lines, _, last, end = result.out.split("\n")
    assert end == ""
    assert all(line.startswith("ok    ") for line in lines)
    assert "…" not in result.out
    assert last.endswith(f"is whole: {len(lines)} checks passed.")


def test_as_json(kb, home):
    told = kb("verify", "--json", "--home", str(home)).json
    assert told["schema"] == "kb.verify/1"
    assert told["ok"] is True
    assert told["repaired"] is None
    assert {"database.file", "found.by_vector", "words.rows"} <= {
        check["id"] for check in told["checks"]
    }
    for check in told["checks"]:
        assert set(check) >= {"id", "status", "message", "detail"}
        assert check["status"] == "ok"


def test_what_is_wrong_is_said_with_what_mends_it(kb, home):
    change(home, "UPDATE chunks SET line_start = line_start + 1 WHERE id = 1")
    result = narrow(kb("verify", "--home", str(home)))
    assert result.code == 1
    assert "fail  Chunks say a wrong place:" in result.out
    assert result.out.count("→ Run: kb verify --repair") == 2
    assert "2 of 23 checks failed." in " ".join(result.out.split())
    told = kb("verify", "--json", "--home", str(home)).json
    assert told["ok"] is False
    assert {c["id"] for c in told["checks"] if c["status"] == "fail"} == {
        "database.seals", "chunks.places",
    }  # fmt: skip


def test_a_repair_says_what_it_did(kb, home):
    change(home, "UPDATE chunks SET line_start = line_start + 1 WHERE id = 1")
    result = narrow(kb("verify", "--repair", "--home", str(home)))
    assert result.code == 0
    assert result.out.startswith("1 document was given its bytes, lines and pages again.\n\nok ")
    told = kb("verify", "--repair", "--json", "--home", str(home)).json
    assert (told["repaired"], told["lost"], told["ok"]) == ([], [], True)
    assert kb("verify", "--repair", "--home", str(home)).out.startswith("Nothing had to be mended.")


def test_what_was_lost_is_named_and_the_next_ingest_brings_it_back(kb, filled, tmp_path, here):
    shutil.copytree(filled.folder, tmp_path, dirs_exist_ok=True)
    home = tmp_path / ".kb"
    before = kb("list", "--json").json["documents"]
    change(home, "UPDATE contents SET text = replace(text, 'machine', 'MACHINE')")
    result = narrow(kb("verify", "--repair"))
    assert result.code == 1
    assert "To be ingested again\n  docs/policy.md\n" in result.out
    assert "1 document to ingest again" in result.out
    assert kb("list", "--json").json["documents"] != before
    assert "docs/policy.md" in kb("failures", "--code", "store.corrupt").out
    narrow(kb("status"))
    assert kb("ingest", "docs", "--json").json["documents"]["added"] == 1
    after = kb("list", "--json").json["documents"]
    assert [each["sha256"] for each in after] == [each["sha256"] for each in before]
    assert kb("failures", "--code", "store.corrupt", "--json").json["failures"] == []
    assert kb("verify").code == 0


def test_one_that_cannot_be_opened_ends_with_4(kb, home):
    (home / "kb.sqlite3").write_bytes(b"garbage" * 999)
    for arguments in (("verify",), ("verify", "--repair")):
        result = narrow(kb(*arguments, "--home", str(home)))
        assert result.code == 4
        assert "store.corrupt" in result.err
        assert kb(*arguments, "--json", "--home", str(home)).json["schema"] == "kb.error/1"


def test_there_is_none(kb, here):
    result = kb("verify")
    assert result.code == 2
    assert "search.no_knowledge_base" in result.err


def test_many_lost_documents_are_a_number(make):
    from pathlib import Path

    from cli.render.verify import verdict_lines
    from kb.pipeline.verify import Verdict
    from kb.store import Finding, Lost

    verdict = Verdict(
        findings=[Finding(id="x", ok=False, message="长" * 99 + ".", hint="修" * 99)],
        repaired=["A sentence."],
        lost=[Lost(path="长路径/" * 30 + f"{n}.md", reason="因" * 99) for n in range(50)],
        kept=Path("kb.sqlite3.damaged-1"),
    )
    lines = [line.plain for line in verdict_lines(verdict, "家" * 60, width=80)]
    assert all(cell_len(line) <= 80 for line in lines)
    assert "  and 30 more: kb failures" in lines

"""`kb ingest`: patterns, passwords and the watch, as a person types them."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from kb.store import open_store

SECRET = "open-sesame-42"
PATIENCE_S = 90


@pytest.fixture
def docs(here):
    (here / "docs/drafts").mkdir(parents=True)
    for name in ("a.md", "b.log", "drafts/c.md"):
        (here / "docs" / name).write_text(f"The text of {name} speaks of lamps.")
    return here / "docs"


def listed(kb):
    return [row["path"] for row in kb("list", "--json").json["documents"]]


def test_what_patterns_leave_out_is_counted_and_told(kb, docs):
    (docs / ".kbignore").write_text("# mine\ndrafts/\n")
    result = kb("ingest", "docs", "--exclude", "*.log")
    assert result.code == 0
    assert "Left out: 1 file by --exclude; 1 folder ignored by .kbignore." in result.out
    assert listed(kb) == ["docs/a.md"]
    told = kb("ingest", "docs", "--include", "*.md", "--json").json
    assert told["ignored"] == {
        "--include": {"files": 1, "folders": 0},
        ".kbignore": {"files": 0, "folders": 1},
    }


def test_what_is_ignored_now_is_forgotten_with_prune_only(kb, docs):
    assert kb("ingest", "docs").code == 0
    (docs / ".kbignore").write_text("*.log\n")
    kept = kb("ingest", "docs")
    assert "1 file in the knowledge base is left out by a pattern now" in kept.err
    assert len(listed(kb)) == 3
    # What --include does not name is left alone.
    assert kb("ingest", "docs", "--prune", "--include", "*.txt").code == 0
    assert listed(kb) == ["docs/a.md", "docs/drafts/c.md"]
    assert kb("ingest", "docs", "--prune", "--exclude", "drafts/").code == 0
    assert listed(kb) == ["docs/a.md"]


def test_a_broken_pattern_is_told_with_its_line_and_nothing_is_written(kb, docs):
    (docs / ".kbignore").write_text("*.log\n[oops\n")
    result = kb("ingest", "docs", "--json")
    assert result.code == 2
    assert "docs/.kbignore, line 2" in result.json["error"]["message"]
    assert not (docs.parent / ".kb").exists()
    assert kb("ingest", "docs", "--exclude", "[").code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_told_and_nothing_below_it_is_forgotten(kb, docs):
    assert kb("ingest", "docs").code == 0
    (docs / "drafts").chmod(0)
    try:
        result = kb("ingest", "docs", "--prune", "--json")
    finally:
        (docs / "drafts").chmod(0o700)
    assert [f["code"] for f in result.json["failures"]] == ["discover.unreadable"]
    assert len(listed(kb)) == 3


def test_an_unreadable_folder_hides_what_is_below_it_from_prune(kb, docs, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("drafts"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    assert kb("ingest", "docs").code == 0
    monkeypatch.setattr("kb.source.walk.os.scandir", scandir)
    result = kb("ingest", "docs", "--prune", "--json")
    assert [f["code"] for f in result.json["failures"]] == ["discover.unreadable"]
    assert len(listed(kb)) == 3


def test_passwords_come_from_file_and_environment_and_are_never_shown(kb, docs, faked, make):
    calls = faked("ingest.ingest", make.report())
    file = docs.parent / "passwords.txt"
    file.write_bytes(f"\ufeff{SECRET}\r\n\n two words \n".encode())
    file.chmod(0o600)
    env = {"KB_PDF_PASSWORDS": f"other,comma\n{SECRET}\n"}
    result = kb("ingest", "docs", "--password-file", str(file), env=env)
    ((_, options),) = calls
    assert options["how"].passwords == (SECRET, " two words ", "other,comma")
    assert SECRET not in repr(options["how"])
    assert SECRET not in result.out + result.err
    assert "Warning" not in result.err
    file.chmod(0o640)
    assert "chmod 600" in kb("ingest", "docs", "--password-file", str(file)).err


def test_retry_takes_passwords_too(kb, here, faked, make):
    calls = faked("retry.retry", make.report())
    assert kb("retry", env={"KB_PDF_PASSWORDS": SECRET}).code == 0
    assert calls[0][1]["passwords"] == (SECRET,)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_password_file_that_cannot_be_read_is_refused(kb, docs, content):
    if content is not None:
        (docs.parent / "p").write_bytes(content)
    result = kb("ingest", "docs", "--password-file", "p")
    assert result.code == 2
    assert "password file p cannot be read" in result.err.replace("\n    ", " ")


def test_watch_and_dry_run_do_not_go_together(kb, docs):
    assert kb("ingest", "docs", "--watch", "--dry-run").code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_tells_each_round_on_one_line_and_ends_cleanly(kb_start, kb_apart, docs, number):
    with kb_start("ingest", "--watch", "--json", "docs", cwd=docs.parent) as process:
        giving_up = threading.Timer(PATIENCE_S, process.kill)
        giving_up.start()
        first = json.loads(process.stdout.readline())
        assert (first["schema"], first["documents"]["added"]) == ("kb.ingest/1", 3)
        (docs / "empty.md").touch()
        (docs / "new.md").write_text("A new lamp.")
        added, failed = 0, []
        while not (added and failed):
            told = json.loads(process.stdout.readline())
            added += told["documents"]["added"]
            failed += told["failures"]
        assert [each["source"] for each in failed] == ["docs/empty.md"]
        # Other commands work meanwhile.
        assert "docs/new.md" in kb_apart("list", "--json", cwd=docs.parent).out
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
        giving_up.cancel()
    assert process.returncode == 130
    assert all(json.loads(line)["schema"] == "kb.ingest/1" for line in out.splitlines())
    assert b"Traceback" not in err
    assert kb_apart("verify", cwd=docs.parent).code == 0


def test_names_that_would_move_the_cursor_never_reach_the_terminal(kb, docs):
    for name in ("\x1b[2Jx.md", "a\nb.md", "-rf.md", "\x07.zzz"):
        (docs / name).write_text("Lamps and other lights.")
    with (docs / "odd").open("w"):
        pass
    result = kb("ingest", "docs")
    assert result.code == 1
    shown = result.out + result.err
    for arguments in (["list"], ["status"], ["failures"], ["search", "lights"]):
        each = kb(*arguments)
        shown += each.out + each.err
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "docs/-rf.md" in shown


@pytest.mark.parametrize("command", [["ingest", "docs"], ["retry"]])
def test_a_second_job_waits_as_long_as_it_was_told(kb_apart, kb, docs, here, command):
    assert kb("ingest", "docs").code == 0
    with open_store(here / ".kb").writer("reindex"):
        result = kb_apart(*command, "--wait", "0.2", "--json", cwd=here)
    assert result.code == 4
    told = json.loads(result.out)["error"]
    assert told["code"] == "store.locked"
    assert "waited 0.2 s" in told["message"]

"""`kb ingest` over a folder made to break it: each thing is told for itself, the rest is read."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.extract.make import pdf, protected, repacked, shown, word
from tests.extract.make_archives import zipped

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_LAUGHS = b'<!DOCTYPE x [<!ENTITY a "lol">%s<!ENTITY s SYSTEM "file://%%s">]>' % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in b"bcdefghijk"
)


def _word(entity: bytes, secret: Path) -> bytes:
    body = b'<w:document xmlns:w="%s"><w:body><w:p><w:r><w:t>Word %s</w:t></w:r></w:p></w:body>'
    part = _LAUGHS % os.fsencode(secret) + body % (_W.encode(), entity) + b"</w:document>"
    return repacked(word(lambda file: file.add_paragraph("x")), {"word/document.xml": part})


def _nested(levels: int) -> bytes:
    data = zipped({"deepest.txt": b"deepest words"})
    for _ in range(levels):
        data = zipped({"in.zip": data})
    return data


@pytest.fixture
def shelf(here: Path) -> Path:
    folder = here / "shelf"
    folder.mkdir()
    return folder


def _codes(report) -> dict[str, str]:
    return {each["source"]: each["code"] for each in report["failures"]}


def test_each_hostile_file_is_told_and_its_neighbours_are_read(shelf: Path, kb) -> None:
    secret = shelf.parent / "secret"
    secret.write_text("hidden away")
    files = {
        "laughs.docx": _word(b"&k;", secret),
        "outside.docx": _word(b"&s;", secret),
        "deep.json": b"[" * 100_000 + b"]" * 100_000,
        "deep.html": b"<div>" * 100_000 + b"words",
        "deep.rtf": b"{\\rtf1 " + b"{" * 100_000 + b"words",
        "deep.zip": _nested(9),
        "nuls.txt": bytes(1_000_000),
        "line.txt": b"word " * 400_000,
        "locked.pdf": protected(pdf([shown("open")]), user="hunter2", algorithm="AES-128"),
        "-rf.txt": b"A name with a dash.",
        "two\nlines\x1b[2J.txt": b"A name with a line end.",
        "good.txt": b"The neighbour is read.",
    }
    for name, data in files.items():
        (shelf / name).write_bytes(data)
    Path(os.fsdecode(os.fsencode(shelf) + b"/\xff\xfe.txt")).write_bytes(b"A name in no encoding.")
    os.mkfifo(shelf / "pipe.txt")
    (shelf / "zero.txt").symlink_to("/dev/zero")
    (shelf / "loop").symlink_to(".")
    (shelf / "self.txt").symlink_to("self.txt")
    result = kb("ingest", "shelf", "--json", env={"KB_PDF_PASSWORDS": "swordfish"})
    assert result.code == 1
    assert _codes(result.json) == {
        "shelf/laughs.docx": "extract.corrupt",
        "shelf/deep.json": "extract.too_large",
        "shelf/deep.html": "extract.too_large",
        "shelf/deep.rtf": "extract.too_large",
        f"shelf/deep.zip{'/in.zip' * 4}/in.zip": "extract.too_large",
        "shelf/nuls.txt": "extract.corrupt",
        "shelf/locked.pdf": "extract.encrypted",
        "shelf/pipe.txt": "extract.unsupported",
        "shelf/zero.txt": "extract.unsupported",
        "shelf/self.txt": "discover.unreadable",
    }
    assert all(each["message"] and each["hint"] for each in result.json["failures"])
    assert "swordfish" not in result.out + result.err
    listed = kb("list")
    assert r"shelf/\xff\xfe.txt" in listed.out
    assert "\x1b" not in listed.out
    assert kb("search", "hidden away", "--mode", "lexical", "--json").json["hits"] == []
    assert "neighbour" in kb("search", "the neighbour", "-k", "1").out


def test_a_file_that_grows_all_the_time_harms_nobody(shelf: Path, kb) -> None:
    growing = shelf / "growing.txt"
    growing.write_text("It begins.\n")
    (shelf / "still.txt").write_text("It is still.\n")
    stop = threading.Event()

    def grow() -> None:
        with growing.open("a") as file:
            while not stop.is_set():
                file.write("More is said. " * 100 + "\n")
                file.flush()
                time.sleep(0.0005)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        result = kb("ingest", "shelf", "--json")
    finally:
        stop.set()
        writer.join()
    failed = result.json["failures"]
    assert [(each["source"], each["retriable"]) for each in failed] in (
        [],
        [("shelf/growing.txt", True)],
    )
    again = kb("ingest", "shelf", "--json")
    assert again.code == 0
    assert kb("ingest", "shelf", "--json").json["documents"]["unchanged"] == 2


def test_killed_workers_lose_no_file(shelf: Path, kb, kb_start) -> None:
    for number in range(12):
        (shelf / f"{number}.json").write_text('{"a": [' + "[1, 2], " * 30_000 + "0]}")
    killed = 0
    with kb_start("ingest", "shelf", "--json", cwd=shelf.parent) as process:
        while process.poll() is None and killed < 2:
            for worker in _workers(process.pid):
                os.kill(worker, signal.SIGKILL)
                killed += 1
                time.sleep(1)
                break
            time.sleep(0.01)
        out, _ = process.communicate(timeout=120)
    assert killed
    report = json.loads(out)
    assert {each["code"] for each in report["failures"]} <= {"extract.crashed"}
    assert len(report["failures"]) <= killed
    assert report["documents"]["added"] + len(report["failures"]) == 12
    again = kb("ingest", "shelf", "--json")
    assert (again.code, again.json["documents"]["failed"]) == (0, 0)
    assert kb("list", "--json").out.count('.json"') == 12


def _workers(pid: int) -> list[int]:
    """Give the processes in which a running `kb` reads files and uses the processor."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in map(int, task.read_text().split()):
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                ticks = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11]
                if b"spawn_main" in command and int(ticks) > 20:
                    found.append(child)
        except OSError:
            continue  # it ended while we looked
    return found

"""Workers: a hostile file takes down only itself, and nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb.errors import Failure
from kb.extract import Extractor, loading, open_extractor
from kb.model import Document, Source
from tests.conftest import REPOSITORY
from tests.extract import hostile
from tests.extract.make import PICTURE, pdf, protected, shown, written


def sources(folder: Path, *orders: str) -> list[Source]:
    return [written(folder / f"{place}.txt", order.encode()) for place, order in enumerate(orders)]


def said(outcome: Document | Failure) -> str:
    return outcome.text if isinstance(outcome, Document) else outcome.code


def hostile_extractor(extractor: Extractor) -> Extractor:
    extractor.task = hostile.obey
    return extractor


def children() -> set[int]:
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for each in found for pid in each.read_text().split()}


def test_files_come_back_in_order_with_what_they_say(tmp_path: Path) -> None:
    good = pdf([shown("one"), PICTURE])
    given = [
        written(tmp_path / "a.pdf", good),
        written(tmp_path / "b.png", b"x"),
        written(tmp_path / "c.pdf", b"not a pdf"),
        written(tmp_path / "d.doc", b"x"),
        *sources(tmp_path, *map("text {}".format, range(7))),
    ]
    with open_extractor(workers=2) as extractor:
        found = list(extractor.map(given))
    assert [source for source, _ in found] == given
    assert [said(outcome) for _, outcome in found] == [
        "one\n",
        "extract.unsupported",
        "extract.corrupt",
        "extract.unsupported",
        *map("text {}".format, range(7)),
    ]
    document, legacy = found[0][1], found[3][1]
    assert isinstance(document, Document)
    assert [each.locator for each in document.problems] == ["page 2"]
    assert isinstance(legacy, Failure)
    assert "soffice" in legacy.hint
    assert legacy.source == "d.doc"


def test_a_crash_a_hang_and_a_glutton_harm_only_themselves(tmp_path: Path) -> None:
    orders = ["one", "die", "two", "hang", "kill", "three", "eat", "spin", "four"]
    with open_extractor(workers=2, timeout_s=1.5, memory_mb=700) as extractor:
        found = list(hostile_extractor(extractor).map(sources(tmp_path, *orders)))
    assert [said(outcome) for _, outcome in found] == [
        "one",
        "extract.crashed",
        "two",
        "extract.timeout",
        "extract.crashed",
        "three",
        "extract.too_large",
        "extract.timeout",
        "four",
    ]
    failures = [outcome for _, outcome in found if isinstance(outcome, Failure)]
    assert [each.source for each in failures] == ["1.txt", "3.txt", "4.txt", "6.txt", "7.txt"]
    assert failures[0].detail["exit_code"] == 3
    assert "1.5 seconds" in failures[1].message


def test_one_crash_after_the_other_is_each_blamed_on_its_own_file(tmp_path: Path) -> None:
    with open_extractor(workers=1) as extractor:
        found = list(hostile_extractor(extractor).map(sources(tmp_path, *4 * ["die", "fine"])))
    assert [said(outcome) for _, outcome in found] == 4 * ["extract.crashed", "fine"]


def test_when_idle_workers_are_killed_fresh_ones_take_over(tmp_path: Path) -> None:
    with open_extractor(workers=2) as extractor:
        mapped = extractor.map(sources(tmp_path, *map("text {}".format, range(12))))
        found = [said(next(mapped)[1])]
        time.sleep(0.3)
        for pid in children():
            if "resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
        found += [said(outcome) for _, outcome in mapped]
    assert found == list(map("text {}".format, range(12)))


def test_a_worker_killed_in_mid_answer_is_noticed_and_its_file_tried_once_more(
    tmp_path: Path,
) -> None:
    once, always = tmp_path / "once", tmp_path / "always"
    once.write_text("x")
    always.write_text("xxxx")
    orders = [f"half {once}", "one", f"half {always}", "two"]
    with open_extractor(workers=1) as extractor:
        found = list(hostile_extractor(extractor).map(sources(tmp_path, *orders)))
    assert [said(outcome) for _, outcome in found] == [orders[0], "one", "extract.crashed", "two"]
    assert (once.read_text(), always.read_text()) == ("", "xx")


def test_a_worker_that_hears_no_alarm_is_ended_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.extract.workers._GRACE", 0.5)
    with open_extractor(workers=1, timeout_s=1) as extractor:
        found = list(hostile_extractor(extractor).map(sources(tmp_path, "one", "stop", "two")))
    assert [said(outcome) for _, outcome in found] == ["one", "extract.timeout", "two"]


def test_workers_that_never_come_up_are_no_reason_to_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.extract.pool._prepare", hostile.die_at_once)
    with open_extractor(workers=1) as extractor:
        [(_, outcome)] = extractor.map(sources(tmp_path, "one"))
    assert isinstance(outcome, Failure)
    assert (outcome.code, outcome.detail["exit_code"]) == ("extract.crashed", 7)


def test_an_error_that_cannot_travel_is_told_in_words(tmp_path: Path) -> None:
    with open_extractor(workers=1) as extractor:
        with pytest.raises(RuntimeError, match="UnsayableError: 1 and 2"):
            list(hostile_extractor(extractor).map(sources(tmp_path, "unsayable")))
        assert said(next(extractor.map(sources(tmp_path, "one")))[1]) == "one"


def test_what_is_made_of_a_document_is_made_in_its_worker_and_its_time(tmp_path: Path) -> None:
    given = [*sources(tmp_path, "one", "spin", "two"), written(tmp_path / "a.doc", b"x")]
    with open_extractor(workers=1, timeout_s=1.5) as extractor:
        found = [each for _, each in extractor.map_then(given, hostile.long_named)]
    made = [each if isinstance(each, tuple) else (each.code, 0) for each in found]
    assert [each[0] for each in made] == ["ONE", "extract.timeout", "TWO", "extract.unsupported"]
    assert os.getpid() not in {each[1] for each in made}


def test_nothing_is_started_when_nothing_is_to_be_read(tmp_path: Path) -> None:
    before = children()
    with open_extractor() as extractor:
        assert list(extractor.map([])) == []
        ((_, outcome),) = extractor.map([written(tmp_path / "a.xyz", b"x")])
        assert children() == before
    assert said(outcome) == "extract.unsupported"


def test_no_more_is_taken_than_can_be_worked_on(tmp_path: Path) -> None:
    taken = 0

    def counted() -> Iterator[Source]:
        nonlocal taken
        for source in sources(tmp_path, *map("text {}".format, range(40))):
            taken += 1
            yield source

    with open_extractor(workers=2) as extractor:
        mapped = extractor.map(counted())
        assert taken == 0
        for given_back in range(1, 11):
            next(mapped)
            assert taken <= given_back + 16


def test_leaving_early_ends_the_workers_at_once(tmp_path: Path) -> None:
    before = children()
    with open_extractor(workers=2) as extractor:
        mapped = hostile_extractor(extractor).map(sources(tmp_path, "one", "deaf", "deaf", "spin"))
        assert said(next(mapped)[1]) == "one"
        time.sleep(0.5)
        start = time.monotonic()
    assert time.monotonic() - start < 2.5  # a worker that hears nothing would take three
    left = {pid for pid in children() - before if Path(f"/proc/{pid}/stat").exists()}
    assert all("resource_tracker" in Path(f"/proc/{pid}/cmdline").read_text() for pid in left)


def test_a_file_has_time_in_proportion_to_its_size(tmp_path: Path) -> None:
    extractor = Extractor(workers=1, timeout_s=10, memory_mb=512)
    small, *_ = sources(tmp_path, "x")

    def seconds(size: int) -> float:
        return extractor.seconds(
            Source(path="x", location=small.location, size=size, mtime_ns=0, inode=0)
        )

    assert seconds(1) == 10
    assert seconds(30 * 2**20) == 30
    assert seconds(2**40) == 200


def test_a_pdf_that_kills_its_worker_is_read_in_another_way(tmp_path: Path) -> None:
    texts = ["one", "die", "two", "die", "die", "three"]
    given = [
        written(tmp_path / f"{number}.pdf", pdf([shown(text)])) for number, text in enumerate(texts)
    ]
    with open_extractor(workers=2) as extractor:
        extractor.task = hostile.die_on_pdf
        assert [said(outcome) for _, outcome in extractor.map(given)] == texts
    with open_extractor(workers=2) as extractor:
        extractor.task = extractor.careful_task = hostile.die_on_pdf
        found = [said(outcome) for _, outcome in extractor.map(given)]
    assert found == [text if text != "die" else "extract.crashed" for text in texts]


def test_passwords_reach_the_workers_and_nobody_else(tmp_path: Path) -> None:
    locked = protected(pdf([shown("open")]), user="hunter2", algorithm="AES-256")
    given = [written(tmp_path / "locked.pdf", locked), *sources(tmp_path, "x")]
    with open_extractor(workers=1, passwords=["wrong", "hunter2"]) as extractor:
        assert "hunter2" not in repr(extractor)
        assert [said(outcome) for _, outcome in extractor.map(given)] == ["open", "x"]
        extractor.task = hostile.look
        ((_, seen),) = extractor.map(given[:1])
    assert isinstance(seen, Failure)
    assert seen.message == "[] 2"
    with open_extractor(workers=1, passwords=["wrong"]) as extractor:
        ((_, refused),) = extractor.map(given[:1])
    assert isinstance(refused, Failure)
    assert refused.code == "extract.encrypted"
    assert "wrong" not in json.dumps(refused.as_json())


def test_workers_are_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_extractor(workers=1) as extractor:
        list(hostile_extractor(extractor).map(sources(tmp_path, "print", "x")))
    assert capfd.readouterr() == ("", "")


PROGRAM = """
import os, sys, time
from pathlib import Path
from kb.extract import open_extractor
from kb.model import Source
from tests.extract import hostile

def source(name):
    path = Path(name)
    return Source(path=path.name, location=path, size=1, mtime_ns=0, inode=0)

if __name__ == "__main__":
    with open_extractor(workers=2) as extractor:
        extractor.task = hostile.obey
        for _, outcome in extractor.map(map(source, sys.argv[1:])):
            print(outcome.text, flush=True)
"""


def test_ctrl_c_ends_everything_without_a_word_from_the_workers(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    notes = [tmp_path / "n1", tmp_path / "n2"]
    orders = ["one", *(f"note {note}" for note in notes), "hang", "hang", "hang"]
    files = [str(each.location) for each in sources(tmp_path, *orders)]
    with subprocess.Popen(
        [sys.executable, "-W", "error", program, *files],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        start = time.monotonic()
        _, errors = process.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert errors.count("Traceback") == 1, errors
    assert errors.rstrip().endswith("KeyboardInterrupt")
    for note in notes:
        assert not Path(f"/proc/{note.read_text()}").exists()


def test_importing_the_room_loads_no_reader() -> None:
    code = "import sys, json, kb.extract; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    heavy = {
        "pypdf",
        "lxml",
        "docx",
        "charset_normalizer",
        "cryptography",
        "pypdfium2",
        "numpy",
    }
    assert not heavy & set(json.loads(done.stdout))


def slow_engine(folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Put a program on the PATH that takes so long to find no letters."""
    command = folder / "tesseract"
    command.write_text(
        f"#!{sys.executable}\nimport sys, time\n"
        "if '--list-langs' in sys.argv: sys.exit(print('eng'))\n"
        f"time.sleep({seconds})\nprint('level\\tpage_num\\tblock_num')\n"
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.delenv("KB_OCR", raising=False)


def test_recognising_letters_does_not_count_as_reading_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_engine(tmp_path, monkeypatch, 2)
    scan = written(tmp_path / "scan.pdf", pdf([shown("one"), PICTURE, PICTURE]))
    with open_extractor(workers=1, timeout_s=3) as extractor:
        ((_, outcome),) = extractor.map([scan])
    assert said(outcome).strip() == "one"


def test_workers_are_told_how_to_recognise_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_engine(tmp_path, monkeypatch, 0)
    scan = written(tmp_path / "scan.pdf", pdf([shown("one"), PICTURE]))
    told = []
    for environ in ({}, {"KB_OCR": "off"}):
        with open_extractor(workers=1, environ=environ) as extractor:
            ((_, outcome),) = extractor.map([scan])
        assert isinstance(outcome, Document)
        told.append("switched off" in outcome.problems[0].message)
    assert told == [False, True]


def test_a_pdf_that_hangs_is_stopped_though_it_might_have_scans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_engine(tmp_path, monkeypatch, 0)
    given = [written(tmp_path / "hang.pdf", b"hang"), *sources(tmp_path, "one")]
    with open_extractor(workers=1, timeout_s=1.5) as extractor:
        found = list(hostile_extractor(extractor).map(given))
    assert [said(outcome) for _, outcome in found] == ["extract.timeout", "one"]
    assert isinstance(found[0][1], Failure)
    assert "1.5 seconds" in found[0][1].message


def test_a_file_larger_than_any_that_is_read_needs_no_worker(tmp_path: Path) -> None:
    before = children()
    given = [written(tmp_path / name, b"x") for name in ("a.pdf", "b.zip")]
    large = [replace(each, size=loading.MAX_BYTES + 1) for each in given]
    with open_extractor(workers=2) as extractor:
        [(_, outcome)] = extractor.map(large[:1])
        assert children() == before
        # An archive is opened, not read.
        [(_, other)] = extractor.map(large[1:])
    assert [said(outcome), said(other)] == ["extract.too_large", "extract.corrupt"]


def test_an_empty_file_needs_no_worker(tmp_path: Path) -> None:
    before = children()
    with open_extractor(workers=2) as extractor:
        [(_, outcome)] = extractor.map([written(tmp_path / "empty.txt", b"")])
        assert said(outcome) == "extract.empty"
        assert children() == before

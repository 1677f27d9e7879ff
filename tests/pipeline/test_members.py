"""Archives and mails on the shelf: their members are documents of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from kb.model import Filter
from kb.pipeline import members as members_room
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.catalogue import documents, remove, status
from kb.pipeline.ingest import How, ingest
from kb.pipeline.members import containers_of
from kb.pipeline.plan import Wanted
from kb.pipeline.retry import retry
from kb.pipeline.search import Asking, search
from kb.pipeline.show import show
from kb.store.local import writer as writer_room
from tests.conftest import REPOSITORY
from tests.extract.make import pdf, shown
from tests.extract.make_archives import zipped
from tests.pipeline.dump import dump

REFUND = b"# Refunds\n\nYou get your money back within 14 days of the return.\n"
BOILER = b"# Boiler\n\nThe boiler is guaranteed for five years after delivery.\n"
BUNDLE = "shelf/bundle.zip"
DEEP = f"{BUNDLE}/mail.eml/inner.zip/deep/boiler.md"


def mail(**attachments: bytes) -> bytes:
    made = EmailMessage()
    made["Subject"], made["From"] = "The offer", "a@example.org"
    made.set_content("Please see the attached archive.")
    for name, data in attachments.items():
        made.add_attachment(
            data, maintype="application", subtype="zip", filename=name.replace("_", ".")
        )
    return made.as_bytes().replace(made.get_boundary().encode(), b"=border=")


def put(file: Path, contents: dict[str, bytes], *, second: int = 1) -> None:
    """Write an archive that looks as if it had lain there for long."""
    file.write_bytes(zipped(contents))
    os.utime(file, ns=(0, 10**18 + second * 10**9 + 5 * 10**8))


CONTENTS = {
    "refunds.md": REFUND,
    "pages.pdf": pdf([shown("one"), shown("the second page is about valves")]),
    "mail.eml": mail(inner_zip=zipped({"deep/boiler.md": BOILER})),
    "picture.png": b"png",
}
EVERYTHING = {
    BUNDLE,
    f"{BUNDLE}/refunds.md",
    f"{BUNDLE}/pages.pdf",
    f"{BUNDLE}/mail.eml",
    f"{BUNDLE}/mail.eml/inner.zip",
    DEEP,
}


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    put(folder / "bundle.zip", CONTENTS)
    return folder


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return locate(environ={}, cwd=tmp_path)


def states(base: KnowledgeBase) -> dict[str, str]:
    with base.snapshot() as snapshot:
        return {path: known.state for path, known in snapshot.known_sources().items()}


def found(base: KnowledgeBase, query: str, **within: str) -> list[str]:
    asking = Asking(mode="lexical", within=Filter(**within))
    return [hit.path for hit in search(base, query, asking=asking).hits]


def read_counts(base: KnowledgeBase, shelf: Path, **wanted: object) -> tuple[int, int]:
    """Ingest; give how many files were read, and how many were the same."""
    report = ingest(base, [shelf], how=How(wanted=Wanted(**wanted)))
    return report.stages[1].attempted, report.documents.unchanged


def test_members_are_found_with_the_page_within_them(base, shelf):
    report = ingest(base, [shelf])
    assert (report.status, report.documents.added, report.documents.failed) == ("partial", 6, 1)
    assert [(each.source, each.code) for each in report.failures] == [
        (f"{BUNDLE}/picture.png", "extract.unsupported")
    ]
    assert {row.path for row in documents(base)} == EVERYTHING
    (hit,) = search(base, '"valves"', asking=Asking(mode="lexical")).hits
    assert (hit.path, hit.page_start, hit.page_end) == (f"{BUNDLE}/pages.pdf", 1, 2)
    assert found(base, '"boiler is guaranteed"') == [DEEP]
    assert found(base, '"boiler is guaranteed"', path="shelf/bundle.zip/**") == [DEEP]
    assert found(base, '"boiler is guaranteed"', path="shelf/*.zip") == []
    assert "boiler.md" in show(base, f"{BUNDLE}/mail.eml/inner.zip").text
    assert show(base, DEEP).text == BOILER.decode()
    (lost,) = status(base).not_searchable
    assert lost["path"] == f"{BUNDLE}/picture.png"


def test_an_unchanged_archive_is_not_opened_again(base, shelf):
    ingest(base, [shelf])
    before = dump(base)
    report = ingest(base, [shelf])
    assert [stage.attempted for stage in report.stages] == [7, 0, 0, 0, 0]
    assert (report.documents.unchanged, report.documents.failed) == (6, 1)
    assert [each.source for each in report.failures] == [f"{BUNDLE}/picture.png"]
    assert dump(base) == before


def test_an_archive_with_another_time_is_read_and_its_members_are_not(base, shelf):
    ingest(base, [shelf])
    put(shelf / "bundle.zip", CONTENTS, second=9)
    assert read_counts(base, shelf) == (1, 6)
    assert read_counts(base, shelf) == (0, 6)


def test_only_the_member_that_changed_is_read(base, shelf):
    ingest(base, [shelf])
    put(shelf / "bundle.zip", CONTENTS | {"refunds.md": b"# Refunds\n\nNo cash.\n"}, second=9)
    report = ingest(base, [shelf])
    assert (report.documents.updated, report.documents.unchanged) == (2, 4)
    assert found(base, '"14 days"') == []
    assert found(base, '"No cash"') == [f"{BUNDLE}/refunds.md"]


def test_a_change_deep_down_is_found(base, shelf):
    ingest(base, [shelf])
    new = mail(inner_zip=zipped({"deep/boiler.md": b"The boiler is not guaranteed.\n"}))
    put(shelf / "bundle.zip", CONTENTS | {"mail.eml": new}, second=9)
    report = ingest(base, [shelf])
    assert report.documents.updated == 4
    assert found(base, '"not guaranteed"') == [DEEP]


def test_members_that_are_gone_are_forgotten_and_new_ones_taken_in(base, shelf):
    ingest(base, [shelf])
    put(shelf / "bundle.zip", {"refunds.md": REFUND, "new.txt": b"a new one"}, second=9)
    report = ingest(base, [shelf])
    assert (report.status, report.documents.removed) == ("ok", 5)
    assert states(base) == dict.fromkeys(
        (BUNDLE, f"{BUNDLE}/refunds.md", f"{BUNDLE}/new.txt"), "indexed"
    )


def test_an_archive_that_breaks_keeps_its_members_until_it_is_mended(base, shelf):
    ingest(base, [shelf])
    (shelf / "bundle.zip").write_bytes(b"PK\x03\x04 broken")
    report = ingest(base, [shelf])
    assert [each.source for each in report.failures if each.code == "extract.corrupt"] == [BUNDLE]
    assert report.documents.removed == 0
    assert states(base)[BUNDLE] == "stale"
    assert found(base, '"boiler is guaranteed"') == [DEEP]
    put(shelf / "bundle.zip", CONTENTS, second=9)
    ingest(base, [shelf])
    assert set(states(base).values()) == {"indexed", "failed"}
    with base.snapshot() as snapshot:
        assert {each.code for each in snapshot.failures()} == {"extract.unsupported"}


def test_prune_leaves_members_of_archives_that_are_there(base, shelf):
    ingest(base, [shelf])
    assert read_counts(base, shelf, prune=True) == (0, 6)
    assert len(states(base)) == 7
    (shelf / "bundle.zip").unlink()
    ingest(base, [shelf], how=How(wanted=Wanted(prune=True)))
    assert states(base) == {}


def test_removing_an_archive_removes_its_members(base, shelf, monkeypatch):
    ingest(base, [shelf])
    monkeypatch.chdir(base.root)
    assert remove(base, [Path(BUNDLE)]).documents == 7
    assert states(base) == {}


def test_retry_reads_the_failed_member_and_no_other(base, shelf):
    ingest(base, [shelf])
    report = retry(base)
    # The archive itself is opened for it.
    assert report.stages[1].attempted == 2
    assert report.documents.failed == 1


def test_a_member_worth_another_try_brings_its_archive_back(base, shelf, monkeypatch):
    from kb.extract import pool

    def crash(source):
        return pool.failure("extract.crashed", source=source.path)

    real = pool._answer
    monkeypatch.setattr(
        pool,
        "_answer",
        lambda job: crash(job.source) if job.source.path.endswith(".md") else real(job),
    )
    ingest(base, [shelf])
    assert states(base)[f"{BUNDLE}/refunds.md"] == "failed"
    assert states(base)[DEEP] == "failed"
    monkeypatch.undo()
    report = ingest(base, [shelf])
    # The archive, the mail and the inner archive are opened for the two.
    assert (report.stages[1].attempted, report.documents.added) == (5, 2)
    assert found(base, '"boiler is guaranteed"') == [DEEP]


def test_force_reads_all_of_it_again_and_a_collection_moves_all_of_it(base, shelf):
    ingest(base, [shelf])
    assert read_counts(base, shelf, force=True) == (7, 0)
    assert read_counts(base, shelf, collection="other") == (7, 0)
    assert {row.collection for row in documents(base)} == {"other"}
    assert read_counts(base, shelf) == (0, 6)


def test_a_rehearsal_counts_the_archive_alone(base, shelf):
    assert ingest(base, [shelf], how=How(dry_run=True)).documents.added == 1


def test_a_file_with_more_in_it_than_anyone_packs_is_refused(base, shelf, monkeypatch):
    monkeypatch.setattr(members_room, "MOST_NESTED", 1)
    report = ingest(base, [shelf])
    assert [(each.source, each.code) for each in report.failures] == [
        (f"{BUNDLE}/picture.png", "extract.unsupported"),
        (f"{BUNDLE}/mail.eml/inner.zip", "extract.too_large"),
    ]


def test_an_archive_of_itself_ends(base, tmp_path):
    data = b"end"
    for _ in range(12):
        data = zipped({"again.zip": data})
    put(tmp_path / "a.zip", {"again.zip": data})
    report = ingest(base, [tmp_path / "a.zip"])
    assert [each.code for each in report.failures] == ["extract.too_large"]
    assert len(states(base)) == 6


def test_a_plain_folder_with_such_a_name_holds_plain_files(base, tmp_path):
    folder = tmp_path / "shelf" / "bundle.zip"
    folder.mkdir(parents=True)
    (folder / "refunds.md").write_bytes(REFUND)
    ingest(base, [tmp_path / "shelf"])
    assert read_counts(base, tmp_path / "shelf", prune=True) == (0, 1)
    assert list(states(base)) == [f"{BUNDLE}/refunds.md"]


def test_containers_of_a_path() -> None:
    assert list(containers_of("a/b.zip/c.EML/d.pdf")) == ["a/b.zip/c.EML", "a/b.zip"]
    assert list(containers_of("a.zip")) == []
    assert list(containers_of("/x/a.msg/b")) == ["/x/a.msg"]


def kb(folder: Path, *words: str, **environ: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "tests.pipeline.small_kb", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "shelf").mkdir()
    many = {f"{n}.md": b"# Rule %d\n\nTerm %d applies.\n" % (n, n) for n in range(12)}
    put(folder / "shelf" / "bundle.zip", CONTENTS | many)
    assert kb(folder, "--home", "whole", "-q", "ingest", "shelf") == 1
    return folder


@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize("step", ["put.written", "put.committed", "fail.written"])
def test_killed_between_an_archive_and_its_members_the_next_run_goes_on(desk, step, nth):
    home = f"home-{step}-{nth}"
    words = ("--home", home, "-q", "ingest", "shelf")
    killed = kb(desk, *words, KB_TEST_KILL_AT=step, KB_TEST_KILL_NTH=str(nth))
    assert killed in ((-signal.SIGKILL,) if nth == 1 else (-signal.SIGKILL, 1))
    assert kb(desk, *words) == 1
    whole, cut = (locate(desk / name, environ={}, cwd=desk) for name in ("whole", home))
    assert dump(cut) == dump(whole)
    report = ingest(cut, [desk / "shelf"])
    assert report.stages[1].attempted == 0


def test_killed_before_the_archive_is_done_its_members_are_not_read_twice(
    desk, monkeypatch, tmp_path
):
    folder = tmp_path / "desk"
    shutil.copytree(desk / "shelf", folder / "shelf")
    put(folder / "shelf" / "bundle.zip", CONTENTS)
    base = locate(folder / "home", environ={}, cwd=folder)

    def no_touch(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writer_room.LocalWriter, "touch", no_touch)
    assert ingest(base, [folder / "shelf"]).status == "interrupted"
    monkeypatch.undo()
    report = ingest(base, [folder / "shelf"])
    # The archive, the mail and the archive in it, of which none was done; no plain member.
    assert (report.stages[1].attempted, report.documents.unchanged) == (3, 6)
    assert ingest(base, [folder / "shelf"]).stages[1].attempted == 0

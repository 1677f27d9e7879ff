"""Ingest as a whole, on real files, with the built-in embedder."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import closing
from pathlib import Path

import pytest

from kb.errors import UsageError
from kb.model import Filter
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import How, ingest
from kb.pipeline.plan import Wanted
from kb.pipeline.retry import retry
from kb.pipeline.search import Asking, search
from tests.pipeline.dump import dump

REFUND = "# Refunds\n\nYou get your money back within 14 days of the return.\n"
WARRANTY = "# Warranty\n\nThe boiler is guaranteed for five years after delivery.\n"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "refunds.md").write_text(REFUND)
    (folder / "warranty.md").write_text(WARRANTY)
    return folder


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return locate(environ={}, cwd=tmp_path)


def stored_files(base: KnowledgeBase) -> dict[str, tuple[str, int]]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in base.home.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def paths_found(base: KnowledgeBase, query: str, **asking: object) -> list[str]:
    return [hit.path for hit in search(base, query, asking=Asking(**asking)).hits]


def test_what_is_brought_in_is_found_with_its_exact_place(base, shelf):
    report = ingest(base, [shelf])
    assert report.status == "ok"
    assert report.documents.added == 2
    hit = search(base, "money back").hits[0]
    assert hit.path == "shelf/refunds.md"
    assert hit.text == REFUND[hit.char_start : hit.char_end]
    assert (hit.line_end, hit.page_start) == (3, None)


def test_one_that_waits_looks_at_the_files_when_its_turn_has_come(base, shelf):
    ingest(base, [shelf])
    taken = threading.Event()

    def first() -> None:
        with closing(base.open()) as store, store.writer("ingest"):
            taken.set()
            threading.Event().wait(0.5)
            (shelf / "late.md").write_text("# Late\n\nA lamp came late.\n")

    other = threading.Thread(target=first)
    other.start()
    assert taken.wait(60)
    report = ingest(base, [shelf], how=How(wait_s=60))
    other.join()
    assert (report.documents.added, report.documents.unchanged) == (1, 2)
    assert paths_found(base, "lamp")[0] == "shelf/late.md"


def test_a_second_run_writes_nothing_and_reads_nothing(base, shelf):
    ingest(base, [shelf])
    before = stored_files(base)
    report = ingest(base, [shelf])
    assert report.documents.unchanged == 2
    assert [stage.attempted for stage in report.stages] == [2, 0, 0, 0, 0]
    assert stored_files(base) == before


def test_a_touched_file_is_hashed_and_not_read_again(base, shelf):
    ingest(base, [shelf])
    os.utime(shelf / "refunds.md", (1, 1))
    report = ingest(base, [shelf])
    assert (report.documents.unchanged, report.documents.updated) == (2, 0)
    before = stored_files(base)
    ingest(base, [shelf])
    assert stored_files(base) == before


def test_a_changed_file_replaces_its_old_version(base, shelf):
    ingest(base, [shelf])
    (shelf / "refunds.md").write_text("# Refunds\n\nNo cash, only vouchers.\n")
    report = ingest(base, [shelf])
    assert (report.documents.updated, report.documents.unchanged) == (1, 1)
    assert report.chunks.removed == 1
    assert paths_found(base, '"vouchers"', mode="lexical") == ["shelf/refunds.md"]
    assert paths_found(base, '"14 days"', mode="lexical") == []


def test_an_edit_that_keeps_size_and_time_is_seen_by_the_inode_or_hash(base, shelf):
    target = shelf / "refunds.md"
    ingest(base, [shelf])
    stat = target.stat()
    replacement = shelf / "new"
    replacement.write_text(REFUND.replace("14 days", "99 days"))
    replacement.rename(target)
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ingest(base, [shelf])
    assert paths_found(base, '"99 days"', mode="lexical") == ["shelf/refunds.md"]


def test_a_changed_file_that_fails_keeps_its_old_version(base, shelf):
    ingest(base, [shelf])
    (shelf / "refunds.md").write_bytes(b"")
    report = ingest(base, [shelf])
    assert report.exit_code == 1
    assert [(f.source, f.code) for f in report.failures] == [("shelf/refunds.md", "extract.empty")]
    assert paths_found(base, "money back")[0] == "shelf/refunds.md"
    with base.snapshot() as snapshot:
        assert snapshot.known_sources()["shelf/refunds.md"].state == "stale"


def test_a_failure_stands_until_the_file_changes(base, shelf):
    (shelf / "broken.pdf").write_bytes(b"%PDF-1.4 and nothing else")
    assert ingest(base, [shelf]).documents.failed == 1
    before = stored_files(base)
    again = ingest(base, [shelf])
    assert again.exit_code == 1
    assert [f.source for f in again.failures] == ["shelf/broken.pdf"]
    assert again.stages[1].attempted == 0
    assert stored_files(base) == before
    (shelf / "broken.pdf").unlink()
    assert ingest(base, [shelf], how=How(wanted=Wanted(prune=True))).exit_code == 0


def test_prune_forgets_what_is_gone_below_the_given_path_only(base, shelf, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "note.txt").write_text("A note on descaling the machine.")
    ingest(base, [shelf, other])
    (shelf / "refunds.md").unlink()
    (other / "note.txt").unlink()
    assert ingest(base, [shelf]).documents.removed == 0
    report = ingest(base, [shelf], how=How(wanted=Wanted(prune=True)))
    assert report.documents.removed == 1
    with base.snapshot() as snapshot:
        assert sorted(snapshot.known_sources()) == ["other/note.txt", "shelf/warranty.md"]


def test_the_same_text_is_embedded_once(base, shelf):
    (shelf / "copy.md").write_text(REFUND)
    report = ingest(base, [shelf])
    assert report.chunks.reused == 1
    (hit,) = (hit for hit in search(base, "money back").hits if hit.duplicates)
    assert {hit.path, *(copy.path for copy in hit.duplicates)} == {
        *("shelf/refunds.md", "shelf/copy.md")
    }
    found = paths_found(base, "money back", collapse=False)
    assert {"shelf/refunds.md", "shelf/copy.md"} <= set(found)


def test_dry_run_makes_nothing(base, shelf):
    report = ingest(base, [shelf], how=How(dry_run=True))
    assert report.documents.added == 2
    assert not base.home.exists()


def test_a_path_that_is_not_there_makes_no_knowledge_base(base, tmp_path):
    report = ingest(base, [tmp_path / "typo"])
    assert [failure.code for failure in report.failures] == ["discover.missing"]
    assert report.exit_code == 1
    assert not base.home.exists()


def test_force_reads_again_and_pays_for_nothing(base, shelf):
    ingest(base, [shelf])
    report = ingest(base, [shelf], how=How(wanted=Wanted(force=True)))
    assert (report.documents.updated, report.chunks.reused, report.chunks.added) == (2, 2, 0)


def test_collections_keep_documents_apart(base, shelf):
    ingest(base, [shelf / "refunds.md"], how=How(wanted=Wanted(collection="policies")))
    ingest(base, [shelf / "warranty.md"])
    within = Filter(collection="policies")
    assert paths_found(base, "boiler money", within=within) == ["shelf/refunds.md"]
    with pytest.raises(UsageError, match="--collection nowhere"):
        search(base, "boiler", asking=Asking(within=Filter(collection="nowhere")))
    # A plain rerun leaves the collection as it was chosen.
    ingest(base, [shelf])
    assert paths_found(base, "money", within=within) == ["shelf/refunds.md"]


def test_retry_takes_in_what_the_ledger_names(base, shelf):
    broken = shelf / "broken.md"
    broken.write_bytes(b"")
    ingest(base, [shelf])
    stat = broken.stat()
    broken.write_text("# Mended\n\nDescaling powder is sold separately.\n")
    os.utime(broken, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    report = retry(base, stage="extract")
    assert (report.status, report.documents.added) == ("ok", 1)
    assert paths_found(base, "descaling powder")[0] == "shelf/broken.md"
    with base.snapshot() as snapshot:
        assert snapshot.failures() == []


def test_a_run_cut_in_two_is_the_run_in_one(base, shelf, tmp_path):
    whole = locate(environ={}, cwd=tmp_path, home=tmp_path / "whole")
    ingest(whole, [shelf])
    ingest(base, [shelf / "refunds.md"])
    ingest(base, [shelf])
    assert dump(base) == dump(whole)

"""Names that lead nowhere are kept in the ledger until they lead somewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kb.errors import Failure, failure
from kb.pipeline import plan as plan_room
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import How, ingest
from kb.pipeline.plan import Wanted
from kb.pipeline.retry import retry


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    (tmp_path / "shelf" / "sub").mkdir(parents=True)
    (tmp_path / "shelf" / "a.md").write_text("The pump leaks.")
    (tmp_path / "shelf" / "sub" / "b.md").write_text("The boiler is warm.")
    return locate(environ={}, cwd=tmp_path)


def ledger(base: KnowledgeBase) -> list[tuple[str | None, str, bool]]:
    with base.snapshot() as snapshot:
        return [(each.source, each.code, each.retriable) for each in snapshot.failures()]


def states(base: KnowledgeBase) -> dict[str, str]:
    with base.snapshot() as snapshot:
        return {path: known.state for path, known in snapshot.known_sources().items()}


def dark(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make a folder one that may not be opened; as root, one may open all."""
    real = os.scandir

    def scandir(path):
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_missing_path_is_kept_until_it_is_there(base, tmp_path):
    ingest(base, [tmp_path / "shelf"])
    report = ingest(base, [tmp_path / "shelf", tmp_path / "late.md"])
    assert [each.code for each in report.failures] == ["discover.missing"]
    assert ledger(base) == [("late.md", "discover.missing", True)]
    again = ingest(base, [tmp_path / "late.md"])
    assert [each.code for each in again.failures] == ["discover.missing"]
    assert ledger(base) == [("late.md", "discover.missing", True)]
    (tmp_path / "late.md").write_text("Here it is.")
    assert retry(base).status == "ok"
    assert ledger(base) == []
    assert states(base)["late.md"] == "indexed"


def test_a_misspelt_path_is_forgotten_when_its_folder_is_taken_in(base, tmp_path):
    ingest(base, [tmp_path / "shelf"])
    ingest(base, [tmp_path / "shelf" / "tpyo.md"])
    assert [source for source, *_ in ledger(base)] == ["shelf/tpyo.md"]
    assert ingest(base, [tmp_path / "shelf"]).status == "ok"
    assert ledger(base) == []
    assert len(states(base)) == 2


def test_a_second_run_that_meets_the_same_writes_nothing(base, tmp_path):
    ingest(base, [tmp_path / "shelf"])
    ingest(base, [tmp_path / "shelf", tmp_path / "no.md"])
    with base.snapshot() as snapshot:
        before = snapshot.summary().last_run
    ingest(base, [tmp_path / "shelf", tmp_path / "no.md"])
    with base.snapshot() as snapshot:
        assert snapshot.summary().last_run == before


def test_a_folder_that_cannot_be_opened_is_kept_and_so_is_what_is_in_it(
    base, tmp_path, monkeypatch
):
    ingest(base, [tmp_path / "shelf"])
    dark(monkeypatch, "sub")
    how = How(wanted=Wanted(prune=True))
    report = ingest(base, [tmp_path / "shelf"], how=how)
    assert [each.code for each in report.failures] == ["discover.unreadable"]
    assert ledger(base) == [("shelf/sub", "discover.unreadable", True)]
    assert states(base)["shelf/sub/b.md"] == "indexed"
    monkeypatch.undo()
    assert ingest(base, [tmp_path / "shelf"]).status == "ok"
    assert ledger(base) == []


def test_a_changed_file_that_cannot_be_read_is_stale_until_it_can(base, tmp_path, monkeypatch):
    ingest(base, [tmp_path / "shelf"])
    os.utime(tmp_path / "shelf" / "a.md", (1, 1))

    def refuse(source):
        raise plan_room.StageError(failure("discover.unreadable", source=source.path))

    monkeypatch.setattr(plan_room, "sha256_of", refuse)
    ingest(base, [tmp_path / "shelf"])
    assert ledger(base) == [("shelf/a.md", "discover.unreadable", True)]
    assert states(base)["shelf/a.md"] == "stale"
    monkeypatch.undo()
    assert ingest(base, [tmp_path / "shelf"]).status == "ok"
    assert (ledger(base), states(base)["shelf/a.md"]) == ([], "indexed")


def test_prune_forgets_a_given_file_that_is_gone_without_a_word(base, tmp_path):
    ingest(base, [tmp_path / "shelf"])
    (tmp_path / "shelf" / "a.md").unlink()
    plain = ingest(base, [tmp_path / "shelf" / "a.md"])
    assert [each.code for each in plain.failures] == ["discover.missing"]
    assert states(base)["shelf/a.md"] == "stale"
    how = How(wanted=Wanted(prune=True))
    assert ingest(base, [tmp_path / "shelf" / "a.md"], how=how).status == "ok"
    assert "shelf/a.md" not in states(base)
    misspelt = [ingest(base, [tmp_path / "tpyo"], how=how).failures for _ in range(2)]
    assert [[each.code for each in told] for told in misspelt] == [["discover.missing"]] * 2


def test_an_archive_that_is_gone_goes_with_its_members(base, tmp_path):
    from tests.extract.make_archives import zipped

    file = tmp_path / "shelf" / "a.zip"
    file.write_bytes(zipped({"x.txt": b"x"}))
    ingest(base, [file])
    file.unlink()
    assert ingest(base, [file], how=How(wanted=Wanted(prune=True))).documents.removed == 2
    assert states(base) == {}


def test_failures_without_a_name_are_not_kept() -> None:
    from kb.pipeline.unreached import news

    nameless: Failure = failure("discover.missing")
    assert news([nameless], []) == []

"""The last check: one document in a throw-away knowledge base, ingested and found."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.doctor.check import Check
from kb.doctor.end_to_end import DOCUMENT, QUESTION, checks
from kb.doctor.examination import Examination, Wanted
from kb.pipeline.base import locate
from tests.fakes.endpoint import FakeEndpoint


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, which must be empty in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def examined(home: Path, **environ: str) -> list[Check]:
    base = locate(home / ".kb", environ=environ, cwd=home)
    return list(checks(Examination(base_of=base, wanted=Wanted(), container=False)))


def statuses(found: list[Check]) -> dict[str, str]:
    return {check.id: check.status for check in found}


def test_the_document_has_fifty_characters_and_shares_one_word_with_the_question() -> None:
    assert len(DOCUMENT) == 50
    shared = set(DOCUMENT.lower().split()) & set(QUESTION.lower().rstrip("?").split())
    assert shared == {"boiler"}


def test_an_endpoint_that_works_is_ok(fake: FakeEndpoint, tmp_path: Path, temporary: Path) -> None:
    found = examined(tmp_path, KB_BASE_URL=fake.base_url)
    assert statuses(found) == {"end_to_end.ingest": "ok", "end_to_end.search": "ok"}
    assert any(DOCUMENT in text for text in fake.texts)
    assert any(QUESTION in text for text in fake.texts)
    assert not list(temporary.iterdir())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["temporary"]


def test_the_built_in_model_is_tried_where_no_endpoint_is_set(
    tmp_path: Path, temporary: Path
) -> None:
    found = examined(tmp_path)
    assert statuses(found) == {"end_to_end.ingest": "ok", "end_to_end.search": "ok"}
    assert "builtin" in found[0].message
    assert not list(temporary.iterdir())


def test_the_settings_are_used_as_they_are(fake: FakeEndpoint, tmp_path: Path) -> None:
    fake.api_key = "s3cret"
    found = examined(tmp_path, KB_BASE_URL=fake.base_url, KB_API_KEY="s3cret", KB_PROMPTS="qwen3")
    assert statuses(found) == {"end_to_end.ingest": "ok", "end_to_end.search": "ok"}
    assert DOCUMENT in fake.texts
    assert not any("s3cret" in f"{check}" for check in found)


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("status", 500, "embed.server_error"),
        ("status", 503, "embed.overloaded"),
        ("html", True, "embed.invalid_response"),
        ("bad_vector", "nan", "embed.invalid_vector"),
        ("reset", True, "embed.unreachable"),
    ],
)
def test_a_failure_names_stage_code_and_cure(
    fake: FakeEndpoint, tmp_path: Path, temporary: Path, setting: str, value: object, code: str
) -> None:
    setattr(fake.faults, setting, value)
    found = examined(tmp_path, KB_BASE_URL=fake.base_url, KB_MAX_RETRIES="0")
    assert statuses(found) == {"end_to_end.ingest": "fail"}
    assert found[0].detail["code"] == code
    assert found[0].detail["stage"] == "embed"
    assert f"at the stage embed ({code})" in found[0].message
    assert found[0].hint
    assert not list(temporary.iterdir())


def test_an_endpoint_that_changes_its_vectors_fails_at_the_search(
    fake: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = fake.drawn

    def drawn(text: str) -> object:
        fake.faults.salt = "other weights" if QUESTION in text else ""
        vector = answer(text)
        return -vector if any(QUESTION in each for each in fake.texts) else vector

    monkeypatch.setattr(fake, "drawn", drawn)
    found = examined(tmp_path, KB_BASE_URL=fake.base_url)
    assert statuses(found) == {"end_to_end.ingest": "ok", "end_to_end.search": "fail"}
    assert found[1].detail["code"] == "embed.drift"


def test_no_temporary_folder_is_told(
    fake: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    found = examined(tmp_path, KB_BASE_URL=fake.base_url)
    assert statuses(found) == {"end_to_end.ingest": "fail"}
    assert "TMPDIR" in found[0].hint


def test_the_folder_is_gone_when_nobody_asks_on(
    fake: FakeEndpoint, tmp_path: Path, temporary: Path
) -> None:
    base = locate(tmp_path / ".kb", environ={"KB_BASE_URL": fake.base_url}, cwd=tmp_path)
    running = checks(Examination(base_of=base, wanted=Wanted(), container=False))
    next(running)
    assert list(temporary.iterdir())
    running.close()  # type: ignore[attr-defined]
    assert not list(temporary.iterdir())


@given(status=st.sampled_from([200, 400, 404, 418, 500]), body=st.text(max_size=40))
def test_whatever_the_server_answers_it_ends_in_checks(status: int, body: str) -> None:
    with FakeEndpoint() as server, tempfile.TemporaryDirectory() as folder:
        server.faults.status, server.faults.body = status, {"data": body, "error": body}
        found = examined(Path(folder), KB_BASE_URL=server.base_url, KB_MAX_RETRIES="0")
    assert [check.status for check in found] == ["fail"]
    assert found[0].message
    assert found[0].hint


def test_vectors_that_change_are_not_called_a_former_model(
    tmp_path: Path, fake: FakeEndpoint
) -> None:
    fake.faults.noise = 0.5
    last = examined(tmp_path, KB_BASE_URL=fake.base_url)[-1]
    assert last.status == "fail"
    assert last.detail["code"] == "embed.drift"
    assert "reindex" not in last.hint
    assert "KB_BASE_URL" in last.hint


def test_a_cure_does_not_send_people_to_their_own_knowledge_base(
    tmp_path: Path, fake: FakeEndpoint
) -> None:
    fake.faults.bad_vector = "nan"
    [check] = examined(tmp_path, KB_BASE_URL=fake.base_url)
    assert check.detail["code"] == "embed.invalid_vector"
    assert "bfloat16" in check.hint
    assert "kb retry" not in check.hint

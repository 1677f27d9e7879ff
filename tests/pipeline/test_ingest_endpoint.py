"""Ingest and search through an endpoint, and what remains when it fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb.embed.canary import TEXTS
from kb.embed.engine import CANARY
from kb.errors import EndpointError, UsageError
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import ingest
from kb.pipeline.retry import retry
from kb.pipeline.search import Asking, search
from kb.pipeline.setup import init
from tests.fakes.endpoint import FakeEndpoint
from tests.pipeline.dump import dump


@pytest.fixture
def fake():
    with FakeEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    for number in range(12):
        clauses = "\n\n".join(f"## Clause {n}\n\nWord{number} rule{n}." for n in range(1, 6))
        (folder / f"contract{number:02}.md").write_text(f"# Contract {number}\n\n{clauses}\n")
    return folder


def base_at(fake: FakeEndpoint, folder: Path, **environ: str) -> KnowledgeBase:
    settings = {"KB_BASE_URL": fake.base_url, "KB_MAX_RETRIES": "0", "KB_TIMEOUT_S": "2"}
    return locate(environ={**settings, **environ}, cwd=folder)


def sent(fake: FakeEndpoint, after: int = 0) -> list[str]:
    """Give the texts that were sent, canaries left out."""
    canaries = {f"{form}: {text}" for form in ("query", "passage") for text in (*TEXTS, CANARY)}
    return [text for text in fake.texts[after:] if text not in canaries]


def test_passages_and_questions_carry_their_prefixes(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    report = ingest(base, [shelf])
    assert report.status == "ok"
    before = len(fake.texts)
    assert len(sent(fake)) > 12
    assert all(text.startswith("passage: ") for text in sent(fake))
    requests = len(fake.embedded)
    search(base, "word3 rule2")
    assert sent(fake, before) == ["query: word3 rule2"]
    assert len(fake.embedded) == requests + 1, "canaries travel with the question"
    for request in fake.embedded:
        assert set(request.body) <= {"model", "input", "encoding_format"}
        assert isinstance(request.body["input"], list)


def test_hits_are_those_of_the_vectors(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    passages = sent(fake)
    hits = search(base, "word7 rule4", asking=Asking(mode="dense", top_k=3)).hits
    question = fake.vector("query: word7 rule4")
    best = max(passages, key=lambda text: float(np.dot(question, fake.vector(text))))
    assert hits[0].text in best
    assert hits[0].score == pytest.approx(float(np.dot(question, fake.vector(best))), abs=2e-3)


def test_settings_are_remembered_and_the_key_is_not(shelf, tmp_path):
    with FakeEndpoint(api_key="sk-very-secret") as fake:
        base = base_at(fake, tmp_path, KB_API_KEY="sk-very-secret")
        ingest(base, [shelf])
        later = locate(environ={"KB_API_KEY": "sk-very-secret"}, cwd=tmp_path)
        assert search(later, "word3").hits
        for file in base.home.rglob("*"):
            assert not file.is_file() or b"sk-very-secret" not in file.read_bytes()


def test_a_poisoned_passage_is_isolated_and_still_found_by_its_words(fake, shelf, tmp_path):
    fake.faults.poison = "Word5 rule3"
    base = base_at(fake, tmp_path)
    report = ingest(base, [shelf])
    assert report.status == "partial"
    assert [(f.source, f.code) for f in report.failures] == [
        ("shelf/contract05.md", "embed.bad_request")
    ]
    assert report.failures[0].locator.startswith("chunk ")
    assert (report.documents.added, report.chunks.failed) == (12, 1)
    hit = search(base, '"word5 rule3"', asking=Asking(mode="lexical")).hits[0]
    assert "Word5 rule3" in hit.text

    fake.faults.poison = None
    before = len(fake.texts)
    assert retry(base, stage="embed").status == "ok"
    paid = [text for text in sent(fake, before) if "rule" in text]
    assert [text for text in paid if "Word5 rule3" not in text] == []
    with base.snapshot() as snapshot:
        assert not snapshot.failures()


def test_a_refused_text_that_two_documents_share_is_counted_in_both(fake, tmp_path):
    folder = tmp_path / "twins"
    folder.mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text("The same poisoned words.")
    fake.faults.poison = "poisoned"
    report = ingest(base_at(fake, tmp_path), [folder])
    counts = report.chunks
    assert (counts.added, counts.reused, counts.failed) == (0, 0, 2)
    assert {failure.source for failure in report.failures} == {"twins/one.txt", "twins/two.txt"}


def test_an_endpoint_that_is_down_is_one_failure_and_nothing_is_made(fake, shelf, tmp_path):
    fake.stop()
    base = base_at(fake, tmp_path)
    report = ingest(base, [shelf])
    assert (report.status, report.exit_code, len(report.failures)) == ("failed", 3, 1)
    assert report.error.stage == "embed"
    assert not base.home.exists()


def test_an_endpoint_that_dies_on_the_way_keeps_what_was_finished(fake, shelf, tmp_path):
    whole = base_at(fake, tmp_path / "whole")
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "shelf").symlink_to(shelf)
    ingest(whole, [tmp_path / "whole" / "shelf"])

    base = base_at(fake, tmp_path)
    ingest(base, sorted(shelf.iterdir())[:5])
    before = len(fake.texts)
    fake.faults.status = 500
    report = ingest(base, [shelf])
    assert (report.status, report.exit_code) == ("failed", 3)
    assert len(report.failures) == 1
    fake.faults.status = None
    assert ingest(base, [shelf]).status == "ok"
    assert dump(base) == dump(whole)
    assert len({t for t in sent(fake, before) if "Word0 " in t or "Word3 " in t}) == 0


def test_random_faults_change_nothing_in_the_end(fake, shelf, tmp_path):
    clean = base_at(fake, tmp_path / "clean")
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "shelf").symlink_to(shelf)
    ingest(clean, [tmp_path / "clean" / "shelf"])
    base = base_at(fake, tmp_path, KB_MAX_RETRIES="8")
    fake.faults.random_rate = 0.2
    report = ingest(base, [shelf])
    assert report.status == "ok", report.failures
    fake.faults.random_rate = 0
    assert dump(base) == dump(clean)


def test_other_settings_are_refused_before_anything_is_written(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    before = dump(base)
    (shelf / "new.md").write_text("# New\n\nA new rule.\n")
    for environ in ({"KB_PROMPTS": "qwen3"}, {"KB_MODEL": "builtin:static"}):
        with pytest.raises(UsageError) as caught:
            ingest(base_at(fake, tmp_path, **environ), [shelf])
        assert caught.value.failure.code == "embed.profile_mismatch"
        assert caught.value.failure.hint
    assert dump(base) == before


def test_vectors_of_another_length_end_the_run(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    (shelf / "new.md").write_text("# New\n\nA new rule.\n")
    fake.faults.dimensions = 8
    report = ingest(base, [shelf])
    assert report.exit_code == 3
    assert report.error.code == "embed.dimension_mismatch"
    with pytest.raises(EndpointError):
        search(base, "rule", asking=Asking(mode="dense"))


def test_an_endpoint_that_drifted_is_refused_before_anything_is_written(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    before = dump(base)
    (shelf / "new.md").write_text("# New\n\nA new rule.\n")
    with FakeEndpoint() as other:
        other.faults.salt = "other weights"
        moved = base_at(other, tmp_path)
        report = ingest(moved, [shelf])
        assert (report.exit_code, report.error.code) == (3, "embed.drift")
        assert [text for text in sent(other) if "new rule" in text] == []
        for mode in ("hybrid", "dense"):
            with pytest.raises(EndpointError) as caught:
                search(moved, "word3", asking=Asking(mode=mode))
            assert caught.value.failure.code == "embed.drift"
    assert dump(base) == before
    assert ingest(base, [shelf]).documents.added == 1


def test_canaries_are_pinned_once(fake, tmp_path):
    base = base_at(fake, tmp_path)
    init(base)
    with base.snapshot() as snapshot:
        kept = snapshot.canaries()
    assert kept.shape == (2 * len(TEXTS), 16)
    sent_before = len(fake.texts)
    init(base)
    assert len(fake.texts) - sent_before == 2
    with base.snapshot() as snapshot:
        assert np.array_equal(snapshot.canaries(), kept)


def test_a_search_whose_endpoint_is_away_answers_by_words(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    fake.stop()
    answer = search(base, "word3 rule2")
    assert answer.hits[0].path == "shelf/contract03.md"
    assert answer.exit_code == 3
    assert "embed." in answer.warnings[0]
    with pytest.raises(EndpointError):
        search(base, "word3 rule2", asking=Asking(mode="dense"))


def test_init_checks_and_pins_and_is_repeatable(fake, tmp_path):
    base = base_at(fake, tmp_path)
    profile = init(base)
    assert (profile.model, profile.dimensions) == ("fake-embed", 16)
    assert init(base) == profile
    with pytest.raises(UsageError, match="do not fit"):
        init(base_at(fake, tmp_path, KB_PROMPTS="none"))


def test_init_makes_nothing_where_the_endpoint_is_down(fake, tmp_path):
    fake.stop()
    base = base_at(fake, tmp_path)
    with pytest.raises(EndpointError):
        init(base)
    assert not base.home.exists()

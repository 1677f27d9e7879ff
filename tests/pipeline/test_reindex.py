"""Reindexing, rolling back and tidying up: what is seen, what is paid for, what is refused."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kb.embed.canary import TEXTS
from kb.embed.engine import CANARY
from kb.errors import EndpointError, StoreError, UsageError
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.gc import Which, gc
from kb.pipeline.ingest import ingest
from kb.pipeline.reindex import NOTHING, REFUSED, How, reindex
from kb.pipeline.rollback import rollback
from kb.pipeline.search import Asking, search
from kb.pipeline.setup import init
from kb.pipeline.show import show
from kb.store import open_store, verify_store
from tests.fakes.endpoint import FakeEndpoint
from tests.pipeline.dump import dump
from tests.store import invariants

CANARIES = {f"{form}: {text}" for form in ("query", "passage") for text in (*TEXTS, CANARY)}
#: Which words a document has, so that each question has one answer.
WORDS = (
    *("amber", "birch", "cedar", "dune", "ember", "fjord", "grove"),
    *("heath", "islet", "jetty", "kelp", "larch", "moor", "nectar"),
)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    for number, word in enumerate(WORDS):
        clauses = "\n\n".join(
            f"## {word.title()} rule {n}\n\nThe {word} of kind{n} belongs to house{number}{n} "
            f"and stays there until month{n} of the year."
            for n in range(1, 5)
        )
        (folder / f"{word}.md").write_text(f"# About {word}\n\n{clauses}\n")
    return folder


def dying(endpoint: FakeEndpoint, *, texts: int) -> Callable[[str], Any]:
    """Give a `drawn` for so many texts of documents; in place of the next its endpoint stops."""
    real, left = endpoint.drawn, itertools.count(texts, -1)

    def drawn(text: str) -> Any:
        if "belongs to house" not in text or next(left) > 0:
            return real(text)
        endpoint.stop()
        raise ConnectionResetError("the endpoint has died")

    return drawn


def base_at(fake: FakeEndpoint | None, folder: Path, **options: object) -> KnowledgeBase:
    environ = {"KB_MAX_RETRIES": "0", "KB_TIMEOUT_S": "2"}
    given = {
        f"{'chunking' if 'tokens' in name else 'embedding'}.{name}": value
        for name, value in options.items()
    }
    if fake is not None:
        given["embedding.base_url"] = fake.base_url
    return locate(environ=environ, options=given, cwd=folder)


def filled(fake: FakeEndpoint | None, folder: Path, shelf: Path) -> KnowledgeBase:
    base = base_at(fake, folder)
    assert ingest(base, [shelf]).status == "ok"
    return base_at(None, folder)


def paid(fake: FakeEndpoint, after: int = 0) -> list[str]:
    """Give the passages that were sent; canaries and questions left out."""
    return [
        text for text in fake.texts[after:] if text.startswith("passage: ") and text not in CANARIES
    ]


def generations(base: KnowledgeBase) -> dict[str, int]:
    with base.snapshot() as snapshot:
        return {each.state: each.id for each in snapshot.generations()}


def bytes_of(home: Path) -> dict[str, str]:
    return {
        str(file.relative_to(home)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(home.rglob("*"))
        if file.is_file() and not file.name.endswith("-shm")
    }


def embedding(base: KnowledgeBase) -> dict[str, object]:
    return tomllib.loads((base.home / "kb.toml").read_text()).get("embedding", {})


def test_another_model_takes_over_from_the_stored_text(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    for file in shelf.iterdir():
        file.unlink()
    outcome = reindex(base_at(other, tmp_path, model="other-embed"))
    assert (outcome.switched, outcome.exit_code, outcome.report.status) == (True, 0, "ok")
    assert outcome.report.profile.model == "other-embed"
    assert outcome.report.chunks.added == len(paid(other)) == len(set(paid(other)))
    now = base_at(None, tmp_path)
    assert embedding(now)["model"] == "other-embed"
    assert embedding(now)["base_url"] == other.base_url
    with now.snapshot() as snapshot:
        assert snapshot.profile.dimensions == 24
        assert len(snapshot.documents()) == len(WORDS)
    dense = Asking(mode="dense")
    assert search(now, "cedar of kind2", asking=dense).hits[0].path.endswith("cedar.md")
    assert generations(now) == {"current": 2}
    invariants.check(base.home)
    with now.snapshot() as snapshot:
        assert snapshot.summary().vectors == len(set(paid(other)))
        assert snapshot._database.one("SELECT count(*) FROM profiles") == (1,)


def test_it_is_what_an_ingest_with_these_settings_would_have_made(fake, other, shelf, tmp_path):
    filled(fake, tmp_path, shelf)
    reindex(base_at(other, tmp_path, model="other-embed", target_tokens=16))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "shelf").symlink_to(shelf)
    base = base_at(other, fresh, target_tokens=16)
    ingest(base, [fresh / "shelf"])
    made, wanted = dump(base_at(None, tmp_path)), dump(base)
    assert made["documents"] == wanted["documents"]
    assert made["counts"] == wanted["counts"]


def test_nothing_to_do(fake, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    before = len(paid(fake))
    outcome = reindex(base)
    assert (outcome.note, outcome.switched, outcome.exit_code) == (NOTHING, False, 0)
    assert len(paid(fake)) == before
    forced = reindex(base, how=How(force=True))
    assert forced.switched
    assert len(paid(fake)) == before, "the same texts under the same profile cost nothing"
    assert forced.report.chunks.added == 0


def test_only_the_chunking(fake, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    known = set(paid(fake))
    before = len(fake.texts)
    outcome = reindex(base_at(None, tmp_path, target_tokens=16))
    assert outcome.switched
    fresh = paid(fake, before)
    assert fresh
    assert not known & set(fresh)
    assert tomllib.loads((base.home / "kb.toml").read_text())["chunking"] == {"target_tokens": 16}
    (shelf / "amber.md").write_text("# New\n\nText of amber.\n")
    with pytest.raises(UsageError, match=r"chunking.target_tokens is 256"):
        ingest(base_at(None, tmp_path, target_tokens=256), [shelf])
    assert ingest(base_at(None, tmp_path), [shelf]).documents.updated == 1
    invariants.check(base.home)


def test_dry_run_writes_nothing(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    before = bytes_of(base.home)
    outcome = reindex(base_at(other, tmp_path, model="other-embed"), how=How(dry_run=True))
    assert bytes_of(base.home) == before
    assert not outcome.switched
    estimate = outcome.estimate
    assert (estimate.documents, estimate.reused, estimate.exact) == (len(WORDS), 0, True)
    assert estimate.seconds is not None
    done = reindex(base_at(other, tmp_path, model="other-embed"))
    chunks = done.report.chunks
    assert chunks.added + chunks.reused == estimate.chunks


def test_a_worse_model_is_refused_and_kept_for_force(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    other.faults.alike = True
    worse = base_at(other, tmp_path, model="other-embed")
    toml = (base.home / "kb.toml").read_bytes()
    outcome = reindex(worse)
    assert (outcome.switched, outcome.exit_code, outcome.note) == (False, 1, REFUSED)
    assert outcome.check.worse
    dense = next(row for row in outcome.check.rows if row.mode == "dense")
    assert dense.before - dense.after > outcome.check.margin
    assert (base.home / "kb.toml").read_bytes() == toml
    assert generations(base) == {"current": 1, "building": 2}
    assert search(base, "cedar of kind2").hits[0].path.endswith("cedar.md")
    before = len(paid(other))
    forced = reindex(worse, how=How(force=True))
    assert forced.switched
    assert len(paid(other)) == before, "it was paid for"
    assert generations(base) == {"current": 2}


def test_an_endpoint_that_dies_in_the_middle(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    to = base_at(other, tmp_path, model="other-embed", concurrency=1, batch_tokens=64)
    # Whatever the order of the documents, which is that in which their last vectors came.
    other.drawn = dying(other, texts=len(WORDS) * 4 * 2 // 3)
    outcome = reindex(to)
    assert (outcome.exit_code, outcome.report.status, outcome.switched) == (3, "failed", False)
    assert generations(base) == {"current": 1, "building": 2}
    assert search(base, "cedar of kind2").hits[0].path.endswith("cedar.md")
    invariants.check(base.home)
    with base.snapshot() as snapshot:
        building = snapshot.generations()[1]
        assert 0 < building.missing < len(WORDS)
    with FakeEndpoint(dimensions=24, model="other-embed") as again:
        outcome = reindex(base_at(again, tmp_path, model="other-embed"))
        assert outcome.switched
        assert outcome.report.documents.unchanged > 0
        answered = {
            text
            for request in other.embedded
            if request.status == [200]
            for text in request.body["input"]
        }
        assert not answered & set(paid(again))
    invariants.check(base.home)


def test_other_settings_drop_what_was_half_built(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    other.faults.alike = True
    reindex(base_at(other, tmp_path, model="other-embed"))
    assert generations(base) == {"current": 1, "building": 2}
    assert reindex(base_at(None, tmp_path, target_tokens=16)).switched
    assert generations(base) == {"current": 3}
    invariants.check(base.home)


def test_an_ingest_between(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    other.faults.alike = True
    to = base_at(other, tmp_path, model="other-embed")
    reindex(to)
    (shelf / "amber.md").write_text("# Amber\n\nThe amber was melted down in winter.\n")
    (shelf / "birch.md").unlink()
    (shelf / "zebra.md").write_text("# Zebra\n\nA zebra came by in spring.\n")
    from kb.pipeline.ingest import How as IngestHow
    from kb.pipeline.plan import Wanted

    ingest(base, [shelf], how=IngestHow(wanted=Wanted(prune=True)))
    invariants.check(base.home)
    before = len(fake.texts), len(other.texts)
    other.faults.alike = False
    other.faults.salt = ""
    outcome = reindex(to, how=How(force=True))
    assert outcome.switched
    assert not paid(fake, before[0])
    now = base_at(None, tmp_path)
    with now.snapshot() as snapshot:
        paths = {Path(row.path).stem: row.chunks for row in snapshot.documents()}
        assert set(paths) == {*WORDS, "zebra"} - {"birch"}
        assert all(paths.values())
    assert search(now, "melted down in winter").hits[0].path.endswith("amber.md")
    assert not search(now, "birch", asking=Asking(mode="lexical")).hits
    invariants.check(base.home)


def test_what_is_refused_is_told_and_moves_with_the_switch(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    other.faults.poison = "heath of kind3"
    outcome = reindex(base_at(other, tmp_path, model="other-embed"), how=How(keep_old=True))
    assert (outcome.switched, outcome.exit_code, outcome.report.status) == (True, 1, "partial")
    assert [each.code for each in outcome.report.failures] == ["embed.bad_request"]
    now = base_at(None, tmp_path)
    with now.snapshot() as snapshot:
        assert [each.code for each in snapshot.failures()] == ["embed.bad_request"]
        assert snapshot.known_sources()["shelf/heath.md"].state == "indexed"
    assert [found for found in verify_store(base.home) if not found.ok] == []
    assert rollback(now).exit_code == 0
    assert [found for found in verify_store(base.home) if not found.ok] == []
    with base.snapshot() as snapshot:
        assert not snapshot.failures()
    assert rollback(base_at(None, tmp_path)).switched
    with base.snapshot() as snapshot:
        assert [each.locator for each in snapshot.failures()] != []


def test_rollback_brings_back_profile_settings_and_passages(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    toml = tomllib.loads((base.home / "kb.toml").read_text())
    before = dump(base)
    hit = search(base, "cedar of kind2").hits[0]
    reindex(base_at(other, tmp_path, model="other-embed"), how=How(keep_old=True))
    assert generations(base) == {"current": 2, "former": 1}
    with pytest.raises(UsageError, match="generation 1, which is not in use"):
        show(base_at(None, tmp_path), hit.ref)
    counts = len(fake.texts), len(other.texts)
    outcome = rollback(base_at(None, tmp_path))
    assert (len(fake.texts), len(other.texts)) == counts, "nothing changed, so nobody is asked"
    assert (outcome.switched, outcome.generation, outcome.exit_code) == (True, 1, 0)
    now = base_at(None, tmp_path)
    assert dump(now) == before
    assert tomllib.loads((base.home / "kb.toml").read_text()) == toml
    assert search(now, "cedar of kind2").hits[0].ref == hit.ref
    assert generations(now) == {"current": 1, "former": 2}
    invariants.check(base.home)


def test_rollback_takes_in_what_changed_since_or_names_it(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    reindex(base_at(other, tmp_path, model="other-embed"), how=How(keep_old=True))
    (shelf / "zebra.md").write_text("# Zebra\n\nA zebra came by in spring.\n")
    (shelf / "birch.md").unlink()
    from kb.pipeline.catalogue import remove

    remove(base, [shelf / "birch.md"])
    ingest(base_at(None, tmp_path), [shelf])
    port = fake.port
    fake.stop()
    outcome = rollback(base_at(None, tmp_path))
    assert (outcome.switched, outcome.exit_code) == (False, 3)
    assert "shelf/zebra.md" in outcome.report.error.message
    assert generations(base) == {"current": 2, "former": 1}
    fake.port = port
    fake.ending.clear()
    fake.start()
    before = len(fake.texts)
    assert rollback(base_at(None, tmp_path)).switched
    assert len(paid(fake, before)) == 1
    now = base_at(None, tmp_path)
    assert search(now, "zebra came by").hits[0].path.endswith("zebra.md")
    with now.snapshot() as snapshot:
        assert "shelf/birch.md" not in {row.path for row in snapshot.documents()}
    invariants.check(base.home)


def test_there_is_nothing_to_roll_back_to(fake, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    with pytest.raises(UsageError, match="no former generation"):
        rollback(base)


def test_from_the_builtin_model_to_an_endpoint_and_back(fake, shelf, tmp_path):
    base = filled(None, tmp_path, shelf)
    assert reindex(base_at(fake, tmp_path), how=How(force=True)).switched
    now = base_at(None, tmp_path)
    assert embedding(now)["base_url"] == fake.base_url
    assert search(now, "cedar of kind2").hits
    outcome = reindex(base_at(None, tmp_path, model="builtin:static"), how=How(force=True))
    assert outcome.switched
    assert outcome.report.profile.provider == "builtin"
    assert embedding(base) == {"model": "builtin:static"}
    outcome = reindex(base_at(fake, tmp_path), how=How(force=True))
    assert outcome.report.profile.provider == "endpoint"


def test_settings_that_differ_are_refused_and_reindex_is_named(fake, other, shelf, tmp_path):
    filled(fake, tmp_path, shelf)
    wrong = base_at(other, tmp_path, model="other-embed")
    for attempt in (
        lambda: search(wrong, "cedar"),
        lambda: ingest(wrong, [shelf / "amber.md"]),
        lambda: init(wrong),
    ):
        (shelf / "amber.md").write_text(f"# Amber {attempt}\n")
        with pytest.raises(UsageError) as caught:
            attempt()
        assert "kb reindex" in caught.value.failure.hint


def test_drift_is_mended(fake, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    fake.faults.salt = "other weights"
    with pytest.raises(EndpointError) as caught:
        search(base, "cedar of kind2", asking=Asking(mode="dense"))
    assert "kb reindex" in caught.value.failure.hint
    outcome = reindex(base)
    assert outcome.switched
    assert outcome.report.chunks.reused == 0
    now = base_at(None, tmp_path)
    question = fake.vector("query: cedar of kind2")
    best = max(float(question @ fake.vector(text)) for text in paid(fake))
    hits = search(now, "cedar of kind2", asking=Asking(mode="dense")).hits
    assert hits[0].score == pytest.approx(best, abs=2e-3), "the vectors are those of today"
    (shelf / "zebra.md").write_text("# Zebra\n\nA zebra came by in spring.\n")
    assert ingest(now, [shelf]).documents.added == 1
    assert reindex(now).note == NOTHING
    invariants.check(base.home)


def test_gc_frees_what_nothing_names(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    reindex(base_at(other, tmp_path, model="other-embed"), how=How(keep_old=True))
    before = dump(base_at(None, tmp_path))
    now = base_at(None, tmp_path)
    assert gc(now).generations == ()
    rehearsed = gc(now, which=Which(former=True), dry_run=True)
    freed = gc(now, which=Which(former=True))
    assert (freed.generations, freed.chunks, freed.vectors) == (
        rehearsed.generations,
        rehearsed.chunks,
        rehearsed.vectors,
    )
    assert freed.generations == (1,)
    assert freed.vectors == len(set(paid(fake)))
    assert dump(now) == before
    invariants.check(base.home, swept=True)
    assert gc(now).vectors == 0


def test_gc_leaves_what_an_unfinished_run_has_paid_for(fake, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    with closing(base.open()) as store, store.writer("test") as writer:
        writer.remove(["shelf/cedar.md"])
        writer.start_run("ingest")
    freed = gc(base)
    assert (freed.vectors, freed.journal > 0) == (0, True)
    with closing(base.open()) as store, store.writer("test") as writer:
        writer._database.run("UPDATE runs SET status = 'ok', finished_at = 'x'")
    assert gc(base).vectors == freed.journal
    invariants.check(base.home)


def test_a_second_writer_is_told_who_holds_the_lock(fake, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    with closing(open_store(base.home)) as store, store.writer("reindex"):
        for attempt in (
            lambda: reindex(base, how=How(wait_s=0.1)),
            lambda: rollback(base, wait_s=0.1),
            lambda: gc(base, wait_s=0.1),
        ):
            with pytest.raises(StoreError, match="`reindex` \\(process"):
                attempt()


def test_comments_in_the_settings_stay(fake, other, shelf, tmp_path):
    base = filled(fake, tmp_path, shelf)
    file = base.home / "kb.toml"
    mine = "# mine\n" + file.read_text() + '\n[search]\nmode = "hybrid"  # as I like it\n'
    file.write_text(mine)
    reindex(base_at(other, tmp_path, model="other-embed"))
    names = [line.partition(" = ")[0] for line in mine.splitlines()]
    assert [line.partition(" = ")[0] for line in file.read_text().splitlines()] == names
    assert "# mine\n" in file.read_text()
    assert 'mode = "hybrid"  # as I like it' in file.read_text()

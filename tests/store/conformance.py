"""What every engine behind `kb.store.Store` must do; an engine's tests inherit from this class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kb.errors import Failure, Stage, StoreError, UsageError, failure
from kb.model import ChunkCounts, DocumentCounts, Filter, Heading, Page, PageState, Report
from tests.store.builders import (
    DIMENSIONS,
    PROFILE,
    draft,
    embed,
    source,
    store_document,
    texts_of,
    unit,
    vector_of,
)


class StoreConformance:
    """Needs a fixture `store`: an empty knowledge base."""

    def test_an_empty_one_answers_with_nothing(self, store):
        with store.snapshot() as snapshot:
            assert snapshot.profile is None
            assert snapshot.canaries() is None
            assert dict(snapshot.known_sources()) == {}
            assert list(snapshot.documents()) == []
            assert not snapshot.any_document(Filter())
            assert snapshot.document("a.txt") is None
            assert list(snapshot.nearest(vector_of("x"), top_k=3)) == []
            assert list(snapshot.match("x", top_k=3)) == []
            assert dict(snapshot.similarities(vector_of("x"), [1])) == {}
            assert dict(snapshot.passages([1])) == {}
            assert list(snapshot.neighbours(1, count=2)) == []
            assert list(snapshot.failures()) == []
            summary = snapshot.summary()
            assert (summary.documents, summary.chunks, summary.vectors) == (0, 0, 0)
            assert summary.last_run is None
            assert list(summary.not_searchable) == []

    def test_a_document_comes_back_as_it_was_put(self, store):
        problem = failure("extract.no_text", source="a.pdf", locator="page 2")
        pages = (
            Page(number=1, start=0, end=8),
            Page(number=2, start=8, end=8, state=PageState.IMAGE_ONLY, code="extract.no_text"),
        )
        made = draft("a.pdf", ["第一条\0e\u0301😀"], pages=pages, problems=(problem,), title="题")
        headings = (Heading(level=1, title="第一条", start=0, end=3),)
        made = replace(made, document=replace(made.document, headings=headings))
        with store.writer("test") as writer:
            embed(writer, ["第一条\0e\u0301😀"])
            assert writer.put(made) == (1, 0)
        with store.snapshot() as snapshot:
            stored = snapshot.document("a.pdf")
            assert stored.document == made.document
            assert stored.row.coverage == {"indexed": 1, "image_only": 1}
            assert (stored.row.pages, stored.row.chunks, stored.row.state) == (2, 1, "indexed")
            assert list(snapshot.documents()) == [stored.row]
            (hit,) = snapshot.match("第一", top_k=5)
            assert snapshot.passages([hit[0]])[hit[0]].chunk == made.chunks[0].chunk
            assert list(snapshot.failures()) == [problem]
            (entry,) = snapshot.summary().not_searchable
            assert (entry["reason"], entry["code"], entry["pages"]) == (
                "pages",
                "extract.no_text",
                [2],
            )

    def test_a_new_version_replaces_the_old_one_whole(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["old alpha", "shared"])
            former = self.ids(store)
            assert store_document(writer, "a.txt", ["new beta", "shared", "gamma"]) == (3, 2)
        with store.snapshot() as snapshot:
            assert list(snapshot.match("alpha", top_k=5)) == []
            assert texts_of(snapshot, snapshot.match("beta", top_k=5)) == ["new beta"]
            assert dict(snapshot.passages(former)) == {}
            assert set(self.ids(store)).isdisjoint(former)
            best = snapshot.nearest(vector_of("old alpha"), top_k=9)
            assert sorted(texts_of(snapshot, best)) == ["gamma", "new beta", "shared"]

    def test_putting_the_same_again_changes_nothing_that_is_seen(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["one", "two"])
            assert store_document(writer, "a.txt", ["one", "two"]) == (2, 2)
        with store.snapshot() as snapshot:
            assert (snapshot.summary().documents, snapshot.summary().chunks) == (1, 2)
            assert len(snapshot.match("one", top_k=9)) == 1

    def test_one_vector_serves_every_chunk_of_that_text(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["same", "other"])
            store_document(writer, "b.txt", ["same"])
        with store.snapshot() as snapshot:
            assert snapshot.summary().vectors == 2
            hits = snapshot.nearest(vector_of("same"), top_k=2)
            assert texts_of(snapshot, hits) == ["same", "same"]
            assert hits[0][0] < hits[1][0]
            assert hits[0][1] == hits[1][1] == pytest.approx(1, abs=1e-3)

    def test_a_chunk_without_vector_is_found_by_its_words(self, store):
        with store.writer("test") as writer:
            writer.pin(PROFILE)
            writer.put(draft("a.txt", ["abstained"], keys=[None]))
        with store.snapshot() as snapshot:
            ((chunk_id, _),) = snapshot.match("abstained", top_k=1)
            assert list(snapshot.nearest(vector_of("abstained"), top_k=1)) == []
            assert dict(snapshot.similarities(vector_of("abstained"), [chunk_id])) == {}

    def test_a_chunk_whose_vector_was_never_stored_is_refused(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["kept"])
            with pytest.raises(StoreError) as caught:
                writer.put(draft("a.txt", ["not embedded"]))
            assert caught.value.failure.code == "store.corrupt"
        with store.snapshot() as snapshot:
            assert texts_of(snapshot, snapshot.match("kept", top_k=1)) == ["kept"]

    def test_similarities_are_exact_and_leave_out_the_unknown(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["one", "two"])
        with store.snapshot() as snapshot:
            ids = self.ids(store)
            found = snapshot.similarities(vector_of("one"), [*ids, 999_999])
            assert set(found) == set(ids)
            assert found[ids[0]] == pytest.approx(1, abs=1e-3)
            expected = float(vector_of("one") @ vector_of("two"))
            assert found[ids[1]] == pytest.approx(expected, abs=1e-3)

    def test_neighbours_stay_in_the_document_and_in_order(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["one", "two", "three", "four"])
            store_document(writer, "b.txt", ["five"])
        with store.snapshot() as snapshot:
            ((middle, _),) = snapshot.match("two", top_k=1)
            around = [p.chunk.text for p in snapshot.neighbours(middle, count=1)]
            assert around == ["one", "two", "three"]
            assert [p.chunk.text for p in snapshot.neighbours(middle, count=0)] == ["two"]

    def test_two_passages_are_given_as_one_with_what_stands_between(self, store):
        said = ["eins", "zwei é😀", "drei", "vier"]
        with store.writer("test") as writer:
            store_document(writer, "a.txt", said)
            store_document(writer, "b.txt", ["five"])
        with store.snapshot() as snapshot:
            ids = {
                passage.chunk.text: passage.chunk_id
                for word in ("eins", "zwei", "drei", "vier", "five")
                for passage in snapshot.passages([snapshot.match(word, top_k=1)[0][0]]).values()
            }
            first, second, third, last = (ids[text] for text in said)
            whole = snapshot.joined(first, third)
            assert whole.chunk_id == first
            assert whole.path == "a.txt"
            assert whole.chunk.text == "\n\n".join(said[:3])
            assert (whole.chunk.start, whole.chunk.end) == (0, len(whole.chunk.text))
            alone = snapshot.passages([second])[second]
            assert snapshot.joined(second, second) == alone
            assert snapshot.joined(third, first) is None
            assert snapshot.joined(first, ids["five"]) is None
            assert snapshot.joined(ids["five"], first) is None
            assert snapshot.joined(last, 999_999) is None
            assert snapshot.joined(999_999, last) is None

    def test_a_character_stands_on_the_last_page_that_begins_before_it(self, store):
        pages = (
            Page(number=1, start=0, end=4),
            Page(number=2, start=4, end=4, state=PageState.BLANK),
            Page(number=3, start=4, end=9),
        )
        with store.writer("test") as writer:
            writer.put(draft("a.pdf", ["one\n", "two"], pages=pages, keys=[None, None]))
            writer.put(draft("b.pdf", ["three"], keys=[None]))
        with store.snapshot() as snapshot:
            found = [snapshot.page_at("a.pdf", at) for at in (0, 3, 4, 8)]
            assert found == [1, 1, 3, 3]
            assert snapshot.page_at("c.pdf", 0) is None

    def test_filters_by_collection_and_path(self, store):
        with store.writer("test") as writer:
            store_document(writer, "contracts/acme.pdf", ["refund one"], collection="legal")
            store_document(writer, "contracts/2024/beta.pdf", ["refund two"], collection="legal")
            store_document(writer, "notes.md", ["refund three"])
        cases = {
            Filter(): 3,
            Filter(collection="legal"): 2,
            Filter(collection="none"): 0,
            Filter(path="*.pdf"): 2,
            Filter(path="contracts/*.pdf"): 1,
            Filter(path="contracts/**"): 2,
            Filter(path="**/*.md"): 1,
            Filter(path="?otes.md"): 1,
            Filter(path="contracts/*/beta.pdf", collection="legal"): 1,
            Filter(path="*.md", collection="legal"): 0,
        }
        with store.snapshot() as snapshot:
            for within, count in cases.items():
                assert len(snapshot.documents(within)) == count, within
                assert snapshot.any_document(within) == (count > 0), within
                assert len(snapshot.match("refund", top_k=9, within=within)) == count, within
                found = snapshot.nearest(vector_of("refund two"), top_k=9, within=within)
                assert len(found) == count, within
                assert len({i for i, _ in found}) == count

    def test_the_profile_is_pinned_once(self, store):
        canaries = unit(np.eye(2, DIMENSIONS))
        with store.writer("test") as writer:
            writer.pin(PROFILE)
            writer.pin(replace(PROFILE, dense_weight=0.9), canaries=canaries)
            writer.pin(PROFILE, canaries=-canaries)
            with pytest.raises(UsageError) as caught:
                writer.pin(replace(PROFILE, model="other", query_template="{text}"))
        assert caught.value.failure.code == "embed.profile_mismatch"
        assert set(caught.value.failure.detail["differing"]) == {"model", "query_template"}
        with store.snapshot() as snapshot:
            assert snapshot.profile == PROFILE
            np.testing.assert_array_equal(snapshot.canaries(), canaries)

    def test_a_bad_vector_is_refused(self, store):
        with store.writer("test") as writer:
            with pytest.raises(StoreError):
                writer.add_vectors([b"k" * 32], np.zeros((1, DIMENSIONS), np.float32))
            writer.pin(PROFILE)
            for bad in (np.zeros((1, 3)), np.full((1, DIMENSIONS), np.nan), np.full((1, 16), 1e9)):
                with pytest.raises(StoreError) as caught:
                    writer.add_vectors([b"k" * 32], bad.astype(np.float32))
                assert caught.value.failure.code == "store.corrupt"
            assert writer.known_keys([b"k" * 32]) == set()
            store_document(writer, "a.txt", ["one"])
        with store.snapshot() as snapshot:
            for bad in (np.zeros(3), np.full(DIMENSIONS, np.inf)):
                with pytest.raises(StoreError):
                    snapshot.nearest(bad.astype(np.float32), top_k=1)

    def test_a_key_is_paid_for_once(self, store):
        with store.writer("test") as writer:
            writer.pin(PROFILE)
            keys = [n.to_bytes(32, "big") for n in range(1500)]
            writer.add_vectors(
                keys[:1200], unit(np.random.default_rng(1).random((1200, DIMENSIONS)))
            )
            assert writer.known_keys(iter(keys)) == set(keys[:1200])
            writer.add_vectors(keys[:1], unit(np.ones((1, DIMENSIONS))))
        with store.snapshot() as snapshot:
            assert snapshot.summary().vectors == 1200

    def test_a_failed_file_is_remembered_and_counted_up(self, store):
        broken = failure("extract.corrupt", source="bad.pdf")
        slow = failure("extract.timeout", source="slow.pdf")
        with store.writer("test") as writer:
            writer.fail(source("bad.pdf", size=7), "hash", broken, collection="c")
            writer.fail(source("bad.pdf", size=7), "hash", broken, collection="c")
            writer.fail(source("slow.pdf"), "hash", slow, collection="c")
        with store.snapshot() as snapshot:
            known = snapshot.known_sources()
            assert [known[p].state for p in ("bad.pdf", "slow.pdf")] == ["failed", "failed"]
            assert [known[p].retriable for p in ("bad.pdf", "slow.pdf")] == [False, True]
            assert (known["bad.pdf"].size, known["bad.pdf"].sha256) == (7, "hash")
            assert [f.attempts for f in snapshot.failures()] == [2, 1]
            assert [f.source for f in snapshot.failures(code="extract.timeout")] == ["slow.pdf"]
            assert list(snapshot.failures(stage="embed")) == []
            assert list(snapshot.documents()) == []
            assert snapshot.summary().failures_by_stage == {"extract": 2}
            assert [e["reason"] for e in snapshot.summary().not_searchable] == ["failed", "failed"]

    def test_a_changed_file_that_fails_keeps_answering_as_stale(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["alpha"])
            writer.fail(source("a.txt"), "new", failure("extract.corrupt"), collection="default")
        with store.snapshot() as snapshot:
            assert len(snapshot.match("alpha", top_k=1)) == 1
            assert snapshot.documents()[0].state == "stale"
            assert snapshot.known_sources()["a.txt"].sha256 == "new"
            assert snapshot.failures()[0].source == "a.txt"
            assert [e["reason"] for e in snapshot.summary().not_searchable] == ["stale"]
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["beta"])
        with store.snapshot() as snapshot:
            assert list(snapshot.failures()) == []
            assert snapshot.documents()[0].state == "indexed"

    def test_failures_of_a_put_are_replaced_and_counted_up(self, store):
        def lost(n: int) -> Failure:
            return failure("embed.timeout", source="a.txt", locator=f"chunk {n}", status=504)

        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["x"], failures=[lost(1), lost(2)])
            store_document(writer, "a.txt", ["x"], failures=[lost(2), lost(3)], problems=(lost(3),))
        with store.snapshot() as snapshot:
            found = {f.locator: f.attempts for f in snapshot.failures(stage=Stage.EMBED)}
            assert found == {"chunk 2": 2, "chunk 3": 1}
            assert snapshot.failures()[0].detail == {"status": 504}
            assert snapshot.known_sources()["a.txt"].retriable
            (entry,) = snapshot.summary().not_searchable
            assert (entry["reason"], entry["chunks"]) == ("chunks", [2, 3])

    def test_remove_forgets_documents_and_failures(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["one", "two"], failures=[failure("embed.timeout")])
            writer.fail(source("bad.pdf"), "h", failure("extract.corrupt"), collection="c")
            store_document(writer, "b.txt", ["three"])
            assert writer.remove(["a.txt", "bad.pdf", "unknown", "a.txt"]) == (2, 2)
            assert writer.remove(["a.txt"]) == (0, 0)
        with store.snapshot() as snapshot:
            assert list(snapshot.known_sources()) == ["b.txt"]
            assert list(snapshot.failures()) == []
            assert [row.path for row in snapshot.documents()] == ["b.txt"]
            hits = snapshot.nearest(vector_of("one"), top_k=9)
            assert texts_of(snapshot, hits) == ["three"]

    def test_touch_changes_the_stat_alone(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["one"])
            writer.touch(source("a.txt", size=3, mtime_ns=77, inode=2**64 - 5))
            writer.touch(source("unknown.txt"))
        with store.snapshot() as snapshot:
            known = snapshot.known_sources()
            assert list(known) == ["a.txt"]
            assert (known["a.txt"].mtime_ns, known["a.txt"].inode) == (77, 2**64 - 5)
            assert snapshot.documents()[0].sha256 == known["a.txt"].sha256

    def test_stamps_are_told_of_all_and_given_where_they_are_proof(self, store):
        files = {name: source(name, size=3, mtime_ns=77, inode=2**64 - 5) for name in "abcd"}
        with store.writer("test") as writer:
            store_document(writer, "a", ["one"])
            store_document(writer, "b", ["two"], failures=[failure("embed.timeout", source="b")])
            store_document(writer, "c", ["three"])
            writer.fail(files["c"], "new", failure("extract.corrupt"), collection="default")
            writer.fail(files["d"], "hash", failure("extract.corrupt"), collection="default")
            for each in files.values():
                writer.touch(each)
        stamp, none = (3, 77, 2**64 - 5), dict.fromkeys("abcd")
        with store.snapshot() as snapshot:
            assert [snapshot.known_sources()[n].retriable for n in "ab"] == [False, True]
            assert dict(snapshot.stamps()) == none | {"a": stamp}
            assert dict(snapshot.stamps("default")) == none | {"a": stamp}
            assert dict(snapshot.stamps("other")) == none

    def test_a_run_is_kept_with_its_report(self, store):
        with store.writer("test") as writer:
            killed = writer.start_run("ingest a")
            run = writer.start_run("ingest b")
            assert run != killed
            report = Report(
                run=run,
                status="ok",
                seconds=1.5,
                profile=None,
                stages=(),
                documents=DocumentCounts(added=1),
                chunks=ChunkCounts(),
            )
            writer.finish_run(report)
        with store.snapshot() as snapshot:
            last = snapshot.summary().last_run
            assert (last["run"], last["command"], last["status"]) == (run, "ingest b", "ok")
            assert last["report"] == report.as_json()

    def test_a_snapshot_does_not_see_what_is_committed_after_it(self, store):
        with store.writer("test") as writer:
            store_document(writer, "a.txt", ["alpha"])
            with store.snapshot() as before:
                store_document(writer, "a.txt", ["beta"])
                store_document(writer, "b.txt", ["alpha"])
                assert texts_of(before, before.match("alpha beta", top_k=9)) == ["alpha"]
                assert texts_of(before, before.nearest(vector_of("beta"), top_k=9)) == ["alpha"]
                assert len(before.documents()) == 1
                with store.snapshot() as after:
                    assert len(after.documents()) == 2

    def test_half_characters_are_replaced_and_lengths_stay(self, store):
        with store.writer("test") as writer:
            writer.pin(PROFILE)
            made = draft("a.txt", ["ab"], keys=[None])
            made = replace(made, document=replace(made.document, text="a\ud800"))
            writer.put(made)
        with store.snapshot() as snapshot:
            assert snapshot.document("a.txt").document.text == "a\ufffd"

    @staticmethod
    def ids(store) -> list[int]:
        with store.snapshot() as snapshot:
            return sorted(i for i, _ in snapshot.nearest(vector_of("?"), top_k=10_000))

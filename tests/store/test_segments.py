"""FAISS files are derived: whatever happens to them, answers stay and the next writer mends."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import StoreError
from kb.store import open_store
from kb.store.local import indexes, ladder, segments, tiers
from kb.store.local.tiers import Span, plan
from tests.store import invariants
from tests.store.builders import DIMENSIONS, PROFILE, draft, unit, vector_of


@pytest.fixture(autouse=True, params=["exact", "compact"])
def _small_segments(request, monkeypatch):
    monkeypatch.setattr(tiers, "SMALLEST", 8)
    if request.param == "compact":
        monkeypatch.setattr(ladder, "EXACT", 0)
        monkeypatch.setattr(ladder, "WIDTHS", (4, 8))


def fill(store, *, start: int = 0, count: int = 40) -> None:
    keys = [n.to_bytes(32, "big") for n in range(start, start + count)]
    matrix = np.stack([vector_of(str(n)) for n in range(start, start + count)])
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.add_vectors(keys, matrix)
        writer.put(draft(f"{start}.txt", [f"t{n}" for n in range(count)], keys=keys))
        writer.refresh_index()


def answer(store):
    with store.snapshot() as snapshot:
        return list(snapshot.nearest(vector_of("3"), top_k=5))


def files(home):
    return sorted((home / "index").iterdir())


def refresh(home):
    with open_store(home).writer("test") as writer:
        writer.refresh_index()


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def swap(path):
    other = path.with_name("0" * 64 + ".faiss")
    index = indexes.exact(DIMENSIONS)
    index.add_with_ids(unit(np.ones((40, DIMENSIONS), np.float32)), np.arange(40))
    draft_path, _ = segments.write(path.parent, index)
    draft_path.replace(path)
    assert not other.exists()


DAMAGE = {
    "flipped bit": flip,
    "missing": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "another index": swap,
    "whole folder": lambda path: shutil.rmtree(path.parent),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_changes_no_answer_and_is_rebuilt(home, store, damage):
    fill(store)
    before = answer(store)
    (path,) = files(home)
    good = path.read_bytes()
    damage(path)
    reader = open_store(home)
    assert answer(reader) == before
    with reader.snapshot() as snapshot:
        assert snapshot.summary().index["damaged"] == 1
    refresh(home)
    assert [p.read_bytes() for p in files(home)] == [good]
    assert answer(open_store(home)) == before
    invariants.check(home, swept=True)


def test_damage_is_believed_by_content_and_not_used(home, store, monkeypatch):
    """The fallback is not what answers while the file is sound, and is when it is not."""
    fill(store)
    used = []
    real = indexes.search
    monkeypatch.setattr(
        "kb.store.local.dense.search", lambda *a, **k: used.append(1) or real(*a, **k)
    )
    answer(open_store(home))
    assert used
    used.clear()
    flip(files(home)[0])
    answer(open_store(home))
    assert not used


def test_a_copied_folder_is_trusted_after_hashing(home, store, tmp_path):
    fill(store)
    before = answer(store)
    shutil.copytree(home, tmp_path / "copy")
    copy = open_store(tmp_path / "copy")
    assert answer(copy) == before
    with copy.snapshot() as snapshot:
        assert snapshot.summary().index["damaged"] == 0
    refresh(tmp_path / "copy")
    (segment,) = manifest(copy)
    assert segments.unchanged(tmp_path / "copy" / "index", segment)


def manifest(store):
    with store.snapshot() as snapshot:
        return segments.listed(snapshot._database, 1)


def test_a_sound_file_is_not_hashed_again(home, store, monkeypatch):
    fill(store)
    monkeypatch.setattr(segments, "is_sound", lambda *a: pytest.fail("hashed"))
    assert answer(open_store(home))
    refresh(home)


def test_orphans_go_and_named_files_and_strangers_stay(home, store):
    fill(store)
    named = files(home)
    (home / "index" / ("f" * 64 + ".faiss")).write_bytes(b"x")
    (home / "index" / "123.tmp").write_bytes(b"x")
    (home / "index" / "README").write_bytes(b"x")
    refresh(home)
    assert files(home) == sorted([*named, home / "index" / "README"])


def test_adding_a_little_rewrites_nothing(home, store):
    fill(store)
    before = {path: path.stat().st_mtime_ns for path in files(home)}
    fill(store, start=100, count=5)
    assert {path: path.stat().st_mtime_ns for path in files(home)} == before
    fill(store, start=200, count=5)
    after = {path: path.stat().st_mtime_ns for path in files(home)}
    assert len(after) == 2
    assert before.items() <= after.items()
    assert len(answer(store)) == 5


def test_segments_of_a_reader_may_be_merged_away_under_it(home, store):
    fill(store, count=10)
    with store.snapshot() as old:
        for start in (100, 200, 300):
            fill(open_store(home), start=start, count=10)
        assert len(manifest(store)) == 1
        assert len(old.nearest(vector_of("3"), top_k=99)) == 10


def test_a_full_disk_while_writing_leaves_what_was(home, store, monkeypatch):
    fill(store, count=10)
    before = answer(store)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with open_store(home).writer("test") as writer:
        writer.add_vectors(
            [b"n" * 31 + bytes([n]) for n in range(9)],
            np.stack([vector_of(f"n{n}") for n in range(9)]),
        )
        with pytest.raises(StoreError) as caught:
            writer.refresh_index()
        assert caught.value.failure.code == "store.disk_full"
        monkeypatch.undo()
        tiers.sweep(writer._database, home / "index")
    assert answer(open_store(home)) == before
    invariants.check(home, swept=True)


@given(
    adds=st.lists(st.integers(1, 3000), max_size=150), most=st.sampled_from([4096, 10_000, 1 << 30])
)
def test_the_plan_keeps_ranges_whole_and_files_few(adds, most):
    spans: list[Span] = []
    written = total = 0
    for add in adds:
        total += add
        tail = [Span(total - add + 1, total, add, built=False)]
        after = plan([*spans, *tail], most=most)
        written += sum(span.count for span in after if not span.built)
        spans = [Span(s.low, s.high, s.count, built=True) for s in after]
        assert sum(span.count for span in spans) == total
        assert [s.low for s in spans] == [1, *(s.high + 1 for s in spans[:-1])][: len(spans)]
        assert all(s.count <= most for s in spans)
        assert all(s.count == s.high - s.low + 1 for s in spans)
    if most == 1 << 30 and total:
        # Each merge at least doubles what it takes in, so both grow with the logarithm.
        assert written <= total * (np.log2(total) + 2)
        assert len(spans) <= 3 * (np.log2(total) + 2)

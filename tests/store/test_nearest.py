"""Nearest neighbours against brute force: the same ids in the same order, whatever lies where."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import StoreError
from kb.model import Filter, text_key
from kb.store import open_store
from kb.store.local import dense, ladder, tiers
from tests.store.builders import DIMENSIONS, PROFILE, draft, unit, vector_of
from tests.store.damage import sql


def stored(matrix: np.ndarray) -> np.ndarray:
    return matrix.astype(np.float16).astype(np.float64)


class World:
    """A store, and beside it the plain truth: texts and collections of what is visible."""

    def __init__(self, home: Path) -> None:
        self.store = open_store(home, create=True)
        self.visible: dict[str, tuple[list[str], str]] = {}
        self.vectors: dict[str, np.ndarray] = {}

    def put(self, writer, path, texts, vectors, collection):
        keys = [text_key(PROFILE.passage(text)) for text in texts]
        writer.pin(PROFILE)
        fresh = [t for t in dict.fromkeys(texts) if t not in self.vectors]
        for text, vector in zip(texts, vectors, strict=True):
            self.vectors.setdefault(text, vector)
        if fresh:
            writer.add_vectors(
                [text_key(PROFILE.passage(t)) for t in fresh],
                np.stack([self.vectors[t] for t in fresh]),
            )
        writer.put(draft(path, texts, keys=keys, collection=collection))
        self.visible[path] = (texts, collection)

    def oracle(self, snapshot, query, top_k, within):
        """Score every visible chunk; best first, ties by chunk id."""
        chunks = {}
        for row in snapshot.documents(within):
            texts, collection = self.visible[row.path]
            assert within.collection in (None, collection)
            for passage in self.passages_of(snapshot, row.path):
                chunks[passage.chunk_id] = self.vectors[passage.chunk.text]
            assert len(texts) == row.chunks
        scored = [
            (chunk_id, float((stored(vector) * query.astype(np.float64)).sum()))
            for chunk_id, vector in chunks.items()
        ]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:top_k]

    def passages_of(self, snapshot, path):
        found = snapshot._database.all(
            "SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id "
            "WHERE path = ?",
            path,
        )
        return snapshot.passages([row[0] for row in found]).values()


texts = st.lists(st.integers(0, 30).map(lambda n: f"text {n}"), min_size=1, max_size=6)
events = st.lists(
    st.tuples(st.sampled_from("abcdef"), texts, st.sampled_from(["x", "y"]), st.booleans()),
    min_size=1,
    max_size=14,
)


def grid(text: str) -> np.ndarray:
    """Few different vectors, so that ties between different texts are the rule."""
    return unit(np.round(vector_of(text)[:DIMENSIONS] * 1.2) + 0.25)


@settings(max_examples=40)
@given(events=events, few=st.sampled_from([0, 5, 4096]), damage=st.booleans(), data=st.data())
def test_it_is_brute_force(events, few, damage, data):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(tiers, "SMALLEST", 2)
        patch.setattr(ladder, "LARGEST", 12 * DIMENSIONS)
        patch.setattr(dense, "FEW", few)
        patch.setattr(dense, "_SPARE", 0)
        home = Path(folder)
        world = World(home)
        with world.store.writer("test") as writer:
            for path, chunk_texts, collection, refresh in events:
                vectors = [grid(text) for text in chunk_texts]
                world.put(writer, path, chunk_texts, vectors, collection)
                if refresh:
                    writer.refresh_index()
        files = sorted((home / "index").glob("*"))
        if damage and files:
            files[0].write_bytes(files[0].read_bytes()[:-1] + b"\xff")
        query = grid(data.draw(st.integers(0, 30).map(lambda n: f"text {n}")))
        top_k = data.draw(st.integers(1, 20))
        within = data.draw(
            st.sampled_from(
                [Filter(), Filter(collection="x"), Filter(path="[ab]"), Filter(path="a")]
            )
        )
        with world.store.snapshot() as snapshot:
            assert list(snapshot.nearest(query, top_k=top_k, within=within)) == world.oracle(
                snapshot, query, top_k, within
            )


@pytest.mark.parametrize("few", [0, 4096])
@pytest.mark.parametrize("in_segment", [True, False])
def test_many_dead_vectors_do_not_crowd_the_living_out(store, monkeypatch, few, in_segment):
    monkeypatch.setattr(tiers, "SMALLEST", 8)
    monkeypatch.setattr(dense, "FEW", few)
    near = unit(np.ones((200, DIMENSIONS)) + np.random.default_rng(0).random((200, DIMENSIONS)))
    far = unit(-np.ones((3, DIMENSIONS)) + np.random.default_rng(1).random((3, DIMENSIONS)))
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.add_vectors([b"d" * 31 + bytes([n]) for n in range(200)], near)
        keys = [b"l" * 31 + bytes([n]) for n in range(3)]
        writer.add_vectors(keys, far)
        writer.put(draft("a.txt", ["one", "two", "three"], keys=keys))
        if in_segment:
            writer.refresh_index()
    rounds = []
    real = dense._candidates
    monkeypatch.setattr(
        dense, "_candidates", lambda *a, **k: rounds.append(k["count"]) or real(*a, **k)
    )
    with store.snapshot() as snapshot:
        assert len(snapshot.nearest(near[0], top_k=3)) == 3
        assert len(rounds) == 2, "the dead are left out at once, not by asking for more and more"
        assert len(snapshot.nearest(near[0], top_k=50)) == 3
        rounds.clear()
        assert len(snapshot.nearest(near[0], top_k=3, within=Filter(path="a.txt"))) == 3
        assert len(rounds) == 1
        assert list(snapshot.nearest(near[0], top_k=0)) == []


def test_more_equal_vectors_than_asked_for_come_in_order_of_id(store, monkeypatch):
    monkeypatch.setattr(tiers, "SMALLEST", 8)
    keys = [bytes([n]) * 32 for n in range(100)]
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.add_vectors(keys, np.repeat(vector_of("same")[None], 100, axis=0))
        # The later vector belongs to the earlier chunk.
        writer.put(draft("a.txt", [f"t{n}" for n in range(100)], keys=keys[::-1]))
        writer.refresh_index()
    with store.snapshot() as snapshot:
        found = [chunk_id for chunk_id, _ in snapshot.nearest(vector_of("same"), top_k=7)]
        assert found == sorted(found) == list(range(found[0], found[0] + 7))
        assert snapshot.passages(found)[found[0]].chunk.ordinal == 0


@pytest.mark.parametrize("in_segment", [True, False])
def test_a_vector_that_is_not_stored_any_more_is_told(tmp_path, monkeypatch, in_segment):
    monkeypatch.setattr(tiers, "SMALLEST", 8)
    keys = [bytes([n]) * 32 for n in range(20)]
    store = open_store(tmp_path, create=True)
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.add_vectors(keys, np.stack([vector_of(f"t{n}") for n in range(20)]))
        writer.put(draft("a.txt", [f"t{n}" for n in range(20)], keys=keys))
        if in_segment:
            writer.refresh_index()
    sql(tmp_path, "DELETE FROM vectors WHERE id = 3")
    with store.snapshot() as snapshot:
        asked = [lambda: snapshot.similarities(vector_of("t3"), list(range(1, 21)))]
        asked += [lambda: snapshot.nearest(vector_of("t3"), top_k=5)] if in_segment else []
        for ask in asked:
            with pytest.raises(StoreError) as caught:
                ask()
            assert caught.value.failure.code == "store.corrupt"
            assert caught.value.failure.detail == {"vector": 3}
            assert "kb verify --repair" in caught.value.failure.hint

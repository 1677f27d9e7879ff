"""Generations beside one another: whatever is done to them, each stays whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kb.errors import StoreError, failure
from kb.model import text_key
from kb.store import Recipe, open_store, verify_store
from kb.store.local import collect, fts, tiers
from tests.conftest import REPOSITORY
from tests.store import invariants
from tests.store.builders import PROFILE, draft, store_document, texts_of, vector_of

RECIPE = Recipe(chunking={"target_tokens": 1}, settings={"embedding.model": "new"})
OTHER = replace(PROFILE, model="new", passage_template="new: {text}")
READ = """
import sys
from pathlib import Path
from kb.store import open_store
with open_store(Path(sys.argv[1])).snapshot() as snapshot:
    print(len(snapshot.documents()))
"""


def lower(text: str) -> list[str]:
    """The passages of the other chunking: words, where the first has lines."""
    return text.split()


def build(writer, builder, store) -> None:
    """Do what `kb reindex` does: another text for each vector, other passages."""
    for path in builder.missing():
        with store.snapshot() as snapshot:
            stored = snapshot.document(path)
        words = lower(stored.document.text)
        keys = [text_key(builder.profile.passage(word)) for word in words]
        fresh = [key for key in dict.fromkeys(keys) if key not in builder.known_keys(keys)]
        if fresh:
            said = dict(zip(keys, words, strict=True))
            builder.add_vectors(fresh, np.stack([vector_of(said[key]) for key in fresh]))
        made = draft(path, words, keys=keys)
        where, chunks = 0, []
        for each in made.chunks:
            start = stored.document.text.index(each.chunk.text, where)
            where = start + len(each.chunk.text)
            chunks.append(replace(each, chunk=replace(each.chunk, start=start, end=where)))
        builder.put(replace(made, document=stored.document, chunks=chunks))


def begun(writer, store, profile=OTHER):
    builder = writer.generations().begin(profile, RECIPE)
    build(writer, builder, store)
    return builder


paths = st.sampled_from(["a.txt", "b/a.txt", "c.pdf"])
passages = st.lists(
    st.sampled_from(["alpha beta", "refunds are paid", "ABC-1234", "alpha gamma delta"]),
    min_size=1,
    max_size=3,
)


class Machine(RuleBasedStateMachine):
    @initialize()
    def make(self):
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(self.folder, create=True)
        self.texts: dict[str, list[str]] = {}
        self.smallest, tiers.SMALLEST = tiers.SMALLEST, 2
        #: Whether the generation in use holds words in place of lines; its profile.
        self.words = False
        with self.store.writer("test") as writer:
            store_document(writer, "first.txt", ["alpha is here"])
        self.texts["first.txt"] = ["alpha is here"]

    def teardown(self):
        if hasattr(self, "folder"):
            tiers.SMALLEST = self.smallest
            shutil.rmtree(self.folder)

    def shown(self) -> list[str]:
        every = [text for texts in self.texts.values() for text in texts]
        return (
            sorted(word for text in every for word in lower(text)) if self.words else sorted(every)
        )

    @rule(path=paths, texts=passages)
    def put(self, path, texts):
        with self.store.writer("test") as writer:
            if self.words:
                profile = writer.profile
                said = lower("\n\n".join(texts))
                keys = [text_key(profile.passage(text)) for text in said]
                known = writer.known_keys(keys)
                left = {key: text for key, text in zip(keys, said, strict=True) if key not in known}
                if left:
                    writer.add_vectors(list(left), np.stack([vector_of(t) for t in left.values()]))
                writer.put(draft(path, said, keys=keys))
                self.texts[path] = said
            else:
                store_document(writer, path, texts)
                self.texts[path] = texts

    @rule(path=paths)
    def remove(self, path):
        with self.store.writer("test") as writer:
            writer.remove([path])
        self.texts.pop(path, None)

    @rule(part=st.booleans())
    def begin(self, part):
        if self.words:
            return
        with self.store.writer("test") as writer:
            builder = writer.generations().begin(OTHER, RECIPE)
            if not part:
                build(writer, builder, self.store)
                builder.refresh_index()

    @rule(keep=st.booleans(), state=st.sampled_from(["building", "former"]))
    def switch(self, keep, state):
        with self.store.snapshot() as snapshot:
            found = [each for each in snapshot.generations() if each.state == state]
        if not found or (self.words and state == "former"):
            return
        with self.store.writer("test") as writer:
            builder = writer.generations().go_on(found[0].id)
            build(writer, builder, self.store)
            writer.generations().switch(builder.id, keep=keep)
        self.words = True

    @rule(former=st.booleans(), building=st.booleans())
    def collect(self, former, building):
        with self.store.snapshot() as snapshot:
            told = snapshot.would_free(former=former, building=building)
        with self.store.writer("test") as writer:
            freed = writer.generations().collect(former=former, building=building)
            writer.refresh_index()
        assert (freed.generations, freed.chunks, freed.vectors, freed.journal) == (
            *(told.generations, told.chunks),
            *(told.vectors, told.journal),
        )

    @invariant()
    def each_shows_its_own(self):
        if not hasattr(self, "store"):
            return
        with self.store.snapshot() as snapshot:
            hits = snapshot.nearest(vector_of("?"), top_k=99)
            assert sorted(texts_of(snapshot, hits)) == self.shown()
            found = sorted(texts_of(snapshot, snapshot.match("alpha", top_k=99)))
            assert found == [text for text in self.shown() if "alpha" in text.split()]
        invariants.check(self.folder)


Machine.TestCase.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
TestAnySequence = Machine.TestCase


@pytest.fixture
def two(store):
    with store.writer("test") as writer:
        store_document(writer, "a.txt", ["alpha one", "alpha two"])
        store_document(writer, "b.txt", ["beta one"])
        begun(writer, store)
    return store


def test_the_words_of_one_count_nothing_in_the_other(two):
    with two.snapshot() as snapshot:
        before = snapshot.match("alpha one", top_k=9)
    with two.writer("test") as writer:
        writer.generations().collect(building=True)
    with two.snapshot() as snapshot:
        assert snapshot.match("alpha one", top_k=9) == before


def test_a_generation_that_lacks_a_document_is_never_put_in_use(two):
    with two.writer("test") as writer:
        store_document(writer, "c.txt", ["gamma"])
        with pytest.raises(StoreError, match=r"lacks c\.txt"):
            writer.generations().switch(2, keep=True)
    with two.snapshot() as snapshot:
        assert [each.state for each in snapshot.generations()] == ["current", "building"]
        assert snapshot.generations()[1].missing == 1


def test_one_former_generation_is_kept(two, home):
    with two.writer("test") as writer:
        writer.generations().switch(2, keep=True)
    with two.writer("test") as writer:
        third = begun(writer, two, replace(OTHER, model="newer"))
        writer.generations().switch(third.id, keep=True)
    with two.snapshot() as snapshot:
        assert {each.id: each.state for each in snapshot.generations()} == {
            3: "current",
            1: "leftover",
            2: "former",
        }
    invariants.check(home)
    with two.writer("test") as writer:
        # There is room for one more all the same.
        begun(writer, two, replace(OTHER, model="newest"))
    invariants.check(home)


def test_a_leftover_that_is_half_deleted_is_no_damage(store, home):
    with store.writer("test") as writer:
        store_document(writer, "a.txt", ["alpha beta gamma"])
        begun(writer, store)
        collect.mark(writer._database, former=False, building=True)
        writer._database.run(
            "DELETE FROM chunks WHERE id = (SELECT min(id) + 1 FROM chunks WHERE generation_id = 2)"
        )
    assert [found for found in verify_store(home) if not found.ok] == []
    with store.writer("test") as writer:
        assert writer.generations().collect().generations == (2,)
    assert [found for found in verify_store(home) if not found.ok] == []


def test_failures_of_passages_move_with_their_generation(store):
    told = failure("embed.bad_request", source="a.txt", locator="chunk 1")
    page = failure("extract.corrupt", source="a.txt", locator="page 3")
    with store.writer("test") as writer:
        store_document(writer, "a.txt", ["alpha one"], failures=[told, page])
        begun(writer, store)
        writer.generations().switch(2, keep=True)
        with store.snapshot() as snapshot:
            assert [each.code for each in snapshot.failures()] == ["extract.corrupt"]
        writer.generations().switch(1, keep=True)
    with store.snapshot() as snapshot:
        assert sorted(each.code for each in snapshot.failures()) == [
            "embed.bad_request",
            "extract.corrupt",
        ]
        assert [each.attempts for each in snapshot.failures()] == [1, 1]


def test_words_made_by_another_version_are_rebuilt_in_every_generation(two, home):
    with two.writer("test") as writer:
        writer._database.run("UPDATE facts SET value = -1 WHERE name = 'tokenizer'")
        for table in fts.TABLES:
            fts.empty(writer._database, table)
    with two.writer("test"):
        pass
    invariants.check(home)


def test_a_reader_in_the_same_process_leaves_the_writer_its_locks(two, home):
    """Else another process would take itself for the last one, and delete the journal."""
    with two.writer("test") as writer:
        with two.snapshot() as snapshot:
            assert len(snapshot.documents()) == 2
        store_document(writer, "c.txt", ["gamma"])
        done = subprocess.run(
            [sys.executable, "-c", READ, str(home)], cwd=REPOSITORY, capture_output=True, check=True
        )
        assert done.stdout == b"3\n"
        assert (home / "kb.sqlite3-wal").exists()
        store_document(writer, "d.txt", ["delta"])
    with two.snapshot() as snapshot:
        assert len(snapshot.documents()) == 4
    invariants.check(home)

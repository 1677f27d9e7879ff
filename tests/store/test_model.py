"""Any sequence of put, fail, touch and remove leaves what a dict says, and exact words."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kb.errors import failure
from kb.store import open_store
from tests.store import invariants
from tests.store.builders import source, store_document, texts_of, vector_of

paths = st.sampled_from(["a.txt", "b/a.txt", "c.pdf"])
passages = st.lists(
    st.sampled_from(
        ["退款流程", "refunds are paid", "第3.2条 ABC-1234", "USD 1,000", "é", "x " * 50]
    ),
    min_size=0,
    max_size=4,
)


class Machine(RuleBasedStateMachine):
    @initialize()
    def make(self):
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(self.folder, create=True)
        self.texts: dict[str, list[str]] = {}
        self.states: dict[str, str] = {}

    def teardown(self):
        if hasattr(self, "folder"):
            invariants.check(self.folder)
            shutil.rmtree(self.folder)

    @rule(path=paths, texts=passages, title=st.sampled_from(["", "标题 Title"]))
    def put(self, path, texts, title):
        with self.store.writer("test") as writer:
            counts = store_document(writer, path, texts, title=title)
        assert counts == (len(texts), len(self.texts.get(path, [])))
        self.texts[path] = texts
        self.states[path] = "indexed"

    @rule(path=paths)
    def fail(self, path):
        with self.store.writer("test") as writer:
            writer.fail(source(path), "h", failure("extract.corrupt"), collection="default")
        self.states[path] = "stale" if path in self.texts else "failed"

    @rule(some=st.lists(paths, max_size=3))
    def remove(self, some):
        with self.store.writer("test") as writer:
            counts = writer.remove(some)
        known = [path for path in set(some) if path in self.states]
        assert counts == (len(known), sum(len(self.texts.get(path, [])) for path in known))
        for path in known:
            self.texts.pop(path, None)
            self.states.pop(path)

    @invariant()
    def shows_what_the_dict_says(self):
        if not hasattr(self, "store"):
            return
        with self.store.snapshot() as snapshot:
            known = snapshot.known_sources()
            assert {path: row.state for path, row in known.items()} == self.states
            assert [row.path for row in snapshot.documents()] == sorted(self.texts)
            everything = sorted(text for texts in self.texts.values() for text in texts)
            if snapshot.profile is not None:
                hits = snapshot.nearest(vector_of("?"), top_k=99)
                assert sorted(texts_of(snapshot, hits)) == everything
            found = sorted(texts_of(snapshot, snapshot.match("refund 流程", top_k=99)))
            plain = [t for t in everything if t in ("退款流程", "refunds are paid")]
            assert found == plain
            failing = {path for path, state in self.states.items() if state != "indexed"}
            assert {entry["path"] for entry in snapshot.summary().not_searchable} == failing


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=12)
TestAnySequence = Machine.TestCase

"""Whatever is done to a store, in any order, with a crash at any step: a dictionary foretells it.

A crash is a copy of the folder as it is at a named step: what a process that dies there leaves. All
handles are dropped, and everything goes on with the copy. `KB_HYPOTHESIS=long` runs far more.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from kb.errors import StoreError, failure
from kb.model import text_key
from kb.store import open_store, verify_store
from kb.store.local import tiers, verify_tables
from tests.store import invariants
from tests.store.builders import source
from tests.store.stateful_checks import Checks
from tests.store.stateful_model import (
    PATHS,
    PROFILES,
    REFUSED,
    WORDS,
    Entry,
    Made,
    Model,
    recipe,
    vector,
)

MODULES = ("writer", "tiers", "generations", "collect")
VECTORS = ("vectors.written", "vectors.committed")
SEGMENTS = ("segment.measured", "segment.written", "segment.renamed", "segment.named")
BUILT = ("built.written", "built.committed")
SWITCH = ("switch.written", "switch.committed")
EMPTIED = ("gc.marked", "gc.emptied")


def crash(*steps: str) -> st.SearchStrategy[str | None]:
    """Draw a step to die at, or none."""
    return st.none() | st.sampled_from(steps)


TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=5
)
COLLECTIONS = ("default", "legal")
REFERENCE = functools.cache(verify_tables.reference)


class Crash(BaseException):
    """The process is gone."""


class StoreMachine(Checks, RuleBasedStateMachine):
    """Drives a store and a `Model` side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.root = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.homes = (self.root / f"home{number}" for number in itertools.count())
        self.home = next(self.homes)
        self.versions = itertools.count(1)
        self.held = None
        for module in MODULES:
            loaded = importlib.import_module(f"kb.store.local.{module}")
            self.stack.enter_context(mock.patch.object(loaded, "step", self.step))
        self.stack.enter_context(mock.patch.object(tiers, "SMALLEST", 3))
        self.stack.enter_context(mock.patch("kb.store.local.collect._AT_ONCE", 3))
        # What a new knowledge base looks like is always the same, and two thirds of the time.
        self.stack.enter_context(mock.patch("kb.store.local.verify_tables.reference", REFERENCE))
        #: Where the work under way is to die, and where the last one died.
        self.crash: str | None = None
        self.crashed: str | None = None
        self.store = open_store(self.home, create=True)

    def teardown(self) -> None:
        with ExitStack() as stack:
            stack.push(self.stack)
            self.let_go()
            self.store.close()

    # -- crashing -------------------------------------------------------------------------

    def step(self, name: str) -> None:
        if self.crash == name:
            self.crash, self.crashed = None, name
            copy = next(self.homes)
            shutil.copytree(self.home, copy)
            self.home = copy
            raise Crash

    def do(
        self,
        work: Callable[[object], object],
        after: Model,
        *,
        crash: str | None = None,
        final: tuple[str, ...] = (),
    ) -> None:
        """Let a writer work, or die at a step; after those in `final` the change is there."""
        self.crash, self.crashed = crash, None
        with suppress(Crash), self.store.writer("test") as writer:
            work(writer)
        if self.crashed is not None:
            self.store.close()
            self.store = open_store(self.home)
        self.crash = None
        if self.crashed is None or self.crashed in final:
            self.model = after

    @rule()
    def open_again(self):
        self.store.close()
        self.store = open_store(self.home)

    # -- what writers do ------------------------------------------------------------------

    @initialize(width=st.integers(1, 2), documents=st.lists(TEXTS, min_size=1, max_size=3))
    def begin_with(self, width, documents):
        self.model = Model(current=Made(PROFILES[0], width))
        self.do(lambda writer: writer.pin(PROFILES[0], recipe=recipe(width)), self.model)
        for path, texts in zip(PATHS, documents, strict=False):
            self.put_one(path, texts, "default", None)

    def pay(self, shelf, profile, texts):
        keys = {text_key(profile.passage(text)): text for text in texts if REFUSED not in text}
        missing = [key for key in keys if key not in shelf.known_keys(keys)]
        if missing:
            rows = np.stack([vector(profile, keys[key]) for key in missing])
            shelf.add_vectors(missing, rows)

    def put_one(self, path, texts, collection, crash):
        entry = Entry(path, tuple(texts), collection, next(self.versions))
        now = self.model.current

        def work(writer):
            self.pay(writer, now.profile, [chunk.text for chunk in entry.chunks(now.width)])
            former = self.model.documents.get(path)
            counts = writer.put(entry.draft(now.profile, now.width))
            gone = len(former.chunks(now.width)) if former else 0
            assert counts == (len(entry.chunks(now.width)), gone)

        self.do(work, self.model.put(entry), crash=crash, final=("put.committed",))

    @rule(
        path=st.sampled_from(PATHS),
        texts=TEXTS,
        collection=st.sampled_from(COLLECTIONS),
        crash=crash(*VECTORS, "put.written", "put.committed"),
    )
    def put(self, path, texts, collection, crash):
        self.put_one(path, texts, collection, crash)

    @rule(
        documents=st.dictionaries(st.sampled_from(PATHS), TEXTS, min_size=2),
        crash=crash(*SEGMENTS),
    )
    def put_some_and_merge(self, documents, crash):
        for path, texts in documents.items():
            self.put_one(path, texts, "default", None)
        self.merge(crash)

    @rule(texts=TEXTS, crash=crash(*VECTORS))
    def pay_for_what_no_passage_names(self, texts, crash):
        profile = self.model.current.profile
        self.do(lambda writer: self.pay(writer, profile, texts), self.model, crash=crash)

    @rule(
        path=st.sampled_from(PATHS),
        code=st.sampled_from(["extract.corrupt", "extract.timeout"]),
        crash=crash("fail.written"),
    )
    def fail(self, path, code, crash):
        self.fail_one(path, code, crash)

    def fail_one(self, path, code, crash):
        at = next(self.versions)

        def work(writer):
            told = failure(code, source=path)
            writer.fail(source(path, mtime_ns=at), "new", told, collection="default")

        self.do(work, self.model.fail(path, at, code), crash=crash)

    @rule(path=st.sampled_from(PATHS))
    def touch(self, path):
        at = next(self.versions)
        after = self.model.touch(path, at)
        self.do(lambda writer: writer.touch(source(path, mtime_ns=at)), after)

    @precondition(lambda self: len(self.model.sources) > 1)
    @rule(
        paths=st.lists(st.sampled_from(PATHS), min_size=1, max_size=2),
        crash=crash("remove.written"),
    )
    def remove(self, paths, crash):
        known = len(self.model.sources.keys() & set(paths))

        def work(writer):
            assert writer.remove(paths)[0] == known

        self.do(work, self.model.remove(paths), crash=crash)

    @rule(crash=crash(*SEGMENTS))
    def merge(self, crash):
        self.do(lambda writer: writer.refresh_index(), self.model, crash=crash)

    # -- generations ----------------------------------------------------------------------

    @rule(
        profile=st.sampled_from(PROFILES),
        width=st.integers(1, 3),
        crash=crash(*EMPTIED, "generation.begun", *VECTORS, *BUILT, *SEGMENTS, *SWITCH),
        keep=st.booleans(),
    )
    def reindex(self, profile, width, crash, keep):
        """Begin a generation and go on with it, in as many writers as there are steps."""
        given_up = replace(self.model, building=None)
        self.do(
            lambda writer: writer.generations().begin(profile, recipe(width)),
            replace(self.model, building=Made(profile, width)),
            crash=crash,
            final=("generation.begun",),
        )
        if self.crashed in EMPTIED:
            self.model = given_up
        if self.crashed is None:
            self.go_on("building", crash, keep)

    @precondition(lambda self: self.model.building)
    @rule(crash=crash(*VECTORS, *BUILT, *SEGMENTS, *SWITCH), keep=st.booleans())
    def go_on_reindexing(self, crash, keep):
        self.go_on("building", crash, keep)

    @precondition(lambda self: self.model.former)
    @rule(crash=crash(*VECTORS, *BUILT, *SEGMENTS, *SWITCH), keep=st.booleans())
    def roll_back(self, crash, keep):
        self.go_on("former", crash, keep)

    def go_on(self, state, crash, keep):
        """Put what is missing into a generation, one document after another, then switch to it."""
        number = self.number(state)
        for path in sorted(self.model.missing(getattr(self.model, state))):
            with self.store.writer("test") as writer, pytest.raises(StoreError):
                writer.generations().switch(number, keep=keep)
            self.build(state, number, self.model.documents[path], crash)
            if self.crashed:
                return
        self.do(
            lambda writer: writer.generations().go_on(number).refresh_index(),
            self.model,
            crash=crash,
        )
        if not self.crashed:
            self.do(
                lambda writer: writer.generations().switch(number, keep=keep),
                self.model.switched(getattr(self.model, state), keep=keep),
                crash=crash,
                final=("switch.committed",),
            )

    def build(self, state, number, entry, crash):
        made = getattr(self.model, state)

        def work(writer):
            builder = writer.generations().go_on(number)
            assert set(builder.missing()) == self.model.missing(made)
            self.pay(builder, made.profile, [c.text for c in entry.chunks(made.width)])
            draft = entry.draft(made.profile, made.width)
            assert builder.put(draft) == (len(draft.chunks), 0)
            # One that it holds already is replaced, as when a run did not know of it.
            if entry.version % 2:
                assert builder.put(draft) == (len(draft.chunks), len(draft.chunks))

        after = replace(self.model, **{state: made.with_(entry)})
        self.do(work, after, crash=crash, final=("built.committed",))

    def number(self, state):
        with self.store.snapshot() as snapshot:
            (number,) = [each.id for each in snapshot.generations() if each.state == state]
        return number

    @rule(
        former=st.booleans(),
        building=st.booleans(),
        shrink=st.booleans(),
        crash=crash(*EMPTIED, "gc.vectors"),
    )
    def collect(self, former, building, shrink, crash):
        after = replace(
            self.model,
            former=None if former else self.model.former,
            building=None if building else self.model.building,
        )
        # The room is given back when nobody reads; a reader would only make it wait.
        shrink = shrink and self.held is None
        self.do(
            lambda writer: writer.generations().collect(
                former=former, building=building, shrink=shrink
            ),
            after,
            crash=crash,
            final=(*EMPTIED, "gc.vectors"),
        )

    # -- readers --------------------------------------------------------------------------

    @precondition(lambda self: self.held is None)
    @rule()
    def hold(self):
        """Begin to read, and go on while others write, or the process beside it dies."""
        block = self.store.snapshot()
        self.held = (block, block.__enter__(), self.model)

    @precondition(lambda self: self.held is not None)
    @rule()
    def let_go(self):
        if self.held is not None:
            block, snapshot, model = self.held
            self.held = None
            try:
                self.check_visible(snapshot, model)
            finally:
                block.__exit__(None, None, None)

    # -- what must hold -------------------------------------------------------------------

    @invariant()
    def it_is_whole(self):
        wrong = [found for found in verify_store(self.home) if not found.ok]
        assert not wrong, wrong
        with self.store.snapshot() as snapshot:
            database = snapshot._database
            if database.all("SELECT words FROM generations") == [(0,)]:
                invariants.check(self.home)
            self.check_ids(database)
            found = {each.state for each in snapshot.generations()} - {"leftover"}
            expected = {"current", "former" * bool(self.model.former)}
            assert found == (expected | {"building" * bool(self.model.building)}) - {""}

    @invariant()
    def it_says_what_the_dictionary_says(self):
        with self.store.snapshot() as snapshot:
            self.check_visible(snapshot, self.model)


@pytest.fixture
def machine():
    made = StoreMachine()
    yield made
    made.teardown()


def test_a_stale_document_keeps_the_reasons_of_its_passages(machine):
    machine.begin_with(width=1, documents=[[f"{REFUSED} one", "cedar"]])
    machine.fail_one("a.md", "extract.corrupt", None)
    machine.it_is_whole()
    machine.reindex(profile=PROFILES[1], width=1, crash=None, keep=True)
    machine.it_is_whole()


def test_no_false_alarm_about_a_profile_without_a_generation(machine):
    machine.begin_with(width=1, documents=[["cedar", "fjord", "walnut"]])
    machine.merge(None)
    machine.reindex(profile=PROFILES[1], width=1, crash=None, keep=False)
    machine.reindex(profile=PROFILES[2], width=1, crash="generation.begun", keep=False)
    machine.it_is_whole()


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=settings().max_examples // 3, stateful_step_count=25, deadline=None
)

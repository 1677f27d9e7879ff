"""Finished documents are stored together, and none of them keeps its neighbours out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb.chunk import Chunking, chunk_document
from kb.errors import Stage, StoreError
from kb.model import Document, Page, Source, text_key
from kb.pipeline.observe import Silent, Steps
from kb.pipeline.plan import Task
from kb.pipeline.shelf import Finished, Part, Pending, Read
from kb.pipeline.tally import Tally
from kb.store import open_store
from tests.store.builders import PROFILE, vector_of

PATHS = ("a.txt", "b.txt", "c.txt")


def pending(path: str) -> Pending:
    text = f"The text of {path}."
    source = Source(path=path, location=Path(path), size=len(text), mtime_ns=1, inode=1)
    page = Page(number=1, start=0, end=len(text))
    document = Document(title=path, format="text", text=text, pages=(page,), paged=False)
    read = Read(
        task=Task(source=source, collection="default", known=None),
        source=source,
        sha256=text_key(text).hex(),
        outcome=document,
        read_at_ns=1 << 60,
    )
    parts = [
        Part(chunk=chunk, bare=False, key=text_key(chunk.text))
        for chunk in chunk_document(document, chunking=Chunking())
    ]
    return Pending(read=read, document=document, parts=parts)


@pytest.fixture
def commits(monkeypatch):
    """The steps that the writer passes."""
    passed = []
    monkeypatch.setattr("kb.store.local.writer.step", passed.append)
    return passed


@pytest.fixture
def world(tmp_path, commits):
    store = open_store(tmp_path / ".kb", create=True)
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        tally = Tally()
        yield store, Finished(writer, tally, Steps(Silent(), "", 3)), tally
    store.close()


def add(finished: Finished, path: str, *, paid: bool = True) -> None:
    made = pending(path)
    if paid:
        for part in made.parts:
            finished.vectors[part.key] = np.asarray(vector_of(part.chunk.text), np.float32)
    finished.add(made)


def stored(store) -> list[str]:
    with store.snapshot() as snapshot:
        return [row.path for row in snapshot.documents()]


def test_they_share_one_transaction(world, commits):
    store, finished, tally = world
    for path in PATHS:
        add(finished, path)
    assert finished.chunks == 3
    finished.write()
    assert commits.count("put.committed") == commits.count("vectors.committed") == 1
    assert stored(store) == list(PATHS)
    assert finished.chunks == 0
    assert tally.documents["added"] == 3
    finished.write()
    assert commits.count("put.committed") == 1


def test_one_that_is_refused_does_not_keep_its_neighbours_out(world):
    store, finished, tally = world
    add(finished, "a.txt")
    add(finished, "b.txt", paid=False)
    add(finished, "c.txt")
    with pytest.raises(StoreError):
        finished.write()
    assert stored(store) == ["a.txt"]
    finished.write()
    assert stored(store) == ["a.txt", "c.txt"]
    assert finished.chunks == 0
    assert tally.documents["added"] == 2
    assert {each.stage: each.succeeded for each in tally.stages()}[Stage.STORE] == 2


@pytest.mark.parametrize("at", ["vectors.written", "put.written", "put.committed"])
def test_an_interruption_loses_nothing_that_is_finished(world, monkeypatch, at):
    store, finished, _ = world
    for path in PATHS:
        add(finished, path)

    def interrupt(name):
        if name == at:
            monkeypatch.setattr("kb.store.local.writer.step", lambda _: None)
            raise KeyboardInterrupt

    monkeypatch.setattr("kb.store.local.writer.step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        finished.write()
    finished.write()
    assert stored(store) == list(PATHS)
    assert finished.chunks == 0

"""A knowledge base of every released schema opens, answers as before, and takes new documents."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kb.model import text_key
from kb.store import open_store
from kb.store.local import tiers
from kb.store.local.database import SCHEMA_VERSION, open_reader, version
from tests.conftest import REPOSITORY
from tests.store import invariants
from tests.store.builders import draft

GOLDEN = Path(__file__).parent / "golden"
STORED = sorted(GOLDEN.glob("schema-*.zip"))
#: Upgrades, and dies after the tables were changed, before the change is committed.
KILLED = """
import os, signal, sys
from pathlib import Path
from kb.store.local import schema
real = schema._shapes
def dying(db):
    real(db)
    os.kill(os.getpid(), signal.SIGKILL)
schema._shapes = dying
from kb.store import open_store
open_store(Path(sys.argv[1]))
"""


@pytest.fixture(params=STORED, ids=lambda path: path.stem)
def stored(request, home):
    """A knowledge base as an earlier kb left it, and what it answered then."""
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(home)
    told = json.loads(request.param.with_suffix(".json").read_text(encoding="utf-8"))
    told["vector"] = np.frombuffer(base64.b64decode(told["vector"]), "<f4")
    return told


def of_version(home: Path) -> int:
    database = open_reader(home / "kb.sqlite3")
    try:
        return version(database)
    finally:
        database.close()


def rounded(hits):
    return [[chunk_id, round(score, 6)] for chunk_id, score in hits]


def answers_as_before(store, told):
    with store.snapshot() as snapshot:
        assert rounded(snapshot.nearest(told["vector"], top_k=10)) == told["nearest"]
        for words, hits in told["match"].items():
            assert rounded(snapshot.match(words, top_k=10)) == hits
        found = {
            row.path: snapshot.document(row.path).document.text for row in snapshot.documents()
        }
        assert found == told["documents"]
        assert [[f.code, f.source] for f in snapshot.failures()] == told["failures"]


def test_there_is_one_of_every_released_schema():
    assert [path.stem for path in STORED] == [f"schema-{n}" for n in range(1, SCHEMA_VERSION)]


def test_it_opens_and_answers_as_before(home, stored):
    assert of_version(home) < SCHEMA_VERSION
    store = open_store(home)
    assert of_version(home) == SCHEMA_VERSION
    answers_as_before(store, stored)
    with store.snapshot() as snapshot:
        facts = snapshot.summary().index
    assert (facts["segments"], facts["damaged"], facts["kind"], facts["recall"]) == (
        *(1, 0, "exact"),
        1.0,
    )
    (shape,) = facts["shapes"]
    assert (shape["kind"], shape["width"]) == ("exact", len(stored["vector"]))
    invariants.check(home, swept=True)


def test_it_takes_new_documents(home, stored, monkeypatch):
    monkeypatch.setattr(tiers, "SMALLEST", 2)
    store = open_store(home)
    texts = ["The lamp is switched on at dusk.", "The lamp is switched off at dawn."]
    keys = [text_key(text) for text in texts]
    near = np.stack([stored["vector"], -stored["vector"]])
    with store.writer("test") as writer:
        profile = writer._profile
        writer.pin(profile)
        writer.add_vectors(keys, near)
        writer.put(draft("lamp.txt", texts, keys=keys))
        writer.refresh_index()
    with store.snapshot() as snapshot:
        best, *others = snapshot.nearest(stored["vector"], top_k=10)
        assert snapshot.passages([best[0]])[best[0]].chunk.text == texts[0]
        assert rounded(others[:-1]) == stored["nearest"]
        assert len(snapshot.match("lamp", top_k=9)) == 2
    with store.writer("test") as writer:
        assert writer.remove(["lamp.txt"]) == (1, 2)
    answers_as_before(store, stored)
    invariants.check(home, swept=True)


def test_a_kill_in_the_upgrade_leaves_the_former_schema(home, stored):
    before = of_version(home)
    done = subprocess.run([sys.executable, "-c", KILLED, str(home)], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL
    assert of_version(home) == before
    store = open_store(home)
    assert of_version(home) == SCHEMA_VERSION
    answers_as_before(store, stored)
    invariants.check(home, swept=True)

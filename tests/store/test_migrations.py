"""A knowledge base of every released schema opens, answers as before, and takes new documents."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kb.model import Page, PageState, text_key
from kb.store import open_store, verify_store
from kb.store.local import seals, tiers
from kb.store.local.database import SCHEMA_VERSION, open_reader, version
from kb.store.local.sealed import open_examiner
from tests.conftest import REPOSITORY
from tests.store import invariants
from tests.store.builders import draft

GOLDEN = Path(__file__).parent / "golden"
#: What brings a knowledge base from this schema to the next.
STEPS = {1: "_shapes", 2: "_coverage"}
STORED = sorted(GOLDEN.glob("schema-*.zip"))
#: Upgrades, and dies after the tables were changed, before the change is committed.
KILLED = """
import os, signal, sys
from pathlib import Path
from kb.store.local import schema
real = getattr(schema, sys.argv[2])
def dying(db):
    real(db)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(schema, sys.argv[2], dying)
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
            # How words are weighed has changed since; what is found by them has not.
            assert [hit[0] for hit in snapshot.match(words, top_k=10)] == [hit[0] for hit in hits]
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
    for version_now in range(of_version(home), SCHEMA_VERSION):
        command = [sys.executable, "-c", KILLED, str(home), STEPS[version_now]]
        done = subprocess.run(command, cwd=REPOSITORY, check=False)
        assert done.returncode == -signal.SIGKILL
        assert of_version(home) == version_now
    store = open_store(home)
    assert of_version(home) == SCHEMA_VERSION
    answers_as_before(store, stored)
    invariants.check(home, swept=True)


def test_pages_keep_their_state_and_can_say_more_than_before(home, stored):
    store = open_store(home)
    with store.snapshot() as snapshot:
        for path, pages in stored.get("pages", {}).items():
            found = snapshot.document(path).document.pages
            assert [[page.number, page.state.value, page.code] for page in found] == pages
            assert {(page.left_out, page.confidence) for page in found} == {(0, None)}
    made = (
        Page(number=1, start=0, end=5, left_out=37),
        Page(number=2, start=5, end=5, state=PageState.OCR, confidence=0.1 + 0.2),
    )
    with store.writer("test") as writer:
        writer.put(draft("scan.pdf", ["Lamp."], keys=[None], pages=made))
    with store.snapshot() as snapshot:
        assert snapshot.document("scan.pdf").document.pages == made
    assert [finding for finding in verify_store(home) if not finding.ok] == []


def test_every_row_is_under_its_seals_afterwards(home, stored):
    open_store(home)
    database = open_examiner(home / "kb.sqlite3")
    try:
        for each in seals.SEALED:
            assert [*seals.broken(database, each)] == [], each.about
            assert [*seals.lost(database, each)] == [], each.about
    finally:
        database.close()


def test_what_was_damaged_before_the_upgrade_is_found_out_after_it(home, stored):
    connection = sqlite3.connect(home / "kb.sqlite3")
    sealed = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'seals'").fetchone()
    if not sealed:
        pytest.skip("its rows were not under seal yet")
    with connection:
        connection.execute("UPDATE pages SET state = 'blank' WHERE number = 2")
    connection.close()
    open_store(home)
    wrong = {finding.id for finding in verify_store(home) if not finding.ok}
    assert "database.seals" in wrong

"""`verify` and `repair` with three generations: the one in use, the one kept, one half built."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from kb.chunk import Chunking, chunk_document
from kb.errors import StoreError
from kb.model import text_key
from kb.store import ChunkDraft, Recipe, open_store, repair_store, verify_store
from kb.store.local import seals, tiers
from kb.store.local.sealed import open_examiner
from kb.store.local.segments import listed
from tests.store import invariants
from tests.store.builders import PROFILE, draft, vector_of
from tests.store.damage import answers, build, failing, sql
from tests.store.test_repair import hurt_database

OTHERS = (
    (replace(PROFILE, model="second"), Chunking(target_tokens=40)),
    (replace(PROFILE, model="third"), Chunking(target_tokens=30)),
)


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch):
    monkeypatch.setattr(tiers, "SMALLEST", 8)


def fill(store, builder, how, *, most=None):
    """Do what `kb reindex` does, with some of the documents."""
    for path in islice(builder.missing(), most):
        with store.snapshot() as snapshot:
            document = snapshot.document(path).document
        chunks = chunk_document(document, chunking=how)
        sent = [builder.profile.passage(each.with_context) for each in chunks]
        texts = {text_key(text): each.with_context for text, each in zip(sent, chunks, strict=True)}
        fresh = [key for key in texts if key not in builder.known_keys(texts)]
        if fresh:
            builder.add_vectors(fresh, np.stack([vector_of(texts[key]) for key in fresh]))
        drafts = [ChunkDraft(chunk=c, key=text_key(t)) for c, t in zip(chunks, sent, strict=True)]
        made = draft(path, ["x"])
        builder.put(replace(made, document=replace(document, problems=()), chunks=drafts))
    builder.refresh_index()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Generation 2 in use, 1 kept, 3 begun; each has segments of its own."""
    home = tmp_path_factory.mktemp("three") / ".kb"
    kept, tiers.SMALLEST = tiers.SMALLEST, 8
    build(home)
    store = open_store(home)
    with store.writer("reindex") as writer:
        generations = writer.generations()
        for number, (profile, how) in enumerate(OTHERS):
            values = {"target_tokens": how.target_tokens, "overlap_tokens": 0}
            recipe = Recipe(chunking=values, settings={"embedding.model": profile.model})
            builder = generations.begin(profile, recipe)
            fill(store, builder, how, most=None if number == 0 else 2)
            if number == 0:
                generations.switch(builder.id, keep=True)
    tiers.SMALLEST = kept
    return home


@pytest.fixture
def home(tmp_path, whole):
    shutil.copytree(whole, tmp_path / ".kb")
    return tmp_path / ".kb"


def states(home):
    with open_store(home).snapshot() as snapshot:
        return {each.id: (each.state, each.missing) for each in snapshot.generations()}


def segments_of(home, profile_id):
    with open_store(home).snapshot() as snapshot:
        found = listed(snapshot._database, profile_id)
    return [home / "index" / f"{each.sha256}.faiss" for each in found]


def in_generation(home, number):
    with open_store(home).snapshot(generation=number) as snapshot:
        found = snapshot.passages([row[0] for row in snapshot.nearest(vector_of("x"), top_k=9)])
        words = snapshot.passages([row[0] for row in snapshot.match("supplier delivers", top_k=9)])
    return [[(p.path, p.chunk.text) for p in each.values()] for each in (found, words)]


def test_three_generations_are_whole(home):
    assert states(home) == {2: ("current", 0), 1: ("former", 0), 3: ("building", 1)}
    assert failing(home) == []
    invariants.check(home, swept=True)
    assert all(segments_of(home, profile) for profile in (1, 2, 3))


@pytest.mark.parametrize("profile", [1, 2, 3])
@pytest.mark.parametrize("kind", ["missing", "flipped"])
def test_a_segment_of_each_is_found_damaged_and_mended(home, profile, kind):
    before = in_generation(home, profile)
    path = segments_of(home, profile)[0]
    if kind == "missing":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert failing(home) == ["index.files"]
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert (list(done.lost), done.kept) == ([], None)
    assert path.exists()
    assert in_generation(home, profile) == before
    assert failing(home) == []


DERIVED = {
    "words of the kept one": "DELETE FROM words_docsize WHERE id IN (SELECT id FROM chunks "
    "WHERE generation_id = 1 LIMIT 2)",
    "words of the half-built one": "INSERT INTO words3 (words3) VALUES ('delete-all')",
    "places in the kept one": "UPDATE chunks SET line_start = 1 WHERE generation_id = 1",
    "the manifest": "DELETE FROM segments WHERE profile_id = 1",
    "where a segment ends": "UPDATE segments SET high_id = high_id - 1 WHERE profile_id = 3",
}


@pytest.mark.parametrize("name", DERIVED)
def test_what_can_be_derived_is_mended_in_each(home, name):
    before = [in_generation(home, number) for number in (1, 2, 3)]
    tables = [row for row in _tables(home) if row.startswith("words")]
    statement = DERIVED[name].replace("words3", max(tables))
    sql(home, statement)
    if name != "the manifest":
        assert failing(home)
    repair_store(home)
    assert failing(home) == []
    assert [in_generation(home, number) for number in (1, 2, 3)] == before
    assert states(home) == {2: ("current", 0), 1: ("former", 0), 3: ("building", 1)}


def _tables(home):
    with open_store(home).snapshot() as snapshot:
        sql_ = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
        return [row[0] for row in snapshot._database.all(sql_)]


@pytest.mark.parametrize(
    "garbled",
    ["words = 9 WHERE id = 2", "words = 1 WHERE id = 3", "words = 'x' WHERE id = 1",
     "words = NULL WHERE id = 2", "settings = '{' WHERE id = 1",
     """settings = '{"embedding.model": "secone"}' WHERE id = 2"""],
)  # fmt: skip
def test_what_is_known_of_a_generation_is_garbled(home, garbled):
    before = [in_generation(home, number) for number in (1, 2, 3)]
    sql(home, f"UPDATE generations SET {garbled}")
    try:
        found = failing(home)
    except StoreError as error:
        found = [error.failure.code]
    assert {"database.generations", "store.corrupt"} & set(found)
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert list(done.lost) == []
    assert [in_generation(home, number) for number in (1, 2, 3)] == before


def test_a_lost_vector_of_the_kept_one_is_found_and_said(home):
    before = in_generation(home, 2)
    sql(home, "DELETE FROM vectors WHERE id = 2")
    assert "chunks.vectors" in failing(home)
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert list(done.lost) == [], "the one in use has all its vectors"
    assert any("not in use" in told for told in done.mended)
    assert states(home)[1] == ("former", 2), "a rollback puts them in first"
    assert in_generation(home, 2) == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM chunks WHERE id = (SELECT max(id) FROM chunks WHERE generation_id = {g})",
        """UPDATE chunks SET section = '["x"]' WHERE id = (SELECT max(id) FROM chunks
        WHERE generation_id = {g})""",
    ],
)
@pytest.mark.parametrize("generation", [1, 3])
def test_damage_in_another_generation_takes_nothing_from_the_one_in_use(
    home, statement, generation
):
    before = in_generation(home, 2)
    missing = states(home)[generation][1]
    sql(home, statement.format(g=generation))
    assert failing(home)
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert list(done.lost) == []
    assert states(home)[generation][1] == missing + 1
    assert in_generation(home, 2) == before


def test_a_row_of_what_was_built_that_is_gone(home):
    """The document counts as missing, so going on puts it in again."""
    sql(home, "DELETE FROM built WHERE generation_id = 3")
    assert failing(home) == ["database.seals"]
    assert states(home)[3] == ("building", 3)
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert list(done.lost) == []
    assert states(home) == {2: ("current", 0), 1: ("former", 0), 3: ("building", 3)}


def test_a_flipped_bit_in_what_made_a_generation_is_found_wherever_it_is(home):
    """In every byte of its settings, and in what failed of a document that is built."""
    path = home / "kb.sqlite3"
    recipe = b'{"embedding.base_url":"http://localhost:8000/v1"}'
    with open_store(home).writer("test") as writer:
        run = writer._database.run
        run("UPDATE generations SET settings = ? WHERE id = 1", recipe.decode())
        run("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    assert failing(home) == []
    assert whole.count(recipe) == 1
    for at in range(whole.index(recipe), whole.index(recipe) + len(recipe)):
        data = bytearray(whole)
        data[at] ^= 1
        path.write_bytes(data)
        database = open_examiner(path)
        try:
            assert [*seals.broken(database, seals.SETTINGS)] == [1]
        finally:
            database.close()
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert any("generation 1" in told for told in done.mended)
    assert states(home) == {2: ("current", 0), 1: ("former", 0), 3: ("building", 1)}


@pytest.mark.parametrize("words", ["NULL", "1", "2"])
def test_a_kept_generation_whose_words_are_lost_gets_them_back(home, words):
    (now,) = _one(home, "SELECT words FROM generations WHERE id = 1")
    if words == str(now):
        pytest.skip("that is what it has")
    before = in_generation(home, 1)
    sql(home, f"UPDATE generations SET words = {words} WHERE id = 1")
    assert "database.seals" in failing(home)
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert in_generation(home, 1) == before
    assert states(home) == {2: ("current", 0), 1: ("former", 0), 3: ("building", 1)}


def _one(home, query):
    with open_store(home).snapshot() as snapshot:
        return snapshot._database.one(query)


@pytest.mark.parametrize(
    "garbled",
    [
        "failures = '[ ]' WHERE generation_id = 1",
        "generation_id = 2 WHERE generation_id = 3 AND document_id = 1",
        "generation_id = 9 WHERE generation_id = 3 AND document_id = 1",
        "generation_id = 'x' WHERE generation_id = 3 AND document_id = 1",
        "document_id = 9 WHERE generation_id = 1 AND document_id = 1",
    ],
)
def test_what_was_built_is_garbled(home, garbled):
    """What a generation that is not in use holds is put in again; the one in use loses nothing."""
    before = in_generation(home, 2)
    sql(home, f"UPDATE built SET {garbled}")
    assert "database.seals" in failing(home)
    done = repair_store(home)
    assert [each for each in done.findings if not each.ok] == []
    assert (list(done.lost), done.kept) == ([], None)
    assert in_generation(home, 2) == before
    assert {number: state for number, (state, _) in states(home).items()} == {
        2: "current",
        1: "former",
        3: "building",
    }


@pytest.mark.parametrize("seed", range(30))
def test_hurt_anywhere_it_is_found_and_mended_or_left_alone(home, whole, seed):
    path = home / "kb.sqlite3"
    data = bytearray(path.read_bytes())
    hurt_database(data, random.Random(f"three {seed}"))
    path.write_bytes(data)
    try:
        found = [each.id for each in verify_store(home) if not each.ok]
    except StoreError as error:
        found = [error.failure.code]
    if not found:
        assert answers(home) == answers(whole)
        return
    try:
        done = repair_store(home)
    except StoreError as error:
        code = error.failure.code
    else:
        code = ""
    if code:
        assert code in {"store.corrupt", "store.version"}
        assert path.read_bytes() == data, "nothing was made worse"
        return
    assert [each for each in done.findings if not each.ok] == []
    lost = {each.path for each in done.lost}
    assert answers(home, without=lost) == answers(whole, without=lost)

"""Does every document hold together? Its source, pages, chunks, citations, and their vectors' keys.

One document is in memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from itertools import pairwise
from typing import Any, Final, NamedTuple

from kb.errors import CATALOGUE
from kb.model import PageState, text_key
from kb.store import Finding
from kb.store.local import seals
from kb.store.local.database import Database
from kb.store.local.verify_check import Check, Scene
from kb.store.local.verify_places import COLUMNS, places
from kb.store.local.verify_text_checks import TextChecks, findings

_HEADS_SQL: Final = """
    SELECT documents.id, documents.path, paged, documents.sha256, documents.collection,
        sources.state, sources.sha256, sources.collection, text, headings, problems
    FROM documents LEFT JOIN sources USING (path) LEFT JOIN contents ON document_id = documents.id
    WHERE documents.id > ? ORDER BY documents.id LIMIT 1"""
_CHUNKS_SQL: Final = f"""
    SELECT chunks.id, generation_id, ordinal, char_start, char_end, section, context, vector_id,
        vectors.profile_id, vectors.key, {", ".join(COLUMNS)}
    FROM chunks LEFT JOIN vectors ON vectors.id = vector_id
    WHERE document_id = ? AND generation_id NOT IN (
        SELECT id FROM generations WHERE state != 'current' AND words IS NULL)
    ORDER BY generation_id, ordinal"""  # noqa: S608 - constants only
_PAGES_SQL: Final = """
    SELECT number, char_start, char_end, state, code FROM pages WHERE document_id = ?
    ORDER BY number"""
#: The pages that must say why nothing of them is found.
_LOST_STATES: Final = ("failed", "image_only")


class _Head(NamedTuple):
    """A document without its chunks."""

    id: int
    path: str
    paged: int
    sha256: str
    collection: str
    state: str | None
    source_sha256: str | None
    source_collection: str | None
    text: str | None
    headings: str
    problems: str


class _Row(NamedTuple):
    """A chunk as it is stored; `places` is in the order of `Places`."""

    id: int
    generation: int
    ordinal: int
    start: int
    end: int
    section: str
    context: str
    vector_id: int | None
    profile_id: int | None
    key: bytes | None
    places: tuple[Any, ...]


def texts(scene: Scene) -> Iterator[Finding]:
    """Look at every document, one after another."""
    checks = TextChecks()
    pages = chunks = documents = 0
    broken = _broken(scene)
    for head in _heads(scene.database):
        found = scene.database.all(_PAGES_SQL, head.id)
        rows = [
            _Row._make([*row[:10], row[10:]]) for row in scene.database.all(_CHUNKS_SQL, head.id)
        ]
        documents, pages, chunks = documents + 1, pages + len(found), chunks + len(rows)
        try:
            _document(scene, checks, head, found, rows)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            checks.documents.fail(f"{head.path} holds what cannot be read ({error})")
            scene.damage.documents[head.id] = "its rows cannot be read"
        _judge_seals(scene, head, found, rows, broken)
    _orphans(scene, checks.documents)
    yield from findings(checks, documents=documents, pages=pages, chunks=chunks)


def _heads(database: Database) -> Iterator[_Head]:
    last = 0
    while (row := database.one(_HEADS_SQL, last)) is not None:
        yield _Head(*row)
        last = row[0]


def _document(
    scene: Scene, checks: TextChecks, head: _Head, pages: Sequence[Any], rows: Sequence[_Row]
) -> None:
    if not _whole(scene, checks.documents, head):
        return
    text = head.text
    assert text is not None
    whole = _pages(checks.pages, head, text, pages)
    built = _built(scene, head)
    for generation in sorted({row.generation for row in rows} | built | {scene.generation}):
        some = [row for row in rows if row.generation == generation]
        covers = generation in built or generation == scene.generation
        good = _spans(checks.spans, head, text, some, covers=covers)
        good &= checks.order.expect(
            [row.ordinal for row in some] == list(range(len(some)))
            and all(a.start <= b.start for a, b in pairwise(some)),
            f"{head.path} numbers its chunks {_shown([row.ordinal for row in some])}",
        )
        if generation == scene.generation:
            whole &= good
        elif not good:
            scene.damage.unbuilt.add((head.id, generation))
    if not whole:
        scene.damage.documents.setdefault(head.id, "its pages or chunks are not whole")
        return
    numbers = [(page[0], page[1]) for page in pages] if head.paged else None
    wanted = places(text, numbers, [(row.start, row.end) for row in rows])
    for row, place in zip(rows, wanted, strict=True):
        told = f"{head.path}, chunk {row.ordinal + 1}"
        if not checks.places.expect(row.places == astuple(place), told):
            scene.damage.places.add(head.id)
        _vector(scene, checks, head, row, told)


def _built(scene: Scene, head: _Head) -> set[int]:
    """Give the generations not in use that hold all of a document; one that failed is in none."""
    sql = """SELECT generation_id FROM built JOIN generations AS g ON g.id = generation_id
        WHERE document_id = ? AND failures = '[]' AND words IS NOT NULL AND state != 'current'"""
    return {row[0] for row in scene.database.all(sql, head.id)}


def _shown(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:6])) + (", ..." if len(numbers) > 6 else "")


def _whole(scene: Scene, check: Check, head: _Head) -> bool:
    """See that a document has its text and a source that says the same of it."""
    if head.text is None or not _encodes(head.text + head.path):
        check.fail(f"{head.path} has no text" if head.text is None else f"{head.path} is garbled")
        scene.damage.documents[head.id] = "its text is lost"
        return False
    for column in (head.headings, head.problems):
        if not isinstance(json.loads(column), list):
            raise ValueError("headings")  # noqa: TRY004 - of a value, not of a caller
    if head.state is None or head.state == "failed":
        check.fail(f"{head.path} is not known as stored")
        scene.damage.sources.add(head.path)
    elif head.state == "indexed":
        same = (head.sha256, head.collection) == (head.source_sha256, head.source_collection)
        if not check.expect(same, f"{head.path} and its source have not the same hash"):
            scene.damage.sources.add(head.path)
    return True


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pages(check: Check, head: _Head, text: str, pages: Sequence[Any]) -> bool:
    """I7: pages 1 to n, each in one state, cover the text without a gap."""
    good = [page[0] for page in pages] == list(range(1, len(pages) + 1))
    good &= bool(head.paged) or len(pages) == 1
    edges = [0, *(edge for page in pages for edge in (page[1], page[2])), len(text)]
    good &= edges[::2] == edges[1::2] and edges == sorted(edges)
    for _, _, _, state, code in pages:
        PageState(state)
        good &= code in CATALOGUE if state in _LOST_STATES else code is None or code in CATALOGUE
    return check.expect(good, head.path)


def _spans(check: Check, head: _Head, text: str, rows: Sequence[_Row], *, covers: bool) -> bool:
    good = True
    reached = 0
    for row in sorted(rows, key=lambda row: row.start):
        inside = 0 <= row.start < row.end <= len(text)
        good &= check.expect(inside, f"{head.path}, chunk {row.ordinal + 1} is outside")
        if inside and covers:
            blank = not text[reached : row.start].strip()
            good &= check.expect(blank, f"{head.path} has text before chunk {row.ordinal + 1}")
            reached = max(reached, row.end)
    if covers:
        good &= check.expect(not text[reached:].strip(), f"{head.path} has text in no chunk")
    return good


def _vector(scene: Scene, checks: TextChecks, head: _Head, row: _Row, told: str) -> None:
    """I2 and I5: a vector of the generation's own profile, made of this very text."""
    pinned = scene.profiles.get(row.generation)
    section = json.loads(row.section)
    if not isinstance(section, list) or not isinstance(row.context, str):
        raise ValueError("section")  # noqa: TRY004 - of a value, not of a caller
    if row.vector_id is None:
        explained = pinned is None or pinned[1].provider == "builtin"
        if not explained and not _explained(scene, head, row.generation):
            checks.vectors.fail(f"{told} has none, and nothing says why")
            _estrange(scene, head, row)
    elif pinned is None or row.profile_id != pinned[0] or row.key is None:
        checks.vectors.fail(f"{told} names one of another profile, or none that is there")
        _estrange(scene, head, row)
    else:
        assert head.text is not None
        bare = head.text[row.start : row.end]
        sent = (f"{row.context}\n{bare}" if row.context else bare, bare)
        keys = {text_key(pinned[1].passage(text)) for text in sent}
        if not checks.texts.expect(row.key in keys, told):
            # The text is the older truth: what it was made of cannot be asked of a hash.
            _drop(scene, head, row, "its text is not what was embedded")


def _estrange(scene: Scene, head: _Head, row: _Row) -> None:
    """Note a chunk that has no vector of its own."""
    if row.generation == scene.generation:
        scene.damage.estranged.add(row.id)
    else:
        scene.damage.unbuilt.add((head.id, row.generation))


def _drop(scene: Scene, head: _Head, row: _Row, why: str) -> None:
    """Note a chunk that is not what it was: with it goes its document, out of its generation."""
    if row.generation == scene.generation:
        scene.damage.documents.setdefault(head.id, why)
    else:
        scene.damage.unbuilt.add((head.id, row.generation))


def _explained(scene: Scene, head: _Head, generation: int) -> bool:
    """Look into the ledger, or into what a generation that is not in use keeps of it."""
    if generation == scene.generation:
        sql = "SELECT 1 FROM failures WHERE source = ?"
        return scene.database.one(sql, head.path) is not None
    sql = "SELECT 1 FROM built WHERE document_id = ? AND generation_id = ? AND failures != '[]'"
    return scene.database.one(sql, head.id, generation) is not None


def _broken(scene: Scene) -> dict[str, set[object]]:
    tables = ("documents", "contents", "pages", "chunks")
    return {table: scene.damage.rows.pop(table, set()) for table in tables}


def _judge_seals(
    scene: Scene,
    head: _Head,
    pages: Sequence[Any],
    rows: Sequence[_Row],
    broken: dict[str, set[object]],
) -> None:
    """Mark a document of which a row is not what was written, to be read again.

    Not where only the places of a chunk were hit: those can be worked out, and then the seal
    proves that nothing else was.
    """
    names = {f"{head.id}.{page[0]}" for page in pages}
    hit = head.id in broken["documents"] or head.id in broken["contents"]
    lost_pages = {str(name) for name in broken["pages"] if str(name).startswith(f"{head.id}.")}
    hit |= bool(lost_pages | (names & {str(name) for name in lost_pages}))
    if hit:
        scene.damage.documents.setdefault(head.id, "its rows are not what was written")
        return
    for row in rows:
        if row.id in broken["chunks"]:
            broken["chunks"].discard(row.id)
            if head.id not in scene.damage.places or not _only_places(scene, head, pages, row):
                _drop(scene, head, row, "a chunk is not what was written")


def _only_places(scene: Scene, head: _Head, pages: Sequence[Any], row: _Row) -> bool:
    assert head.text is not None
    numbers = [(page[0], page[1]) for page in pages] if head.paged else None
    (right,) = places(head.text, numbers, [(row.start, row.end)])
    chunks = next(each for each in seals.SEALED if each.table == "chunks")
    shifted = ", ".join(f"? AS {name}" if name in COLUMNS else name for name in chunks.columns)
    found = scene.database.one(
        f"SELECT 1 FROM (SELECT {shifted} FROM chunks WHERE id = ?) AS t JOIN seals "  # noqa: S608
        f"ON kind = {chunks.number} AND name = +id WHERE seal = {chunks.seal('t')}",
        *(getattr(right, name) for name in chunks.columns if name in COLUMNS),
        row.id,
    )
    return found is not None


def _orphans(scene: Scene, check: Check) -> None:
    """Find rows of no document, and sources that say they are stored and are not."""
    for table in ("contents", "pages", "chunks"):
        sql = f"""SELECT DISTINCT document_id FROM {table} WHERE document_id NOT IN
            (SELECT id FROM documents)"""  # noqa: S608
        for (document_id,) in scene.database.all(sql):
            check.fail(f"rows of {table} belong to no document ({document_id})")
            scene.damage.row(table, document_id)
    sql = """SELECT path, state FROM sources WHERE
        (state != 'failed' AND path NOT IN (SELECT path FROM documents)) OR (state != 'indexed'
        AND path NOT IN (SELECT source FROM failures WHERE source IS NOT NULL))"""
    for path, state in scene.database.all(sql):
        check.fail(f"{path} is {state}, but there is nothing that bears it out")
        scene.damage.sources.add(path)
    scene.damage.sources |= scene.damage.rows.pop("sources", set())

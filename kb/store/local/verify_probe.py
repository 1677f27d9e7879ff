"""Is what is stored also found? A sample of chunks must find itself, by our own search."""

from __future__ import annotations

from typing import Any, Final

from kb.store import Finding
from kb.store.local.snapshot import LocalSnapshot
from kb.store.local.verify_check import Check, Scene, counted

#: So many chunks are asked for at most: by their vector, and by their words.
SAMPLE: Final = 200
#: At least so many, however long a search takes.
_LEAST: Final = 20
#: So many numbers may be multiplied for the whole sample, about a minute's work.
_EFFORT: Final = 4 * 10**10
#: Vectors that are equal but for the rounding of half-precision numbers share the first place.
_TIE: Final = 2e-3
_TOP: Final = 10
_CROWD: Final = 200
#: Of a chunk, so many characters are asked for.
_ASKED: Final = 60


def by_vector(scene: Scene, snapshot: LocalSnapshot) -> Finding:
    """Search with the stored vector of each chunk of a sample: the chunk must come first."""
    check = Check("found.by_vector")
    profile = snapshot.profile
    ids = _ids(scene, "AND vector_id IS NOT NULL")
    if profile is None or not profile.normalised or not ids:
        return check.finding("There is no vector to search with yet.", sample=0, of=len(ids))
    afford = _EFFORT // max(1, len(ids) * profile.dimensions)
    sample = _spread(ids, min(SAMPLE, max(_LEAST, afford)))
    ties = 0
    for chunk_id in sample:
        vector = _vector(scene, chunk_id)
        if vector is None:
            check.fail(f"chunk {chunk_id} has no vector")
            continue
        hits = snapshot.nearest(vector, top_k=_TOP)
        own = snapshot.similarities(vector, [chunk_id]).get(chunk_id, -2.0)
        first = bool(hits) and hits[0][0] == chunk_id
        tie = bool(hits) and hits[0][1] - own <= _TIE
        crowded = len(hits) == _TOP and hits[-1][1] - own >= -_TIE
        ties += tie and not first
        found = chunk_id in {hit for hit, _ in hits} or crowded
        check.expect(tie and found, f"chunk {chunk_id} does not find itself")
    return check.finding(
        f"{len(sample):,} of {counted(len(ids), 'chunk')} find themselves first by their vector.",
        "Chunks do not find themselves by their vector",
        sample=len(sample),
        of=len(ids),
        ties=ties,
    )


def by_words(scene: Scene, snapshot: LocalSnapshot) -> Finding:
    """Search for the first words of each chunk of a sample, side by side.

    Skipped are those that have no words, and those that have them in common with many others.
    """
    check = Check("found.by_words")
    ids = _ids(scene, "")
    sample = _spread(ids, SAMPLE)
    skipped = 0
    for chunk_id, passage in snapshot.passages(sample).items():
        hits = snapshot.match(f'"{_beginning(passage.chunk.text)}"', top_k=_CROWD)
        if len(hits) == _CROWD or not (hits or _asks(passage.chunk.text)):
            skipped += 1
        else:
            found = chunk_id in {hit for hit, _ in hits}
            check.expect(found, f"chunk {chunk_id} does not find itself")
    return check.finding(
        f"{len(sample) - skipped:,} of {counted(len(ids), 'chunk')} are found by their words; "
        f"{skipped:,} skipped.",
        "Chunks are not found by their words",
        sample=len(sample),
        of=len(ids),
        skipped=skipped,
    )


def _ids(scene: Scene, more: str) -> list[int]:
    """Give the visible chunks of documents that are sound."""
    sql = f"SELECT id, document_id FROM chunks WHERE generation_id = ? {more} ORDER BY id"  # noqa: S608
    damaged = scene.damage.documents
    return [
        chunk_id
        for rows in scene.database.blocks(sql, scene.generation, size=8192)
        for chunk_id, document_id in rows
        if document_id not in damaged
    ]


def _spread(ids: list[int], number: int) -> list[int]:
    """Give `number` of the ids at even distances; neighbours in id are neighbours in a document.

    >>> _spread([1, 2, 3, 4, 5, 6], 3)
    [2, 4, 6]
    """
    if len(ids) <= number:
        return ids
    return [ids[(2 * n + 1) * len(ids) // (2 * number)] for n in range(number)]


def _vector(scene: Scene, chunk_id: int) -> Any | None:  # noqa: ANN401 - of numpy
    import numpy as np

    sql = "SELECT vector FROM vectors JOIN chunks ON vectors.id = vector_id WHERE chunks.id = ?"
    row = scene.database.one(sql, chunk_id)
    return None if row is None else np.frombuffer(row[0], dtype="<f2").astype(np.float32)


def _beginning(text: str) -> str:
    """Give the first line of a text, or what of it is not cut within a word."""
    line = text.strip().splitlines()[0].translate(_QUOTES) if text.strip() else ""
    if len(line) <= _ASKED:
        return line
    cut = line[:_ASKED]
    return cut.rpartition(" ")[0] or cut


def _asks(text: str) -> bool:
    from kb.store.local.terms import match_expression

    return bool(match_expression(f'"{_beginning(text)}"'))


_QUOTES: Final = dict.fromkeys(map(ord, '"“”„«»「」『』'), " ")

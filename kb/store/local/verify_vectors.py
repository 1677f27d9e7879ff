"""Are the vectors what they should be, and does every segment hold those of its range?"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np

from kb.model import Profile
from kb.store import Finding
from kb.store.local import segments
from kb.store.local.database import open_reader
from kb.store.local.segments import Segment
from kb.store.local.vectors import BLOCK
from kb.store.local.verify_check import Check, Scene, counted
from kb.store.local.verify_recall import Recall

#: Half-precision numbers put a unit vector's length off by less than a thousandth.
_LENGTH_NOISE: Final = 0.01
_KEY_BYTES: Final = 32


def vectors(scene: Scene) -> Finding:
    """See that each vector is of its profile's dimensions, finite, and as long as it should be."""
    check = Check("vectors.values")
    number = 0
    known = dict(scene.profiles.values())
    sql = "SELECT id, profile_id, vector, key FROM vectors ORDER BY id"
    for rows in scene.database.blocks(sql, size=BLOCK):
        number += len(rows)
        for id_, profile_id, data, key in rows:
            profile = known.get(profile_id)
            said = _wrong(profile, data) if isinstance(data, bytes) else "is no vector"
            if not isinstance(key, bytes) or len(key) != _KEY_BYTES:
                said = "has no proper key"
            if said:
                check.fail(f"vector {id_} {said}")
                scene.damage.vectors.add(id_)
    scene.damage.vectors |= {
        name for name in scene.damage.rows.pop("vectors", ()) if isinstance(name, int)
    }
    return check.finding(
        f"{counted(number, 'vector')} of the right length, finite, as long as they should be.",
        "Vectors are damaged",
        vectors=number,
    )


def _wrong(profile: Profile | None, data: bytes) -> str:
    # Of a profile that no generation has any more, nothing is known.
    if profile is not None and len(data) != 2 * profile.dimensions:
        return f"has {len(data) // 2} dimensions in place of {profile.dimensions}"
    values = np.frombuffer(data[: len(data) // 2 * 2], dtype="<f2").astype(np.float32)
    if not np.isfinite(values).all():
        return "is not finite"
    length = float(np.sqrt(values @ values))
    if profile is not None and profile.normalised and abs(length - 1) > _LENGTH_NOISE:
        return f"is {length:.3f} long in place of 1"
    return ""


def index(scene: Scene) -> Iterator[Finding]:
    """I1 and I4: every segment of the manifest lies there unaltered, with its vectors."""
    files, ranges, recall = Check("index.files"), Check("index.ranges"), Recall()
    listed: list[Segment] = []
    for profile_id, profile in dict(scene.profiles.values()).items():
        found = segments.listed(scene.database, profile_id)
        listed += found
        _ranges(ranges, found)
        for segment in found:
            wrong = ranges.wrong
            index = _segment(scene, files, ranges, segment, (profile_id, profile))
            # Where the vectors themselves are damaged, there is nothing to measure with.
            sound = index is not None and ranges.wrong == wrong and not scene.damage.vectors
            recall.look(scene, segment, index if sound else None, (profile_id, profile))
    scene.damage.manifest |= bool(ranges.wrong)
    known = scene.database.all("SELECT profile_id, sha256 FROM segments")
    scene.damage.strays = bool(strays(scene, {row[1] for row in known}))
    astray = {row[1] for row in known} - {segment.sha256 for segment in listed}
    if not ranges.expect(not astray, "the manifest names files of no profile"):
        scene.damage.manifest = True
    held = sum(segment.count for segment in listed)
    told = f"{counted(len(listed), 'segment')} with {counted(held, 'vector')}"
    yield files.finding(
        f"{told}, each with its checksum.",
        "Files of index/ are missing or damaged (searches go round them)",
        segments=len(listed),
        strays=scene.damage.strays,
    )
    yield ranges.finding(
        f"{told}: exactly those of its range.",
        "Segments do not hold the vectors of their range",
        segments=len(listed),
        vectors=held,
    )
    yield recall.finding()


def strays(scene: Scene, named: set[str]) -> list[str]:
    """Give the segment files that the manifest does not name; a running ingest has such, too."""
    folder = scene.shelf.folder
    found = [*folder.glob("*.faiss"), *folder.glob("*.tmp")] if folder.is_dir() else []
    return [path.name for path in found if path.suffix == ".tmp" or path.stem not in named]


def _ranges(check: Check, found: list[Segment]) -> None:
    for segment in found:
        check.expect(segment.low <= segment.high, f"segment {segment.id} has no range")
    for before, after in pairwise(found):
        check.expect(before.high < after.low, f"segments {before.id} and {after.id} overlap")


def _segment(
    scene: Scene, files: Check, ranges: Check, segment: Segment, of: tuple[int, Profile]
) -> Any | None:  # noqa: ANN401 - of faiss
    """Look at one segment; gives its index, or None where its file is not what it should be."""
    folder = scene.shelf.folder
    name = f"{segment.sha256[:12]}..."
    rows = scene.database.all(
        "SELECT id FROM vectors WHERE id BETWEEN ? AND ? AND profile_id = ? ORDER BY id",
        *(segment.low, segment.high, of[0]),
    )
    wanted = [row[0] for row in rows]
    ranges.expect(segment.count == len(wanted), f"{name} should hold {len(wanted)} vectors")
    if not segments.is_sound(folder, segment):
        # A writer may have merged it away since our state of the database.
        if _still_named(scene, segment):
            there = segment.path(folder).exists()
            files.fail(f"{name} {'is not what it was' if there else 'is missing'}")
            scene.damage.segments.add(segment.path(folder))
        return None
    index = segments.read(folder, segment, dimensions=of[1].dimensions)
    if index is None and not segment.path(folder).exists():
        return None
    held = _ids(index)
    good = index is not None and (held is None or held == wanted)
    ranges.expect(good, f"{name} holds other vectors")
    return index


def _ids(index: Any | None) -> list[int] | None:  # noqa: ANN401 - of faiss
    """Give the ids that a segment holds, in its order, which is theirs."""
    table = getattr(index, "id_map", None)
    if table is None:
        return None
    found: list[int] = importlib.import_module("faiss").vector_to_array(table).tolist()
    return found


def _still_named(scene: Scene, segment: Segment) -> bool:
    database = open_reader(scene.database.path)
    try:
        return bool(database.all("SELECT 1 FROM segments WHERE sha256 = ?", segment.sha256))
    finally:
        database.close()

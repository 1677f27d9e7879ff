"""Prove a knowledge base whole: read-only, over one state, while others read and write.

Each check gives one `Finding` with a stable id, and notes in `Damage` what a repair would have to
do about it. A check that cannot be carried out, since SQLite cannot read what it needs, has found
damage. Memory is bounded by the largest document, and some bytes for each chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from kb.errors import StoreError, UsageError, failure
from kb.store import Finding
from kb.store.local import rows, seals, verify_tables
from kb.store.local.database import FILE, Database, damaged, door
from kb.store.local.sealed import open_examiner
from kb.store.local.shelf import Shelf
from kb.store.local.snapshot import LocalSnapshot
from kb.store.local.tables import FOLDER
from kb.store.local.verify_check import REPAIR, Damage, Scene

_Made: TypeAlias = "Finding | Iterator[Finding]"
#: What Python, numpy and faiss raise over values that are not what they should be.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AssertionError,
    OverflowError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found, and what a repair has to know."""

    findings: Sequence[Finding]
    damage: Damage

    @property
    def ok(self) -> bool:
        """True when every check passed."""
        return all(finding.ok for finding in self.findings)


def verify(home: Path) -> Sequence[Finding]:
    """Give what each check found; raises `UsageError` and `StoreError` as `open_store` does."""
    return examine(home).findings


def examine(home: Path) -> Examination:
    """Carry out all checks on the state as it is now."""
    home = home.absolute()
    with door(home):
        there = (home / FILE).exists()
    if not there:
        message = f"There is no knowledge base in {home}."
        raise UsageError(failure("search.no_knowledge_base", message))
    _bring_up_to_date(home)
    database = open_examiner(home / FILE)
    try:
        with _readable(home):
            snapshot = LocalSnapshot(database, Shelf(home / FOLDER))
            scene = _scene(database, home)
        findings = [each for name, check in _CHECKS for each in _run(name, check, scene, snapshot)]
        return Examination(findings=findings, damage=scene.damage)
    finally:
        database.close()


def _bring_up_to_date(home: Path) -> None:
    """Carry an older format over, as every other command does; what is damaged is found later."""
    from kb.store.local.store import LocalStore

    with suppress(StoreError):
        LocalStore.open(home).close()


def _scene(database: Database, home: Path) -> Scene:
    current = database.one("SELECT id FROM generations WHERE state = 'current'")
    assert current is not None
    return Scene(
        database=database,
        shelf=Shelf(home / FOLDER),
        profiles={
            generation: (profile_id, rows.profile(text))
            for generation, profile_id, text in verify_tables.pinned(database)
        },
        generation=current[0],
        sealed=seals.present(database),
        damage=Damage(),
    )


@contextmanager
def _readable(home: Path) -> Iterator[None]:
    try:
        yield
    except (AssertionError, ValueError, TypeError, LookupError) as error:
        raise damaged(home / FILE, f"its generation or its profile is lost ({error})") from error


def _run(
    name: str,
    check: Callable[[Scene, LocalSnapshot], _Made],
    scene: Scene,
    snapshot: LocalSnapshot,
) -> list[Finding]:
    """Carry out one check; damage that ends it is what it has found."""
    try:
        made = check(scene, snapshot)
        return [made] if isinstance(made, Finding) else list(made)
    except StoreError as error:
        if error.failure.code != "store.corrupt":
            raise
        told = error.failure.message
    except _UNREADABLE as error:
        told = f"What is stored cannot be read: {error}."
    # A search may also have been led astray by what is known to be wrong with the index.
    scene.damage.file |= not (name.startswith("found.") and scene.damage.hurts_index)
    return [Finding(id=name, ok=False, message=told, hint=REPAIR)]


# What needs numpy or faiss is imported when its turn comes.


def _texts(scene: Scene) -> _Made:
    from kb.store.local.verify_texts import texts

    return texts(scene)


def _vectors(scene: Scene) -> _Made:
    from kb.store.local.verify_vectors import vectors

    return vectors(scene)


def _index(scene: Scene) -> _Made:
    from kb.store.local.verify_vectors import index

    return index(scene)


def _words(scene: Scene) -> _Made:
    from kb.store.local.verify_words import words

    return words(scene)


def _by_vector(scene: Scene, snapshot: LocalSnapshot) -> _Made:
    from kb.store.local.verify_probe import by_vector

    return by_vector(scene, snapshot)


def _by_words(scene: Scene, snapshot: LocalSnapshot) -> _Made:
    from kb.store.local.verify_probe import by_words

    return by_words(scene, snapshot)


_CHECKS: Final[tuple[tuple[str, Callable[[Scene, LocalSnapshot], _Made]], ...]] = (
    ("database.file", lambda scene, _: verify_tables.file(scene)),
    ("database.schema", lambda scene, _: verify_tables.schema(scene)),
    ("database.references", lambda scene, _: verify_tables.references(scene)),
    ("database.seals", lambda scene, _: verify_tables.sealed(scene)),
    ("database.ids", lambda scene, _: verify_tables.ids(scene)),
    ("database.generations", lambda scene, _: verify_tables.generations(scene)),
    ("documents", lambda scene, _: _texts(scene)),
    ("vectors.values", lambda scene, _: _vectors(scene)),
    ("index", lambda scene, _: _index(scene)),
    ("words", lambda scene, _: _words(scene)),
    ("ledger.failures", lambda scene, _: verify_tables.failures(scene)),
    ("ledger.runs", lambda scene, _: verify_tables.runs(scene)),
    ("found.by_vector", _by_vector),
    ("found.by_words", _by_words),
)

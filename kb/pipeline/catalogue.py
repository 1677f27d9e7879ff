"""What is in the knowledge base: documents, counts, failures; and forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kb.errors import Failure, failure
from kb.model import Filter
from kb.pipeline.base import KnowledgeBase
from kb.source import stored_path
from kb.store import DocumentRow, Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What was forgotten, and what could not be since it was not there."""

    documents: int
    chunks: int
    failures: tuple[Failure, ...]


def documents(base: KnowledgeBase, within: Filter | None = None) -> Sequence[DocumentRow]:
    """Give the searchable documents in order of path."""
    with base.snapshot() as snapshot:
        return snapshot.documents(within or Filter())


def status(base: KnowledgeBase) -> Summary:
    """Give the counts behind `kb status`."""
    with base.snapshot() as snapshot:
        return snapshot.summary()


def failures(
    base: KnowledgeBase, *, stage: str | None = None, code: str | None = None
) -> Sequence[Failure]:
    """Give what stands in the failure ledger."""
    with base.snapshot() as snapshot:
        return snapshot.failures(stage=stage, code=code)


def remove(base: KnowledgeBase, paths: Sequence[Path]) -> Removal:
    """Forget documents, or all below a folder; the files themselves are left alone."""
    store = base.open()
    with closing(store):
        with store.snapshot() as snapshot:
            known = sorted(snapshot.known_sources())
        wanted: dict[str, None] = {}
        missing: list[Failure] = []
        for path in paths:
            found = _below(path, base.root, known)
            wanted |= dict.fromkeys(found)
            if not found:
                missing.append(_unknown(path))
        removed = (0, 0)
        if wanted:
            with store.writer("remove") as writer:
                removed = writer.remove(list(wanted))
                writer.refresh_index()
    return Removal(documents=removed[0], chunks=removed[1], failures=tuple(missing))


def _below(path: Path, root: Path, known: Sequence[str]) -> list[str]:
    """Give the stored paths that a path given by a person names: from here, or as typed."""
    here = stored_path(path, root=root)
    if here == ".":
        return [each for each in known if not each.startswith("/")]
    # As typed, a dot would name all that is stored, wherever it was typed.
    for name in (here, *([typed] if (typed := path.as_posix()) != "." else [])):
        below = name if name.endswith("/") else f"{name}/"
        found = [each for each in known if each == name or each.startswith(below)]
        if found:
            return found
    return []


def _unknown(path: Path) -> Failure:
    return failure(
        "discover.missing",
        f"The knowledge base holds nothing called {path}.",
        source=str(path),
    )

"""Which knowledge base a command works on, and with which settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kb.config import Settings, load_settings
from kb.errors import UsageError, failure
from kb.store import Snapshot, Store, open_store

FOLDER = ".kb"
DATABASE = "kb.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeBase:
    """A knowledge base's folder, the folder its paths are relative to, and the settings."""

    home: Path
    root: Path
    settings: Settings

    @property
    def exists(self) -> bool:
        """True when there is a database in the folder."""
        return (self.home / DATABASE).exists()

    def open(self, *, create: bool = False) -> Store:
        """Open the store; raises `UsageError` (`search.no_knowledge_base`) when there is none."""
        if not create and not self.exists:
            raise UsageError(
                failure("search.no_knowledge_base", f"There is no knowledge base in {self.home}.")
            )
        return open_store(self.home, create=create)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open the store for reading and give one consistent view of it."""
        store = self.open()
        try:
            with store.snapshot() as snapshot:
                yield snapshot
        finally:
            store.close()


def locate(
    home: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    options: Mapping[str, object] = MappingProxyType({}),
    cwd: Path | None = None,
) -> KnowledgeBase:
    """Find the knowledge base: `--home`, `KB_HOME`, or `.kb` here or in the nearest parent.

    Where there is none, names the `.kb` that would be made in the working directory.
    """
    here = (cwd or Path.cwd()).absolute()
    named = home or (Path(environ["KB_HOME"]) if environ.get("KB_HOME") else None)
    found = Path(os.path.normpath(here / named)) if named else _nearest(here)
    if found.exists() and not found.is_dir():
        message = f"{found} is a file; a knowledge base is a folder."
        raise UsageError(failure("usage.settings", message, hint="Name a folder with --home."))
    settings = load_settings(found, environ=environ, options=options)
    return KnowledgeBase(home=found, root=found.parent, settings=settings)


def _nearest(here: Path) -> Path:
    for folder in (here, *here.parents):
        if (folder / FOLDER / DATABASE).exists():
            return folder / FOLDER
    return here / FOLDER

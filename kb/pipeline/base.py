"""Which knowledge base a command works on, and with which settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from kb.config import Settings, load_settings
from kb.errors import StoreError, UsageError, failure
from kb.store import open_store

if TYPE_CHECKING:
    from kb.store import Snapshot, Store

FOLDER = ".kb"
DATABASE = "kb.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeBase:
    """A knowledge base's folder, the folder its paths are relative to, and the settings."""

    home: Path
    root: Path
    settings: Settings
    #: The settings without those of the command line; None: the same.
    lasting: Settings | None = None
    #: Looks again, where the settings may have been changed since.
    again: Callable[[], KnowledgeBase] | None = None

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
    _settle(found)
    return KnowledgeBase(
        home=found,
        root=found.parent,
        settings=load_settings(found, environ=environ, options=options),
        lasting=load_settings(found, environ=environ) if options else None,
        again=lambda: locate(found, environ=environ, options=options, cwd=here),
    )


def _settle(home: Path) -> None:
    """Finish what a switch or a restore began, where it was killed before it wrote `kb.toml`.

    Where the database cannot say which generation is in use, the settings stay as they are: what
    is wrong is told to whoever opens it, and `kb verify --repair` must not be kept from mending it.
    """
    if not _has_more_than(home, "kb.toml"):
        return
    from kb.pipeline.toml_file import settle, unsettled

    if not (unsettled(home) and (home / DATABASE).exists()):
        return
    from kb.store import settle_restored

    settle_restored(home)
    try:
        store = open_store(home)
        try:
            with store.snapshot() as snapshot:
                settle(home, snapshot.generation)
        finally:
            store.close()
    except StoreError as error:
        if error.failure.code != "store.corrupt":
            raise


def _has_more_than(home: Path, name: str) -> bool:
    """Tell whether anything in a folder has a name that goes on where this one ends."""
    try:
        return any(each.name.startswith(f"{name}.") for each in home.iterdir())
    except OSError:
        return False


def _nearest(here: Path) -> Path:
    for folder in (here, *here.parents):
        if (folder / FOLDER / DATABASE).exists():
            return folder / FOLDER
    return here / FOLDER

"""The settings of a backup: laid beside those in force, then put in place in one step."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from kb.store.local.database import FILE
from kb.store.local.schema import sync_folder

#: Where a backup is unpacked, in the folder that it is restored to.
WORK: Final = "restore.tmp"
#: What is put at the end of the name of a file that another one has taken the place of.
REPLACED: Final = ".replaced"
_SETTINGS: Final = "kb.toml"


def announce_settings(home: Path, work: Path) -> None:
    """Lay the new settings beside those in force, for the database that is to come.

    They are named by its inode, which it keeps when it takes its name; an empty file says that
    there are none. Whoever finds them beside that database puts them in place.
    """
    for leftover in home.glob(f"{_SETTINGS}.generation-*"):
        leftover.unlink()
    new, now = work / _SETTINGS, home / _SETTINGS
    if not new.exists():
        new.touch()
    if now.exists() and new.read_bytes() != now.read_bytes():
        # Others that a person wrote are kept.
        shutil.copyfile(now, home / f"{_SETTINGS}{REPLACED}")
    new.replace(home / f"{_SETTINGS}.database-{(work / FILE).stat().st_ino}")
    sync_folder(home)


def settle_settings(home: Path) -> None:
    """Put the settings in place that were restored with the database that is there."""
    with suppress(OSError):
        beside = home / f"{_SETTINGS}.database-{(home / FILE).stat().st_ino}"
        if beside.stat().st_size:
            beside.replace(home / _SETTINGS)
        else:
            (home / _SETTINGS).unlink(missing_ok=True)
            beside.unlink()


def clear_away(home: Path) -> None:
    """Delete what a restore left, once its settings are in place where its database is.

    The settings go first: once the database that they are named by is gone, another file may have
    its inode.
    """
    settle_settings(home)
    with suppress(OSError):
        for leftover in home.glob(f"{_SETTINGS}.database-*"):
            leftover.unlink()
        shutil.rmtree(home / WORK, ignore_errors=True)

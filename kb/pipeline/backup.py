"""`kb backup` and `kb restore`: the knowledge base as one file, and back."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from kb.pipeline.base import KnowledgeBase
from kb.pipeline.toml_file import settle
from kb.store import Backup, backup_store, restore_store

_SETTINGS: Final = "kb.toml"
#: Generations are put in use some minutes apart, if at all.
_TRIES: Final = 3
_KEY_LINE: Final = re.compile(
    r"^[^\S\n]*(?:embedding\.|rerank\.)?[\"']?api_key[\"']?[^\S\n]*=.*\n?", re.MULTILINE
)


def backup(base: KnowledgeBase, file: Path, *, force: bool = False) -> Backup:
    """Write a consistent copy with its settings to `file`, also while others write.

    The API key is never in it. Raises `UsageError` and `StoreError`.
    """
    for _ in range(_TRIES):
        generation = _in_use(base)
        settle(base.home, generation)
        settings = _without_key(base)
        extra = {} if settings is None else {_SETTINGS: settings.encode()}
        made = backup_store(base.home, file, extra=extra, force=force)
        if _in_use(base) == generation:
            break
        # Another generation was put in use meanwhile: settings and copy may not belong together.
        force = True
    return made


def _in_use(base: KnowledgeBase) -> int:
    with base.snapshot() as snapshot:
        return snapshot.generation


def restore(base: KnowledgeBase, file: Path, *, force: bool = False) -> Backup:
    """Put a backup in place of what is there. Raises `UsageError` and `StoreError`."""
    return restore_store(base.home, file, force=force)


def _without_key(base: KnowledgeBase) -> str | None:
    """Give the text of `kb.toml` without the line of the key; None where it cannot be taken out."""
    try:
        text = (base.home / _SETTINGS).read_text(encoding="utf-8")
        text = _KEY_LINE.sub("", text)
        tables = tomllib.loads(text)
    except (OSError, ValueError):
        return None
    keys = filter(None, (base.settings.api_key, base.settings.rerank_api_key))
    if _names_key(tables) or any(key in text for key in keys):
        return None
    return text


def _names_key(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return "api_key" in value or any(map(_names_key, value.values()))

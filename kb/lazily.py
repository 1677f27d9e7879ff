"""Names of a package whose modules are loaded when the first of their names is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazily(package: str, rooms: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Give a package's `__getattr__` (PEP 562); `rooms` says which names stand in which module."""

    def given(name: str) -> Any:  # noqa: ANN401 - whatever has that name
        for room, names in rooms.items():
            if name in names:
                made = getattr(import_module(f"{package}.{room}"), name)
                setattr(sys.modules[package], name, made)
                return made
        message = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(message)

    return given

"""Passwords of encrypted files: from a file or the environment, never from the command line."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from cli.options import filled
from kb.errors import UsageError, failure

#: One password on each line: no other sign is sure not to be part of one.
VARIABLE: Final = "KB_PDF_PASSWORDS"


def password_option(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--password-file`."""
    return click.option(
        "--password-file",
        metavar="FILE",
        type=filled,
        help=f"Passwords to try on encrypted files, one on each line.  [default: {VARIABLE}]",
    )(function)


def passwords_of(file: str | None) -> tuple[str, ...]:
    """Give the passwords of the file and then those of the environment, each once.

    They are kept out of everything printed from now on. Warns where others may read the file.
    Raises `UsageError` where it cannot be read.
    """
    from cli.secret import guard_also

    lines = [*_read(file), *os.environ.get(VARIABLE, "").split("\n")]
    found = tuple(dict.fromkeys(line for each in lines if (line := each.removesuffix("\r"))))
    guard_also(*found)
    return found


def _read(name: str | None) -> list[str]:
    if name is None:
        return []
    from cli.output import say

    path = Path(name)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read().removeprefix(b"\xef\xbb\xbf").decode()
    except (OSError, ValueError) as error:
        told = "it is not UTF-8" if isinstance(error, UnicodeError) else _said(error)
        message = f"The password file {name} cannot be read: {told}."
        hint = "Name a text file in UTF-8 with one password on each line."
        raise UsageError(failure("usage.settings", message, hint=hint)) from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        say(f"Warning: others may read {name}; make it yours alone: chmod 600 {name}")
    return text.split("\n")


def _said(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)

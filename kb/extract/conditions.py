"""What the process that reads was told by the one that asks: kept here, never in a file's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kb.errors import Failure, failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How files are to be read; what is secret in it is not shown."""

    #: To be tried on a file that asks for one, after the empty one.
    passwords: tuple[str, ...] = field(default=(), repr=False)
    #: Whether to keep to readers that cannot take the process down with them.
    careful: bool = False


_in_force = Conditions()


def in_force() -> Conditions:
    """Give the conditions under which this process reads."""
    return _in_force


def set_passwords(passwords: Sequence[str]) -> None:
    """Remember the passwords to try, each once and without empty ones."""
    global _in_force  # noqa: PLW0603 - one for the process: readers are handed bytes alone
    unique = tuple(dict.fromkeys(password for password in passwords if password))
    _in_force = Conditions(passwords=unique, careful=_in_force.careful)


def locked() -> Failure:
    """Give the failure of a file that none of the passwords opens, saying how many there were."""
    given = len(_in_force.passwords)
    if not given:
        return failure("extract.encrypted")
    opens = (
        "the password given does not open it"
        if given == 1
        else (f"none of the {given} passwords given opens it")
    )
    return failure("extract.encrypted", f"The file is protected by a password; {opens}.")


@contextmanager
def carefully() -> Iterator[None]:
    """Read without C code that may crash, as long as the context lasts."""
    global _in_force  # noqa: PLW0603 - as above
    before = _in_force
    _in_force = Conditions(passwords=before.passwords, careful=True)
    try:
        yield
    finally:
        _in_force = before

"""Patterns in the language of `.gitignore`, and which names they fit.

pathspec translates a pattern; it is imported only where there is one. It judges lists of files,
where a pattern for a folder also fits all below it; a walk comes to each folder first, so here a
pattern must fit the very name. A pattern that git would drop in silence is refused with its place.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kb.errors import UsageError, failure

#: The expressions of patterns that fit every name: `**` and `*`; and every folder: `*/`.
_EVERYTHING: Final = frozenset({".", "/", "(?P<ps_d>/)"})


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern; `takes` is False where it begins with `!`."""

    takes: bool
    expression: re.Pattern[str]
    #: Whatever lies in a folder that fits, and not the folder itself: it ends in "/**".
    inside: bool
    folders_only: bool

    def fits(self, name: str, *, below: bool) -> bool:
        """Tell whether it means the very file or folder, or, with `below`, one that holds it."""
        if self.folders_only and not below and not name.endswith("/"):
            return False
        found = self.expression.search(name)
        if found is None or below:
            return found is not None
        if self.expression.pattern in _EVERYTHING:
            return True
        whole = found.end() == len(name)
        return not whole if self.inside else whole


class Patterns:
    """Patterns that stand together, for names relative to the folder that they stand in."""

    def __init__(self, lines: Iterable[str], *, origin: str) -> None:
        made = [_pattern(line, origin, number) for number, line in enumerate(lines, 1)]
        self._last_first = [each for each in reversed(made) if each is not None]

    def says(self, name: str, *, below: bool = False) -> bool | None:
        """Tell whether the last pattern that fits `name` takes it (False: it begins with `!`).

        The name of a folder ends in "/". With `below`, a pattern that fits a folder fits all that
        is in it. None: no pattern fits.
        """
        for pattern in self._last_first:
            if pattern.fits(name, below=below):
                return pattern.takes
        return None


def _pattern(line: str, origin: str, number: int) -> _Pattern | None:
    """Read one line; blank lines and comments give nothing. Raises `UsageError`."""
    text = line if line.endswith("\\ ") else line.rstrip()
    if not text or text.startswith("#"):
        return None
    try:
        takes, expression = _translated(text)
    except ValueError as error:
        place = origin if origin.startswith("--") else f"{origin}, line {number}"
        message = f"{place}: the pattern {text!r} {error}."
        hint = "Correct the pattern; a \\ before a sign makes it stand for itself."
        raise UsageError(failure("usage.settings", message, hint=hint)) from error
    return _Pattern(
        takes,
        expression,
        inside=text.endswith(("/**", "/**/")),
        folders_only=text.endswith("/"),
    )


def _translated(text: str) -> tuple[bool, re.Pattern[str]]:
    """Give what a pattern says and the expression for it. Raises ValueError saying what is wrong.

    >>> _translated("a[b")
    Traceback (most recent call last):
    ValueError: has a [ without its ]
    """
    from pathspec.patterns.gitignore import GitIgnorePatternError
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    if not text.lstrip("!").strip("/"):
        message = "names nothing"
        raise ValueError(message)
    try:
        found, takes = GitIgnoreSpecPattern.pattern_to_regex(text)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # With all signs in a name, also the end of a line.
            if found is not None and takes is not None:
                return takes, re.compile(found, re.DOTALL)
    except FutureWarning as warning:
        message = "holds a class of signs such as [:alpha:], which kb does not know"
        raise ValueError(message) from warning
    except re.error as error:
        message = f"cannot be read ({error.msg})"
        raise ValueError(message) from error
    except GitIgnorePatternError as error:
        message = "cannot be read"
        raise ValueError(message) from error
    message = "has a [ without its ]"
    raise ValueError(message)

"""Which stored paths a `Filter` means."""

from __future__ import annotations

import re
import unicodedata

_PIECE = re.compile(r"(?P<deep>\*\*/?)|(?P<star>\*)|(?P<one>\?)|(?P<plain>[^*?]+)")


def path_pattern(glob: str) -> re.Pattern[str]:
    """Give the expression that a whole path must match.

    `*` and `?` do not cross `/`, `**` does, and `**/` also stands for nothing. A glob without `/`
    is tried on the file's name, in whatever folder; one that ends in `/` means all below it.

    >>> bool(path_pattern("*.pdf").fullmatch("contracts/acme.pdf"))
    True
    """
    glob = unicodedata.normalize("NFC", glob)
    if "/" not in glob:
        glob = f"**/{glob}"
    elif glob.endswith("/"):
        glob += "**"
    return re.compile("".join(_translated(match) for match in _PIECE.finditer(glob)), re.DOTALL)


def path_matches(pattern: re.Pattern[str], path: str) -> bool:
    """Tell whether `path` matches; composed and decomposed accents are the same letter."""
    return pattern.fullmatch(unicodedata.normalize("NFC", path)) is not None


def _translated(piece: re.Match[str]) -> str:
    text = piece.group()
    if piece.lastgroup == "deep":
        # `/**/` must not swallow the slash it stands after, so `**/` ends at a folder's border.
        return "(?:.*/)?" if text.endswith("/") else ".*"
    if piece.lastgroup == "plain":
        return re.escape(text)
    return "[^/]*" if piece.lastgroup == "star" else "[^/]"

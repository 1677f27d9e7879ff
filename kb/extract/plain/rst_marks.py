"""The inline marks of reStructuredText: emphasis, roles, links, footnote marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_Said = Callable[[re.Match[str]], str]
_BEFORE = r"(?<![\w\\`*:])"
_AFTER = r"(?![\w`])"


def _role(match: re.Match[str]) -> str:
    """Give what a role shows: its title, or the last part of a name marked with `~`."""
    text = match[1]
    titled = re.fullmatch(r"(.+?)\s*<[^<>]+>", text, re.DOTALL)
    if titled:
        return titled[1]
    return text.rpartition(".")[2] if text.startswith("~") else text.lstrip("!")


def _link(match: re.Match[str]) -> str:
    titled = re.fullmatch(r"(.+?)\s*<[^<>]+>", match[1], re.DOTALL)
    return titled[1] if titled else match[1].strip("<>")


_MARKS: tuple[tuple[re.Pattern[str], str | _Said], ...] = (
    (re.compile(r"(?<!`):[A-Za-z][\w:.+-]*:`([^`]+)`"), _role),
    (re.compile(r"`([^`]+)`:[A-Za-z][\w:.+-]*:"), _role),
    (re.compile(_BEFORE + r"_?`([^`\s](?:[^`]*[^`\s])?)`_{0,2}" + _AFTER), _link),
    (re.compile(_BEFORE + r"\*\*(?=\S)([^*]+?)(?<=\S)\*\*(?![\w*])"), r"\1"),
    (re.compile(_BEFORE + r"\*(?=\S)([^*]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(\[[#*]?[\w.-]*\])_(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w_])([A-Za-z0-9](?:[\w.+-]*[A-Za-z0-9])?)__?(?![\w_])"), r"\1"),
    (re.compile(r"\\[ \n]?"), ""),
)
_LITERAL = re.compile(r"``(.+?)``(?!`)", re.DOTALL)
_SUBSTITUTION = re.compile(r"\|([^|\s](?:[^|]*[^|\s])?)\|_{0,2}")
_FIELD = re.compile(r"^([ \t]*):([^:\n`]+):(?=[ \t]|$)", re.MULTILINE)
_LINE_BLOCK = re.compile(r"^([ \t]*)\|(?:[ \t]|$)", re.MULTILINE)
#: No paragraph that people write is longer.
_LONGEST = 50_000
#: Stand for literals while the rest is read; no text that came through `keepable` has a NUL.
_MARK = re.compile("\0(\\d+)\0")


def inline(text: str, words: Mapping[str, str]) -> str:
    """Give a paragraph without its marks, with as many lines; `words` are its substitutions.

    >>> inline("see :ref:`the *guide* <g>` and ``a_`` or `kb <https://x.org>`_", {})
    'see the guide and a_ or kb'
    """
    if len(text) > _LONGEST:
        return text
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[1])
        return f"\0{len(kept) - 1}\0"

    text = _LITERAL.sub(keep, text)
    text = _LINE_BLOCK.sub(r"\1", text)
    text = _FIELD.sub(r"\1\2:", text)
    text = _SUBSTITUTION.sub(lambda match: words.get(match[1], match[0]), text)
    for pattern, said in _MARKS:
        text = pattern.sub(_with_lines(said), text)
    return _MARK.sub(lambda match: kept[int(match[1])], text)


def _with_lines(said: str | _Said) -> _Said:
    """Give a replacement that loses no line end."""

    def replaced(match: re.Match[str]) -> str:
        text = match.expand(said) if isinstance(said, str) else said(match)
        return text + "\n" * (match[0].count("\n") - text.count("\n"))

    return replaced

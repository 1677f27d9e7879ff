"""Is what follows a clause's number its title, or does the clause's text begin there?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from kb.chunk import layout

#: Chinese titles: short, and no stop but a final question mark. A colon leads on to a list.
_HAN_TITLE: Final = re.compile(r"[^，。；：！？,;:!?]{1,30}[？?]?")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_HAN_BRACKETS: Final = re.compile(r"【[ ]?([^】，。；]{2,20})[ ]?】|（([^），。；]{2,12})）(?=\S)")
_HAN_COMMAND: Final = re.compile("应当|不得|有权|必须|是指|应于")
_HAN_FULL: Final = 18
#: A title that runs into its clause: "Refunds. The buyer may …".
_RUN_IN: Final = re.compile(r"([\"“]?[A-Z][^.:\n]{1,70})([.:]|[ ][–—-])(?=[\s\"”*_]|$)")
#: The same in capitals, without a stop: "REFUNDS  The buyer may …".
_CAPITALS: Final = re.compile(r"((?:[A-Z][A-Z’'&/,-]+[ \t]+){1,10})(?=[A-Z][a-z]|[A-Z][ ][a-z])")
#: The same, parted by white space that was a line's end once: "Refunds   The buyer may …".
_PARTED: Final = re.compile(r"([A-Z][^.:\n]{1,70}?)(?:[ ]{3,}|\t)(?=\S)")
#: The same in bold.
_BOLD: Final = re.compile(r"\*\*([^*]{2,70}?)[.:。：]?\*\*(?=[.:：\s])")
#: A line drawn below a title that stands on one line with it.
_RULE: Final = re.compile(r"[ ][-=_~*]{4,}$")
_MARKUP: Final = "*_# \t\u3000"

#: A longer title in words or characters is text.
MAX_WORDS: Final = 12
_MAX_CHARS: Final = 90
#: A title of more words has them capitalised.
_MAX_PLAIN_WORDS: Final = 8
#: A run-in title of more words has them capitalised, else it is a sentence.
_MAX_SENTENCE_CASE: Final = 4


@dataclass(frozen=True, slots=True)
class Title:
    """A clause's title, empty where it has none."""

    text: str
    #: Whether the line holds nothing but number and title.
    whole: bool


def read_title(rest: str, following: str) -> Title:
    """Read the title in `rest`, the line after its number; `following` is the line below.

    `following` is empty where a blank line, a page's end or nothing comes next.
    """
    bold = _BOLD.match(rest.lstrip())
    if bold is not None and bold[0][-3] in ".:。：":
        return Title(clean(bold[1]), whole=bold.end() == len(rest.strip()))
    rest = rest.strip(_MARKUP).removeprefix(":").removeprefix("：").strip(_MARKUP)
    if not rest:
        return Title("", whole=True)
    words = MAX_WORDS if rest[0] in "–—-" else _MAX_PLAIN_WORDS
    if is_title(rest, words) and not _goes_on(rest, following):
        return Title(clean(rest).rstrip(":："), whole=True)
    for pattern in (_HAN_BRACKETS, _PARTED, _RUN_IN, _CAPITALS):
        match = pattern.match(rest)
        if match is None:
            continue
        found = clean(next(filter(None, match.groups())))
        whole = match.end() == len(rest)
        # "The buyer pays." is a short clause, and "The buyer shall:" leads on to a list.
        free = 1 if whole or match[0].endswith(":") else _MAX_SENTENCE_CASE
        if _HAN.search(found) or _is_capitalised(found, free):
            return Title(found, whole=whole)
    return Title("", whole=False)


def is_title(line: str, plain: int | None = None) -> bool:
    """Whether the line is short enough and punctuated like a title, not like a sentence.

    Above `plain` words they need capitals; after a dash, as in "Annex A – ", none do.
    """
    if len(line) > _MAX_CHARS:
        return False
    if _HAN.search(line):
        return _HAN_TITLE.fullmatch(line) is not None
    words = len(line.split())
    if words > MAX_WORDS or line[0].islower() or layout.connects(line):
        return False
    if words > (plain or _MAX_PLAIN_WORDS) and not _is_capitalised(line, 0):
        return False
    return (
        line[-1] not in ".,;:!"
        and not re.search(r"[.!?] |, (?:and|or)$", line)
        and (";" not in line or line.isupper())
    )


def is_title_alone(line: str) -> bool:
    """Whether the line is a title without any number: its words have capitals, if it has many."""
    return is_title(line) and bool(_HAN.search(line) or _is_capitalised(line, _MAX_SENTENCE_CASE))


def _goes_on(rest: str, following: str) -> bool:
    """Whether the sentence goes on in the next line, as wrapped text does."""
    first = following[:1]
    if _HAN.search(rest):
        # A wrapped Chinese line is full; a title rarely is, and it commands nothing.
        full = len(rest) >= _HAN_FULL or _HAN_COMMAND.search(rest) is not None
        return full and _HAN.match(first) is not None
    return first.islower() and not re.match(r"[a-z]{1,4}[.)]|\(", following)


def _is_capitalised(title: str, free: int) -> bool:
    """Whether it is a title by its capitals; up to `free` words need none."""
    words = re.findall(r"[A-Za-z][\w’'-]*", title)
    if len(words) > free:
        return len(words) <= MAX_WORDS and all(
            word[0].isupper() or len(word) <= 3 for word in words
        )
    return bool(words)


def clean(title: str) -> str:
    """Give a title on one line, without markup."""
    line = " ".join(title.replace("**", "").replace("__", "").split())
    return _RULE.sub("", line).strip(_MARKUP)


def joined(lead: str, title: str) -> str:
    """Give number and title as one element of a section path."""
    if lead[-1] in "、）)①" and _HAN.match(title):
        return lead + title
    return f"{lead} {title}"

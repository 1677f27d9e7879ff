"""The words of a text, the same for what is stored and for what is asked.

A text is folded (compatibility forms, case, invisible characters) and cut into tokens:

- a run of Chinese, Japanese, Korean, Thai, Lao, Burmese or Khmer characters gives each pair of
  neighbours and then its last character alone: 退款流程 → 退款 款流 流程 程. So a word of two
  characters is one token, and any single character is the beginning of a token. A run goes on over
  a line break, as words do there;
- anything else that is written in one piece gives that piece: refund, 3.2.1, abc-1234,
  2024-05-01, legal@example.com; 1,000 gives 1000. Where it has parts, these follow it:
  abc-1234 → abc-1234 abc 1234. So it is found as typed, by its parts, and with other signs
  between the parts.

English endings are left to FTS5's porter stemmer, which sees the tokens joined by spaces.
Any change to what comes out here needs a new `TOKENIZER_VERSION`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

#: The next writer rebuilds a full-text index made under another version.
TOKENIZER_VERSION: Final = 2

_HANGUL: Final = "\u1100-\u11ff\uac00-\ud7af"
#: Scripts written without spaces: bopomofo, kana, Han with its extension A, compatibility forms.
_SPACELESS: Final = (
    "\u3005-\u3007\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    # Thai, Lao, Burmese, Khmer.
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
)
# Letters beyond U+FFFF are Han's further extensions, and a few dead scripts treated likewise.
_CJK: Final = f"[{_SPACELESS}{_HANGUL}]|(?=[\U00010000-\U0010ffff])\\w"
# Vowel signs and accents that do not count as letters by themselves.
_MARKS: Final = (
    "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0b82\u0bbe-\u0bcd"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
_LETTER: Final = f"[^\\W_{_SPACELESS}{_HANGUL}\U00010000-\U0010ffff]|[{_MARKS}]"
_NUMBER: Final = r"(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)"
_JOINT: Final = r"(?<=[^\W_])(?:[.\-_@&](?=[^\W_])|['’](?=[^\W\d_]))|(?<=\d)/(?=\d)"
_JOINTS: Final = ".-_@&/'’"
_BREAK: Final = r"[ \t]?(?:\r\n|\r|\n)[ \t]?"
# For texts without letters beyond U+FFFF: a run on one line, and a break over which one goes on.
_CJK_RUN: Final = f"([{_SPACELESS}{_HANGUL}]+)"
_CJK_BREAK: Final = f"(?<=[{_SPACELESS}]){_BREAK}(?=[{_SPACELESS}])"
# Within a piece, which holds no CJK.
_ALPHA: Final = f"(?:[^\\W\\d_]|[{_MARKS}])+"
_SIMPLE = re.compile(r"[a-z]+|\d+")
_POSSESSIVE = re.compile(r"['’]s\b")
_CENTS: Final = r"\d+\.00"
_LATIN_MARKS: Final = r"(?<=[a-z])[\u0300-\u036f]+"
# "100，200和300" is a list; typed on an ASCII keyboard the comma would group thousands.
_LIST_COMMA: Final = r"，(?<=[0-9]，)(?=[0-9])"
# The wide marks of Chinese prose, and what NFKC makes of each of them. Most such texts have no
# other sign that it changes, and to go through a whole text with it is what folding costs.
_WIDE_MARKS: Final = tuple((mark, unicodedata.normalize("NFKC", mark)) for mark in "，：；！？（）")
_INVISIBLE: Final = r"[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]"
_CLUSTER: Final = r"(?s:.)[\u0300-\u036f\u3099\u309a\u1160-\u11ff\uff9e\uff9f]*"
# The large classes take 40 ms to compile, which a search in ASCII need not pay: there, these
# patterns find the same.
_LETTER_ASCII: Final = "[A-Za-z0-9]"
_ALPHA_ASCII: Final = "[A-Za-z]+"
# Longer than any word; what is longer (base64) is noise, and its parts are not taken.
_LONGEST: Final = 80
# What stands between two runs is mostly a mark or a word.
_SHORT: Final = 16
# What takes more than two bytes of UTF-16. (A class of all else takes 4 ms to compile.)
_BEYOND: Final = "[\U00010000-\U0010ffff]"
# So many pieces are remembered with their words, some 10 MB; more is forgotten all at once.
_REMEMBERED: Final = 1 << 16


class Token(NamedTuple):
    """A word and the place it stands at: `text[start:end]` of the text it was taken from."""

    word: str
    start: int
    end: int


class Run(NamedTuple):
    """What is written without a break, and where it starts."""

    cjk: bool
    text: str
    start: int


@cache
def _token_of(ascii_only: bool) -> re.Pattern[str]:
    """Give what finds runs of CJK characters (group `cjk`) and pieces of others."""
    cjk, letter = ("(?!)", _LETTER_ASCII) if ascii_only else (_CJK, _LETTER)
    return re.compile(f"(?P<cjk>(?:{cjk})+)|(?:{_NUMBER}|{letter}|{_JOINT})+")


@cache
def _part_of(ascii_only: bool) -> re.Pattern[str]:
    """Give what finds the parts of a piece, which holds no CJK."""
    alpha = _ALPHA_ASCII if ascii_only else _ALPHA
    return re.compile(rf"{_NUMBER}(?:\.\d+)?|\d+(?:\.\d+)*|{alpha}(?:['’]{alpha})*")


@cache
def _hangul() -> re.Pattern[str]:
    return re.compile(f"[{_HANGUL}]")


def fold(text: str) -> str:
    """Give the text with width, case and compatibility forms levelled; may change its length."""
    if text.isascii():
        return text.lower()
    if "，" in text:
        text = re.sub(_LIST_COMMA, "、", text)
    for mark, plain in _WIDE_MARKS:
        text = text.replace(mark, plain)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold()
    return re.sub(_INVISIBLE, "", text).replace("\u2010", "-")


def fold_with_offsets(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Fold `text`; the list says for each folded character which slice of `text` it comes from."""
    if text.isascii():
        return text.lower(), [(at, at + 1) for at in range(len(text))]
    levelled = re.sub(_LIST_COMMA, "、", text)
    pieces: list[str] = []
    offsets: list[tuple[int, int]] = []
    for cluster in re.finditer(_CLUSTER, levelled):
        sign = cluster.group()
        # Most of a Chinese text, and it stays as it is.
        piece = sign if len(sign) == 1 and "\u4e00" <= sign <= "\u9fff" else fold(sign)
        pieces.append(piece)
        offsets.extend([cluster.span()] * len(piece))
    return "".join(pieces), offsets


def tokens(folded: str) -> Iterator[Token]:
    """Give the tokens of a folded text in order, with offsets into it."""
    for run in runs(folded):
        yield from pairs(run.text, run.start) if run.cjk else _of_piece(run.text, run.start)


def _of_piece(text: str, start: int = 0) -> Iterator[Token]:
    """Give what `piece` gives, sooner where it is one plain word."""
    if _SIMPLE.fullmatch(text) and len(text) <= _LONGEST:
        yield Token(text, start, start + len(text))
    else:
        yield from piece(text, start)


def runs(folded: str) -> Iterator[Run]:
    """Give what is written without a break: runs of CJK characters, and pieces of others."""
    open_run: Run | None = None
    for match in _token_of(folded.isascii()).finditer(folded):
        run = Run(match.lastgroup == "cjk", match.group(), match.start())
        if open_run and run.cjk and _goes_on(open_run, run, folded):
            run = Run(True, folded[open_run.start : match.end()], open_run.start)
        elif open_run:
            yield open_run
        open_run = None
        if run.cjk:
            open_run = run
        elif text := run.text.strip(_JOINTS):
            yield Run(False, text, run.start + run.text.index(text[0]))
    if open_run:
        yield open_run


def _goes_on(before: Run, after: Run, folded: str) -> bool:
    """Tell whether only a line break parts two runs, in a script that breaks lines anywhere."""
    gap = folded[before.start + len(before.text) : after.start]
    return (
        re.fullmatch(_BREAK, gap) is not None
        and not _hangul().match(before.text[-1])
        and not _hangul().match(after.text[0])
    )


def pairs(run: str, start: int) -> Iterator[Token]:
    """Give the pairs of a CJK run, then its last character."""
    places = [(c, start + i) for i, c in enumerate(run) if not c.isspace()]
    for (first, begin), (second, at) in pairwise(places):
        yield Token(first + second, begin, at + 1)
    last, at = places[-1]
    yield Token(last, at, at + 1)


def piece(text: str, start: int) -> Iterator[Token]:
    """Give a piece written without spaces, then its parts where it has more than one."""
    whole = _plain(text)
    yield Token(whole, start, start + len(text))
    if len(text) > _LONGEST:
        return
    parts = [
        Token(_plain(match.group()), start + match.start(), start + match.end())
        for match in _part_of(text.isascii()).finditer(_POSSESSIVE.sub("", text))
    ]
    if len(parts) > 1:
        yield from parts
    elif re.fullmatch(_CENTS, whole):
        yield Token(whole[:-3], start, start + len(text))


def _plain(word: str) -> str:
    """Give the form in which a word is compared: no group commas, apostrophes, Latin accents."""
    word = _POSSESSIVE.sub("", word).replace(",", "").replace("'", "").replace("’", "")
    if not word.isascii():
        accents = re.sub(_LATIN_MARKS, "", unicodedata.normalize("NFD", word))
        word = unicodedata.normalize("NFC", accents)
    return word[:_LONGEST]


def index_words(text: str) -> str:
    """Give the tokens of `text` joined by spaces, as the full-text index stores them.

    They are those of `tokens`. The same pieces come again and again, so that most of them are
    looked up: only a run of CJK characters may go on over a space.
    """
    folded = fold(text)
    if folded.isascii():
        return _spaced(folded)
    if re.search(_BEYOND, folded):
        return " ".join([token.word for token in tokens(folded)])
    if "\n" in folded or "\r" in folded:
        folded = re.sub(_CJK_BREAK, "", folded)
    # Every second part is a run.
    parts = re.split(_CJK_RUN, folded)
    parts[::2] = [_PIECES[part] if len(part) < _SHORT else _spaced(part) for part in parts[::2]]
    parts[1::2] = _joined_pairs(parts[1::2])
    return " ".join(filter(None, parts))


def _spaced(text: str) -> str:
    """Give the words of a folded text that holds no CJK, joined by spaces."""
    return " ".join(filter(None, map(_PIECES.__getitem__, text.split())))


def _joined_pairs(runs: Sequence[str]) -> list[str]:
    """Give for each run what `pairs` gives, joined by spaces."""
    # In UTF-16 each character is two bytes here. Every one of all runs, its neighbour and a space
    # are laid into one text at once, and each run's part of it ends before its last neighbour.
    signs = "".join(runs).encode("utf-16-le")
    laid = bytearray(" ".encode("utf-16-le") * 3 * (len(signs) // 2))
    for byte in (0, 1):
        laid[byte::6] = signs[byte::2]
        laid[byte + 2 : -6 : 6] = signs[byte + 2 :: 2]
    text = laid.decode("utf-16-le")
    made, start = [], 0
    for run in runs:
        end = start + 3 * len(run)
        made.append(text[start : end - 2])
        start = end
    return made


class _Known(dict[str, str]):
    """The words of every text that was asked for, joined by spaces."""

    def __missing__(self, text: str) -> str:
        short = len(text) <= _LONGEST
        if short and _SIMPLE.fullmatch(text):
            words = text
        else:
            words = " ".join([token.word for token in tokens(text)])
        # Longer ones seldom come again; they would only fill the memory.
        if short:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = words
        return words


#: Of what stands between two spaces, or between two runs of CJK characters.
_PIECES: Final = _Known()

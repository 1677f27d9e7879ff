"""Does a line begin with the number of a clause, and what kind of clause is it?

Only the line's beginning is read here. Whether it is a heading or a reference to one, and
where it stands in the outline, is decided by `headings` and `sections`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kb.chunk import numerals

#: Ranks of the kinds of headings that keep their place in any document; lower stands above.
EXHIBIT: Final = 10
PART: Final = 20
CHAPTER: Final = 30
CAPITALS: Final = 35
DIVISION: Final = 40
ARTICLE: Final = 50
CLAUSE: Final = 60
#: Kinds whose level depends on where they are used: `1.`, `一、`, `(a)`.
FLOATING: Final = 100
#: The style of a number with nothing after it, as in "2 Scope": only with a title is it one.
PLAIN: Final = "1 "
#: The styles that decimals go on: 3.1 stands below `3.`
BEFORE_DECIMALS: Final = ("1.", PLAIN)
#: How the styles of A.1 and A.1.2 begin.
ANNEXED: Final = "decimal.A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The numbering at the beginning of a line."""

    #: Clauses that follow one another in one sequence share a style.
    style: str
    rank: int
    number: tuple[int, ...]
    #: As a section's only name, e.g. "第3.2条", "4".
    label: str
    #: As it stands in front of a title, e.g. "4." in "4. Payment".
    lead: str
    #: The offset after the numbering, where a title or the clause's text goes on.
    end: int

    @property
    def floating(self) -> bool:
        """Whether its level depends on where it is used."""
        return self.rank == FLOATING


_S: Final = "[ \t\u3000\u00a0]*"
_HAN: Final = "零〇○一二三四五六七八九十百千两"
_HAN_NUMBER: Final = f"[0-9０-９]{{1,4}}|[{_HAN}]{{1,9}}"
_DIGIT: Final = "[0-9０-９]"
_DOT: Final = "[.．]"

#: A letter after a number, as a clause that was put in later has it: 52a.
_LETTER: Final = "(?:[A-Za-z](?![A-Za-z]))?"

#: Where the parts that are called by a word stand. Those of one rank hold one another in the order
#: in which they come: some laws have chapters in parts, others parts in chapters.
_WORD_RANKS: Final = {
    "exhibit": EXHIBIT, "schedule": EXHIBIT, "appendix": EXHIBIT, "annex": EXHIBIT,
    "annexure": EXHIBIT, "attachment": EXHIBIT, "addendum": EXHIBIT,
    "book": PART, "title": PART, "part": CHAPTER, "chapter": CHAPTER, "division": CHAPTER,
    "subtitle": PART + 5, "subpart": CHAPTER + 4, "subchapter": CHAPTER + 4,
    "subdivision": CHAPTER + 4,
    "article": ARTICLE, "art": ARTICLE, "section": ARTICLE, "sec": ARTICLE, "clause": ARTICLE,
    "rule": ARTICLE,
    # German, French and Spanish
    "anlage": EXHIBIT, "anhang": EXHIBIT, "annexe": EXHIBIT, "anexo": EXHIBIT,
    "buch": PART, "livre": PART, "libro": PART, "teil": PART + 2, "partie": PART + 2,
    "titre": PART + 5, "título": PART + 5, "kapitel": CHAPTER, "abschnitt": CHAPTER,
    "chapitre": CHAPTER, "capítulo": CHAPTER, "titel": CHAPTER + 4, "unterabschnitt": CHAPTER + 4,
    "sección": DIVISION, "artikel": ARTICLE, "artículo": ARTICLE, "cláusula": ARTICLE,
}  # fmt: skip
#: As they stand at the beginning of a line: with a capital, or in capitals.
_WORDS: Final = [form for word in _WORD_RANKS for form in (word.capitalize(), word.upper())]
_OTHER_NAMES: Final = {"sec": "section", "art": "article", "§§": "§"}

_MARKER: Final = re.compile(
    rf"""(?:\#{{1,6}}{_S})?(?:\*\*|__)?{_S}(?:
      第{_S}(?P<han>(?:{_HAN_NUMBER})(?:{_S}[.．-]{_S}{_DIGIT}{{1,3}}){{0,3}})
        {_S}(?P<unit>分[编編]|部分|[编編篇章节節条條款項])
        (?:{_S}[之の]{_S}(?P<after>[{_HAN}]{{1,4}}|{_DIGIT}{{1,3}}))?
    | (?P<annex>附[件录表图錄圖])(?P<annex_number>{_S}(?:{_HAN_NUMBER}|[A-Z](?![A-Za-z])))?
    | (?=[A-Z§])(?P<word>§§?|(?:{"|".join(_WORDS)})(?![A-Za-z]))(?P<stop>\.?)
        {_S}(?P<of>\d{{1,4}}{_LETTER}(?:\.\d{{1,4}}{_LETTER}){{0,3}}(?:-\d{{1,3}}){{0,3}}
        |(?<=(?i:rticle)\s)[LRD]\.?{_S}\d{{1,5}}(?:-\d{{1,4}}){{0,3}}
        |[IVXLC]{{1,8}}(?![A-Za-z])|[IVX1]{{1,4}}(?=er?\b)|[A-Z](?:-\d{{1,3}})?(?![A-Za-z])
        |(?i:{numerals.WORDS})(?![A-Za-z]))(?:er?\b|[º°ª])?
        (?P<sub>(?:\([A-Za-z0-9]{{1,4}}\))*)
    | (?P<decimal>{_DIGIT}{{1,3}}(?:{_DOT}{_DIGIT}{{1,3}}){{1,4}}){_DOT}?(?!{_DIGIT})
    | (?P<annexed>[A-Z](?:\.\d{{1,3}}){{1,4}})\.?(?!\d)
    | (?P<point>{_DIGIT}{{1,3}})(?P<point_end>{_DOT}|、)(?!{_DIGIT})
    | (?P<comma>[{_HAN}]{{1,4}}){_S}(?P<comma_end>、|[.．])(?![{_HAN}])
    | [（(]{_S}(?P<bracket>[{_HAN}]{{1,4}}|{_DIGIT}{{1,3}}|[a-z]{{1,5}}|[A-Z]{{1,4}}){_S}[）)]
    | (?P<half>{_DIGIT}{{1,2}}|[a-z])[）)]
    | (?P<circle>[①-⑳])
    | (?P<letter>[A-Z]|[IVX]{{2,6}})\.(?=\s)
    | (?P<plain>[1-9]\d?)(?=[ \t\u3000\u00a0]+[A-Z\u3400-\u9fff])
    )(?:\*\*|__)?""",
    re.VERBOSE,
)

_AFTER_SMALL: Final = ")）"
#: How a line may begin that has one of the words, or a letter with a stop.
_WORD_BEGINNINGS: Final = frozenset(word[:2] for word in _WORDS)
_ROMAN: Final = "IVX"
#: What else a number may begin with.
_BEGINNINGS: Final = frozenset(
    f"第附（(§#*_ \t\u3000\u00a0{_HAN}0123456789０１２３４５６７８９①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
)

#: Traditional and Japanese forms stand for the same units.
_SIMPLIFIED: Final = str.maketrans("編節條項", "编节条款")
_HAN_RANKS: Final = {
    "编": PART, "篇": PART, "部分": PART, "分编": PART + 5, "章": CHAPTER,
    "节": DIVISION, "条": CLAUSE, "款": CLAUSE + 5,
}  # fmt: skip


def read_markers(text: str, start: int, end: int) -> tuple[Marker, ...]:
    """Give the readings of the numbering at `text[start:end]`; empty where there is none.

    `(i)` has two: the letter after h, and the Roman one.
    """
    if not _may_begin(text[start : start + 2]):
        return ()
    match = _MARKER.match(text, start, end)
    if match is None:
        return ()
    group = match.lastgroup or ""
    return _READERS[group](match)


def _may_begin(two: str) -> bool:
    """Tell by its first two characters whether a line may have a number; most lines have none."""
    first, second = two[:1], two[1:]
    if "a" <= first <= "z":
        return second in _AFTER_SMALL
    if not "A" <= first <= "Z":
        return first in _BEGINNINGS
    if second == "." or two in _WORD_BEGINNINGS:
        return True
    return first in _ROMAN and second in _ROMAN


def _han(match: re.Match[str]) -> tuple[Marker, ...]:
    label = numerals.half_width("".join(match[0].split())).strip("*_#")
    han = _squeeze(match["han"])
    parts = [numerals.chinese(part) for part in han.replace("-", ".").split(".")]
    if match["after"]:
        parts.append(numerals.chinese(numerals.half_width(match["after"])))
    unit, depth = match["unit"].translate(_SIMPLIFIED), han.count(".")
    rank = _HAN_RANKS[unit] + min(depth, 4)
    return _fixed(match, f"{unit}.{depth}", rank, parts, label)


def _annex(match: re.Match[str]) -> tuple[Marker, ...]:
    numeral = _squeeze(match["annex_number"] or "")
    value = numerals.chinese(numeral) if numeral else 1
    return _fixed(match, "annex", EXHIBIT, [value or 1], match["annex"] + numeral)


def _word(match: re.Match[str]) -> tuple[Marker, ...]:
    word, of, sub = match["word"].lower(), match["of"], match["sub"]
    word = _OTHER_NAMES.get(word, word)
    plain = _STATUTE.sub(r"\1", of)
    parts = [value for part in re.split(r"[.-]", plain) for value in _values(part)]
    below = [_letter_or_number(part) for part in re.findall(r"\w+", sub)]
    depth = 0 if of[0].isalpha() else of.count(".")
    rank = _WORD_RANKS.get(word, ARTICLE)
    if rank == ARTICLE:
        rank += 10 * depth
    rank += 3 * bool(sub)
    style = f"{word}.{depth}.{len(below)}"
    lead = f"{match['word']}{match['stop']} {of}{sub}"
    return _fixed(match, style, rank, [*parts, *below], lead)


#: The letter before an article's number in a French code: L. 121-1.
_STATUTE: Final = re.compile(r"^([A-Z])\.?\s*(?=\d)")


def _values(part: str) -> list[int | None]:
    """Give the number of `4`, `IV` or `Four`, and of 52a its letter's too."""
    if part[:1].isdecimal() and part[-1:].isalpha():
        return [int(part[:-1]), numerals.letters(part[-1])]
    if part[:1].isalpha() and part[1:].isdecimal():
        return [numerals.letters(part[0]), int(part[1:])]
    return [numerals.english(part)]


def _letter_or_number(part: str) -> int | None:
    value = numerals.arabic(part)
    return numerals.letters(part) or numerals.roman(part) if value is None else value


def _decimal(match: re.Match[str]) -> tuple[Marker, ...]:
    label = numerals.half_width(match["decimal"])
    parts = [int(part) for part in label.split(".")]
    if parts[-1] == 0 and len(parts) == 2:
        # "1.0 Scope" stands above "1.1".
        return (_float(match, "1.", parts[0], label, label),)
    rank = ARTICLE + 10 * (len(parts) - 1)
    return _fixed(match, f"decimal.{len(parts)}", rank, list(parts), label)


def _annexed(match: re.Match[str]) -> tuple[Marker, ...]:
    label = match["annexed"]
    letter, *digits = label.split(".")
    rank = ARTICLE + 10 * len(digits)
    parts = [numerals.letters(letter), *map(int, digits)]
    return _fixed(match, f"{ANNEXED}.{len(digits)}", rank, parts, label)


def _fixed(
    match: re.Match[str], style: str, rank: int, parts: list[int | None], label: str
) -> tuple[Marker, ...]:
    number = tuple(part for part in parts if part is not None)
    if len(number) != len(parts):
        return ()
    marker = Marker(style=style, rank=rank, number=number, label=label, lead=label, end=match.end())
    return (marker,)


def _float(match: re.Match[str], style: str, value: int, label: str, lead: str) -> Marker:
    return Marker(
        style=style, rank=FLOATING, number=(value,), label=label, lead=lead, end=match.end()
    )


def _point(match: re.Match[str]) -> tuple[Marker, ...]:
    label = numerals.half_width(match["point"])
    stop = "、" if match["point_end"] == "、" else "."
    return (_float(match, f"1{stop}", int(label), label, label + stop),)


def _plain(match: re.Match[str]) -> tuple[Marker, ...]:
    return (_float(match, PLAIN, int(match["plain"]), match["plain"], match["plain"]),)


def _comma(match: re.Match[str]) -> tuple[Marker, ...]:
    value = numerals.chinese(match["comma"])
    if value is None:
        return ()
    return (_float(match, "一、", value, match["comma"], match["comma"] + "、"),)


def _bracket(match: re.Match[str]) -> tuple[Marker, ...]:
    return _item(match, numerals.half_width(match["bracket"]), "({})")


def _half(match: re.Match[str]) -> tuple[Marker, ...]:
    return _item(match, numerals.half_width(match["half"]), "{})")


def _letter(match: re.Match[str]) -> tuple[Marker, ...]:
    return _item(match, match["letter"], "{}.")


def _circle(match: re.Match[str]) -> tuple[Marker, ...]:
    value = ord(match["circle"]) - ord("①") + 1
    return (_float(match, "①", value, match["circle"], match["circle"]),)


_KINDS: Final[tuple[tuple[str, Callable[[str], int | None]], ...]] = (
    ("1", numerals.arabic),
    ("a", numerals.letters),
    ("i", numerals.roman),
)


def _item(match: re.Match[str], numeral: str, shape: str) -> tuple[Marker, ...]:
    if numeral[0] in _HAN:
        value = numerals.chinese(numeral)
        label = f"（{numeral}）"
        return () if value is None else (_float(match, "（一）", value, label, label),)
    label = shape.format(numeral)
    found = []
    for kind, read in _KINDS:
        value = read(numeral)
        if value is not None:
            style = shape.format(kind.upper() if numeral.isupper() else kind)
            found.append(_float(match, style, value, label, label))
    return tuple(found)


def _squeeze(text: str) -> str:
    return numerals.half_width("".join(text.split()))


#: By the last named group that matched.
_READERS: Final[dict[str, Callable[[re.Match[str]], tuple[Marker, ...]]]] = {
    "unit": _han, "after": _han, "annex": _annex, "annex_number": _annex, "sub": _word,
    "decimal": _decimal, "annexed": _annexed, "point_end": _point, "comma_end": _comma,
    "bracket": _bracket, "half": _half, "circle": _circle, "letter": _letter, "plain": _plain,
}  # fmt: skip

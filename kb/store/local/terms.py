"""What a question asks of the words: an FTS5 expression, and the places to mark in a passage.

Both come from the same list of `Phrase`, so what is marked is what was matched. No character of
the question reaches FTS5 except as part of a token between quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from kb.store.local.words import (
    TOKENIZER_VERSION,
    Run,
    Token,
    fold,
    fold_with_offsets,
    index_words,
    pairs,
    piece,
    runs,
    tokens,
)

__all__ = [
    "QUOTED",
    "TOKENIZER_VERSION",
    "Phrase",
    "characters",
    "expressions",
    "highlights",
    "index_words",
    "match_expression",
    "phrases",
    "quoted",
]

#: The longest question that is taken whole: more different words than this are not looked for.
MOST_PHRASES: Final = 200
#: Of a quoted text, so many words must stand side by side.
MOST_WORDS: Final = 100

STOP_WORDS: Final = frozenset(
    """a about am an and any are as at be been by can could did do does for from had has have how i
    if in into is it its may me my of on or our shall should so such tell than that the their them
    then there these they this those to under was we were what when where which who whom whose why
    will with would you your""".split()  # noqa: SIM905 - read as text
)
# Patterns are compiled by `re` when they are first used, and kept there: an import costs nothing.
#: Longest first: what asks, not what is asked for.
_ASKING: Final = (
    "为什么|為什麼|是什么|是什麼|什么样|什麼樣|怎么样|怎麼樣|有没有|有沒有|是不是|多少钱|请问|請問|怎么|怎麼|怎样|怎樣"
    "|如何|什么|什麼|哪些|哪个|哪個|哪里|哪裡|是否|能否|可否|有关|有關|关于|關於|以及|或者"
)
#: "How long" asks for a time; it does not ask for the word long.
_HOW: Final = r"\bhow (?:long|much|many|often|soon|far)\b"
#: Words that ask, and that stand in headings which answer.
_ASKING_ENGLISH: Final = r"\b(?:how|when|where|who|why|what|which)\b"
#: They join words; a pair of neighbours that holds one spans two words.
_PARTICLES: Final = frozenset("的了吗嗎呢吧么麼啊")
_MEANINGFUL: Final = frozenset(
    "目的 标的 標的 的确 的確 了解 了结 了結 终了 終了 为了 為了".split()  # noqa: SIM905 - read as text
)
#: Left out when they stand alone.
_JOINING: Final = _PARTICLES | frozenset("和与與或及是在之")
#: A number of whatever: a clause, a day, a year, an amount.
_DIGITS: Final = r"\d[\d.,]*"
_HAN: Final = "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
#: What stands in quotes: one group for each pair of them.
QUOTED: Final = r'"([^"]*)"|“([^”]*)”|「([^」]*)」|『([^』]*)』'
#: With the ending of "Acme"'s, which would be a word of its own.
_NOT_LOOSE: Final = rf"(?:{QUOTED})(?:['’]s\b)?"
#: 第 3.2 条 is written with and without spaces.
_AROUND_NUMBER: Final = "(?<=[\u4e00-\u9fff])[ \t]+(?=\\d)|(?<=\\d)[ \t]+(?=[\u4e00-\u9fff])"
_ENDINGS: Final = (
    "ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "edly", "ed", "ers", "er",
    "es", "ly", "s", "y", "e",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens that must stand side by side; with `prefix`, the last may go on."""

    words: tuple[str, ...]
    prefix: bool = False


def phrases(query: str) -> list[Phrase]:
    """Give what to look for, any of which may match; empty when the query has no words.

    Words that only ask (how, what, 如何, 吗) are left out unless nothing else is left.
    """
    folded = re.sub(_AROUND_NUMBER, "", fold(query))
    found = list(_in_quotes(folded))
    loose = re.sub(_NOT_LOOSE, " ", folded)
    asked = [
        p for chain in _chains(re.sub(_HOW, " ", loose)) for p in _of_chain(chain, strict=True)
    ]
    if not asked and not found:
        asked = [p for chain in _chains(loose) for p in _of_chain(chain, strict=False)]
    return list(dict.fromkeys([*found, *asked, *_beside_numbers(loose)]))[:MOST_PHRASES]


def match_expression(query: str) -> str:
    """Give the FTS5 expression for a query, or an empty string when it has no words.

    A word that only asks is looked for in headings alone: "How to …" answers a "how".

    >>> match_expression("How are refunds paid?")
    '"refunds" OR "paid" OR heading : "how"'
    """
    wanted = expressions(query)
    asking = dict.fromkeys(re.findall(_ASKING_ENGLISH, fold(query)))
    headings = [f'heading : "{word}"' for word in asking if f'"{word}"' not in wanted]
    return " OR ".join([*wanted, *headings]) if wanted else ""


def expressions(query: str) -> list[str]:
    """Give each of the query's phrases as FTS5 writes it.

    >>> expressions("termination notice")
    ['"termination"', '"notice"']
    """
    return list(map(_written, phrases(query)))


def quoted(query: str) -> list[str]:
    """Give what stands in quotes in the query, as FTS5 writes it.

    >>> quoted('"notice period" termination')
    ['"notice period"']
    """
    found = _in_quotes(re.sub(_AROUND_NUMBER, "", fold(query)))
    return list(dict.fromkeys(map(_written, found)))[:MOST_PHRASES]


def characters(query: str) -> list[str]:
    """Give the Han characters that say what is asked for, each once, in order.

    >>> characters("如何退还租金？")
    ['退', '还', '租', '金']
    """
    folded = fold(query)
    if folded.isascii():
        return []
    found = re.findall(_HAN, re.sub(_ASKING, " ", folded))
    return list(dict.fromkeys(each for each in found if each not in _JOINING))


def highlights(query: str, text: str) -> list[tuple[int, int]]:
    """Give the spans of `text` that answer to words of `query`: sorted, apart, half open.

    English words match by their stem: refund marks refunds, refunded and refunding.
    """
    folded, offsets = fold_with_offsets(text)
    stream = list(tokens(folded))
    stems = [stem(token.word) for token in stream]
    spans = [
        (offsets[start][0], offsets[end - 1][1])
        for phrase in phrases(query)
        for start, end in _places(phrase, stream, stems)
    ]
    return _merged(spans)


def _places(
    phrase: Phrase, stream: Sequence[Token], stems: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Give the slices of the folded text where the phrase stands."""
    wanted = [stem(word) for word in phrase.words]
    size = len(wanted)
    for first in range(len(stream) - size + 1):
        last = first + size - 1
        if not phrase.prefix:
            if stems[first] == wanted[0] and stems[first : last + 1] == wanted:
                yield stream[first].start, max(token.end for token in stream[first : last + 1])
        elif stream[last].word.startswith(wanted[-1]) and stems[first:last] == wanted[:-1]:
            # What may go on is always a single character: of its pair only it is meant.
            yield stream[first].start, stream[last].start + 1


def _written(phrase: Phrase) -> str:
    return '"' + " ".join(phrase.words) + '"' + "*" * phrase.prefix


def _in_quotes(folded: str) -> Iterator[Phrase]:
    for match in re.finditer(QUOTED, folded):
        yield from _side_by_side(next(text for text in match.groups() if text is not None))


def _side_by_side(text: str) -> Iterator[Phrase]:
    """Give the one phrase of a quoted text."""
    words: list[str] = []
    prefix = False
    found = list(runs(text))
    for run in found:
        made = list(_made(run))
        prefix = run.cjk and len(made) == 1
        words.extend(token.word for token in made)
    if found and found[-1].cjk and not prefix:
        words.pop()  # the last character alone stands only where the stored run ends there too
    if words:
        yield Phrase(tuple(words[:MOST_WORDS]), prefix and len(words) <= MOST_WORDS)


def _chains(loose: str) -> Iterator[list[Run]]:
    """Give the pieces of the query that are written without a space between them."""
    chain: list[Run] = []
    for run in runs(loose):
        gap = loose[chain[-1].start + len(chain[-1].text) : run.start] if chain else ""
        if any(character.isspace() for character in gap):
            yield chain
            chain = []
        chain.append(run)
    if chain:
        yield chain


def _of_chain(chain: list[Run], *, strict: bool) -> Iterator[Phrase]:
    """Give what a chain asks for; `strict` leaves the asking words out."""
    alone = len(chain) == 1
    for atom in chain:
        if _is_short(atom) and not alone:
            continue
        yield from _of_run(atom, strict=strict) if atom.cjk else _of_piece(atom, strict=strict)
    yield from _windows(chain)


def _beside_numbers(loose: str) -> Iterator[Phrase]:
    """Give each number with a word or number right before or after it: june 24, 24 2020.

    What a number says, it says with its neighbour: section 4.2 is not another section's table 4.2.
    """
    for one, other in pairwise(runs(loose)):
        texts = one.text, other.text
        if (
            not (one.cjk or other.cjk)
            and re.fullmatch(r",?[ \t]+", loose[one.start + len(one.text) : other.start])
            and any(re.fullmatch(_DIGITS, text) for text in texts)
            and STOP_WORDS.isdisjoint(texts)
        ):
            yield Phrase(tuple(token.word for run in (one, other) for token in _made(run)))


def _of_piece(atom: Run, *, strict: bool) -> Iterator[Phrase]:
    whole, *parts = [token.word for token in piece(atom.text, atom.start)]
    if strict and whole in STOP_WORDS:
        return
    yield Phrase((whole,))
    if parts:
        yield Phrase(tuple(parts))


def _of_run(atom: Run, *, strict: bool) -> Iterator[Phrase]:
    for run in re.split(_ASKING, atom.text) if strict else [atom.text]:
        characters = "".join(run.split())
        if len(characters) == 1 and not (strict and characters in _JOINING):
            yield Phrase((characters,), prefix=True)
        for pair in (characters[i : i + 2] for i in range(len(characters) - 1)):
            if not (strict and _is_junk(pair)):
                yield Phrase((pair,))


def _is_junk(pair: str) -> bool:
    return pair not in _MEANINGFUL and not _PARTICLES.isdisjoint(pair)


def _is_short(atom: Run) -> bool:
    """Tell whether it says too little to be looked for alone when it has a neighbour."""
    return len(atom.text) == 1


def _made(atom: Run) -> Iterator[Token]:
    return pairs(atom.text, atom.start) if atom.cjk else piece(atom.text, atom.start)


def _windows(chain: list[Run]) -> Iterator[Phrase]:
    """Give each short atom together with its neighbours as a phrase: 第3.2条, 30天, 4.1(b)."""
    start = 0
    while start < len(chain):
        if not _is_short(chain[start]):
            start += 1
            continue
        end = start
        while end + 1 < len(chain) and (_is_short(chain[end + 1]) or not chain[end + 1].cjk):
            end += 1
        # A number before, and the nearest character of a longer run on either side.
        while start > 0 and not chain[start - 1].cjk:
            start -= 1
        before = chain[start - 1].text[-1:] if start > 0 else ""
        after = chain[end + 1].text[:1] if end + 1 < len(chain) else ""
        yield from _window(chain[start : end + 1], before, after)
        start = end + 1


def _window(members: list[Run], before: str, after: str) -> Iterator[Phrase]:
    words = [before] if before else []
    for atom in members:
        words.extend(token.word for token in _made(atom))
    if after:
        words.append(after)
    if len(words) > 1:
        yield Phrase(tuple(words), prefix=bool(after) or members[-1].cjk)


def stem(word: str) -> str:
    """Give a rough stem of an English word; others come back as they are."""
    if not (word.isascii() and word.isalpha()):
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged

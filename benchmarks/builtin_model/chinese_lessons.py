"""What the Chinese table is taught besides pairs: which passage a sentence or a heading is from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.builtin_model.chinese_sources import ARTICLES
from benchmarks.builtin_model.train import Rows
from kb.embed.builtin.chinese import ChineseTable, longest_by_pair

READ: Final = 400  # characters of a passage
SENTENCES: Final = 6
WINDOW: Final = 220  # tokens of a passage in a lesson
SHORT: Final = 3  # tokens
#: How often a sentence is asked for rather than the heading; and without the words in common.
BY_SENTENCE, UNSHARED = 0.4, 0.5
SENTENCE: Final = re.compile(r"[^。！？；]*[。！？；]?")


@dataclass(frozen=True, slots=True)
class Passages:
    """Token rows of headings, of whole passages, and of their first sentences."""

    heads: Sequence[Rows]
    texts: Sequence[Rows]
    sentences: Sequence[Sequence[Rows]]

    def chosen(
        self, random: np.random.Generator, count: int
    ) -> tuple[Sequence[Rows], Sequence[Rows]]:
        """Choose passages, and of each what is asked for and what answers it."""
        fit = [at for at in range(len(self.texts)) if self._teaches(at)]
        lessons = [self._lesson(int(at), random) for at in random.choice(fit, count, replace=False)]
        return [asked for asked, _ in lessons], [answer for _, answer in lessons]

    def _teaches(self, at: int) -> bool:
        askable = len(self.sentences[at]) > 1 or len(self.heads[at]) > SHORT
        return len(self.texts[at]) > 20 and askable

    def _lesson(self, at: int, random: np.random.Generator) -> tuple[Rows, Rows]:
        head, text, sentences = self.heads[at], self.texts[at], self.sentences[at]
        asked, answer = (head if len(head) > SHORT else text), text
        if len(sentences) > 1 and (random.random() < BY_SENTENCE or len(head) <= SHORT):
            drawn = int(random.integers(len(sentences)))
            rest = [rows for n, rows in enumerate(sentences) if n != drawn and len(rows)]
            if len(sentences[drawn]) >= SHORT and rest:
                asked, answer = sentences[drawn], np.concatenate(rest)
        if len(answer) > WINDOW:
            first = int(random.integers(len(answer) - WINDOW))
            answer = answer[first : first + WINDOW]
        if random.random() < UNSHARED:
            other = asked[~np.isin(asked, answer)]
            asked = other if len(other) >= SHORT else asked
        return asked, answer


def rows_of_passages(
    passages: Iterable[Mapping[str, Any]], table: ChineseTable, random: np.random.Generator
) -> Passages:
    """Give the passages' token rows; of the statutes' articles, `ARTICLES` drawn at random."""
    everything = list(passages)
    articles = [each for each in everything if each["kind"] == "statute"]
    drawn = random.permutation(len(articles))[:ARTICLES]
    chosen = [each for each in everything if each["kind"] != "statute"]
    chosen += [articles[at] for at in drawn]

    def rows(text: str) -> Rows:
        return np.array(table.rows_of(text), np.int64)

    sentences = [
        [rows(part) for part in SENTENCE.findall(each["text"][:READ]) if len(part) > 5][:SENTENCES]
        for each in chosen
    ]
    heads = [rows(each["head"]) for each in chosen]
    return Passages(heads, [rows(each["text"][:READ]) for each in chosen], sentences)


def table_of(words: Sequence[str], opencc: str) -> ChineseTable:
    """Give an empty table of the words; `opencc` is the content of OpenCC's TSCharacters.txt."""
    fields = (line.split("\t") for line in opencc.splitlines())
    pairs = ((old, new.split()[0]) for old, new in (each for each in fields if len(each) == 2))
    simplified = {ord(old): new for old, new in pairs if old != new and len(old) == len(new) == 1}
    kept = [word for word in words if word == word.translate(simplified)]
    rows = {word: row for row, word in enumerate(dict.fromkeys(kept))}
    empty = np.zeros((len(rows), 256), np.int8)
    nothing = np.zeros(len(rows), np.float32)
    return ChineseTable(empty, nothing, rows, longest_by_pair(rows), simplified)

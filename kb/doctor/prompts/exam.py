"""Questions made of the user's own documents: a heading asks for the passages of its section."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Final

from kb.chunk import Chunking, chunk_document
from kb.model import Chunk, Document
from kb.pipeline.questions import asks
from kb.store import Snapshot

#: Passages among which the right one must be found, and how many questions are asked.
MOST_PASSAGES: Final = 300
MOST_QUESTIONS: Final = 150
#: Documents that are read at most, drawn evenly from all.
_MOST_DOCUMENTS: Final = 60
#: Shorter than this is hardly a passage, in characters.
_LEAST: Final = 40
#: A heading that stands over more than this share of the passages asks for nothing.
_WIDE: Final = 0.1
_NUMBERING: Final = re.compile(
    r"^(?:(?:[§\d][\d.\s()]*|[(（]?[ivxlc\d]{1,5}[)）.]|第[〇零一二三四五六七八九十百千\d.]+[章节節條条款]"
    r"|[一二三四五六七八九十]+、"
    r"|(?:article|section|clause|chapter|part|annex|appendix)\s+[\divxlc.]+)[\s.:、：)）-]*)+",
    re.IGNORECASE,
)
_MARKS: Final = re.compile(r"^[#>*=\-\s]+|[#*=:\s]+$")
_WORDS: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """Passages, and questions with the places of the passages that answer them."""

    passages: tuple[str, ...]
    questions: tuple[str, ...]
    #: One set of places in `passages` for each question; never empty.
    answers: tuple[frozenset[int], ...]

    def first(self, count: int) -> Exam:
        """Give the exam with the first `count` passages and the questions that they answer."""
        kept = [
            (question, frozenset(place for place in answer if place < count))
            for question, answer in zip(self.questions, self.answers, strict=True)
        ]
        kept = [(question, answer) for question, answer in kept if answer]
        return Exam(
            passages=self.passages[:count],
            questions=tuple(question for question, _ in kept),
            answers=tuple(answer for _, answer in kept),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passage:
    text: str
    #: The headings above it, outermost first, made comparable.
    path: tuple[str, ...]
    #: Its own heading as people read it.
    title: str


def exam_of(snapshot: Snapshot, *, longest: int, seed: int = 0) -> Exam:
    """Make an exam of the stored documents, the same one each time for the same documents.

    `longest` is the most tokens of a passage, as kb estimates them.
    """
    # Chance here draws a sample, no secrets.
    chance = random.Random(seed)  # noqa: S311
    paths = [row.path for row in snapshot.documents() if row.chunks]
    drawn = sorted(chance.sample(paths, min(len(paths), _MOST_DOCUMENTS)))
    chunking = Chunking(target_tokens=max(16, min(longest, Chunking().target_tokens)))
    stored = (snapshot.document(path) for path in drawn)
    each = [list(_passages(one.document, chunking)) for one in stored if one is not None]
    return _exam(list(islice(_in_turn(each), MOST_PASSAGES)), chance)


def _in_turn(lists: Iterable[Sequence[_Passage]]) -> Iterator[_Passage]:
    """Take one passage of each document after the other, so that a long one does not fill all."""
    for row in zip_longest(*lists):
        yield from (passage for passage in row if passage is not None)


def _passages(document: Document, chunking: Chunking) -> Iterator[_Passage]:
    for chunk in chunk_document(document, chunking=chunking):
        text = _body(document, chunk)
        if len(text) >= _LEAST:
            path = tuple(key for title in chunk.section if (key := comparable(title)))
            yield _Passage(text=text, path=path, title=asked(chunk.section[-1:]))


def _body(document: Document, chunk: Chunk) -> str:
    """Give a passage's text without the headings that stand in it: they would answer alone."""
    titles = {comparable(title) for title in chunk.section}
    for heading in document.headings:
        if chunk.start <= heading.start < chunk.end:
            written = document.text[heading.start : heading.end]
            titles |= {comparable(heading.title), comparable(written)}
    text = chunk.text
    for title in reversed(chunk.section):
        # A clause may have its heading at the beginning of its first line.
        text = text.lstrip("#* ").removeprefix(title).lstrip(" .:：。*")
    kept = [line for line in text.split("\n") if not (key := comparable(line)) or key not in titles]
    return "\n".join(kept).strip()


def comparable(title: str) -> str:
    """Give a heading's words without marks, numbers before them, and case.

    >>> comparable("## 3.2 Warranty period"), comparable("第十二条 违约责任")
    ('warranty period', '违约责任')
    """
    return " ".join(_WORDS.findall(plain(title).lower()))


def plain(title: str) -> str:
    """Give a heading without marks and numbers before it.

    >>> plain("§ 4 Liability:"), plain("2024")
    ('Liability', '')
    """
    return _NUMBERING.sub("", _MARKS.sub("", title)).strip()


def asked(title: Sequence[str]) -> str:
    """Give the question that a heading makes, or nothing where it says too little."""
    text = " ".join(plain(title[-1]).split()) if title else ""
    return text if asks(text) else ""


def _exam(passages: Sequence[_Passage], chance: random.Random) -> Exam:
    most = max(3, int(_WIDE * len(passages)))
    questions: dict[str, str] = {}
    for passage in passages:
        if passage.title:
            questions.setdefault(comparable(passage.title), passage.title)
    answers = {
        key: frozenset(place for place, one in enumerate(passages) if key in one.path)
        for key in questions
    }
    fit = [key for key in questions if key and 1 <= len(answers[key]) <= most]
    drawn = sorted(chance.sample(fit, min(len(fit), MOST_QUESTIONS)))
    return Exam(
        passages=tuple(passage.text for passage in passages),
        questions=tuple(questions[key] for key in drawn),
        answers=tuple(answers[key] for key in drawn),
    )

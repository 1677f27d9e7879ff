"""Why hits stand where they do, for people: a few aligned lines under each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cli.render.styled import Text
from cli.render.text import one_line, pad, paragraph

if TYPE_CHECKING:
    from kb.pipeline.search import Answer

#: The width of what stands before the facts of a line.
_NAME: Final = 9


def question_lines(answer: Answer, *, width: int) -> Iterator[Text]:
    """Give how the question was asked: by which side, with which weight, for which words."""
    told = answer.explain or {}
    weights = told["weights"]
    facts = [
        ("by", f"meaning {weights['dense']:.2f}, words {weights['lexical']:.2f}"),
        *([("meaning", told["dense"]["silent"])] if told["dense"]["silent"] else []),
        *([("English", _once(told["english"].split(), " "))] if told["english"] else []),
        ("words", _words(told["terms"])),
    ]
    for name, fact in facts:
        yield from _lines(name, fact, width)
    yield Text()


def hit_lines(
    told: Mapping[str, Any], scores: Mapping[str, float | None], *, width: int
) -> Iterator[Text]:
    """Give what each side said of a hit, and which words of the question it holds or lacks."""
    reranked = scores.get("rerank")
    facts = [
        *([] if reranked is None else [("reranker", f"score {reranked:.3f}")]),
        ("meaning", _dense(told)),
        ("words", _lexical(told["lexical"])),
        ("matched", _once(map(_matched, told["matched"]), ", ") or "no word"),
        *([("missing", ", ".join(told["missing"]))] if told["missing"] else []),
    ]
    for name, fact in facts:
        yield from _lines(name, fact, width)


def _dense(told: Mapping[str, Any]) -> str:
    cosine, rank = told["dense"]["cosine"], told["dense"]["rank"]
    if told["abstained"]:
        return "none: this passage has no vector"
    if cosine is None:
        return "not asked"
    return f"cosine {cosine:.3f}, {_ranked(rank)}"


def _lexical(told: Mapping[str, Any]) -> str:
    if told["score"] is None:
        return "not found by words"
    return f"score {told['score']:.2f}, {_ranked(told['rank'])}"


def _ranked(rank: int | None) -> str:
    return "not among the nearest" if rank is None else f"rank {rank}"


def _matched(term: Mapping[str, Any]) -> str:
    where = "" if term["fields"] == ["text"] else f" in {' and '.join(term['fields'])}"
    return f"{term['term']}{_worth(term)}{where}"


def _worth(term: Mapping[str, Any]) -> str:
    return "" if term["idf"] is None else f" ({term['idf']:.1f})"


def _words(terms: Sequence[Mapping[str, Any]]) -> str:
    """Give each word with its weight, and in how many passages it stands."""
    told = [
        f"{term['term']}{_worth(term)} in {term['passages']:,}"
        if term["passages"]
        else f"{term['term']} nowhere"
        for term in terms
    ]
    return _once(told, ", ") or "none that could be looked for"


def _once(facts: Iterable[str], between: str) -> str:
    """Join what is told; what both wordings of a question hold is told once."""
    return between.join(dict.fromkeys(facts))


def _lines(name: str, fact: str, width: int) -> Iterator[Text]:
    room = max(width - _NAME, 10)
    for at, line in enumerate(paragraph(one_line(fact), room)):
        yield Text.assemble((f"{pad(name if not at else '', _NAME)}{line}", "dim"))

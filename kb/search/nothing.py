"""What would help whoever found nothing, or nothing that holds a word of the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kb.model import Filter, Hit
from kb.store import Snapshot

if TYPE_CHECKING:
    from kb.search.rank import Question

#: So many words of a question are told of.
_TOLD: Final = 5


def what_helps(snapshot: Snapshot, question: Question) -> list[str]:
    """Give sentences for a search without hits: why there are none, and what to try."""
    if not snapshot.any_document(Filter()):
        return ["The knowledge base is empty: bring documents in with kb ingest PATH."]
    found = snapshot.occurrences(question.text)
    told = [*_words(snapshot, question, found)]
    if question.vector is None and question.mode == "hybrid" and snapshot.profile is not None:
        told.append(
            f"Nothing was found by meaning: {snapshot.profile.model} gave no vector for this "
            "question, as for a language that it does not know."
        )
    if question.mode == "lexical":
        told.append("Only words were looked for; leave --mode out to search by meaning, too.")
    return [*told, "See what there is: kb list"]


def no_word_found(snapshot: Snapshot, question: Question, hits: Sequence[Hit]) -> str:
    """Give a warning for hits none of which holds a word of the question, or nothing.

    Only of the built-in model: it knows words and their parts, so that it says little of a text
    with which the question shares none. Other models may know better.
    """
    profile = snapshot.profile
    if not hits or profile is None or profile.provider != "builtin" or question.mode != "hybrid":
        return ""
    (first, *_) = [*_words(snapshot, question, snapshot.occurrences(question.text)), ""]
    return f"No hit holds a word of the question; all were found by likeness. {first}".rstrip()


def _words(snapshot: Snapshot, question: Question, found: Sequence[tuple[str, int]]) -> list[str]:
    """Tell which words of the question stand nowhere, or only where the filter does not reach."""
    if not found:
        return ["The question holds no word that could be looked for."]
    told = []
    nowhere = [term for term, count in found if not count]
    if nowhere:
        stands = "stands" if len(nowhere) == 1 else "stand"
        told.append(f"{_listed(nowhere)} {stands} nowhere in the knowledge base.")
        told += _meant(snapshot, nowhere)
    elsewhere = [term for term, count in found if count]
    if elsewhere and question.within != Filter():
        stands = "stands" if len(elsewhere) == 1 else "stand"
        options = [
            *(["--collection"] if question.within.collection is not None else []),
            *(["--path"] if question.within.path is not None else []),
        ]
        told.append(
            f"{_listed(elsewhere)} {stands} in other documents; "
            f"search without {' and '.join(options)}."
        )
    return told


def _meant(snapshot: Snapshot, nowhere: Sequence[str]) -> list[str]:
    """Ask whether a word that does occur was meant."""
    likely = {term: snapshot.spellings(term) for term in nowhere[:_TOLD]}
    asked = [f"{' or '.join(near)} for “{term}”" for term, near in likely.items() if near]
    return [f"Did you mean {', '.join(asked)}?"] if asked else []


def _listed(terms: Sequence[str]) -> str:
    """Give words in quotation marks, the first few of them."""
    quoted = [f"“{term}”" for term in terms[:_TOLD]]
    if len(terms) > _TOLD:
        return f"{', '.join(quoted)} and {len(terms) - _TOLD} more"
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"

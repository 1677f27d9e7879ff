"""What a question asks of a document, without the words that only name the document.

"Under the lease between Acme and Bolt, how long is the notice period?" names one of many leases and
asks one thing of it. The names find the lease by words. A vector of the whole question lies half
among names, which say nothing of the passages, so that the question is embedded without them. And
what is left is said of all leases alike: the words must tell which one is meant, so that meaning
counts less than for a question that names none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from kb.store.local.terms import STOP_WORDS, quoted
from kb.store.local.words import fold, runs, tokens

#: From this share of its weight on, a word names the document it stands in.
_NAME: Final = 0.5
#: So many words that are found and name nothing must stay, or else they are the question.
LEAST: Final = 4
#: What meaning counts of a question that names a document, of what it counts of another.
SHARE: Final = 0.5


def without_names(question: str, naming: Callable[[Sequence[str]], Sequence[float | None]]) -> str:
    """Give the question without names of documents, or as it is where too little would be left.

    `naming` says of words how much of what they tell is which document is meant, 0 to 1, and None
    of one that stands in no passage. What is in quotes is meant as it stands.

    >>> shares = {"acme": 0.9, "bolt": 0.8, "xyzzy": None}
    >>> known = lambda words: [shares.get(word, 0.1) for word in words]
    >>> without_names("Acme and Bolt: how long is the notice period for the tenant?", known)
    'and how long is the notice period for the tenant?'
    >>> without_names("Who is the tenant of Acme?", known)
    'Who is the tenant of Acme?'
    """
    pieces = [(piece, _words(piece)) for piece in question.split()]
    asked = list(dict.fromkeys(word for _, words in pieces for word in words))
    if len(asked) <= LEAST or quoted(question):
        return question
    shares = dict(zip(asked, naming(asked), strict=True))
    kept, left = [], 0
    for piece, words in pieces:
        known = [share for word in words if (share := shares[word]) is not None]
        if not known or min(known) < _NAME:
            kept.append(piece)
            left += bool(known)
    return question if left < LEAST or len(kept) == len(pieces) else " ".join(kept)


def share_of_meaning(question: str, without: str) -> float:
    """Give what meaning counts of a question, 0 to 1, of what the profile says that it counts.

    `without` is the question without names. Words in quotes are to be found as they stand, too.

    >>> share_of_meaning("Acme: how long is the notice period?", "how long is the notice period?")
    0.5
    >>> share_of_meaning("How long is the notice?", "How long is the notice?")
    1.0
    """
    return SHARE if without != question or quoted(question) else 1.0


def _words(piece: str) -> list[str]:
    """Give what is looked for of a piece written without a space, each run of it as a whole."""
    found = [next(tokens(run.text)).word for run in runs(fold(piece))]
    return [word for word in found if word not in STOP_WORDS]

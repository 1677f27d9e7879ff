"""What a question means, as a vector of the knowledge base's model; or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kb.errors import EXIT_OK, EndpointError, Failure, StageError
from kb.model import Profile
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.observe import Observer
from kb.store import Snapshot

if TYPE_CHECKING:
    from kb.model import Vector

#: An endpoint that is away leaves a hybrid search its words; one that lies does not.
AWAY: Final = frozenset(
    {
        "embed.unreachable",
        "embed.localhost_in_container",
        "embed.timeout",
        "embed.tls",
        "embed.rate_limited",
        "embed.overloaded",
        "embed.server_error",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The question's vector, or why there is none."""

    vector: Vector | None = None
    #: A Chinese question's words in English, to be looked for as well, or "".
    english: str = ""
    #: What the vector counts, of what one of the question itself would.
    share: float = 1.0
    warning: str = ""
    exit_code: int = EXIT_OK


def meaning_of(
    base: KnowledgeBase, snapshot: Snapshot, query: str, mode: str, observer: Observer
) -> Meaning:
    """Embed a question.

    Raises `EndpointError`, and `StageError` where the endpoint refuses a question of a dense
    search; a hybrid one has its words, a warning, and the endpoint's exit code.
    """
    pinned = snapshot.profile
    if mode == "lexical" or pinned is None:
        return Meaning()
    english = _in_english(query, pinned, mode)
    try:
        wording, rest = _without_names(snapshot, query, pinned, mode)
        vector, share = _vector(base, snapshot, pinned, [wording, english], observer)
    except (EndpointError, StageError) as error:
        refused = isinstance(error, StageError)
        if mode == "dense" or not (refused or error.failure.code in AWAY):
            raise
        warning = _words_only(error.failure)
        return Meaning(exit_code=error.exit_code, warning=warning, english=english)
    if vector is None and mode == "dense":
        return Meaning(warning=_unknown_language(pinned))
    return Meaning(vector=vector, share=share * rest, english=english)


def _vector(
    base: KnowledgeBase,
    snapshot: Snapshot,
    pinned: Profile,
    wordings: Sequence[str],
    observer: Observer,
) -> tuple[Vector | None, float]:
    """Embed the question and, in the same request, two canaries of an endpoint.

    Gives the vector of the first of the wordings that the model knows, and what it counts.
    """
    from kb.embed.canary import check_drift, samples
    from kb.pipeline.embedder import open_embedder

    # Nobody waits at a prompt for a server to come up; an ingest does.
    patient = base.settings
    settings = replace(patient, max_retries=patient.max_retries or 1)
    kept = snapshot.canaries()
    asked = samples(pinned, questions=True) if kept is not None else {}
    with open_embedder(settings, pinned, observer, brief=True) as embedder:
        first, *others = embedder.embed_now([pinned.query(wordings[0]), *asked.values()])
        if first.vector is None and first.failure is None and wordings[1]:
            (again,) = embedder.embed_now([pinned.query(wordings[1])])
            if again.vector is not None:
                from kb.search.glosses import SHARE

                return again.vector, SHARE
    if kept is not None:
        check_drift(list(asked), others, kept)
    if first.failure is not None:
        raise StageError(first.failure)
    return first.vector, 1.0


def _without_names(
    snapshot: Snapshot, query: str, profile: Profile, mode: str
) -> tuple[str, float]:
    """Give the question without names of documents, which a hybrid search finds by words.

    And what the meaning of that counts. Measured with the built-in models alone.
    """
    if not _helped_by_words(profile, mode):
        return query, 1.0
    from kb.search.naming import share_of_meaning, without_names

    wording = without_names(query, snapshot.naming)
    return wording, share_of_meaning(query, wording)


def _in_english(query: str, profile: Profile, mode: str) -> str:
    """Give a Chinese question's words in English; endpoint models know both languages."""
    if not _helped_by_words(profile, mode) or query.isascii():
        return ""
    from kb.search.glosses import in_english

    return in_english(query)


def _helped_by_words(profile: Profile, mode: str) -> bool:
    """Tell whether a model of our own is asked beside a search by words."""
    return mode == "hybrid" and profile.provider == "builtin"


def _words_only(why: Failure) -> str:
    import re

    # What an ingest would try again, a search asks again.
    hint = re.sub(r"`kb retry[^`]*`", "ask again", why.hint)
    return f"{why.code}: {why.message} These hits were found by words alone. {hint}"


def _unknown_language(profile: Profile) -> str:
    return (
        f"The model {profile.model} does not know the language of this question, so a dense "
        "search cannot answer it; leave --mode out to search by words."
    )

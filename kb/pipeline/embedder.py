"""Which embedder the settings ask for, and whether it fits the knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kb.config import Settings
from kb.embed import Embedder, open_builtin, open_endpoint
from kb.errors import UsageError, failure
from kb.model import Profile
from kb.pipeline.observe import Observer

if TYPE_CHECKING:
    from kb.model import Matrix, Vector

BUILTIN = "builtin:"
#: The model that is used where none is named.
DEFAULT = f"{BUILTIN}static"
_QUESTIONS_AT_ONCE: Final = 16


def open_embedder(
    settings: Settings, pinned: Profile | None, observer: Observer, *, brief: bool = False
) -> Embedder:
    """Open the embedder that the settings name; `brief`: for one question.

    Raises `EndpointError` when it cannot be used, and `UsageError` (`embed.profile_mismatch`)
    when its vectors could not be compared with those already stored.
    """
    if settings.base_url is None or (settings.model or "").startswith(BUILTIN):
        embedder = open_builtin(settings.model or DEFAULT)
    else:
        check_provider(settings.base_url, pinned)
        embedder = open_endpoint(
            base_url=settings.base_url,
            model=settings.model,
            api_key=settings.api_key,
            dimensions=settings.dimensions,
            prompts=settings.prompts,
            query_template=settings.query_template,
            passage_template=settings.passage_template,
            instruction=settings.instruction,
            concurrency=settings.concurrency,
            batch_tokens=settings.batch_tokens,
            max_input_tokens=settings.max_input_tokens,
            timeout_s=settings.timeout_s,
            max_retries=settings.max_retries,
            expected=pinned,
            notify=observer.say,
            brief=brief,
        )
    try:
        check_profile(embedder.profile, pinned)
    except UsageError:
        embedder.close()
        raise
    return embedder


def check_canaries(embedder: Embedder, pinned: Matrix | None) -> Matrix | None:
    """See that an endpoint gives the vectors it gave; give its canaries where none are kept yet.

    Raises `EndpointError` (`embed.drift`). The built-in model cannot drift: its revision says
    what it is.
    """
    if embedder.profile.provider == "builtin":
        return None
    from kb.embed.canary import check_now, embed_canaries

    if pinned is None:
        return embed_canaries(embedder)
    check_now(embedder, pinned)
    return None


def check_provider(base_url: str, pinned: Profile | None) -> None:
    """Refuse an endpoint, unasked, where the built-in model made the vectors."""
    if pinned is not None and pinned.provider == "builtin":
        raise mismatch(
            f"it was made with the built-in model ({pinned.model}), "
            f"and the settings name an endpoint ({base_url})"
        )


def check_profile(mine: Profile, pinned: Profile | None) -> None:
    """Raise `UsageError` naming each field in which the settings differ from what is pinned."""
    if pinned is None:
        return
    differing = pinned.differences(mine)
    if pinned.provider == mine.provider == "builtin" and "model" in differing:
        raise mismatch(
            f"it was made with {pinned.model}, and the settings name {mine.model}",
            f"Leave the model as it was, or run `kb reindex --model {mine.model}` to change it.",
        )
    if "provider" in differing:
        raise mismatch(
            f"it was made with the endpoint model {pinned.model}, and no endpoint is set",
            "Set KB_BASE_URL to the endpoint that serves it, or run `kb reindex` to change to the "
            "built-in model.",
        )
    if differing:
        told = [f"{name} was {old!r} and is now {new!r}" for name, (old, new) in differing.items()]
        raise mismatch("; ".join(told))


def mismatch(what: str, hint: str = "") -> UsageError:
    """Make the error that tells how settings and knowledge base differ."""
    message = f"The settings do not fit this knowledge base: {what}."
    return UsageError(failure("embed.profile_mismatch", message, hint=hint))


def question_vectors(embedder: Embedder, questions: Sequence[str]) -> list[Vector | None]:
    """Embed questions, some at a time; None for one that got no vector. Raises `EndpointError`."""
    found: list[Vector | None] = []
    for at in range(0, len(questions), _QUESTIONS_AT_ONCE):
        some = questions[at : at + _QUESTIONS_AT_ONCE]
        outcomes = embedder.embed_now([embedder.profile.query(each) for each in some])
        found += [outcome.vector for outcome in outcomes]
    return found

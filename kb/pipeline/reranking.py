"""Has the first passages of a search put in order by a reranker, where one is set.

A reranker that is away, refuses or answers nonsense costs a search nothing but its order: the hits
stay as words and vectors found them, with a warning, and the exit code stays 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from kb.config import Settings
from kb.errors import Failure, StageError, UsageError, failure

if TYPE_CHECKING:
    from kb.embed.reranking import Reranker


#: A model of kb's own that may order the first passages, by its name in `rerank.model`.
MINILM: Final = "builtin:minilm"


class Reranking(Protocol):
    """What orders one search's first passages: pass it to `kb.search.rank.rank` as `rescore`."""

    #: What went wrong, as a warning; empty where nothing did.
    warning: str
    #: How long it took, in seconds.
    seconds: float

    @property
    def share(self) -> float:
        """How much of a score is its own; the rest is what the words gave."""

    def __call__(self, passages: Sequence[str], /) -> Sequence[float | None] | None:
        """Give the passages' scores, None for one that got none; None where there are none."""


class Nearness:
    """Scores by the cosines of builtin:minilm, beside what the words gave."""

    def __init__(self, question: str) -> None:
        from kb.embed.builtin_minilm.cached import check_installed
        from kb.embed.builtin_minilm.embedder import DENSE_WEIGHT

        check_installed()
        self._question = question
        self.share = DENSE_WEIGHT
        self.warning = ""
        self.seconds = 0.0

    def __call__(self, passages: Sequence[str], /) -> Sequence[float | None] | None:
        """Give the passages' cosines; None where the model does not know the language."""
        from kb.embed.builtin_minilm.rescoring import cosines

        started = time.perf_counter()
        found = cosines(self._question, passages)
        self.seconds += time.perf_counter() - started
        return found


class Asked:
    """Has a reranker read question and passages."""

    share: Final = 1.0

    def __init__(self, reranker: Reranker, question: str) -> None:
        self._reranker = reranker
        self._question = question
        #: What went wrong, as a warning; empty where nothing did.
        self.warning = ""
        #: How long the reranker was asked, in seconds.
        self.seconds = 0.0

    def __call__(self, passages: Sequence[str], /) -> Sequence[float | None] | None:
        """Give the passages' scores, None for one that got none; None where there are none."""
        started = time.perf_counter()
        try:
            found = self._reranker.scores(self._question, passages)
        except StageError as error:
            self.warning = _warning(error.failure)
            return None
        finally:
            self.seconds += time.perf_counter() - started
            self._reranker.close()
        missing = sum(value is None for value in found.values)
        if missing:
            self.warning = (
                f"The reranker gave no score to {missing} of {len(passages)} passages; "
                "they follow the others in the order they had."
            )
        return found.values


def reranking(settings: Settings, question: str, *, wanted: bool | None) -> Reranking | None:
    """Give what reranks a search; None where that is not wanted, or (`wanted` None) not set.

    Raises `UsageError` where it is wanted and none is set, or the settings cannot be used.
    """
    own = settings.rerank_model == MINILM
    if not own and (settings.rerank_model or "").startswith("builtin:"):
        message = f"There is no built-in reranker {settings.rerank_model}."
        hint = f"The one there is: KB_RERANK_MODEL={MINILM}."
        raise UsageError(failure("usage.settings", message, hint=hint))
    if wanted is False or (wanted is None and settings.rerank_url is None and not own):
        return None
    if own:
        return None if settings.model == MINILM else Nearness(question)
    if settings.rerank_url is None:
        raise UsageError(
            failure(
                "usage.settings",
                "No reranker is set.",
                hint="Name one: KB_RERANK_URL=http://127.0.0.1:8001, or "
                "KB_RERANK_MODEL=builtin:minilm, or leave --rerank out.",
            )
        )
    return Asked(open_reranker(settings), question)


def open_reranker(
    settings: Settings, *, sleep: Callable[[float], None] = time.sleep, brief: bool = True
) -> Reranker:
    """Give the reranker that the settings name; nothing is sent yet. Raises `UsageError`."""
    from kb.embed.reranking import Reranker, RerankOptions
    from kb.embed.reranking.options import key_for

    assert settings.rerank_url is not None
    options = RerankOptions(
        base_url=settings.rerank_url,
        model=settings.rerank_model,
        api_key=key_for(
            settings.rerank_url,
            own=settings.rerank_api_key,
            embedding_url=settings.base_url,
            embedding=settings.api_key,
        ),
        prompts=settings.rerank_prompts,
        timeout_s=settings.rerank_timeout_s,
    )
    return Reranker(options, sleep=sleep, brief=brief)


def _warning(why: Failure) -> str:
    return f"{why.code}: {why.message} The hits are in the order found without it. {why.hint}"

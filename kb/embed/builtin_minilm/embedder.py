"""MiniLM as an embedder: texts side by side on all processors, in this process."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from kb.embed import Embedder
from kb.embed.builtin_minilm.cached import REVISION, check_installed
from kb.embed.builtin_minilm.weights import DIMENSIONS, LONGEST, NAME
from kb.embed.now import numbered
from kb.errors import failure
from kb.model import Embedded, EmbedItem, Profile

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from kb.embed.builtin_minilm.model import MiniLm

#: Share of the cosine in the fused score (`benchmarks/minilm.py`). Most sets gain up to 0.7; on one
#: of long medical articles it falls below BM25 alone above 0.5, which is not worth that.
DENSE_WEIGHT: Final = 0.45
#: Texts under way for each processor: enough that none waits while finished ones are stored.
_AHEAD: Final = 16


class MiniLmEmbedder(Embedder):
    """Embeds with all-MiniLM-L6-v2; the model is loaded with the first text."""

    def __init__(self, *, threads: int | None = None) -> None:
        check_installed()
        self._threads = threads or processors()
        self._pool: ThreadPoolExecutor | None = None
        self._profile = Profile(
            provider="builtin",
            model=NAME,
            dimensions=DIMENSIONS,
            query_template="{text}",
            passage_template="{text}",
            revision=REVISION,
            dense_weight=DENSE_WEIGHT,
        )

    @property
    def profile(self) -> Profile:
        """What makes this embedder's vectors comparable with others."""
        return self._profile

    def prepare(self, *, longest: int) -> None:
        """Do nothing: how much the model reads of a text is known, and every text is counted."""

    def embed(self, items: Iterable[EmbedItem]) -> Iterator[Embedded]:
        """Give each text's vector or failure in order, or neither for an unknown language.

        A text that would not be read to its end is refused (`embed.input_too_long`).
        Raises `UsageError` where the model's files turn out to be missing or damaged.
        """
        from kb.embed.builtin_minilm.model import load

        model, pool = load(), self._threads_of_our_own()
        under_way: deque[Future[Embedded]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(_embedded, model, item))
                if len(under_way) >= _AHEAD * self._threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()

    def embed_now(self, texts: Sequence[str]) -> list[Embedded]:
        """Give a few texts' outcomes in their order."""
        from kb.embed.builtin_minilm.model import load

        model = load()
        return [_embedded(model, item) for item in numbered(texts)]

    def _threads_of_our_own(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="minilm")
        return self._pool

    def close(self) -> None:
        """End the threads; texts that nobody waits for are not begun."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def processors() -> int:
    """Give how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _embedded(model: MiniLm, item: EmbedItem) -> Embedded:
    if not item.text.strip():
        return Embedded(key=item.key, failure=failure("embed.empty_input"))
    if not model.knows(item.text):
        return Embedded(key=item.key)
    ids = model.ids(item.text)
    if len(ids) <= LONGEST:
        return Embedded(key=item.key, vector=model.vector(ids))
    refused = failure(
        "embed.input_too_long",
        f"The text has {len(ids):,} tokens, and {NAME} reads {LONGEST} at most.",
        hint="Ask with fewer words, or use a model that reads longer texts.",
        tokens=len(ids),
        limit=LONGEST,
    )
    return Embedded(key=item.key, failure=refused)

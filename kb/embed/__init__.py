"""Where do texts lie in vector space?

An `Embedder` turns texts into unit vectors: the model that comes with kb, or an
OpenAI-compatible endpoint (vLLM and its like). Nothing an endpoint answers is believed
unchecked, and nothing it refuses takes its neighbours down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self

from kb.embed.prompts import PROMPTS, QWEN3_TASK, prompt_warning
from kb.model import Embedded, EmbedItem, Profile

__all__ = [
    "PROMPTS",
    "QWEN3_TASK",
    "Embedder",
    "open_builtin",
    "open_endpoint",
    "prompt_warning",
]


class Embedder(Protocol):
    """Turns texts into vectors; also a context manager."""

    @property
    def profile(self) -> Profile:
        """What makes this embedder's vectors comparable with others."""

    def prepare(self, *, longest: int) -> None:
        """Find out how long a text may be; called once, before many are embedded.

        `longest`: the most tokens that a text is expected to have, by a generous estimate.
        Without this call only what the server refuses is known to be too long.
        """

    def embed(self, items: Iterable[EmbedItem]) -> Iterator[Embedded]:
        """Give each text's vector or failure, in any order, each item answered once.

        Lazy: reads from `items` only what is under way. Texts are sent as given. One that the
        endpoint would not read to its end is not sent: its failure is `embed.input_too_long`,
        and where its `detail` holds `tokens` and `limit`, they say by how much.
        """

    def embed_now(self, texts: Sequence[str]) -> list[Embedded]:
        """Give a few texts' outcomes in their order, at once. Texts are sent as given."""

    def close(self) -> None:
        """Close all connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_builtin(name: str = "builtin:static") -> Embedder:
    """Give the model that comes with kb. No network and no HTTP library is touched."""
    from kb.embed.builtin_embedder import load

    return load(name)


def open_endpoint(  # noqa: PLR0913 - one argument for each setting of [embedding]
    *,
    base_url: str,
    model: str | None = None,
    api_key: str | None = None,
    dimensions: int | None = None,
    prompts: str = "e5",
    query_template: str | None = None,
    passage_template: str | None = None,
    instruction: str | None = None,
    concurrency: int | None = None,
    batch_tokens: int | None = None,
    max_input_tokens: int | None = None,
    timeout_s: float | None = None,
    max_retries: int | None = None,
    expected: Profile | None = None,
    notify: Callable[[str], None] | None = None,
    brief: bool = False,
) -> Embedder:
    """Give an embedder for the endpoint that the settings name.

    Makes one smallest real request, to learn the vectors' length and to fail early; with the
    pinned profile as `expected` it makes none. `notify` hears of waiting and of doubts. `brief`:
    only a question will be asked, so that what does not pay for one request is not loaded.
    Raises `UsageError` (settings) and `EndpointError` (the endpoint is down, wrong or refuses).
    """
    from kb.embed.endpoint import connect
    from kb.embed.options import Options, World

    options = Options(
        base_url=base_url,
        model=model,
        api_key=api_key,
        dimensions=dimensions,
        prompts=prompts,
        query_template=query_template,
        passage_template=passage_template,
        instruction=instruction,
        concurrency=concurrency,
        batch_tokens=batch_tokens,
        max_input_tokens=max_input_tokens,
        timeout_s=timeout_s,
        max_retries=max_retries,
    )
    return connect(options, expected=expected, world=World(notify=notify, brief=brief))

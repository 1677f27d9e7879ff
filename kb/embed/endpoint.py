"""An OpenAI-compatible embedding endpoint as an embedder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from kb.embed.batches import Planner
from kb.embed.crew import Alone, Crew, Flight, Threads
from kb.embed.engine import CANARY, Run, Tools
from kb.embed.errors_map import Scene, Trouble
from kb.embed.flow import Load, Patience, Window
from kb.embed.now import in_order, numbered
from kb.embed.options import Options, World, check_numbers, sendable_key
from kb.embed.prompts import prompt_warning, templates
from kb.embed.session import Served, Session
from kb.embed.transport import Transport
from kb.embed.urls import bases, is_loopback
from kb.errors import EndpointError, Failure, StageError, failure
from kb.model import Embedded, EmbedItem, Profile

if TYPE_CHECKING:
    from kb.model import Vector

#: Whoever waits for an answer to a question is not kept waiting as long as a nightly run.
_QUERY_RETRIES: Final = 2
_QUERY_WAIT_S: Final = 5.0


class EndpointEmbedder:
    """Embeds over HTTP. Outcomes come in any order; each item is answered once."""

    def __init__(self, session: Session, profile: Profile, options: Options, world: World) -> None:
        self._session = session
        self._profile = profile
        self._options = options
        self._world = world
        self._limit = options.max_input_tokens
        self._window = Window(options.concurrency)
        self._load = Load(batch_tokens=options.batch_tokens, timeout_s=options.timeout_s)

    @property
    def profile(self) -> Profile:
        """What makes this embedder's vectors comparable with others."""
        return self._profile

    def embed(self, items: Iterable[EmbedItem]) -> Iterator[Embedded]:
        """Give each text's vector or failure as it comes, reading `items` only as needed.

        Raises `EndpointError` when the endpoint cannot be used.
        """
        return self._run(items, Threads(self._carry), self._patience(self._options.retries))

    def embed_now(self, texts: Sequence[str]) -> list[Embedded]:
        """Give a few texts' outcomes in their order, in one request; waits less than `embed` does.

        Raises `EndpointError` when the endpoint cannot be used.
        """
        retries = min(_QUERY_RETRIES, self._options.retries)
        patience = self._patience(retries, longest_s=_QUERY_WAIT_S)
        return in_order(self._run(numbered(texts), Alone(self._carry), patience))

    def embed_query(self, text: str) -> Vector | None:
        """Give a question's vector.

        Raises `EndpointError`, or `StageError` where the endpoint refuses this text alone.
        """
        (outcome,) = self.embed_now([self._profile.query(text)])
        if outcome.failure is not None:
            raise StageError(outcome.failure)
        return outcome.vector

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def probe(self) -> None:
        """Find out the vectors' length, and the input limit, by one smallest real request."""
        patience = self._patience(self._options.retries)
        item = EmbedItem(key=b"", text=self._profile.passage(CANARY))
        (outcome,) = self._run([item], Alone(self._carry), patience)
        if outcome.vector is None:
            assert outcome.failure is not None
            raise EndpointError(outcome.failure)
        self._profile = replace(self._profile, dimensions=len(outcome.vector))
        listed = self._session.models()
        if not isinstance(listed, Trouble):
            self._look_up(listed)

    def _look_up(self, listed: tuple[Served, ...]) -> None:
        """Take the input limit from the list of models; say so where the model is not in it."""
        model = self._profile.model
        for served in listed:
            if served.name == model and served.max_model_len and self._limit is None:
                # vLLM before 0.32 hangs on an input of exactly max_model_len.
                self._limit = served.max_model_len - 1
        names = [served.name for served in listed]
        if model not in names and self._world.notify is not None:
            self._world.notify(
                f"the endpoint lists {', '.join(names)} and not {model}, but answered: "
                "such a server ignores the name, so check that it serves what you mean"
            )

    def _run(
        self, items: Iterable[EmbedItem], crew: Crew, patience: Patience
    ) -> Iterator[Embedded]:
        tools = Tools(
            ask=self._session.ask,
            window=self._window,
            load=self._load,
            patience=patience,
            timing=self._world.timing,
        )
        blank = ("", self._profile.passage(""), self._profile.query(""))
        planner = Planner(items, self._load, max_tokens=self._limit, blank=blank)
        return Run(planner, crew, tools).outcomes()

    def _carry(self, flight: Flight) -> Flight:
        started = time.monotonic()
        result = self._session.ask(flight.job.texts, self._load.timeout(flight.job.tokens))
        return replace(flight, result=result, seconds=time.monotonic() - started)

    def _patience(self, retries: int, **limits: float) -> Patience:
        return Patience(
            max_retries=retries,
            timing=self._world.timing,
            notify=self._world.notify,
            where=lambda: self._session.scene.base,
            **limits,
        )


def connect(options: Options, *, expected: Profile | None, world: World) -> EndpointEmbedder:
    """Give an embedder for the endpoint that the settings name.

    Without a complete `expected` profile one smallest request is made, and `GET /models`. With
    it none is: a search costs one request. Raises `UsageError` and `EndpointError`.
    """
    first, *others = bases(options.base_url)
    query_template, passage_template = _templates(options)
    key = sendable_key(options.api_key)
    check_numbers(options)
    pinned = _pinned(options, expected)
    scene = Scene(
        base=first,
        model=options.model or (pinned.model if pinned else ""),
        api_key=key,
        inside=is_loopback(first) and world.container(),
    )
    window = Window(options.concurrency)
    session = Session(
        Transport(first, api_key=key, connections=window.most),
        scene,
        others,
        dimensions=options.dimensions,
        expected=pinned.dimensions if pinned else None,
    )
    try:
        model = scene.model or _only_model(session, options, world)
        session.use(model)
        profile = Profile(
            provider="endpoint",
            model=model,
            dimensions=pinned.dimensions if pinned else options.dimensions or 0,
            query_template=query_template,
            passage_template=passage_template,
        )
        if pinned is not None:
            profile = replace(
                pinned, query_template=query_template, passage_template=passage_template
            )
        embedder = EndpointEmbedder(session, profile, options, world)
        if pinned is None:
            embedder.probe()
    except BaseException:
        session.close()
        raise
    warning = prompt_warning(model, options.prompts)
    if warning and pinned is None and world.notify is not None:
        world.notify(warning)
    return embedder


def _templates(options: Options) -> tuple[str, str]:
    return templates(
        options.prompts,
        query_template=options.query_template,
        passage_template=options.passage_template,
        instruction=options.instruction,
    )


def _pinned(options: Options, expected: Profile | None) -> Profile | None:
    """Give the expected profile if it is this endpoint's and says all that a probe would."""
    if expected is None or expected.provider != "endpoint" or expected.dimensions < 1:
        return None
    same_model = options.model in {None, expected.model} and expected.model
    same_length = options.dimensions in {None, expected.dimensions}
    return expected if same_model and same_length else None


def _only_model(session: Session, options: Options, world: World) -> str:
    """Give the one model that the endpoint lists; wait for a server that is still loading."""
    patience = Patience(
        max_retries=options.retries,
        timing=world.timing,
        notify=world.notify,
        where=lambda: session.scene.base,
    )
    listed = session.models()
    while isinstance(listed, Trouble):
        if not listed.failure.retriable:
            raise EndpointError(_unlisted(listed.failure))
        world.timing.sleep(patience.strike(patience.number(), listed))
        listed = session.models()
    names = [served.name for served in listed]
    if len(names) > 1:
        raise EndpointError(
            failure(
                "embed.model_not_found",
                f"{session.scene.base} serves {len(names)} models and none is chosen: "
                f"{', '.join(names)}.",
                hint="Set KB_MODEL to one of them.",
                served=names,
            )
        )
    return names[0]


def _unlisted(found: Failure) -> Failure:
    """Say that a model can be named where the server does not list its own."""
    if found.code not in {"embed.wrong_path", "embed.invalid_response"}:
        return found
    hint = f"{found.hint} If the server does not list its models, set KB_MODEL."
    return replace(found, hint=hint)

"""An OpenAI-compatible embedding endpoint as an embedder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kb.embed import Embedder
from kb.embed.answers import Answer
from kb.embed.batches import Piece, Planner, Rules, surely
from kb.embed.crew import Alone, Crew, Flight, Threads
from kb.embed.engine import CANARY, Run, Tools
from kb.embed.errors_map import Action, Scene, Trouble
from kb.embed.flow import Load, Patience, Window
from kb.embed.limits import Limits
from kb.embed.now import in_order, numbered
from kb.embed.options import Options, World, check_numbers, sendable_key
from kb.embed.prompts import prompt_warning, templates
from kb.embed.session import Session
from kb.embed.transport import Transport
from kb.embed.urls import bases, is_loopback
from kb.errors import EndpointError, Failure, failure
from kb.model import Embedded, EmbedItem, Profile

if TYPE_CHECKING:
    from kb.embed.plain import Plain
    from kb.model import Vector

#: Whoever waits for an answer to a question is not kept waiting as long as a nightly run.
_QUERY_RETRIES: Final = 2
_QUERY_WAIT_S: Final = 5.0


class EndpointEmbedder(Embedder):
    """Embeds over HTTP. Outcomes come in any order; each item is answered once."""

    def __init__(self, session: Session, profile: Profile, options: Options, world: World) -> None:
        self._session = session
        self._profile = profile
        self._options = options
        self._world = world
        self._limits = Limits(options.max_input_tokens, count=session.count)
        self._sampling = False
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
        rules = Rules(
            blank=self._blank,
            too_long=self._limits.too_long,
            lessons=lambda: self._limits.lessons,
            begin=self._begin,
        )
        planner = Planner(items, self._load, rules=rules)
        return self._run(planner, Threads(self._carry), self._patience(self._options.retries))

    def embed_now(self, texts: Sequence[str]) -> list[Embedded]:
        """Give a few texts' outcomes in their order, in one request; waits less than `embed` does.

        Raises `EndpointError` when the endpoint cannot be used.
        """
        retries = min(_QUERY_RETRIES, self._options.retries)
        patience = self._patience(retries, longest_s=_QUERY_WAIT_S)
        # Nothing is asked beforehand, not even how long a text may be.
        rules = Rules(blank=self._blank, too_long=self._surely_too_long)
        planner = Planner(numbered(texts), self._load, rules=rules)
        return in_order(self._run(planner, Alone(self._carry), patience))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def probe(self) -> None:
        """Find out the vectors' length, and the input limit, by one smallest real request."""
        from kb.embed.lengths import take_limit

        patience = self._patience(self._options.retries)
        item = EmbedItem(key=b"", text=self._profile.passage(CANARY))
        planner = Planner([item], self._load)
        (outcome,) = self._run(planner, Alone(self._carry), patience)
        if outcome.vector is None:
            assert outcome.failure is not None
            raise EndpointError(outcome.failure)
        self._profile = replace(self._profile, dimensions=len(outcome.vector))
        listed = self._session.models()
        if not isinstance(listed, Trouble):
            take_limit(self._limits, listed, self._profile.model)
            self._remark([served.name for served in listed])

    def prepare(self, *, longest: int) -> None:
        """Find out how long a text may be, and count the first texts exactly.

        One `GET /models` unless it was asked already. Where no limit is listed or set, the
        endpoint is tried with a text of more than `longest` tokens: it may cut it and say nothing.
        Raises `EndpointError` (`embed.input_too_long`) where the passage template leaves no room.
        """
        from kb.embed.lengths import check_room, find_limit, try_length

        self._sampling = True
        find_limit(self._limits, self._session, self._profile.model)
        if self._limits.most is None:
            try_length(self._limits, self._vector_now, longest, self._world.notify)
        check_room(self._limits, self._profile)

    def _remark(self, names: list[str]) -> None:
        """Say so where the model is not among those that the endpoint lists."""
        model = self._profile.model
        if model not in names and self._world.notify is not None:
            self._world.notify(
                f"the endpoint lists {', '.join(names)} and not {model}, but answered: "
                "such a server ignores the name, so check that it serves what you mean"
            )

    def _vector_now(self, text: str) -> Vector | None:
        (outcome,) = self.embed_now([text])
        return outcome.vector

    def _begin(self, pieces: Sequence[Piece]) -> None:
        """Have a few of the first texts counted, where a batch may hold no more than those."""
        if not self._sampling or 4 * sum(piece.tokens for piece in pieces) < self._load.tokens:
            return
        from kb.embed.lengths import sampled_factor

        self._sampling = False
        self._load.factor = sampled_factor(self._limits, pieces) or self._load.factor

    def _surely_too_long(self, text: str) -> Failure | None:
        most = self._limits.most
        if most is None or len(text) < most or surely(text) <= most:
            return None
        return failure(
            "embed.input_too_long",
            f"The text is longer than the {most:,} tokens that the model accepts.",
        )

    @property
    def _blank(self) -> tuple[str, ...]:
        return ("", self._profile.passage(""), self._profile.query(""))

    def _run(self, planner: Planner, crew: Crew, patience: Patience) -> Iterator[Embedded]:
        tools = Tools(
            ask=self._session.ask,
            window=self._window,
            load=self._load,
            patience=patience,
            timing=self._world.timing,
        )
        return Run(planner, crew, tools).outcomes()

    def _carry(self, flight: Flight) -> Flight:
        texts = flight.job.texts
        found = self._by_now_too_long(texts)
        if found is not None:
            return replace(flight, result=Trouble(action=Action.REFUSED, failure=found))
        started = time.monotonic()
        result = self._session.ask(texts, self._load.timeout(flight.job.tokens))
        seconds = time.monotonic() - started
        if isinstance(result, Answer):
            self._limits.saw(texts, result.tokens)
        elif result.failure.code == "embed.input_too_long":
            self._limits.refused(texts, str(result.failure.detail.get("body", "")))
        return replace(flight, result=result, seconds=seconds)

    def _by_now_too_long(self, texts: Sequence[str]) -> Failure | None:
        """Give the failure of a text that was planned before a refusal taught better."""
        if not self._limits.lessons:
            return None
        found = (self._limits.too_long(text) for text in texts)
        return next((each for each in found if each is not None), None)

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
        _transport(first, key, connections=window.most, brief=world.brief),
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


def _transport(base: str, key: str | None, *, connections: int, brief: bool) -> Transport | Plain:
    if brief:
        from kb.embed.plain import Plain, is_plain

        if is_plain(base):
            return Plain(base, api_key=key)
    return Transport(base, api_key=key, connections=connections)


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
        if listed.action in {Action.FATAL, Action.REFUSED, Action.TOO_MANY}:
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

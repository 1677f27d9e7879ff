"""Asks one reranker how well passages answer a question, and finds out how it wants to be asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kb.embed.batches import sendable
from kb.embed.count import weigh
from kb.embed.errors_map import Scene, retry_after
from kb.embed.limits import named_limit
from kb.embed.reranking import refusals
from kb.embed.reranking.addresses import addresses, models_address
from kb.embed.reranking.answers import FaultError, read_scores, tokens_of
from kb.embed.reranking.options import RerankOptions
from kb.embed.reranking.prompts import BARE_TOKENS, Prompts, bare, is_qwen3, qwen3
from kb.embed.transport import Reply, UnansweredError
from kb.errors import StageError

if TYPE_CHECKING:
    from kb.embed.plain import Plain
    from kb.embed.transport import Transport

#: What `GET /models` may take, and what is waited at most for a busy server, in seconds.
_LIST_S: Final = 5.0
_WAIT_S: Final = 2.0
#: No reranker reads less than so many tokens; a passage is not cut shorter.
_SHORTEST: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a reranker says of some passages; a higher score is better."""

    #: One for each passage, in their order; None where the server gave none.
    values: tuple[float | None, ...]
    #: The whole address that answered, and the model as far as its name is known.
    address: str
    model: str | None
    #: The prompts that were written around the texts: "none" or "qwen3".
    prompts: str
    #: How many passages were not read to their end.
    cut: int = 0


@dataclass(slots=True, kw_only=True)
class _Talk:
    """One conversation: how the server wants to be asked, as far as that was found out."""

    #: The addresses not yet ruled out, the one in use first.
    left: tuple[str, ...]
    model: str | None
    prompts: Prompts
    deadline: float
    #: How many passages a request may hold.
    batch: int
    #: What the server calls the passages: text-embeddings-inference has "texts".
    called: str = "documents"
    #: How many tokens of each passage are sent, about; None: all.
    most: int | None = None
    waited: bool = False

    @property
    def seconds(self) -> float:
        """How much time is left."""
        return max(0.1, self.deadline - time.monotonic())


class Reranker:
    """One reranker. Nothing is sent before `scores`; raises `UsageError` on a bad address."""

    def __init__(
        self,
        options: RerankOptions,
        *,
        sleep: Callable[[float], None] = time.sleep,
        brief: bool = True,
    ) -> None:
        self._options = options
        self._addresses = addresses(options.base_url)
        self._sleep = sleep
        self._brief = brief
        self._opened: Transport | Plain | None = None

    def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Score each passage as an answer to the question; a few requests at most.

        A passage that is too long is cut, for scoring alone. Raises `StageError`
        (`search.rerank_unreachable`, `search.rerank_refused`, `search.rerank_invalid`).
        """
        talk = _Talk(
            left=self._addresses,
            model=self._options.model,
            prompts=bare(),
            deadline=time.monotonic() + self._options.patience,
            batch=len(passages),
        )
        talk.model = talk.model or self._only_model(talk)
        talk.prompts = self._prompts(talk)
        texts = [sendable(each) for each in passages]
        values: list[float | None] = []
        while len(values) < len(texts):
            some = texts[len(values) : len(values) + talk.batch]
            values += self._asked(talk, sendable(question), some) or ()
        return Scores(
            values=tuple(values),
            address=talk.left[0],
            model=talk.model,
            prompts=talk.prompts.name,
            cut=sum(_cut(each, talk.most) != each for each in texts),
        )

    def _prompts(self, talk: _Talk) -> Prompts:
        """Choose the prompts; where the model wants a template, see who writes it."""
        name = self._options.prompts or ("qwen3" if is_qwen3(talk.model) else "none")
        if name == "none" or (self._options.prompts is None and self._templated(talk)):
            return bare()
        return qwen3()

    def _templated(self, talk: _Talk) -> bool:
        """Tell whether the server writes a template of its own: it counts what it reads."""
        reply = self._sent(talk, "a", ["b"])
        counted = tokens_of(reply.body) if reply.status == 200 else None
        return counted is not None and counted > BARE_TOKENS

    def _asked(
        self, talk: _Talk, question: str, texts: list[str]
    ) -> tuple[float | None, ...] | None:
        """Ask once; None where something was learnt and it has to be asked again."""
        sent = [talk.prompts.passage(_cut(each, talk.most)) for each in texts]
        reply = self._sent(talk, talk.prompts.query(question), sent)
        scene = self._scene(talk)
        if reply.status == 200:
            try:
                return read_scores(reply.body, count=len(texts))
            except FaultError as fault:
                raise StageError(refusals.nonsense(scene, reply, str(fault))) from None
        trouble = refusals.trouble_of(scene, reply)
        if refusals.is_too_many(trouble) and len(texts) > 1:
            talk.batch = (len(texts) + 1) // 2
        elif not (refusals.is_too_long(trouble) and _shortened(talk, reply, question, texts)):
            raise StageError(refusals.refused(scene, reply))
        return None

    def _sent(self, talk: _Talk, question: str, texts: list[str]) -> Reply:
        """Send the request where and as the server takes it; raises `StageError` on silence."""
        first: Reply | None = None
        while True:
            reply = self._posted(talk, question, texts)
            if refusals.wants_texts(reply) and talk.called == "documents":
                talk.called = "texts"
            elif refusals.is_wrong_path(reply):
                first = first or reply
                if len(talk.left) == 1:
                    scene = self._scene(talk, self._addresses[0])
                    raise StageError(refusals.refused(scene, first, self._addresses))
                talk.left = talk.left[1:]
            elif not self._worth_waiting(talk, reply):
                return reply

    def _worth_waiting(self, talk: _Talk, reply: Reply) -> bool:
        """Wait once, and briefly, for a server that may be able to answer in a moment."""
        if talk.waited or reply.status == 200:
            return False
        asked = retry_after(reply.headers, now=datetime.now(UTC))
        wait = _WAIT_S / 4 if asked is None else asked
        if not refusals.may_pass(refusals.trouble_of(self._scene(talk), reply)) or wait > _WAIT_S:
            return False
        talk.waited = True
        self._sleep(wait)
        return True

    def _posted(self, talk: _Talk, question: str, texts: list[str]) -> Reply:
        body: dict[str, Any] = {"query": question, talk.called: texts}
        if talk.model is not None:
            body["model"] = talk.model
        if talk.called == "texts":
            body["truncate"] = True
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            return self._transport.post(talk.left[0], data, timeout=talk.seconds)
        except UnansweredError as error:
            raise StageError(refusals.silent(self._scene(talk), error)) from None

    def _only_model(self, talk: _Talk) -> str | None:
        """Give the one model that the server lists; None where it lists none or several."""
        address = models_address(self._addresses[0])
        try:
            reply = self._transport.get(address, timeout=min(_LIST_S, talk.seconds))
            listed = json.loads(reply.body) if reply.status == 200 else None
        except (UnansweredError, ValueError, RecursionError):
            return None
        data = listed.get("data") if isinstance(listed, dict) else None
        entries = data if isinstance(data, list) else []
        names = [each.get("id") for each in entries if isinstance(each, dict)]
        return names[0] if len(names) == 1 and isinstance(names[0], str) else None

    @property
    def _transport(self) -> Transport | Plain:
        if self._opened is None:
            self._opened = _transport(self._addresses[0], self._options.api_key, brief=self._brief)
        return self._opened

    def _scene(self, talk: _Talk, address: str | None = None) -> Scene:
        return Scene(
            base=address or talk.left[0], model=talk.model or "", api_key=self._options.api_key
        )


def _shortened(talk: _Talk, reply: Reply, question: str, texts: list[str]) -> bool:
    """Send less of each passage from now on; False where no less can be sent."""
    longest = min(max(map(weigh, texts)), talk.most or 10**9)
    most = longest // 2
    named = named_limit(reply.body[:4096].decode(errors="replace"))
    if named is not None:
        # The question is told in full, and weighing is not counting.
        room = 4 * (named - weigh(question) - talk.prompts.tokens) // 5
        most = room if _SHORTEST <= room < longest else most
    talk.most = most
    return most >= _SHORTEST


def _cut(text: str, most: int | None) -> str:
    """Give the beginning of the text that weighs about `most` tokens."""
    if most is None or (weight := weigh(text)) <= most:
        return text
    return text[: max(1, len(text) * most // weight)]


def _transport(address: str, key: str | None, *, brief: bool) -> Transport | Plain:
    from kb.embed.plain import Plain, is_plain

    if brief and is_plain(address):
        return Plain(address, api_key=key)
    from kb.embed.transport import Transport

    return Transport(address, api_key=key, connections=1)

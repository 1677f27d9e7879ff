"""Asks one endpoint for the embeddings of some texts, and finds out how it wants to be asked."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kb.embed.answers import Answer, Fault, read_answer
from kb.embed.errors_map import Action, Field, Scene, Trouble, of_fault, of_reply, of_silence
from kb.embed.limits import Counted
from kb.embed.transport import Reply, Transport, UnansweredError
from kb.errors import Failure, failure

if TYPE_CHECKING:
    from kb.embed.plain import Plain

Result: TypeAlias = Answer | Trouble

#: How long `GET /models` may take, in seconds, and `POST /tokenize`.
LIST_S: Final = 10.0
_COUNT_S: Final = 10.0
#: A server that leaves so many questions for a count unanswered is not asked again.
_UNCOUNTED: Final = 3
#: What does not speak of an embedding server at the address that was tried.
_NOBODY: Final = frozenset(
    {"embed.wrong_path", "embed.invalid_response", "embed.unreachable", "embed.timeout"}
)
#: Statuses that say nothing of whether there is a `/tokenize`.
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_VERSION: Final = re.compile(r"/v\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model that `GET /models` lists."""

    name: str
    #: The longest input in tokens, where the server says so.
    max_model_len: int | None


@dataclass(frozen=True, slots=True)
class _Form:
    """Which optional fields a request carries. None is ever sent as null: servers refuse that."""

    fields: frozenset[Field]


class Session:
    """One endpoint and what was learnt about it; safe to use from several threads.

    `dimensions` is the length that is asked for (only when configured); `expected` the length
    that an answer must have (from the pinned profile, or the first answer).
    """

    def __init__(
        self,
        transport: Transport | Plain,
        scene: Scene,
        others: Sequence[str],
        *,
        dimensions: int | None = None,
        expected: int | None = None,
    ) -> None:
        self.scene = scene
        self._transport = transport
        self._others = tuple(others)
        self._wanted = dimensions
        self._expected = expected or dimensions
        self._proven = False
        self._models: tuple[Served, ...] | None = None
        #: How many more times a count may be asked for in vain; 0: there is no `/tokenize`.
        self._counts = _UNCOUNTED
        fields: set[Field] = {"encoding_format"}
        if dimensions:
            fields.add("dimensions")
        self._form = _Form(frozenset(fields))

    def ask(self, texts: Sequence[str], timeout: float) -> Result:
        """Give the embeddings of the texts, or what kept them from coming. Never raises."""
        result = self._simplified(texts, timeout)
        if isinstance(result, Trouble) and not self._proven:
            result = self._explained(result, texts, timeout)
        if isinstance(result, Trouble):
            return result
        self._proven = True
        self._expected = result.rows.shape[1]
        return result

    def models(self) -> tuple[Served, ...] | Trouble:
        """Give what `GET /models` lists, from the first address that has such a list; asks once."""
        if self._models is not None:
            return self._models
        first: Trouble | None = None
        # Where vectors came from, there is no other address to look for.
        for base in (self.scene.base, *(() if self._proven else self._others)):
            listed = self._listed(base)
            if not isinstance(listed, Trouble):
                self._move(base)
                self._models = listed
                return listed
            first = first or listed
            if listed.failure.code not in {"embed.wrong_path", "embed.invalid_response"}:
                break
        assert first is not None
        return first

    def count(self, text: str) -> Counted | None:
        """Give the text's length as `POST /tokenize` counts it; None where that is not answered.

        vLLM has it, outside /v1. What a model adds to each text is counted.
        """
        if self._counts <= 0:
            return None
        asked = {"model": self.scene.model, "prompt": text, "add_special_tokens": True}
        sent = json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            root = _VERSION.sub("", self.scene.base)
            reply = self._transport.post(f"{root}/tokenize", sent, timeout=_COUNT_S)
        except UnansweredError:
            self._counts -= 1
            return None
        counted = _counted(reply)
        if counted is not None:
            self._counts = _UNCOUNTED
        else:
            self._counts = self._counts - 1 if reply.status in _LATER else 0
        return counted

    def use(self, model: str) -> None:
        """Name the model in every later request."""
        self.scene = replace(self.scene, model=model)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _simplified(self, texts: Sequence[str], timeout: float) -> Result:
        """Ask; where an optional field is refused, ask without it, and remember if that helps."""
        form = self._form
        result = self._post(self.scene.base, texts, form, timeout)
        while isinstance(result, Trouble) and result.without in form.fields:
            form = _Form(form.fields - {result.without})
            second = self._post(self.scene.base, texts, form, timeout)
            if isinstance(second, Answer):
                self._form = form
            elif second.failure.code == "embed.dimension_mismatch":
                return _fixed_length(result, second)
            result = second
        return result

    def _post(self, base: str, texts: Sequence[str], form: _Form, timeout: float) -> Result:
        body: dict[str, Any] = {"model": self.scene.model, "input": list(texts)}
        if "encoding_format" in form.fields:
            body["encoding_format"] = "base64"
        if "dimensions" in form.fields:
            body["dimensions"] = self._wanted
        sent = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        # Where vectors came from just now, the address is not the trouble.
        scene = replace(self.scene, base=base, inside=self.scene.inside and not self._proven)
        try:
            reply = self._transport.post(f"{base}/embeddings", sent, timeout=timeout)
        except UnansweredError as error:
            return of_silence(scene, error)
        if reply.status != 200:
            return of_reply(scene, reply)
        answer = read_answer(reply.body, count=len(texts), dimensions=self._expected)
        if isinstance(answer, Fault):
            return of_fault(scene, reply, answer, proven=self._proven)
        return answer

    def _explained(self, trouble: Trouble, texts: Sequence[str], timeout: float) -> Result:
        """Look around once where the very first answers say that the address or model is wrong."""
        code = trouble.failure.code
        if code == "embed.model_not_found":
            return replace(trouble, failure=self._which_models(trouble.failure))
        if code != "embed.wrong_path":
            return trouble
        for base in self._others:
            result = self._post(base, texts, self._form, timeout)
            if isinstance(result, Answer) or result.failure.code not in _NOBODY:
                self._move(base)
                return result
        return replace(trouble, failure=self._which_404(trouble.failure))

    def _which_404(self, found: Failure) -> Failure:
        """Tell a wrong address from a server that only generates text and lists its models."""
        listed = self._listed(self.scene.base)
        if isinstance(listed, Trouble) or found.detail["status"] != 404:
            tried = [f"{base}/embeddings" for base in (self.scene.base, *self._others)]
            return replace(found, detail=found.detail | {"tried": tried})
        names = [served.name for served in listed]
        return failure(
            "embed.not_embedding_model",
            f"{self.scene.base} serves {', '.join(names) or 'no model'}, "
            "but there is no /embeddings: the model generates text and does not embed it.",
            **found.detail | {"served": names},
        )

    def _which_models(self, found: Failure) -> Failure:
        listed = self._listed(self.scene.base)
        if isinstance(listed, Trouble):
            return found
        names = [served.name for served in listed]
        hint = f"Set KB_MODEL to one of: {', '.join(names)}." if names else found.hint
        return replace(found, hint=hint, detail=found.detail | {"served": names})

    def _listed(self, base: str) -> tuple[Served, ...] | Trouble:
        scene = replace(self.scene, base=base)
        try:
            reply = self._transport.get(f"{base}/models", timeout=LIST_S)
        except UnansweredError as error:
            return of_silence(scene, error)
        if reply.status != 200:
            return of_reply(scene, reply)
        return _served(reply) or of_fault(
            scene,
            reply,
            Fault("embed.invalid_response", f"{base}/models does not list models.", stranger=True),
            proven=False,
        )

    def _move(self, base: str) -> None:
        if base != self.scene.base:
            self._others = tuple(each for each in (self.scene.base, *self._others) if each != base)
            self.scene = replace(self.scene, base=base)


def _served(reply: Reply) -> tuple[Served, ...]:
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return ()
    data = answer.get("data") if isinstance(answer, dict) else None
    entries = data if isinstance(data, list) else []
    return tuple(
        Served(name=entry["id"], max_model_len=_positive(entry.get("max_model_len")))
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    )


def _counted(reply: Reply) -> Counted | None:
    if reply.status != 200:
        return None
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    answer = answer if isinstance(answer, dict) else {}
    tokens = _positive(answer.get("count"))
    if tokens is None:
        return None
    return Counted(tokens=tokens, max_model_len=_positive(answer.get("max_model_len")))


def _positive(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None


def _fixed_length(refused: Trouble, second: Trouble) -> Trouble:
    """Say that `dimensions` is refused and the model's own length is not the one configured."""
    found = replace(
        refused.failure,
        message="The endpoint refuses to shorten its vectors: " + second.failure.message,
        hint="Unset KB_DIMENSIONS, or let the server shorten them "
        """(vLLM: --hf-overrides '{"is_matryoshka": true}').""",
    )
    return replace(refused, action=Action.FATAL, failure=found)

"""A real HTTP server that reranks as vLLM, Jina, Cohere and text-embeddings-inference do.

    with FakeReranker("jina", api_key="k") as fake:
        fake.faults.status = 503            # every fault is one field of `RerankFaults`

A passage's score is `fake.score(question, passage)`: the share of the question's words that it
holds, or what `fake.liked` gives a passage that holds a text. All fields may be changed while it
runs.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Dialect to the paths that it answers at.
PATHS = {
    "vllm": ("/v1/rerank", "/rerank", "/v2/rerank"),
    "jina": ("/v1/rerank",),
    "cohere": ("/v2/rerank",),
    "tei": ("/rerank",),
}


@dataclass
class RerankFaults:
    """What goes wrong. Everything off: the server answers as its dialect does."""

    #: Answer with this status, `times` of them where that is set, and with this body.
    status: int | None = None
    times: int | None = None
    body: bytes = b'{"error": {"message": "The fake fails."}}'
    retry_after: str | None = None
    #: Put this in place of the 200's body, whatever was asked.
    answer: bytes | None = None
    #: Leave out the worst so many results.
    drop: int = 0
    #: More words than this in question and passage together is refused, as vLLM does it.
    max_words: int | None = None
    #: Whether that refusal names the limit.
    names_limit: bool = True
    #: More passages than this in one request is refused, as text-embeddings-inference does it.
    max_batch: int | None = None
    #: Say nothing at all (the fake's end cuts it short).
    hang: bool = False
    #: Repeat what was sent, the key too, in the body of a refusal.
    echo: bool = False


@dataclass(frozen=True)
class RerankRequest:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class FakeReranker:
    """The server; a context manager. `url` is its root."""

    dialect: str = "vllm"
    model: str = "fake-reranker"
    api_key: str | None = None
    #: Tokens that the server's own template adds to each pair.
    template_tokens: int = 0
    #: A passage that holds the text gets this score.
    liked: dict[str, float] = field(default_factory=dict)
    faults: RerankFaults = field(default_factory=RerankFaults)
    requests: list[RerankRequest] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> FakeReranker:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.fake = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def asked(self) -> list[RerankRequest]:
        """The requests that wanted scores."""
        return [each for each in self.requests if each.method == "POST"]

    def score(self, question: str, passage: str) -> float:
        for text, score in self.liked.items():
            if text in passage:
                return score
        wanted = set(re.findall(r"\w+", question.lower()))
        return len(wanted & set(re.findall(r"\w+", passage.lower()))) / max(1, len(wanted))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    fake: FakeReranker

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    wbufsize = -1

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        fake = self.server.fake
        fake.requests.append(RerankRequest("GET", self.path, dict(self.headers.items()), None))
        if fake.dialect == "vllm" and self.path == "/v1/models" and self._welcome(fake):
            self._json(200, {"object": "list", "data": [{"id": fake.model, "object": "model"}]})
        elif self.path != "/v1/models" or fake.dialect != "vllm":
            self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        fake = self.server.fake
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        fake.requests.append(RerankRequest("POST", self.path, dict(self.headers.items()), body))
        if fake.faults.hang:
            fake.ending.wait(60)
            self.close_connection = True
        elif self.path not in PATHS[fake.dialect]:
            self._json(404, {"detail": "Not Found"})
        elif self._welcome(fake) and not self._refused(fake, body):
            self._answered(fake, body)

    def _welcome(self, fake: FakeReranker) -> bool:
        if fake.api_key and self.headers.get("Authorization") != f"Bearer {fake.api_key}":
            self._json(401, {"error": "Unauthorized"})
            return False
        return True

    def _refused(self, fake: FakeReranker, body: Any) -> bool:
        faults = fake.faults
        if faults.status is not None and (faults.times is None or faults.times > 0):
            if faults.times is not None:
                faults.times -= 1
            self._send(faults.status, faults.body)
            return True
        called = "texts" if fake.dialect == "tei" else "documents"
        found = _complaint(fake, body, called)
        if found is not None:
            self._json(*found)
        return found is not None

    def _answered(self, fake: FakeReranker, body: Any) -> None:
        if fake.faults.answer is not None:
            self._send(200, fake.faults.answer)
            return
        passages = body["texts" if fake.dialect == "tei" else "documents"]
        scores = [(fake.score(body["query"], each), at) for at, each in enumerate(passages)]
        scores.sort(reverse=True)
        scores = scores[: len(scores) - fake.faults.drop]
        if fake.dialect == "tei":
            self._json(200, [{"index": at, "score": score} for score, at in scores])
            return
        results: list[dict[str, Any]] = [
            {"index": at, "relevance_score": score} for score, at in scores
        ]
        if fake.dialect == "vllm":
            for each in results:
                each["document"] = {"text": passages[each["index"]], "multi_modal": None}
        words = sum(_words(body["query"]) + _words(each) for each in passages)
        tokens = words + fake.template_tokens * len(passages)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        self._json(200, {"id": "x", "model": fake.model, "usage": usage, "results": results})

    def _json(self, status: int, body: Any) -> None:
        fake = self.server.fake
        if fake.faults.echo and status >= 400:
            body = {"error": {"message": "no", "seen": dict(self.headers.items())}}
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, sent: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        if self.server.fake.faults.retry_after is not None and status >= 400:
            self.send_header("Retry-After", self.server.fake.faults.retry_after)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(sent)
            self.wfile.flush()


def _complaint(fake: FakeReranker, body: Any, called: str) -> tuple[int, Any] | None:
    if called not in body:
        message = f"Failed to deserialize the JSON body: missing field `{called}` at line 1"
        return 422, {"error": message}
    if fake.dialect in {"jina", "cohere"} and "model" not in body:
        return 422, {"detail": "model: field required"}
    if fake.dialect != "tei" and body.get("model", fake.model) != fake.model:
        message = f"The model `{body['model']}` does not exist."
        return 404, {"error": {"message": message, "type": "NotFoundError", "code": 404}}
    faults = fake.faults
    if faults.max_batch is not None and len(body[called]) > faults.max_batch:
        message = f"batch size {len(body[called])} > maximum allowed batch size {faults.max_batch}"
        return 422, {"error": message, "error_type": "Validation"}
    longest = max(_words(body["query"]) + _words(each) for each in body[called])
    if faults.max_words is not None and longest > faults.max_words:
        named = f" is {faults.max_words} tokens" if faults.names_limit else " was exceeded"
        message = f"This model's maximum context length{named}. Please reduce the length."
        return 400, {"error": {"message": message, "type": "BadRequestError", "code": 400}}
    return None


def _words(text: str) -> int:
    return len(text.split())

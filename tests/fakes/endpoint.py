"""A real HTTP server that answers as embedding servers do, and fails as they do, on request.

    with FakeEndpoint() as fake:
        fake.faults.status = 503            # every fault is one field of `Faults`
        run("kb", "ingest", ..., env={"KB_BASE_URL": fake.base_url})
        assert fake.embedded[0].body["input"]

Vectors are the sum of one hashed direction per word, so texts that share words lie close, the
same text always gets the same vector, and `fake.vector(text)` says which. All fields may be
changed while it runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

PLAIN_404 = {"detail": "Not Found"}
#: The fake's tokens: Chinese, Japanese and Korean characters one by one, and words.
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(f"[{_WIDE}]|[^\\s{_WIDE}]+")


def tokens(text: str) -> int:
    """How many tokens the fake counts in a text, without the ones that a model adds."""
    return len(_TOKEN.findall(text))


@dataclass
class Faults:
    """What goes wrong. Everything off: the server answers as vLLM does."""

    #: Answer every embedding request with this status; `times` of them where that is set.
    status: int | None = None
    times: int | None = None
    #: The body of that answer; None: an error object as vLLM's.
    body: Any = None
    retry_after: str | None = None
    location: str | None = None

    #: Fail this share of the requests, at random but alike in each run, in one of these ways:
    #: a status, or "reset", "stall", "truncated", "html", "error200", "empty", "short", "nan".
    random_rate: float = 0.0
    random_kinds: tuple[int | str, ...] = (429, 500, 502, 503, "reset", "truncated")
    seed: int = 0

    #: Shape of a 200.
    shuffle: bool = False
    no_index: bool = False
    same_index: bool = False
    #: Leave out so many vectors, where the request holds `drop_only_from` texts or more.
    drop: int = 0
    drop_only_from: int = 1
    extra: int = 0
    dimensions: int | None = None
    #: "nan", "inf", "zero" for texts that hold `bad_text` ("" is in every text).
    bad_vector: str | None = None
    bad_text: str = ""
    html: bool = False
    truncated: bool = False
    error200: bool = False
    empty: bool = False
    chat: bool = False
    float_only: bool = False
    scale: float = 1.0
    #: Other weights behind the same name: all vectors lie elsewhere.
    salt: str = ""
    #: Untrained weights: all vectors lie together, whatever the text.
    alike: bool = False
    #: The same text gets another vector each time, this far away.
    noise: float = 0.0
    #: vLLM counts tokens (here: words); infinity counts characters; None: no usage at all.
    usage: str | None = "words"

    #: What is refused.
    refuse_encoding: bool = False
    refuse_dimensions: bool = False
    #: A text that holds this makes its whole request fail with `poison_status` (0: it kills the
    #: connection).
    poison: str | None = None
    poison_status: int = 400
    #: More words than this in one text is a 400 as vLLM gives it.
    max_words: int | None = None
    #: Only so many words of a text are read, and nothing is said, as llama.cpp and infinity do.
    cut_at: int | None = None
    #: More texts than this in one request is a 503, as with --max-num-queued-reqs.
    max_batch: int | None = None
    #: More requests than this at once is a 429.
    max_parallel: int | None = None
    #: Repeat the key, or the texts, in the body of an error.
    echo_key: bool = False
    echo_text: bool = False

    #: A web page in place of everything, /models and /health too, as another program's port gives.
    web_page: str | None = None
    #: The engine is dead or stuck: only requests that embed hang; `/health` says this.
    hang_embeddings: bool = False
    health: int | None = 200

    #: Transport.
    reset: bool = False
    #: Say nothing for so many seconds (the fake's end cuts it short).
    stall_s: float = 0.0
    #: Send the answer's first half, then one byte after each so many seconds.
    drip_s: float = 0.0
    #: Say nothing to so many requests at all.
    stall_first: int = 0
    #: Take so many seconds for each request.
    slow_s: float = 0.0
    #: Close each connection after its answer, without saying so.
    hang_up: bool = False
    #: Close each connection when its second request comes, as when both cross on the way.
    hang_up_late: bool = False


@dataclass(frozen=True)
class Request:
    """One request as it arrived, and the status it got (0: none)."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: list[int] = field(default_factory=list)


class FakeEndpoint:
    """The server. `base_url` ends in `prefix`; `listen=False` leaves it off until `start()`."""

    def __init__(
        self,
        *,
        dimensions: int = 16,
        model: str = "fake-embed",
        models: tuple[str, ...] | None = None,
        max_model_len: int | None = 8192,
        api_key: str | None = None,
        auth_body: Any = None,
        prefix: str = "/v1",
        generate_only: bool = False,
        listen: bool = True,
        tokenize: bool = True,
        specials: int = 0,
        version: str | None = "0.32.0",
    ) -> None:
        self.dimensions = dimensions
        self.model = model
        self.models = (model,) if models is None else models
        self.max_model_len = max_model_len
        self.api_key = api_key
        self.auth_body = auth_body or {"error": "Unauthorized"}
        self.prefix = prefix
        self.generate_only = generate_only
        #: Accept any model, as infinity and llama.cpp do.
        self.accept_any_model = False
        #: Whether there is a POST /tokenize, and how many tokens the model adds to each text.
        self.tokenize, self.specials = tokenize, specials
        #: What GET /version says; None: there is none (nor /metrics), as with llama.cpp.
        self.version = version
        self.faults = Faults()
        #: Path to the address that a 307 sends it to.
        self.redirects: dict[str, str] = {}
        self.requests: list[Request] = []
        self.open: set[socket.socket] = set()
        self.connections, self.parallel, self.most_parallel = 0, 0, 0
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self._random = random.Random()
        self._seeded: int | None = None
        self._server: _Server | None = None
        self.port = _free_port()
        if listen:
            self.start()

    # -- for tests ---------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def embedded(self) -> list[Request]:
        """The embedding requests, in the order they came."""
        return [r for r in self.requests if r.path.endswith("/embeddings") and r.method == "POST"]

    @property
    def texts(self) -> list[str]:
        """All texts that were sent, in the order they came."""
        return [text for request in self.embedded for text in request.body["input"]]

    def vector(self, text: str) -> np.ndarray:
        """The unit vector (float32) of a text."""
        return _vector(text, self.dimensions, self.faults.salt)

    def drawn(self, text: str) -> np.ndarray:
        """What it answers for a text, with the faults that move vectors."""
        faults = self.faults
        if faults.cut_at is not None:
            ends = [found.end() for found in _TOKEN.finditer(text)][: faults.cut_at]
            text = text[: ends[-1]] if ends else text
        vector = self.vector(text)
        if faults.alike:
            vector = self.vector("") + 1e-3 * vector
        if faults.noise:
            with self.lock:
                drawn = self._random.gauss(0, 1)
            away = _direction(f"{drawn}", self.dimensions)
            vector = vector + faults.noise * away / np.linalg.norm(away)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def start(self) -> None:
        """Begin to answer (until then connections are refused: a server that is loading)."""
        server = _Server(("127.0.0.1", self.port), _Handler)
        server.fake = self
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop answering; connections are refused from now on."""
        self.ending.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self.lock:
            for connection in self.open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> FakeEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- for the handler ---------------------------------------------------------------

    def draw(self) -> int | str | None:
        """The random fault of this request, if any."""
        faults = self.faults
        with self.lock:
            if self._seeded != faults.seed:
                self._seeded = faults.seed
                self._random.seed(faults.seed)
            if faults.random_rate and self._random.random() < faults.random_rate:
                return self._random.choice(faults.random_kinds)
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    fake: FakeEndpoint

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    # Headers and body leave in one piece; else delayed acknowledgements cost 40 ms each.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._served = 0
        fake = self.server.fake
        with fake.lock:
            fake.connections += 1
            fake.open.add(self.connection)

    def finish(self) -> None:
        with self.server.fake.lock:
            self.server.fake.open.discard(self.connection)
        super().finish()

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        fake = self.server.fake
        self._record(None)
        if fake.faults.web_page is not None:
            self._send(200, fake.faults.web_page.encode(), "text/html; charset=utf-8")
        elif self.path in {"/health", "/version", "/metrics"}:
            self._about(fake)
        elif not self.path.startswith(f"{fake.prefix}/"):
            self._json(404, PLAIN_404)
        elif not self._welcome():
            pass
        elif self.path != f"{fake.prefix}/models" or not fake.models:
            self._json(404, PLAIN_404)
        else:
            entries = [
                {"id": name, "object": "model", "max_model_len": fake.max_model_len}
                for name in fake.models
            ]
            self._json(200, {"object": "list", "data": entries})

    def _about(self, fake: FakeEndpoint) -> None:
        """Answer as vLLM does outside /v1, where no key is asked for."""
        if self.path == "/health" and fake.faults.health is not None:
            self._send(fake.faults.health, b"")
        elif self.path == "/version" and fake.version is not None:
            self._json(200, {"version": fake.version})
        elif self.path == "/metrics" and fake.version is not None:
            lines = [
                "# TYPE vllm:prefix_cache_queries_total counter",
                f'vllm:prefix_cache_queries_total{{engine="0"}} {10.0 * len(fake.embedded)}',
                f'vllm:prefix_cache_hits_total{{engine="0"}} {4.0 * len(fake.embedded)}',
                f"vllm:num_requests_running {float(fake.parallel)}",
            ]
            self._send(200, "\n".join([*lines, ""]).encode(), "text/plain; version=0.0.4")
        else:
            self._json(404, PLAIN_404)

    def _tokenized(self, fake: FakeEndpoint, body: Any) -> None:
        if not isinstance(body, dict) or not isinstance(body.get("prompt"), str):
            self._json(400, _error("prompt: Field required", 400))
            return
        special = fake.specials if body.get("add_special_tokens", True) else 0
        count = tokens(body["prompt"]) + special
        answer = {"count": count, "max_model_len": fake.max_model_len, "tokens": [*range(count)]}
        self._json(200, answer | {"token_strs": None})

    def do_POST(self) -> None:
        fake = self.server.fake
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        self._record(body)
        with fake.lock:
            fake.parallel += 1
            fake.most_parallel = max(fake.most_parallel, fake.parallel)
            crowd = fake.parallel
        try:
            self._post(fake, body, crowd)
        finally:
            with fake.lock:
                fake.parallel -= 1

    def _post(self, fake: FakeEndpoint, body: Any, crowd: int) -> None:
        self._served += 1
        if fake.faults.web_page is not None:
            self._send(405, b"<html><body>Method Not Allowed</body></html>", "text/html")
        elif self.path == "/tokenize" and fake.tokenize:
            self._tokenized(fake, body)
        elif fake.faults.hang_up_late and self._served > 1:
            self.close_connection = True
        elif self.path in fake.redirects:
            self._send(307, b"", location=fake.redirects[self.path])
        elif not self.path.startswith(f"{fake.prefix}/"):
            self._json(404, PLAIN_404)
        elif self._welcome():
            self._answered(fake, body, crowd)

    def _answered(self, fake: FakeEndpoint, body: Any, crowd: int) -> None:
        if self.path != f"{fake.prefix}/embeddings" or fake.generate_only:
            self._json(404, PLAIN_404)
        elif (refused := _malformed(body)) is not None:
            self._json(400, _error(refused, 400))
        else:
            if isinstance(body["input"], str):
                body["input"] = [body["input"]]
            if not self._failed(fake, body, crowd):
                self._embed(fake, body, None)

    def _welcome(self) -> bool:
        fake = self.server.fake
        if fake.api_key and self.headers.get("Authorization") != f"Bearer {fake.api_key}":
            self._json(401, fake.auth_body)
            return False
        return True

    def _failed(self, fake: FakeEndpoint, body: Any, crowd: int) -> bool:
        """Answer with the fault that applies, if one does."""
        faults = fake.faults
        self._delay(fake)
        if faults.reset:
            self._reset()
            return True
        drawn = fake.draw()
        if drawn is not None:
            self._random_fault(fake, body, drawn)
            return True
        answer = self._refusal(fake, body, crowd)
        if answer is None:
            return False
        if answer[0] == 0:
            self._reset()
        else:
            self._json(*answer)
        return True

    def _delay(self, fake: FakeEndpoint) -> None:
        faults = fake.faults
        if faults.stall_s:
            fake.ending.wait(faults.stall_s)
        if faults.hang_embeddings:
            fake.ending.wait(600)
        if faults.stall_first > 0:
            faults.stall_first -= 1
            fake.ending.wait(60)
        if faults.slow_s:
            time.sleep(faults.slow_s)

    def _refusal(self, fake: FakeEndpoint, body: Any, crowd: int) -> tuple[int, Any] | None:
        faults = fake.faults
        if faults.status is not None and (faults.times is None or faults.times > 0):
            if faults.times is not None:
                faults.times -= 1
            return faults.status, faults.body or _error("The fake fails.", faults.status)
        if fake.models and body["model"] not in fake.models and not fake.accept_any_model:
            message = f"The model `{body['model']}` does not exist."
            return 404, _error(message, 404, "NotFoundError")
        return _refused_field(faults, body) or _refused_text(fake, body["input"], crowd)

    def _random_fault(self, fake: FakeEndpoint, body: Any, kind: int | str) -> None:
        if isinstance(kind, int):
            self._json(kind, _error("A random fault.", kind))
        elif kind == "reset":
            self._reset()
        elif kind == "stall":
            fake.ending.wait(60)
            self.close_connection = True
        else:
            self._embed(fake, body, kind)

    def _embed(self, fake: FakeEndpoint, body: Any, kind: str | None) -> None:
        faults, texts = fake.faults, body["input"]
        if kind == "html" or faults.html:
            self._send(200, b"<!DOCTYPE html><html><body>Welcome</body></html>", "text/html")
        elif kind == "error200" or faults.error200:
            self._json(200, _error("The upstream failed.", 500))
        elif kind == "empty" or faults.empty:
            self._json(200, {"object": "list", "data": []})
        elif faults.chat:
            choice = {"message": {"role": "assistant", "content": "Hello!"}}
            self._json(200, {"object": "chat.completion", "choices": [choice]})
        else:
            answer = self._answer(fake, body, texts, kind)
            sent = json.dumps(answer).encode()
            if kind == "truncated" or faults.truncated:
                sent = sent[: len(sent) // 2]
            self._send(200, sent)

    def _answer(self, fake: FakeEndpoint, body: Any, texts: list[str], kind: str | None) -> Any:
        faults = fake.faults
        data = [
            {"object": "embedding", "index": index, "embedding": self._packed(body, text, kind)}
            for index, text in enumerate(texts)
        ]
        for entry in data:
            if faults.no_index:
                del entry["index"]
            if faults.same_index:
                entry["index"] = 0
        if faults.shuffle:
            random.Random(len(data)).shuffle(data)
        dropped = faults.drop if len(texts) >= faults.drop_only_from else 0
        data = data[: len(data) - dropped - (kind == "short")]
        data += [data[-1] | {"index": len(data) + n} for n in range(faults.extra)]
        answer = {"object": "list", "model": fake.model, "data": data}
        if faults.usage is not None:
            count = sum(
                len(text) if faults.usage == "characters" else tokens(text) + fake.specials
                for text in texts
            )
            answer["usage"] = {"prompt_tokens": count, "total_tokens": count}
        return answer

    def _packed(self, body: Any, text: str, kind: str | None) -> Any:
        fake = self.server.fake
        length = fake.faults.dimensions or body.get("dimensions") or fake.dimensions
        vector = fake.drawn(text)[:length] * np.float32(fake.faults.scale)
        vector = np.resize(vector, length).astype("<f4")
        spoilt = "nan" if kind == "nan" else fake.faults.bad_vector
        if spoilt is not None and (kind == "nan" or fake.faults.bad_text in text):
            vector[:] = {"nan": np.nan, "inf": np.inf, "zero": 0.0}[spoilt]
        if body.get("encoding_format") == "base64" and not fake.faults.float_only:
            return base64.b64encode(vector.tobytes()).decode()
        return vector.tolist()

    # -- sending -----------------------------------------------------------------------

    def _record(self, body: Any) -> None:
        self._seen = Request(self.command, self.path, dict(self.headers.items()), body)
        self.server.fake.requests.append(self._seen)

    def _json(self, status: int, body: Any) -> None:
        fake = self.server.fake
        if fake.faults.echo_key and status >= 400:
            body = {"error": {"message": "bad request", "seen": self.headers.get("Authorization")}}
        if fake.faults.echo_text and status >= 400:
            body = {"detail": [{"msg": "refused", "input": (self._seen.body or {}).get("input")}]}
        self._send(status, json.dumps(body).encode())

    def _send(
        self,
        status: int,
        sent: bytes,
        kind: str = "application/json",
        location: str | None = None,
    ) -> None:
        faults = self.server.fake.faults
        self._seen.status.append(status)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        if faults.retry_after is not None and status in {429, 503}:
            self.send_header("Retry-After", faults.retry_after)
        location = location or faults.location
        if location is not None and 300 <= status < 400:
            self.send_header("Location", location)
        self.end_headers()
        self._write(sent)
        if faults.hang_up:
            self.close_connection = True

    def _write(self, sent: bytes) -> None:
        fake = self.server.fake
        if fake.faults.drip_s:
            middle = len(sent) // 2
            self.wfile.write(sent[:middle])
            sent = sent[middle:]
            while sent and not fake.ending.wait(fake.faults.drip_s):
                self.wfile.flush()
                self.wfile.write(sent[:1])
                sent = sent[1:]
        self.wfile.write(sent)
        self.wfile.flush()

    def _reset(self) -> None:
        """Close with RST: linger on, zero seconds."""
        self.close_connection = True
        self.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        self.connection.close()


def _refused_field(faults: Faults, body: Any) -> tuple[int, Any] | None:
    if faults.refuse_encoding and "encoding_format" in body:
        return 400, _error("encoding_format is not supported", 400)
    if faults.refuse_dimensions and "dimensions" in body:
        return 400, _error(
            "Model does not support Matryoshka embeddings; dimensions must be unset "
            f"(received dimensions={body['dimensions']}).",
            400,
        )
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _malformed(body: Any) -> str | None:
    """What vLLM would say against the shape of the request, if anything."""
    given = body.get("input") if isinstance(body, dict) else None
    if isinstance(given, str) or (
        isinstance(given, list) and given and all(isinstance(each, str) for each in given)
    ):
        return None
    return "Input should be a valid string or a list of strings that is not empty"


def _refused_text(fake: FakeEndpoint, texts: list[str], crowd: int) -> tuple[int, Any] | None:
    faults = fake.faults
    if faults.max_parallel is not None and crowd > faults.max_parallel:
        return 429, _error("Too many requests", 429)
    if faults.max_batch is not None and len(texts) > faults.max_batch:
        return 503, _error("The engine is currently busy", 503, "Service Unavailable")
    if faults.poison is not None and any(faults.poison in text for text in texts):
        return faults.poison_status, _error("This text is refused.", faults.poison_status)
    limit = faults.max_words
    if limit is not None and any(tokens(text) + fake.specials > limit for text in texts):
        return 400, _error(
            f"This model's maximum context length is {limit} tokens. However, your prompt "
            f"contains at least {limit + 1} input tokens (parameter=input_tokens)",
            400,
        )
    return None


def _error(message: str, status: int, kind: str = "BadRequestError") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


@lru_cache(maxsize=20_000)
def _direction(word: str, dimensions: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
    return np.random.default_rng(seed).standard_normal(dimensions)


@lru_cache(maxsize=20_000)
def _vector(text: str, dimensions: int, salt: str = "") -> np.ndarray:
    words = re.findall(r"[^\W_]", text) if not text.isascii() else re.findall(r"\w+", text.lower())
    total = sum((_direction(salt + word, dimensions) for word in words), np.zeros(dimensions))
    # The whole text adds a little, so that no two texts share a vector.
    total = total + 0.05 * _direction(text, dimensions)
    return (total / np.linalg.norm(total)).astype(np.float32)

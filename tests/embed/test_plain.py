"""The one request of a search: the same answers as through httpx, and its own few rules."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.embed import transport as module
from kb.embed.plain import Plain, is_plain
from kb.embed.transport import Reply, Transport, UnansweredError

BODY = b'{"input":["a"]}'


class Answering:
    """A server that answers each request with these bytes, as they stand, and hangs up."""

    def __init__(self) -> None:
        self.answer = b""
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                self.heard.append(_request(line))
                line.sendall(self.answer)


def _request(line: socket.socket) -> bytes:
    data = b""
    while BODY not in data:
        piece = line.recv(65536)
        if not piece:
            break
        data += piece
    return data


@pytest.fixture(scope="module")
def server() -> Iterator[Answering]:
    made = Answering()
    yield made
    made.close()


def _post(transport: Transport | Plain, url: str) -> Reply | str:
    try:
        return transport.post(f"{url}/embeddings", BODY, timeout=5)
    except UnansweredError as error:
        return error.kind
    finally:
        transport.close()


def _told(reply: Reply | str) -> object:
    if isinstance(reply, str):
        return reply
    return reply.status, reply.body, dict(reply.headers)


def _both(server: Answering) -> tuple[object, object]:
    plain = _post(Plain(server.url, api_key="sk-hunter2"), server.url)
    kept = _post(Transport(server.url, api_key="sk-hunter2", connections=1), server.url)
    return _told(plain), _told(kept)


_NAMES = st.sampled_from(["Retry-After", "X-Request-Id", "Location", "Server", "x-request-id"])
_VALUES = st.sampled_from(["7", "a b", "Wed, 21 Oct 2026 07:28:00 GMT", "", "/v1/there", "é"])
_STATUS = st.sampled_from([200, 204, 301, 304, 400, 401, 404, 413, 429, 500, 503, 599])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer as HTTP allows it, in one of the ways to say where its body ends."""
    body = draw(st.binary(max_size=300))
    status = draw(_STATUS)
    lines = [f"HTTP/1.{draw(st.sampled_from('01'))} {status} said"]
    lines += [f"{draw(_NAMES)}: {draw(_VALUES)}" for _ in range(draw(st.integers(0, 3)))]
    first = draw(st.sampled_from([b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"]))
    framing = draw(st.sampled_from(["length", "chunks", "end"]))
    if status in {204, 304}:
        framing, body = "end", b""
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    if framing == "chunks":
        lines[0] = lines[0].replace("HTTP/1.0", "HTTP/1.1")
        lines.append("Transfer-Encoding: chunked")
        cut = draw(st.integers(0, len(body)))
        pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return first + "\r\n".join([*lines, "", ""]).encode() + body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(answer=answers(), cut=st.one_of(st.none(), st.integers(0, 200)))
def test_an_answer_is_read_as_httpx_reads_it(
    server: Answering, answer: bytes, cut: int | None
) -> None:
    server.answer = answer if cut is None else answer[:cut]
    plain, kept = _both(server)
    assert plain == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(answer=st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(b"HTTP/1.1 ".__add__)))
def test_what_is_no_answer_is_told_as_with_httpx(server: Answering, answer: bytes) -> None:
    server.answer = answer
    plain, kept = _both(server)
    assert plain == kept == "broken"


def test_the_same_is_sent(server: Answering) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    server.heard.clear()
    _both(server)
    plain, kept = ({*heard.lower().split(b"\r\n")} for heard in server.heard)
    assert plain ^ kept == {b"connection: close", b"connection: keep-alive"}
    assert b"authorization: bearer sk-hunter2" in plain


def test_a_compressed_answer_is_read(server: Answering) -> None:
    packed = gzip.compress(b'{"data":[]}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    server.answer = head + packed
    plain, kept = _both(server)
    assert plain == kept
    assert isinstance(plain, tuple)
    assert plain[1] == b'{"data":[]}'


def test_an_early_refusal_is_read_although_the_request_is_not(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    server.answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    real = socket.socket.sendall

    def sent(line: socket.socket, data: bytes) -> None:
        real(line, data)
        if data != server.answer:
            gone()

    monkeypatch.setattr(socket.socket, "sendall", sent)
    reply = _post(Plain(server.url, api_key=None), server.url)
    assert isinstance(reply, Reply)
    assert reply.status == 413


def test_a_host_that_does_not_take_the_connection_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def slow(address: object, timeout: float) -> None:
        seen.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", slow)
    assert _post(Plain("http://gpu/v1", api_key=None), "http://gpu/v1") == "refused"
    assert seen == [min(5, module.CONNECT_S)]


@pytest.mark.parametrize("name", ["a" * 70, "gpu..corp"])
def test_a_name_that_can_be_none_is_told(name: str) -> None:
    url = f"http://{name}.invalid/v1"
    assert _post(Plain(url, api_key=None), url) in {"broken", "no_host"}


@pytest.mark.parametrize(
    ("url", "environ", "platform", "plain"),
    [
        ("http://gpu:8000/v1", {}, "linux", True),
        ("https://gpu:8000/v1", {}, "linux", False),
        ("http://gpu:8000/v1", {"HTTP_PROXY": "http://proxy"}, "linux", False),
        ("http://gpu:8000/v1", {"all_proxy": "http://proxy"}, "linux", False),
        ("http://gpu:8000/v1", {"http_proxy": "", "NO_PROXY": "gpu"}, "linux", True),
        ("http://127.0.0.1:8000/v1", {"HTTP_PROXY": "http://proxy"}, "linux", True),
        ("http://gpu:8000/v1", {}, "darwin", False),
        ("http://localhost:8000/v1", {}, "darwin", True),
        ("http://gpü:8000/v1", {}, "linux", False),
    ],
)
def test_what_lies_between_decides(
    url: str, environ: dict[str, str], platform: str, plain: bool
) -> None:
    assert is_plain(url, environ=environ, platform=platform) == plain

"""One request over plain http://, for a process that asks one question and ends.

Loading httpx costs as much as half of all that such a process does. So where nothing but TCP lies
between (no TLS, no proxy) a question is sent through h11, with which httpx itself reads answers;
every other way, and an answer that is compressed, is left to `Transport`.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from io import BytesIO
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import h11

from kb.embed import transport
from kb.embed.transport import CONNECT_S, Reply, Transport, UnansweredError, followed
from kb.embed.urls import is_loopback

#: What comes before the body may be so long, in bytes, and so much of an answer is read at once.
_HEAD: Final = 100 * 1024
_PIECE: Final = 64 * 1024
#: Systems whose settings may name a proxy that no variable of the environment names.
_SYSTEM_PROXIES: Final = frozenset({"darwin", "win32"})


def is_plain(
    url: str, *, environ: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> bool:
    """Tell whether the way to `url` is plain TCP: neither TLS nor, as far as is known, a proxy."""
    if urlsplit(url).scheme != "http" or not url.isascii():
        return False
    names = {name.lower() for name, value in environ.items() if value}
    proxies = {name for name in names if name.endswith("_proxy")} - {"no_proxy"}
    return is_loopback(url) or not (proxies or platform in _SYSTEM_PROXIES)


class Plain:
    """What `Transport` is, for few requests, each on a connection of its own."""

    def __init__(self, url: str, *, api_key: str | None) -> None:
        self._url = url
        self._key = api_key
        self._full: Transport | None = None

    def get(self, url: str, *, timeout: float) -> Reply:
        """Fetch `url`; raises `UnansweredError`."""
        return followed(lambda to: self._once("GET", to, None, timeout), url)

    def post(self, url: str, body: bytes, *, timeout: float) -> Reply:
        """Send a JSON body to `url`; raises `UnansweredError`."""
        return followed(lambda to: self._once("POST", to, body, timeout), url)

    def close(self) -> None:
        """Close what is open."""
        if self._full is not None:
            self._full.close()

    def _once(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        reply = _exchange(_Request(method, url, body, self._key), timeout)
        if reply.headers.get("content-encoding", "identity").lower() == "identity":
            return reply
        # It was asked not to do so.
        if self._full is None:
            self._full = Transport(self._url, api_key=self._key, connections=1)
        if body is None:
            return self._full.get(url, timeout=timeout)
        return self._full.post(url, body, timeout=timeout)


class _Request:
    """Where a request goes, and its bytes."""

    def __init__(self, method: str, url: str, body: bytes | None, api_key: str | None) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or 80
        self.connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
        headers = transport.headers(api_key) | {"Accept": "*/*", "Connection": "close"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        host = {"Host": parts.netloc.lower().removesuffix(":80")}
        events: Iterable[h11.Event] = (
            h11.Request(method=method, target=_target(parts), headers=[*(host | headers).items()]),
            h11.Data(data=body or b""),
            h11.EndOfMessage(),
        )
        self.data = b"".join(self.connection.send(event) or b"" for event in events)


def _target(parts: SplitResult) -> str:
    return quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe="%/:=&?~+!$,;'@()*")


def _exchange(request: _Request, timeout: float) -> Reply:
    deadline = time.monotonic() + timeout
    with closing(_connected(request, min(timeout, CONNECT_S))) as line:
        try:
            # A server that refuses what it has not read to its end may have said why.
            with suppress(ConnectionError):
                line.settimeout(_left(deadline))
                line.sendall(request.data)
            return _heard(line, request.connection, deadline)
        except TimeoutError as error:
            raise UnansweredError("timeout", str(error)) from error
        except (OSError, h11.ProtocolError) as error:
            raise UnansweredError("broken", str(error)) from error


def _connected(request: _Request, timeout: float) -> socket.socket:
    try:
        line = socket.create_connection((request.host, request.port), timeout)
    except TimeoutError as error:
        raise UnansweredError("refused", "no connection within the time allowed") from error
    except socket.gaierror as error:
        raise UnansweredError("no_host", str(error)) from error
    except OSError as error:
        raise UnansweredError("refused", str(error)) from error
    except UnicodeError as error:
        raise UnansweredError("broken", str(error)) from error
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _heard(line: socket.socket, connection: h11.Connection, deadline: float) -> Reply:
    content = BytesIO()
    head: h11.Response | None = None
    while content.tell() <= transport.MAX_ANSWER_BYTES:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            line.settimeout(_left(deadline))
            connection.receive_data(line.recv(_PIECE))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            content.write(event.data)
        elif not isinstance(event, h11.InformationalResponse):
            break
    if head is None:
        raise UnansweredError("broken", "the server changed to another protocol")
    return Reply(status=head.status_code, headers=_named(head), body=content.getvalue())


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answer did not end in time")
    return left


def _named(head: h11.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in head.headers:
        key, told = name.decode("ascii"), value.decode(errors="replace")
        found[key] = f"{found[key]}, {told}" if key in found else told
    return found

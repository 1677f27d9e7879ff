"""One request, one answer, within one deadline, over connections that are kept open."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast
from urllib.parse import urljoin, urlsplit

from kb import __version__
from kb.embed.urls import is_loopback
from kb.errors import UsageError, failure

if TYPE_CHECKING:
    import httpx

Kind: TypeAlias = Literal["refused", "no_host", "timeout", "tls", "broken"]

#: No answer of 64 embeddings comes near this; more is not read.
MAX_ANSWER_BYTES: Final = 256 * 2**20
#: uvicorn closes a connection after 5 s of idleness; ours go first.
_IDLE_S: Final = 4.0
CONNECT_S: Final = 10.0


class UnansweredError(Exception):
    """No whole answer came: `kind` says how, the text says what the system reported."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind: Kind = kind


class _StaleError(Exception):
    """A connection kept from before turned out to be closed by the other side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server answered."""

    status: int
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Connections to one server, shared by threads and kept open between requests.

    Proxies from the environment are used, except for this machine's own addresses. The key
    stands in the Authorization header and nowhere else.
    """

    def __init__(self, url: str, *, api_key: str | None, connections: int) -> None:
        httpx = _httpx()
        # Reading the certificates costs 20 ms, which http:// need not pay.
        secure = urlsplit(url).scheme == "https"
        try:
            self._client = httpx.Client(
                headers=headers(api_key),
                trust_env=not is_loopback(url),
                verify=httpx.create_ssl_context() if secure else False,
                follow_redirects=False,
                limits=httpx.Limits(
                    max_connections=None,
                    max_keepalive_connections=connections,
                    keepalive_expiry=_IDLE_S,
                ),
            )
        except (ImportError, ValueError) as error:
            raise UsageError(
                failure(
                    "usage.settings",
                    "The proxy that the environment names cannot be used.",
                    hint="Correct HTTP_PROXY and HTTPS_PROXY, or name this host in NO_PROXY.",
                )
            ) from error

    def get(self, url: str, *, timeout: float) -> Reply:
        """Fetch `url`; raises `UnansweredError`."""
        return self._send("GET", url, None, timeout)

    def post(self, url: str, body: bytes, *, timeout: float) -> Reply:
        """Send a JSON body to `url`; raises `UnansweredError`."""
        return self._send("POST", url, body, timeout)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        return followed(lambda to: self._retried(method, to, body, timeout), url)

    def _retried(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        try:
            return self._once(method, url, body, timeout)
        except _StaleError:
            pass
        try:
            return self._once(method, url, body, timeout)
        except _StaleError as error:
            raise UnansweredError("broken", str(error)) from error

    def _once(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        import httpx

        events: list[str] = []
        deadline = time.monotonic() + timeout
        try:
            request = self._client.build_request(
                method,
                url,
                content=body,
                headers={"Content-Type": "application/json"} if body is not None else None,
                timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_S), pool=None),
                extensions={"trace": lambda name, _info: events.append(name)},
            )
            response = self._client.send(request, stream=True)
            try:
                content = _whole(response, deadline)
            finally:
                response.close()
        except httpx.TransportError as error:
            fresh = any(name.startswith("connection.connect") for name in events)
            raise _named(error, fresh=fresh) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnansweredError("broken", _words(error)) from error
        return Reply(status=response.status_code, headers=dict(response.headers), body=content)


def _httpx() -> ModuleType:
    """Give httpx without its command line, which loads more than all the rest of it."""
    name = "httpx._main"
    if "httpx" not in sys.modules and name not in sys.modules:
        # So Python is told that a module cannot be imported; httpx provides for that.
        cast("dict[str, ModuleType | None]", sys.modules)[name] = None
        try:
            return import_module("httpx")
        finally:
            del sys.modules[name]
    return import_module("httpx")


def headers(api_key: str | None) -> dict[str, str]:
    """Give what every request says of itself; the key stands here and nowhere else."""
    said = {"User-Agent": f"kb/{__version__}", "Accept-Encoding": "identity"}
    return said | ({"Authorization": f"Bearer {api_key}"} if api_key else {})


def followed(send: Callable[[str], Reply], url: str) -> Reply:
    """Send to `url`, and once more to where that redirects, if it is on the same server."""
    reply = send(url)
    if reply.status in {307, 308}:
        target = _same_host(url, reply.headers.get("location", ""))
        if target is not None:
            return send(target)
    return reply


def _same_host(url: str, location: str) -> str | None:
    """Give where a redirect leads, if the text and the key stay with the same server."""
    try:
        target = urljoin(url, location)
        same = urlsplit(target)[:2] == urlsplit(url)[:2]
    except ValueError:
        return None
    return target if same and target != url else None


def _whole(response: httpx.Response, deadline: float) -> bytes:
    """Read the body; a server that drips it for ever is stopped at the deadline."""
    content = BytesIO()
    for piece in response.iter_bytes():
        content.write(piece)
        if content.tell() > MAX_ANSWER_BYTES:
            break
        if time.monotonic() > deadline:
            raise UnansweredError("timeout", "the answer did not end in time")
    return content.getvalue()


def _named(error: httpx.TransportError, *, fresh: bool) -> UnansweredError | _StaleError:
    import socket
    import ssl

    import httpx

    text = _words(error)
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return UnansweredError("tls", text)
    if isinstance(error, httpx.ConnectTimeout):
        return UnansweredError("refused", "no connection within the time allowed")
    if isinstance(error, httpx.TimeoutException):
        return UnansweredError("timeout", text)
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
        no_host = any(isinstance(cause, socket.gaierror) for cause in causes)
        return UnansweredError("no_host" if no_host else "refused", text)
    return UnansweredError("broken", text) if fresh else _StaleError(text)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__

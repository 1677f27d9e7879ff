"""Looks up a name, opens a connection, shows a certificate: below HTTP, and bounded in time."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

Kind: TypeAlias = Literal["open", "refused", "timeout", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The addresses of a name, or why there are none."""

    addresses: tuple[str, ...] = ()
    #: What the system said.
    error: str = ""
    #: No name server answered: the name may exist.
    unanswered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What came of opening a connection."""

    address: str
    kind: Kind
    #: What the system said.
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a server's certificate says."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime
    self_signed: bool


def place(url: str) -> tuple[str, int]:
    """Give the host and the port that a URL names."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def look_up(host: str, port: int, *, timeout: float) -> Lookup:
    """Ask the system for the addresses of a name."""
    answers: queue.SimpleQueue[Lookup] = queue.SimpleQueue()
    # The system's own call has no time limit, so it is left behind where it takes too long.
    threading.Thread(target=lambda: answers.put(_asked(host, port)), daemon=True).start()
    try:
        return answers.get(timeout=timeout)
    except queue.Empty:
        return Lookup(error=f"no answer within {timeout:g} s", unanswered=True)


def knock(address: str, port: int, *, timeout: float) -> Knock:
    """Open a connection and close it again."""
    try:
        with socket.create_connection((address, port), timeout=timeout):
            return Knock(address=address, kind="open")
    except ConnectionRefusedError as error:
        return Knock(address=address, kind="refused", error=_words(error))
    except TimeoutError as error:
        return Knock(address=address, kind="timeout", error=_words(error))
    except (OSError, ValueError, OverflowError) as error:
        return Knock(address=address, kind="unreachable", error=_words(error))


def certificate(host: str, port: int, *, timeout: float) -> Certificate | None:
    """Give the certificate that is shown there, not judged; None where TLS is not spoken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    return _read(shown) if shown else None


def _asked(host: str, port: int) -> Lookup:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        again = error.errno == socket.EAI_AGAIN
        return Lookup(error=_words(error), unanswered=again)
    except (OSError, ValueError) as error:
        return Lookup(error=_words(error))
    return Lookup(addresses=tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))


def _words(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def _read(shown: bytes) -> Certificate | None:
    from cryptography import x509

    try:
        read = x509.load_der_x509_certificate(shown)
        issuer = read.issuer.rfc4514_string()
        return Certificate(
            names=_names(read),
            issuer=issuer,
            begins=read.not_valid_before_utc,
            ends=read.not_valid_after_utc,
            self_signed=issuer == read.subject.rfc4514_string(),
        )
    except ValueError:
        return None


def _names(read: object) -> tuple[str, ...]:
    from cryptography import x509

    assert isinstance(read, x509.Certificate)
    named: list[str] = []
    with suppress(x509.ExtensionNotFound):
        found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        named += found.get_values_for_type(x509.DNSName)
        named += [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    common = read.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return tuple(named or [str(each.value) for each in common])

"""Is the connection secure where the address says so, and plain where it does not?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from kb.doctor.check import Check, fail, ok, warn
from kb.doctor.examination import GLANCE_S, Examination
from kb.doctor.exchange import Caller, Exchange
from kb.doctor.network.wire import Certificate, certificate, place

_CODE = "embed.tls"
#: A certificate that ends so soon is spoken of, in days.
_SOON = 14


def checks(examination: Examination) -> Iterator[Check]:
    """Make the first request; where it fails, say whether http and https were mixed up."""
    if examination.base.startswith("https:"):
        yield from _secure(examination)
    else:
        yield from _plain(examination)


def _plain(examination: Examination) -> Iterator[Check]:
    """Look for TLS only where plain HTTP is not understood."""
    exchange = examination.get(f"{examination.base}/models")
    broken = exchange.error is not None and exchange.error.kind == "broken"
    host, port = place(examination.base)
    if (broken or exchange.status == 400) and certificate(host, port, timeout=GLANCE_S):
        yield fail(
            "network.tls",
            f"Port {port} of {host} speaks https, and the address begins with http://.",
            f"Set KB_BASE_URL={_as(examination.base, 'https')}",
            code="embed.tls" if exchange.status == 400 else "embed.unreachable",
            curl=exchange.curl(),
        )
        return
    examination.facts.add("connection")


def _secure(examination: Examination) -> Iterator[Check]:
    exchange = examination.get(f"{examination.base}/models")
    host, port = place(examination.base)
    if exchange.error is None or exchange.error.kind != "tls":
        examination.facts.add("connection")
        shown = certificate(host, port, timeout=GLANCE_S)
        if shown is not None:
            yield _judged(host, shown)
        return
    shown = certificate(host, port, timeout=GLANCE_S)
    if shown is not None:
        yield _refused(examination, exchange, shown)
    elif _answers_plainly(examination):
        yield fail(
            "network.tls",
            f"Port {port} of {host} speaks plain http, and the address begins with https://.",
            f"Set KB_BASE_URL={_as(examination.base, 'http')}",
            code=_CODE,
            curl=exchange.curl(),
        )
    else:
        yield fail(
            "network.tls",
            f"{host}:{port} takes connections, but speaks neither https nor http "
            f"({exchange.error}).",
            f"Ask for the right port, or look: `openssl s_client -connect {host}:{port}`",
            code=_CODE,
            curl=exchange.curl(),
        )


def _judged(host: str, shown: Certificate) -> Check:
    left = (shown.ends - datetime.now(UTC)).days
    until = f"{shown.ends:%Y-%m-%d}"
    if left < _SOON:
        message = f"The certificate of {host} is trusted, but ends on {until}, in {left} days."
        return warn("network.tls", message, "Renew it on the server.", **_detail(shown))
    message = f"The certificate of {host} is trusted, until {until}."
    return ok("network.tls", message, **_detail(shown))


def _refused(examination: Examination, exchange: Exchange, shown: Certificate) -> Check:
    """Say why the certificate was not accepted; OpenSSL's words tell where its dates do not."""
    host, port = place(examination.base)
    words, now = str(exchange.error), datetime.now(UTC)
    names = ", ".join(shown.names[:5]) or "nothing"
    if shown.ends < now:
        message = f"The certificate of {host} ended on {shown.ends:%Y-%m-%d}."
        hint = "Renew it on the server; if that date lies ahead, set this machine's clock (`date`)."
    elif shown.begins > now:
        message = f"The certificate of {host} is valid only from {shown.begins:%Y-%m-%d %H:%M} UTC."
        hint = "Set this machine's clock: `date` shows it."
    elif "mismatch" in words.lower():
        message = f"The certificate is for {names}, and the address names {host}."
        hint = "Write a name from the certificate in KB_BASE_URL, or have one made for this name."
    elif "CERTIFICATE_VERIFY_FAILED" in words:
        kind = "is self-signed" if shown.self_signed else f"is signed by {shown.issuer}"
        message = f"The certificate of {host} {kind}, which this machine does not trust."
        hint = (
            "Save the signer's certificate, then `export SSL_CERT_FILE=ca.pem`. Self-signed: "
            f"`openssl s_client -connect {host}:{port} </dev/null | openssl x509 >ca.pem`"
        )
    else:
        message = f"The secure connection to {host} failed: {words}"
        hint = f"Look at the server's TLS settings: `openssl s_client -connect {host}:{port}`"
    return fail("network.tls", message, hint, code=_CODE, curl=exchange.curl(), **_detail(shown))


def _answers_plainly(examination: Examination) -> bool:
    """Ask without TLS; the key is not sent, since it was meant for a secure connection."""
    plain = _as(examination.base, "http")
    with closing(Caller(plain, api_key=None)) as caller:
        return caller.get(f"{plain}/models", timeout=GLANCE_S).error is None


def _as(base: str, scheme: str) -> str:
    _, port = place(base)
    rest = base.partition("://")[2]
    # Without a port in it, the scheme's own would be taken.
    bare, slash, path = rest.partition("/")
    bare = bare if bare.endswith(f":{port}") else f"{bare}:{port}"
    return f"{scheme}://{bare}{slash}{path}"


def _detail(shown: Certificate) -> dict[str, Any]:
    return {
        "names": list(shown.names),
        "issuer": shown.issuer,
        "ends": shown.ends.isoformat(),
        "self_signed": shown.self_signed,
    }

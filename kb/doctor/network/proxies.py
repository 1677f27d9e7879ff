"""Which proxy would the client use for an address, and what line keeps it out?"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from kb.embed.urls import is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that the environment names."""

    #: Its address without a user's name and password.
    shown: str
    #: The variable that names it, e.g. "HTTP_PROXY".
    variable: str


def proxy_of(url: str, configured: Mapping[str, str] | None = None) -> Proxy | None:
    """Give the proxy that requests to `url` go through, None where they go straight.

    `configured` is what `urllib.request.getproxies()` gives: names without `_proxy`.
    """
    known = getproxies() if configured is None else configured
    target = urlsplit(url)
    if is_loopback(url) or any(_spares(each, target) for each in _spared(known)):
        return None
    for name in (target.scheme, "all"):
        if known.get(name):
            return Proxy(shown=_shown(known[name]), variable=_variable(name))
    return None


def no_proxy_line(host: str, configured: Mapping[str, str] | None = None) -> str:
    """Give the shell line that makes kb reach `host` without a proxy."""
    known = getproxies() if configured is None else configured
    return f"export NO_PROXY={','.join([*_spared(known), host])}"


def unread(host: str, configured: Mapping[str, str] | None = None) -> list[str]:
    """Give the entries of NO_PROXY that seem to mean `host` and yet do not spare it.

    The HTTP library compares names and single addresses: no networks (10.0.0.0/8), no stars.
    """
    known = getproxies() if configured is None else configured
    starred = [each for each in _spared(known) if "*" in each and fnmatch(host, each.lower())]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return starred
    return [each for each in _spared(known) if "/" in each and _holds(each, address)]


def _holds(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _spared(known: Mapping[str, str]) -> list[str]:
    return [each.strip() for each in known.get("no", "").split(",") if each.strip()]


def _spares(entry: str, target: SplitResult) -> bool:
    """Tell whether one entry of NO_PROXY fits, by the rules of the HTTP library."""
    if entry == "*":
        return True
    alone = entry.partition("/")[0]
    exact = "://" in entry or entry.lower() == "localhost" or _is_address(alone)
    written = entry if "://" in entry else f"all://{_bracketed(entry)}"
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in {"all", target.scheme} or port not in {None, _port(target)}:
        return False
    wanted, host = (parts.hostname or "").lower(), (target.hostname or "").lower()
    if wanted.startswith("."):
        return not exact and host.endswith(wanted)
    return host == wanted or (not exact and bool(wanted) and host.endswith(f".{wanted}"))


def _port(target: SplitResult) -> int | None:
    usual = {"http": 80, "https": 443}
    return None if target.port == usual.get(target.scheme) else target.port


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _bracketed(entry: str) -> str:
    head = entry.partition("/")[0]
    return f"[{head}]" if head.count(":") > 1 and _is_address(head) else entry


def _shown(url: str) -> str:
    written = url if "://" in url else f"http://{url}"
    return re.sub(r"://.*@", "://", written)


def _variable(name: str) -> str:
    small = f"{name}_proxy"
    return small if os.environ.get(small) else small.upper()

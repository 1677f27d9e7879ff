"""Does anything answer at the address, and if not, what stands in the way?"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from kb.doctor.check import Check, fail, failed, ok, skip, warn
from kb.doctor.examination import GLANCE_S, Examination
from kb.doctor.network import containers, secure
from kb.doctor.network.neighbours import USUAL_PORTS, Neighbour, bracketed, look_around
from kb.doctor.network.proxies import Proxy, no_proxy_line, proxy_of, unread
from kb.doctor.network.wire import Knock, Lookup, knock, look_up, place
from kb.embed.urls import is_loopback
from kb.errors import KbError

_CODE: Final = "embed.unreachable"
#: So many of a name's addresses are tried.
_TRIED: Final = 3
#: Answers that a proxy gives in the server's place.
_PROXY_STATUS: Final = frozenset({403, 407, 502, 503, 504})


def checks(examination: Examination) -> Iterator[Check]:
    """Look the name up, connect, speak; where that fails, look for what does answer."""
    proxy = proxy_of(examination.base)
    try:
        examination.caller()
    except KbError as error:
        yield failed("network.proxy", error.failure)
        return
    host, port = place(examination.base)
    lookup = look_up(host, port, timeout=2 * GLANCE_S)
    yield _named(host, port, lookup, examination, proxy)
    knocks = [knock(each, port, timeout=GLANCE_S) for each in lookup.addresses[:_TRIED]]
    if proxy is not None:
        yield from _through(examination, proxy, knocks)
        return
    if not knocks:
        return
    open_one = next((each for each in knocks if each.kind == "open"), None)
    if open_one is None:
        yield from _closed(examination, knocks)
        return
    yield _connected(examination, knocks, open_one)
    yield from secure.checks(examination)


# -- the name --------------------------------------------------------------------------


def _named(
    host: str, port: int, lookup: Lookup, examination: Examination, proxy: Proxy | None
) -> Check:
    detail = {"host": host, "addresses": list(lookup.addresses)}
    if _is_address(host):
        return ok("network.dns", f"{host} is an address: there is no name to look up.", **detail)
    if lookup.addresses:
        told = ", ".join(lookup.addresses)
        return ok("network.dns", f"The name {host} stands for {told}.", **detail)
    if proxy is not None:
        message = f"The name {host} is not known here; the proxy {proxy.shown} looks it up."
        return skip("network.dns", message)
    if lookup.unanswered:
        message = f"No name server answered the question for {host} ({lookup.error})."
        hint = f"Check the network and the VPN; `getent hosts {host}` asks the same question."
        return fail("network.dns", message, hint, code=_CODE, **detail)
    message = f"There is no host named {host} ({lookup.error})."
    hint = _unknown_name(host, port, examination)
    return fail("network.dns", message, hint, code=_CODE, **detail)


def _unknown_name(host: str, port: int, examination: Examination) -> str:
    meant = difflib.get_close_matches(host, _near_names() - {host}, n=1, cutoff=0.75)
    if re.fullmatch(r"[\d.]+", host):
        return "An address has four numbers from 0 to 255: correct it in KB_BASE_URL."
    if host.endswith((".docker.internal", ".containers.internal")):
        return _way_out(port, inside=examination.container)
    if meant:
        return f"Did you mean {meant[0]}? Set KB_BASE_URL=http://{meant[0]}:{port}/v1"
    if "." in host:
        return f"Correct the name in KB_BASE_URL; `getent hosts {host}` tries it by itself."
    if examination.container:
        return (
            f"If {host} is a Docker service, put this container into its network: `docker network "
            "connect NETWORK CONTAINER`; `docker ps` lists the names."
        )
    return (
        f"If {host} is a Docker service: its name is known only inside Docker. Publish its port "
        f"(`ports: {port}:{port}`) and set KB_BASE_URL=http://localhost:{port}/v1"
    )


def _way_out(port: int, *, inside: bool) -> str:
    if not inside:
        return f"This name exists only in containers: set KB_BASE_URL=http://localhost:{port}/v1"
    bridge = containers.gateway()
    other = f", or set KB_BASE_URL=http://{bridge}:{port}/v1" if bridge else ""
    return (
        "On Linux a container must be given this name: `docker run "
        f"--add-host=host.docker.internal:host-gateway`{other}"
    )


def _near_names() -> set[str]:
    """Give the names that this machine knows by itself."""
    names = {"localhost", "host.docker.internal"}
    try:
        lines = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return names
    return names.union(*(line.partition("#")[0].split()[1:] for line in lines))


# -- the connection --------------------------------------------------------------------


def _connected(examination: Examination, knocks: list[Knock], first: Knock) -> Check:
    host, port = place(examination.base)
    tried = {each.address: each.kind for each in knocks}
    if knocks[0].kind == "timeout":
        message = f"{host} stands for {len(knocks)} addresses: only {first.address} answers."
        base = f"http://{bracketed(first.address)}:{port}/v1"
        hint = f"Each new connection waits for the silent one first: set KB_BASE_URL={base}"
        return warn("network.tcp", message, hint, tried=tried)
    return ok("network.tcp", f"Port {port} of {host} takes connections.", tried=tried)


def _closed(examination: Examination, knocks: list[Knock]) -> Iterator[Check]:
    """Say that nobody answers, with the likeliest cure first: the first failure is read first."""
    host, port = place(examination.base)
    around = look_around((host, other) for other in USUAL_PORTS if other != port)
    api = next((each for each in around if each.what in {"api", "locked"}), None)
    shut = _shut(examination, knocks[0], {each.address: each.kind for each in knocks}, api)
    if not examination.scene.inside:
        yield shut
    elif api is not None:
        yield shut
        yield from containers.checks(examination)
    else:
        yield from containers.checks(examination)
        yield shut
    yield _ports(host, port, around)


def _shut(
    examination: Examination, seen: Knock, tried: Mapping[str, str], api: Neighbour | None
) -> Check:
    host, port = place(examination.base)
    at = f"{host}:{port}" if host == seen.address else f"{host}:{port} ({seen.address})"
    code = "embed.localhost_in_container" if examination.scene.inside else _CODE
    if seen.kind == "refused":
        message = f"{at} refuses connections: nothing listens there, or it is still loading."
        hint = (
            "Read the server's log: vLLM loads for minutes and is ready at `Application startup "
            "complete`. `kb doctor --log FILE` reads it."
        )
        if examination.scene.inside:
            hint = (
                "If the server is to run in this container, too, start it; its log says when it is "
                "ready: `kb doctor --log FILE` reads it."
            )
        elif not is_loopback(examination.base):
            hint += " If it is ready, start it with --host 0.0.0.0 (Docker: `-p PORT:PORT`)."
    elif seen.kind == "timeout":
        message = f"{at} did not answer within {GLANCE_S:g} s: machine off, or a firewall."
        hint = (
            f"On that machine run `curl http://localhost:{port}/v1/models`. If that answers, open "
            f"port {port} in the firewall or the cloud's security group; else start the server."
        )
    else:
        message = f"There is no way from here to {at}: {seen.error}."
        hint = f"Check the VPN and the network: `ip route get {seen.address}`, `ping {host}`."
    if api is not None:
        hint = f"Port {api.port} of {host} is {api.told}: try KB_BASE_URL={api.base}. Else: {hint}"
    return fail("network.tcp", message, hint, code=code, tried=tried)


def _ports(host: str, port: int, found: list[Neighbour]) -> Check:
    """Say what answers at other ports of the host."""
    if not found:
        others = ", ".join(str(other) for other in USUAL_PORTS if other != port)
        message = f"No other usual port of {host} is open either ({others})."
        return skip("network.ports", message)
    told = "; ".join(f"port {each.port}: {each.told}" for each in found)
    message = f"On {host} something answers at other ports. {told[:1].upper()}{told[1:]}."
    seen = {str(each.port): each.told for each in found}
    best = found[0]
    if best.what in {"api", "locked"}:
        return warn("network.ports", message, f"Try KB_BASE_URL={best.base}", ports=seen)
    hint = "None of these embeds: start the embedding server, or look for its port in its log."
    return warn("network.ports", message, hint, ports=seen)


# -- the proxy -------------------------------------------------------------------------


def _through(examination: Examination, proxy: Proxy, knocks: list[Knock]) -> Iterator[Check]:
    """Ask through the proxy, as an ingest does; a direct way is only a hint."""
    host, port = place(examination.base)
    direct = any(each.kind == "open" for each in knocks)
    told = f"Port {port} of {host} is {'open' if direct else 'not reached'} without the proxy."
    yield ok("network.tcp", told) if direct else skip("network.tcp", told)
    exchange = examination.get(f"{examination.base}/models")
    said = str(exchange.error) if exchange.error else f"HTTP {exchange.status}"
    via = f"Requests to {host} go through the proxy {proxy.shown} ({proxy.variable})"
    passed = exchange.error is None and exchange.status not in _PROXY_STATUS
    detail = {"proxy": proxy.shown, "variable": proxy.variable, "curl": exchange.curl()}
    line = no_proxy_line(host)
    strange = unread(host)
    if strange:
        line += f" (kb does not understand {strange[0]} there: write the host itself)"
    if passed:
        examination.facts.add("connection")
        if direct:
            message = f"{via}, though {host} can be reached without it."
            yield warn("network.proxy", message, f"To go straight: {line}", **detail)
        else:
            yield ok("network.proxy", f"{via}: it passes them on.", **detail)
        return
    hint = f"Go straight: {line}" if direct else f"Check {proxy.variable}; to go straight: {line}"
    code = "embed.unauthorized" if exchange.status == 407 else _CODE
    message = f"{via}, and it does not pass them on: {said}."
    yield fail("network.proxy", message, hint, code=code, **detail)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

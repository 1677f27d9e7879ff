"""`localhost` in a container is the container: which address leads to the server instead?"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kb.doctor.check import Check, fail
from kb.doctor.examination import Examination
from kb.doctor.network.neighbours import look_around
from kb.doctor.network.wire import place

_HOST: Final = ("host.docker.internal", "host.containers.internal")
#: What people call the service in a compose file.
_SERVICES: Final = ("vllm", "embedding", "embeddings", "infinity", "ollama", "llama")
_ADD_HOST: Final = "`--add-host=host.docker.internal:host-gateway` (compose: `extra_hosts`)"


def checks(examination: Examination) -> Iterator[Check]:
    """Say what to use in place of `localhost`, where nothing answers at it in a container."""
    host, port = place(examination.base)
    bridge = gateway()
    hosts = [*_HOST, *([bridge] if bridge else []), *_SERVICES]
    found = [each for each in look_around((name, port) for name in hosts) if each.what != "other"]
    seen = {"tried": hosts, "open": [each.host for each in found]}
    message = f"kb runs in a container: {host} means this container, not the machine it is on."
    if found:
        best = found[0]
        message += f" {best.host}:{port} answers: {best.told}."
        hint = f"Set KB_BASE_URL={best.base}"
        yield fail("network.container", message, hint, code="embed.localhost_in_container", **seen)
        return
    hint = (
        "Server in the same compose file: KB_BASE_URL=http://SERVICE:PORT/v1. Server on the host: "
        f"start it with --host 0.0.0.0, this container with {_ADD_HOST}, and set "
        f"KB_BASE_URL=http://host.docker.internal:{port}/v1"
    )
    told = f"Port {port} is closed, too, at {', '.join(hosts[: len(hosts) - len(_SERVICES)])}."
    message = f"{message} {told}"
    yield fail("network.container", message, hint, code="embed.localhost_in_container", **seen)


def gateway(route: Path = Path("/proc/net/route")) -> str | None:
    """Give the address of the machine that a container's network leads to, if there is one."""
    try:
        rows = [line.split() for line in route.read_text(encoding="ascii").splitlines()[1:]]
        # Destination 0 is everything; the gateway's four bytes are written in reverse.
        ways = [row[2] for row in rows if len(row) > 3 and row[1] == "00000000"]
        return socket.inet_ntoa(struct.pack("<L", int(ways[0], 16))) if ways else None
    except (OSError, ValueError, struct.error):
        return None

"""The machine that the server runs on: its GPU, and what the server wrote into its log."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlsplit

from kb.doctor.check import Check, fail, ok, skip, warn
from kb.doctor.examination import Examination
from kb.doctor.machine.gpu import Gpu, Gpus, Process, Trouble, look
from kb.doctor.machine.server_log import checks as log_checks
from kb.embed.urls import is_loopback

#: vLLM takes 90 % by default; above this the next allocation may fail.
_FULL: Final = 0.97
#: A GPU in use holds more than this, in MiB; the desktop and the driver may hold this much.
_IDLE_MIB: Final = 600.0
_NAME: Final = "machine.gpu"


def checks(examination: Examination) -> Iterator[Check]:
    """Look at the GPU, where the server is on this machine, and at the log, where one is named."""
    yield _gpu(examination)
    if examination.wanted.log is not None:
        yield from log_checks(examination, examination.wanted.log)


def _gpu(examination: Examination) -> Check:
    if not examination.base:
        return skip(_NAME, "Not looked at: no endpoint is set, and the built-in model needs none.")
    host = urlsplit(examination.base).hostname or ""
    if not _is_here(examination.base, host):
        return skip(_NAME, f"Not looked at: the server is on {host}. Run `nvidia-smi` there.")
    seen = look()
    if seen is None:
        return skip(_NAME, _absent(examination))
    if isinstance(seen, Trouble):
        return _broken(examination, seen)
    return _told(examination, seen)


def _is_here(base: str, host: str) -> bool:
    """Tell whether the address is one of this machine's own; asks no name server."""
    if is_loopback(base) or host == socket.gethostname():
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as own:
            own.bind((host, 0))
    except OSError:
        return False
    return True


def _absent(examination: Examination) -> str:
    if examination.container:
        return (
            "There is no nvidia-smi in this container: if the server is in it and is to use a GPU, "
            "start the container with `--gpus all`."
        )
    return (
        "There is no nvidia-smi here: the server works on the CPU, or is on another machine behind "
        "a forwarded port."
    )


def _broken(examination: Examination, trouble: Trouble) -> Check:
    """Tell of a driver that fails; where the server answers, it works without it."""
    message = f"nvidia-smi does not work: {trouble.said.rstrip('.')}."
    said = trouble.said.lower()
    if "mismatch" in said:
        hint = "The driver was updated while it was in use: restart the machine."
    elif trouble.timeout:
        hint = "The driver hangs: see `dmesg | grep -i nvrm`, and restart the machine."
    elif "no devices" in said:
        hint = "See `lspci | grep -i nvidia`; in a container, start it with `--gpus all`."
    elif "communicate" in said:
        hint = "Load the driver with `sudo modprobe nvidia`; if that fails, install it again."
    else:
        hint = "See `dmesg | grep -i nvrm`; install the driver again or restart the machine."
    made = warn if "vectors" in examination.facts else fail
    return made(_NAME, message, hint, said=trouble.said)


def _told(examination: Examination, seen: Gpus) -> Check:
    figures: dict[str, Any] = {
        "gpus": [asdict(gpu) for gpu in seen.gpus],
        "processes": [asdict(process) for process in seen.processes],
    }
    message = f"{'; '.join(_sentence(gpu) for gpu in seen.gpus)}. {_users(seen.processes)}"
    works = "vectors" in examination.facts
    full = [gpu for gpu in seen.gpus if (gpu.share or 0) >= _FULL]
    if full:
        hint = (
            "Stop what else uses the GPU, or start vLLM with a lower --gpu-memory-utilization "
            "(0.85) or a lower --max-model-len."
        )
        return warn(_NAME, f"{message} The memory is nearly full.", hint, **figures)
    if works and all(gpu.used is not None and gpu.used < _IDLE_MIB for gpu in seen.gpus):
        hint = (
            "The server answers, so it works on the CPU, or on another machine behind a forwarded "
            "port. See `device_config` in its log (`kb doctor --log FILE`)."
        )
        return warn(_NAME, f"{message} Nothing is loaded on the GPU.", hint, **figures)
    return ok(_NAME, message, **figures)


def _sentence(gpu: Gpu) -> str:
    memory = "memory unknown"
    if gpu.used is not None and gpu.total:
        memory = f"{gpu.used / 1024:.1f} of {gpu.total / 1024:.1f} GiB used"
    busy = "" if gpu.busy is None else f", {gpu.busy:.0f}% busy"
    return f"GPU {gpu.index} {gpu.name}: {memory}{busy}"


def _users(processes: Sequence[Process]) -> str:
    """Name the largest users; inside a container the driver hides them."""
    if not processes:
        return "No process is listed."
    largest = sorted(processes, key=lambda each: each.used or 0.0, reverse=True)[:3]
    told = [
        f"{each.name} (pid {each.pid}"
        + (")" if each.used is None else f", {each.used / 1024:.1f} GiB)")
        for each in largest
    ]
    more = f" and {len(processes) - 3} more" if len(processes) > 3 else ""
    return f"In use by {', '.join(told)}{more}."

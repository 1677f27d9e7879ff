"""Running a command as a whole process and reading what the system says it cost."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of a command cost; memory is that of the largest single process."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    exit_code: int


def run_once(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    errors: IO[bytes] | int = subprocess.DEVNULL,
    limit_s: float | None = None,
) -> Cost:
    """Run a command to its end, its output thrown away; past `limit_s` it is killed."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env={**os.environ, **(environ or {})},
        cwd=REPOSITORY,
    )
    timer = threading.Timer(limit_s, process.kill) if limit_s else None
    if timer:
        timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    if timer:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=time.perf_counter() - started,
        peak_mib=usage.ru_maxrss / 1024,
        exit_code=process.returncode,
    )


def median_cpu(command: Sequence[str], *, runs: int = 7) -> float:
    """Give the median CPU seconds of several runs after one that warms the caches."""
    run_once(command)
    return statistics.median(run_once(command).cpu_s for _ in range(runs))


def ratio(command: Sequence[str], yardstick: Sequence[str], *, runs: int = 7) -> float:
    """Give the median of the CPU ratios of pairs of runs, one right after the other."""
    run_once(command), run_once(yardstick)
    pairs = [(run_once(command).cpu_s, run_once(yardstick).cpu_s) for _ in range(runs)]
    return statistics.median(one / other for one, other in pairs)


def machine() -> str:
    """Describe the machine in one line, without naming it."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{platform.system()}"
    )


def python(code: str) -> list[str]:
    """Give the command that runs this Python code."""
    return [sys.executable, "-c", code]

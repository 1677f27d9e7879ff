"""What nvidia-smi says: which GPUs there are, how full they are, and who uses them."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_PROGRAM: Final = "nvidia-smi"
#: A driver that hangs never answers; one that wakes up takes some seconds.
_PATIENCE_S: Final = 10.0
_CSV: Final = "--format=csv,noheader,nounits"
#: `memory.free` is not the rest of `total`: the driver keeps some for itself.
_GPU_FIELDS: Final = "index,name,memory.used,memory.total,memory.free,utilization.gpu"
_PROCESS_FIELDS: Final = "pid,process_name,used_memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU; memory in MiB, None where the driver does not say."""

    index: str
    name: str
    used: float | None
    total: float | None
    free: float | None
    #: How busy it is, in percent.
    busy: float | None

    @property
    def share(self) -> float | None:
        """The part of its memory that is used, 0 to 1."""
        if self.used is None or not self.total:
            return None
        return min(1.0, self.used / self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A program that holds GPU memory, in MiB."""

    pid: str
    name: str
    used: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """nvidia-smi is there and does not work; `said` is its first line."""

    said: str
    timeout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus:
    """All that nvidia-smi said."""

    gpus: tuple[Gpu, ...]
    processes: tuple[Process, ...] = ()


def look(*, patience: float = _PATIENCE_S) -> Gpus | Trouble | None:
    """Ask nvidia-smi; None where there is none. Raises nothing."""
    program = shutil.which(_PROGRAM)
    if program is None:
        return None
    listed = _run([program, f"--query-gpu={_GPU_FIELDS}", _CSV], patience)
    if isinstance(listed, Trouble):
        return listed
    gpus = tuple(gpu for row in _rows(listed) if (gpu := _gpu(row)) is not None)
    if not gpus:
        return Trouble(said=_first_line(listed) or "No devices were found")
    users = _run([program, f"--query-compute-apps={_PROCESS_FIELDS}", _CSV], patience)
    rows = [] if isinstance(users, Trouble) else _rows(users)
    return Gpus(gpus=gpus, processes=tuple(_process(row) for row in rows if len(row) == 3))


def _run(command: Sequence[str], patience: float) -> str | Trouble:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=patience,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Trouble(said=f"no answer within {patience:.0f} s", timeout=True)
    except OSError as error:
        return Trouble(said=error.strerror or str(error))
    said = done.stdout.decode(errors="replace")
    if done.returncode == 0:
        return said
    errors = done.stderr.decode(errors="replace")
    return Trouble(said=_first_line(said) or _first_line(errors) or f"exit {done.returncode}")


def _first_line(text: str) -> str:
    lines = (line.strip() for line in text.splitlines())
    return next((line[:200] for line in lines if line), "")


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if "," in line]
    return [[cell.strip() for cell in row] for row in csv.reader(lines, skipinitialspace=True)]


def _gpu(row: list[str]) -> Gpu | None:
    if len(row) != 6:
        return None
    used, total, free, busy = map(_number, row[2:])
    return Gpu(index=row[0], name=row[1][:80], used=used, total=total, free=free, busy=busy)


def _process(row: list[str]) -> Process:
    # A path may say more about its owner than is needed.
    name = row[1].replace("\\", "/").rstrip("/").rpartition("/")[2]
    return Process(pid=row[0], name=name[:60], used=_number(row[2]))


def _number(cell: str) -> float | None:
    """Read a figure; `[N/A]` and the like are None.

    >>> _number("81559"), _number("[N/A]")
    (81559.0, None)
    """
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None

"""Programs that are run on hostile input: no shell, bounded in time, in memory and in words."""

from __future__ import annotations

import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

from kb.extract.ocr.reading import EngineError

#: A program that says more than this is broken.
MOST_WORDS: Final = 32 * 2**20
_PART: Final = 2**16


def run(command: Sequence[str], given: bytes = b"", *, seconds: float) -> tuple[bytes, bytes]:
    """Run a program with `given` as its input; give its output and its messages.

    Raises EngineError when it cannot be started, takes longer than `seconds`, says more than
    `MOST_WORDS` bytes, or ends with an error. It never outlives the call, nor do its children.
    """
    until = time.monotonic() + seconds
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            bufsize=0,
            process_group=0,
        )
    except OSError as error:
        raise EngineError(f"it cannot be started ({error.strerror or error})") from error
    try:
        _bound(process.pid, seconds)
        said, told = _exchanged(process, given, until)
        process.wait(max(until - time.monotonic(), 0.01))
    except (subprocess.TimeoutExpired, TimeoutError) as error:
        raise EngineError(f"it took longer than {seconds:g} seconds") from error
    finally:
        # Nobody has waited for it before here, or it is gone: its number is not another's.
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()
    if process.returncode:
        raise EngineError(_ended(process.returncode, told))
    return said, told


def _environment() -> dict[str, str]:
    """Give our environment without our own settings, some of which are secrets.

    Workers run side by side, so that one thread for each is quickest.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
    return kept | {"OMP_THREAD_LIMIT": "1"}


def _bound(process: int, seconds: float) -> None:
    """Limit the processor time, lest it run on should this process be killed."""
    if hasattr(resource, "prlimit"):
        most = int(seconds) + 1
        with suppress(OSError, ValueError):
            resource.prlimit(process, resource.RLIMIT_CPU, (most, most))


def _exchanged(process: subprocess.Popen[bytes], given: bytes, until: float) -> tuple[bytes, bytes]:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin is not None
    assert stdout is not None
    assert stderr is not None
    heard: dict[IO[bytes], bytearray] = {stdout: bytearray(), stderr: bytearray()}
    left = memoryview(given)
    with selectors.DefaultSelector() as waiting:
        for pipe, event in (
            (stdin, selectors.EVENT_WRITE),
            (stdout, selectors.EVENT_READ),
            (stderr, selectors.EVENT_READ),
        ):
            os.set_blocking(pipe.fileno(), False)
            waiting.register(pipe, event)
        while waiting.get_map():
            if (patience := until - time.monotonic()) <= 0:
                raise TimeoutError
            for key, _ in waiting.select(patience):
                pipe = key.fileobj  # type: ignore[assignment]
                if pipe is stdin:
                    left = _written(stdin, left)
                    done = not left
                else:
                    done = not _heard(pipe, heard[pipe])
                if done:
                    waiting.unregister(pipe)
                    pipe.close()
    return bytes(heard[stdout]), bytes(heard[stderr])


def _written(pipe: IO[bytes], left: memoryview) -> memoryview:
    try:
        return left[os.write(pipe.fileno(), left[:_PART]) :]
    except BrokenPipeError:
        return left[:0]  # it may know enough; what it says of it will show


def _heard(pipe: IO[bytes], so_far: bytearray) -> bool:
    part = os.read(pipe.fileno(), _PART)
    so_far += part
    if len(so_far) > MOST_WORDS:
        raise EngineError("it said far more than stands on a page")
    return bool(part)


def _ended(code: int, told: bytes) -> str:
    lines = told.decode("utf-8", "replace").split("\n")
    reason = " ".join(" ".join(lines).split())[:300]
    how = f"it ended with code {code}" if code > 0 else f"it was ended by signal {-code}"
    return f"{how}: {reason}" if reason else how

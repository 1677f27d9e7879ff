"""The lines of a log file, in bounded memory, without colours and progress bars."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

#: Of a large file its beginning (who is served) and its end (what happened last) are read.
HEAD_BYTES: Final = 256 * 2**10
TAIL_BYTES: Final = 4 * 2**20
#: A line is cut after so many characters: vLLM prints whole lists of architectures in one.
_LONGEST: Final = 1500
#: ANSI escape sequences, and other control characters but the tab.
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PACKED: Final = {b"\x1f\x8b": "gunzip", b"\x28\xb5\x2f\xfd": "unzstd", b"PK\x03\x04": "unzip"}


class UnreadableLogError(Exception):
    """The log cannot be read: why, and what mends it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


#: A line with its number; numbers after a part left out count from the end's beginning.
Line = tuple[int, str]


def read_lines(file: Path) -> list[Line]:
    """Give the log's lines with their numbers; raises `UnreadableLogError`.

    A progress bar, which writes over itself, is one line for each of its states.
    """
    try:
        if file.is_dir():
            raise UnreadableLogError(
                f"{file} is a folder.", "Name the log file itself: `kb doctor --log FOLDER/FILE`."
            )
        if not file.is_file() and file.exists():
            raise UnreadableLogError(
                f"{file} is no ordinary file, so its end cannot be read.",
                "Write the log into a file first: `docker logs NAME > vllm.log 2>&1`.",
            )
        head, tail, skipped = _ends(file)
    except FileNotFoundError:
        raise UnreadableLogError(
            f"There is no file {file}.",
            "Write the server's output into one: `vllm serve ... > vllm.log 2>&1`, or "
            "`docker logs NAME > vllm.log 2>&1`.",
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableLogError(
            f"{file} cannot be read: {reason}.",
            f"Give yourself the right to read it (`sudo chmod a+r {file}`) or copy it.",
        ) from error
    for magic, program in _PACKED.items():
        if head.startswith(magic):
            raise UnreadableLogError(
                f"{file} is compressed.", f"Unpack it first: `{program} {file}`."
            )
    first = _clean(_decoded(head), 1)
    return first + _clean(_decoded(tail, like=head), skipped + 1) if tail else first


def _ends(file: Path) -> tuple[bytes, bytes, int]:
    """Give the file's head and tail, and how many lines come before the tail."""
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
        size = file.stat().st_size
        if size <= HEAD_BYTES + TAIL_BYTES:
            return head + opened.read(TAIL_BYTES), b"", 0
        lines = head.count(b"\n")
        left = size - TAIL_BYTES - HEAD_BYTES
        while left > 0 and (piece := opened.read(min(left, 2**20))):
            lines += piece.count(b"\n")
            left -= len(piece)
        return head, opened.read(TAIL_BYTES), lines


def _decoded(data: bytes, like: bytes = b"") -> str:
    """Decode what a shell wrote; PowerShell writes UTF-16."""
    mark = (like or data)[:2]
    if mark in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16-le" if mark == b"\xff\xfe" else "utf-16-be", errors="replace")
    return data.decode(errors="replace")


def _clean(text: str, number: int) -> list[Line]:
    lines: list[Line] = []
    for whole in text.split("\n"):
        for part in _LINE_END.split(whole):
            seen = _CONTROL.sub("", _COLOURS.sub("", part[:_LONGEST])).lstrip("\ufeff").rstrip()
            if seen:
                lines.append((number, seen))
        number += 1
    return lines

"""Writing to stdout and stderr, whatever they are: a terminal, a closed pipe, a full disk."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from cli.secret import scrub, scrub_all

if TYPE_CHECKING:
    from rich.console import Console

    from cli.render.styled import Text

_PLAIN: Final = {"›": ">", "…": "...", "·": "-", "“": '"', "”": '"', "–": "-", "→": "->", "�": "?"}


def _visible(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding cannot say: our own signs by ASCII, the rest by escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    told = (_PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in bad)
    return "".join(told), error.end


def prepare() -> None:
    """Make both streams take any character, so that no output can fail for its text."""
    codecs.register_error("kb.visible", _visible)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="kb.visible")


def write(text: str, *, err: bool = False) -> None:
    """Print text as it stands, without secrets; a reader that has gone away is no error.

    Raises `click.ClickException` when stdout cannot be written for another reason.
    """
    stream: TextIO | None = sys.stderr if err else sys.stdout
    if stream is None:
        return
    try:
        stream.write(scrub(text))
        stream.flush()
    except BrokenPipeError:
        _let_go(stream)
    except OSError as error:
        _let_go(stream)
        if not err:
            told = error.strerror or error
            raise click.ClickException(f"The output could not be written: {told}.") from error


def _let_go(stream: TextIO) -> None:
    """Send what is still in the stream's buffer, and all that follows, nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say(sentence: str) -> None:
    """Print one line on stderr."""
    from cli.render.text import clean

    write(clean(sentence) + "\n", err=True)


def emit_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout, readable where the encoding allows, escaped elsewhere."""
    safe = scrub_all(value)
    text = json.dumps(safe, ensure_ascii=False, default=str)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(safe, default=str)
    write(text + "\n")


def emit(lines: Iterable[Text], *, err: bool = False) -> None:
    """Print finished lines, with styles on a terminal and without them elsewhere."""
    lines = (line.seen() for line in lines)
    terminal = is_terminal(err=err)
    if not (terminal or os.environ.get("FORCE_COLOR") or os.environ.get("TTY_COMPATIBLE")):
        write("".join(f"{line.plain}\n" for line in lines), err=err)
        return
    buffer = io.StringIO()
    console = make_console(buffer, terminal=terminal)
    for line in lines:
        console.print(line.drawn(), soft_wrap=True)
    write(buffer.getvalue(), err=err)


def is_terminal(*, err: bool = False) -> bool:
    """Tell whether a person watches the stream."""
    stream: TextIO | None = sys.stderr if err else sys.stdout
    return stream is not None and stream.isatty()


def make_console(file: TextIO, *, terminal: bool) -> Console:
    """Give rich's view of a stream; it decides about styles, and interprets nothing in texts."""
    from rich.console import Console

    from cli.render.text import columns

    return Console(
        file=file,
        width=columns(),
        # None leaves a way for FORCE_COLOR.
        force_terminal=True if terminal else None,
        highlight=False,
        markup=False,
        emoji=False,
    )

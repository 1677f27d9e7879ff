"""Finds in a log's lines the latest start of the server and what became of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kb.doctor.machine.log_file import Line
from kb.doctor.machine.server_lines import HARMLESS, KNOWN, READY, STAGES, START, STOPPED, Known

#: What a start tells about itself; the last match counts.
_ABOUT: Final = {
    "version": re.compile(r"(?:server version |[█▀▄] {1,4}version |LLM engine \(v)([\w.+-]+)"),
    "model": re.compile(r"Initializing an? .{0,9}LLM engine .{0,80}?\bmodel='?([^',]+)"),
    "max_model_len": re.compile(r"(?:Using max model len |\bmax_seq_len=)(\d+)"),
    "dtype": re.compile(r"\bdtype=torch\.(\w+)"),
    "device": re.compile(r"\bdevice_config=(\w+)"),
    "pooling": re.compile(r"\bpooling_type=\W*(MEAN|CLS|LAST|ALL)\b"),
    "port": re.compile(r"(?:server on \S+?:|'port': |\bport=|Uvicorn running on \S+?:)(\d{2,5})\b"),
}
#: The model where the start ended before its engine was made.
_MODEL: Final = re.compile(r"'model(?:_tag)?': '([^']+)'")
_ERROR: Final = re.compile(r"(?:^|\s)((?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt)\b: \S.*)")
#: Keys and tokens as they stand in command lines, argument lists and headers.
_SECRETS: Final = (
    re.compile(r"""(?i)(api[-_]?keys?['"]?\s*[=:]?\s*\[?['"]?)(?!None)[^\s'",\])}]+"""),
    re.compile(
        r"""(?i)((?:hf_|hugging_?face_hub_|access_|auth_)?token['"]?\s*[=:]\s*['"]?)[^\s'",)]+"""
    ),
    re.compile(r"(?i)(bearer\s+)\S+"),
    re.compile(r"()\b(?:hf_|sk-)[\w-]{6,}"),
    re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)"),
)
_FRAME: Final = re.compile(r'File "[^"]+", line \d+')
#: vLLM's own port, which its list of arguments leaves out.
_PORT: Final = "8000"
#: A line that is quoted is not quoted whole.
_QUOTED: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A line that ended the server: what it means, what mends it, where it stands."""

    kind: str
    message: str
    hint: str
    line: int
    #: The line without secrets.
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The latest start in a log."""

    #: Some line was vLLM's.
    known: bool
    starts: int
    ready: bool
    #: The line at which somebody stopped it; 0: nobody did.
    stopped: int
    #: The causes, the first one first.
    found: tuple[Found, ...]
    #: How far the start got, and the share of that step in percent.
    stage: str
    done: int | None
    #: An error that is not known, at the end of a start that was not finished.
    error: str
    #: What the start says of itself: "version", "model", "max_model_len", "dtype", ...
    about: Mapping[str, str] = field(default_factory=dict)


def story_of(lines: Sequence[Line], scrub: Callable[[str], str] = str) -> Story:
    """Give the latest start; `scrub` takes the user's own key out of a line."""
    run, starts = _latest(lines)
    stopped = next((place for place, (_, text) in enumerate(run) if STOPPED.search(text)), None)
    # What is printed while a server is being stopped is no failure of its own.
    lived = run if stopped is None else run[:stopped]
    about = _about(run)
    ready_at = next((place for place, (_, text) in enumerate(lived) if READY.search(text)), None)
    found = _found(lived, about.get("port", ""), lambda text: scrub(clean(text)))
    stage, done = _stage(lived)
    return Story(
        known=bool(starts or about or found or stage or ready_at is not None),
        starts=starts,
        ready=ready_at is not None,
        stopped=0 if stopped is None else run[stopped][0],
        found=found,
        stage=stage,
        done=done,
        error="" if ready_at is not None or found else scrub(clean(_last_error(lived))),
        about=about,
    )


def clean(text: str) -> str:
    """Give a line without keys, cut to a length that can be quoted.

    >>> clean("args: {'api_key': ['s3cret'], 'port': 8000}")
    "args: {'api_key': ['***'], 'port': 8000}"
    """
    for pattern in _SECRETS:
        text = pattern.sub(r"\1***", text)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"


def _latest(lines: Sequence[Line]) -> tuple[list[Line], int]:
    """Give the lines of the latest start, and how many starts there are."""
    at = [place for place, (_, text) in enumerate(lines) if START.search(text)]
    return list(lines[at[-1] :] if at else lines), len(at)


def _about(run: Sequence[Line]) -> dict[str, str]:
    about: dict[str, str] = {}
    for _, text in run:
        for name, pattern in _ABOUT.items():
            if (seen := pattern.search(text)) is not None:
                about[name] = seen[1].strip()
        if "model" not in about and (seen := _MODEL.search(text)) is not None:
            about["model"] = seen[1]
    return {name: clean(value)[:120] for name, value in about.items()}


def _found(run: Sequence[Line], port: str, scrub: Callable[[str], str]) -> tuple[Found, ...]:
    """Give each known cause once, in order; mere consequences only where there is no cause."""
    causes: dict[str, Found] = {}
    after: dict[str, Found] = {}
    for number, text in _without_code(run):
        seen = None if HARMLESS.search(text[:200]) else _match(text)
        if seen is not None:
            known, names = seen
            kept = after if known.follows else causes
            kept.setdefault(known.kind, _told(known, names, number, scrub(text), port))
    return tuple((causes or after).values())


def _without_code(run: Sequence[Line]) -> Iterator[Line]:
    """Leave out the program lines that tracebacks quote: they name errors that did not happen."""
    column = None
    for number, text in run:
        frame = _FRAME.search(text)
        if frame is not None:
            column = frame.start()
        # Quoted lines stand two further in than the line that names their file.
        elif column is None or text[column : column + 2] != "  ":
            column = None
            yield number, text


def _match(text: str) -> tuple[Known, dict[str, str]] | None:
    for known in KNOWN:
        seen = known.pattern.search(text)
        if seen is not None:
            # A pattern with two branches names the same thing twice: path and path2.
            names = {
                name.rstrip("0123456789"): value
                for name, value in seen.groupdict().items()
                if value is not None
            }
            return known, names
    return None


def _told(known: Known, names: dict[str, str], number: int, text: str, port: str) -> Found:
    values = {"path": "the folder", "name": "of the model", "fits": "8192"}
    values |= {"port": port or _PORT} | names
    if "free" in names:
        values["share"] = f"{0.95 * float(names['free']) / max(float(names['total']), 0.01):.2f}"
    values = {name: clean(value)[:120] for name, value in values.items()}
    return Found(
        kind=known.kind,
        message=re.sub(r" +(?=[.,])", "", known.message.format_map(values)),
        hint=known.hint.format_map(values),
        line=number,
        text=text,
    )


def _stage(run: Sequence[Line]) -> tuple[str, int | None]:
    stage, done = "", None
    for _, text in run:
        for pattern, name in STAGES:
            if (seen := pattern.search(text)) is not None:
                share = seen.groupdict().get("done")
                stage, done = name, None if share is None else min(int(share), 100)
    return stage, done


def _last_error(run: Sequence[Line]) -> str:
    """Give the error that a traceback ends with, where the log ends with one."""
    if not any("Traceback (most recent call last)" in text for _, text in run):
        return ""
    errors = [seen[1] for _, text in run if (seen := _ERROR.search(text)) is not None]
    return errors[-1] if errors else ""

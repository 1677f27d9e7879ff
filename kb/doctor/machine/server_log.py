"""What a vLLM log says about its latest start: ready, still loading, stopped, or why it failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kb.doctor.check import Check, fail, ok, warn
from kb.doctor.examination import Examination
from kb.doctor.machine.log_file import UnreadableLogError, read_lines
from kb.doctor.machine.log_story import Found, Story, story_of

_NAME: Final = "machine.log"
#: More causes than this are consequences.
_MOST: Final = 3


def checks(examination: Examination, file: Path) -> Iterator[Check]:
    """Read the log and tell its latest start; a known cause beside the first is told after it."""
    try:
        lines = read_lines(file)
    except UnreadableLogError as error:
        yield fail(_NAME, error.message, error.hint)
        return
    story = story_of(lines, examination.scene.scrub)
    if not story.known:
        yield _strange(file, len(lines))
        return
    answers = "vectors" in examination.facts
    if story.found:
        first, *others = story.found[:_MOST]
        yield _failed(story, first, _NAME, answers=answers)
        for other in others:
            yield _failed(story, other, f"{_NAME}_{other.kind}", answers=answers)
    else:
        yield _calm(story, file, answers=answers)


def _strange(file: Path, lines: int) -> Check:
    return warn(
        _NAME,
        f"{file} has {lines:,} lines, and none that vLLM writes when it starts or fails.",
        "Name the file that holds all the server prints: `vllm serve ... > vllm.log 2>&1`, or "
        "`docker logs NAME > vllm.log 2>&1`.",
    )


def _failed(story: Story, found: Found, name: str, *, answers: bool) -> Check:
    when = "after the start was finished" if story.ready else "before the start was finished"
    where = f"line {found.line:,} of the log, {when}"
    message = f"{found.message.rstrip('.')} ({where})."
    figures = _figures(story) | {"found": found.kind, "line": found.line, "says": found.text}
    if not answers:
        return fail(name, message, found.hint, **figures)
    hint = f"The server answers now, so the log is of an earlier start. Then: {found.hint}"
    return warn(name, message, hint, **figures)


def _calm(story: Story, file: Path, *, answers: bool) -> Check:
    """Tell a log that holds no failure."""
    figures = _figures(story)
    if story.stopped:
        when = "after it had started" if story.ready else "before its start was finished"
        return (ok if answers else warn)(
            _NAME,
            f"The log ends with the server being stopped, {when} (line {story.stopped:,}).",
            **({} if answers else {"hint": "Start the server again."}),
            **figures,
        )
    if story.ready:
        return ok(_NAME, f"The log shows a finished start: {_who(story)}.", **figures)
    if story.error:
        return fail(
            _NAME,
            f"The start ended with an error that kb does not know: {story.error}",
            "Look for that sentence in vLLM's issues; the lines above it in the log say where.",
            **figures,
        )
    stage = story.stage or "starting"
    done = "" if story.done is None else f" ({story.done}%)"
    return warn(
        _NAME,
        f"The start is not finished in this log: it is {stage}{done}.",
        f"Wait for `Application startup complete` (`tail -f {file}`); if nothing moves for "
        "minutes, look at the disk and at `nvidia-smi`.",
        **figures,
    )


def _who(story: Story) -> str:
    about = story.about
    told = f"vLLM {about['version']}" if "version" in about else "vLLM"
    told += f" with {about['model']}" if "model" in about else ""
    more = [f"max_model_len {about['max_model_len']}"] if "max_model_len" in about else []
    more += [about[name] for name in ("dtype", "pooling", "device") if name in about]
    return f"{told} ({', '.join(more)})" if more else told


def _figures(story: Story) -> dict[str, Any]:
    return {**story.about, "starts": story.starts, "ready": story.ready}

"""How far a run is: a bar on a terminal, a line for each event elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from cli.output import is_terminal, make_console, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from kb.pipeline.observe import Observer, Progress

#: The bar is drawn at most this often, so that watching costs nothing.
SECONDS = 0.1


@contextmanager
def watching(*, quiet: bool) -> Iterator[Observer]:
    """Give an observer that tells stderr what a run says, in the way stderr can show."""
    if quiet:
        from kb.pipeline.observe import Silent

        yield Silent()
        return
    if not is_terminal(err=True) or os.environ.get("TERM") == "dumb":
        yield Lines()
        return
    with _bars(make_console(sys.stderr, terminal=True)) as bars:
        yield Bar(bars)


class Lines:
    """Prints each sentence on a line of stderr; steps in between are not told."""

    def say(self, sentence: str) -> None:
        """Print the sentence."""
        say(sentence)

    def advance(self, progress: Progress) -> None:
        """Take no notice."""


class Bar:
    """Draws a bar below the sentences."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("", total=None, visible=False, chunks="")
        self._started = monotonic()
        self._drawn = 0.0

    def say(self, sentence: str) -> None:
        """Print the sentence above the bar."""
        from rich.text import Text

        from cli.render.text import clean

        self._bars.console.print(Text(clean(sentence)), soft_wrap=True)

    def advance(self, progress: Progress) -> None:
        """Draw the latest state, unless the last drawing is very recent."""
        now = monotonic()
        last = progress.documents_done >= progress.documents_total
        if now - self._drawn < SECONDS and not last:
            return
        self._drawn = now
        rate = progress.chunks_done / max(now - self._started, 0.001)
        chunks = f"{progress.chunks_done:,} chunks, {rate:,.0f}/s · "
        self._bars.update(
            self._task,
            visible=True,
            description=progress.activity,
            completed=progress.documents_done,
            total=progress.documents_total or None,
            # Where no passage is made, as when questions are asked, none is counted.
            chunks=chunks if progress.chunks_done else "",
        )


def _bars(console: Console) -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Made

    return Made(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("· {task.fields[chunks]}", markup=False),
        TimeRemainingColumn(compact=True),
        TextColumn("left", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )

"""What a measured set found, question by question, as a file; and the difference of two of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kb.errors import UsageError, failure
from kb.pipeline.marks import Paired, pair

if TYPE_CHECKING:
    from kb.pipeline.evaluate import Evaluation

SCHEMA: Final = "kb.eval-run/1"
#: Fewer questions than this prove nothing, whatever the test says.
_FEW: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as it was written: about itself, and the measures of each question by its id."""

    file: Path
    about: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two runs, measure by measure, over the questions that both asked."""

    mine: Run
    other: Run
    questions: int
    #: Questions of one run alone.
    apart: int
    measures: Mapping[str, Paired]

    @property
    def verdict(self) -> str:
        """Say in a sentence what is to be made of it."""
        told = [name for name, each in self.measures.items() if each.clear]
        if self.questions < _FEW:
            return f"{self.questions} questions are too few to tell a difference from chance."
        better = [name for name in told if self.measures[name].difference > 0]
        worse = [name for name in told if self.measures[name].difference < 0]
        if not told:
            return "No measure differs by more than chance explains."
        parts = [
            f"{word} in {', '.join(names)}"
            for word, names in (("better", better), ("worse", worse))
            if names
        ]
        return f"The second run is {' and '.join(parts)}, by more than chance explains."

    def as_json(self) -> dict[str, Any]:
        """Give it as `kb eval --compare --json` prints it (`kb.eval-compare/1`)."""
        return {
            "schema": "kb.eval-compare/1",
            "runs": [dict(self.mine.about), dict(self.other.about)],
            "queries": self.questions,
            "queries_of_one_run": self.apart,
            "metrics": {
                name: asdict(each) | {"difference": each.difference, "clear": each.clear}
                for name, each in self.measures.items()
            },
            "verdict": self.verdict,
        }


def write_run(file: Path, found: Evaluation) -> None:
    """Write a line about the run and one for each question; raises `UsageError`."""
    about = found.as_json() | {"schema": SCHEMA}
    lines = [about, *(row.as_json() for row in found.rows)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    try:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        told = f"{file} cannot be written: {error.strerror or error}."
        hint = "Name another file with --out."
        raise UsageError(failure("usage.runs", told, source=str(file), hint=hint)) from error


def read_run(file: Path) -> Run:
    """Read what `write_run` wrote; raises `UsageError` (`usage.runs`) where it is none."""
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        raise _no_run(file, f"{file} cannot be read: {told}.") from error
    if not lines or not isinstance(lines[0], dict) or lines[0].get("schema") != SCHEMA:
        raise _no_run(file, f"{file} is not what `kb eval --out` writes.")
    try:
        measures = {row["id"]: dict(_measures(row)) for row in lines[1:]}
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_run(file, f"{file} has a line that `kb eval --out` does not write.") from error
    return Run(file=file, about=lines[0], measures=measures)


def compare_runs(mine: Run, other: Run) -> Difference:
    """Compare two runs on the questions that both asked; raises `UsageError` where there are none.

    A measure that one of them lacks for a question, as the page of a file without pages, is
    compared on the other questions.
    """
    common = [name for name in mine.measures if name in other.measures]
    if not common:
        message = f"{mine.file} and {other.file} have no question in common."
        raise UsageError(failure("usage.runs", message))
    names = dict.fromkeys(name for query in common for name in mine.measures[query])
    found: dict[str, Paired] = {}
    for name in names:
        both = [
            (mine.measures[query][name], other.measures[query][name])
            for query in common
            if name in mine.measures[query] and name in other.measures[query]
        ]
        if both:
            found[name] = pair([first for first, _ in both], [second for _, second in both])
    return Difference(
        mine=mine,
        other=other,
        questions=len(common),
        apart=len(mine.measures) + len(other.measures) - 2 * len(common),
        measures=found,
    )


def _measures(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Give the measures of a question; the characters read are no share, and are left out."""
    for name, value in row["documents"].items():
        yield f"documents {name}", float(value)
    for name, value in row["passages"].items():
        if value is not None and name != "read":
            yield f"passages {name}", float(value)


def _no_run(file: Path, message: str) -> UsageError:
    return UsageError(failure("usage.runs", message, source=str(file)))

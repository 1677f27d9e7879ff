"""Do questions lie close to the passages that answer them, and under which prompts?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from kb.doctor.check import Check, fail, ok, skip, warn
from kb.doctor.examination import Examination
from kb.doctor.outcomes import failing
from kb.doctor.texts import PAIRS, Pair, Wording
from kb.embed.prompts import PROMPTS

if TYPE_CHECKING:
    from kb.model import Matrix

Language: TypeAlias = Literal["English", "Chinese"]
Templates: TypeAlias = tuple[str, str]

#: Texts in one request.
_BATCH: Final = 32
#: A server that took longer for the first prompts is spared the others, in seconds.
_SLOW_S: Final = 15.0
#: A model knows a language if the right passage comes first for this share of the questions.
_KNOWN: Final = 0.75
#: Other prompts are better where so many more questions of eight find their passage, or where
#: the right passage leads by so much more: in standard deviations of the wrong ones, and as a
#: share of its lead now.
_MORE: Final = 2
_FARTHER: Final = 0.75
_SHARE: Final = 0.35
_READ: Final[dict[Language, Callable[[Pair], Wording]]] = {
    "English": lambda pair: pair.english,
    "Chinese": lambda pair: pair.chinese,
}


class UnansweredError(Exception):
    """A request brought no vectors; the check tells why."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.message)
        self.check = check


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well questions find their passages."""

    #: Questions whose own passage lies closest, of so many.
    right: int
    of: int
    #: By how much the right passage leads the best wrong one on average, as a cosine.
    margin: float
    #: The same in standard deviations of the wrong ones: comparable between prompts.
    lead: float

    @property
    def knows(self) -> bool:
        """Tell whether the questions were understood."""
        return self.right >= _KNOWN * self.of

    def told(self) -> str:
        """Give the figures for a sentence."""
        return f"{self.right} of {self.of} questions find their passage, margin {self.margin:+.2f}"

    def figures(self) -> dict[str, float]:
        """Give the figures for a check's detail."""
        return {
            "right": self.right,
            "of": self.of,
            "margin": round(self.margin, 4),
            "lead": round(self.lead, 3),
        }


class _Sheet:
    """Vectors of texts, each text embedded once."""

    def __init__(self, examination: Examination) -> None:
        self._examination = examination
        self._vectors: dict[str, Matrix] = {}

    def fill(self, name: str, texts: Sequence[str]) -> None:
        """Embed those of the texts that are new; raises `UnansweredError`."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        most = max(1, min(_BATCH, self._examination.largest_batch))
        for start in range(0, len(new), most):
            part = new[start : start + most]
            outcome = self._examination.embed(part)
            if outcome.rows is None:
                raise UnansweredError(failing(name, outcome))
            rows = outcome.rows.astype(np.float64)
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            with np.errstate(all="ignore"):
                units = np.nan_to_num(rows / np.where(norms > 0, norms, 1.0))
            self._vectors |= dict(zip(part, units, strict=True))

    def score(self, questions: Sequence[str], passages: Sequence[str]) -> Score:
        """Compare each question with all passages; the one at its own place is the right one."""
        one = np.stack([self._vectors[text] for text in questions])
        other = np.stack([self._vectors[text] for text in passages])
        cosines = one @ other.T
        own = np.eye(len(questions), dtype=bool)
        wrong = np.where(own, -np.inf, cosines).max(axis=1)
        leads = cosines.diagonal() - wrong
        spread = float(cosines[~own].std())
        return Score(
            right=int((leads > 0).sum()),
            of=len(questions),
            margin=float(leads.mean()),
            lead=float(leads.mean()) / max(spread, 1e-9),
        )


def checks(examination: Examination) -> Iterator[Check]:
    """Compare questions and passages in English, Chinese and across; then the prompts."""
    sheet, mine = _Sheet(examination), examination.templates
    started = time.monotonic()
    sheet.fill("vectors.english", _texts(mine))
    seconds = time.monotonic() - started
    english, chinese = _score(sheet, mine, "English"), _score(sheet, mine, "Chinese")
    if not english.knows and not chinese.knows:
        yield _meaningless(english, chinese)
        return
    silent: UnansweredError | None = None
    try:
        # Before a model is said not to know a language: the prompts may be what is wrong.
        prefixes = _prefixes(examination, sheet) if seconds <= _SLOW_S else _uncompared(seconds)
    except UnansweredError as error:
        silent, prefixes = error, _uncompared(seconds)
    better = str(prefixes.detail.get("better", ""))
    yield _of_english(english, better)
    yield _of_chinese(chinese, better)
    yield _across(sheet, mine, knows=english.knows and chinese.knows)
    if silent is not None:
        raise silent
    yield prefixes


def _uncompared(seconds: float) -> Check:
    message = f"Not compared: the first texts took {seconds:.0f} s. See `kb doctor --prompts`."
    return skip("vectors.prefixes", message)


def _texts(templates: Templates) -> list[str]:
    return [text for read in _READ.values() for part in _sides(templates, read) for text in part]


def _sides(templates: Templates, read: Callable[[Pair], Wording]) -> tuple[list[str], list[str]]:
    """Give the questions and the passages of a language as they are sent."""
    query, passage = templates
    wordings = [read(pair) for pair in PAIRS]
    return (
        [query.replace("{text}", each.question) for each in wordings],
        [passage.replace("{text}", each.passage) for each in wordings],
    )


def _score(sheet: _Sheet, templates: Templates, language: Language) -> Score:
    return sheet.score(*_sides(templates, _READ[language]))


# -- languages -------------------------------------------------------------------------------


def _meaningless(english: Score, chinese: Score) -> Check:
    return fail(
        "vectors.english",
        f"The vectors carry no meaning: in English {english.told()}; in Chinese "
        f"{chinese.right} of {chinese.of}.",
        "See in the server's log which weights it loaded: random or untrained ones, or a model "
        "that is no embedding model. Qwen3-Embedding needs last-token pooling "
        "(llama.cpp: `--pooling last`).",
        english=english.figures(),
        chinese=chinese.figures(),
    )


def _with_these_prompts(name: str, language: Language, score: Score, better: str) -> Check:
    message = f"{language} is not well understood with the prompts in force: {score.told()}."
    return warn(name, message, f"Set KB_PROMPTS={better}.", **score.figures())


def _of_english(score: Score, better: str) -> Check:
    name = "vectors.english"
    if score.knows:
        return ok(name, f"English is understood: {score.told()}.", **score.figures())
    if better:
        return _with_these_prompts(name, "English", score, better)
    return warn(
        name,
        "This model does not know English well: kb finds English passages by their words "
        f"({score.told()}).",
        "Use a model that knows your languages (Qwen3-Embedding, bge-m3, multilingual-e5).",
        **score.figures(),
    )


def _of_chinese(score: Score, better: str) -> Check:
    name = "vectors.chinese"
    if score.knows:
        return ok(name, f"Chinese is understood: {score.told()}.", **score.figures())
    if better:
        return _with_these_prompts(name, "Chinese", score, better)
    return warn(
        name,
        "This model does not know Chinese: kb finds Chinese passages by their words "
        f"({score.told()}).",
        "For Chinese documents serve a model that knows Chinese (Qwen3-Embedding, bge-m3, "
        "multilingual-e5); else nothing needs to be done.",
        **score.figures(),
    )


def _across(sheet: _Sheet, templates: Templates, *, knows: bool) -> Check:
    name = "vectors.cross"
    if not knows:
        return skip(name, "Not compared across languages: only one of the two is understood.")
    english = _sides(templates, _READ["English"])
    chinese = _sides(templates, _READ["Chinese"])
    there, back = sheet.score(english[0], chinese[1]), sheet.score(chinese[0], english[1])
    right, total = there.right + back.right, there.of + back.of
    margin = (there.margin + back.margin) / 2
    figures = {"right": right, "of": total, "margin": round(margin, 4)}
    told = f"{right} of {total} questions find the passage in the other language"
    if right >= _KNOWN * total:
        return ok(name, f"English and Chinese meet: {told}, margin {margin:+.2f}.", **figures)
    return warn(
        name,
        f"English and Chinese do not meet: {told}.",
        "Ask in the language of the documents, or serve a model that was trained across "
        "languages (Qwen3-Embedding, bge-m3, multilingual-e5).",
        **figures,
    )


# -- prompts ---------------------------------------------------------------------------------


def _prefixes(examination: Examination, sheet: _Sheet) -> Check:
    name, mine = "vectors.prefixes", examination.settings.prompts
    tried: dict[str, Templates] = {mine: examination.templates}
    tried |= {preset: each for preset, each in PROMPTS.items() if preset != mine}
    for each in tried.values():
        sheet.fill(name, _texts(each))
    scores: dict[str, dict[Language, Score]] = {
        preset: {language: _score(sheet, each, language) for language in _READ}
        for preset, each in tried.items()
    }
    detail = {
        preset: {language: score.figures() for language, score in found.items()}
        for preset, found in scores.items()
    }
    for language in _READ:
        better = _better(scores, mine, language)
        if better is not None:
            return _poor(scores, mine, better, language, detail)
    told = ", ".join(f"{preset} {_short(found)}" for preset, found in scores.items())
    message = f"No prompts are clearly better than {mine} (right in English/Chinese: {told})."
    return ok(name, message, prompts=detail)


def _short(scores: dict[Language, Score]) -> str:
    return "/".join(f"{score.right}" for score in scores.values())


def _better(scores: dict[str, dict[Language, Score]], mine: str, language: Language) -> str | None:
    """Give the prompts under which a language is found markedly better, None where none are."""
    now = scores[mine][language]

    def gain(preset: str) -> tuple[int, float]:
        other = scores[preset][language]
        return other.right - now.right, other.lead - now.lead

    best = max((preset for preset in scores if preset != mine), key=gain)
    if not scores[best][language].knows:
        return None
    more, farther = gain(best)
    ahead = more >= 0 and farther >= max(_FARTHER, _SHARE * abs(now.lead))
    return best if more >= _MORE or ahead else None


def _poor(
    scores: dict[str, dict[Language, Score]],
    mine: str,
    better: str,
    language: Language,
    detail: dict[str, dict[Language, dict[str, float]]],
) -> Check:
    now, then = scores[mine][language], scores[better][language]
    return warn(
        "vectors.prefixes",
        f"Poor {language} results for want of prefixes: with the prompts {mine} {now.told()}; "
        f"with {better} {then.right} of {then.of}, margin {then.margin:+.2f}.",
        f"Set KB_PROMPTS={better} and make the knowledge base anew with it; measure it on your "
        "own documents first with `kb doctor --prompts`.",
        prompts=detail,
        better=better,
    )

"""Every setting of `kb`, read once: command-line option, environment, `kb.toml`, default.

The table is the dataclass `Settings` itself: each field's metadata holds its name in `kb.toml`,
its environment variable and how a text becomes its value.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from kb.errors import UsageError, failure

MASK: Final = "(set, not shown)"
MODES: Final = ("hybrid", "dense", "lexical")
OCR_ENGINES: Final = ("auto", "off", "tesseract", "rapidocr")
PROMPT_NAMES: Final = ("e5", "qwen3", "none", "custom")
_SECRETS: Final = frozenset({"api_key", "rerank_api_key"})


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text is needed")
    return value.strip()


def _template(value: object) -> str:
    if not isinstance(value, str) or value.count("{text}") != 1:
        raise ValueError("a text that holds {text} exactly once is needed")
    return value


def _whole(value: object) -> int:
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError("a whole number above 0 is needed")
    return number


def _whole_or_none(value: object) -> int:
    return 0 if value in (0, "0") else _whole(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a number of seconds is needed")  # noqa: TRY004 - told as one sentence
    number = float(value)
    if not 0 < number < 86_400:
        raise ValueError("a number of seconds between 0 and 86400 is needed")
    return number


def _engine(value: object) -> str:
    told = "off" if value is False else str(value).strip().lower()
    return _one_of(*OCR_ENGINES)("off" if told in ("no", "none", "0", "false") else told)


def _one_of(*names: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in names:
            raise ValueError(f"one of {', '.join(names)} is needed")
        return str(value)

    return parse


def _setting(
    key: str,
    env: str | None,
    parse: Callable[[object], Any],
    default: Any = None,  # noqa: ANN401
) -> Any:  # noqa: ANN401 - dataclasses.field() is typed the same way
    return field(default=default, metadata={"key": key, "env": env, "parse": parse})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one command; `origins` says where each value that is not a default is from.

    None means that `kb` finds the value out itself (measured, or asked of the endpoint).
    """

    base_url: str | None = _setting("embedding.base_url", "KB_BASE_URL", _text)
    model: str | None = _setting("embedding.model", "KB_MODEL", _text)
    api_key: str | None = _setting("embedding.api_key", "KB_API_KEY", _text)
    dimensions: int | None = _setting("embedding.dimensions", "KB_DIMENSIONS", _whole)
    prompts: str = _setting("embedding.prompts", "KB_PROMPTS", _one_of(*PROMPT_NAMES), "e5")
    query_template: str | None = _setting("embedding.query_template", None, _template)
    passage_template: str | None = _setting("embedding.passage_template", None, _template)
    instruction: str | None = _setting("embedding.instruction", None, _text)
    concurrency: int | None = _setting("embedding.concurrency", "KB_CONCURRENCY", _whole)
    batch_tokens: int | None = _setting("embedding.batch_tokens", "KB_BATCH_TOKENS", _whole)
    max_input_tokens: int | None = _setting(
        "embedding.max_input_tokens", "KB_MAX_INPUT_TOKENS", _whole
    )
    timeout_s: float | None = _setting("embedding.timeout_s", "KB_TIMEOUT_S", _seconds)
    max_retries: int | None = _setting("embedding.max_retries", "KB_MAX_RETRIES", _whole_or_none)
    target_tokens: int | None = _setting("chunking.target_tokens", None, _whole)
    overlap_tokens: int | None = _setting("chunking.overlap_tokens", None, _whole_or_none)
    search_mode: str = _setting("search.mode", None, _one_of(*MODES), "hybrid")
    rerank_url: str | None = _setting("rerank.base_url", "KB_RERANK_URL", _text)
    rerank_model: str | None = _setting("rerank.model", "KB_RERANK_MODEL", _text)
    rerank_api_key: str | None = _setting("rerank.api_key", "KB_RERANK_API_KEY", _text)
    rerank_prompts: str | None = _setting("rerank.prompts", None, _one_of("qwen3", "none"))
    rerank_timeout_s: float | None = _setting("rerank.timeout_s", "KB_RERANK_TIMEOUT_S", _seconds)
    ocr: str | None = _setting("ocr.engine", "KB_OCR", _engine)
    ocr_languages: str | None = _setting("ocr.languages", "KB_OCR_LANGUAGES", _text)
    ocr_seconds: float | None = _setting("ocr.seconds", "KB_OCR_SECONDS", _seconds)
    origins: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> Iterator[SettingRow]:
        """Give every setting as `kb config` shows it, secrets masked."""
        for known in _known():
            value = getattr(self, known.name)
            key = known.metadata["key"]
            yield SettingRow(
                key=key,
                env=known.metadata["env"],
                value=MASK if known.name in _SECRETS and value else value,
                origin=self.origins.get(key, "default"),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting: its name in `kb.toml`, its value (masked) and where that came from."""

    key: str
    env: str | None
    value: object
    origin: str


def _known() -> tuple[Field[Any], ...]:
    return tuple(each for each in fields(Settings) if "key" in each.metadata)


def load_settings(
    home: Path | None,
    *,
    environ: Mapping[str, str],
    options: Mapping[str, object] = MappingProxyType({}),
) -> Settings:
    """Give the settings in force; `options` maps names of `kb.toml` to command-line values.

    Raises `UsageError` on a value that does not fit, or a name in `kb.toml` that is not known.
    """
    written = _read_toml(home / "kb.toml") if home else {}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for known in _known():
        key, env = known.metadata["key"], known.metadata["env"]
        for origin, value in (
            ("command line", options.get(key)),
            (f"environment ({env})", environ.get(env) or None if env else None),
            ("kb.toml", written.get(key)),
        ):
            if value is not None:
                values[known.name] = _parse(known, value, origin)
                origins[key] = origin
                break
    _check_known(written)
    # An endpoint that is named for one command is not asked for the built-in model of kb.toml.
    url, model = (origins.get(f"embedding.{name}") for name in ("base_url", "model"))
    if (url, model) == ("command line", "kb.toml") and values["model"].startswith("builtin:"):
        del values["model"], origins["embedding.model"]
    return Settings(origins=MappingProxyType(origins), **values)


def _parse(known: Field[Any], value: object, origin: str) -> object:
    try:
        return known.metadata["parse"](value)
    except ValueError as error:
        key = known.metadata["key"]
        shown = "the value" if known.name in _SECRETS else repr(value)
        reason = str(error) if "needed" in str(error) else "a number is needed"
        raise _bad_setting(
            f"{key}, from {origin}: {shown} does not fit: {reason}.",
            f"Correct {key}; `kb config` shows where each value comes from.",
        ) from error


def _check_known(written: Mapping[str, object]) -> None:
    known = {each.metadata["key"] for each in _known()}
    for key in written:
        if key not in known:
            raise _bad_setting(
                f"kb.toml has a setting that kb does not know: {key}.",
                "Correct its name or take it out; `kb config` lists every setting.",
            )


def _read_toml(file: Path) -> dict[str, object]:
    """Flatten `[table] key = value` to `{"table.key": value}`; an absent file is empty."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _bad_setting(
            f"{file} cannot be read: {error}.", "Correct the line that is named."
        ) from error
    flat: dict[str, object] = {}
    for name, table in tables.items():
        if isinstance(table, dict):
            flat |= {f"{name}.{key}": value for key, value in table.items()}
        else:
            flat[name] = table
    return flat


def _bad_setting(message: str, hint: str) -> UsageError:
    return UsageError(failure("usage.settings", message, hint=hint))

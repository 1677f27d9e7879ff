"""Settings: where they come from, what is refused, and that the key is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.config import MASK, load_settings
from kb.errors import UsageError
from kb.pipeline.toml_file import toml


def write(home: Path, text: str) -> Path:
    (home / "kb.toml").write_text(text, encoding="utf-8")
    return home


def row(settings, key):
    return next(each for each in settings.rows() if each.key == key)


def test_command_line_comes_before_environment_before_file_before_default(tmp_path: Path) -> None:
    home = write(tmp_path, '[embedding]\nmodel = "file"\nprompts = "qwen3"\n')
    environ = {"KB_MODEL": "env", "KB_DIMENSIONS": "640"}
    options = {"embedding.model": "option"}

    assert load_settings(home, environ={}).model == "file"
    assert load_settings(home, environ=environ).model == "env"
    settings = load_settings(home, environ=environ, options=options)
    assert (settings.model, settings.dimensions, settings.prompts) == ("option", 640, "qwen3")
    assert row(settings, "embedding.model").origin == "command line"
    assert row(settings, "embedding.dimensions").origin == "environment (KB_DIMENSIONS)"
    assert row(settings, "embedding.prompts").origin == "kb.toml"
    assert row(settings, "search.mode").origin == "default"


def test_an_empty_environment_variable_is_no_setting() -> None:
    assert load_settings(None, environ={"KB_BASE_URL": ""}).base_url is None


@given(st.text(min_size=1).filter(lambda key: key.strip()))
def test_the_key_is_never_shown(key: str) -> None:
    settings = load_settings(None, environ={"KB_API_KEY": key})
    assert settings.api_key == key.strip()
    assert row(settings, "embedding.api_key").value == MASK


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[embedding]\nmodle = 'x'\n", "embedding.modle"),
        ("modle = 'x'\n", "modle"),
        ("[embedding]\nprompts = 'e6'\n", "e5, qwen3, none, custom"),
        ("[embedding]\ndimensions = 0\n", "above 0"),
        ("[embedding]\ndimensions = true\n", "above 0"),
        ("[embedding]\ntimeout_s = -1\n", "between 0 and"),
        ("[embedding]\nquery_template = 'no place'\n", "{text}"),
        ("[embedding\n", "kb.toml"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(write(tmp_path, text), environ={})
    assert told in caught.value.failure.message


def test_a_bad_value_of_the_key_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(None, environ={}, options={"embedding.api_key": 12345678})
    assert "12345678" not in str(caught.value.failure)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t")))
def test_what_init_writes_is_what_is_read(text: str) -> None:
    import tomllib

    assert tomllib.loads(f"value = {toml(text)}")["value"] == text


@pytest.mark.parametrize(
    ("text", "told"),
    [("'off'", "off"), ("false", "off"), ("'None'", "off"), ("'Tesseract'", "tesseract")],
)
def test_recognising_letters_is_switched_off_in_many_words(
    tmp_path: Path, text: str, told: str
) -> None:
    home = write(tmp_path, f"[ocr]\nengine = {text}\nseconds = 90\n")
    settings = load_settings(home, environ={})
    assert (settings.ocr, settings.ocr_seconds, settings.ocr_languages) == (told, 90.0, None)
    assert load_settings(home, environ={"KB_OCR": "auto"}).ocr == "auto"


def test_an_engine_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ocr\.engine"):
        load_settings(write(tmp_path, "[ocr]\nengine = 'eyes'\n"), environ={})

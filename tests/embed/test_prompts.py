from __future__ import annotations

import pytest

from kb.embed import PROMPTS, prompt_warning
from kb.embed.prompts import QWEN3_TASK, templates
from kb.errors import UsageError
from kb.model import Profile


def _profile(forms: tuple[str, str]) -> Profile:
    return Profile(
        provider="endpoint",
        model="m",
        dimensions=4,
        query_template=forms[0],
        passage_template=forms[1],
    )


def test_qwen3_is_written_letter_by_letter_as_its_makers_write_it() -> None:
    profile = _profile(templates("qwen3"))
    assert profile.query("What is due?") == (
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\n"
        "Query:What is due?"
    )
    assert profile.passage("Rent is due.") == "Rent is due."


def test_e5_goes_before_both_sides() -> None:
    profile = _profile(templates("e5"))
    assert profile.query("a") == "query: a"
    assert profile.passage("a") == "passage: a"


def test_an_instruction_takes_the_place_of_qwens_task() -> None:
    query, passage = templates("qwen3", instruction="Find the clause that answers the question")
    assert query == "Instruct: Find the clause that answers the question\nQuery:{text}"
    assert passage == "{text}"
    assert QWEN3_TASK not in query


def test_custom_templates_are_taken_as_they_are() -> None:
    forms = templates("custom", query_template="Q {text}?", passage_template="{text}")
    assert forms == ("Q {text}?", "{text}")


@pytest.mark.parametrize("prompts", PROMPTS)
def test_every_convention_holds_the_text_once_on_each_side(prompts: str) -> None:
    assert all(form.count("{text}") == 1 for form in PROMPTS[prompts])


@pytest.mark.parametrize(
    ("prompts", "more"),
    [
        ("bert", {}),
        ("custom", {}),
        ("custom", {"query_template": "{text}"}),
        ("custom", {"query_template": "{text}", "passage_template": "no slot"}),
        ("custom", {"query_template": "{text}{text}", "passage_template": "{text}"}),
        ("e5", {"query_template": "{text}", "passage_template": "{text}"}),
        ("e5", {"instruction": "Find it"}),
        ("qwen3", {"instruction": "Find {text}"}),
        ("qwen3", {"instruction": "  "}),
    ],
)
def test_contradictions_are_refused_before_anything_is_sent(
    prompts: str, more: dict[str, str]
) -> None:
    with pytest.raises(UsageError) as caught:
        templates(prompts, **more)
    assert caught.value.failure.code == "usage.settings"


@pytest.mark.parametrize(
    ("model", "prompts", "wanted"),
    [
        ("Qwen/Qwen3-Embedding-4B", "e5", "Qwen recommends"),
        ("/models/qwen3-embedding-0.6b", "none", "Qwen recommends"),
        ("intfloat/multilingual-e5-large", "qwen3", "= e5"),
        ("BAAI/bge-m3", "e5", "= none"),
    ],
)
def test_prompts_of_another_family_are_remarked_on(model: str, prompts: str, wanted: str) -> None:
    assert wanted in (prompt_warning(model, prompts) or "")


@pytest.mark.parametrize(
    ("model", "prompts"),
    [
        ("Qwen/Qwen3-Embedding-4B", "qwen3"),
        ("Qwen/Qwen3-Embedding-4B", "custom"),
        ("intfloat/e5-base-v2", "e5"),
        ("intfloat/multilingual-e5-large-instruct", "qwen3"),
        ("some-model", "e5"),
    ],
)
def test_nothing_is_said_where_all_is_well_or_unknown(model: str, prompts: str) -> None:
    assert prompt_warning(model, prompts) is None

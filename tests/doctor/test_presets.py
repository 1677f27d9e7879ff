"""The prompts compared on the user's own documents: a fair exam, true marks, a careful verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.chunk import chunk_document
from kb.doctor.check import Check
from kb.doctor.examination import Examination, Wanted
from kb.doctor.prompts import checks as presets
from kb.doctor.prompts import exam
from kb.doctor.prompts.exam import Exam, comparable, exam_of
from kb.doctor.prompts.marks import Marks, compare, marks_of
from kb.model import Document, Heading, Page
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import ingest
from tests.fakes.endpoint import FakeEndpoint

Make = Callable[..., Examination]
WANTED = Wanted(prompts=True)


@pytest.fixture
def make(fake: FakeEndpoint, tmp_path: Path) -> Make:
    """Make an examination of the fake and of the knowledge base here."""

    def make(wanted: Wanted = WANTED, **environ: str) -> Examination:
        base = locate(
            tmp_path / ".kb", environ={"KB_BASE_URL": fake.base_url, **environ}, cwd=tmp_path
        )
        return Examination(
            base_of=base,
            wanted=wanted,
            container=False,
            base=fake.base_url,
            model=fake.model,
            facts={"vectors"},
        )

    return make


def knowledge(tmp_path: Path, sections: int) -> KnowledgeBase:
    """A knowledge base of one document with so many sections, made with the built-in model."""
    parts = [
        f"## {place}.{place} Topic{place}word and more\n\nAbout topic{place}word this says that "
        f"value{place} is set by part{place} and checked each month.\n"
        for place in range(sections)
    ]
    (tmp_path / "manual.md").write_text("# Manual\n\n" + "\n".join(parts), encoding="utf-8")
    base = locate(tmp_path / ".kb", environ={}, cwd=tmp_path)
    assert ingest(base, [tmp_path / "manual.md"]).status == "ok"
    return base


def run(examination: Examination) -> dict[str, Check]:
    found = list(presets.checks(examination))
    examination.close()
    assert all(check.hint or check.status in {"ok", "skip"} for check in found)
    assert len({check.id for check in found}) == len(found)
    return {check.id: check for check in found}


def test_nothing_is_said_where_it_is_not_asked_for(fake: FakeEndpoint, make: Make) -> None:
    assert run(make(Wanted())) == {}
    assert not fake.requests


def test_without_a_knowledge_base_it_says_how_to_get_one(fake: FakeEndpoint, make: Make) -> None:
    check = run(make())["prompts.compare"]
    assert check.status == "skip"
    assert "kb ingest" in check.message
    assert not fake.requests


def test_too_few_headings_are_told(fake: FakeEndpoint, make: Make, tmp_path: Path) -> None:
    knowledge(tmp_path, 5)
    check = run(make())["prompts.compare"]
    assert check.status == "skip"
    assert "5 headings" in check.message
    assert not fake.requests


def test_all_presets_are_compared_and_nothing_is_written(
    fake: FakeEndpoint, make: Make, tmp_path: Path
) -> None:
    fake.dimensions = 256
    base = knowledge(tmp_path, 40)
    before = {file: file.stat().st_mtime_ns for file in base.home.rglob("*.sqlite3")}
    found = run(make())
    assert list(found) == ["prompts.e5", "prompts.qwen3", "prompts.none", "prompts.compare"]
    assert found["prompts.none"].detail["n"] == 40
    assert found["prompts.none"].detail["recall_at_1"] > 0.8
    assert found["prompts.compare"].detail["configured"] == "e5"
    assert {file: file.stat().st_mtime_ns for file in base.home.rglob("*.sqlite3")} == before


def test_bare_passages_are_embedded_once(fake: FakeEndpoint, make: Make, tmp_path: Path) -> None:
    knowledge(tmp_path, 30)
    run(make(KB_PROMPTS="none"))
    bare = [text for text in fake.texts if text.startswith("About topic")]
    prefixed = [text for text in fake.texts if text.startswith("passage: About topic")]
    # Eight of the configured prompts' passages are sent once more, for the server's pace.
    assert len(set(bare)) == len(prefixed) == 30
    assert len(bare) <= 30 + 8


def test_no_heading_stands_in_a_passage(fake: FakeEndpoint, make: Make, tmp_path: Path) -> None:
    knowledge(tmp_path, 30)
    run(make(KB_PROMPTS="none"))
    passages = [text for text in fake.texts if "is set by part" in text]
    assert passages
    assert not any("and more" in text for text in passages)


def test_other_prompts_that_are_clearly_better_are_named(
    fake: FakeEndpoint, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge(tmp_path, 40)
    drawn = fake.drawn

    def spoilt(text: str) -> Any:
        return fake.vector("one and the same") if text.startswith("query: ") else drawn(text)

    monkeypatch.setattr(fake, "drawn", spoilt)
    check = run(make())["prompts.compare"]
    assert check.status == "warn"
    assert check.detail["best_other"] in {"none", "qwen3"}
    assert f"KB_PROMPTS={check.detail['best_other']}" in check.hint
    assert "new knowledge base" in check.hint
    best = run(make(KB_PROMPTS=check.detail["best_other"]))["prompts.compare"]
    assert best.status == "ok"


def test_templates_of_ones_own_are_compared_with_the_presets(
    fake: FakeEndpoint, make: Make, tmp_path: Path
) -> None:
    knowledge(tmp_path, 25)
    (tmp_path / ".kb/kb.toml").write_text(
        '[embedding]\nprompts = "custom"\nquery_template = "ask {text}"\n'
        'passage_template = "say {text}"\n',
        encoding="utf-8",
    )
    found = run(make())
    assert next(iter(found)) == "prompts.configured"
    assert found["prompts.compare"].detail["configured"] == "custom"
    assert len(found) == 5
    assert any(text.startswith("ask Topic") for text in fake.texts)
    (tmp_path / ".kb/kb.toml").write_text(
        '[embedding]\nprompts = "qwen3"\ninstruction = "Find the clause"\n', encoding="utf-8"
    )
    found = run(make())
    assert list(found) == [
        "prompts.configured",
        "prompts.e5",
        "prompts.qwen3",
        "prompts.none",
        "prompts.compare",
    ]
    assert any(text.startswith("Instruct: Find the clause\nQuery:") for text in fake.texts)


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("status", 500, "embed.server_error"),
        ("html", True, "embed.invalid_response"),
        ("drop", 1, "embed.count_mismatch"),
    ],
)
def test_a_server_that_fails_is_told(
    fake: FakeEndpoint, make: Make, tmp_path: Path, setting: str, value: object, code: str
) -> None:
    knowledge(tmp_path, 25)
    setattr(fake.faults, setting, value)
    check = run(make())["prompts.compare"]
    assert check.status == "fail"
    assert check.detail["code"] == code
    assert "curl" in check.detail


def test_a_server_that_takes_few_texts_at_once_is_served(
    fake: FakeEndpoint, make: Make, tmp_path: Path
) -> None:
    knowledge(tmp_path, 25)
    fake.faults.max_batch = 3
    assert run(make())["prompts.compare"].status == "ok"


def test_vectors_without_direction_end_in_a_verdict(
    fake: FakeEndpoint, make: Make, tmp_path: Path
) -> None:
    knowledge(tmp_path, 25)
    for spoilt in ("nan", "inf", "zero"):
        fake.faults.bad_vector = spoilt
        check = run(make())["prompts.compare"]
        assert check.detail["table"]["e5"] == [0.0, 0.0]


def test_a_slow_server_gets_a_smaller_exam_or_none(
    fake: FakeEndpoint, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge(tmp_path, 60)
    whole = run(make())["prompts.compare"].detail["passages"]
    monkeypatch.setattr(presets, "_BUDGET_S", 0.0)
    check = run(make())["prompts.compare"]
    assert check.status == "skip"
    assert "--deep" in check.message
    assert run(make(Wanted(prompts=True, deep=True)))["prompts.compare"].detail["passages"] == whole


# -- the exam ------------------------------------------------------------------------------


def test_the_exam_of_the_sample_documents_is_fair(tmp_path: Path, sample_docs: Path) -> None:
    base = locate(tmp_path / ".kb", environ={}, cwd=tmp_path)
    ingest(base, [sample_docs / "policies", sample_docs / "faq.md", sample_docs / "contracts"])
    with base.snapshot() as snapshot:
        made = exam_of(snapshot, longest=180)
        again = exam_of(snapshot, longest=180)
    assert made == again
    assert len(made.passages) <= exam.MOST_PASSAGES
    assert 50 < len(made.questions) <= exam.MOST_QUESTIONS
    assert len(set(made.questions)) == len(made.questions)
    assert not any(question.strip("., ").isdigit() for question in made.questions)
    for question, places in zip(made.questions, made.answers, strict=True):
        assert 1 <= len(places) <= max(3, len(made.passages) // 10)
        for place in places:
            lines = made.passages[place].split("\n")
            assert comparable(question) not in {comparable(line) for line in lines}
            assert not made.passages[place].startswith(f"{question}.")


def test_a_heading_in_the_first_line_of_its_clause_is_taken_out() -> None:
    text = "14.1 Written form. Changes to this contract must be made in writing and be signed."
    document = Document(
        title="t",
        format="text",
        text=text,
        pages=(Page(number=1, start=0, end=len(text)),),
        paged=False,
        headings=(Heading(level=1, title="14.1 Written form", start=0, end=17),),
    )
    [chunk] = chunk_document(document)
    body = exam._body(document, chunk)
    assert body.startswith("Changes to this contract") or not chunk.section


@pytest.mark.parametrize(
    ("title", "question"),
    [
        ("3.2 Warranty period", "Warranty period"),
        ("## How often?", "How often?"),
        ("第3.3条 换货", "换货"),
        ("二、收費與取件", "收費與取件"),
        ("Article 5: Liability", "Liability"),
        ("2024", ""),
        ("A", ""),
        ("12.3", ""),
        ("IV. Prices", "Prices"),
        ("Civil law", "Civil law"),
        ("Mixing water", "Mixing water"),
    ],
)
def test_a_heading_becomes_a_question(title: str, question: str) -> None:
    assert exam.asked([title]) == question


@given(st.text(max_size=60))
def test_any_heading_can_be_asked(title: str) -> None:
    assert len(exam.asked([title])) <= len(title)
    assert not set(comparable(title)) & set("#*>:.,§()")


@given(st.integers(0, 9))
def test_a_smaller_exam_keeps_what_its_passages_answer(count: int) -> None:
    whole = Exam(
        passages=tuple("abcdefgh"),
        questions=("x", "y", "z"),
        answers=(frozenset({0, 5}), frozenset({3}), frozenset({7})),
    )
    part = whole.first(count)
    assert len(part.passages) == min(count, 8)
    assert all(place < count for answer in part.answers for place in answer)
    assert part.questions == tuple(
        question
        for question, answer in zip(whole.questions, whole.answers, strict=True)
        if min(answer) < count
    )


# -- the marks -----------------------------------------------------------------------------


def test_ranks_become_marks() -> None:
    scores = np.array([[0.9, 0.1, 0.5], [0.9, 0.1, 0.5], [0.2, 0.2, 0.2]], np.float32)
    marks = marks_of(scores, [frozenset({0}), frozenset({1, 2}), frozenset({1})])
    assert marks.each.tolist() == pytest.approx([1, 1 / 2, 1 / 3])
    assert marks.first == pytest.approx(1 / 3)
    assert marks.mrr == pytest.approx(11 / 18)
    deep = np.arange(20, dtype=np.float32)[None, :]
    assert marks_of(deep, [frozenset({9})]).each.tolist() == [0]
    assert marks_of(deep, [frozenset({10})]).each.tolist() == pytest.approx([0.1])


def of(values: list[float]) -> Marks:
    return Marks(each=np.array(values, np.float32))


def test_a_difference_is_told_from_chance() -> None:
    same = of([1.0, 0.5, 0.2] * 20)
    assert not compare(same, same).clear
    better = compare(of([0.5, 0.2] * 30), of([1.0, 0.5] * 30))
    assert better.clear
    assert better.difference == pytest.approx(0.4)
    worse = compare(of([1.0, 0.5] * 30), of([0.5, 0.2] * 30))
    assert worse.clear
    assert worse.difference < 0
    few = compare(of([0.5] * 20), of([1.0, *[0.5] * 19]))
    assert not few.clear
    assert few.noise > 0.02


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 0.1, 0.5, 1.0]), st.sampled_from([0, 0.1, 0.5, 1.0])),
        min_size=2,
        max_size=60,
    )
)
def test_a_comparison_is_the_same_seen_from_both_sides(pairs: list[tuple[float, float]]) -> None:
    one, two = of([pair[0] for pair in pairs]), of([pair[1] for pair in pairs])
    there, back = compare(one, two), compare(two, one)
    assert there.difference == pytest.approx(-back.difference, abs=1e-6)
    assert there.clear == back.clear
    assert compare(one, two, among=3).noise >= there.noise


def test_chance_is_seldom_taken_for_a_difference() -> None:
    generator = np.random.default_rng(7)
    clear = 0
    for _ in range(200):
        draws = generator.choice([0, 0.25, 0.5, 1.0], size=(2, 100)).astype(np.float32)
        clear += compare(Marks(each=draws[0]), Marks(each=draws[1])).clear
    assert clear <= 24

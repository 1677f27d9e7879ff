"""Measuring a labelled set: the same answers as a search gives, and nothing left behind."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import EndpointError, UsageError
from kb.evaluate.dataset import Dataset, Entry, Label, Query
from kb.evaluate.documents import DOCUMENT_MEASURES
from kb.evaluate.reading import read_dataset
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.evaluate import Evaluation, How, evaluate
from kb.pipeline.evaluate_ask import Way, wording
from kb.pipeline.evaluate_runs import compare_runs, read_run, write_run
from kb.pipeline.evaluate_shelf import Names, lay_out, sample
from kb.pipeline.ingest import ingest
from kb.pipeline.observe import Progress, Silent
from kb.pipeline.search import Asking, search
from tests.fakes.endpoint import FakeEndpoint

WORDS = ("amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "heath", "islet", "jetty")
TEXTS = {
    word: f"The {word} is looked after in month {number}. The keeper of the {word} is paid "
    f"{number},000 dollars for it, whatever the others say."
    for number, word in enumerate(WORDS, start=1)
}


def small_set(**more: object) -> Dataset:
    """A question for each document, and one whose answer is another document than it says."""
    queries = [
        Query(
            id=f"q{number}",
            text=f"what is the keeper of the {word} paid?",
            relevant={word: 1},
            labels=(
                Label(
                    document=word,
                    text=f"{number},000 dollars",
                    start=TEXTS[word].index(f"{number},000"),
                    end=TEXTS[word].index(f"{number},000") + len(f"{number},000 dollars"),
                ),
            ),
        )
        for number, word in enumerate(WORDS, start=1)
    ]
    queries.append(Query(id="wrong", text="who keeps the amber?", relevant={"jetty": 1}))
    documents = tuple(Entry(id=word, title=word.title(), text=TEXTS[word]) for word in WORDS)
    return replace(Dataset(name="small", documents=documents, queries=tuple(queries)), **more)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnowledgeBase:
    """Settings without an endpoint, in a folder without a knowledge base; `temp` is watched."""
    (tmp_path / "temp").mkdir()
    (tmp_path / "desk").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    return locate(environ={}, cwd=tmp_path / "desk")


def left_behind(tmp_path: Path) -> list[Path]:
    return [*(tmp_path / "temp").iterdir(), *(tmp_path / "desk").iterdir()]


def row(found: Evaluation, query: str):
    return next(each for each in found.rows if each.id == query)


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_answers_are_those_of_a_search(base, tmp_path, mode):
    """A knowledge base made by hand of the same files, asked one question at a time."""
    labelled = small_set()
    found = evaluate(base, labelled, how=How(way=Way(mode=mode)))
    files = lay_out(labelled, tmp_path / "desk" / "corpus")
    ingest(base, list(files.values()))
    for query in labelled.queries:
        hits = search(base, query.text, asking=Asking(top_k=10, mode=mode)).hits
        told = [
            (each["path"], each["char_start"], each["score"]) for each in row(found, query.id).hits
        ]
        assert told == [(hit.path, hit.char_start, hit.score) for hit in hits]


def test_what_is_measured(base, tmp_path):
    found = evaluate(base, small_set())
    assert left_behind(tmp_path) == []
    right = [row(found, f"q{number}") for number in range(1, 11)]
    assert all(each.documents["recall@1"] == 1 for each in right)
    assert all(each.passages["recall@1"] == 1 for each in right)
    assert row(found, "wrong").passages == {}
    assert row(found, "wrong").documents["recall@1"] == 0
    told = found.as_json()
    assert told["schema"] == "kb.eval/1"
    assert list(told["metrics"]) == list(DOCUMENT_MEASURES)
    assert told["metrics"]["recall@1"] == pytest.approx(10 / 11, abs=1e-5)
    assert (told["queries"], told["documents"], told["missing_spans"]) == (11, 10, 0)
    assert told["passages"]["recall@1"] == 1
    assert (told["passages"]["queries"], told["passages"]["spans"]) == (10, 10)
    assert 0 < told["passages"]["read"] < 300
    assert (told["mode"], told["profile"]["model"]) == ("hybrid", "builtin:static")
    assert told["chunking"]["target_tokens"] > 0
    json.dumps(told)


def test_settings_of_the_place_are_in_force(tmp_path, base):
    home = tmp_path / "desk" / ".kb"
    home.mkdir()
    (home / "kb.toml").write_text('[search]\nmode = "lexical"\n[chunking]\ntarget_tokens = 17\n')
    found = evaluate(locate(home, environ={}), small_set())
    assert (found.mode, found.chunking["target_tokens"]) == ("lexical", 17)
    assert found.chunks > found.documents
    assert [each.name for each in home.iterdir()] == ["kb.toml"]


def test_an_endpoint_is_measured(base):
    with FakeEndpoint() as fake:
        there = replace(base, settings=replace(base.settings, base_url=fake.base_url))
        found = evaluate(there, small_set(), how=How(way=Way(mode="dense")))
        assert found.profile.model == "fake-embed"
        assert sum(text.startswith("query: what is") for text in fake.texts) == 10
        assert found.metrics["recall@10"] > 0.5


def test_words_do_not_stand_in_for_an_endpoint_that_goes_away(base, tmp_path):
    with FakeEndpoint() as fake:
        settings = replace(base.settings, base_url=fake.base_url, max_retries=0, timeout_s=2.0)

        class Unplugs(Silent):
            def advance(self, progress: Progress) -> None:
                if progress.activity == "Asking":
                    fake.faults.status = 503

        with pytest.raises(EndpointError):
            evaluate(replace(base, settings=settings), small_set(), observer=Unplugs())
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("activity", ["Reading and embedding", "Asking"])
def test_nothing_is_left_behind_on_ctrl_c(base, tmp_path, activity):
    class Stops(Silent):
        def advance(self, progress: Progress) -> None:
            if progress.activity == activity:
                assert [*(tmp_path / "temp").iterdir()] != []
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(base, small_set(), observer=Stops())
    assert left_behind(tmp_path) == []


def test_documents_behind_many_passages_are_ranked_too(base):
    """The one that is right comes after dozens of passages of others that fit better."""
    chance = random.Random(1)

    def said(word: str) -> str:
        return " ".join([word, *("".join(chance.choices("bdklmnrst", k=6)) for _ in range(120))])

    loud = {f"loud{n}": "\n\n".join(said("heron lake") for _ in range(20)) for n in "ab"}
    labelled = Dataset(
        name="deep",
        documents=tuple(
            Entry(id=name, text=text) for name, text in (loud | {"quiet": said("heron")}).items()
        ),
        queries=(Query(id="q", text="heron lake", relevant={"quiet": 1}),),
    )
    found = evaluate(base, labelled, how=How(way=Way(top_k=10, mode="lexical")))
    assert found.chunks > 20
    (only,) = found.rows
    assert "quiet" not in {each["document"] for each in only.hits}
    assert len(only.hits) == 10
    assert only.ranks["quiet"] in (2, 3)
    assert only.documents["mrr@10"] == pytest.approx(1 / only.ranks["quiet"])


def test_files_with_pages_marks_and_other_line_ends(base, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    text = (
        "\ufeffTerms\r\n\r\nThe deposit is 300 dollars.\r\n\r\n§ 2\tThe keeper is paid monthly.\r\n"
    )
    (folder / "terms.txt").write_bytes(text.encode())
    spans = [
        {
            "query_id": "q",
            "doc_id": "terms",
            "start": text.index(said),
            "end": text.index(said) + len(said),
        }
        for said in ("300 dollars", "paid monthly")
    ]
    spans.append({"query_id": "q", "doc_id": "terms", "start": 3, "end": 9, "text": "never said"})
    write(folder / "docs.jsonl", {"id": "terms", "file": "terms.txt"})
    write(folder / "queries.jsonl", {"_id": "q", "text": "how much is the deposit?"})
    write(folder / "spans.jsonl", *spans)
    found = evaluate(base, read_dataset(folder))
    assert (found.places, found.missing) == (3, 1)
    assert found.passages["recall@10"] == pytest.approx(2 / 3), "what is missing is not found"
    assert "page@10" in found.passages
    assert found.passages["page@10"] is None


def write(file: Path, *rows: object) -> None:
    file.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")


def test_a_question_may_be_asked_within_its_document(base):
    labelled = small_set(
        queries=(
            Query(id="alone", text="what is paid?", document="fjord", relevant={"fjord": 1}),
            Query(
                id="both",
                text="amber; what is paid?",
                question="what is paid?",
                document="grove",
                relevant={"grove": 1},
            ),
        )
    )
    found = evaluate(base, labelled)
    assert {each["document"] for each in row(found, "alone").hits} == {"fjord"}
    assert row(found, "both").hits[0]["document"] == "amber"
    assert found.as_json()["asked_within"] == 1
    within = evaluate(base, labelled, how=How(way=Way(scope="document")))
    assert {each["document"] for each in row(within, "both").hits} == {"grove"}
    assert row(within, "both").text == "what is paid?"
    everything = evaluate(base, labelled, how=How(way=Way(scope="all")))
    assert len({each["document"] for each in row(everything, "alone").hits}) > 1


def test_a_question_about_a_document_that_cannot_be_read_finds_nothing(base):
    documents = (*small_set().documents, Entry(id="blank", text=""))
    labels = (Label(document="blank", text="never"),)
    blank = Query(id="q", text="whose?", document="blank", relevant={"blank": 1}, labels=labels)
    other = Query(id="other", text="whose is the amber?", relevant={"amber": 1})
    found = evaluate(base, small_set(documents=documents, queries=(blank, other)))
    only = row(found, "q")
    assert (only.hits, only.documents["recall@100"], found.missing) == ([], 0, 1)
    assert found.passages["recall@10"] == 0
    assert any("extract.empty" in note for note in found.notes)
    assert any("1 question was answered with this warning" in note for note in found.notes)


def test_a_question_that_the_model_refuses_finds_nothing(base):
    with FakeEndpoint() as fake:
        there = replace(base, settings=replace(base.settings, base_url=fake.base_url))
        fake.faults.poison = "refused"
        asked = tuple(
            Query(id=text, text=text, relevant={"amber": 1}) for text in ("amber", "refused amber")
        )
        found = evaluate(there, small_set(queries=asked), how=How(way=Way(mode="dense")))
    assert [bool(each.hits) for each in found.rows] == [True, False]


def test_wording_without_a_document_is_the_text():
    assert wording(Query(id="q", text="a", question="b"), "document") == ("a", None)


@given(st.sets(st.text(min_size=1), min_size=1, max_size=30), st.data())
def test_a_smaller_sample_is_part_of_a_larger_one(names, data):
    queries = [Query(id=name, text=name) for name in sorted(names)]
    small, large = sorted(data.draw(st.tuples(*[st.integers(1, len(names))] * 2)))
    some, more = sample(queries, small), sample(queries, large)
    assert len(some) == small
    assert [each for each in more if each in some] == list(some)
    assert sample(queries, None) == queries


def test_members_of_an_archive_count_as_the_archive():
    names = Names.of({"box": "a/box.zip"})
    assert names.document("a/box.zip") == names.document("a/box.zip/in/deep.txt") == "box"
    assert names.document("a/other.txt") is None


def test_a_set_that_cannot_be_read_is_refused(base, tmp_path):
    with pytest.raises(UsageError, match="No question of the set small has a label"):
        evaluate(base, small_set(queries=()))
    blank = (Entry(id="amber", text=""),)
    with pytest.raises(UsageError, match="No document of the set could be read"):
        evaluate(base, small_set(documents=blank))
    assert left_behind(tmp_path) == []


def test_runs_are_compared_question_by_question(base, tmp_path):
    files = [tmp_path / "words.jsonl", tmp_path / "meaning.jsonl"]
    for file, mode in zip(files, ("lexical", "dense"), strict=True):
        write_run(file, evaluate(base, small_set(), how=How(way=Way(mode=mode))))
    words, meaning = map(read_run, files)
    assert words.about["mode"] == "lexical"
    found = compare_runs(words, meaning)
    assert (found.questions, found.apart) == (11, 0)
    first = found.measures["documents mrr@10"]
    values = [
        [run.measures[q]["documents mrr@10"] for q in run.measures] for run in (words, meaning)
    ]
    assert first.mine == pytest.approx(sum(values[0]) / 11)
    assert first.other == pytest.approx(sum(values[1]) / 11)
    assert found.measures["passages recall@1"].questions == 10
    assert "too few" in found.verdict
    json.dumps(found.as_json())


def test_a_clear_difference_is_told_and_chance_is_not(tmp_path):
    def run(name: str, values: list[float]) -> Path:
        file = tmp_path / name
        about = {"schema": "kb.eval-run/1", "dataset": "made", "mode": "hybrid"}
        rows = [
            {"id": f"q{n}", "documents": {"mrr@10": value}, "passages": {"read": None}}
            for n, value in enumerate(values)
        ]
        write(file, about, *rows)
        return file

    low, high = run("low", [0.2] * 40), run("high", [0.5] * 40)
    mixed = run("mixed", [0.1, 0.31] * 20)
    assert "better in documents mrr@10" in compare_runs(read_run(low), read_run(high)).verdict
    assert "worse in documents mrr@10" in compare_runs(read_run(high), read_run(low)).verdict
    assert "No measure differs" in compare_runs(read_run(low), read_run(mixed)).verdict
    fewer = run("fewer", [0.2] * 30)
    assert compare_runs(read_run(low), read_run(fewer)).apart == 10


@pytest.mark.parametrize(
    "text",
    ["", "{}", "not json", '{"schema": "kb.eval-run/1"}\n{"id": 1}', '{"schema": "kb.eval/1"}'],
)
def test_what_is_no_run_is_refused(tmp_path, text):
    file = tmp_path / "run.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError) as stopped:
        read_run(file)
    assert stopped.value.failure.code == "usage.runs"
    assert str(file) in stopped.value.failure.message
    with pytest.raises(UsageError):
        read_run(tmp_path / "gone.jsonl")

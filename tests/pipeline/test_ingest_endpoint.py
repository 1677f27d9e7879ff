"""Ingest and search through an endpoint, and what remains when it fails."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kb.embed.canary import TEXTS
from kb.embed.engine import CANARY
from kb.errors import EndpointError, UsageError
from kb.model import Filter, Report
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.ingest import How, ingest
from kb.pipeline.observe import Silent
from kb.pipeline.plan import Wanted
from kb.pipeline.retry import retry
from kb.pipeline.search import Asking, search
from kb.pipeline.setup import init
from kb.store import Passage
from tests.fakes.endpoint import FakeEndpoint, tokens
from tests.pipeline.dump import dump


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    for number in range(12):
        clauses = "\n\n".join(f"## Clause {n}\n\nWord{number} rule{n}." for n in range(1, 6))
        (folder / f"contract{number:02}.md").write_text(f"# Contract {number}\n\n{clauses}\n")
    return folder


def base_at(fake: FakeEndpoint, folder: Path, **environ: str) -> KnowledgeBase:
    settings = {"KB_BASE_URL": fake.base_url, "KB_MAX_RETRIES": "0", "KB_TIMEOUT_S": "2"}
    return locate(environ={**settings, **environ}, cwd=folder)


def sent(fake: FakeEndpoint, after: int = 0) -> list[str]:
    """Give the texts that were sent, canaries left out."""
    canaries = {f"{form}: {text}" for form in ("query", "passage") for text in (*TEXTS, CANARY)}
    return [text for text in fake.texts[after:] if text not in canaries]


def test_passages_and_questions_carry_their_prefixes(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    report = ingest(base, [shelf])
    assert report.status == "ok"
    before = len(fake.texts)
    assert len(sent(fake)) > 12
    assert all(text.startswith("passage: ") for text in sent(fake))
    requests = len(fake.embedded)
    search(base, "word3 rule2")
    assert sent(fake, before) == ["query: word3 rule2"]
    assert len(fake.embedded) == requests + 1, "canaries travel with the question"
    for request in fake.embedded:
        assert set(request.body) <= {"model", "input", "encoding_format"}
        assert isinstance(request.body["input"], list)


def test_hits_are_those_of_the_vectors(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    passages = sent(fake)
    hits = search(base, "word7 rule4", asking=Asking(mode="dense", top_k=3)).hits
    question = fake.vector("query: word7 rule4")
    best = max(passages, key=lambda text: float(np.dot(question, fake.vector(text))))
    assert hits[0].text in best
    assert hits[0].score == pytest.approx(float(np.dot(question, fake.vector(best))), abs=2e-3)


def test_settings_are_remembered_and_the_key_is_not(shelf, tmp_path):
    with FakeEndpoint(api_key="sk-very-secret") as fake:
        base = base_at(fake, tmp_path, KB_API_KEY="sk-very-secret")
        ingest(base, [shelf])
        later = locate(environ={"KB_API_KEY": "sk-very-secret"}, cwd=tmp_path)
        assert search(later, "word3").hits
        for file in base.home.rglob("*"):
            assert not file.is_file() or b"sk-very-secret" not in file.read_bytes()


def test_a_poisoned_passage_is_isolated_and_still_found_by_its_words(fake, shelf, tmp_path):
    fake.faults.poison = "Word5 rule3"
    base = base_at(fake, tmp_path)
    report = ingest(base, [shelf])
    assert report.status == "partial"
    assert [(f.source, f.code) for f in report.failures] == [
        ("shelf/contract05.md", "embed.bad_request")
    ]
    assert report.failures[0].locator.startswith("chunk ")
    assert (report.documents.added, report.chunks.failed) == (12, 1)
    hit = search(base, '"word5 rule3"', asking=Asking(mode="lexical")).hits[0]
    assert "Word5 rule3" in hit.text

    fake.faults.poison = None
    before = len(fake.texts)
    assert retry(base, stage="embed").status == "ok"
    paid = [text for text in sent(fake, before) if "rule" in text]
    assert [text for text in paid if "Word5 rule3" not in text] == []
    with base.snapshot() as snapshot:
        assert not snapshot.failures()


def test_a_refused_text_that_two_documents_share_is_counted_in_both(fake, tmp_path):
    folder = tmp_path / "twins"
    folder.mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text("The same poisoned words.")
    fake.faults.poison = "poisoned"
    report = ingest(base_at(fake, tmp_path), [folder])
    counts = report.chunks
    assert (counts.added, counts.reused, counts.failed) == (0, 0, 2)
    assert {failure.source for failure in report.failures} == {"twins/one.txt", "twins/two.txt"}


def test_an_endpoint_that_is_down_is_one_failure_and_nothing_is_made(fake, shelf, tmp_path):
    fake.stop()
    base = base_at(fake, tmp_path)
    report = ingest(base, [shelf])
    assert (report.status, report.exit_code, len(report.failures)) == ("failed", 3, 1)
    assert report.error.stage == "embed"
    assert not base.home.exists()


def test_an_endpoint_that_dies_on_the_way_keeps_what_was_finished(fake, shelf, tmp_path):
    whole = base_at(fake, tmp_path / "whole")
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "shelf").symlink_to(shelf)
    ingest(whole, [tmp_path / "whole" / "shelf"])

    base = base_at(fake, tmp_path)
    ingest(base, sorted(shelf.iterdir())[:5])
    before = len(fake.texts)
    fake.faults.status = 500
    report = ingest(base, [shelf])
    assert (report.status, report.exit_code) == ("failed", 3)
    assert len(report.failures) == 1
    fake.faults.status = None
    assert ingest(base, [shelf]).status == "ok"
    assert dump(base) == dump(whole)
    assert len({t for t in sent(fake, before) if "Word0 " in t or "Word3 " in t}) == 0


def test_random_faults_change_nothing_in_the_end(fake, shelf, tmp_path):
    clean = base_at(fake, tmp_path / "clean")
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "shelf").symlink_to(shelf)
    ingest(clean, [tmp_path / "clean" / "shelf"])
    base = base_at(fake, tmp_path, KB_MAX_RETRIES="8")
    fake.faults.random_rate = 0.2
    report = ingest(base, [shelf])
    assert report.status == "ok", report.failures
    fake.faults.random_rate = 0
    assert dump(base) == dump(clean)


def test_other_settings_are_refused_before_anything_is_written(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    before = dump(base)
    (shelf / "new.md").write_text("# New\n\nA new rule.\n")
    for environ in ({"KB_PROMPTS": "qwen3"}, {"KB_MODEL": "builtin:static"}):
        with pytest.raises(UsageError) as caught:
            ingest(base_at(fake, tmp_path, **environ), [shelf])
        assert caught.value.failure.code == "embed.profile_mismatch"
        assert caught.value.failure.hint
    assert dump(base) == before


def test_vectors_of_another_length_end_the_run(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    (shelf / "new.md").write_text("# New\n\nA new rule.\n")
    fake.faults.dimensions = 8
    report = ingest(base, [shelf])
    assert report.exit_code == 3
    assert report.error.code == "embed.dimension_mismatch"
    with pytest.raises(EndpointError):
        search(base, "rule", asking=Asking(mode="dense"))


def test_an_endpoint_that_drifted_is_refused_before_anything_is_written(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    before = dump(base)
    (shelf / "new.md").write_text("# New\n\nA new rule.\n")
    with FakeEndpoint() as other:
        other.faults.salt = "other weights"
        moved = base_at(other, tmp_path)
        report = ingest(moved, [shelf])
        assert (report.exit_code, report.error.code) == (3, "embed.drift")
        assert [text for text in sent(other) if "new rule" in text] == []
        for mode in ("hybrid", "dense"):
            with pytest.raises(EndpointError) as caught:
                search(moved, "word3", asking=Asking(mode=mode))
            assert caught.value.failure.code == "embed.drift"
    assert dump(base) == before
    assert ingest(base, [shelf]).documents.added == 1


def test_canaries_are_pinned_once(fake, tmp_path):
    base = base_at(fake, tmp_path)
    init(base)
    with base.snapshot() as snapshot:
        kept = snapshot.canaries()
    assert kept.shape == (2 * len(TEXTS), 16)
    sent_before = len(fake.texts)
    init(base)
    assert len(fake.texts) - sent_before == 2
    with base.snapshot() as snapshot:
        assert np.array_equal(snapshot.canaries(), kept)


def test_an_ingest_waits_for_a_server_that_is_loading_again(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path, KB_MAX_RETRIES="8", KB_MODEL=fake.model)
    init(base)
    fake.stop()
    fake.ending.clear()
    waits = []

    class Watcher(Silent):
        def say(self, sentence):
            if "waiting" in sentence:
                waits.append(sentence)
                # More often than a question is asked again.
                if len(waits) == 3:
                    fake.start()

    assert ingest(base, [shelf], observer=Watcher()).status == "ok"
    assert len(waits) >= 3


def test_a_search_whose_endpoint_is_away_answers_by_words(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)
    ingest(base, [shelf])
    fake.stop()
    answer = search(base, "word3 rule2")
    assert answer.hits[0].path == "shelf/contract03.md"
    assert answer.exit_code == 3
    assert "embed." in answer.warnings[0]
    with pytest.raises(EndpointError):
        search(base, "word3 rule2", asking=Asking(mode="dense"))


def test_init_checks_and_pins_and_is_repeatable(fake, tmp_path):
    base = base_at(fake, tmp_path)
    profile = init(base)
    assert (profile.model, profile.dimensions) == ("fake-embed", 16)
    assert init(base) == profile
    with pytest.raises(UsageError, match="do not fit"):
        init(base_at(fake, tmp_path, KB_PROMPTS="none"))


def test_init_makes_nothing_where_the_endpoint_is_down(fake, tmp_path):
    fake.stop()
    base = base_at(fake, tmp_path)
    with pytest.raises(EndpointError):
        init(base)
    assert not base.home.exists()


# -- nothing is cut silently -------------------------------------------------------------------

FORCE = How(wanted=Wanted(force=True))
LONG = "\n\n".join(
    " ".join(f"Term {part}-{n} of this long agreement binds both parties." for n in range(9))
    for part in range(6)
)


def visible(base: KnowledgeBase, path: str, dimensions: int = 16) -> tuple[str, list[Passage]]:
    """Give a document's text and its passages, each of which has one vector."""
    with base.snapshot() as snapshot:
        stored = snapshot.document(path)
        assert stored is not None
        anywhere = np.eye(1, dimensions, dtype=np.float32)[0]
        found = snapshot.nearest(anywhere, top_k=100_000, within=Filter(path=path))
        passages = snapshot.neighbours(found[0][0], count=100_000)
        assert sorted(id_ for id_, _ in found) == sorted(each.chunk_id for each in passages)
        return stored.document.text, list(passages)


def whole(text: str, passages: list[Passage]) -> None:
    """See that passages are exact, in order, and leave out nothing that can be read."""
    covered = [not character.strip() for character in text]
    for number, passage in enumerate(passages):
        chunk = passage.chunk
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.ordinal == number
        assert chunk.line_start == text.count("\n", 0, chunk.start) + 1
        assert chunk.line_end == text.count("\n", 0, chunk.end) + 1
        covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    assert all(covered)


def adds_up(report: Report, passages: int) -> None:
    """See that the sums of a report agree with one another and with what is stored."""
    counts = report.chunks
    assert counts.added + counts.reused + counts.failed == passages
    embed = next(stage for stage in report.stages if stage.stage == "embed")
    assert (embed.succeeded, embed.skipped) == (counts.added, counts.reused)
    assert embed.failed == counts.failed == len(report.failures)


_paragraphs = st.lists(
    st.sampled_from(["The buyer pays the price. ", "合同自签字之日起生效。", "a b c 7, ", "x" * 70])
    | st.text(alphabet="ab合。9 \n|-", min_size=1, max_size=30),
    min_size=1,
    max_size=40,
).map("".join)
_documents = st.lists(
    st.tuples(
        st.sampled_from(["", "# ", "## "]), st.text(alphabet="Aa合1", max_size=60), _paragraphs
    ).map(lambda part: f"{part[0]}{part[1]}\n\n{part[2]}"),
    min_size=1,
    max_size=4,
).map("\n\n".join)


@given(
    documents=st.lists(_documents, min_size=1, max_size=3),
    limit=st.integers(14, 200),
    counts=st.booleans(),
)
# Each example takes a second, so a failing one is not made smaller.
@settings(max_examples=10, phases=(Phase.explicit, Phase.generate))
def test_all_that_is_sent_is_read_to_its_end_and_all_of_a_document_is_sent(
    documents: list[str], limit: int, counts: bool
) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        FakeEndpoint(max_model_len=limit + 1, tokenize=counts, specials=2) as fake,
    ):
        folder = Path(name) / "shelf"
        folder.mkdir()
        for number, text in enumerate(documents):
            (folder / f"{number}.md").write_text(f"# Word\n\nWord.\n\n{text}")
        base = base_at(fake, Path(name))
        report = ingest(base, [folder])
        assert report.status == "ok", report.failures
        assert max(tokens(text) + 2 for text in sent(fake)) <= limit
        assert all(request.status == [200] for request in fake.embedded)
        total = 0
        for number in range(len(documents)):
            text, passages = visible(base, f"shelf/{number}.md")
            whole(text, passages)
            total += len(passages)
        adds_up(report, total)

        paid, before = len(sent(fake)), dump(base)
        again = ingest(base, [folder], how=FORCE)
        assert len(sent(fake)) == paid
        assert (again.chunks.added, again.chunks.reused, again.chunks.removed) == (0, total, total)
        assert dump(base) == before


def test_a_passage_that_is_refused_is_cut_until_its_pieces_pass(tmp_path):
    (tmp_path / "long.txt").write_text(LONG)
    (tmp_path / "twin.txt").write_text(LONG)
    with FakeEndpoint(tokenize=False) as fake:
        # What is listed is not what is meant.
        fake.faults.max_words = 60
        base = base_at(fake, tmp_path)
        report = ingest(base, [tmp_path / "long.txt", tmp_path / "twin.txt"])
        assert report.status == "ok"
        assert sum(request.status == [400] for request in fake.embedded) <= 2
        text, passages = visible(base, "long.txt")
        whole(text, passages)
        assert len(passages) > 6
        adds_up(report, 2 * len(passages))
        refused = {text for text in sent(fake) if tokens(text) > 60}
        passed = {text for text in sent(fake) if text.startswith("passage: ")} - refused
        assert len(passed) == len(passages)


def test_a_refusal_that_names_no_limit_is_followed_to_the_passage_it_is_about(fake, tmp_path):
    (tmp_path / "long.txt").write_text(LONG)
    fake.faults.poison, fake.faults.poison_status = "Term 3-4 of this", 413
    base = base_at(fake, tmp_path)
    report = ingest(base, [tmp_path / "long.txt"])
    assert report.status == "ok"
    text, passages = visible(base, "long.txt")
    whole(text, passages)
    assert len(passages) > len([each for each in passages if "Term 3-" in each.chunk.text]) > 2
    adds_up(report, len(passages))


def test_only_what_cannot_be_cut_is_recorded_as_too_long(fake, tmp_path):
    (tmp_path / "long.txt").write_text(LONG.replace("Term 3-4 of", "Term \u2620 of"))
    fake.faults.poison, fake.faults.poison_status = "\u2620", 413
    base = base_at(fake, tmp_path)
    report = ingest(base, [tmp_path / "long.txt"])
    (failure,) = report.failures
    assert (report.status, failure.code, failure.source) == (
        "partial",
        "embed.input_too_long",
        "long.txt",
    )
    assert "kb retry" in failure.hint
    assert (report.chunks.failed, report.documents.added) == (1, 1)
    hit = search(base, "term", asking=Asking(mode="lexical", top_k=100)).hits
    assert hit
    with base.snapshot() as snapshot:
        count = snapshot.summary().chunks
        (stored,) = snapshot.failures()
    adds_up(report, count)
    number = int(stored.locator.removeprefix("chunk "))
    before = search(base, '"\u2620"', asking=Asking(mode="lexical")).hits
    assert all(each.text == "\u2620" for each in before)

    fake.faults.poison = None
    again = retry(base, stage="embed")
    assert again.status == "ok"
    text, passages = visible(base, "long.txt")
    whole(text, passages)
    assert 1 <= number <= count
    assert len(passages) < count, "what passes in one piece is not cut"


def test_the_length_and_the_limit_are_told(tmp_path):
    (tmp_path / "one.txt").write_text("Buyer and seller agree.")
    with FakeEndpoint(max_model_len=8) as fake:
        template = "one two three four five six seven{text}"
        settings_ = "[embedding]\nprompts = 'custom'\nquery_template = '{text}'\n"
        (tmp_path / ".kb").mkdir()
        (tmp_path / ".kb" / "kb.toml").write_text(f"{settings_}passage_template = '{template}'\n")
        # "seven" and the first word are one token; a piece that begins with a sign is two.
        report = ingest(base_at(fake, tmp_path), [tmp_path / "one.txt"])
        assert report.status == "ok", report.failures
        canaries = {template.replace("{text}", text) for text in (*TEXTS, CANARY)}
        passages = [text for text in fake.texts if text.startswith("one ") and text not in canaries]
        assert len(passages) > 1
        assert max(map(tokens, passages)) == 7


def test_headings_that_leave_no_room_are_left_out_of_the_text_that_is_sent(tmp_path):
    heading = "The general terms " + "and the particular conditions " * 4
    (tmp_path / "a.md").write_text(f"# {heading}\n\n" + "Machines are cleaned. " * 300)
    with FakeEndpoint(max_model_len=16) as fake:
        base = base_at(fake, tmp_path)
        report = ingest(base, [tmp_path / "a.md"])
        assert report.status == "ok"
        text, passages = visible(base, "a.md")
        whole(text, passages)
        later = [each.chunk for each in passages if "Machines" in each.chunk.text]
        assert all(chunk.context.startswith("The general terms") for chunk in later[1:])
        bare = {f"passage: {chunk.text}" for chunk in later}
        assert bare & set(sent(fake))
        assert min(len(chunk.text.split()) for chunk in later) >= 3, "not cut to crumbs"
        adds_up(report, len(passages))
        hits = search(base, '"particular conditions"', asking=Asking(mode="lexical")).hits
        assert any("Machines" in hit.text for hit in hits)

        paid, count = len(sent(fake)), len(passages)
        again = ingest(base, [tmp_path / "a.md"], how=FORCE).chunks
        assert (again.added, again.reused, again.removed) == (0, count, count)
        assert len(sent(fake)) == paid


def test_a_run_that_dies_among_cut_passages_ends_where_a_whole_one_does(tmp_path):
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for number in range(30):
        (shelf / f"{number:02}.txt").write_text(LONG.replace("Term", f"Term{number % 20}"))
    with FakeEndpoint(max_model_len=61, specials=2) as fake:
        clean = base_at(fake, tmp_path / "clean")
        (tmp_path / "clean").mkdir()
        (tmp_path / "clean" / "shelf").symlink_to(shelf)
        ingest(clean, [tmp_path / "clean" / "shelf"])
        base = base_at(fake, tmp_path, KB_CONCURRENCY="1", KB_BATCH_TOKENS="400")
        before = len(fake.embedded)
        fake.faults.poison, fake.faults.poison_status = "Term15 3-", 401
        assert ingest(base, [shelf]).status == "failed"
        fake.faults.poison = None
        assert ingest(base, [shelf]).status == "ok"
        assert dump(base) == dump(clean)
        paid = [t for r in fake.embedded[before:] if r.status == [200] for t in r.body["input"]]
        passages = [text for text in paid if text.startswith("passage: Term")]
        assert len(passages) == len(set(passages)), "what was paid for is kept"


def test_the_limit_is_asked_once_for_each_ingest_and_never_for_a_search(fake, shelf, tmp_path):
    base = base_at(fake, tmp_path)

    def lists() -> int:
        return sum(request.path == "/v1/models" for request in fake.requests)

    ingest(base, [shelf])
    assert lists() == 1
    (shelf / "new.md").write_text("# New\n\nA new rule.\n")
    ingest(base, [shelf])
    assert lists() == 2
    requests = len(fake.requests)
    search(base, "new rule")
    assert len(fake.requests) == requests + 1
    ingest(base, [shelf])
    assert len(fake.requests) == requests + 1, "unchanged files ask for nothing"


@pytest.mark.parametrize("usage", ["words", "characters", None])
def test_an_endpoint_that_cuts_and_says_nothing_is_sent_no_more_than_it_reads(
    tmp_path, shelf, usage
):
    (shelf / "long.txt").write_text(LONG)
    with FakeEndpoint(max_model_len=None, tokenize=False, specials=2) as fake:
        fake.faults.cut_at, fake.faults.usage = 50, usage
        base = base_at(fake, tmp_path)
        said: list[str] = []
        report = ingest(base, [shelf], observer=Heard(said))
        assert report.status == "ok"
        assert [line for line in said if "says nothing" in line]
        probes = {text for text in fake.texts if tokens(text) > 1024}
        assert 8 <= len(probes) <= 12
        assert max(tokens(text) for text in sent(fake) if text not in probes) <= 50
        text, passages = visible(base, "shelf/long.txt")
        whole(text, passages)


class Heard:
    """Keeps what the user is told."""

    def __init__(self, said: list[str]) -> None:
        self.say = said.append

    def advance(self, progress: object) -> None:
        """Take no note of progress."""

"""How fast an endpoint is: the figures are true, and nothing a server does ends in a traceback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.chunk import estimate_tokens
from kb.doctor.check import Check
from kb.doctor.examination import Examination, Wanted
from kb.doctor.speed import cache
from kb.doctor.speed import checks as speed
from kb.doctor.speed.load import Batch, Level, Texts, counted, measure
from kb.doctor.speed.metrics import read_metrics
from kb.pipeline.base import locate
from tests.fakes.endpoint import FakeEndpoint

Make = Callable[..., Examination]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make an examination of a server; a level takes no longer than it must."""
    monkeypatch.setattr(speed, "_LEVEL_S", 0.02)
    monkeypatch.setattr(speed, "_DEEP_LEVEL_S", 0.02)
    made: list[Examination] = []

    def make(fake: FakeEndpoint, wanted: Wanted | None = None, **environ: str) -> Examination:
        base = locate(
            tmp_path / ".kb", environ={"KB_BASE_URL": fake.base_url, **environ}, cwd=tmp_path
        )
        examination = Examination(
            base_of=base,
            wanted=wanted or Wanted(),
            container=False,
            base=fake.base_url,
            model=fake.model,
            max_model_len=fake.max_model_len,
            facts={"vectors"},
        )
        made.append(examination)
        return examination

    yield make
    for each in made:
        each.close()


def by_id(found: list[Check]) -> dict[str, Check]:
    assert len({check.id for check in found}) == len(found)
    return {check.id: check for check in found}


def test_a_server_that_works_is_measured(fake: FakeEndpoint, make: Make) -> None:
    found = by_id(list(speed.checks(make(fake))))
    assert {name: check.status for name, check in found.items()} == {
        "speed.latency": "ok",
        "speed.throughput": "ok",
        "speed.concurrency": "ok",
        "speed.estimate": "ok",
        "speed.prefix_cache": "ok",
    }
    levels = found["speed.throughput"].detail["levels"]
    assert [level["concurrency"] for level in levels][:2] == [1, 2]
    assert all(level["chunks_per_s"] > 0 and level["tokens_per_s"] > 0 for level in levels)
    assert "10,000 chunks" in found["speed.estimate"].message
    assert "kb finds the number itself" in found["speed.concurrency"].message


def test_no_two_texts_are_alike_and_both_templates_are_used(fake: FakeEndpoint, make: Make) -> None:
    list(speed.checks(make(fake)))
    measured = [request.body["input"] for request in fake.embedded][:-2]
    texts = [text for batch in measured for text in batch]
    assert len(set(texts)) == len(texts)
    assert {text.split(" ")[0] for text in texts} == {"query:", "passage:"}


def test_deep_goes_to_sixteen_and_the_configured_number_is_measured(
    fake: FakeEndpoint, make: Make
) -> None:
    fake.faults.slow_s = 0.005
    examination = make(fake, Wanted(deep=True), KB_CONCURRENCY="3")
    found = by_id(list(speed.checks(examination)))
    levels = found["speed.throughput"].detail["levels"]
    assert [level["concurrency"] for level in levels] == [1, 2, 3, 4, 8, 16]
    assert found["speed.concurrency"].detail["configured"] == 3


def level(concurrency: int, rate: float, **more: Any) -> Level:
    return Level(
        concurrency=concurrency,
        requests=4,
        chunks=40,
        tokens=8000,
        chunks_per_s=rate,
        tokens_per_s=200 * rate,
        seconds=0.5,
        **more,
    )


@pytest.mark.parametrize(
    ("rates", "chosen"),
    [((100, 101, 102), 1), ((100, 190, 195), 2), ((100, 200, 400), 4), ((100,), 1)],
)
def test_the_least_number_that_gives_nearly_all_is_chosen(
    rates: tuple[float, ...], chosen: int
) -> None:
    levels = [level(2**place, rate) for place, rate in enumerate(rates)]
    assert speed._chosen(levels).concurrency == chosen


@pytest.mark.parametrize(
    ("configured", "status", "words"),
    [("1", "warn", "KB_CONCURRENCY=2"), ("2", "ok", ""), ("4", "ok", ""), ("8", "warn", "=2")],
)
def test_the_configured_concurrency_is_compared(
    fake: FakeEndpoint, make: Make, configured: str, status: str, words: str
) -> None:
    levels = [level(1, 100), level(2, 190), level(4, 195), level(8, 150)]
    examination = make(fake, KB_CONCURRENCY=configured)
    check = speed._concurrency(examination, levels, levels[1])
    assert check.status == status
    assert words in check.hint
    assert check.hint or status == "ok"


def test_a_server_that_refuses_more_at_once_ends_the_rise(fake: FakeEndpoint, make: Make) -> None:
    fake.faults.max_parallel = 1
    fake.faults.slow_s = 0.05
    found = by_id(list(speed.checks(make(fake))))
    check = found["speed.throughput"]
    assert check.status == "warn"
    assert check.detail["code"] == "embed.rate_limited"
    assert "KB_CONCURRENCY=1" in check.hint
    assert [each["concurrency"] for each in check.detail["levels"]] == [1, 2]
    assert found["speed.estimate"].status == "ok"


def test_a_server_that_refuses_large_requests_is_asked_with_smaller_ones(
    fake: FakeEndpoint, make: Make
) -> None:
    fake.faults.max_batch = 3
    found = by_id(list(speed.checks(make(fake))))
    assert found["speed.throughput"].status == "ok"
    assert found["speed.throughput"].detail["items"] <= 3


def test_a_short_model_gets_short_passages(fake: FakeEndpoint, make: Make) -> None:
    fake.faults.max_words = fake.max_model_len = 40
    found = by_id(list(speed.checks(make(fake))))
    assert found["speed.throughput"].status == "ok"
    assert found["speed.throughput"].detail["estimated_tokens"] <= 28


def test_a_server_without_base64_is_measured(fake: FakeEndpoint, make: Make) -> None:
    fake.faults.refuse_encoding = True
    assert by_id(list(speed.checks(make(fake))))["speed.throughput"].status == "ok"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_ends_the_group_at_the_first_check(
    fake: FakeEndpoint, make: Make, status: int
) -> None:
    fake.faults.status = status
    examination = make(fake)
    waits: list[float] = []
    examination.sleep = waits.append
    [check] = speed.checks(examination)
    assert check.id == "speed.latency"
    assert check.status == "fail"
    assert check.detail["curl"].startswith("curl ")
    # Only a server that asks for fewer requests is asked again.
    assert waits == ([1.0, 1.0] if status == 429 else [])
    assert len(fake.embedded) == 1 + len(waits)


def test_a_limit_of_requests_under_load_is_no_failure(fake: FakeEndpoint, make: Make) -> None:
    draw = fake.draw
    # Questions are one text of about twenty words; the texts of the measurement are longer.
    fake.draw = lambda: 429 if len(fake.texts[-1].split()) > 60 else draw()  # type: ignore[method-assign]
    found = by_id(list(speed.checks(make(fake))))
    assert found["speed.latency"].status == "ok"
    assert found["speed.throughput"].status == "warn"
    assert "limits requests" in found["speed.throughput"].message


def test_a_server_that_dies_under_load_is_told(fake: FakeEndpoint, make: Make) -> None:
    examination = make(fake)
    batch = Batch(items=2, tokens=20)
    assert measure(examination, Texts(), batch, concurrency=2, seconds=0).failure is None
    fake.faults.status = 500
    broken = measure(examination, Texts(), batch, concurrency=2, seconds=60)
    assert broken.failure is not None
    assert len(fake.embedded) <= 2 + 2, "the first failure ends all threads"
    check = speed._throughput([broken], batch)
    assert check.status == "fail"
    assert check.detail["code"] == "embed.server_error"
    after = speed._throughput([level(1, 100), broken], batch)
    assert after.status == "warn"
    assert "--log" in after.hint


def test_the_key_is_sent_and_never_told(fake: FakeEndpoint, make: Make) -> None:
    fake.api_key = "s3cret"
    fake.faults.echo_key = True
    examination = make(fake, KB_API_KEY="s3cret")
    assert by_id(list(speed.checks(examination)))["speed.throughput"].status == "ok"
    fake.faults.status = 500
    [check] = speed.checks(examination)
    assert "$KB_API_KEY" in check.detail["curl"]
    assert "s3cret" not in f"{check}"


def test_each_thread_counts_by_its_own_time(fake: FakeEndpoint, make: Make) -> None:
    measured = measure(make(fake), Texts(), Batch(items=3, tokens=12), concurrency=4, seconds=0)
    assert (measured.requests, measured.chunks) == (4, 12)
    sent = [request.body["input"] for request in fake.embedded]
    assert sorted(len(texts) for texts in sent) == [3, 3, 3, 3]
    assert measured.tokens == sum(len(text.split()) for texts in sent for text in texts)


@given(st.integers(4, 400), st.integers(0, 1000))
def test_a_passage_is_about_as_long_as_asked(tokens: int, seed: int) -> None:
    length = estimate_tokens(Texts(seed).passage(tokens))
    assert max(1, tokens // 2 - 8) <= length <= max(24, int(1.15 * tokens))


@given(st.none() | st.integers(), st.integers(0, 10_000), st.integers(0, 5000))
def test_a_count_of_tokens_is_never_far_from_the_estimate(
    reported: int | None, characters: int, estimated: int
) -> None:
    number = counted(reported, characters=characters, estimated=estimated)
    assert estimated / 5 <= number <= estimated * 5
    assert number in {reported, estimated}


@pytest.mark.parametrize(
    ("chunks", "rate", "status", "words"),
    [
        (10_000, 41.7, "ok", "10,000 chunks of 200 tokens will take about 4 minutes."),
        (10, 100, "ok", "1 second."),
        (10_000, 0.1, "warn", "28 hours."),
    ],
)
def test_the_estimate_is_told_in_words(chunks: int, rate: float, status: str, words: str) -> None:
    check = speed._estimate(chunks, level(1, rate), Batch(items=4, tokens=200))
    assert check.status == status
    assert words in check.message


@given(st.floats(0, 1e9))
def test_a_length_of_time_keeps_its_meaning(seconds: float) -> None:
    number, unit = speed.in_words(seconds).replace(",", "").split(" ")
    each = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}[unit.rstrip("s")]
    assert abs(int(number) * each - seconds) <= max(each / 2, 1)


# -- /metrics ------------------------------------------------------------------------------

V0 = 'vllm:num_requests_waiting{model_name="m"} 0.0\nvllm:gpu_prefix_cache_hit_rate{} -1.0\n'
V08 = (
    'vllm:num_requests_running{model_name="m"} 1.0\nvllm:num_requests_waiting{model_name="m"} 3.0\n'
    'vllm:gpu_prefix_cache_queries{model_name="m"} 100.0\n'
    'vllm:gpu_prefix_cache_hits{model_name="m"} 40.0\n'
)
V32 = (
    "# TYPE vllm:prefix_cache_queries_total counter\n"
    'vllm:prefix_cache_queries_total{engine="0",model_name="m"} 50.0\n'
    'vllm:prefix_cache_queries_total{engine="1",model_name="m"} 70.0\n'
    'vllm:prefix_cache_queries_created{engine="0",model_name="m"} 1.79e+09\n'
    'vllm:prefix_cache_hits_total{engine="0",model_name="m"} 16.0\n'
    'vllm:external_prefix_cache_queries_total{engine="0"} 9.0\n'
    'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 2.0\n'
    'vllm:num_requests_waiting{engine="0",model_name="m"} 0.0\n'
    'vllm:cache_config_info{block_size="16",enable_prefix_caching="True",engine="0"} 1.0\n'
)


def test_the_names_of_each_version_are_read() -> None:
    old, middle, new = map(read_metrics, (V0, V08, V32))
    assert old is not None
    assert (old.waiting, old.queries, old.caching) == (0, None, None)
    assert middle is not None
    assert (middle.running, middle.waiting, middle.queries, middle.hits) == (1, 3, 100, 40)
    assert new is not None
    assert (new.waiting, new.queries, new.hits, new.caching) == (0, 120, 16, True)


@given(st.text() | st.lists(st.sampled_from([*V32, "NaN", "vllm:x 1", "\n"])).map("".join))
def test_any_page_of_metrics_can_be_read(text: str) -> None:
    found = read_metrics(text)
    assert found is None or "vllm:" in text


class Pages(BaseHTTPRequestHandler):
    """Gives one page of metrics after another, the last one for ever."""

    pages: list[str]

    def do_GET(self) -> None:
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(page.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": [{"index": 0, "embedding": [1.0, 0.0]}]}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def paged(fake: FakeEndpoint, make: Make) -> Iterator[Callable[..., Examination]]:
    """Make an examination of a server with these pages of metrics."""
    servers = []

    def start(*pages: str) -> Examination:
        handler = type("Own", (Pages,), {"pages": list(pages)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        examination = make(fake)
        examination.move(f"http://127.0.0.1:{server.server_port}/v1")
        return examination

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_others_in_the_queue_are_told(paged: Callable[..., Examination]) -> None:
    [check] = cache.queue(paged(V08))
    assert check.status == "warn"
    assert "(3 waiting, 1 being worked on)" in check.message
    [check] = cache.queue(paged(V32))
    assert check.status == "ok"


@pytest.mark.parametrize(
    ("pages", "status", "words"),
    [
        ((V32, V32.replace("16.0", "48.0").replace("70.0", "110.0")), "ok", "works (32 of 40"),
        ((V08, V08), "ok", "is off"),
        ((V32.replace('"True"', '"False"'),), "ok", "is off"),
        ((V08, V08.replace("100.0", "180.0")), "ok", "was not found again"),
        ((V0,), "skip", "does not count"),
        (("<html>",), "skip", "no figures of vLLM's"),
    ],
)
def test_what_the_prefix_cache_did_is_told(
    paged: Callable[..., Examination], pages: tuple[str, ...], status: str, words: str
) -> None:
    [check] = cache.cache(paged(*pages), Texts(1))
    assert check.status == status
    assert words in check.message


def test_a_server_without_metrics_is_passed_over(fake: FakeEndpoint, make: Make) -> None:
    fake.version = None
    found = by_id(list(speed.checks(make(fake))))
    assert "speed.queue" not in found
    assert found["speed.prefix_cache"].status == "skip"


@settings(max_examples=25)
@given(
    kinds=st.lists(
        st.sampled_from([429, 500, 503, "reset", "truncated", "html", "empty", "short", "nan"]),
        min_size=1,
    ),
    rate=st.floats(0, 1),
    seed=st.integers(0, 100),
)
def test_whatever_a_server_does_each_check_is_one(
    kinds: list[int | str], rate: float, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with FakeEndpoint() as fake, pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "_LEVEL_S", 0.0)
        faults = fake.faults
        faults.random_kinds, faults.random_rate, faults.seed = tuple(kinds), rate, seed
        base = locate(tmp_path_factory.getbasetemp() / ".kb", environ={})
        examination = Examination(
            base_of=base, wanted=Wanted(), container=False, base=fake.base_url, model=fake.model
        )
        found = by_id(list(speed.checks(examination)))
        examination.close()
    assert all(check.hint or check.status in {"ok", "skip"} for check in found.values())
    assert "speed.latency" in found

"""Servers that are not there yet, that die in the middle, and that take little at once."""

from __future__ import annotations

import time
from pathlib import Path
from subprocess import Popen

import pytest

from tests.servers.conftest import LONGEST_S, Make, Told, begin, finish, kb
from tests.servers.process import Server, minilm

pytestmark = pytest.mark.real_server

#: Enough that an ingest takes ten seconds and more, on any machine.
NOTES = 1200
#: So many are stored when the server is killed.
STORED = 30
QUEUED = 8


@pytest.fixture(scope="module", params=["vllm", "infinity"])
def mortal(request: pytest.FixtureRequest, made: Make) -> Server:
    """A server of this module's own; vLLM with a queue so short that it refuses most requests."""
    queued = QUEUED if request.param == "vllm" else None
    return made(lambda cache: minilm(cache, request.param, queued=queued))


def test_it_dies_in_the_middle_and_nothing_is_lost(tmp_path: Path, mortal: Server) -> None:
    write_notes(tmp_path / "notes")
    break_off(tmp_path, mortal)
    kept = documents(tmp_path)
    assert STORED <= kept < NOTES

    mortal.start()
    rest = while_it_loads("ingest", "notes", desk=tmp_path, server=mortal)
    assert rest.json["documents"]["unchanged"] == kept
    assert rest.json["documents"]["added"] == NOTES - kept
    (embed,) = [stage for stage in rest.json["stages"] if stage["stage"] == "embed"]
    assert embed["failed"] == 0
    assert embed["attempted"] <= NOTES - kept
    assert documents(tmp_path) == NOTES
    for number in (0, NOTES // 2, NOTES - 1):
        told = kb("search", "--json", "--mode", "dense", note(number), cwd=tmp_path, env={})
        assert told.json["hits"][0]["path"] == f"notes/{number:04}.md"


def test_it_takes_no_more_than_a_few_texts_at_once(desk: Path, mortal: Server) -> None:
    if "queue" not in mortal.recipe.name:
        pytest.skip("only vLLM has a limit on what waits (--max-num-queued-reqs)")
    mortal.ensure()
    assert mortal.embed(["a text"] * 2 * QUEUED).status_code == 503
    told = kb("ingest", "sample_docs", "--json", cwd=desk, env=mortal.settings)
    assert told.code == 1, told.err
    assert {failure["stage"] for failure in told.json["failures"]} == {"extract"}
    (embed,) = [stage for stage in told.json["stages"] if stage["stage"] == "embed"]
    assert embed["succeeded"] == embed["attempted"] > QUEUED


def break_off(desk: Path, mortal: Server) -> None:
    """Kill the server while it works for an ingest, which must say so and end with 3."""
    mortal.start()
    while_it_loads("init", desk=desk, server=mortal)
    mortal.wait()
    running = begin("ingest", "notes", "--json", cwd=desk, env=mortal.settings)
    wait_until_stored(running, desk)
    mortal.kill()
    told = finish(running)
    assert told.code == 3, told.out + told.err
    assert told.json["status"] == "failed"
    assert told.error["code"] in {"embed.unreachable", "embed.server_error"}
    assert told.error["retriable"] is True


def while_it_loads(*arguments: str, desk: Path, server: Server) -> Told:
    """Run `kb` with a server that was just started and refuses connections until it is loaded."""
    # In a container a name must be set: without one nothing at 127.0.0.1 is not waited for.
    patient = server.settings | {"KB_MODEL": "minilm", "KB_MAX_RETRIES": "30"}
    told = kb(*arguments, "--json", cwd=desk, env=patient)
    assert told.code == 0, told.out + told.err
    assert f"waiting for the embedding endpoint at {server.base_url}" in told.err
    return told


def note(number: int) -> str:
    things = ("boiler", "grinder", "invoice", "warranty", "delivery", "pump", "valve", "licence")
    first, second = things[number % 8], things[number // 8 % 8]
    return (
        f"Note {number} of the {first} file: the {second} of customer {number * 37} was looked at "
        f"on day {number % 365}, and part {number * 13} has to be replaced before it is returned."
    )


def write_notes(folder: Path) -> None:
    folder.mkdir()
    for number in range(NOTES):
        (folder / f"{number:04}.md").write_text(f"{note(number)}\n", encoding="utf-8")


def documents(desk: Path) -> int:
    """Give how many documents can be searched."""
    told = kb("status", "--json", cwd=desk, env={})
    assert told.code == 0, told.out + told.err
    return int(told.json["documents"])


def wait_until_stored(running: Popen[str], desk: Path) -> None:
    """Come back when some documents are stored, and not all."""
    deadline = time.monotonic() + LONGEST_S
    while documents(desk) < STORED:
        assert running.poll() is None, finish(running)
        assert time.monotonic() < deadline
        time.sleep(0.2)

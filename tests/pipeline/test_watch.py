"""A watch keeps the knowledge base up to date; waits are for conditions, with much patience."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from kb.errors import Failure, UsageError
from kb.model import Report
from kb.pipeline.base import locate
from kb.pipeline.ingest import How
from kb.pipeline.plan import Wanted
from kb.pipeline.stillness import Stillness
from kb.pipeline.watch import Pace, watch
from kb.store import open_store
from tests.fakes.endpoint import FakeEndpoint

PATIENCE_S = 90


class Watched:
    """A watch in a thread of its own, and what it gave."""

    def __init__(self, root: Path, *paths: Path, environ=None, prune=True, poll=None, pace=None):
        self.events: list[Report | Failure] = []
        self.said: list[str] = []
        self.root = root
        self.stopped = threading.Event()
        base = locate(environ=environ or {}, cwd=root)
        how = How(wanted=Wanted(prune=prune))
        pace = pace or Pace(still=0.3, most=2, backoff=0.5, poll=poll)
        self.rounds = watch(base, paths, how=how, observer=self, pace=pace, stop=self.stopped)
        self.thread = threading.Thread(target=self._run)

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def advance(self, _: object) -> None:
        pass

    def _run(self) -> None:
        with closing(self.rounds):
            self.events.extend(self.rounds)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()

    def known(self) -> set[str]:
        try:
            store = open_store(self.root / ".kb")
        except UsageError:
            return set()
        with closing(store), store.snapshot() as snapshot:
            return {row.path for row in snapshot.documents()}

    def texts(self) -> dict[str, str]:
        store = open_store(self.root / ".kb")
        with closing(store), store.snapshot() as snapshot:
            return {name: snapshot.document(name).document.text for name in self.known()}

    def until(self, condition) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, (self.known(), self.events, self.said)
            assert self.thread.is_alive(), (self.events, self.said)
            time.sleep(0.05)


@pytest.fixture
def docs(tmp_path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "lamp.md").write_text("The lamp is switched on at dusk.")
    return folder


@pytest.mark.parametrize("poll", [None, 0.2])
def test_what_comes_changes_moves_and_goes(docs, tmp_path, poll) -> None:
    with Watched(tmp_path, docs, poll=poll) as watched:
        watched.until(lambda: watched.known() == {"docs/lamp.md"})
        (docs / "sub/deep").mkdir(parents=True)
        (docs / "sub/deep/pump.md").write_text("The pump rattles.")
        watched.until(lambda: "docs/sub/deep/pump.md" in watched.known())
        draft = docs / ".lamp.md.swp"  # as editors save
        draft.write_text("The lamp is broken.")
        draft.replace(docs / "lamp.md")
        watched.until(lambda: watched.texts()["docs/lamp.md"].strip() == "The lamp is broken.")
        (docs / "sub").rename(docs / "new")
        watched.until(lambda: watched.known() == {"docs/lamp.md", "docs/new/deep/pump.md"})
        (docs / "lamp.md").unlink()
        watched.until(lambda: watched.known() == {"docs/new/deep/pump.md"})
    assert all(isinstance(event, Report) for event in watched.events)


def test_many_files_at_once_are_all_taken(docs, tmp_path) -> None:
    with Watched(tmp_path, docs) as watched:
        watched.until(watched.known)
        for number in range(300):
            (docs / f"{number}.md").write_text(f"Passage number {number}.")
        watched.until(lambda: len(watched.known()) == 301)


def test_a_file_that_is_being_written_is_left_until_it_is_still(docs, tmp_path) -> None:
    ended = threading.Event()
    with Watched(tmp_path, docs) as watched:
        watched.until(watched.known)

        def write() -> None:
            with (docs / "slow.md").open("w") as file:
                for number in range(30):
                    file.write(f"Line {number}.\n\n")
                    file.flush()
                    time.sleep(0.05)
            ended.set()

        writing = threading.Thread(target=write)
        writing.start()
        watched.until(lambda: ended.is_set() or "docs/slow.md" in watched.known())
        assert ended.is_set(), "it was read while it was being written"
        watched.until(lambda: "docs/slow.md" in watched.known())
        assert "Line 29." in watched.texts()["docs/slow.md"]
        writing.join()
    added = [e.documents.added for e in watched.events if isinstance(e, Report)]
    assert sum(added) >= 2


def test_a_folder_that_disappears_is_waited_for_and_nothing_is_forgotten(docs, tmp_path) -> None:
    with Watched(tmp_path, docs) as watched:
        watched.until(watched.known)
        docs.rename(tmp_path / "away")
        watched.until(lambda: any("is not there" in each for each in watched.said))
        time.sleep(1)  # long enough for a look that would forget
        assert watched.known() == {"docs/lamp.md"}
        (tmp_path / "away").rename(docs)
        watched.until(lambda: any("is there again" in each for each in watched.said))
        (docs / "pump.md").write_text("The pump rattles.")
        watched.until(lambda: watched.known() == {"docs/lamp.md", "docs/pump.md"})
        # Another folder of that name, at once.
        shutil.rmtree(docs)
        docs.mkdir()
        (docs / "other.md").write_text("Another folder.")
        watched.until(lambda: watched.known() == {"docs/other.md"})


def test_without_prune_nothing_is_forgotten(docs, tmp_path) -> None:
    with Watched(tmp_path, docs, prune=False) as watched:
        watched.until(watched.known)
        (docs / "lamp.md").rename(docs / "light.md")
        watched.until(lambda: "docs/light.md" in watched.known())
        assert "docs/lamp.md" in watched.known()


def test_a_failure_is_told_once_and_a_broken_pattern_does_not_end_the_watch(docs, tmp_path) -> None:
    with Watched(tmp_path, docs) as watched:
        watched.until(watched.known)
        (docs / "empty.md").touch()
        codes = lambda: [  # noqa: E731
            failure.code
            for event in watched.events
            for failure in ([event] if isinstance(event, Failure) else event.failures)
        ]
        watched.until(lambda: codes() == ["extract.empty"])
        (docs / ".kbignore").write_text("[broken\n")
        watched.until(lambda: codes() == ["extract.empty", "usage.settings"])
        (docs / "pump.md").write_text("The pump rattles.")
        (docs / ".kbignore").write_text("lamp.*\n")
        watched.until(lambda: watched.known() == {"docs/pump.md"})
        assert codes() == ["extract.empty", "usage.settings"]
        assert "It works again." in watched.said


def test_an_endpoint_that_is_down_is_told_once_and_nothing_is_lost(docs, tmp_path) -> None:
    with FakeEndpoint(listen=False) as endpoint:
        environ = {
            "KB_BASE_URL": endpoint.base_url,
            "KB_MODEL": endpoint.model,
            "KB_MAX_RETRIES": "1",
        }
        with Watched(tmp_path, docs, environ=environ) as watched:
            watched.until(lambda: watched.events)
            (docs / "pump.md").write_text("The pump rattles.")
            time.sleep(2)  # some attempts
            (told,) = watched.events
            assert told.error.code in ("embed.unreachable", "embed.localhost_in_container")
            endpoint.start()
            watched.until(lambda: watched.known() == {"docs/lamp.md", "docs/pump.md"})
            watched.until(lambda: "It works again." in watched.said)


def test_the_lock_is_free_between_rounds(docs, tmp_path) -> None:
    with Watched(tmp_path, docs) as watched:
        watched.until(watched.known)
        store = open_store(tmp_path / ".kb")
        with closing(store), store.writer("test", wait_s=PATIENCE_S):
            (docs / "pump.md").write_text("The pump rattles.")
            watched.until(lambda: any(isinstance(each, Failure) for each in watched.events))
            assert [e.code for e in watched.events if isinstance(e, Failure)] == ["store.locked"]
        watched.until(lambda: "docs/pump.md" in watched.known())


def test_a_path_that_was_never_there_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError) as error:
        next(watch(locate(environ={}, cwd=tmp_path), [tmp_path / "typo"]))
    assert error.value.failure.code == "discover.missing"


def test_what_lies_there_for_long_is_taken_at_once_and_what_is_fresh_is_not(tmp_path) -> None:
    from kb.model import Source

    now = time.time_ns()
    still = Stillness(seconds=1000)
    still.begin()

    def source(mtime_ns: int) -> Source:
        return Source(path="a", location=tmp_path / "a", size=1, mtime_ns=mtime_ns, inode=1)

    assert not still.keeps(source(now - 10**13), None)
    assert not still.waits
    assert still.keeps(source(now), None)
    assert still.waits
    still.first = False
    assert still.keeps(source(now - 10**13), None)
    assert still.misses("gone")

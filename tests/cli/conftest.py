"""Runs `kb` in this process or in one of its own, and makes the values that it renders."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from kb.errors import Stage, failure
from kb.model import (
    Chunk,
    ChunkCounts,
    DocumentCounts,
    Hit,
    Page,
    PageState,
    Profile,
    Report,
    StageCount,
)
from kb.store import DocumentRow, Passage, Summary

ROOT = Path(__file__).parents[2]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
# As on a machine without an engine that recognises letters, whatever this one has.
CLEAN["KB_OCR"] = "rapidocr"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self):
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


def run_here(*arguments, env=None, encoding="utf-8", columns="80"):
    """Run in this process; stdout and stderr are files with that encoding, not terminals."""
    from cli.main import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    environ = CLEAN | {"COLUMNS": columns, "NO_COLOR": ""} | (env or {})
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main(list(arguments))
    return Result(code, *(s.buffer.getvalue().decode(encoding) for s in (out, err)))


def start(*arguments, cwd, env=None, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=cwd,
        env=CLEAN | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"} | (env or {}),
        # A program started in the background inherits that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        stdout=more.pop("stdout", subprocess.PIPE),
        stderr=more.pop("stderr", subprocess.PIPE),
        **more,
    )


def run_apart(*arguments, cwd, env=None, **more):
    with start(*arguments, cwd=cwd, env=env, **more) as process:
        out, err = process.communicate(timeout=60)
    told = [(each or b"").decode("utf-8", "surrogateescape") for each in (out, err)]
    return Result(process.returncode, *told)


def on_terminal(*arguments, cwd, env=None):
    """Run with both streams on one pseudo-terminal; gives the exit code and what it shows."""
    ours, theirs = pty.openpty()
    process = start(
        *arguments,
        cwd=cwd,
        env={"TERM": "xterm-256color", "NO_COLOR": ""} | (env or {}),
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            read = os.read(ours, 4096)
        except OSError:
            break
        if not read:
            break
        shown += read
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


@pytest.fixture(scope="session")
def kb_on_terminal():
    return on_terminal


@pytest.fixture(scope="session")
def kb():
    return run_here


@pytest.fixture(scope="session")
def kb_apart():
    return run_apart


@pytest.fixture(scope="session")
def kb_start():
    return start


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory without a knowledge base."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


PROFILE = Profile(
    provider="endpoint",
    model="intfloat/multilingual-e5-large",
    dimensions=1024,
    query_template="query: {text}",
    passage_template="passage: {text}",
)


def hit(rank=1, text="退货应当在七日内提出。", **more):
    values = {
        "rank": rank,
        "score": 0.9312,
        "ref": f"c{122 + rank}",
        "path": "policies/售后服务条款.md",
        "title": "售后服务条款",
        "collection": "default",
        "page_start": 2,
        "page_end": 2,
        "section": ("售后服务条款", "第3.2条"),
        "char_start": 100,
        "char_end": 100 + len(text),
        "line_start": 12,
        "line_end": 19,
        "page_line": 9,
        "text": text,
        "scores": {"dense": 0.61, "lexical": 0.93},
    }
    return Hit(**(values | more))


def passage(chunk_id=123, start=100, text="退货应当在七日内提出。", **more):
    values = {
        "ordinal": 3,
        "start": start,
        "end": start + len(text),
        "text": text,
        "section": ("售后服务条款", "第3.2条"),
        "context": "",
        "page_start": None,
        "page_end": None,
        "line_start": 12,
        "line_end": 19,
        "page_line": None,
    }
    return Passage(
        chunk_id=chunk_id,
        path="policies/售后服务条款.md",
        title="售后服务条款",
        collection="default",
        chunk=Chunk(**(values | more)),
    )


def answer(*hits, **more):
    from kb.pipeline.search import Answer

    values = {
        "query": "退货",
        "mode": "hybrid",
        "profile": PROFILE,
        "hits": tuple(hits),
        "context": {},
        "warnings": (),
        "timings_ms": {"embed": 1.0, "search": 2.5},
    }
    return Answer(**(values | more))


def report(status="ok", failures=(), **more):
    values = {
        "run": "r1",
        "status": status,
        "seconds": 3.25,
        "profile": PROFILE,
        "stages": tuple(
            StageCount(stage=stage, attempted=12, succeeded=10, failed=2, skipped=3, seconds=0.5)
            for stage in Stage
            if stage is not Stage.SEARCH
        ),
        "documents": DocumentCounts(added=10, failed=2),
        "chunks": ChunkCounts(added=200, reused=40),
        "failures": tuple(failures),
    }
    return Report(**(values | more))


def row(path="policies/售后服务条款.md", **more):
    values = {
        "path": path,
        "title": "售后服务条款",
        "collection": "default",
        "format": "markdown",
        "pages": None,
        "chunks": 12,
        "bytes": 20480,
        "sha256": "0" * 64,
        "state": "indexed",
        "ingested_at": "2025-03-12T09:30:00Z",
        "coverage": {"indexed": 1},
    }
    return DocumentRow(**(values | more))


def summary(**more):
    values = {
        "documents": 2,
        "chunks": 24,
        "vectors": 23,
        "generation": 1,
        "profile": PROFILE,
        "collections": {"default": 1, "政策": 1},
        "failures_by_stage": {"extract": 1},
        "not_searchable": [
            {
                "path": "inbox/扫描件.pdf",
                "reason": "pages",
                "code": "extract.no_text",
                "pages": [3, 7, 8, 9],
                "chunks": None,
                "message": "The page holds a picture and no text layer, as a scan does.",
                "hint": "Run the file through an OCR program.",
            }
        ],
        "bytes": 3_400_000,
        "last_run": {"command": "ingest", "status": "partial", "started_at": "2025-03-12"},
        "index": {"segments": 1, "in_segments": 20, "tail": 3, "damaged": 0},
    }
    return Summary(**(values | more))


def shown(**more):
    from kb.pipeline.show import Shown

    text = "售后服务条款\n\n退货应当在七日内提出。\n"
    values = {
        "document": row(),
        "text": text,
        "pages": (Page(number=1, start=0, end=len(text), state=PageState.INDEXED),),
    }
    return Shown(**(values | more))


@pytest.fixture(scope="session")
def make():
    """Builders of the frozen values that the commands render."""
    return SimpleNamespace(
        answer=answer,
        failure=failure,
        hit=hit,
        passage=passage,
        profile=PROFILE,
        report=report,
        row=row,
        shown=shown,
        summary=summary,
    )


TERMS = """\
# 售后服务条款

## 第3.1条 退货条件

个人消费者自签收之日起14日内可以无理由退货。退回的商品应当保持完好，主机、手柄、粉碗齐全。

## 第4.1条 保修期限

家用机整机保修24个月，商用机整机保修12个月。
"""
POLICY = """\
# Refund policy

You may return a machine within thirty days of delivery. We refund the price of the machine
within five working days after it has arrived.

# Warranty policy

The warranty covers two years of private use and one year of commercial use.
"""


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """A folder with a knowledge base that `kb ingest` made: two good documents, two bad ones."""
    folder = tmp_path_factory.mktemp("filled")
    docs = folder / "docs"
    docs.mkdir()
    (docs / "售后服务条款.md").write_text(TERMS, encoding="utf-8")
    (docs / "policy.md").write_text(POLICY, encoding="utf-8")
    (docs / "empty.md").write_text("")
    (docs / "archive.rar").write_bytes(b"PK")
    result = run_apart("ingest", "docs", "--json", cwd=folder)
    assert result.code == 1, result.err
    return SimpleNamespace(folder=folder, home=str(folder / ".kb"), ingest=result)


@pytest.fixture
def faked(monkeypatch):
    """Put something in place of a function of the pipeline; gives what it was called with."""

    def put(target, result):
        calls = []

        def stand_in(*arguments, **options):
            calls.append((arguments, options))
            if isinstance(result, BaseException):
                raise result
            return result

        monkeypatch.setattr(f"kb.pipeline.{target}", stand_in)
        return calls

    return put

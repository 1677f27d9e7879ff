"""`kb doctor` against real servers: nothing is wrong with a good one, and it names what is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.servers.conftest import kb
from tests.servers.process import Server

pytestmark = pytest.mark.real_server


def examined(desk: Path, settings: dict[str, str]) -> tuple[int, dict[str, Any]]:
    told = kb("doctor", "--json", cwd=desk, env=settings)
    assert told.json["schema"] == "kb.doctor/1", told.out + told.err
    return told.code, told.json


def failures(report: dict[str, Any]) -> dict[str, str]:
    """Give the checks that failed, by id, and what they say."""
    return {c["id"]: c["message"] for c in report["checks"] if c["status"] == "fail"}


def test_nothing_is_wrong_with_a_good_server(tmp_path: Path, minilm_server: Server) -> None:
    code, report = examined(tmp_path, minilm_server.settings)
    assert failures(report) == {}
    assert report["ok"] is True
    assert code == 0
    passed = {check["id"] for check in report["checks"] if check["status"] == "ok"}
    assert {"network.tcp", "server.models", "request.smallest"} <= passed


def test_a_server_that_only_chats_is_found_out(tmp_path: Path, chat_server: Server) -> None:
    code, report = examined(tmp_path, chat_server.settings)
    assert code == 1
    assert report["ok"] is False
    codes = {check["detail"].get("code") for check in report["checks"]}
    assert "embed.not_embedding_model" in codes, failures(report)


def test_a_missing_key_is_found_out(tmp_path: Path, qwen3_server: Server) -> None:
    code, report = examined(tmp_path, {"KB_BASE_URL": qwen3_server.base_url})
    assert code == 1
    assert report["ok"] is False
    codes = {check["detail"].get("code") for check in report["checks"]}
    assert "embed.unauthorized" in codes, failures(report)

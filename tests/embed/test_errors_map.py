from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kb.embed.errors_map import Action, Scene, of_reply, of_silence, retry_after
from kb.embed.transport import Kind, Reply, UnansweredError

SCENE = Scene(base="http://gpu:8000/v1", model="m", api_key="sk-hunter2")


def _reply(status: int, body: Any = "", **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=headers, body=raw)


def _error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "param": None} | more}


TOO_LONG = _error(
    "This model's maximum context length is 256 tokens. However, your prompt contains at least "
    "257 input tokens (parameter=input_tokens, value=257)"
)


@pytest.mark.parametrize(
    ("status", "body", "code", "action"),
    [
        (400, _error("bad"), "embed.bad_request", Action.REFUSED),
        (400, TOO_LONG, "embed.input_too_long", Action.REFUSED),
        (422, {"detail": [{"type": "string_too_long"}]}, "embed.input_too_long", Action.REFUSED),
        (500, _error("input is too large to process"), "embed.input_too_long", Action.REFUSED),
        (413, "", "embed.input_too_long", Action.REFUSED),
        (422, {"detail": []}, "embed.bad_request", Action.REFUSED),
        (400, _error("batch size is invalid"), "embed.bad_request", Action.TOO_MANY),
        (401, {"error": "Unauthorized"}, "embed.unauthorized", Action.FATAL),
        (401, {"detail": "Unauthorized"}, "embed.unauthorized", Action.FATAL),
        (401, _error("Invalid key"), "embed.unauthorized", Action.FATAL),
        (403, b"<html>Forbidden</html>", "embed.unauthorized", Action.FATAL),
        (404, {"detail": "Not Found"}, "embed.wrong_path", Action.FATAL),
        (404, b"<html>404</html>", "embed.wrong_path", Action.FATAL),
        (404, _error("The model `m` does not exist."), "embed.model_not_found", Action.FATAL),
        (400, _error("x", code="model_not_found"), "embed.model_not_found", Action.REFUSED),
        (405, {"detail": "Method Not Allowed"}, "embed.wrong_path", Action.FATAL),
        (301, "", "embed.wrong_path", Action.FATAL),
        (307, "", "embed.wrong_path", Action.FATAL),
        (501, _error("no embeddings"), "embed.not_embedding_model", Action.FATAL),
        (
            404,
            _error("m does not support Embeddings API"),
            "embed.not_embedding_model",
            Action.FATAL,
        ),
        (408, "", "embed.timeout", Action.AGAIN),
        (429, _error("slow down"), "embed.rate_limited", Action.BUSY),
        (500, b"Internal Server Error", "embed.server_error", Action.SUSPECT),
        (502, b"<html>Bad Gateway</html>", "embed.server_error", Action.AGAIN),
        (503, _error("busy"), "embed.overloaded", Action.BUSY),
        (504, "", "embed.server_error", Action.AGAIN),
        (418, "", "embed.bad_request", Action.REFUSED),
        (400, b"The plain HTTP request was sent to HTTPS port", "embed.tls", Action.REFUSED),
    ],
)
def test_each_answer_has_its_code(status: int, body: Any, code: str, action: Action) -> None:
    trouble = of_reply(SCENE, _reply(status, body))
    assert (trouble.failure.code, trouble.action) == (code, action)
    assert trouble.failure.detail["status"] == status


@pytest.mark.parametrize(
    ("kind", "code", "action"),
    [
        ("refused", "embed.unreachable", Action.AGAIN),
        ("no_host", "embed.unreachable", Action.AGAIN),
        ("broken", "embed.unreachable", Action.AGAIN),
        ("timeout", "embed.timeout", Action.AGAIN),
        ("tls", "embed.tls", Action.FATAL),
    ],
)
def test_each_silence_has_its_code(kind: Kind, code: str, action: Action) -> None:
    trouble = of_silence(SCENE, UnansweredError(kind, "because"))
    assert (trouble.failure.code, trouble.action) == (code, action)
    assert trouble.failure.detail["error"] == "because"


@pytest.mark.parametrize(
    "body",
    [
        b"no sk-hunter2 here",
        json.dumps({"seen": "Bearer sk-hunter2"}).encode(),
        b"x" * 495 + b"sk-hunter2",
    ],
)
def test_a_server_that_repeats_the_key_is_not_quoted_with_it(body: bytes) -> None:
    trouble = of_reply(SCENE, _reply(400, body))
    assert "sk-h" not in str(trouble.failure)
    assert len(trouble.failure.detail["body"]) <= 500


def test_a_key_with_quotes_is_found_in_json_too() -> None:
    scene = Scene(base="http://gpu", model="m", api_key='pass"word\\')
    trouble = of_reply(scene, _reply(400, {"seen": 'pass"word\\'}))
    assert "word" not in trouble.failure.detail["body"]


def test_a_redirect_is_quoted_without_the_key() -> None:
    trouble = of_reply(SCENE, _reply(302, "", location="https://login/?k=sk-hunter2"))
    assert "hunter2" not in str(trouble.failure)
    assert "https://login/" in trouble.failure.message


def test_the_scene_does_not_show_the_key() -> None:
    assert "hunter2" not in repr(SCENE)


def test_no_key_and_a_wrong_key_are_two_sentences() -> None:
    without = Scene(base="http://gpu", model="m")
    asked = of_reply(without, _reply(401, {"error": "Unauthorized"})).failure.message
    refused = of_reply(SCENE, _reply(401, {"error": "Unauthorized"})).failure.message
    assert "asks for an API key" in asked
    assert "refused the API key" in refused


NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("86400", 120.0),
        ("inf", 120.0),
        ("nan", None),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 23:00:00 GMT", 120.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_understood_as_number_and_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, now=NOW) == seconds


def test_no_wish_is_no_wait() -> None:
    assert retry_after({}, now=NOW) is None

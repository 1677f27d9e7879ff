"""`kb doctor` as a person and a script see it."""

from __future__ import annotations

import json

import pytest

from cli.render.doctor import check_lines, closing_lines
from cli.render.text import cells
from kb.doctor.check import Check, fail, ok, skip, warn
from tests.fakes.endpoint import FakeEndpoint
from tests.fakes.reader import Reader


def test_a_healthy_endpoint(kb, here):
    with Reader("english", "chinese") as fake:
        result = kb("doctor", env={"KB_BASE_URL": fake.base_url})
        assert result.code == 0, result.out
        assert " failed" not in result.out
        told = kb("doctor", "--json", env={"KB_BASE_URL": fake.base_url}).json
    assert told["schema"] == "kb.doctor/1"
    assert told["ok"] is True
    for check in told["checks"]:
        assert set(check) == {"id", "status", "message", "hint", "detail", "ms"}
        assert check["status"] in {"ok", "warn", "skip"}
        assert check["message"].endswith(".")
    assert not (here / ".kb").exists()


def test_nothing_answers(kb, here):
    fake = FakeEndpoint(listen=False)
    result = kb("doctor", env={"KB_BASE_URL": fake.base_url})
    assert result.code == 1
    assert "fail" in result.out
    assert "Begin here:" in result.out
    assert "curl" not in result.out or "KB_API_KEY" not in result.out
    told = kb("doctor", "--json", "--base-url", fake.base_url).json
    assert told["ok"] is False


def test_without_an_endpoint_the_built_in_model_is_tried(kb, here):
    result = kb("doctor", "--json")
    assert result.code == 0
    by_id = {check["id"]: check for check in result.json["checks"]}
    assert by_id["settings.url"]["status"] == "ok"
    assert by_id["network"]["status"] == "skip"
    assert by_id["end_to_end.search"]["status"] == "ok"


def test_the_key_is_never_shown(kb, here):
    key = "sk-very-secret-4711"
    with FakeEndpoint(api_key="another") as fake:
        fake.faults.echo_key = True
        env = {"KB_BASE_URL": fake.base_url, "KB_API_KEY": key}
        for result in (kb("doctor", env=env), kb("doctor", "--json", env=env)):
            assert result.code == 1
            assert key not in result.out + result.err
    assert "$KB_API_KEY" in result.out


@pytest.mark.parametrize("width", [40, 80, 100])
def test_lines_fit_but_for_the_line_to_copy(width):
    checks = [
        ok("a.b", "All is well with this, and 中文也一样没有问题。" * 4),
        warn("a.c", "Something is odd. " * 8, "Do this. " * 20),
        fail("a.d", "Something is wrong.", "Run it so.", curl="curl " + "x" * 200),
        skip("a.e", "Not asked: nothing answers at the address."),
    ]
    lines = [line.plain for check in checks for line in check_lines(check, width=width)]
    lines += [line.plain for line in closing_lines(checks, width=width)]
    assert all(cells(line) <= width for line in lines if "curl" not in line)
    assert sum("curl" in line for line in lines) == 1
    assert lines[-1] == "Begin here: Run it so."


def test_a_doctors_json_holds_only_what_json_can_hold(kb, here):
    with Reader("english") as fake:
        told = kb("doctor", "--json", env={"KB_BASE_URL": fake.base_url}).json
    assert json.loads(json.dumps(told)) == told


def test_an_error_of_the_endpoint_points_to_the_doctor(kb, here):
    fake = FakeEndpoint(listen=False)
    env = {"KB_BASE_URL": fake.base_url, "KB_MODEL": "m", "KB_MAX_RETRIES": "0"}
    result = kb("init", env=env)
    assert result.code == 3
    assert "kb doctor" in result.err


def test_checks_are_frozen_values():
    check = Check(id="a", status="ok", message="Fine.")
    with pytest.raises(AttributeError):
        check.status = "fail"  # type: ignore[misc]

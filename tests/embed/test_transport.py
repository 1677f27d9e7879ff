from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kb.embed import transport as module
from kb.embed.plain import Plain
from kb.embed.transport import Reply, Transport, UnansweredError
from kb.errors import UsageError
from tests.fakes.endpoint import FakeEndpoint

BODY = json.dumps({"model": "fake-embed", "input": ["a"]}).encode()


def _kept(url: str, key: str | None) -> Transport:
    return Transport(url, api_key=key, connections=2)


def _plain(url: str, key: str | None) -> Plain:
    return Plain(url, api_key=key)


Door = Callable[[str, str | None], Transport | Plain]
#: What holds for a run of many requests and for the one request of a search.
BOTH = pytest.mark.parametrize("door", [_kept, _plain])


def _post(fake: FakeEndpoint, *, timeout: float = 5.0, times: int = 1, door: Door = _kept) -> Reply:
    transport = door(fake.base_url, "sk-hunter2")
    try:
        for _ in range(times):
            reply = transport.post(f"{fake.base_url}/embeddings", BODY, timeout=timeout)
        return reply
    finally:
        transport.close()


def _kind(fake: FakeEndpoint, *, timeout: float = 5.0, door: Door = _kept) -> str:
    with pytest.raises(UnansweredError) as caught:
        _post(fake, timeout=timeout, door=door)
    return caught.value.kind


@BOTH
def test_the_key_travels_in_the_authorization_header_alone(fake: FakeEndpoint, door: Door) -> None:
    _post(fake, door=door)
    (request,) = fake.requests
    assert request.headers["Authorization"] == "Bearer sk-hunter2"
    others = {name: value for name, value in request.headers.items() if name != "Authorization"}
    assert "hunter2" not in str(others) + request.path + str(request.body)


@BOTH
def test_without_a_key_there_is_no_header(fake: FakeEndpoint, door: Door) -> None:
    transport = door(fake.base_url, None)
    transport.get(f"{fake.base_url}/models", timeout=5)
    transport.close()
    assert "Authorization" not in fake.requests[0].headers


def test_a_connection_is_used_again(fake: FakeEndpoint) -> None:
    _post(fake, times=5)
    assert fake.connections == 1


@BOTH
def test_a_connection_closed_meanwhile_is_opened_again_silently(
    fake: FakeEndpoint, door: Door
) -> None:
    fake.faults.hang_up = True
    assert _post(fake, door=door, times=5).status == 200
    assert len(fake.embedded) == 5


def test_a_connection_that_closes_as_it_is_used_is_opened_again_silently(
    fake: FakeEndpoint,
) -> None:
    fake.faults.hang_up_late = True
    assert _post(fake, times=5).status == 200
    assert fake.connections == 5


@BOTH
def test_a_new_connection_that_breaks_is_not_tried_again_here(
    fake: FakeEndpoint, door: Door
) -> None:
    fake.faults.reset = True
    assert _kind(fake, door=door) == "broken"
    assert len(fake.embedded) == 1


@BOTH
def test_nobody_there_is_refused(door: Door) -> None:
    with FakeEndpoint(listen=False) as fake:
        assert _kind(fake, door=door) == "refused"


@BOTH
def test_a_name_that_does_not_exist_is_no_host(door: Door) -> None:
    transport = door("http://no-such-host.invalid/v1", None)
    with pytest.raises(UnansweredError) as caught:
        transport.get("http://no-such-host.invalid/v1/models", timeout=5)
    transport.close()
    assert caught.value.kind in {"no_host", "refused"}


def test_https_on_a_plain_port_is_tls(fake: FakeEndpoint) -> None:
    url = fake.base_url.replace("http://", "https://")
    transport = Transport(url, api_key=None, connections=1)
    with pytest.raises(UnansweredError) as caught:
        transport.get(f"{url}/models", timeout=5)
    transport.close()
    assert caught.value.kind == "tls"


@BOTH
def test_silence_is_a_timeout(fake: FakeEndpoint, door: Door) -> None:
    fake.faults.stall_s = 30
    assert _kind(fake, door=door, timeout=0.05) == "timeout"


@BOTH
def test_an_answer_that_drips_for_ever_is_a_timeout(fake: FakeEndpoint, door: Door) -> None:
    fake.faults.drip_s = 0.05
    assert _kind(fake, door=door, timeout=0.2) == "timeout"


@BOTH
def test_an_endless_answer_is_not_read_to_its_end(
    fake: FakeEndpoint, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 100)
    fake.faults.body = {"error": "x" * 10_000_000}
    fake.faults.status = 400
    assert len(_post(fake, door=door).body) < 1_000_000


@BOTH
def test_a_redirect_on_the_same_host_is_followed_with_the_text(
    fake: FakeEndpoint, door: Door
) -> None:
    transport = door(fake.base_url, "sk-hunter2")
    fake.redirects["/old"] = f"{fake.base_url}/embeddings"
    reply = transport.post(f"http://127.0.0.1:{fake.port}/old", BODY, timeout=5)
    transport.close()
    assert reply.status == 200
    assert fake.requests[-1].body["input"] == ["a"]


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirects_that_may_lose_the_text_are_not_followed(
    fake: FakeEndpoint, door: Door, status: int
) -> None:
    fake.faults.status = status
    fake.faults.location = f"{fake.base_url}/elsewhere"
    assert _post(fake, door=door).status == status
    assert len(fake.requests) == 1


@BOTH
@pytest.mark.parametrize(
    "location", ["https://127.0.0.1/v1", "http://other.invalid/v1", "http://[", "", "//evil/x"]
)
def test_a_redirect_elsewhere_does_not_get_the_key(
    fake: FakeEndpoint, door: Door, location: str
) -> None:
    fake.faults.status = 307
    fake.faults.location = location
    assert _post(fake, door=door).status == 307
    assert len(fake.requests) == 1


@BOTH
def test_a_redirect_in_a_circle_ends(fake: FakeEndpoint, door: Door) -> None:
    fake.redirects["/v1/embeddings"] = f"{fake.base_url}/again"
    fake.redirects["/v1/again"] = f"{fake.base_url}/embeddings"
    assert _post(fake, door=door).status == 307
    assert len(fake.requests) == 2


@BOTH
def test_a_proxy_is_not_asked_for_this_machine(
    fake: FakeEndpoint, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert _post(fake, door=door).status == 200


def test_a_proxy_is_asked_for_other_hosts(
    fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{fake.port}")
    transport = Transport("http://gpu.invalid/v1", api_key=None, connections=1)
    transport.get("http://gpu.invalid/v1/models", timeout=5)
    transport.close()
    assert fake.requests[0].path == "http://gpu.invalid/v1/models"


def test_a_proxy_that_makes_no_sense_is_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://x:1")
    with pytest.raises(UsageError) as caught:
        Transport("http://gpu.invalid/v1", api_key="sk-hunter2", connections=1)
    assert "HTTP_PROXY" in caught.value.failure.hint


@pytest.mark.parametrize(
    "first", ["import kb.embed", "from kb.embed import open_builtin; open_builtin()"]
)
def test_http_is_not_loaded_where_no_endpoint_is_used(first: str, repository: Path) -> None:
    script = (
        f"{first}\nimport sys\nassert 'httpx' not in sys.modules\nassert 'ssl' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

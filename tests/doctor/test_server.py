"""Which path, server, version and model answer, and is it said what to set?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kb.doctor.check import Check
from kb.doctor.network.listing import joined, listing, routes
from kb.doctor.server import checks as server
from kb.doctor.server import paths
from kb.doctor.server.versions import flaws, numbers
from kb.embed.transport import Reply
from tests.doctor.answers import Answers, Said
from tests.doctor.conftest import Examined
from tests.fakes.endpoint import FakeEndpoint

#: How each server says that a key is missing or wrong.
NO_KEY = [{"error": "Unauthorized"}, {"detail": "Unauthorized"}, {"detail": "Invalid API key"}]
CHAT = ["/health", "/v1/models", "/v1/chat/completions", "/v1/completions"]


@pytest.fixture(autouse=True)
def _quiet_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at no port that may happen to be in use on this machine."""
    monkeypatch.setattr(paths, "USUAL_PORTS", ())


def by_id(checks: Iterator[Check]) -> dict[str, Check]:
    found = list(checks)
    assert len({check.id for check in found}) == len(found)
    for check in found:
        assert check.id.startswith("server.")
        assert check.message
        assert bool(check.hint) == (check.status in {"warn", "fail"})
    return {check.id.removeprefix("server."): check for check in found}


def bad(found: dict[str, Check]) -> dict[str, str]:
    return {name: check.status for name, check in found.items() if check.hint}


def listed(*models: object) -> bytes:
    return json.dumps({"object": "list", "data": list(models)}).encode()


def openapi(*names: str) -> bytes:
    return json.dumps({"openapi": "3.1.0", "paths": {name: {} for name in names}}).encode()


def answers(pages: dict[str, Said]) -> Answers:
    """Answer these paths, and others as FastAPI does."""
    missing = Said(status=404, body=b'{"detail":"Not Found"}')
    return Answers(lambda _method, path: pages.get(path, missing))


# -- all well --------------------------------------------------------------------------


def test_a_server_in_order(examined: Examined, fake: FakeEndpoint) -> None:
    examination = examined(fake, KB_MODEL="fake-embed", KB_PROMPTS="none")
    found = by_id(server.checks(examination))
    assert bad(found) == {}
    assert list(found) == ["path", "key", "health", "version", "models", "kind", "model"]
    assert examination.model == "fake-embed"
    assert examination.max_model_len == 8192
    assert examination.version == "0.32.0"
    assert [served.name for served in examination.served or ()] == ["fake-embed"]
    assert "api" in examination.facts
    assert len(fake.embedded) == 1


def test_no_embedding_is_asked_for_where_the_paths_tell(examined: Examined) -> None:
    pages = {
        "/v1/models": Said(body=listed({"id": "m", "owned_by": "vllm", "max_model_len": 512})),
        "/openapi.json": Said(body=openapi("/v1/models", "/v1/embeddings")),
    }
    with answers(pages) as fake:
        examination = examined(fake.base_url)
        assert bad(by_id(server.checks(examination))) == {}
        assert not [path for method, path, _ in fake.seen if method == "POST"]
    assert "api" in examination.facts
    assert (examination.model, examination.max_model_len) == ("m", 512)


# -- the path --------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["", "/v1/v1", "/v1/embeddings", "/"])
def test_v1_that_is_missing_or_doubled(
    examined: Examined, fake: FakeEndpoint, written: str
) -> None:
    examination = examined(f"http://127.0.0.1:{fake.port}{written}")
    assert by_id(server.checks(examination))["path"].status == "ok"
    assert examination.base == fake.base_url


def test_an_api_that_is_not_below_v1(examined: Examined) -> None:
    with FakeEndpoint(prefix="") as fake:
        examination = examined(f"{fake.base_url}/v1", KB_MODEL="fake-embed")
        path = by_id(server.checks(examination))["path"]
        assert path.status == "warn"
        assert path.hint == f"Set KB_BASE_URL={fake.base_url}"
        assert examination.base == fake.base_url
        assert "api" in examination.facts


def test_an_api_at_a_path_that_the_client_would_not_try(
    examined: Examined, fake: FakeEndpoint
) -> None:
    examination = examined(f"http://127.0.0.1:{fake.port}/api/v1", KB_MODEL="fake-embed")
    found = by_id(server.checks(examination))
    assert list(found) == ["path"]
    assert f"KB_BASE_URL={fake.base_url}" in found["path"].hint
    assert found["path"].detail["code"] == "embed.wrong_path"
    assert "api" not in examination.facts


def test_an_api_that_only_its_own_paths_tell(examined: Examined) -> None:
    pages = {"/openapi.json": Said(body=openapi("/engines/v1/embeddings", "/x /embeddings"))}
    with answers(pages) as fake:
        path = by_id(server.checks(examined(fake.base_url)))["path"]
        assert f"KB_BASE_URL=http://127.0.0.1:{fake.port}/engines/v1" in path.hint


@pytest.mark.parametrize(
    ("page", "name", "hint"),
    [
        ("<html><head><title>Open WebUI</title>", "Open WebUI", "the server behind it"),
        ("<script>window.gradio_config={}</script><p>", "a Gradio page", "vllm serve"),
        ("Ollama is running", "Ollama", "below /v1"),
        ("<html><h1>Welcome to nginx!</h1>", "nginx", "proxy_pass"),
        ("<html><title>A shop</title>", "a web page titled 'A shop'", ":PORT/v1"),
    ],
)
def test_a_web_page_in_place_of_the_api(
    examined: Examined, fake: FakeEndpoint, page: str, name: str, hint: str
) -> None:
    fake.faults.web_page = page
    examination = examined(fake)
    found = by_id(server.checks(examination))
    assert list(found) == ["path"]
    assert name in found["path"].message
    assert hint in found["path"].hint
    assert found["path"].detail["code"] == "embed.invalid_response"
    assert "HOST" not in found["path"].hint
    assert "api" not in examination.facts


def test_a_web_page_while_another_port_has_the_api(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint
) -> None:
    monkeypatch.setattr(paths, "USUAL_PORTS", (fake.port,))
    with FakeEndpoint() as page:
        page.faults.web_page = "<html><title>Open WebUI</title>"
        path = by_id(server.checks(examined(page, KB_API_KEY="sesame")))["path"]
    assert f"KB_BASE_URL={fake.base_url}" in path.hint
    assert all("Authorization" not in request.headers for request in fake.requests)


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        ("https://gpu.corp/v1/models", "KB_BASE_URL=https://gpu.corp/v1"),
        ("https://sso.corp/login", "often a login page"),
        ("/login", "ends in /v1"),
        ("http://[", "often a login page"),
    ],
)
def test_a_redirect_is_told_and_not_followed(examined: Examined, location: str, hint: str) -> None:
    with Answers(lambda *_: Said(status=302, headers={"Location": location})) as fake:
        examination = examined(fake.base_url, KB_API_KEY="sesame")
        path = by_id(server.checks(examination))["path"]
    # An address that is none breaks the client's own reading of the answer.
    if location != "http://[":
        assert hint in path.hint
        assert path.detail["code"] == "embed.wrong_path"
    assert path.status == "fail"
    assert "sesame" not in f"{path}"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_gateway_without_a_server_behind_it(examined: Examined, status: int) -> None:
    with Answers(lambda *_: Said(status=status)) as fake:
        examination = examined(fake.base_url)
        found = by_id(server.checks(examination))
        assert len(fake.seen) == 1
    assert bad(found) == {"path": "fail"}
    assert "api" not in examination.facts


def test_a_server_that_says_nothing_is_asked_once(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint
) -> None:
    monkeypatch.setattr(paths, "LIST_S", 0.05)

    def answer(*_: str) -> Said:
        fake.ending.wait(5)
        return Said()

    with Answers(answer) as silent:
        found = by_id(server.checks(examined(silent.base_url)))
        fake.ending.set()
        assert len(silent.seen) == 1
    assert found["path"].detail["code"] == "embed.timeout"
    assert "--log FILE" in found["path"].hint


def test_a_server_that_is_gone_meanwhile(examined: Examined, fake: FakeEndpoint) -> None:
    examination = examined(fake)
    fake.stop()
    assert by_id(server.checks(examination))["path"].detail["code"] == "embed.unreachable"


# -- the key ---------------------------------------------------------------------------


@pytest.mark.parametrize("body", NO_KEY)
@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_key_that_is_missing_or_wrong(examined: Examined, body: Any, key: str) -> None:
    with FakeEndpoint(api_key="sesame", auth_body=body) as fake:
        fake.faults.echo_key = bool(key)
        examination = examined(fake, KB_API_KEY=key)
        found = by_id(server.checks(examination))
    assert bad(found) == {"key": "fail"}
    assert ("refuses" in found["key"].message) == bool(key)
    assert "KB_API_KEY" in found["key"].hint
    assert found["key"].detail["code"] == "embed.unauthorized"
    assert "wrong" not in f"{found}"
    assert "api" not in examination.facts


def test_a_key_that_is_right_and_one_that_nobody_asked_for(
    examined: Examined, fake: FakeEndpoint
) -> None:
    loose = by_id(server.checks(examined(fake, KB_API_KEY="sesame")))["key"]
    assert (loose.status, loose.detail["needed"]) == ("ok", False)
    fake.api_key = "sesame"
    right = by_id(server.checks(examined(fake, KB_API_KEY="sesame")))["key"]
    assert (right.status, right.detail["needed"]) == ("ok", True)


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_server_whose_list_alone_is_open(examined: Examined, key: str) -> None:
    with answers(
        {"/v1/models": Said(body=listed({"id": "m"})), "/v1/embeddings": Said(status=401)}
    ) as fake:
        examination = examined(fake.base_url, KB_API_KEY=key)
        kind = by_id(server.checks(examination))["kind"]
    assert kind.status == "fail"
    assert ("the API key" in kind.message) == bool(key)
    assert kind.detail["code"] == "embed.unauthorized"
    assert "KB_API_KEY" in kind.hint
    assert "api" not in examination.facts


# -- health and version ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("health", "status"), [(200, "ok"), (None, "skip"), (503, "fail"), (500, "warn")]
)
def test_health(examined: Examined, fake: FakeEndpoint, health: int | None, status: str) -> None:
    fake.faults.health = health
    found = by_id(server.checks(examined(fake)))["health"]
    assert found.status == status
    if status == "fail":
        assert "dead" in found.message
        assert found.detail["code"] == "embed.server_error"


def test_health_while_the_model_is_loading(examined: Examined) -> None:
    busy = Said(status=503, body=b'{"error":{"message":"Loading model","code":503}}')
    with answers({"/v1/models": Said(body=listed({"id": "m"})), "/health": busy}) as fake:
        health = by_id(server.checks(examined(fake.base_url)))["health"]
    assert "still loading" in health.message
    assert health.detail["code"] == "embed.overloaded"


@pytest.mark.parametrize(
    ("version", "model", "status", "word"),
    [
        ("0.32.0", "Qwen3-Embedding-4B", "ok", "vLLM 0.32.0"),
        ("0.31.9", "Qwen3-Embedding-4B", "warn", "one token below the limit"),
        ("0.8.4", "Qwen3-Embedding-4B", "warn", "does not know Qwen3-Embedding"),
        ("0.6.3.post1", "bge-m3", "warn", "hang for ever"),
        ("0.1.dev1+g12", "bge-m3", "warn", "vllm>=0.32.0"),
        ("a build of ours", "m", "ok", "a build of ours"),
        (None, "m", "skip", "which is fine"),
    ],
)
def test_versions(
    examined: Examined, version: str | None, model: str, status: str, word: str
) -> None:
    with FakeEndpoint(version=version, model=model) as fake:
        found = by_id(server.checks(examined(fake)))["version"]
    assert found.status == status
    assert word in found.message + found.hint


def test_the_version_of_another_server_is_no_version_of_vllm(examined: Examined) -> None:
    pages = {
        "/v1/models": Said(body=listed({"id": "m", "owned_by": "library"})),
        "/version": Said(body=b'{"version":"0.5.7"}'),
    }
    with answers(pages) as fake:
        examination = examined(fake.base_url)
        assert by_id(server.checks(examination))["version"].status == "ok"
    assert examination.version is None


@given(st.text())
def test_any_text_is_a_version_or_none(text: str) -> None:
    numbers(text)
    flaws(text, text)


# -- models ----------------------------------------------------------------------------


def test_the_only_model_is_taken(examined: Examined, fake: FakeEndpoint) -> None:
    examination = examined(fake)
    assert by_id(server.checks(examination))["model"].status == "ok"
    assert examination.model == "fake-embed"
    assert "api" in examination.facts


def test_several_models_and_none_chosen(examined: Examined) -> None:
    with FakeEndpoint(models=("a", "b")) as fake:
        examination = examined(fake)
        model = by_id(server.checks(examination))["model"]
    assert model.status == "fail"
    assert "a, b" in model.message
    assert "KB_MODEL" in model.hint
    assert "api" not in examination.facts


@pytest.mark.parametrize("owner", ["vllm", None])
def test_a_model_that_is_not_served(examined: Examined, owner: str | None) -> None:
    names = ("BAAI/bge-m3", "Qwen/Qwen3-Embedding-4B")
    with FakeEndpoint(models=names) as fake:
        examination = examined(fake, KB_MODEL="qwen3-embedding-4b")
        model = by_id(server.checks(examination))["model"]
    assert model.status == "fail"
    assert "KB_MODEL=Qwen/Qwen3-Embedding-4B" in model.hint
    assert model.detail["code"] == "embed.model_not_found"
    assert model.detail["closest"] == "Qwen/Qwen3-Embedding-4B"
    assert "api" not in examination.facts


def test_vllm_is_not_asked_for_a_model_that_it_does_not_list(examined: Examined) -> None:
    pages = {
        "/v1/models": Said(body=listed({"id": "m", "owned_by": "vllm"})),
        "/openapi.json": Said(body=openapi("/v1/models", "/v1/embeddings")),
    }
    with answers(pages) as fake:
        found = by_id(server.checks(examined(fake.base_url, KB_MODEL="n")))
        assert not [path for method, path, _ in fake.seen if method == "POST"]
    assert bad(found) == {"model": "fail"}


def test_a_server_that_ignores_the_name(examined: Examined, fake: FakeEndpoint) -> None:
    fake.accept_any_model = True
    examination = examined(fake, KB_MODEL="another")
    model = by_id(server.checks(examination))["model"]
    assert model.status == "warn"
    assert "ignores the name" in model.hint
    assert examination.model == "another"
    assert "api" in examination.facts


def test_a_tag_that_the_server_adds_is_no_other_model(examined: Examined) -> None:
    with FakeEndpoint(models=("nomic-embed-text:latest",)) as fake:
        fake.accept_any_model = True
        found = by_id(server.checks(examined(fake, KB_MODEL="nomic-embed-text")))
    assert found["model"].status == "ok"


def test_a_server_without_a_list_is_asked_once(examined: Examined) -> None:
    with FakeEndpoint(models=(), version=None) as fake:
        examination = examined(fake, KB_MODEL="mine")
        found = by_id(server.checks(examination))
        assert [request.status for request in fake.embedded] == [[200]]
    assert bad(found) == {}
    assert found["models"].status == "skip"
    assert examination.served is None
    assert "api" in examination.facts


def test_a_server_without_a_list_needs_a_name(examined: Examined) -> None:
    with FakeEndpoint(models=(), version=None) as fake:
        examination = examined(fake)
        found = by_id(server.checks(examination))
    assert bad(found) == {"model": "fail"}
    assert "Set KB_MODEL" in found["model"].hint
    assert "api" not in examination.facts


def test_an_empty_list_is_told(examined: Examined) -> None:
    with answers({"/v1/models": Said(body=listed())}) as fake:
        found = by_id(server.checks(examined(fake.base_url)))
    assert bad(found) == {"models": "warn", "model": "fail"}


# -- models that do not embed ----------------------------------------------------------


def test_a_server_that_generates_text_and_has_no_embeddings(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.generate_only = True
    examination = examined(fake)
    found = by_id(server.checks(examination))
    assert found["kind"].status == "fail"
    assert "generates text" in found["kind"].message
    assert "--runner pooling" in found["kind"].hint
    assert found["kind"].detail["code"] == "embed.not_embedding_model"
    assert found["model"].status == "skip"
    assert "api" not in examination.facts


def test_a_server_whose_paths_say_that_it_only_generates(examined: Examined) -> None:
    pages = {
        "/v1/models": Said(body=listed({"id": "Qwen3-Embedding-4B", "owned_by": "vllm"})),
        "/openapi.json": Said(body=openapi(*CHAT)),
    }
    with answers(pages) as fake:
        kind = by_id(server.checks(examined(fake.base_url)))["kind"]
        assert not [path for method, path, _ in fake.seen if method == "POST"]
    assert kind.status == "fail"
    assert "vllm serve Qwen3-Embedding-4B --runner pooling" in kind.hint


def test_a_server_that_answers_with_text(examined: Examined, fake: FakeEndpoint) -> None:
    fake.faults.chat = True
    kind = by_id(server.checks(examined(fake)))["kind"]
    assert (kind.status, kind.detail["code"]) == ("fail", "embed.not_embedding_model")
    assert kind.detail["curl"].startswith("curl ")


@pytest.mark.parametrize("status", [400, 500])
def test_other_failures_are_left_to_the_next_checks(
    examined: Examined, fake: FakeEndpoint, status: int
) -> None:
    fake.faults.status = status
    examination = examined(fake)
    assert by_id(server.checks(examination))["kind"].status == "skip"
    assert "api" in examination.facts


def test_an_engine_that_hangs_is_left_to_the_next_checks(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.faults.hang_embeddings = True
    examination = examined(fake, KB_TIMEOUT_S="0.05", KB_MODEL="another")
    found = by_id(server.checks(examination))
    assert found["kind"].status == "skip"
    assert found["model"].status == "warn"
    assert len(fake.embedded) == 1
    assert "api" in examination.facts


# -- prompts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "warned"),
    [({}, True), ({"KB_PROMPTS": "qwen3"}, False), ({"KB_MODEL": "Qwen3-Embedding-4B"}, False)],
)
def test_prompts_for_a_model_that_the_server_named(
    examined: Examined, environ: dict[str, str], warned: bool
) -> None:
    with FakeEndpoint(model="Qwen3-Embedding-4B") as fake:
        found = by_id(server.checks(examined(fake, **environ)))
    assert ("prompts" in found) == warned
    if warned:
        assert "embedding.prompts = qwen3" in found["prompts"].hint


# -- whatever the server says ----------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "id", "paths", "error", "version", "object", "max_model_len"])
            | st.text(max_size=12),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
_BODY = (
    st.binary(max_size=60)
    | _JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(_JSON | st.fixed_dictionaries({"id": st.text(max_size=9)}), max_size=3).map(
        lambda entries: listed(*entries)
    )
    | st.lists(st.text(max_size=9).map(lambda name: f"{name}/embeddings"), max_size=2).map(
        lambda names: openapi(*names)
    )
)
_SAID = st.builds(
    Said,
    status=st.sampled_from([200, 200, 200, 204, 302, 307, 400, 401, 404, 405, 422, 500, 503]),
    body=_BODY,
    headers=st.sampled_from([{}, {}, {"Location": "/"}, {"Location": "http://["}]),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=st.fixed_dictionaries({}, optional=dict.fromkeys(
    ["/v1/models", "/models", "/v1/embeddings", "/embeddings", "/openapi.json", "/version",
     "/health", "/"], _SAID)), other=_SAID, model=st.sampled_from(["", "mine"]))  # fmt: skip
@example(told={"/openapi.json": Said(body=openapi("x/embeddings"))}, other=Said(404), model="")
def test_whatever_the_server_says_ends_in_checks(
    examined: Examined, told: dict[str, Said], other: Said, model: str
) -> None:
    with Answers(lambda _method, path: told.get(path, other)) as fake:
        examination = examined(fake.base_url, KB_MODEL=model, KB_API_KEY="sesame")
        found = by_id(server.checks(examination))
    failing = [
        check for check in found.values() if check.status == "fail" and "code" in check.detail
    ]
    # What makes requests pointless is said; what is not said leaves them to the next checks.
    assert ("api" in examination.facts) or failing
    assert "path" in found or "key" in found
    assert "sesame" not in f"{found}"


@given(st.binary(max_size=40) | _BODY)
def test_any_body_is_a_list_of_models_or_none(body: bytes) -> None:
    from kb.doctor.exchange import Exchange

    reply = Reply(status=200, headers={}, body=body)
    exchange = Exchange(method="GET", url="http://gpu/v1/models", reply=reply)
    known = listing(exchange)
    assert known is None or joined(known.names) is not None
    routes(exchange)


def test_of_many_names_a_few_are_told() -> None:
    assert joined([f"m{number}" for number in range(9)]) == "m0, m1, m2, m3, m4, m5 and 3 more"


# -- an answer for /embeddings that is not the server's ----------------------------------------


def test_embeddings_that_are_sent_elsewhere_are_no_sign_of_a_generative_model(
    examined: Examined, fake: FakeEndpoint
) -> None:
    fake.redirects = {"/v1/embeddings": "http://other.example/v1/embeddings"}
    kind = by_id(server.checks(examined(fake)))["kind"]
    assert kind.status == "fail"
    assert "sends requests on to http://other.example/v1/embeddings" in kind.message
    assert kind.hint == "If you trust it, set KB_BASE_URL=http://other.example/v1"
    assert kind.detail["code"] == "embed.wrong_path"


@pytest.mark.parametrize("key", ["", "sekrit"])
def test_a_gateway_that_shuts_embeddings_off_is_no_wrong_key(examined: Examined, key: str) -> None:
    page = Said(status=403, body=b"<html><title>403 Forbidden</title></html>")
    listed = Said(body=json.dumps({"data": [{"id": "m"}]}).encode())
    with answers({"/v1/models": listed, "/v1/embeddings": page}) as fake:
        environ = {"KB_API_KEY": key} if key else {}
        kind = by_id(server.checks(examined(fake.base_url, model="m", **environ)))["kind"]
    assert kind.message == (
        "A gateway answers in place of /embeddings (HTTP 403, a web page titled '403 Forbidden')."
    )
    assert "behind it" in kind.hint
    assert kind.detail["code"] == "embed.unauthorized"

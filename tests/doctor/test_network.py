"""Does anything answer at the address, and if not, is it said what stands in the way?"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.doctor.check import Check
from kb.doctor.network import checks as network
from kb.doctor.network import containers, wire
from kb.doctor.network.neighbours import look_around
from kb.doctor.network.proxies import no_proxy_line, proxy_of, unread
from kb.doctor.network.strangers import stranger
from kb.doctor.network.wire import Knock, Lookup, look_up
from kb.embed.transport import Transport
from tests.doctor.answers import Answers, Said, certified
from tests.doctor.conftest import Examined
from tests.fakes.endpoint import FakeEndpoint

MODELS = json.dumps({"object": "list", "data": [{"id": "fake-embed"}]}).encode()
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def _quiet_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at no port that may happen to be in use on this machine."""
    monkeypatch.setattr(network, "USUAL_PORTS", ())


@pytest.fixture
def closed() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(listen=False) as server:
        yield server


def by_id(checks: Iterator[Check]) -> dict[str, Check]:
    found = list(checks)
    assert len({check.id for check in found}) == len(found)
    for check in found:
        assert check.message.endswith((".", ")"))
        assert bool(check.hint) == (check.status in {"warn", "fail"})
    return {check.id: check for check in found}


def statuses(found: dict[str, Check]) -> dict[str, str]:
    return {name.removeprefix("network."): check.status for name, check in found.items()}


def answering(method: str, path: str) -> Said:
    return Said(body=MODELS) if path == "/v1/models" else Said(status=404)


# -- the name --------------------------------------------------------------------------


def test_an_address_that_answers_is_well(examined: Examined, fake: FakeEndpoint) -> None:
    examination = examined(fake)
    found = by_id(network.checks(examination))
    assert statuses(found) == {"dns": "ok", "tcp": "ok"}
    assert found["network.dns"].detail["addresses"] == ["127.0.0.1"]
    assert "connection" in examination.facts


def test_a_name_is_told_with_its_addresses(examined: Examined, fake: FakeEndpoint) -> None:
    found = by_id(network.checks(examined(f"http://localhost:{fake.port}")))
    assert "127.0.0.1" in found["network.dns"].message


@pytest.mark.parametrize(
    ("host", "container", "hint"),
    [
        ("vllm", False, "KB_BASE_URL=http://localhost:8000/v1"),
        ("vllm", True, "docker network connect"),
        ("locahost", False, "Did you mean localhost?"),
        ("10.0.0.256", False, "four numbers"),
        ("gpu.example.com", False, "getent hosts gpu.example.com"),
        ("host.docker.internal", True, "--add-host"),
        ("host.docker.internal", False, "http://localhost:8000/v1"),
    ],
)
def test_a_name_that_nobody_knows(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, host: str, container: bool, hint: str
) -> None:
    monkeypatch.setattr(network, "look_up", lambda *_, **__: Lookup(error="not known"))
    examination = examined(f"http://{host}:8000/v1", container=container)
    found = by_id(network.checks(examination))
    assert statuses(found) == {"dns": "fail"}
    assert hint in found["network.dns"].hint
    assert found["network.dns"].detail["code"] == "embed.unreachable"
    assert "connection" not in examination.facts


def test_a_silent_name_server_is_not_a_wrong_name(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def asked(*_: object, **__: object) -> list[object]:
        over.wait(30)
        return []

    monkeypatch.setattr(wire.socket, "getaddrinfo", asked)
    monkeypatch.setattr(network, "GLANCE_S", 0.02)
    found = by_id(network.checks(examined("http://gpu:8000")))
    over.set()
    assert "No name server answered" in found["network.dns"].message


@pytest.mark.parametrize(
    ("number", "unanswered"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)]
)
def test_no_answer_and_no_such_name_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, number: int, unanswered: bool
) -> None:
    def asked(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "as the system says")

    monkeypatch.setattr(wire.socket, "getaddrinfo", asked)
    found = look_up("gpu", 80, timeout=5)
    assert found == Lookup(error="as the system says", unanswered=unanswered)


@given(host=st.text(max_size=80))
def test_looking_a_name_up_never_raises(host: str) -> None:
    # No name server is asked: what cannot be a name is refused before.
    answer = look_up("x" * 70 + "." + host, 80, timeout=5)
    assert not answer.addresses
    assert answer.error


# -- the connection --------------------------------------------------------------------


def test_a_refused_connection_may_be_a_server_that_is_loading(
    examined: Examined, closed: FakeEndpoint
) -> None:
    examination = examined(closed)
    found = by_id(network.checks(examination))
    assert statuses(found) == {"dns": "ok", "tcp": "fail", "ports": "skip"}
    tcp = found["network.tcp"]
    assert "still loading" in tcp.message
    assert "Application startup complete" in tcp.hint
    assert "--log FILE" in tcp.hint
    assert tcp.detail["code"] == "embed.unreachable"
    assert "connection" not in examination.facts


@pytest.mark.parametrize(
    ("kind", "message", "hint"),
    [("timeout", "firewall", "curl http://localhost:8000"), ("unreachable", "no way", "VPN")],
)
def test_silence_and_no_way_are_told_apart(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, kind: wire.Kind, message: str, hint: str
) -> None:
    seen = Knock(address="192.0.2.7", kind=kind, error="No route to host")
    monkeypatch.setattr(network, "knock", lambda *_, **__: seen)
    found = by_id(network.checks(examined("http://192.0.2.7:8000")))
    assert message in found["network.tcp"].message
    assert hint in found["network.tcp"].hint


def test_a_name_whose_first_address_is_silent(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint
) -> None:
    both = Lookup(addresses=("127.0.0.9", "127.0.0.1"))
    monkeypatch.setattr(network, "look_up", lambda *_, **__: both)
    real = wire.knock
    monkeypatch.setattr(
        network,
        "knock",
        lambda address, port, *, timeout: (
            Knock(address=address, kind="timeout")
            if address == "127.0.0.9"
            else real(address, port, timeout=timeout)
        ),
    )
    examination = examined(f"http://localhost:{fake.port}")
    found = by_id(network.checks(examination))
    assert found["network.tcp"].status == "warn"
    assert f"http://127.0.0.1:{fake.port}/v1" in found["network.tcp"].hint
    assert "connection" in examination.facts


def test_an_open_port_is_not_a_refused_one(closed: FakeEndpoint) -> None:
    assert wire.knock("127.0.0.1", closed.port, timeout=5).kind == "refused"
    closed.start()
    assert wire.knock("127.0.0.1", closed.port, timeout=5).kind == "open"


# -- other ports -----------------------------------------------------------------------


def test_another_port_of_the_host_that_has_the_api(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, closed: FakeEndpoint, fake: FakeEndpoint
) -> None:
    monkeypatch.setattr(network, "USUAL_PORTS", (closed.port, fake.port))
    ports = by_id(network.checks(examined(closed, KB_API_KEY="sesame")))["network.ports"]
    assert ports.status == "warn"
    assert "fake-embed" in ports.message
    assert f"KB_BASE_URL={fake.base_url}" in ports.hint
    # The key is meant for the address that is configured, and for no other.
    assert fake.requests
    assert all("Authorization" not in request.headers for request in fake.requests)


def test_other_ports_that_do_not_embed(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, closed: FakeEndpoint, fake: FakeEndpoint
) -> None:
    fake.faults.web_page = "<html><title>Open WebUI</title></html>"
    monkeypatch.setattr(network, "USUAL_PORTS", (fake.port,))
    ports = by_id(network.checks(examined(closed)))["network.ports"]
    assert f"Port {fake.port}: Open WebUI." in ports.message
    assert "None of these embeds" in ports.hint


def test_what_answers_at_a_port_is_told(fake: FakeEndpoint) -> None:
    (met,) = look_around([("127.0.0.1", fake.port)])
    assert (met.what, met.base) == ("api", fake.base_url)
    fake.api_key = "sesame"
    assert look_around([("127.0.0.1", fake.port)])[0].what == "locked"
    fake.faults.web_page = "Ollama is running"
    assert look_around([("127.0.0.1", fake.port)])[0].told == "Ollama"
    fake.stop()
    assert look_around([("127.0.0.1", fake.port)]) == []


def test_a_chat_server_and_a_port_without_http_are_told() -> None:
    chat = json.dumps({"paths": {"/v1/models": {}, "/v1/chat/completions": {}}}).encode()

    def answer(method: str, path: str) -> Said:
        return Said(body=chat) if path == "/openapi.json" else answering(method, path)

    with Answers(answer) as server, socket.create_server(("127.0.0.1", 0)) as mute:

        def hang_up() -> None:
            mute.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        found = look_around(("127.0.0.1", port) for port in (mute.getsockname()[1], server.port))
    assert [each.what for each in found] == ["chat", "other"]
    assert "no web server" in found[1].told


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<html><head><title>Open WebUI</title>", "Open WebUI"),
        ("<script>window.gradio_config = {}</script>", "a Gradio page"),
        ("Ollama is running", "Ollama"),
        ("<center>nginx/1.27.0</center>", "nginx"),
        ("<html><title>Sign in &middot; Corp</title>", "a login page ('Sign in · Corp')"),
        ("<html><title>My shop</title>", "a web page titled 'My shop'"),
        ("<p>", "a web page"),
    ],
)
def test_programs_are_known_by_their_pages(text: str, name: str) -> None:
    known = stranger(text)
    assert known is not None
    assert known.name == name


@given(st.text())
def test_a_stranger_is_a_page_or_nobody(text: str) -> None:
    known = stranger(text)
    assert known is None or known.name


def test_an_answer_in_json_is_no_page() -> None:
    assert stranger('{"detail": "Not Found"}') is None


# -- containers ------------------------------------------------------------------------


def test_localhost_in_a_container_with_the_server_beside_it(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint
) -> None:
    # The fake listens at 127.0.0.1 alone; 127.0.0.2 is this machine, too, and refuses.
    monkeypatch.setattr(containers, "_HOST", ("127.0.0.1",))
    monkeypatch.setattr(containers, "_SERVICES", ())
    monkeypatch.setattr(containers, "gateway", lambda: None)
    examination = examined(f"http://127.0.0.2:{fake.port}/v1", container=True)
    found = by_id(network.checks(examination))
    assert statuses(found) == {"dns": "ok", "tcp": "fail", "container": "fail", "ports": "skip"}
    told = found["network.container"]
    assert told.hint == f"Set KB_BASE_URL=http://127.0.0.1:{fake.port}/v1"
    assert told.detail["code"] == "embed.localhost_in_container"
    assert found["network.tcp"].detail["code"] == "embed.localhost_in_container"


def test_localhost_in_a_container_and_nothing_found(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, closed: FakeEndpoint
) -> None:
    monkeypatch.setattr(containers, "_HOST", ("127.0.0.2",))
    monkeypatch.setattr(containers, "_SERVICES", ("127.0.0.3",))
    monkeypatch.setattr(containers, "gateway", lambda: "127.0.0.4")
    found = by_id(network.checks(examined(closed, container=True)))
    # The way out of the container is the first failure, which is what is read first.
    assert next(check.id for check in found.values() if check.status == "fail").endswith(
        "container"
    )
    told = found["network.container"]
    assert "127.0.0.2, 127.0.0.4." in told.message
    for way in ("KB_BASE_URL=http://SERVICE:PORT/v1", "--host 0.0.0.0", "host.docker.internal"):
        assert way in told.hint


@pytest.mark.parametrize("container", [False, True])
def test_an_api_at_another_port_is_the_first_cure(
    examined: Examined,
    monkeypatch: pytest.MonkeyPatch,
    fake: FakeEndpoint,
    closed: FakeEndpoint,
    container: bool,
) -> None:
    monkeypatch.setattr(containers, "_HOST", ())
    monkeypatch.setattr(containers, "_SERVICES", ())
    monkeypatch.setattr(containers, "gateway", lambda: None)
    monkeypatch.setattr(network, "USUAL_PORTS", (fake.port,))
    found = by_id(network.checks(examined(closed, container=container)))
    first = next(check for check in found.values() if check.status == "fail")
    assert first.id == "network.tcp"
    assert f"try KB_BASE_URL=http://127.0.0.1:{fake.port}/v1. Else: " in first.hint


def test_localhost_in_a_container_that_answers_is_well(
    examined: Examined, fake: FakeEndpoint
) -> None:
    found = by_id(network.checks(examined(fake, container=True)))
    assert statuses(found) == {"dns": "ok", "tcp": "ok"}


def test_the_gateway_is_read_from_the_table_of_routes(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\n"
        "eth0\t000011AC\t00000000\t0001\n"
        "eth0\t00000000\t010011AC\t0003\n"
    )
    assert containers.gateway(table) == "172.17.0.1"


@given(st.binary(max_size=200))
def test_any_table_of_routes_is_read_or_not(tmp_path_factory: object, content: bytes) -> None:
    table = Path(str(tmp_path_factory.getbasetemp())) / "route"  # type: ignore[attr-defined]
    table.write_bytes(content)
    containers.gateway(table)
    assert containers.gateway(table.with_name("absent")) is None


# -- proxies ---------------------------------------------------------------------------

_HOSTS = st.sampled_from(
    [
        "gpu",
        "gpu.corp",
        "a.gpu.corp",
        "notgpu.corp",
        "10.0.0.5",
        "localhost",
        "127.0.0.1",
        "[fd00::1]",
    ]
)
_SPARED = st.sampled_from(
    ["gpu", "gpu.corp", ".gpu.corp", "corp", ".corp", "10.0.0.5", "10.0.0.0/8", "gpu:8000", "GPU",
     "10.0.0.5:8000", "fd::1", "localhost", "http://gpu", "https://gpu", "all://gpu.corp:8000", " "]
)  # fmt: skip


@given(
    scheme=st.sampled_from(["http", "https"]),
    host=_HOSTS,
    port=st.sampled_from(["", ":80", ":443", ":8000"]),
    proxies=st.dictionaries(
        st.sampled_from(["http", "https", "all"]), st.just("http://proxy:3128"), max_size=3
    ),
    spared=st.lists(_SPARED, max_size=3),
)
def test_a_proxy_is_seen_where_the_client_would_use_one(
    scheme: str, host: str, port: str, proxies: dict[str, str], spared: list[str]
) -> None:
    url = f"{scheme}://{host}{port}/v1"
    configured = {**proxies, "no": ",".join(spared)}
    with pytest.MonkeyPatch.context() as patch:
        for name in PROXIES:
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        for name, value in configured.items():
            patch.setenv(f"{name}_proxy", value)
        transport = Transport(url.replace("https:", "http:"), api_key=None, connections=1)
        client = transport._client
        chosen = client._transport_for_url(httpx.URL(url))
        uses = chosen is not client._transport
        transport.close()
        assert (proxy_of(url, configured) is not None) == uses
        assert (proxy_of(url) is not None) == uses


def test_the_password_of_a_proxy_is_not_shown() -> None:
    proxy = proxy_of("http://gpu/v1", {"http": "http://me:sec@ret@proxy:3128"})
    assert proxy is not None
    assert proxy.shown == "http://proxy:3128"


def test_the_line_for_no_proxy_keeps_what_is_there() -> None:
    known = {"no": "localhost, .corp,10.0.0.0/8"}
    assert no_proxy_line("gpu", known) == "export NO_PROXY=localhost,.corp,10.0.0.0/8,gpu"
    assert unread("10.1.2.3", known) == ["10.0.0.0/8"]
    assert unread("11.1.2.3", known) == unread("gpu", known) == []
    assert unread("a.corp", {"no": "*.corp,gpu"}) == ["*.corp"]


def test_a_proxy_that_reaches_what_this_machine_cannot(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "look_up", lambda *_, **__: Lookup(error="not known"))
    with FakeEndpoint(prefix="http://gpu.invalid:8000/v1") as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        examination = examined("http://gpu.invalid:8000/v1")
        found = by_id(network.checks(examination))
    assert statuses(found) == {"dns": "skip", "tcp": "skip", "proxy": "ok"}
    assert "connection" in examination.facts


@pytest.mark.parametrize("status", [403, 407, 502, 503, 504])
def test_a_proxy_that_does_not_pass_requests_on(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint, status: int
) -> None:
    opened = Knock(address="192.0.2.7", kind="open")
    monkeypatch.setattr(network, "knock", lambda *_, **__: opened)
    with Answers(lambda *_: Said(status=status)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        examination = examined("http://192.0.2.7:8000/v1")
        found = by_id(network.checks(examination))
    assert statuses(found) == {"dns": "ok", "tcp": "ok", "proxy": "fail"}
    assert f"HTTP {status}" in found["network.proxy"].message
    assert "export NO_PROXY=192.0.2.7" in found["network.proxy"].hint
    assert "connection" not in examination.facts


def test_a_proxy_on_a_way_that_is_open_without_it(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Knock(address="192.0.2.7", kind="open")
    monkeypatch.setattr(network, "knock", lambda *_, **__: opened)
    with FakeEndpoint(prefix="http://192.0.2.7:8000/v1") as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "192.0.0.0/8")
        examination = examined("http://192.0.2.7:8000/v1")
        told = by_id(network.checks(examination))["network.proxy"]
    assert told.status == "warn"
    assert "HTTP_PROXY" in told.message
    assert "kb does not understand 192.0.0.0/8 there" in told.hint
    assert "secret" not in f"{told}"
    assert "connection" in examination.facts


def test_a_proxy_that_cannot_be_used_at_all(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "ftp://proxy:21")
    found = by_id(network.checks(examined("http://192.0.2.7:8000/v1")))
    assert statuses(found) == {"proxy": "fail"}


def test_this_machine_is_never_reached_through_a_proxy(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, fake: FakeEndpoint
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert statuses(by_id(network.checks(examined(fake)))) == {"dns": "ok", "tcp": "ok"}


# -- TLS -------------------------------------------------------------------------------


def test_https_spoken_to_a_plain_port(examined: Examined, fake: FakeEndpoint) -> None:
    url = fake.base_url.replace("http:", "https:")
    examination = examined(url, KB_API_KEY="sesame")
    tls = by_id(network.checks(examination))["network.tls"]
    assert tls.status == "fail"
    assert tls.hint == f"Set KB_BASE_URL={fake.base_url}"
    assert tls.detail["code"] == "embed.tls"
    assert "connection" not in examination.facts
    # The key was to be sent under a lock.
    assert all("Authorization" not in request.headers for request in fake.requests)


def test_http_spoken_to_a_port_with_tls(examined: Examined, tmp_path: Path) -> None:
    context, _ = certified(tmp_path)
    with Answers(answering, tls=context) as server:
        examination = examined(server.base_url.replace("https:", "http:"))
        tls = by_id(network.checks(examination))["network.tls"]
        assert tls.hint == f"Set KB_BASE_URL={server.base_url}"
    assert "connection" not in examination.facts


@pytest.mark.parametrize(
    ("made", "message", "hint"),
    [
        ({}, "is self-signed", "export SSL_CERT_FILE=ca.pem"),
        ({"begins": -9, "ends": -2}, "ended on", "Renew it"),
        ({"begins": 2}, "valid only from", "clock"),
    ],
)
def test_a_certificate_that_is_not_trusted(
    examined: Examined, tmp_path: Path, made: dict[str, int], message: str, hint: str
) -> None:
    context, _ = certified(tmp_path, **made)
    with Answers(answering, tls=context) as server:
        examination = examined(server.base_url)
        tls = by_id(network.checks(examination))["network.tls"]
    assert tls.status == "fail"
    assert message in tls.message
    assert hint in tls.hint
    assert tls.detail["names"] == ["127.0.0.1"]
    assert tls.detail["self_signed"] is True
    assert "connection" not in examination.facts


@pytest.mark.parametrize(
    ("names", "ends", "status"),
    [(("127.0.0.1",), 90, "ok"), (("127.0.0.1",), 3, "warn"), (("gpu.corp",), 90, "fail")],
)
def test_a_certificate_of_a_known_signer(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    names: tuple[str, ...], ends: int, status: str,
) -> None:  # fmt: skip
    context, file = certified(tmp_path, names=names, ends=ends)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with Answers(answering, tls=context) as server:
        examination = examined(server.base_url)
        tls = by_id(network.checks(examination))["network.tls"]
    assert tls.status == status
    assert ("connection" in examination.facts) == (status != "fail")
    if status == "fail":
        assert "gpu.corp" in tls.message
        assert "127.0.0.1" in tls.message


def test_a_port_that_speaks_neither(examined: Examined) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def greet() -> None:
            while True:
                try:
                    guest = door.accept()[0]
                except OSError:
                    return
                with guest:
                    guest.recv(4096)
                    guest.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        threading.Thread(target=greet, daemon=True).start()
        examination = examined(f"https://127.0.0.1:{door.getsockname()[1]}/v1")
        found = by_id(network.checks(examination))
        door.shutdown(socket.SHUT_RDWR)
    assert "neither https nor http" in found["network.tls"].message
    assert "connection" not in examination.facts

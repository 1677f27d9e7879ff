from __future__ import annotations

from pathlib import Path

import pytest

from kb.embed.urls import bases, in_container, is_loopback
from kb.errors import UsageError


@pytest.mark.parametrize(
    ("written", "first"),
    [
        ("http://gpu:8000", "http://gpu:8000/v1"),
        ("http://gpu:8000/", "http://gpu:8000/v1"),
        ("http://gpu:8000/v1", "http://gpu:8000/v1"),
        ("http://gpu:8000/v1/", "http://gpu:8000/v1"),
        ("http://gpu:8000/v1/v1", "http://gpu:8000/v1"),
        ("http://gpu:8000/v1//v1/", "http://gpu:8000/v1"),
        ("http://gpu:8000/v1/embeddings", "http://gpu:8000/v1"),
        ("http://gpu:8000/embeddings/", "http://gpu:8000/v1"),
        (" HTTP://gpu/openai ", "http://gpu/openai/v1"),
        ("https://host/api/paas/v4/", "https://host/api/paas/v4"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_an_address_is_understood_however_it_is_written(written: str, first: str) -> None:
    assert bases(written)[0] == first


def test_the_root_is_tried_after_v1() -> None:
    assert bases("http://gpu:8000") == bases("http://gpu:8000/v1")
    assert bases("http://gpu:8000/v1")[1] == "http://gpu:8000"


@pytest.mark.parametrize(
    "written",
    [
        "gpu:8000/v1",
        "localhost:8000",
        "ftp://gpu/v1",
        "",
        "http://",
        "http://gpu:port/v1",
        "http://gpu:0/v1",
        "http://[::1/v1",
        "http://gpu/v1?api_key=hunter2",
        "http://g pu/v1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        bases(written)
    assert caught.value.failure.hint
    assert "hunter2" not in str(caught.value.failure)


@pytest.mark.parametrize("userinfo", ["me:hunter2@", ":hunter2@", "hunter2@"])
def test_a_password_in_the_address_is_refused_and_not_repeated(userinfo: str) -> None:
    with pytest.raises(UsageError) as caught:
        bases(f"http://{userinfo}gpu:8000/v1")
    assert "hunter2" not in str(caught.value.failure)
    assert "KB_API_KEY" in caught.value.failure.hint


@pytest.mark.parametrize(
    ("url", "mine"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://127.1.2.3/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://0.0.0.0:8000/v1", True),
        ("http://gpu.localhost/v1", True),
        ("http://gpu:8000/v1", False),
        ("http://10.0.0.1/v1", False),
        ("http://localhost.example.org/v1", False),
    ],
)
def test_loopback_is_told_from_other_hosts(url: str, mine: bool) -> None:
    assert is_loopback(url) is mine


def test_a_container_is_known_by_its_marks(tmp_path: Path) -> None:
    def seen(**environ: str) -> bool:
        return in_container(root=tmp_path, environ=environ)

    assert not seen()
    assert seen(KUBERNETES_SERVICE_HOST="10.0.0.1")
    assert seen(container="podman")
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/cgroup").write_text("0::/\n")
    assert not seen()
    (tmp_path / "proc/1/cgroup").write_text("0::/system.slice/docker-abc.scope\n")
    assert seen()
    (tmp_path / "proc/1/cgroup").unlink()
    (tmp_path / ".dockerenv").touch()
    assert seen()

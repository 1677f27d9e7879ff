"""Which addresses a base URL may mean, and whether it names this very machine."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from kb.errors import UsageError, failure

_VERSION: Final = re.compile(r"/v\d+$")
_EXAMPLE: Final = "http://127.0.0.1:8000/v1"


def bases(base_url: str) -> tuple[str, ...]:
    """Give the addresses to try, likeliest first; `/embeddings` follows each directly.

    Most servers answer below /v1 and a few at the root, and people write the address with or
    without it, with a slash at the end, or as the full path of the request.

    >>> bases("http://gpu:8000/")
    ('http://gpu:8000/v1', 'http://gpu:8000')
    >>> bases("http://gpu:8000/v1/v1/embeddings")
    ('http://gpu:8000/v1', 'http://gpu:8000')
    """
    parts = checked(base_url.strip())
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    path = re.sub(r"(/v\d+)/embeddings$|/embeddings$", r"\1", path)
    path = re.sub(r"(/v\d+)\1+$", r"\1", path)
    paths = [path, _VERSION.sub("", path)] if _VERSION.search(path) else [f"{path}/v1", path]
    return tuple(urlunsplit((parts.scheme.lower(), parts.netloc, each, "", "")) for each in paths)


def is_loopback(url: str) -> bool:
    """Tell whether the address names the machine (or container) it is used on."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback or host == "0.0.0.0"  # noqa: S104
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def in_container(*, root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this process seems to run in a container."""
    if "KUBERNETES_SERVICE_HOST" in environ or environ.get("container"):
        return True
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return True
    try:
        groups = (root / "proc/1/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"docker|kubepods|containerd|libpod|lxc", groups) is not None


def checked(
    url: str,
    *,
    whose: str = "The endpoint's",
    setting: str = "KB_BASE_URL",
    key: str = "KB_API_KEY",
) -> SplitResult:
    """Give the parts of an address that can be asked; raises `UsageError` naming the `setting`."""
    example = f"{setting}={_EXAMPLE}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # The error's own words may hold the password, so they are not repeated.
        raise _wrong(f"{whose} address is not a URL.", f"For instance {example}") from error
    if "@" in parts.netloc:
        raise _wrong(
            f"{whose} address holds a user name or password.",
            f"Leave it out of {setting} and put the key into {key}.",
        )
    if "://" not in url or parts.scheme.lower() not in {"http", "https"}:
        shown = url.partition("?")[0]
        raise _wrong(
            f"{whose} address {shown!r} does not begin with http:// or https://.",
            f"Write it in full, for instance {example}",
        )
    if not parts.hostname or port == 0 or re.search(r"\s", url):
        raise _wrong(f"{whose} address names no host.", f"For instance {example}")
    if parts.query or parts.fragment:
        raise _wrong(
            f"{whose} address holds a ? or #.",
            f"Leave that part out of {setting}; a key belongs into {key}.",
        )
    return parts


def _wrong(message: str, hint: str) -> UsageError:
    return UsageError(failure("usage.settings", message, hint=hint))

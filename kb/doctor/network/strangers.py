"""Which program does an answer come from that is no embedding API, and what is to be done?"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Final

_TITLE: Final = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_LOGIN: Final = re.compile(
    r"\b(log ?in|sign ?in|single sign-on|sso|anmelden)\b|登录", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """A program that is not an embedding API."""

    #: As a sentence names it, e.g. "Open WebUI".
    name: str
    #: A sentence that says what to do; may be empty.
    advice: str = ""


#: Words that a program's page holds, and the program. The first that fits counts.
_KNOWN: Final = (
    (
        re.compile(r"<title[^>]*>[^<]*open ?webui|open-webui", re.IGNORECASE),
        Stranger(
            name="Open WebUI",
            advice="Open WebUI is a chat page, not an embedding endpoint: set KB_BASE_URL to the "
            "server behind it (often http://HOST:8000/v1 for vLLM).",
        ),
    ),
    (
        re.compile(r"gradio_config|gradio-app|<title[^>]*>[^<]*gradio", re.IGNORECASE),
        Stranger(
            name="a Gradio page",
            advice="A Gradio page has no /v1/embeddings: start the model with `vllm serve MODEL "
            "--runner pooling` and set KB_BASE_URL to its port (8000 unless chosen).",
        ),
    ),
    (
        re.compile(r"\A\s*Ollama is running"),
        Stranger(
            name="Ollama",
            advice="Ollama's API is below /v1: write KB_BASE_URL=http://HOST:PORT/v1",
        ),
    ),
    (
        re.compile(r"welcome to nginx|<center>nginx|<hr><center>openresty", re.IGNORECASE),
        Stranger(
            name="nginx",
            advice="nginx passes nothing on at this path: look at `location` and `proxy_pass` in "
            "`nginx -T`, or set KB_BASE_URL to the server behind it.",
        ),
    ),
    (
        re.compile(r"swagger ui|swagger-ui", re.IGNORECASE),
        Stranger(
            name="an API's documentation page",
            advice="Set KB_BASE_URL to the address that ends in /v1, not to the page.",
        ),
    ),
    (re.compile(r"<title[^>]*>[^<]*streamlit", re.IGNORECASE), Stranger(name="a Streamlit page")),
    (re.compile(r"<title[^>]*>[^<]*jupyter", re.IGNORECASE), Stranger(name="Jupyter")),
    (re.compile(r"<title[^>]*>[^<]*grafana", re.IGNORECASE), Stranger(name="Grafana")),
    (re.compile(r"<title[^>]*>[^<]*anythingllm", re.IGNORECASE), Stranger(name="AnythingLLM")),
    (re.compile(r"<title[^>]*>[^<]*dify", re.IGNORECASE), Stranger(name="Dify")),
    (re.compile(r"<title[^>]*>[^<]*llama\.cpp", re.IGNORECASE), Stranger(name="llama.cpp's page")),
    (re.compile(r"\A\s*404 page not found\s*\Z"), Stranger(name="a gateway with no such path")),
)


def stranger(text: str) -> Stranger | None:
    """Give the program that an answer's text comes from; None where it is not a page of any."""
    for pattern, known in _KNOWN:
        if pattern.search(text):
            return known
    if text.lstrip()[:1] != "<":
        return None
    found = _TITLE.search(text)
    title = " ".join(html.unescape(found[1]).split())[:60] if found else ""
    if _LOGIN.search(title):
        return Stranger(
            name=f"a login page ({title!r})",
            advice="A login stands before the server: ask its keeper for an address for programs, "
            "with a key for KB_API_KEY.",
        )
    return Stranger(name=f"a web page titled {title!r}" if title else "a web page")

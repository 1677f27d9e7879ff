"""`python -m benchmarks.store_endpoint FILE`: an endpoint that answers every text with one vector.

FILE is a .npy of the vector. Prints its address, then serves until it is ended. It runs in a
process of its own, so that its time is not counted.
"""

from __future__ import annotations

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vector = b""

    def do_GET(self) -> None:
        self._say({"object": "list", "data": [{"id": "m", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given = body.get("input", [])
        texts = [given] if isinstance(given, str) else given
        self._say(
            {
                "object": "list",
                "model": "m",
                "data": [
                    {"object": "embedding", "index": at, "embedding": self._embedding(body)}
                    for at in range(len(texts))
                ],
                "usage": {"prompt_tokens": 8 * len(texts), "total_tokens": 8 * len(texts)},
            }
        )

    def _embedding(self, body: dict[str, object]) -> str | list[float]:
        if body.get("encoding_format") == "base64":
            return base64.b64encode(self.vector).decode()
        listed: list[float] = np.frombuffer(self.vector, "<f4").tolist()
        return listed

    def _say(self, answer: object) -> None:
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    _Handler.vector = np.load(sys.argv[1]).astype("<f4").tobytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

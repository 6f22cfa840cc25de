"""An origin that says what a test tells it to: a table of URLs, served on loopback as a forward proxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """One answer. With an `etag`, a request that knows it gets a 304 instead."""

    body: str = ""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ScriptedOrigin:
    """Answers by URL; a function is called for its answer, in the server's thread. What is not there is a 404."""

    answers: dict[str, Answer | Callable[[], Answer]]
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[str]:
        """The URLs that were asked for, in order."""
        return [url for url, _ in self.requests]


@contextmanager
def scripted_origin(answers: Mapping[str, Answer | Callable[[], Answer]]) -> Iterator[ScriptedOrigin]:
    """Serve until the context ends."""
    origin = ScriptedOrigin(dict(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            origin.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            told = origin.answers.get(self.path, Answer("Not here", status=404, content_type="text/plain"))
            answer = told if isinstance(told, Answer) else told()
            is_known = answer.etag is not None and self.headers.get("If-None-Match") == answer.etag
            body = b"" if is_known else answer.body.encode()
            self.send_response(304 if is_known else answer.status)
            if answer.etag is not None:
                self.send_header("ETag", answer.etag)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not is_known:
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away in the middle of a request is part of what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    origin.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield origin
    finally:
        server.shutdown()
        server.server_close()


def wait_until(is_true: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait for something that another thread or process does."""
    deadline = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)

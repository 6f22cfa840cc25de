"""Serves the demo wire on loopback as if it were the web: a forward proxy that knows nothing but the wire."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from workers.demo.answers import Answer, answers
from workers.demo.expected import truth
from workers.demo.load import load_sites
from workers.demo.values import ExpectedPage

COUNTS_URL = "http://control.example/counts"

EDITIONS = (1, 2)

NOT_FOUND = Answer(404, (("Content-Type", "text/html"),), b"<h1>404 Not Found</h1>")


class LoopbackServer:
    """Answers requests for any host by `answer`, from a free port of 127.0.0.1: to be used as an HTTP proxy."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self._answer = answer
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Binds a free port of loopback and answers until `stop`; gives the proxy's URL."""
        handler = type("DemoHandler", (_Handler,), {"answer": staticmethod(self._answer)})
        server = _Server(("127.0.0.1", 0), handler)
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="demo-wire", daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    def stop(self) -> None:
        """Ends the server and frees its port. Does nothing when it is not running."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None


class DemoWire:
    """The wire as a running server. Use it as the HTTP proxy of a Frontwire that may reach no other network.

    Published times count back from `now`. Every host of the wire answers, whatever its name resolves to, since a proxy
    resolves the names; everything outside the wire is 404. Only 127.0.0.1 is bound, on a free port.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._editions = {edition: answers(now, edition) for edition in EDITIONS}
        self._edition = EDITIONS[0]
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = LoopbackServer(self.answer)

    def start(self) -> str:
        """Binds a free port of loopback and answers until `stop`; gives the proxy's URL."""
        return self._server.start()

    def stop(self) -> None:
        """Ends the server and frees its port. Does nothing when it is not running."""
        self._server.stop()

    @property
    def edition(self) -> int:
        """Which edition the sites print now: 1, or 2 after `advance`."""
        return self._edition

    def advance(self) -> int:
        """Goes on to edition 2: one story is revised, one feed comes back. Gives the edition now printed."""
        self._edition = EDITIONS[-1]
        return self._edition

    def feeds(self) -> list[tuple[str, str, str, str]]:
        """The wire's feeds as (url, title, category, language)."""
        return [
            (site.url(feed.path), feed.title, feed.category, site.language)
            for site in load_sites(self._now, self._edition)
            for feed in site.feeds
        ]

    def truth(self) -> dict[str, ExpectedPage]:
        """What must be made of every announced URL, as the wire stands in this edition."""
        return truth(self._now, self._edition)

    def counts(self) -> dict[str, int]:
        """How often each URL was asked for, unknown ones included. The same as JSON at COUNTS_URL."""
        with self._lock:
            return dict(self._counts)

    def answer(self, url: str) -> Answer:
        """The response to a plain request for `url`, which is counted."""
        if url == COUNTS_URL:
            body = json.dumps(self.counts(), indent=1, sort_keys=True).encode()
            return Answer(200, (("Content-Type", "application/json"),), body)
        with self._lock:
            self._counts[url] += 1
        printed = self._editions[self._edition]
        bare, _, query = url.partition("?")
        if query and url not in printed and bare in printed:
            return Answer(302, (("Location", bare), ("Content-Type", "text/html")), b"")
        return printed.get(url, NOT_FOUND)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    """Answers absolute-form requests (a proxy's) and origin-form ones by their Host header."""

    protocol_version = "HTTP/1.1"
    server_version = "demo-wire"
    timeout = 30.0
    # Head and body are two writes: the second would wait for the first one's acknowledgement.
    disable_nagle_algorithm = True
    answer: ClassVar[Callable[[str], Answer]]

    def do_GET(self) -> None:
        url = self.path if self.path.startswith("http://") else f"http://{self.headers.get('Host', '')}{self.path}"
        self._send(_encoded(_conditional(type(self).answer(url), self.headers), self.headers))

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: standard error belongs to the commands."""


def _conditional(answer: Answer, asked: Message[str, str]) -> Answer:
    """`answer`, or 304 when the client's validator still holds. An ETag goes before a date (RFC 9110, 13.2.2)."""
    etag, changed = answer.header("ETag"), answer.header("Last-Modified")
    if answer.status != 200 or etag is None or changed is None:
        return answer
    if (tags := asked.get("If-None-Match")) is not None:
        holds = etag in {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    else:
        holds = _is_not_after(changed, asked.get("If-Modified-Since"))
    return Answer(304, (("ETag", etag), ("Last-Modified", changed)), b"") if holds else answer


def _is_not_after(changed: str, since: str | None) -> bool:
    if since is None:
        return False
    try:
        return parsedate_to_datetime(changed) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False  # no date, or one without a zone: as if it had not been sent


def _encoded(answer: Answer, asked: Message[str, str]) -> Answer:
    codings = {coding.partition(";")[0].strip() for coding in asked.get("Accept-Encoding", "").lower().split(",")}
    if answer.status != 200 or "gzip" not in codings:
        return answer
    headers = (*answer.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return Answer(answer.status, headers, gzip.compress(answer.body, mtime=0))

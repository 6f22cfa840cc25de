"""An origin that knows the answers: sites with feeds and pages of known text, served on loopback as a forward proxy.

Every page's text is made from its number, so that after any accident SQL can be held against what was announced.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

_VOCABULARY = """
ministry border harbour council treaty winter convoy delegate harvest bridge signal market river province cabinet
garrison envoy railway factory archive glacier orchard lantern granite meadow captain journal quarry velvet copper
canyon timber beacon marble saffron pepper walnut turbine compass anchor feather kettle ribbon saddle tunnel valley
"""
WORDS = _VOCABULARY.split()


def sentence(number: int, line: int) -> str:
    """A sentence that no other page has: words chosen by a hash of page and line."""
    digest = hashlib.sha256(f"{number}/{line}".encode()).digest()
    picked = [WORDS[byte % len(WORDS)] for byte in digest[:18]]
    return f"The {' '.join(picked)} of report {number} was noted in line {line}."


def paragraphs(number: int) -> list[str]:
    """The true text of a page: six paragraphs of three sentences."""
    return [" ".join(sentence(number, 3 * p + k) for k in range(3)) for p in range(6)]


@dataclass(frozen=True)
class Origin:
    """A running origin. `pages` URLs over `sites` hosts, each site with one feed."""

    sites: int
    pages: int
    port: int
    server: ThreadingHTTPServer
    hits: Counter[str]
    times: list[tuple[float, str]]
    # Called for each request for a story, in the server's thread, before it is answered.
    on_story: list[Callable[[], object]]

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def feeds(self) -> list[str]:
        return [f"http://feeds.s{site}.example/feed.xml" for site in range(self.sites)]

    def urls(self) -> dict[str, int]:
        """Every announced URL with its page's number."""
        return {f"http://www.s{number % self.sites}.example/story/{number}": number for number in range(self.pages)}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def start_origin(sites: int, pages: int, latency_s: float = 0.0) -> Origin:
    """Serve until close(), on a free port of 127.0.0.1."""
    hits: Counter[str] = Counter()
    times: list[tuple[float, str]] = []
    on_story: list[Callable[[], object]] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                hits[self.path] += 1
                times.append((time.monotonic(), urlsplit(self.path).hostname or ""))
            time.sleep(latency_s)
            if "/story/" in self.path:
                for call in on_story:
                    call()
            body, content_type = answer(urlsplit(self.path).hostname or "", urlsplit(self.path).path, sites, pages)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that was killed in the middle of a request is what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return Origin(sites, pages, server.server_address[1], server, hits, times, on_story)


def answer(host: str, path: str, sites: int, pages: int) -> tuple[bytes, str]:
    """Body and content type; an empty body is a 404."""
    if host.startswith("feeds.s") and path == "/feed.xml":
        site = int(host.split(".")[1][1:])
        items = "".join(
            f"<item><title>Report {n}</title><link>http://www.s{site}.example/story/{n}</link><guid>{n}</guid></item>"
            for n in range(site, pages, sites)
        )
        feed = f"<rss version='2.0'><channel><title>Site {site}</title>{items}</channel></rss>"
        return feed.encode(), "application/rss+xml"
    if path.startswith("/story/"):
        return page(int(path.rsplit("/", 1)[1])).encode(), "text/html; charset=utf-8"
    return b"", "text/plain"


def page(number: int) -> str:
    """A plain article page."""
    text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs(number))
    return (
        f"<html lang=en><head><title>Report {number}</title></head><body><nav><a href=/>Home</a></nav>"
        f"<article><h1>Report {number}</h1>{text}</article><footer>All rights reserved</footer></body></html>"
    )

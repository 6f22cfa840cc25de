"""An origin that knows the answers: sites with feeds and pages of known text, served on loopback as a forward proxy.

Every page's text is made from its number, so that after any accident SQL can be held against what was announced. A
plain origin lists every page and answers every request. One with several `windows` is as unforgiving as a real wire: a
feed lists a window of its items, and only an ETag that acknowledges it brings the next one, in which what was listed
before is gone for good. Then, too, of ten pages one fails at first (`is_failing`), one is edited once its window has
passed (`is_revised`), and one has the text of the page before it, which is another site's (`original_of`).
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


# The first requests for a failing page: half of them are told 500, half get the first bytes of the page and no more.
FAILURES = 2


def sentence(number: int, line: int, edition: int = 1) -> str:
    """A sentence that no other page has: words chosen by a hash of page, line and edition."""
    said = f"{number}/{line}" if edition == 1 else f"{number}/{line}/{edition}"
    digest = hashlib.sha256(said.encode()).digest()
    picked = [WORDS[byte % len(WORDS)] for byte in digest[:18]]
    return f"The {' '.join(picked)} of report {number} was noted in line {line}."


def paragraphs(number: int, edition: int = 1) -> list[str]:
    """The true text of a page: six paragraphs of three sentences. The second edition tells the second one anew."""
    return [" ".join(sentence(number, 3 * p + k, edition if p == 1 else 1) for k in range(3)) for p in range(6)]


def is_failing(number: int) -> bool:
    """Whether an eventful origin fails to serve the page at first."""
    return number % 10 == 3


def original_of(number: int) -> int:
    """The page whose text an eventful origin serves under this number: for one in ten another site's."""
    return number - 1 if number % 10 == 7 else number


@dataclass(frozen=True)
class Origin:
    """A running origin. `pages` URLs over `sites` hosts, each site with one feed of `windows` windows."""

    sites: int
    pages: int
    windows: int
    port: int
    server: ThreadingHTTPServer
    hits: Counter[str]
    times: list[tuple[float, str]]
    # Called for each request for a story, in the server's thread, before it is answered.
    on_story: list[Callable[[], object]]
    # By site: the number of the window that its feed shows, and of the last that was acknowledged, -1 for none.
    shown: list[int]
    acknowledged: list[int]
    lock: threading.Lock

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_told(self) -> bool:
        """Whether every site's last window was acknowledged."""
        return min(self.acknowledged) == self.windows - 1

    @property
    def is_eventful(self) -> bool:
        """Whether pages fail, are edited and are other sites' copies."""
        return self.windows > 1

    def feeds(self) -> list[str]:
        return [f"http://feeds.s{site}.example/feed.xml" for site in range(self.sites)]

    def urls(self) -> dict[str, int]:
        """Every announced URL with its page's number."""
        return {f"http://www.s{number % self.sites}.example/story/{number}": number for number in range(self.pages)}

    def window_of(self, number: int) -> int:
        """The window in which the page is announced."""
        return number * self.windows // self.pages

    def is_revised(self, number: int) -> bool:
        """Whether the page is edited when its site's feed goes on to the next window, which then says so."""
        return number % 10 == 5 and self.window_of(number) < self.windows - 1

    def edition_of(self, number: int) -> int:
        """The edition of the page that is served now."""
        has_passed = self.shown[number % self.sites] > self.window_of(number)
        return 2 if self.is_revised(number) and has_passed else 1

    def text_of(self, number: int) -> str:
        """What a story of the page must have as its text now."""
        return "\n\n".join(paragraphs(original_of(number) if self.is_eventful else number, self.edition_of(number)))

    def feed(self, site: int, acknowledged: str | None) -> tuple[bytes, str] | None:
        """Body and ETag of the site's feed; None when the reader has acknowledged the last window: it gets a 304."""
        with self.lock:
            if acknowledged == _etag(site, self.shown[site]):
                self.acknowledged[site] = self.shown[site]
                if self.shown[site] == self.windows - 1:
                    return None
                self.shown[site] += 1
            window = self.shown[site]
        numbers = range(site, self.pages, self.sites)
        fresh = [(n, f"Report {n}") for n in numbers if self.window_of(n) == window]
        edited = [(n, f"Report {n} anew") for n in numbers if self.is_revised(n) and self.window_of(n) == window - 1]
        items = "".join(
            f"<item><title>{title}</title><link>http://www.s{site}.example/story/{n}</link><guid>{n}</guid></item>"
            for n, title in fresh + edited
        )
        feed = f"<rss version='2.0'><channel><title>Site {site}</title>{items}</channel></rss>"
        return feed.encode(), _etag(site, window)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _etag(site: int, window: int) -> str:
    return f'"s{site}-w{window}"'


def start_origin(sites: int, pages: int, latency_s: float = 0.0, windows: int = 1) -> Origin:
    """Serve until close(), on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            with origin.lock:
                origin.hits[self.path] += 1
                times = origin.hits[self.path]
                origin.times.append((time.monotonic(), parts.hostname or ""))
            time.sleep(latency_s)
            if parts.path == "/feed.xml" and (parts.hostname or "").startswith("feeds.s"):
                self._tell_feed(int((parts.hostname or "").split(".")[1][1:]))
            elif parts.path.startswith("/story/"):
                for call in origin.on_story:
                    call()
                self._tell_page(int(parts.path.rsplit("/", 1)[1]), times)
            else:
                self._tell(404, b"", "text/plain")

        def _tell_feed(self, site: int) -> None:
            told = origin.feed(site, self.headers.get("If-None-Match"))
            if told is None:
                self._tell(304, b"", "application/rss+xml")
            else:
                self._tell(200, told[0], "application/rss+xml", etag=told[1])

        def _tell_page(self, number: int, times: int) -> None:
            body = page(
                number, origin.edition_of(number), original_of(number) if origin.is_eventful else number
            ).encode()
            if not (origin.is_eventful and is_failing(number) and times <= FAILURES):
                self._tell(200, body, "text/html; charset=utf-8")
            elif number % 20 == 3:
                self._tell(500, b"", "text/plain")
            else:
                self._tell(200, body, "text/html; charset=utf-8", sent=200)
                self.close_connection = True

        def _tell(
            self, status: int, body: bytes, content_type: str, *, etag: str = "", sent: int | None = None
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            if etag:
                self.send_header("ETag", etag)
            self.end_headers()
            self.wfile.write(body[:sent])

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that was killed in the middle of a request is what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    origin = Origin(
        sites=sites,
        pages=pages,
        windows=windows,
        port=server.server_address[1],
        server=server,
        hits=Counter(),
        times=[],
        on_story=[],
        shown=[0] * sites,
        acknowledged=[-1] * sites,
        lock=threading.Lock(),
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return origin


def page(number: int, edition: int = 1, text_number: int | None = None) -> str:
    """A plain article page: the headline of `number` over the text of `text_number` (by default the same)."""
    told = paragraphs(number if text_number is None else text_number, edition)
    text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in told)
    return (
        f"<html lang=en><head><title>Report {number}</title></head><body><nav><a href=/>Home</a></nav>"
        f"<article><h1>Report {number}</h1>{text}</article><footer>All rights reserved</footer></body></html>"
    )

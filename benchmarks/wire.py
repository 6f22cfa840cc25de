"""A recorded wire on loopback for the benchmarks: many distinct stories from few recorded pages.

A corpus is a folder with `gold.jsonl` (one JSON object a page: url, path of the gzipped page, title, published, site);
without one the pages of the demonstration are used. `copies` announces every page so many times under other hosts,
each time with other words in its running text, so that no two stories are copies of one another while the markup, and
so the work, stays the same.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

# The demonstration's stories are dated before its start. Always the same one here: only equal pages can be compared.
DEMO_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
_RUNNING_TEXT = re.compile(rb">([^<>]{80,})<")
_DECLARED_BODY = re.compile(rb'("articleBody"\s*:\s*")((?:[^"\\]|\\.)*)"')
_WORD = re.compile(rb"(?<![\\&#\w])[A-Za-z]{5,}(?![\w;])")


@dataclass(frozen=True, slots=True)
class Page:
    """A recorded page: the URL it answers at (always http, for a proxy), its feed, and its bytes."""

    url: str
    feed: str
    title: str
    published: str
    html: bytes


def load_pages(corpus: Path | None, copies: int = 1, limit: int | None = None) -> list[Page]:
    """The pages of the corpus, or of the demonstration, each `copies` times; at most `limit` of them in all."""
    pages = _demo_pages() if corpus is None else list(_corpus_pages(corpus))
    return [copy for number in range(copies) for copy in (_copy(page, number) for page in pages)][:limit]


def corpus_digest(pages: Sequence[Page]) -> str:
    """Twelve hex digits that tell one set of pages from another."""
    digest = hashlib.sha256()
    for page in pages:
        digest.update(page.url.encode() + b"\0" + page.html)
    return digest.hexdigest()[:12]


def _corpus_pages(corpus: Path) -> Iterator[Page]:
    for line in (corpus / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        url = "http://" + row["url"].split("://", 1)[1]
        html = gzip.decompress((corpus / row["path"]).read_bytes())
        yield Page(
            url, f"http://{row['site']}.feeds.example/feed.xml", row["title"] or "", row["published"] or "", html
        )


def _demo_pages() -> list[Page]:
    from workers.demo.load import load_sites
    from workers.demo.shapes import render_story

    return [
        Page(
            site.url(story.path).replace("https://", "http://"),
            f"http://feeds.{site.host}/feed.xml",
            story.title,
            story.published_at.isoformat(),
            render_story(site, story),
        )
        for site in load_sites(DEMO_NOW, 1)
        for story in site.stories
    ]


def _copy(page: Page, number: int) -> Page:
    if number == 0:
        return page
    host, feed_host = urlsplit(page.url).netloc, urlsplit(page.feed).netloc
    # A site of its own, in the page's own links as well: a canonical link to the first copy would make this one known.
    other_host = f"{host.replace('.', '-').replace(':', '-')}-c{number}.example"
    return Page(
        page.url.replace(host, other_host, 1),
        page.feed.replace(feed_host, f"{feed_host.replace('.', '-')}-c{number}.example", 1),
        page.title,
        page.published,
        varied(page.html.replace(host.encode(), other_host.encode()), number),
    )


def varied(html: bytes, number: int) -> bytes:
    """`html` with a third of the longer words of its running text turned around, other ones for each number."""

    def turned(match: re.Match[bytes]) -> bytes:
        word = match.group()
        if zlib.crc32(b"%d %s" % (number, word.lower())) % 3:
            return word
        return word[:1] + word[-2:0:-1] + word[-1:]

    html = _RUNNING_TEXT.sub(lambda match: b">" + _WORD.sub(turned, match.group(1)) + b"<", html)
    return _DECLARED_BODY.sub(lambda match: match.group(1) + _WORD.sub(turned, match.group(2)) + b'"', html)


# ------------------------------------------------------------------------------------------------------ the server


def rss(feed: str, pages: Sequence[Page]) -> bytes:
    """An RSS 2.0 feed that lists `pages`."""
    items = "".join(
        f"<item><title>{escape(page.title)}</title><link>{escape(page.url)}</link>"
        f'<guid isPermaLink="true">{escape(page.url)}</guid>{_pub_date(page.published)}</item>'
        for page in pages
    )
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>{escape(feed)}</title>"
        f"<link>{escape(feed)}</link><description>recorded</description>{items}</channel></rss>"
    ).encode()


def _pub_date(published: str) -> str:
    with contextlib.suppress(ValueError):
        when = datetime.fromisoformat(published)
        return f"<pubDate>{format_datetime(when if when.tzinfo else when.replace(tzinfo=UTC))}</pubDate>"
    return ""


def answers_of(pages: Sequence[Page]) -> dict[str, tuple[str, bytes]]:
    """URL -> (content type, body) for every page and feed."""
    feeds: dict[str, list[Page]] = {}
    for page in pages:
        feeds.setdefault(page.feed, []).append(page)
    found = {page.url: ("text/html", page.html) for page in pages}
    return found | {feed: ("application/rss+xml", rss(feed, listed)) for feed, listed in feeds.items()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: ClassVar[Mapping[str, tuple[str, bytes]]] = {}

    def do_GET(self) -> None:
        content_type, body = self.answers.get(self.path, ("text/plain", b""))
        etag = f'"{zlib.crc32(body):08x}"'
        if self.path not in self.answers:
            status, body = (200, b"User-agent: *\nAllow: /\n") if self.path.endswith("/robots.txt") else (404, b"gone")
        elif self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        else:
            status = 200
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("ETag", etag)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    # Five, as it is by itself, turn away what a worker asks at once: the kernel tries again after a second.
    request_queue_size = 256


@contextlib.contextmanager
def wire(corpus: Path | None, copies: int, limit: int | None = None) -> Iterator[str]:
    """A server in a process of its own while inside; gives the URL of the proxy to use."""
    command = [sys.executable, "-m", "benchmarks.wire", "--copies", str(copies)]
    command += ["--corpus", str(corpus)] if corpus else []
    command += ["--limit", str(limit)] if limit else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def opml(pages: Sequence[Page]) -> str:
    """An OPML list of the pages' feeds."""
    feeds = sorted({page.feed for page in pages})
    outlines = "".join(f'<outline type="rss" text="{urlsplit(feed).netloc}" xmlUrl="{feed}"/>' for feed in feeds)
    return f'<?xml version="1.0"?><opml version="2.0"><head/><body>{outlines}</body></opml>'


def main() -> None:
    """Serve until killed; prints the proxy's URL."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    handler = type("Handler", (_Handler,), {"answers": answers_of(load_pages(given.corpus, given.copies, given.limit))})
    server = _Server(("127.0.0.1", 0), handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

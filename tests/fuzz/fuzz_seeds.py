"""The seed corpus: the demo wire's feeds and pages, the hostile cases' small ones, and lines that mean something."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pipeline.feeds.opml import OpmlFeed, write_opml
from workers.demo.answers import answers

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 14, 12, 20, tzinfo=UTC)
SMALL_BYTES = 30_000

LINES = (
    "https://www.wire.example/news/2026/03/14/story.html?utm_source=rss&id=7#top", "//wire.example/a;b=c/../d",
    "http://user:word@[::ffff:127.0.0.1]:8080/%2e%2e/%00", "http://0x7f.1/", "http://münchen.example/ä?ö=ü",
    "HTTP://WWW.Wire.Example:80/A/./B//C?x&amp;y", "http://xn--bcher-kva.example/", "javascript:alert(1)",
    "Sat, 14 Mar 2026 12:20:00 GMT", "2026-03-14T12:20:00+01:00", "14. März 2026, 12:20 Uhr", "March 14, 2026 5:07 p.m. EST",
    "20260314T122000Z", "3 hours ago", "2026年3月14日 12時20分", "14 марта 2026 г., 12:20", "Tue Mar 14 12:20:00 2026",
    "User-agent: *\nDisallow: /private/*.pdf$\nAllow: /\nCrawl-delay: 2\nSitemap: https://wire.example/s.xml",
    "User-agent: Frontwire\nUser-agent: Other\nDisallow:\n\nUser-agent: *\nDisallow: /", "Retry-After: 120",
    "Content-Type: text/html; charset=utf-8", "ETag: W/\"abc\"", "Content-Length: 1024", "10.0.0.0/8, 127.0.0.1:8080, [::1]:443",
    "http://proxy.example:3128", "The ministers met on Monday\nThe foreign ministers met in the capital on Monday to talk.",
    "Міністри зустрілися\nМіністри закордонних справ зустрілися у столиці в понеділок.", "東京で協議\n外務大臣は火曜日に停戦について協議した。",
)  # fmt: skip


@cache
def seeds(kind: str, tree: Path | None = None) -> tuple[bytes, ...]:
    """The seeds of that kind in a fixed order. `tree` adds every small file below a directory to the feeds."""
    if kind == "lines":
        return tuple(line.encode() for line in LINES)
    if kind == "opml":
        listed = [OpmlFeed(f"https://wire{n}.example/rss", f"Wire {n}", "World", "en") for n in range(4)]
        return (write_opml(listed), b"<opml><body><outline text='a'><outline xmlUrl='http://a.example/'/></outline>")
    bodies = [answer.body for _, answer in sorted(answers(NOW, 1).items()) if answer.status == 200]
    is_feed = [body.lstrip()[:5].startswith((b"<?xml", b"<rss", b"{", b"<feed", b"<rdf")) for body in bodies]
    found = [body for body, told in zip(bodies, is_feed, strict=True) if told == (kind == "feeds")]
    found += [body for body in _hostile(kind) if 0 < len(body) <= SMALL_BYTES]
    if tree is not None and kind == "feeds":
        files = sorted(path for path in tree.rglob("*") if path.is_file() and path.stat().st_size <= SMALL_BYTES)
        found += [path.read_bytes() for path in files]
    return tuple(dict.fromkeys(found))


def _hostile(kind: str) -> list[bytes]:
    sys.path.insert(0, str(HERE.parent / "hostile"))
    from content_cases import CONTENT_CASES
    from feed_cases import FEED_CASES
    from hostile_server import Reply

    cases = FEED_CASES if kind == "feeds" else CONTENT_CASES
    bodies = [case.answer.body for case in cases if isinstance(case.answer, Reply)]
    return [body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body for body in bodies]

"""Small feeds, states and answers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.feeds import read_feed
from pipeline.values import Entry, FeedReading, FeedState, FetchedPage, FetchFailure, NotModified, Redirect

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
FEED_URL = "https://wire.example/feeds/world.xml"
_NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
)


def rss(*items: str, head: str = "") -> bytes:
    """An RSS 2.0 feed of the items, each given as what stands inside its <item>."""
    body = "".join(f"<item>{item}</item>" for item in items)
    return f'<rss version="2.0" {_NAMESPACES}><channel><title>Wire</title>{head}{body}</channel></rss>'.encode()


def item(name: object, more: str = "") -> str:
    """An item with a title, link and guid of that name."""
    return f"<title>T {name}</title><link>https://wire.example/{name}</link><guid>g{name}</guid>{more}"


def reading(body: bytes, content_type: str | None = None, **more: Any) -> FeedReading:
    return read_feed(body, content_type, FEED_URL, NOW, **more)


def only_entry(inside: str) -> Entry:
    """The one entry of a feed with the one item `inside`."""
    (entry,) = reading(rss(inside)).entries
    return entry


def state(**changes: Any) -> FeedState:
    return FeedState(id=7, url=FEED_URL)._replace(**changes)


def polled_state(**changes: Any) -> FeedState:
    """A feed that was read a quarter of an hour ago and then listed two entries."""
    usual: dict[str, Any] = {
        "known_entries": 2,
        "last_polled_at": NOW - timedelta(minutes=15),
        "last_success_at": NOW - timedelta(minutes=15),
        "last_unconditional_at": NOW - timedelta(minutes=15),
        "last_new_at": NOW - timedelta(hours=2),
        "etag": '"old"',
        "last_modified": "Sun, 22 Nov 2026 17:00:00 GMT",
        "body_sha256": "0" * 64,
    }
    return state(**(usual | changes))


def page(body: bytes, redirects: tuple[Redirect, ...] = (), **headers: str) -> FetchedPage:
    """A 200 answer; header names are given with underscores."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    final_url = redirects[-1].url if redirects else FEED_URL
    return FetchedPage(FEED_URL, final_url, 200, pairs, body, NOW, 0.2, redirects)


def not_modified(redirects: tuple[Redirect, ...] = (), **headers: str) -> NotModified:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return NotModified(FEED_URL, FEED_URL, pairs, NOW, 0.1, redirects)


def failure(reason: Any, **more: Any) -> FetchFailure:
    return FetchFailure(FEED_URL, reason, "It failed.", NOW, **more)


def versions(entries: Iterable[Entry]) -> dict[str, str]:
    """What SQL remembers after a poll with these entries."""
    return {entry.key: entry.version for entry in entries}

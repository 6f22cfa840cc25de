"""Reading a feed body, whatever its format: one table, one line per format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.feeds.decode import decode_feed, is_cut_off, unpacked
from pipeline.feeds.entries import KnownItem, RawEntry, RawFeed, to_reading
from pipeline.feeds.jsonfeed import is_json, read_json_feed
from pipeline.feeds.newssitemap import is_sitemap, read_news_sitemap
from pipeline.feeds.sitemapindex import index_reading
from pipeline.feeds.syndication import is_syndication, read_syndication
from pipeline.feeds.trimming import Trimmed, trimmed
from pipeline.feeds.wire import feed_of_message
from pipeline.identity.urls import site_of
from pipeline.values import NOTHING_KNOWN, FeedReading, Listing
from pipeline.wire.formats import WIRE_FORMATS, WireFormat

NO_FEED = "none"


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """A line of the table: `sniff` looks at the head of the text, `read` gives the feed or why it is none."""

    name: str
    sniff: Callable[[str], bool]
    read: Callable[[str], RawFeed | str]
    # Its items are elements that can be left out.
    is_trimmed: bool = False


def _of_wire(wire: WireFormat) -> FeedFormat:
    """An agency's format as a line of the table."""

    def read(text: str) -> RawFeed | str:
        message = wire.read(text)
        return message if isinstance(message, str) else feed_of_message(message)

    return FeedFormat(wire.name, wire.sniff, read)


# The first format whose sniffer says yes reads the body.
FORMATS = (
    *map(_of_wire, WIRE_FORMATS),
    FeedFormat("json", is_json, read_json_feed),
    FeedFormat("newssitemap", is_sitemap, read_news_sitemap),
    FeedFormat("syndication", is_syndication, read_syndication, is_trimmed=True),
)

# What parsing costs goes by tags, references and attributes, not by bytes: about 40 microseconds a tag in a broken
# feed, 3 a reference, and 5 an attribute. A feed of 2,000 entries has some 30,000 tags.
TAGS_MAX = 120_000
REFERENCES_MAX = 1_000_000
TAG_MAX_CHARS = 65_536

_LONG_TAG = re.compile(rf"<[A-Za-z][^<>]{{{TAG_MAX_CHARS}}}")
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HEAD_CHARS = 16_384


def read_feed(
    body: bytes,
    content_type: str | None,
    url: str,
    now: datetime,
    known: Listing = NOTHING_KNOWN,
    source: str | None = None,
) -> FeedReading:
    """The feed in `body`, which `url` answered at `now`; its entries are absolute, canonical, plain and once each.

    Never raises on any bytes: what is no feed gives a reading with `problem` and no entries. `known` are the entries
    that SQL remembers for this feed. They do not count towards the 2,000 new entries that one reading may bring, so
    that those left over by one poll are read by the next, and what stands as it was is not parsed again.
    """
    body = unpacked(body)
    text = decode_feed(body, content_type)
    problem = _refusal(text)
    if problem is not None:
        return FeedReading(NO_FEED, problem=problem)
    chosen = next((entry for entry in FORMATS if entry.sniff(text)), None)
    if chosen is None:
        return FeedReading(NO_FEED, problem=_what_it_is(text), is_partial=is_cut_off(body))
    reading = _reading(chosen, text, url, now, known, source or site_of(url))
    return replace(reading, is_partial=is_cut_off(body))


def _reading(chosen: FeedFormat, text: str, url: str, now: datetime, known: Listing, source: str) -> FeedReading:
    """The text read in its format, without the items that stand as they were; whole where that leaves a doubt."""
    parts = trimmed(text, known.items) if chosen.is_trimmed else None
    raw = chosen.read(text if parts is None else parts.text)
    reading = None
    if parts is not None and isinstance(raw, RawFeed) and _is_told_apart(raw, parts):
        reading = _finished(_with_items(raw, parts, known), url, now, known, source)
    elif parts is None or not any(parts.left_out):
        reading = _finished(raw, url, now, known, source)
    return reading or _reading(chosen, text, url, now, Listing(known.versions), source)


def _is_told_apart(raw: RawFeed, parts: Trimmed) -> bool:
    """Whether the items that were parsed are those that were looked at: in a broken feed one may swallow the next."""
    return raw.is_well_formed and len(raw.entries) == parts.left_out.count(False)


def _with_items(raw: RawFeed, parts: Trimmed, known: Listing) -> RawFeed:
    """The feed with the digest of each item, and with those that were left out in their places."""
    read = iter(raw.entries)
    entries = (
        KnownItem(*known.items[digest]) if is_left_out else _with_digest(next(read), digest)
        for digest, is_left_out in zip(parts.digests, parts.left_out, strict=True)
    )
    return replace(raw, entries=tuple(entries))


def _with_digest(item: RawEntry | KnownItem, digest: str) -> RawEntry | KnownItem:
    return replace(item, digest=digest) if isinstance(item, RawEntry) else item


def _finished(raw: RawFeed | str, url: str, now: datetime, known: Listing, source: str) -> FeedReading | None:
    if isinstance(raw, str):
        return FeedReading(NO_FEED, problem=raw)
    return index_reading(raw, url, now) if raw.children else to_reading(raw, url, now, known.versions, source)


def _refusal(text: str) -> str | None:
    """Why the text may not even be parsed, or None."""
    if not text:
        return "The body is empty."
    entity = text.find("<!ENTITY")
    cdata = text.find("<![CDATA[")
    # Entities are declared before the root; a story about XML may name them inside CDATA.
    if entity >= 0 and (cdata < 0 or entity < cdata):
        return "The feed declares XML entities, which are never expanded."
    return None if text.startswith(("{", "[")) else _too_complex(text)


def _too_complex(text: str) -> str | None:
    if text.count("&") > REFERENCES_MAX:
        return f"The feed has more than {REFERENCES_MAX:,} references."
    tags = 0
    for start, end in _outside_cdata(text):
        tags += text.count("<", start, end)
        if _LONG_TAG.search(text, start, end):
            return f"The feed has a tag of more than {TAG_MAX_CHARS:,} characters."
    return f"The feed has more than {TAGS_MAX:,} tags." if tags > TAGS_MAX else None


def _outside_cdata(text: str) -> Iterator[tuple[int, int]]:
    """Where the text is markup: the stretches between its CDATA sections, which a parser takes as they are."""
    place = 0
    while (start := text.find("<![CDATA[", place)) >= 0 and (end := text.find("]]>", start)) >= 0:
        yield place, start
        place = end
    yield place, len(text)


def _what_it_is(text: str) -> str:
    if _HTML.search(text[:_HEAD_CHARS]):
        return "This is an HTML page, not a feed."
    return "The body is in no feed format that we read."

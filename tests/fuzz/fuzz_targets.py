"""What is fuzzed: each target takes bytes, does the work of one room with them, and holds the answer to its contract.

A target raises nothing but AssertionError, and that only when a promise is broken. TARGETS is the whole list.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pipeline.feeds import read_feed
from pipeline.feeds.dates import EARLIEST, in_bounds, parse_instant
from pipeline.feeds.decode import decode_feed
from pipeline.feeds.opml import read_opml
from pipeline.identity.fingerprints import fingerprint
from pipeline.identity.urls import asked_url, canonical_url, host_of, is_same_site
from pipeline.outcomes import REASONS, UrlState
from pipeline.reading.charset import decode_page
from pipeline.reading.moments import parse_moment
from pipeline.record import read_record
from pipeline.text import one_line, scrub
from pipeline.values import EntryHints, FetchedPage, Listing, Unread
from pipeline.wire.identity import is_wire_url
from workers.http import HttpPolicy, parse_allow_addresses, parse_robots
from workers.http.answers import clean_headers, declared_bytes, media_type, read_retry_after
from workers.http.target import Refused, check_url, join_location

NOW = datetime(2026, 3, 14, 12, 20, tzinfo=UTC)
FEED_URL = "https://wire.example/feeds/world.xml"
PAGE_URL = "https://www.wire.example/news/2026/03/14/story.html"
_CONTENT_TYPES = (None, "text/html", "text/html; charset=utf-8", "text/xml; charset=windows-1251", "text/plain")


@dataclass(frozen=True)
class Target:
    """`seeds` names the corpus it starts from: feeds, pages or lines. `share` is its part of a short run."""

    name: str
    seeds: str
    run: Callable[[bytes], None]
    share: float = 1.0


def _type_of(data: bytes) -> str | None:
    """A content type that depends on the bytes alone."""
    return _CONTENT_TYPES[len(data) % len(_CONTENT_TYPES)]


def _is_storable(text: str | None) -> bool:
    """What PostgreSQL, SQLite and JSON take, in one form only (promise P24)."""
    return text is None or (
        scrub(text) == text and unicodedata.is_normalized("NFC", text) and text.encode() is not None
    )


def _all_storable(texts: Iterable[str | None]) -> bool:
    return all(not text or _is_storable(text) for text in texts)


def feed(data: bytes) -> None:
    """Any bytes are a feed or none; entries are canonical, storable, dated within bounds, and once each.

    Read again as the same feed, it lists the same: what is known is not parsed, and that changes nothing.
    """
    reading = read_feed(data, _type_of(data), FEED_URL, NOW)
    assert reading.problem is None or not reading.entries
    assert len({entry.url for entry in reading.entries}) == len(reading.entries) <= 2_000
    for entry in reading.entries:
        # What has no address on the web is known by its sender and id.
        assert is_wire_url(entry.url) or canonical_url(entry.url) == entry.url
        assert not entry.link or asked_url(entry.link) == entry.link
        assert len(entry.key) == len(entry.version) == 64
        assert entry.title is None or one_line(entry.title) == entry.title
        assert _all_storable((entry.title, entry.summary, entry.guid, entry.published_raw, *entry.authors))
        assert entry.published_at is None or EARLIEST <= entry.published_at <= NOW + timedelta(days=1)
    listed = [(entry.key, entry.url, entry.version) for entry in reading.entries]
    items = {entry.digest: (entry.key, entry.url) for entry in reading.entries if entry.digest is not None}
    if items:
        known = Listing({key: version for key, _, version in listed}, items)
        again = read_feed(data, _type_of(data), FEED_URL, NOW, known)
        assert [(entry.key, entry.url, entry.version) for entry in again.entries] == listed
        assert replace(again, entries=()) == replace(reading, entries=())


def page(data: bytes) -> None:
    """Any bytes are a story or the reason why not; a story is storable in every field."""
    content_type = _type_of(data)
    headers = (("content-type", content_type),) if content_type else ()
    told = FetchedPage(PAGE_URL, PAGE_URL, 200, headers, data, NOW, 0.1)
    record = read_record(told, EntryHints(title="Ministers meet"))
    if isinstance(record, Unread):
        assert REASONS[record.reason].state is UrlState.REJECTED
        assert _all_storable((record.detail, *(line.line for line in record.dropped)))
        return
    story = record.story
    assert story.title
    assert story.text
    assert one_line(story.title) == story.title
    assert _all_storable(
        (story.text, story.kicker, story.standfirst, story.dateline, story.section, story.published_raw)
    )
    assert _all_storable((*story.authors, *story.captions, *story.credits, *(line.line for line in story.dropped)))
    assert story.canonical_url is None or is_same_site(story.canonical_url, PAGE_URL)
    assert story.published_at is None or EARLIEST <= story.published_at <= NOW + timedelta(days=1)
    assert all(place.start <= place.end for place in record.verdict.mentions)


def url(data: bytes) -> None:
    """One form for each address, and applying it twice changes nothing; the guard reads every form without error."""
    text = (
        data.decode("utf-8", "surrogatepass" if len(data) % 2 else "replace")
        if _decodes(data)
        else data.decode("latin-1")
    )
    for base in (None, FEED_URL):
        known = canonical_url(text, base)
        assert known is None or (canonical_url(known) == known and known.isascii() and len(known) <= 2048)
        asked = asked_url(text, base)
        assert asked is None or canonical_url(asked) == known
    host_of(text)
    for each in (text, join_location_text(text)):
        target = check_url(each, ())
        if not isinstance(target, Refused):
            assert not isinstance(check_url(target.text, ()), Refused), "what was let pass is read the same again"
            assert "@" not in (target.url.raw_authority or "")


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def join_location_text(text: str) -> str:
    from yarl import URL

    return join_location(URL(PAGE_URL), text)


def date(data: bytes) -> None:
    """Any string is an instant or none."""
    text = data.decode("utf-8", "replace")
    instant = parse_instant(text)
    assert instant is None or instant.tzinfo is not None
    bounded = in_bounds(instant, NOW)
    assert bounded is None or EARLIEST <= bounded <= NOW + timedelta(days=1)
    moment = parse_moment(text)
    assert moment is None or moment.tzinfo is not None
    wish = read_retry_after(text, NOW)
    assert wish is None or 0 <= wish <= 86_400


def charset(data: bytes) -> None:
    """Any bytes under any charset name are text."""
    name, _, body = data.partition(b"\n")
    content_type = f"text/html; charset={name.decode('latin-1')}"
    told = FetchedPage(PAGE_URL, PAGE_URL, 200, (("content-type", content_type),), body, NOW, 0.1)
    assert _is_storable(scrub(decode_page(told)))
    decode_feed(body, content_type).encode("utf-8")


def words(data: bytes) -> None:
    """A fingerprint is the same for the same words, whatever invisible characters stand between them."""
    text = data.decode("utf-8", "replace")
    title, _, body = text.partition("\n")
    print_of = fingerprint(title, body)
    assert print_of == fingerprint(title, body)
    assert list(print_of.anchors) == sorted(set(print_of.anchors))
    assert fingerprint(title, body.replace(" ", " \u200b")).content_hash == print_of.content_hash
    assert scrub(scrub(text)) == scrub(text)


def opml(data: bytes) -> None:
    """Any bytes are a list of feeds or none."""
    reading = read_opml(data)
    for each in reading.feeds:
        assert each.url.startswith(("http://", "https://"))
        assert _all_storable((each.title, each.category, each.language))


def robots(data: bytes) -> None:
    """Any bytes are rules, and rules answer for any path."""
    rules = parse_robots(200, data.decode("utf-8", "replace"), "Frontwire")
    for path in ("/", "/news/story.html?a=b", "/%00", "/" + "a" * 300):
        assert rules.allows(f"https://wire.example{path}") in (True, False)


def header(data: bytes) -> None:
    """Any header is storable, and read as what it is or as nothing."""
    name, _, value = data.partition(b":")
    headers = clean_headers([(name, value), (b"content-type", value), (b"content-length", value)])
    assert all("\n" not in text and _is_storable(text) for pair in headers for text in pair)
    media_type(headers)
    length = declared_bytes(headers)
    assert length is None or length >= 0


def setting(data: bytes) -> None:
    """An allow list or proxy is read, or refused with ValueError and nothing else."""
    text = data.decode("utf-8", "replace")
    for read in (parse_allow_addresses, lambda told: HttpPolicy("Frontwire", proxy=told)):
        try:
            read(text)
        except ValueError:
            continue


TARGETS = {
    target.name: target
    for target in (
        Target("feed", "feeds", feed),
        Target("page", "pages", page, share=0.3),
        Target("url", "lines", url),
        Target("date", "lines", date),
        Target("charset", "pages", charset, share=0.3),
        Target("words", "lines", words),
        Target("opml", "opml", opml),
        Target("robots", "lines", robots),
        Target("header", "lines", header),
        Target("setting", "lines", setting),
    )
}

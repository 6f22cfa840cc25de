"""Broken feeds: no bytes make read_feed raise, and what it gives keeps the contract."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from feed_samples import FEED_URL, NOW
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.feeds import read_feed
from pipeline.feeds.dates import EARLIEST
from pipeline.identity.urls import URL_MAX_CHARS, canonical_url
from pipeline.text import one_line
from pipeline.values import FeedReading
from pipeline.wire.identity import is_wire_url

SEEDS = [
    path.read_bytes() for path in sorted((Path(__file__).parent / "golden").iterdir()) if ".reading." not in path.name
]
PIECES = [
    b"<",
    b">",
    b"&",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"\x00",
    b"\xff\xfe",
    b"<item>",
    b"</channel>",
    b"&#x110000;",
]
PIECES += [
    b"&#0;",
    b"<!DOCTYPE",
    b'xmlns="',
    b"%",
    b"\xed\xa0\x80",
    b"99999999999999999999",
    b"-1",
    b"\r",
    b'"',
    b"[" * 50,
]


def _assert_kept(read: FeedReading) -> None:
    assert read.problem is None or not read.entries
    assert len({entry.url for entry in read.entries}) == len(read.entries)
    for entry in read.entries:
        assert canonical_url(entry.url) == entry.url or is_wire_url(entry.url)
        assert len(entry.url) <= URL_MAX_CHARS
        assert len(entry.key) == len(entry.version) == 64
        assert entry.title is None or one_line(entry.title) == entry.title
        assert entry.published_at is None or EARLIEST <= entry.published_at <= NOW + timedelta(days=1)
        assert entry.published_at is None or entry.published_raw is None


def _mutant(chance: random.Random) -> bytes:
    body = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                body[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del body[place : place + chance.randint(1, 80)]
            case 2:
                body[place:place] = chance.choice(PIECES)
            case 3:
                other = chance.choice(SEEDS)
                start = chance.randrange(len(other))
                body[place:place] = other[start : start + 200]
            case _:
                body[place:] = body[place:] if chance.random() < 0.8 else b""
    return bytes(body)


def test_a_thousand_mutants_raise_nothing_and_keep_the_contract() -> None:
    chance = random.Random(20261122)

    for _ in range(1000):
        _assert_kept(read_feed(_mutant(chance), None, FEED_URL, NOW))


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from(SEEDS), st.integers(0, 400), st.sampled_from([None, "text/xml; charset=x"])
)
def test_any_bytes_anywhere_in_a_feed_raise_nothing(noise: bytes, seed: bytes, place: int, content_type: str) -> None:
    _assert_kept(read_feed(seed[:place] + noise + seed[place:], content_type, FEED_URL, NOW))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_as_title_and_link_is_read_as_text(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = f"<rss version='2.0'><channel><item><title>{escaped}</title><link>{escaped}</link></item></channel></rss>"

    _assert_kept(read_feed(body.encode("utf-8", "surrogatepass"), None, FEED_URL, NOW))

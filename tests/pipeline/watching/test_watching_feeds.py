"""Messages and feeds of hostile titles, read back by the readers of others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import feedparser
import pytest

from pipeline.feeds.reading import read_feed
from pipeline.outcomes import AlertKind
from pipeline.watching.messages import TITLE_CHARS, Match, compose
from pipeline.watching.outfeeds import write_feed

T0 = datetime(2024, 5, 31, 12, 0, tzinfo=UTC)
HOSTILE = '<script>alert(1)</script> & "Troops" ]]> \x00\x1b[31m\ud83d cross'


def match(number: int = 1, **values: Any) -> Match:
    defaults: dict[str, Any] = {
        "kind": AlertKind.MATCH,
        "matched_at": T0,
        "story_id": 10 + number,
        "title": f"Ministers send launchers {number}",
        "url": f"https://wire.example/{number}?a=1&b=2",
        "source": "wire.example",
        "acts": "arms_aid, talks",
        "actors": "UKR",
        "published_at": T0,
    }
    return Match(match_id=number, **(defaults | values))


@pytest.mark.parametrize("format_", ["rss", "atom", "json"])
def test_a_feed_is_read_back_as_it_was_written(format_: str) -> None:
    document = write_feed(format_, "arms", "type = 'arms_aid'", [match(2), match(1)])
    if format_ == "json":
        entries = json.loads(document)["items"]
        found = [(entry["id"], entry["title"], entry["url"], entry["tags"]) for entry in entries]
    else:
        parsed = feedparser.parse(document)
        assert not parsed.bozo
        found = [(e.id, e.title, e.link, [tag.term for tag in e.tags]) for e in parsed.entries]
    assert found == [
        (
            f"urn:frontwire:watch:arms:{number}",
            f"Ministers send launchers {number}",
            f"https://wire.example/{number}?a=1&b=2",
            ["arms_aid", "talks", "UKR"],
        )
        for number in (2, 1)
    ]


@pytest.mark.parametrize(("format_", "kind"), [("rss", "rss20"), ("atom", "atom10")])
def test_the_format_is_the_one_it_says(format_: str, kind: str) -> None:
    assert feedparser.parse(write_feed(format_, "arms", "copies > 1", [match()])).version == kind


@pytest.mark.parametrize("format_", ["rss", "atom", "json"])
def test_the_same_matches_are_the_same_bytes(format_: str) -> None:
    assert write_feed(format_, "w", "copies > 1", [match()]) == write_feed(format_, "w", "copies > 1", [match()])


@pytest.mark.parametrize("format_", ["rss", "atom"])
def test_markup_in_a_title_is_text_and_stays_text(format_: str) -> None:
    document = write_feed(format_, "w", "title like '%<b>%'", [match(title=HOSTILE, standfirst=HOSTILE)])
    entry = feedparser.parse(document, sanitize_html=False).entries[0]
    # What a reader shows is escaped once more for its page (RSS), or is declared as text (Atom).
    if format_ == "rss":
        assert entry.title.startswith("&lt;script&gt;")
        assert entry.summary.startswith("&lt;script&gt;")
    else:
        assert entry.title_detail.type == "text/plain"
        assert entry.summary_detail.type == "text/plain"
    assert b"<script" not in document


def test_a_url_that_is_no_web_address_leads_nowhere() -> None:
    for format_ in ("rss", "atom", "json"):
        assert b"javascript:" not in write_feed(format_, "w", "copies > 1", [match(url="javascript:alert(1)")])


def test_frontwire_can_poll_its_own_feeds() -> None:
    for format_ in ("rss", "atom", "json"):
        document = write_feed(format_, "w", "copies > 1", [match(1), match(2)])
        reading = read_feed(document, None, "https://desk.example/w", T0)
        assert [entry.title for entry in reading.entries] == [
            "Ministers send launchers 1",
            "Ministers send launchers 2",
        ]


def test_an_empty_watch_is_a_valid_feed() -> None:
    for format_ in ("rss", "atom"):
        assert not feedparser.parse(write_feed(format_, "w", "copies > 1", [])).bozo


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="opml"):
        write_feed("opml", "w", "copies > 1", [])


# ---------------------------------------------------------------------------------------------------------- messages


def test_a_message_tells_what_where_and_who() -> None:
    message = compose("arms", [match(standfirst="A second tranche.")])
    assert message.title == "[arms] Ministers send launchers 1"
    assert message.body.splitlines() == [
        "Ministers send launchers 1",
        "wire.example | arms_aid, talks; UKR | 2024-05-31 12:00 UTC",
        "A second tranche.",
        "https://wire.example/1?a=1&b=2",
        "story 11",
    ]


def test_a_digest_counts_and_lists() -> None:
    message = compose("arms", [match(1), match(2, kind=AlertKind.WITHDRAWAL, status="withdrawn")])
    assert message.title == "[arms] 2 alerts"
    assert "WITHDRAWN: Ministers send launchers 2" in message.body
    assert "Its status is now: withdrawn." in message.body


@pytest.mark.parametrize(
    "title", ["a\r\nBcc: x@y.example", "<!channel> run", "@everyone run", "x\u202egnp", "a" * 1_000, "\x1b]0;x\x07"]
)
def test_a_title_is_one_harmless_line(title: str) -> None:
    message = compose("w", [match(title=title)])
    assert message.title.isprintable()
    assert len(message.title) <= TITLE_CHARS
    assert not any(word in message.title + message.body for word in ("<!", "@everyone", "\u202e", "\r", "\x1b"))
    assert "\nBcc" not in message.body

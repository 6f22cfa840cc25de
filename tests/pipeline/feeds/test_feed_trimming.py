"""Leaving out what was read before changes nothing but what nobody asks for again."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from feed_samples import FEED_URL, NOW, item, reading, rss, versions
from test_feed_mutants import SEEDS, _mutant

from pipeline.feeds import read_feed
from pipeline.feeds.trimming import trimmed
from pipeline.values import Entry, FeedReading, Listing

GOLDEN = sorted(path for path in (Path(__file__).parent / "golden").iterdir() if ".reading." not in path.name)


def listing(read: FeedReading) -> Listing:
    """What SQL knows after the reading was written."""
    return Listing(versions(read.entries), {each.digest: (each.key, each.url) for each in read.entries if each.digest})


def known_by(entry: Entry) -> Entry:
    """The entry without what is asked for when it is new or edited alone."""
    return Entry(entry.key, entry.url, version=entry.version)


def assert_same(after: FeedReading, whole: FeedReading, known: Listing) -> None:
    """Both readings announce the same, take the same for edited, and list the same."""
    assert replace(after, entries=()) == replace(whole, entries=())
    assert [known_by(entry) for entry in after.entries] == [known_by(entry) for entry in whole.entries]
    asked_for = [entry.key for entry in whole.entries if known.versions.get(entry.key) != entry.version]
    words = {entry.key: replace(entry, digest=None) for entry in after.entries}
    assert [words[key] for key in asked_for] == [
        replace(entry, digest=None) for entry in whole.entries if entry.key in set(asked_for)
    ]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_a_feed_that_stands_as_it_was_reads_the_same(path: Path) -> None:
    body = path.read_bytes()
    whole = read_feed(body, None, FEED_URL, NOW)
    assert_same(read_feed(body, None, FEED_URL, NOW, listing(whole)), whole, listing(whole))


def test_a_thousand_mutants_of_known_feeds_read_as_without_what_is_known() -> None:
    chance = random.Random(20261129)
    seeds = [listing(read_feed(seed, None, FEED_URL, NOW)) for seed in SEEDS]
    everything = Listing(
        {key: version for each in seeds for key, version in each.versions.items()},
        {digest: entry for each in seeds for digest, entry in each.items.items()},
    )
    for _ in range(1000):
        body = _mutant(chance)
        whole = read_feed(body, None, FEED_URL, NOW, Listing(everything.versions))
        assert_same(read_feed(body, None, FEED_URL, NOW, everything), whole, everything)


def test_only_new_and_edited_items_are_parsed_with_their_words() -> None:
    heavy = "<description>" + "words " * 50 + "</description><category>War</category>"
    first = reading(rss(item(1, heavy), item(2, heavy), item(3, heavy)))
    body = rss(item(4, heavy), item(1, heavy), item(2, heavy.replace("War", "Peace")), item(3, heavy))
    after = reading(body, known=listing(first))
    assert [entry.title for entry in after.entries] == ["T 4", None, "T 2", None]
    assert [entry.version for entry in after.entries[1:]] == [entry.version for entry in first.entries]
    parts = trimmed(body.decode(), listing(first).items)
    assert parts is not None
    assert parts.left_out == (False, True, False, True)
    assert parts.text.count("<item>") == parts.text.count("<description>") == 2


def test_an_item_goes_from_its_first_tag_to_its_last() -> None:
    first = (
        "<item><title>T</title><atom:link href='x'/><description><![CDATA[<link>in words</link></item>]]></description>"
        "<media:group><link>deeper</link></media:group></item>"
    )
    parts = trimmed(f"<rss>\n{first}\n<item>other</item></rss>", frozenset())
    assert parts is not None
    rest = trimmed(f"<rss>\n{first}\n<item>other</item></rss>", frozenset(parts.digests[:1]))
    assert rest is not None
    assert rest.text == "<rss>\n\n<item>other</item></rss>"


@pytest.mark.parametrize(
    "text",
    [
        "<rss><item><title>never ends</item></rss>",
        "<rss><item><item>within another</item></item></rss>",
        "<rss><item>no end",
        "<rss><item><!-- no end </item></rss>",
        "<rss><item><![CDATA[ no end </item></rss>",
        "<rss></rss>",
        "<item/>",
    ],
)
def test_a_feed_whose_items_can_not_be_told_apart_is_read_whole(text: str) -> None:
    parts = trimmed(text, frozenset())
    assert parts is None or not any(parts.left_out)


def test_a_new_item_that_takes_the_guid_of_a_known_one_makes_both_known_by_their_links() -> None:
    """Left out or not, the known item's guid names no entry any more: everything is read, and is told anew."""
    first = reading(rss(item(1)))
    both = rss("<title>T 2</title><link>https://wire.example/2</link><guid>g1</guid>", item(1))
    after = reading(both, known=listing(first))
    assert [entry.title for entry in after.entries] == ["T 2", "T 1"]
    assert [entry.key for entry in after.entries] == [entry.key for entry in reading(both).entries]


def test_an_item_whose_guid_others_bear_too_is_read_each_time() -> None:
    """Whether the guid names it is told by the others, and one of them may be gone by the next time."""
    bearers = [f"<title>T {n}</title><link>https://wire.example/{n}</link><guid>world</guid>" for n in (1, 2, 3)]
    first = reading(rss(*bearers))
    assert [entry.digest for entry in first.entries] == [None, None, None]
    left = rss(bearers[0])
    assert reading(left, known=listing(first)).entries[0].key == reading(left).entries[0].key


def test_new_items_that_share_the_guid_of_a_known_one_make_all_known_by_their_links() -> None:
    first = reading(rss(item(1)))
    new = [f"<title>T {n}</title><link>https://wire.example/{n}</link><guid>g1</guid>" for n in (2, 3)]
    body = rss(*new, item(1))
    after = reading(body, known=listing(first))
    assert [entry.key for entry in after.entries] == [entry.key for entry in reading(body).entries]


def test_an_item_that_links_to_a_known_one_is_no_entry_of_its_own() -> None:
    first = reading(rss(item(1)))
    again = "<title>T 1 again</title><link>https://wire.example/1</link><guid>g9</guid>"
    for body in (rss(again, item(1)), rss(item(1), again)):
        after, whole = reading(body, known=listing(first)), reading(body)
        assert [entry.key for entry in after.entries] == [entry.key for entry in whole.entries]


def test_links_that_lead_elsewhere_by_the_feeds_own_base_are_read_anew() -> None:
    entry = "<entry><id>urn:1</id><title>T</title><link href='1.html'/></entry>"
    feeds = [
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{base}">{entry}</feed>'.encode()
        for base in ("https://wire.example/old/", "https://wire.example/new/")
    ]
    first = reading(feeds[0])
    after = reading(feeds[1], known=listing(first))
    assert [entry.url for entry in (*first.entries, *after.entries)] == [
        "https://wire.example/old/1.html",
        "https://wire.example/new/1.html",
    ]


def test_an_item_without_an_address_is_read_each_time() -> None:
    """It is known by its words."""
    named = "content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    whole = f"<title>T</title><{named}>" + "A story that has no address. " * 60 + "</content:encoded>"
    first = reading(rss(whole))
    assert [entry.digest for entry in first.entries] == [None]
    assert reading(rss(whole), known=listing(first)) == first


@pytest.mark.parametrize(
    "text",
    [
        "<" * 500_000,
        "<item " * 100_000,
        '<item><a "' + '"' * 500_000,
        "<![CDATA[" * 100_000,
        "<!--" * 100_000,
        "<item a='" + "x" * 500_000,
        "<item " + 'a="b" ' * 100_000,
        "<item>" + "<a>" * 100_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_flood_of_markup_is_looked_through_once(text: str) -> None:
    assert trimmed(text, frozenset()) is None

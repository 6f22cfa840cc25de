from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workers
from pipeline.feeds.opml import OpmlFeed, read_opml, write_opml
from pipeline.identity.urls import canonical_url
from pipeline.text import one_line

SHIPPED = Path(workers.__file__).parent / "data" / "feeds.opml"


def test_groups_become_categories_and_languages_are_kept() -> None:
    read = read_opml(
        b"""<?xml version="1.0"?><opml version="2.0"><head><title>Mine</title></head><body>
        <outline text="Agencies"><outline text="Europe">
          <outline type="rss" text="Harbour Wire" xmlUrl="https://harbourwire.example/rss" language="en-GB"/>
        </outline></outline>
        <outline type="rss" title="Quay" xmlUrl="http://quay.example/feed?a=1&amp;b=2"/>
        </body></opml>"""
    )

    assert read.problem is None
    assert read.feeds == (
        OpmlFeed("https://harbourwire.example/rss", "Harbour Wire", "Agencies/Europe", "en-GB"),
        OpmlFeed("http://quay.example/feed?a=1&b=2", "Quay"),
    )


def test_a_careless_list_is_read_all_the_same() -> None:
    text = (
        '<opml><BODY><outline text="Порт & море"><outline TEXT="Лента" xmlURL="http://a.example/?x=1&y=2">'
        '<outline text="ftp" xmlUrl="ftp://b.example/"/>'
    )

    for codec in ("utf-8", "utf-8-sig", "utf-16"):
        read = read_opml(text.encode(codec))
        assert read.feeds == (OpmlFeed("http://a.example/?x=1&y=2", "Лента", "Порт & море"),)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"https://a.example/rss\n", "no <opml>"),
        (b"<rss version='2.0'><channel/></rss>", "no <opml>"),
        (b"<opml version='2.0'><body><outline text='x'/></body></opml>", "no feed"),
        (b"<!DOCTYPE opml [<!ENTITY a 'b'>]><opml/>", "entities"),
    ],
)
def test_what_is_no_list_gives_one_sentence(data: bytes, word: str) -> None:
    read = read_opml(data)

    assert read.feeds == ()
    assert read.problem is not None
    assert word in read.problem
    assert read.problem.endswith(".")


URLS = st.from_regex(r"https?://[a-z]{1,8}\.example/[a-z0-9?&=%~]{0,20}", fullmatch=True)
TEXTS = st.text(max_size=60).map(one_line)
FEEDS = st.builds(
    OpmlFeed, URLS, TEXTS, TEXTS.filter(lambda text: "/" not in (text or "")), st.sampled_from([None, "uk", "pt-BR"])
)
HOSTILE = "</outline>\"'&amp;<script>]]>\u202e&#0;"


@settings(max_examples=200, deadline=None)
@given(st.lists(FEEDS, min_size=1, max_size=6, unique_by=lambda feed: feed.url))
def test_a_list_written_and_read_is_the_same_list(feeds: list[OpmlFeed]) -> None:
    feeds.append(OpmlFeed("https://hostile.example/", one_line(HOSTILE), one_line(HOSTILE.replace("/", "")), "en"))

    read = read_opml(write_opml(feeds))

    assert {feed.url: (feed.title, feed.category, feed.language) for feed in read.feeds} == {
        feed.url: (feed.title or feed.url, feed.category, feed.language) for feed in feeds
    }


def test_a_written_list_is_well_formed_with_groups_in_first_seen_order() -> None:
    written = write_opml([OpmlFeed("https://a.example/", "A", "Two"), OpmlFeed("https://b.example/", "B", "One")])

    groups = [outline.get("text") for outline in ElementTree.fromstring(written).iterfind("body/outline")]
    assert groups == ["Two", "One"]


def test_the_shipped_list_is_well_formed_canonical_and_wide() -> None:
    ElementTree.fromstring(SHIPPED.read_bytes())
    read = read_opml(SHIPPED.read_bytes())
    urls = [feed.url for feed in read.feeds]

    assert read.problem is None
    assert SHIPPED.read_text("utf-8").count("xmlUrl=") == len(set(urls)) >= 70
    assert [url for url in urls if canonical_url(url) != url] == []
    assert len({feed.language for feed in read.feeds}) >= 8
    assert all(feed.title and feed.category and feed.language for feed in read.feeds)

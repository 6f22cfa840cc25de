from __future__ import annotations

from datetime import timedelta
from time import process_time

import pytest
from feed_samples import NOW, item, reading, rss

from pipeline.feeds.discovery import (
    ADVICE,
    Advice,
    Candidate,
    Examined,
    FoundBy,
    advise,
    page_candidates,
    path_candidates,
    sitemap_candidates,
)

PAGE_URL = "https://wire.example/world/"
FRESH = f"<pubDate>{(NOW - timedelta(hours=1)).strftime('%a, %d %b %Y %H:%M:%S GMT')}</pubDate>"


def linked(markup: str, head: str = "") -> list[str]:
    page = f"<!doctype html><html><head>{head}</head><body>{markup}</body></html>"
    return [one.url for one in page_candidates(page.encode(), "text/html; charset=utf-8", PAGE_URL)]


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ('<link rel="alternate" type="application/rss+xml" href="/feed.xml">', ["https://wire.example/feed.xml"]),
        ("<LINK TYPE=application/atom+xml REL='Alternate' HREF=atom>", ["https://wire.example/world/atom"]),
        (
            '<link rel="alternate" type="application/feed+json" href="//b.example/f.json"/>',
            ["https://b.example/f.json"],
        ),
        ('<link rel="feed" href="https://wire.example/f?a=1&amp;b=2">', ["https://wire.example/f?a=1&b=2"]),
        ('<a rel="nofollow feed" href="/f">Follow</a>', ["https://wire.example/f"]),
        ('<link rel="alternate" type="text/xml; charset=utf-8" href="/old">', ["https://wire.example/old"]),
        ('<link rel="alternate" hreflang="de" href="/de/">', []),
        ('<link rel="alternate" type="text/html" media="handheld" href="/m/">', []),
        ('<link rel="alternate stylesheet" type="text/xml" href="/x.xsl">', []),
        ('<link rel="stylesheet" type="application/rss+xml" href="/x">', []),
        ('<link rel="alternate" type="application/rss+xml">', []),
        ('<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">', []),
        ('<!-- <link rel="feed" href="/hidden"> --><link rel="feed" href="/shown">', ["https://wire.example/shown"]),
        ('<script>document.write(\'<link rel="feed" href="/x">\')</script>', []),
    ],
)
def test_what_a_page_names_as_its_feeds(markup: str, found: list[str]) -> None:
    assert linked(markup) == found


def test_links_are_joined_to_the_base_of_the_page_and_named_once() -> None:
    feed = '<link rel="feed" href="f.xml" title="  World &amp; more ">'
    assert linked(feed + feed, head='<base href="https://cdn.example/a/">') == ["https://cdn.example/a/f.xml"]
    (one,) = page_candidates(feed.encode(), None, PAGE_URL)
    assert (one.title, one.found_by) == ("World & more", FoundBy.LINK)


@pytest.mark.parametrize(
    "page", ["<a " * 300_000, "<!--" * 250_000, "<script>" * 120_000, '<link rel="' * 90_000, "<a x=" * 200_000]
)
def test_a_page_made_to_be_slow_is_looked_through_in_a_second_of_cpu_time_or_two(page: str) -> None:
    started_s = process_time()
    assert page_candidates(page.encode(), None, PAGE_URL) == ()
    assert process_time() - started_s < 5.0


def test_sitemaps_come_from_robots_txt_and_from_usual_places_only_without_it() -> None:
    robots = "User-agent: *\nDisallow:\nSiteMap : https://wire.example/news.xml\r\nsitemap:/b.xml.gz # packed\n"
    named = sitemap_candidates(robots, PAGE_URL)
    assert [(one.url, one.found_by) for one in named] == [
        ("https://wire.example/news.xml", FoundBy.ROBOTS),
        ("https://wire.example/b.xml.gz", FoundBy.ROBOTS),
    ]
    assert {one.found_by for one in sitemap_candidates(None, PAGE_URL)} == {FoundBy.PATH}


def test_usual_paths_are_tried_below_the_page_and_at_the_root_once_each() -> None:
    urls = [one.url for one in path_candidates("https://wire.example/world/asia/index.html")]
    assert urls[0] == "https://wire.example/world/asia/feed/"
    assert "https://wire.example/rss.xml" in urls
    assert len(urls) == len(set(urls))
    assert all(one.url.startswith("https://wire.example/") for one in path_candidates("https://wire.example"))


# ---------------------------------------------------------------------------------------------------------- advice


def examined(url: str, body: bytes | None, found_by: FoundBy = FoundBy.LINK) -> Examined:
    read = reading(body) if body is not None else None
    return Examined(Candidate(url, found_by), url, read)


def advised(*found: Examined) -> dict[str, Advice]:
    return {one.examined.candidate.url: one.advice for one in advise(found, NOW)}


def test_each_candidate_has_its_advice() -> None:
    told = advised(
        examined("https://wire.example/all", rss(item(1, FRESH), item(2, FRESH))),
        examined("https://wire.example/world", rss(item(1, FRESH))),
        examined("https://wire.example/comments/feed", rss(item(3, FRESH))),
        examined("https://wire.example/old", rss(item(4, "<pubDate>Fri, 01 May 2026 10:00:00 GMT</pubDate>"))),
        examined("https://wire.example/empty", rss()),
        examined("https://wire.example/page", b"<html><body>Sign in</body></html>"),
        examined("https://wire.example/away", None),
    )
    assert told == {
        "https://wire.example/all": Advice.ADD,
        "https://wire.example/world": Advice.SAME,
        "https://wire.example/comments/feed": Advice.COMMENTS,
        "https://wire.example/old": Advice.STALE,
        "https://wire.example/empty": Advice.EMPTY,
        "https://wire.example/page": Advice.NOT_A_FEED,
        "https://wire.example/away": Advice.UNREACHABLE,
    }
    assert set(ADVICE) == set(Advice)


def index(*names: str) -> bytes:
    listed = "".join(f"<sitemap><loc>https://wire.example/{name}</loc></sitemap>" for name in names)
    return f"<sitemapindex>{listed}</sitemapindex>".encode()


NEWS = (
    b"<urlset xmlns:news='n'><url><loc>https://wire.example/9</loc><news:news><news:title>T</news:title>"
    b"<news:publication_date>2026-11-22T17:00:00Z</news:publication_date></news:news></url></urlset>"
)
PAGES = b"<urlset><url><loc>https://wire.example/contact</loc></url></urlset>"


def test_an_index_is_added_in_place_of_the_news_sitemaps_that_it_lists() -> None:
    told = advised(
        examined("https://wire.example/index.xml", index("news.xml", "pages.xml")),
        examined("https://wire.example/news.xml", NEWS, FoundBy.INDEX),
        examined("https://wire.example/pages.xml", PAGES, FoundBy.INDEX),
    )
    assert list(told.values()) == [Advice.ADD, Advice.COVERED, Advice.NOT_A_FEED]


def test_an_index_without_news_is_left() -> None:
    told = advised(
        examined("https://wire.example/index.xml", index("pages.xml")),
        examined("https://wire.example/pages.xml", PAGES, FoundBy.INDEX),
    )
    assert told["https://wire.example/index.xml"] is Advice.NO_NEWS


def test_a_feed_that_two_addresses_lead_to_is_added_once() -> None:
    there = "https://wire.example/feed.xml"
    body = rss(item(1, FRESH))
    one = Examined(Candidate(there, FoundBy.LINK), there, reading(body))
    other = Examined(Candidate("https://wire.example/rss", FoundBy.PATH), there, reading(body))
    assert [told.advice for told in advise([one, other], NOW)] == [Advice.ADD, Advice.SAME]

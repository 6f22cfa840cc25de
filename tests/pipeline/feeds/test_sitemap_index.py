from __future__ import annotations

from datetime import timedelta

import pytest
from feed_samples import NOW, failure, not_modified, page, reading, state

from pipeline.feeds import body_digest, request_headers
from pipeline.feeds.sitemapindex import (
    LISTED_MAX,
    IndexedSitemap,
    SitemapsRead,
    due_sitemaps,
    is_due,
    is_named_news,
    plan_index,
)
from pipeline.outcomes import PollOutcome, Reason

DAY = timedelta(days=1)
BODY = b"<sitemapindex><sitemap><loc>https://wire.example/a.xml</loc></sitemap></sitemapindex>"


def sitemap(
    name: str = "a.xml", read_ago: timedelta | None = None, lastmod_ago: timedelta | None = None, **more: object
) -> IndexedSitemap:
    read_at = None if read_ago is None else NOW - read_ago
    due = more.pop("due_in", None)
    facts = {"next_poll_at": NOW + due} if isinstance(due, timedelta) else {}
    facts |= {name: more.pop(name) for name in ("error_count", "known_entries") if name in more}
    one = state(url=f"https://wire.example/{name}", last_polled_at=read_at, last_success_at=read_at, **facts)
    lastmod = None if lastmod_ago is None else NOW - lastmod_ago
    given = {"lastmod": lastmod, "read_lastmod": lastmod if read_ago is not None else None}
    given |= {"has_news": True if read_ago is not None else None}
    return IndexedSitemap(one, **(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "due"),
    [
        (sitemap(), True),
        (sitemap(lastmod_ago=DAY), True),
        (sitemap(lastmod_ago=40 * DAY), False),
        (sitemap("news.xml", lastmod_ago=40 * DAY), True),
        (sitemap(read_ago=timedelta(minutes=10), lastmod_ago=timedelta(hours=1)), False),
        (sitemap(read_ago=timedelta(minutes=10), lastmod_ago=timedelta(0), read_lastmod=NOW - DAY), True),
        (sitemap(read_ago=2 * DAY, lastmod_ago=3 * DAY), True),
        (sitemap(read_ago=2 * DAY, lastmod_ago=40 * DAY), False),
        (sitemap(read_ago=timedelta(hours=1), due_in=timedelta(minutes=5)), False),
        (sitemap(read_ago=timedelta(hours=1), due_in=-timedelta(minutes=5)), True),
        (sitemap("news.xml", read_ago=timedelta(hours=1), lastmod_ago=DAY, due_in=-timedelta(minutes=5)), True),
        (sitemap(read_ago=2 * DAY, has_news=False), False),
        (sitemap(read_ago=8 * DAY, has_news=False), True),
        (sitemap(read_ago=2 * DAY, lastmod_ago=timedelta(0), read_lastmod=NOW - 3 * DAY, has_news=False), True),
        (sitemap(read_ago=timedelta(hours=1), lastmod_ago=timedelta(0), read_lastmod=NOW - DAY, has_news=False), False),
        (sitemap(read_ago=timedelta(hours=1), error_count=1, due_in=timedelta(minutes=5)), False),
        (sitemap(read_ago=timedelta(hours=1), error_count=1, due_in=-timedelta(minutes=5)), True),
        (sitemap(read_ago=-timedelta(hours=1)), True),
    ],
)  # fmt: skip
def test_when_a_sitemap_of_an_index_is_due(one: IndexedSitemap, due: bool) -> None:
    assert is_due(one, NOW) is due


def test_what_is_new_or_changed_is_read_first_then_who_waits_longest() -> None:
    known = [sitemap(f"k{n}.xml", read_ago=n * timedelta(hours=1), due_in=timedelta(0), position=n) for n in (1, 2)]
    fresh = [sitemap(f"n{n}.xml", position=9 - n) for n in (1, 2)]
    assert [one.url[-6:] for one in due_sitemaps([*known, *fresh], NOW)] == ["n2.xml", "n1.xml", "k2.xml", "k1.xml"]


@pytest.mark.parametrize(
    ("url", "is_news"),
    [
        ("https://wire.example/news-sitemap.xml", True),
        ("https://wire.example/sitemap_news.xml", True),
        ("https://wire.example/sitemap.xml?type=news", True),
        ("https://news.wire.example/sitemap.xml", False),
        ("https://wire.example/newsletter.xml", False),
    ],
)
def test_a_sitemap_is_news_by_its_path_and_not_by_its_host(url: str, is_news: bool) -> None:
    assert is_named_news(url) is is_news


def test_an_index_keeps_the_newest_of_more_than_it_may_list_and_refuses_other_sites() -> None:
    listed = "".join(
        f"<sitemap><loc>https://wire.example/{n}.xml</loc><lastmod>{at.isoformat()}</lastmod></sitemap>"
        for n, at in enumerate(NOW - n * timedelta(hours=1) for n in range(LISTED_MAX + 7))
    )
    other = (
        "<sitemap><loc>https://other.example/news.xml</loc></sitemap><sitemap><loc>file:///etc/passwd</loc></sitemap>"
    )
    read = reading(f"<sitemapindex>{other}{listed}</sitemapindex>".encode())
    assert (len(read.children), read.refused, read.beyond_cap) == (LISTED_MAX, 9, 0)
    assert read.children[0].url == "https://wire.example/0.xml"
    assert read.problem is None


def test_an_index_of_other_sites_alone_is_no_feed() -> None:
    body = b"<sitemapindex><sitemap><loc>https://other.example/a.xml</loc></sitemap></sitemapindex>"
    assert reading(body).problem == "This index lists no sitemap of its own site."
    assert reading(b"<sitemapindex></sitemapindex>").problem == "This index lists no sitemaps."


def test_a_poll_of_an_index_comes_back_soon_while_sitemaps_are_left() -> None:
    read = SitemapsRead(3, (sitemap("a.xml", read_ago=timedelta(0), known_entries=3), sitemap("b.xml")))
    plan = plan_index(state(), page(BODY, etag='"i"'), reading(BODY), read, NOW, 0.5)
    assert plan.state.next_poll_at == NOW + timedelta(seconds=126)
    assert (plan.state.is_index, plan.state.etag, plan.state.known_entries) == (True, '"i"', 3)
    assert (plan.state.last_new_at, plan.listed, plan.outcome) == (NOW, None, PollOutcome.NOTHING_NEW)


def test_an_unchanged_index_is_polled_again_when_the_first_of_its_sitemaps_is_due() -> None:
    before = state(
        is_index=True, etag='"i"', last_unconditional_at=NOW, interval_s=3600.0, body_sha256=body_digest(BODY)
    )
    assert request_headers(before, NOW) == (("If-None-Match", '"i"'),)
    one = sitemap("a.xml", read_ago=timedelta(minutes=5), due_in=timedelta(minutes=10))
    plan = plan_index(before, not_modified(), None, SitemapsRead(0, (one,)), NOW, 0.5)
    assert plan.state.next_poll_at == NOW + timedelta(minutes=10)
    assert plan.state.is_index


def test_an_index_that_fails_backs_off_like_any_feed() -> None:
    before = state(is_index=True, interval_s=900.0)
    plan = plan_index(before, failure(Reason.SERVER_ERROR), None, SitemapsRead(0, (sitemap(),)), NOW, 0.5)
    assert (plan.reason, plan.state.error_count) == (Reason.SERVER_ERROR, 1)
    assert plan.state.next_poll_at == NOW + timedelta(seconds=1800)
    assert plan.state._replace(error_count=0, next_poll_at=None, last_polled_at=None) == before

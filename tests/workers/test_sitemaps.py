"""Indexes of sitemaps over real HTTP, a real reading child and both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from scripted_origin import Answer, ScriptedOrigin, scripted_origin
from sqlalchemy import Engine, select, update
from test_poller import add_wire, counts, feed, poll_once, polling

from pipeline.feeds.sitemapindex import READ_MAX
from pipeline.outcomes import PollOutcome
from pipeline.store import feeds as feed_store
from pipeline.store import schema
from workers.child import ReadingChild
from workers.process import utc_now

FEED = "http://wire.example/feed.xml"


def index(*sitemaps: tuple[str, str | None], etag: str | None = None) -> Answer:
    listed = "".join(
        f"<sitemap><loc>http://wire.example/{name}</loc>{f'<lastmod>{mod}</lastmod>' if mod else ''}</sitemap>"
        for name, mod in sitemaps
    )
    return Answer(f"<sitemapindex>{listed}</sitemapindex>", content_type="application/xml", etag=etag)


def news(*names: object, etag: str | None = None) -> Answer:
    urls = "".join(
        f"<url><loc>http://wire.example/story/{name}</loc><news:news><news:title>{name}</news:title></news:news></url>"
        for name in names
    )
    return Answer(f"<urlset xmlns:news='n'>{urls}</urlset>", content_type="application/xml", etag=etag)


PAGES = Answer("<urlset><url><loc>http://wire.example/contact</loc></url></urlset>", content_type="application/xml")


def day(ago: int) -> str:
    return (utc_now() - timedelta(days=ago)).strftime("%Y-%m-%d")


def play(
    engine: Engine,
    runner: asyncio.Runner,
    child: ReadingChild,
    answers: dict[str, Answer | Callable[[], Answer]],
    polls: int = 1,
) -> ScriptedOrigin:
    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            for _ in range(polls):
                with engine.begin() as connection:
                    feed_store.make_feeds_due(connection, utc_now())
                assert await poll_once(poller) == 1

    with scripted_origin(answers) as origin:
        runner.run(scene(origin))
    return origin


def make_sitemaps_due(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(schema.indexed_sitemaps).values(next_poll_at=utc_now()))


def urls(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {url.rpartition("/")[2] for url in connection.execute(select(schema.urls.c.url)).scalars()}


def test_the_sitemaps_of_an_index_are_polls_of_the_index_and_pages_are_no_news(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)
    names = [("pages.xml", day(0)), ("2026.xml", day(1)), ("news.xml", None)]
    answers: dict[str, Answer | Callable[[], Answer]] = {
        FEED: index(*names, etag='"i"'),
        "http://wire.example/news.xml": news(1, 2, etag='"n"'),
        "http://wire.example/2026.xml": news(2, 3),
        "http://wire.example/pages.xml": PAGES,
    }
    origin = play(engine, runner, child, answers)
    assert [url.rpartition("/")[2] for url in origin.asked] == ["feed.xml", "news.xml", "pages.xml", "2026.xml"]
    assert urls(engine) == {"1", "2", "3"}
    after = feed(engine)
    assert (after.is_index, after.lease_token, after.etag, after.known_entries) == (True, None, '"i"', 4)
    assert after.last_new_at is not None
    with engine.connect() as connection:
        polls = connection.execute(select(schema.feed_polls).order_by(schema.feed_polls.c.id)).all()
    assert [(poll.outcome, poll.new_urls, poll.reason) for poll in polls] == [
        (PollOutcome.NEW_ENTRIES, 2, None),
        (PollOutcome.NEW_ENTRIES, 1, None),
        (PollOutcome.NOTHING_NEW, 0, None),
    ]


def test_the_next_poll_asks_with_each_sitemaps_own_validators_and_reads_what_changed(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)
    answers: dict[str, Answer | Callable[[], Answer]] = {
        FEED: index(("news.xml", None), ("a.xml", day(2)), ("b.xml", day(2)), etag='"i"'),
        "http://wire.example/news.xml": news(1, etag='"n"'),
        "http://wire.example/a.xml": news(2, etag='"a"'),
        "http://wire.example/b.xml": news(3, etag='"b"'),
    }
    play(engine, runner, child, answers)
    make_sitemaps_due(engine)
    answers[FEED] = index(("news.xml", None), ("a.xml", day(0)), ("b.xml", day(2)), etag='"j"')
    answers["http://wire.example/a.xml"] = news(2, 4, etag='"a2"')
    origin = play(engine, runner, child, answers)
    assert [(url.rpartition("/")[2], headers.get("if-none-match")) for url, headers in origin.requests] == [
        ("feed.xml", '"i"'),
        ("a.xml", '"a"'),
        ("news.xml", '"n"'),
    ]
    assert urls(engine) == {"1", "2", "3", "4"}


def test_sitemaps_beyond_the_bound_wait_for_the_next_poll_and_none_is_lost_or_read_twice(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)
    count = READ_MAX * 2 + 3
    answers: dict[str, Answer | Callable[[], Answer]] = {
        FEED: index(*((f"{n}.xml", day(1)) for n in range(count)), etag='"i"'),
        **{f"http://wire.example/{n}.xml": news(n) for n in range(count)},
    }
    play(engine, runner, child, answers)
    assert len(urls(engine)) == READ_MAX
    assert feed(engine).next_poll_at - utc_now() < timedelta(seconds=140)
    origin = play(engine, runner, child, answers, polls=3)
    assert len(urls(engine)) == count
    assert len(origin.asked) == len(set(origin.asked)) + 2, "the index three times, each sitemap once"


def test_a_sitemap_that_fails_is_a_failed_poll_with_its_name_and_does_not_stop_the_others(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)
    answers: dict[str, Answer | Callable[[], Answer]] = {
        FEED: index(("gone.xml", day(0)), ("a.xml", day(1))),
        "http://wire.example/a.xml": news(1),
    }
    play(engine, runner, child, answers)
    assert urls(engine) == {"1"}
    after = feed(engine)
    assert (after.error_count, after.last_outcome) == (0, PollOutcome.NOTHING_NEW)
    with engine.connect() as connection:
        detail = connection.execute(
            select(schema.feed_polls.c.detail).where(schema.feed_polls.c.outcome == PollOutcome.FAILED)
        ).scalar_one()
    assert "gone.xml" in detail


def test_an_index_within_an_index_and_another_site_are_not_followed(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)
    inner = index(("deep.xml", None))
    foreign = "<sitemap><loc>http://other.example/news.xml</loc></sitemap>"
    outer = Answer(index(("inner.xml", None)).body.replace("</sitemapindex>", f"{foreign}</sitemapindex>"))
    origin = play(engine, runner, child, {FEED: outer, "http://wire.example/inner.xml": inner})
    assert origin.asked == [FEED, "http://wire.example/inner.xml"]
    assert counts(engine)["urls"] == 0


def test_a_poll_of_an_index_whose_lease_was_lost_meanwhile_writes_nothing(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)

    def taken_by_another() -> Answer:
        with engine.begin() as connection:
            connection.execute(update(schema.feeds).values(lease_token="another"))
        return news(1)

    play(engine, runner, child, {FEED: index(("a.xml", None)), "http://wire.example/a.xml": taken_by_another})
    assert counts(engine) == {"urls": 0, "feed_listings": 0, "feed_polls": 0}
    assert feed(engine).lease_token == "another"


@pytest.mark.parametrize("after", ["feed", "page"])
def test_an_index_that_becomes_something_else_is_taken_for_what_it_is(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, after: str
) -> None:
    add_wire(engine)
    play(engine, runner, child, {FEED: index(("a.xml", None)), "http://wire.example/a.xml": news(1)})
    other = news(7) if after == "feed" else Answer("<html>Moved</html>")
    play(engine, runner, child, {FEED: other})
    assert feed(engine).is_index is (after == "page"), "what is no feed changes nothing that was remembered"
    assert urls(engine) == ({"1", "7"} if after == "feed" else {"1"})

"""A feed's body and what SQL knows of its entries: what was listed once is known, whatever is listed now (P4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import Engine, insert
from store_builders import add_feed

from pipeline.feeds import read_feed
from pipeline.feeds.entries import ENTRIES_MAX
from pipeline.store import schema
from pipeline.values import FeedState, FetchedPage
from workers.bodies import FeedBodies
from workers.child import ReadingChild
from workers.process import utc_now

FEED = "https://wire.example/feed.xml"


def listing(numbers: range) -> bytes:
    items = "".join(f"<item><title>T {n}</title><link>https://wire.example/{n}</link></item>" for n in numbers)
    return f"<rss version='2.0'><channel><title>Wire</title>{items}</channel></rss>".encode()


def listed_before(engine: Engine, body: bytes, *, is_listed: bool) -> FeedState:
    """A feed that listed these entries at some time."""
    now = utc_now()
    entries = read_feed(body, None, FEED, now).entries
    with engine.begin() as connection:
        state = add_feed(connection, FEED)
        connection.execute(
            insert(schema.feed_listings),
            [
                {"feed_id": state.id, "entry_key": entry.key, "entry_version": entry.version, "is_listed": is_listed}
                | {"first_seen_at": now - timedelta(days=400), "last_seen_at": now - timedelta(days=1)}
                for entry in entries
            ],
        )
    return state


def page(body: bytes) -> FetchedPage:
    return FetchedPage(FEED, FEED, 200, (), body, utc_now(), 0.0)


def test_an_entry_that_left_the_feed_and_comes_back_is_known(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    state = listed_before(engine, listing(range(3)), is_listed=False)
    feed, known = runner.run(FeedBodies(engine, child).read_known(page(listing(range(1, 5))), state))
    assert [entry.key in known for entry in feed.entries] == [True, True, False, False]
    assert {known[entry.key] == entry.version for entry in feed.entries[:2]} == {True}


def test_what_a_cut_off_body_does_not_show_is_known_as_long_as_it_is_listed(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    state = listed_before(engine, listing(range(3)), is_listed=True)
    _, known = runner.run(FeedBodies(engine, child).read_known(page(listing(range(2, 4))), state))
    assert len(known) == 3


def test_entries_beyond_the_cap_are_read_though_all_before_them_were_listed_long_ago(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    state = listed_before(engine, listing(range(ENTRIES_MAX)), is_listed=False)
    feed, known = runner.run(FeedBodies(engine, child).read_known(page(listing(range(ENTRIES_MAX + 30))), state))
    assert feed.beyond_cap == 0
    assert sum(entry.key not in known for entry in feed.entries) == 30

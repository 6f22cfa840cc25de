"""The poller over real HTTP, a real reading child and both databases (P4, P7, P9, P16)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from scripted_origin import Answer, ScriptedOrigin, scripted_origin, wait_until
from sqlalchemy import Engine, Row, event, func, select, text, update
from store_builders import add_feed

from pipeline.outcomes import FeedStatus, PollOutcome, Reason, UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import schema
from workers import poller as poller_module
from workers.child import ReadingChild
from workers.database import open_engine
from workers.gate import SqlGate
from workers.http import HttpClient
from workers.http.room import SMALL_BYTES
from workers.policy import http_policy
from workers.poller import Poller
from workers.process import utc_now
from workers.settings import load_settings

FEED = "http://wire.example/feed.xml"
ITEMS = "".join(
    f"<item><title>Report {n}</title><link>http://www.wire.example/story/{n}</link><guid>{n}</guid></item>"
    for n in (1, 2, 3)
)
RSS = Answer(f"<rss version='2.0'><channel><title>Wire</title>{ITEMS}</channel></rss>", etag='"v1"')

Scene = Callable[[Poller], Awaitable[None]]


@asynccontextmanager
async def polling(engine: Engine, origin: ScriptedOrigin, child: ReadingChild, **more: object) -> AsyncIterator[Poller]:
    settings = load_settings(http_proxy=origin.proxy_url, host_delay_s=0, tick_s=0.05, **more)
    gate = SqlGate(engine, 0)
    async with HttpClient(http_policy(settings), gate, utc_now) as http:
        yield Poller(engine, http, gate, child, settings)


async def poll_once(poller: Poller) -> int:
    """One step of the poller, to the end of the polls it started."""
    started = await poller.step()
    await poller.idle()
    return started


def add_wire(engine: Engine, *urls: str) -> None:
    with engine.begin() as connection:
        for url in urls or (FEED,):
            add_feed(connection, url)


def feed(engine: Engine) -> Row[tuple[object, ...]]:
    with engine.connect() as connection:
        return connection.execute(select(schema.feeds)).one()


def counts(engine: Engine) -> dict[str, int]:
    """Rows of what a poll writes."""
    tables = (schema.urls, schema.feed_listings, schema.feed_polls)
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        }


NOTHING = {"urls": 0, "feed_listings": 0, "feed_polls": 0}


def test_a_poll_writes_urls_listing_validators_and_its_own_row_and_the_next_is_a_304(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            assert await poll_once(poller) == 1
            after_first = feed(engine)
            assert counts(engine) == {"urls": 3, "feed_listings": 3, "feed_polls": 1}
            assert (after_first.etag, after_first.known_entries, after_first.lease_token) == ('"v1"', 3, None)
            assert after_first.next_poll_at > utc_now()
            assert await poll_once(poller) == 0, "it is not due"
            with engine.begin() as connection:
                feed_store.make_feeds_due(connection, utc_now())
            await poll_once(poller)

    with scripted_origin({FEED: RSS}) as origin:
        runner.run(scene(origin))
    assert [headers.get("if-none-match") for _, headers in origin.requests] == [None, '"v1"']
    assert counts(engine) == {"urls": 3, "feed_listings": 3, "feed_polls": 2}
    with engine.connect() as connection:
        polls = connection.execute(select(schema.feed_polls).order_by(schema.feed_polls.c.id)).all()
        urls = connection.execute(select(schema.urls).order_by(schema.urls.c.url)).all()
    assert [(poll.outcome, poll.http_status, poll.new_urls) for poll in polls] == [
        (PollOutcome.NEW_ENTRIES, 200, 3),
        (PollOutcome.NOT_MODIFIED, 304, 0),
    ]
    assert [(url.url, url.state, url.entry_title) for url in urls] == [
        (f"http://www.wire.example/story/{n}", UrlState.WAITING, f"Report {n}") for n in (1, 2, 3)
    ]


def test_many_polls_with_news_open_no_connection_for_a_single_transaction(
    sqlite_url: str, runner: asyncio.Runner, child: ReadingChild
) -> None:
    engine, opened = open_engine(sqlite_url), []
    before = engine.pool.checkedin()  # type: ignore[attr-defined]
    event.listen(engine, "connect", lambda *each: opened.append(each))
    wires = {f"http://wire{n}.example/feed.xml": replace(RSS, etag=f'"{n}"') for n in range(40)}
    add_wire(engine, *wires)

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child, poll_concurrency=40) as poller:
            assert await poll_once(poller) == 40

    with scripted_origin(wires) as origin:
        runner.run(scene(origin))
    assert counts(engine)["feed_polls"] == 40
    # All that were opened are kept for the next.
    assert len(opened) == engine.pool.checkedin() - before  # type: ignore[attr-defined]
    engine.dispose()


def test_large_feeds_take_turns_and_one_that_is_no_feed_keeps_no_room(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "_LARGE_BODIES", 1)
    padding = f"<!--{'x' * SMALL_BYTES}-->"
    wires: dict[str, Answer] = {f"http://wire{n}.example/feed.xml": replace(RSS, etag=None) for n in range(4)}
    for url in [*wires][:3]:
        wires[url] = replace(RSS, body=RSS.body + padding, etag=None)
    wires["http://page.example/feed.xml"] = Answer("<html><h1>Moved house</h1></html>" + padding)
    add_wire(engine, *wires)

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            assert await asyncio.wait_for(poll_once(poller), 60) == 5

    with scripted_origin(wires) as origin:
        runner.run(scene(origin))
    with engine.connect() as connection:
        rows = connection.execute(select(schema.feeds.c.url, schema.feeds.c.last_outcome)).all()
    assert {row.url: row.last_outcome for row in rows} == {
        url: PollOutcome.NOT_A_FEED if "page" in url else PollOutcome.NEW_ENTRIES for url in wires
    }


@pytest.mark.parametrize("etag", ['"v1"', None], ids=["a 304", "the body of last time"])
def test_an_answer_without_news_is_written_without_the_reading_child(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, etag: str | None
) -> None:
    add_wire(engine)

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            await poll_once(poller)
        with engine.begin() as connection:
            feed_store.make_feeds_due(connection, utc_now())
        async with polling(engine, origin, ReadingChild(command=("/nowhere",))) as poller:
            await poll_once(poller)

    with scripted_origin({FEED: replace(RSS, etag=etag)}) as origin:
        runner.run(scene(origin))
    outcome = PollOutcome.NOT_MODIFIED if etag else PollOutcome.SAME_BODY
    assert (feed(engine).last_outcome, feed(engine).lease_token) == (outcome, None)
    assert counts(engine)["feed_polls"] == 2


def test_a_poll_whose_lease_was_lost_meanwhile_writes_nothing(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)

    def taken_by_another() -> Answer:
        with engine.begin() as connection:
            connection.execute(update(schema.feeds).values(lease_token="another"))
        return RSS

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            assert await poll_once(poller) == 1

    with scripted_origin({FEED: taken_by_another}) as origin:
        runner.run(scene(origin))
    assert counts(engine) == NOTHING
    assert (feed(engine).lease_token, feed(engine).etag) == ("another", None)


def test_a_poll_that_fails_by_our_own_fault_writes_nothing_and_is_repeated_soon(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    """Its last statement fails: what the ones before it wrote must not stand."""
    add_wire(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE feed_polls RENAME TO away"))

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child, retry_base_s=15) as poller:
            await poll_once(poller)

    with scripted_origin({FEED: RSS}) as origin:
        runner.run(scene(origin))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO feed_polls"))
    assert counts(engine) == NOTHING
    after = feed(engine)
    assert (after.etag, after.lease_token, after.error_count, after.status) == (None, None, 0, FeedStatus.ACTIVE)
    assert utc_now() < after.next_poll_at <= utc_now() + timedelta(seconds=15)


def test_a_page_in_place_of_a_feed_and_a_404_are_polls_with_a_reason(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine, "http://a.example/feed.xml", "http://b.example/feed.xml")

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            assert await poll_once(poller) == 2

    with scripted_origin(
        {"http://a.example/feed.xml": Answer("<html><h1>Moved house</h1></html>", etag='"x"')}
    ) as origin:
        runner.run(scene(origin))
    with engine.connect() as connection:
        rows = connection.execute(select(schema.feeds).order_by(schema.feeds.c.url)).all()
    assert [(row.last_outcome, row.error_count, row.etag) for row in rows] == [
        (PollOutcome.NOT_A_FEED, 1, None),
        (PollOutcome.FAILED, 1, None),
    ]
    assert rows[1].last_reason == Reason.NOT_FOUND
    assert counts(engine)["urls"] == 0


def test_a_feed_that_asks_for_patience_holds_its_host_for_everybody(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            await poll_once(poller)

    with scripted_origin({FEED: Answer("Later", status=429, headers={"Retry-After": "600"})}) as origin:
        runner.run(scene(origin))
    with engine.connect() as connection:
        until = connection.execute(select(schema.hosts.c.down_until)).scalar_one()
    assert timedelta(seconds=590) < until - utc_now() <= timedelta(seconds=600)


def test_a_poll_goes_through_the_gate_with_its_claim_and_gives_its_slot_back(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild
) -> None:
    add_wire(engine)

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            entered: list[str] = []
            enter = poller._gate.enter

            async def counted(host: str) -> object:
                entered.append(host)
                return await enter(host)

            poller._gate.enter = counted  # type: ignore[method-assign, assignment]
            assert await poll_once(poller) == 1
            assert entered == []
            with engine.connect() as connection:
                host = connection.execute(select(schema.hosts)).one()
            assert (host.host, host.slot_a_token, host.slot_b_token) == ("wire.example", None, None)

    with scripted_origin({FEED: RSS}) as origin:
        runner.run(scene(origin))
    assert len(origin.requests) == 1


def test_two_pollers_at_once_poll_each_feed_once(engine: Engine, runner: asyncio.Runner, child: ReadingChild) -> None:
    feeds = [f"http://wire{n}.example/feed.xml" for n in range(6)]
    add_wire(engine, *feeds)

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as one, polling(engine, origin, child) as other:
            await asyncio.gather(poll_once(one), poll_once(other))
            await asyncio.gather(poll_once(one), poll_once(other))

    with scripted_origin(dict.fromkeys(feeds, RSS)) as origin:
        runner.run(scene(origin))
    assert sorted(origin.asked) == feeds
    assert counts(engine)["urls"] == 3, "six feeds announced the same three pages"


async def stopped_while_polling(poller: Poller, is_asked: Callable[[], bool], then: Callable[[], None]) -> None:
    """Run the poller until its request is on the way, then stop it as SIGTERM does, and call `then`."""
    stop = asyncio.Event()
    running = asyncio.create_task(poller.run(stop))
    await asyncio.to_thread(wait_until, is_asked)
    stop.set()
    then()
    await asyncio.wait_for(running, 30)


def test_a_stop_lets_the_poll_in_flight_end(engine: Engine, runner: asyncio.Runner, child: ReadingChild) -> None:
    add_wire(engine)
    released = threading.Event()

    def slow() -> Answer:
        assert released.wait(20)
        return RSS

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            await stopped_while_polling(poller, lambda: bool(origin.asked), released.set)

    with scripted_origin({FEED: slow}) as origin:
        runner.run(scene(origin))
    assert counts(engine) == {"urls": 3, "feed_listings": 3, "feed_polls": 1}


def test_a_stop_gives_a_feed_back_whose_server_does_not_answer_in_time(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "FINISH_S", 0.1)
    add_wire(engine)
    before = feed(engine)
    released = threading.Event()

    def silent() -> Answer:
        released.wait(20)
        return RSS

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child) as poller:
            await stopped_while_polling(poller, lambda: bool(origin.asked), lambda: None)
        released.set()

    with scripted_origin({FEED: silent}) as origin:
        runner.run(scene(origin))
    assert counts(engine) == NOTHING
    assert feed(engine) == before, "as if it had never been taken"
    with engine.connect() as connection:
        assert connection.execute(select(schema.hosts.c.slot_a_token)).scalars().all() == [None]


def test_a_slow_poll_keeps_its_lease(engine: Engine, runner: asyncio.Runner, child: ReadingChild) -> None:
    add_wire(engine)
    leases: list[object] = []

    def slow() -> Answer:
        leases.append(feed(engine).lease_until)
        wait_until(lambda: feed(engine).lease_until > leases[0])
        leases.append(feed(engine).lease_until)
        return RSS

    async def scene(origin: ScriptedOrigin) -> None:
        async with polling(engine, origin, child, lease_s=2) as poller:
            await stopped_while_polling(poller, lambda: len(leases) == 2, lambda: None)

    with scripted_origin({FEED: slow}) as origin:
        runner.run(scene(origin))
    assert len(leases) == 2
    assert counts(engine)["urls"] == 3

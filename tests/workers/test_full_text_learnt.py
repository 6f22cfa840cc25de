"""A feed is learnt to carry whole stories: polled, its pages compared, then believed, and its pages left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from scripted_origin import Answer, ScriptedOrigin, scripted_origin
from sqlalchemy import Engine, select
from test_poller import FEED, add_wire, feed, poll_once

from pipeline.feeds.fulltext import AGREED_MIN, PROBE_EVERY
from pipeline.outcomes import UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import ledger, schema
from workers.archive import Archive
from workers.child import ReadingChild
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import HttpClient, RobotsBook
from workers.policy import http_policy
from workers.poller import Poller
from workers.process import utc_now
from workers.reader import Reader
from workers.settings import load_settings


def is_drawn(guid: str) -> bool:
    """Whether this entry is one of those that are compared for ever."""
    return int(sha256(guid.encode()).hexdigest()[:8], 16) % PROBE_EVERY == 0


NAMES = [name for n in range(40) if not is_drawn(name := f"s{n}")][: AGREED_MIN + 1]


def paragraphs(name: str) -> str:
    said = "The ministry said that the talks about the border would go on in the spring, after months of silence"
    return "".join(f"<p>{said}, part {n} of report {name}, an official added on {n} May.</p>" for n in range(8))


def listing(names: list[str], body: Callable[[str], str]) -> Answer:
    items = "".join(
        f"<item><title>Report {n}</title><link>http://wire.example/{n}</link><guid isPermaLink='false'>{n}</guid>"
        f"<content:encoded><![CDATA[{body(n)}]]></content:encoded></item>"
        for n in names
    )
    space = "xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    return Answer(f"<rss version='2.0' {space}><channel><title>Wire</title>{items}</channel></rss>")


def page(name: str) -> Answer:
    return Answer(
        f"<!doctype html><html><head><title>Report {name}</title></head><body><article><h1>Report {name}</h1>"
        f"{paragraphs(name)}</article></body></html>"
    )


def play(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, directory: Path, body: Callable[[str], str]
) -> ScriptedOrigin:
    """Poll and read the first AGREED_MIN stories, then poll and read one more."""

    async def read_all(reader: Reader) -> None:
        while True:
            with engine.begin() as connection:
                due = ledger.lease_due_urls(connection, utc_now(), 10, 60)
            if not due:
                return
            await reader.read_urls([one.url_id for one in due])

    async def scene(origin: ScriptedOrigin) -> None:
        settings = load_settings(http_proxy=origin.proxy_url, host_delay_s=0, data_dir=directory)
        archive = Archive(settings.archive_dir, "test")
        gate = SqlGate(engine, 0)
        async with HttpClient(http_policy(settings), gate, utc_now) as http:
            reader = Reader(engine, http, RobotsBook(SqlRobotsStore(engine), "frontwire"), child, archive, settings)
            poller = Poller(engine, http, gate, child, settings)
            for count in (AGREED_MIN, AGREED_MIN + 1):
                origin.answers[FEED] = listing(NAMES[:count], body)
                with engine.begin() as connection:
                    feed_store.make_feeds_due(connection, utc_now())
                assert await poll_once(poller) == 1
                await read_all(reader)
        archive.close()

    with scripted_origin({f"http://wire.example/{name}": page(name) for name in NAMES}) as origin:
        runner.run(scene(origin))
    return origin


def states(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(schema.urls.c.state)).scalars())


def asked_pages(origin: ScriptedOrigin) -> set[str]:
    return {url.rpartition("/")[2] for url in origin.asked} & set(NAMES)


def test_a_feed_whose_text_was_that_of_three_pages_is_believed_and_its_next_page_is_not_fetched(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    add_wire(engine)
    origin = play(engine, runner, child, tmp_path, paragraphs)
    assert feed(engine).full_text_agreed == AGREED_MIN
    assert asked_pages(origin) == set(NAMES[:AGREED_MIN])
    assert states(engine) == [UrlState.STORED] * len(NAMES)


def test_a_feed_whose_text_is_half_of_its_pages_is_never_believed(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    add_wire(engine)
    origin = play(engine, runner, child, tmp_path, lambda name: "".join(paragraphs(name).partition("part 5")[:1]))
    assert feed(engine).full_text_agreed == -1
    assert asked_pages(origin) == set(NAMES)
    assert states(engine) == [UrlState.STORED] * len(NAMES)

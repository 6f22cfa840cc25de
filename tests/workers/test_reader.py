"""A worker's batch from row ids to outcomes: real HTTP, a real reading child, both databases (P1, P5-P7, P9, P10)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from known_origin import page, paragraphs
from scripted_origin import Answer, ScriptedOrigin, scripted_origin, wait_until
from sqlalchemy import Engine, Row, func, select, text
from store_builders import announce, at, entry, states

from pipeline.outcomes import Reason, UrlState
from pipeline.store import hosts as host_store
from pipeline.store import ledger, schema
from workers import reader as reader_module
from workers.archive import Archive
from workers.child import ReadingChild
from workers.database import open_engine
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import HttpClient, RobotsBook, product_token
from workers.policy import http_policy
from workers.process import Backoff, utc_now
from workers.reader import Reader
from workers.settings import load_settings

STORY = "http://www.one.example/story/1"
OTHER = "http://www.two.example/story/2"
SECRET = "http://www.three.example/private/3"


@asynccontextmanager
async def reading(
    engine: Engine, origin: ScriptedOrigin, child: ReadingChild, directory: Path, **more: object
) -> AsyncIterator[Reader]:
    settings = load_settings(http_proxy=origin.proxy_url, host_delay_s=0, data_dir=directory, **more)
    archive = Archive(settings.archive_dir, "reader-1")
    robots = RobotsBook(SqlRobotsStore(engine), product_token(settings.user_agent))
    async with HttpClient(http_policy(settings), SqlGate(engine, 0), utc_now) as http:
        yield Reader(engine, http, robots, child, archive, settings)
    archive.close()


def queued(engine: Engine, *urls: str) -> list[int]:
    """Announce the pages and put them on the queue; returns their ids in that order."""
    announce(engine, [entry(n, url=url) for n, url in enumerate(urls)])
    return requeued(engine, *urls)


def requeued(engine: Engine, *urls: str) -> list[int]:
    with engine.begin() as connection:
        ledger.lease_due_urls(connection, max(at(), utc_now()), 100, 60.0)
        known = ledger.known_urls(connection, urls)
    return [known[url] for url in urls]


def rows(engine: Engine) -> dict[str, Row[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {row.url: row for row in connection.execute(select(schema.urls))}


def pages_of(origin: ScriptedOrigin) -> list[str]:
    return [url for url in origin.asked if not url.endswith("/robots.txt")]


def test_a_batch_ends_with_an_outcome_for_each_of_its_pages(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY, OTHER, SECRET)
    answers: Mapping[str, Answer] = {
        STORY: Answer(page(1)),
        SECRET: Answer(page(3)),
        "http://www.three.example/robots.txt": Answer("User-agent: *\nDisallow: /private/", content_type="text/plain"),
    }

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            ended = await reader.read_urls(ids)
            assert {outcome.url_id: outcome.reason for outcome in ended} == dict(
                zip(ids, (Reason.NEW, Reason.NOT_FOUND, Reason.ROBOTS_DISALLOWED), strict=True)
            )

    with scripted_origin(answers) as origin:
        runner.run(scene(origin))
    assert sorted(pages_of(origin)) == [STORY, OTHER], "what robots.txt disallows is never asked for"
    ends = {url: (row.state, row.attempts, row.lease_token) for url, row in rows(engine).items()}
    assert ends == {
        STORY: (UrlState.STORED, 1, None),
        OTHER: (UrlState.REJECTED, 1, None),
        SECRET: (UrlState.REJECTED, 1, None),
    }
    with engine.connect() as connection:
        (story,) = connection.execute(select(schema.stories.c.text)).scalars()
        (raw,) = connection.execute(select(schema.pages)).all()
    assert story.split("\n\n") == paragraphs(1)
    assert (tmp_path / "archive" / raw.warc_file).stat().st_size >= raw.warc_offset + raw.warc_length


def test_ids_that_are_unknown_waiting_or_ended_start_nothing(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    announce(engine, [entry(1, url=STORY)])
    (waiting,) = (row.id for row in rows(engine).values())

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            assert await reader.read_urls([]) == []
            assert await reader.read_urls([waiting, 999_999]) == []
            (queued_now,) = requeued(engine, STORY)
            assert len(await reader.read_urls([queued_now])) == 1
            assert await reader.read_urls([queued_now]) == [], "a job that runs again finds nothing to do"

    with scripted_origin({STORY: Answer(page(1))}) as origin:
        runner.run(scene(origin))
    assert pages_of(origin) == [STORY]


def test_two_copies_of_a_job_at_once_fetch_and_store_each_page_once(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY, OTHER)

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            ended = await asyncio.gather(reader.read_urls(ids), reader.read_urls(ids))
            assert sorted(outcome.url_id for part in ended for outcome in part) == sorted(ids)

    with scripted_origin({STORY: Answer(page(1)), OTHER: Answer(page(2))}) as origin:
        runner.run(scene(origin))
    assert sorted(pages_of(origin)) == [STORY, OTHER]
    assert states(engine) == {UrlState.STORED: 2}


def test_a_stop_in_the_middle_of_a_batch_keeps_what_is_read_and_gives_the_rest_back(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "STOP_GRACE_S", 0.2)
    ids = queued(engine, STORY, OTHER)
    released = threading.Event()

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:

            def never_in_time() -> Answer:
                wait_until(lambda: rows(engine)[STORY].state == UrlState.STORED)
                reader.stop()
                released.wait(20)
                return Answer(page(2))

            origin.answers[OTHER] = never_in_time
            (ended,) = await reader.read_urls(ids)
            assert (ended.url_id, ended.reason) == (ids[0], Reason.NEW)
            assert await reader.read_urls(requeued(engine, OTHER)) == [], "no new work after a stop"
        released.set()

    with scripted_origin({STORY: Answer(page(1))}) as origin:
        runner.run(scene(origin))
    given_back = rows(engine)[OTHER]
    assert (given_back.state, given_back.attempts, given_back.reason) == (UrlState.QUEUED, 0, None)
    assert given_back.lease_token is None


def test_a_page_whose_host_rests_is_postponed_without_an_attempt(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY)
    with engine.begin() as connection:
        host_store.hold_host(connection, urlsplit(STORY).hostname or "", utc_now(), 600)

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            await reader.read_urls(ids)

    with scripted_origin({STORY: Answer(page(1))}) as origin:
        runner.run(scene(origin))
    assert origin.asked == []
    waiting = rows(engine)[STORY]
    assert (waiting.state, waiting.reason, waiting.attempts) == (UrlState.WAITING, Reason.THROTTLED, 0)
    assert timedelta(seconds=580) < waiting.due_at - utc_now() <= timedelta(seconds=600)


def test_a_server_that_says_429_costs_an_attempt_and_closes_its_host(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY)

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            await reader.read_urls(ids)

    with scripted_origin({STORY: Answer("Later", status=429, headers={"Retry-After": "600"})}) as origin:
        runner.run(scene(origin))
    waiting = rows(engine)[STORY]
    assert (waiting.state, waiting.reason, waiting.attempts) == (UrlState.WAITING, Reason.THROTTLED, 1)
    assert timedelta(seconds=580) < waiting.due_at - utc_now() <= timedelta(seconds=600)
    with engine.connect() as connection:
        assert connection.execute(select(func.max(schema.hosts.c.down_until))).scalar_one() > utc_now()


def test_a_disk_that_takes_nothing_costs_a_page_no_attempt(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY)
    (tmp_path / "archive").write_text("a file stands where the directory should be")

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            await reader.read_urls(ids)

    with scripted_origin({STORY: Answer(page(1))}) as origin:
        runner.run(scene(origin))
    waiting = rows(engine)[STORY]
    assert (waiting.state, waiting.reason, waiting.attempts) == (UrlState.WAITING, Reason.INTERNAL_ERROR, 0)
    assert waiting.due_at > utc_now()


def test_a_stored_page_is_asked_with_its_validator_and_an_unchanged_one_stays_as_it_is(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY)

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            await reader.read_urls(ids)
            with engine.begin() as connection:
                ledger.requeue(connection, utc_now(), states=[UrlState.STORED])
            (again,) = await reader.read_urls(requeued(engine, STORY))
            assert (again.state, again.reason) == (UrlState.STORED, Reason.UNCHANGED)

    with scripted_origin({STORY: Answer(page(1), etag='"p1"')}) as origin:
        runner.run(scene(origin))
    asked = [headers.get("if-none-match") for url, headers in origin.requests if url == STORY]
    assert asked == [None, '"p1"']
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.revisions)).scalar_one() == 1


def test_a_worker_that_lost_its_lease_in_the_middle_stores_nothing(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY)

    def taken_by_another() -> Answer:
        with engine.begin() as connection:
            connection.execute(schema.urls.update().values(lease_token="another"))
        return Answer(page(1))

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            assert await reader.read_urls(ids) == []

    with scripted_origin({STORY: taken_by_another}) as origin:
        runner.run(scene(origin))
    assert (rows(engine)[STORY].state, rows(engine)[STORY].lease_token) == (UrlState.CLAIMED, "another")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.stories)).scalar_one() == 0


def test_a_page_that_takes_long_keeps_its_lease(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> None:
    ids = queued(engine, STORY)

    def slow() -> Answer:
        first = rows(engine)[STORY].lease_until
        wait_until(lambda: rows(engine)[STORY].lease_until > first)
        return Answer(page(1))

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path, lease_s=2) as reader:
            assert len(await reader.read_urls(ids)) == 1

    with scripted_origin({STORY: slow}) as origin:
        runner.run(scene(origin))
    assert states(engine) == {UrlState.STORED: 1}


def test_a_batch_that_is_read_while_the_database_is_away_waits_and_is_settled_afterwards(
    sqlite_url: str, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P10: what was fetched and read is neither thrown away nor fetched again."""
    engine = open_engine(sqlite_url)
    ids = queued(engine, STORY)
    waits: list[float] = []

    def goes_away() -> Answer:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE pages RENAME TO away"))
        return Answer(page(1))

    class Mended(Backoff):
        def next_wait_s(self) -> float:
            waits.append(super().next_wait_s())
            if len(waits) == 2:
                with engine.begin() as connection:
                    connection.execute(text("ALTER TABLE away RENAME TO pages"))
            return 0.0

    monkeypatch.setattr("workers.settler.Backoff", Mended)

    async def scene(origin: ScriptedOrigin) -> None:
        async with reading(engine, origin, child, tmp_path) as reader:
            (ended,) = await reader.read_urls(ids)
            assert (ended.state, ended.reason) == (UrlState.STORED, Reason.NEW)

    with scripted_origin({STORY: goes_away}) as origin:
        runner.run(scene(origin))
    assert len(waits) == 2
    assert pages_of(origin) == [STORY]
    engine.dispose()

"""A day of polling 180,000 feeds with a million entries: the product's own poller and SQL under a clock that is moved.

    PYTHONPATH=. python benchmarks/simulated_day.py [--feeds 180000] [--part 40] [--hours 24] [--database-url URL]

All feeds stand in the tables. One in `--part` of them is followed through the day by workers/poller.py itself, with its
claims, gates, decisions and transactions; the others are disabled. Only three things are not the product's: the
clock, the origin, which answers in this process (its CPU is taken off), and that bodies are read in this process and
not in the reading child. The clock moves by `--part` ticks at a time, so that a claim finds as many due feeds as it
would at full size. How feeds publish is benchmarks/simulated_week.py's mix, thinned to a million entries a day.

Every followed feed is polled once before the day begins. An entry is lost if its feed answered after it had appeared
and SQL does not have it; it is recorded if a gap was seen in that feed. Prints JSON, with CPU and polls of the day as
they were and times `--part`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy import Engine, func, insert, make_url, select

from benchmarks import intake
from benchmarks.simulated_week import DAY_S, START, Publisher, publishers
from pipeline.feeds import read_feed
from pipeline.outcomes import FeedStatus, Reason
from pipeline.store.schema import feed_polls, feeds, hosts, urls
from pipeline.values import FeedReading, FetchedPage, FetchFailure, FetchResult, Listing, NotModified
from workers import bodies, gate, poller
from workers.database import open_engine, reading, upgrade
from workers.gate import SqlGate
from workers.poller import Poller
from workers.settings import load_settings

ENTRIES_A_DAY = 1_000_000
# Of simulated_week's mix, a feed and day in the mean.
MIX_A_DAY = 27.2
REFUSED = 0.02
BEFORE_S = 3_600.0


class Clock:
    """The instant that everybody sees."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """It."""
        return self.now


class Origin:
    """Answers for every followed feed at once; stands where the HTTP client stands."""

    def __init__(self, publishing: Sequence[Publisher], clock: Clock, chance: random.Random) -> None:
        self._publishing = publishing
        self._clock = clock
        self._chance = chance
        self.cpu_s = 0.0
        self.answers = Counter[str]()

    async def fetch(
        self, url: str, *, kind: str, headers: Sequence[tuple[str, str]] = (), slot: object = None
    ) -> FetchResult:
        """A 304, the listing of this moment, or a refusal."""
        begun = time.thread_time()
        result = self._answer(url, {name.lower(): value for name, value in headers})
        self.answers[type(result).__name__] += 1
        self.cpu_s += time.thread_time() - begun
        return result

    def _answer(self, url: str, asked: dict[str, str]) -> FetchResult:
        number, now = number_of(url), self._clock.now
        publisher, at_s = self._publishing[number], (now - START).total_seconds()
        if publisher.is_throttled and self._chance.random() < REFUSED:
            return FetchFailure(url, Reason.THROTTLED, "429", now, status=429, retry_after_s=600.0)
        listed = publisher.listed(at_s)
        tag = f'"{listed.stop}"'
        if asked.get("if-none-match") == tag:
            return NotModified(url, url, (("etag", tag),), now, 0.0)
        body = "".join(_item(publisher, number, entry) for entry in reversed(listed))
        body = f"<rss version='2.0'><channel><title>Feed {number}</title>{body}</channel></rss>"
        head = (("etag", tag), ("content-type", "application/rss+xml"))
        return FetchedPage(url, url, 200, head, body.encode(), now, 0.0)


def _item(publisher: Publisher, feed: int, number: int) -> str:
    at = START + timedelta(seconds=publisher.arrivals[number])
    date = f"<pubDate>{format_datetime(at)}</pubDate>" if publisher.is_dated else ""
    link = entry_url(feed, number)
    return (
        f"<item><title>Ministers meet for round {number} of talks in city {feed}</title><guid>{link}</guid>"
        f"<link>{link}</link>{date}<description>Delegates from both sides spoke of round {number}; nothing was signed "
        "after a day of talks behind closed doors.</description></item>"
    )


def feed_url(number: int) -> str:
    """The address of a followed feed."""
    return f"http://f{number}.example/feed"


def number_of(url: str) -> int:
    """Which feed has that address."""
    return int((urlsplit(url).hostname or "").removeprefix("f").removesuffix(".example"))


def entry_url(feed: int, number: int) -> str:
    """The page that an entry links to."""
    return f"http://www.f{feed}.example/story/{number}"


class ReadHere:
    """In place of the reading child: the same reading in this process."""

    async def read_feed(self, page: FetchedPage, now: datetime, known: Listing, source: str) -> FeedReading:
        """The reading of the body."""
        return read_feed(page.body, page.header("content-type"), page.final_url, now, known, source)


# --------------------------------------------------------------------------------------------------------------- a day


def fill(engine: Engine, others: int, followed: int, chance: random.Random) -> None:
    """Feeds that are disabled, and behind them those that are followed, each due once before the day."""
    intake.fill(engine, others, 1, most=1)
    soon = [START - timedelta(seconds=chance.uniform(0, BEFORE_S)) for _ in range(followed)]
    rows = [
        {
            "id": others + number + 1,
            "url": feed_url(number),
            "host": f"f{number}.example",
            "source": f"f{number}.example",
            "added_at": START - timedelta(days=90),
            "interval_s": 900.0,
            "next_poll_at": at,
        }
        for number, at in enumerate(soon)
    ]
    with engine.begin() as connection:
        connection.execute(feeds.update().values(status=FeedStatus.DISABLED))
        connection.execute(insert(feeds), rows)
        connection.execute(insert(hosts), [{"host": row["host"], "next_free_at": START} for row in rows])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


async def follow(engine: Engine, origin: Origin, clock: Clock, until: datetime, step_s: float) -> int:
    """Let the poller poll until then; returns how many polls it claimed."""
    settings = load_settings(poll_concurrency=128, log_level="error")
    own_gate = SqlGate(engine, settings.host_delay_s)
    working = Poller(engine, origin, own_gate, ReadHere(), settings)  # type: ignore[arg-type]
    claimed = 0
    while clock.now < until:
        while found := await working.step():
            claimed += found
            await working.idle()
        clock.now += timedelta(seconds=step_s)
    return claimed


def measure(count: int, part: int, hours: float, seed: int, database_url: str | None) -> dict[str, Any]:
    """One day."""
    chance, followed = random.Random(seed), count // part
    share = ENTRIES_A_DAY / count / MIX_A_DAY
    publishing = [
        replace(one, arrivals=tuple(at for at in one.arrivals if chance.random() < share))
        for one in publishers(followed, 1, seed)
    ]
    clock = Clock(START - timedelta(seconds=BEFORE_S))
    for module in (poller, gate, bodies):
        module.utc_now = clock  # type: ignore[attr-defined]
    poller.GATHER_S = 0.0
    origin = Origin(publishing, clock, chance)
    with tempfile.TemporaryDirectory(prefix="frontwire-day-") as directory:
        engine = open_engine(database_url or f"sqlite:///{directory}/day.db")
        upgrade(engine)
        fill(engine, count - followed, followed, chance)
        settings_tick = load_settings().tick_s
        asyncio.run(follow(engine, origin, clock, START, settings_tick * part))
        with reading(engine) as connection:
            before = {row.url for row in connection.execute(select(urls.c.url))}
            first_poll = connection.execute(select(func.max(feed_polls.c.id))).scalar_one()
        origin.cpu_s, origin.answers = 0.0, Counter()
        server = intake.server_cpu_s(database_url)
        cpu_s, wall = time.process_time(), time.perf_counter()
        claimed = asyncio.run(follow(engine, origin, clock, START + timedelta(hours=hours), settings_tick * part))
        cpu_s = time.process_time() - cpu_s - origin.cpu_s + intake.server_cpu_s(database_url) - server
        wall = time.perf_counter() - wall
        report = told(engine, publishing, before, int(first_poll), hours)
        engine.dispose()
    return {
        "database": make_url(database_url).get_backend_name() if database_url else "sqlite",
        "feeds": count,
        "followed": followed,
        "hours": hours,
        "claims": claimed,
        "answers": dict(origin.answers),
        **report,
        "cpu_s": round(cpu_s, 1),
        "origin_cpu_s": round(origin.cpu_s, 1),
        "wall_s": round(wall, 1),
        "cpu_ms_a_poll": round(1000 * cpu_s / claimed, 3),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "at_full_size": {
            "polls": claimed * part,
            "polls_per_s": round(claimed * part / (hours * 3600), 1),
            "entries": report["announced"] * part,
            "cores": round(cpu_s * part / (hours * 3600), 3),
        },
    }


def told(
    engine: Engine, publishing: Sequence[Publisher], before: set[str], first_poll: int, hours: float
) -> dict[str, Any]:
    """What was announced, and what should have been."""
    with reading(engine) as connection:
        found = [url for url in connection.execute(select(urls.c.url)).scalars() if url not in before]
        polled = {
            number_of(row.url): (row.last_success_at - START).total_seconds()
            for row in connection.execute(
                select(feeds.c.url, feeds.c.last_success_at).where(feeds.c.url.like("%/feed"))
            )
        }
        gaps = {
            number_of(url)
            for url in connection.execute(
                select(feeds.c.url)
                .join(feed_polls, feed_polls.c.feed_id == feeds.c.id)
                .where(feed_polls.c.lost_estimate.is_not(None))
            ).scalars()
        }
        counted = connection.execute(
            select(func.sum(feed_polls.c.new_urls)).where(feed_polls.c.id > first_poll)
        ).scalar_one()
    due = {
        entry_url(feed, number): feed
        for feed, publisher in enumerate(publishing)
        for number, at in enumerate(publisher.arrivals)
        if 0 <= at < min(polled[feed], hours * DAY_S / 24)
    }
    announced = set(found)
    lost = [url for url in due if url not in announced and url not in before]
    return {
        "entries_due": len(due),
        "announced": len(found),
        "doubled": len(found) - len(announced) + int(counted) - len(found),
        "lost": len(lost),
        "lost_without_a_gap": sum(due[url] not in gaps for url in lost),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=180_000)
    parser.add_argument("--part", type=int, default=40, help="one feed in so many is followed")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database-url", help="an empty PostgreSQL database, in place of SQLite")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(measure(given.feeds, given.part, given.hours, given.seed, given.database_url), indent=1))


if __name__ == "__main__":
    main()

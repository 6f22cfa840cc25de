"""How long a breaking item takes to be stored while so many URLs wait: the real processes, on SQLite.

    PYTHONPATH=. python benchmarks/latency.py [--backlog 100000] [--items 60] [--every-s 5] [--workers 2]

The ledger is filled with URLs of a generated wire (workers/demo/generated.py), which the workers read for the whole
run. Then items are printed one by one, each in a feed and on a host of its own, and that feed is made due, as a hub's
push or a poll that falls due would. Seconds as p50, p95, p99 and the longest:

- announced to stored: from the commit of the poll that found the item (`urls.announced_at`) to its story's
  (`stories.stored_at`): the bar is 15 s at p95;
- printed to stored: from the moment at which the feed began to list it. A feed that nobody pushes adds its interval.

Items that are not stored when the run ends count as having taken until then.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count, islice
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine, insert, select, text, update

from pipeline.outcomes import UrlState
from pipeline.store import ledger
from pipeline.store.feeds import NewFeed
from pipeline.store.schema import feeds, stories, urls
from workers.database import open_engine, reading, upgrade
from workers.demo.answers import Answer
from workers.demo.generated import GeneratedWire
from workers.demo.server import NOT_FOUND, LoopbackServer
from workers.logs import start_logging
from workers.running import Machine, running_machine
from workers.selftest import selftest_settings
from workers.settings import load_settings

WARM_STORIES = 32
# The stories that the breaking items borrow are of worlds that no backlog reaches.
FIRST_BREAKING_WORLD = 10_000_000
AFTER_S = 90.0


class BreakingWire:
    """The generated wire, and one feed for each breaking item, empty of it until the item is printed."""

    def __init__(self, items: int) -> None:
        self.generated = GeneratedWire(datetime.now(UTC))
        self._pages = list(islice(story_urls(self.generated, FIRST_BREAKING_WORLD), items))
        self.printed_at: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._server = LoopbackServer(self.answer)
        self.start, self.stop = self._server.start, self._server.stop

    def feed(self, number: int) -> str:
        """The URL of the feed of that item."""
        return f"http://feed-of-{number}.example/rss"

    def page(self, number: int) -> str:
        """The URL of that item's page, on a host that no other item has."""
        return self._pages[number]

    def publish(self, number: int) -> datetime:
        """The feed of that item lists it from now on."""
        now = datetime.now(UTC)
        with self._lock:
            self.printed_at[self.feed(number)] = now
        return now

    def answer(self, url: str) -> Answer:
        """A feed of one item, or what the generated wire answers."""
        host = urlsplit(url).hostname or ""
        if not host.startswith("feed-of-"):
            return self.generated.answer(url)
        if not url.endswith("/rss"):
            return NOT_FOUND
        number = int(host.removeprefix("feed-of-").partition(".")[0])
        with self._lock:
            printed_at = self.printed_at.get(url)
        item = ""
        if printed_at is not None:
            page = self.page(number)
            item = f"<item><title>Breaking {number}</title><link>{page}</link><guid>{page}</guid>"
            item += f"<pubDate>{format_datetime(printed_at)}</pubDate></item>"
        body = f"<rss version='2.0'><channel><title>Feed {number}</title><link>{url}</link>{item}</channel></rss>"
        return Answer(200, (("Content-Type", "application/rss+xml"),), body.encode())


def story_urls(wire: GeneratedWire, first_world: int) -> Iterator[str]:
    """One story of each site of each world, without end: the hosts are all different."""
    for world in count(first_world):
        yield from {urlsplit(url).hostname: url for url in wire.story_urls(world)}.values()


def fill(engine: Engine, wire: GeneratedWire, backlog: int) -> None:
    """So many waiting URLs of ordinary stories, fewer than a dozen on a host."""
    now = datetime.now(UTC)
    addresses = (url for world in count() for url in wire.story_urls(world))
    for _ in range(0, backlog, 5_000):
        rows = [
            {
                "url": url,
                "host": urlsplit(url).hostname,
                "site": urlsplit(url).hostname,
                "state": UrlState.WAITING,
                "announced_at": now,
                "due_at": now,
            }
            for url in islice(addresses, min(5_000, backlog))
        ]
        with engine.begin() as connection:
            connection.execute(insert(urls), rows)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def announce(machine: Machine, wire: BreakingWire, items: int, every_s: float) -> None:
    """Print an item every so many seconds, and make its feed due."""
    for number in range(items):
        now = wire.publish(number)
        with machine.engine.begin() as connection:
            connection.execute(update(feeds).where(feeds.c.url == wire.feed(number)).values(next_poll_at=now))
        if watch(machine, every_s):
            raise SystemExit("ended by a signal")


def watch(machine: Machine, seconds: float) -> bool:
    """Keep the processes alive for so long; whether a signal came."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        machine.supervisor.watch()
        if machine.stop.wait(0.25):
            return True
    return False


def ended(machine: Machine) -> tuple[int, int]:
    """URLs stored, and URLs still open."""
    with reading(machine.engine) as connection:
        states = ledger.count_reasons(connection)
        return sum(n for state, _, n in states if state == UrlState.STORED), ledger.count_open(connection)


def waits(machine: Machine, wire: BreakingWire, items: int) -> tuple[list[float], list[float], int]:
    """Seconds from announcement and from printing to the story of each item; how many are not stored."""
    query = (
        select(feeds.c.url, urls.c.announced_at, stories.c.stored_at)
        .select_from(feeds)
        .outerjoin(urls, urls.c.feed_id == feeds.c.id)
        .outerjoin(stories, stories.c.url_id == urls.c.id)
    )
    now, missing = datetime.now(UTC), 0
    announced, printed = [], []
    with reading(machine.engine) as connection:
        for row in connection.execute(query):
            printed_at = wire.printed_at[row.url]
            stored_at = row.stored_at or now
            missing += row.stored_at is None
            printed.append((stored_at - printed_at).total_seconds())
            announced.append((stored_at - (row.announced_at or printed_at)).total_seconds())
    assert len(printed) == items
    return announced, printed, missing


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 (nearest rank) and the longest."""
    ordered = sorted(seconds)
    ranks = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "longest": 1.0}
    return {name: round(ordered[max(0, math.ceil(len(ordered) * part) - 1)], 2) for name, part in ranks.items()}


def measure(backlog: int, items: int, every_s: float, workers: int | None) -> dict[str, object]:
    """One run, from an empty directory."""
    with tempfile.TemporaryDirectory(prefix="frontwire-latency-") as directory:
        wire = BreakingWire(items)
        settings = selftest_settings(load_settings(workers=workers), Path(directory), wire.start())
        start_logging(settings, "latency")
        engine = open_engine(settings.database_dsn)
        upgrade(engine)
        fill(engine, wire.generated, backlog)
        engine.dispose()
        own = [NewFeed(wire.feed(number)) for number in range(items)]
        with running_machine(settings, with_dashboard=False, feeds=own, log_dir=Path(directory) / "log") as machine:
            while ended(machine)[0] < WARM_STORIES:
                if watch(machine, 1.0):
                    raise SystemExit("ended by a signal")
            begun, (before, waiting) = time.monotonic(), ended(machine)
            announce(machine, wire, items, every_s)
            after, seconds = ended(machine)[0], time.monotonic() - begun
            late = time.monotonic() + AFTER_S
            while waits(machine, wire, items)[2] and time.monotonic() < late:
                watch(machine, 1.0)
            announced, printed, missing = waits(machine, wire, items)
        wire.stop()
    return {
        "backlog": backlog,
        "waiting_at_start": waiting,
        "items": items,
        "not_stored": missing,
        "workers": settings.workers,
        "stories_per_s": round((after - before) / seconds, 2),
        "load": os.getloadavg()[0],
        "announced_to_stored_s": percentiles(announced),
        "printed_to_stored_s": percentiles(printed),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--every-s", type=float, default=5.0)
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    print(json.dumps(measure(given.backlog, given.items, given.every_s, given.workers), indent=1))


if __name__ == "__main__":
    main()

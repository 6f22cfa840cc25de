"""CPU of one poll that is answered 304, SQL and HTTP included, the server not.

    PYTHONPATH=. python benchmarks/polls.py [--copies 40] [--rounds 3]

The feeds are those of the recorded wire (benchmarks/wire.py), nine sites so many times, each on a host of its own. They
are polled once to learn their validators, then so many times more. No delay between requests to a host.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.wire import load_pages, wire
from pipeline.store import feeds as feed_store
from pipeline.store.feeds import NewFeed
from workers.child import ReadingChild
from workers.database import open_engine, upgrade
from workers.gate import SqlGate
from workers.http import HttpClient
from workers.logs import start_logging
from workers.policy import http_policy
from workers.poller import Poller
from workers.process import utc_now
from workers.selftest import selftest_settings
from workers.settings import Settings, load_settings


async def poll_rounds(engine: Engine, settings: Settings, rounds: int, feeds: int) -> list[float]:
    """CPU seconds a poll of each round after the first."""
    child, taken = ReadingChild(), []
    gate = SqlGate(engine, 0.0)
    async with HttpClient(http_policy(settings), gate, utc_now) as http:
        poller = Poller(engine, http, gate, child, settings)
        for _ in range(rounds + 1):
            with engine.begin() as connection:
                feed_store.make_feeds_due(connection, utc_now())
            begun = time.process_time()
            while await poller.step():
                await poller.idle()
            taken.append((time.process_time() - begun) / feeds)
    await child.close()
    return taken[1:]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    addresses = sorted({page.feed for page in load_pages(None, given.copies)})
    with tempfile.TemporaryDirectory(prefix="frontwire-polls-") as directory, wire(None, given.copies) as proxy:
        settings = selftest_settings(load_settings(host_delay_s=0.0), Path(directory), proxy)
        start_logging(settings, "polls")
        engine = open_engine(settings.database_dsn)
        upgrade(engine)
        with engine.begin() as connection:
            feed_store.add_feeds(connection, [NewFeed(url) for url in addresses], utc_now())
        taken = asyncio.run(poll_rounds(engine, settings, given.rounds, len(addresses)))
        with engine.connect() as connection:
            statuses = connection.execute(text("SELECT http_status, count(*) FROM feed_polls GROUP BY 1")).all()
        engine.dispose()
    answers = {row[0]: row[1] for row in statuses}
    print(f"{len(addresses)} feeds: {1000 * statistics.median(taken):.2f} ms CPU a poll; answers {answers}")


if __name__ == "__main__":
    main()

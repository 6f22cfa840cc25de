"""What one dispatch and one sweep cost with many URLs waiting.

    PYTHONPATH=. python benchmarks/dispatch.py [--urls N] [--database-url URL]

Prints medians in seconds. The database named must be empty; without one a SQLite file in a temporary directory is used.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, insert, text

from pipeline.outcomes import UrlState
from pipeline.store import ledger, schema
from workers.database import open_engine, upgrade

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTS = 1500


def fill(engine: Engine, urls: int) -> None:
    """So many waiting URLs over HOSTS hosts."""
    for start in range(0, urls, 5000):
        rows = [
            {
                "url": f"https://h{n % HOSTS}.example/{n}",
                "host": f"h{n % HOSTS}.example",
                "site": f"h{n % HOSTS}.example",
                "state": UrlState.WAITING,
                "announced_at": NOW,
                "due_at": NOW,
            }
            for n in range(start, min(start + 5000, urls))
        ]
        with engine.begin() as connection:
            connection.execute(insert(schema.urls), rows)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def median_s(engine: Engine, act: Callable[[Connection], object], times: int = 7) -> float:
    """The median wall time of `act` in a transaction of its own."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        with engine.begin() as connection:
            act(connection)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=100_000)
    parser.add_argument("--database-url")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        engine = open_engine(options.database_url or f"sqlite:///{directory}/bench.db")
        upgrade(engine)
        fill(engine, options.urls)
        later = NOW + timedelta(seconds=10)
        dispatch_s = median_s(engine, lambda connection: ledger.lease_due_urls(connection, later, 100, 60))
        breaking_s = median_s(
            engine, lambda connection: ledger.lease_due_urls(connection, later, 100, 60, breaking_only=True)
        )
        sweep_s = median_s(engine, lambda connection: ledger.take_back_expired(connection, later, 60, 5))
        told = f"dispatch {dispatch_s:.4f} s, look for breaking news {breaking_s:.4f} s, sweep {sweep_s:.4f} s"
        print(f"{engine.dialect.name}, {options.urls} waiting: {told}")
        engine.dispose()


if __name__ == "__main__":
    main()

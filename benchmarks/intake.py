"""What polling costs: one real poller over many feeds on loopback, 95 % of which have nothing new.

    PYTHONPATH=. python benchmarks/intake.py [--feeds N] [--database-url URL] [--rivals PYTHON] [--rival-feeds N]
                                             [--table-feeds N]

The poller is `frontwire poller` as it is started in service, over feeds that it knows; each feed is a host of its own.
Two rounds: all feeds answer 304, then one in twenty brings two new entries. CPU is that of the poller and its reading
child from the instant at which the feeds fall due; with PostgreSQL also that of the server, whoever else uses it.
The cost by size of the table is the CPU of this process (SQLite) for claiming 32 feeds and writing their 304s.

`--rivals` names a Python that has httpx, feedparser and lemon24/reader (`python -m venv D && D/bin/pip install reader
httpx feedparser`): a plain loop over both and reader's update_feeds() poll the same feeds, in the same run.
A database that is named must be empty.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, func, insert, select, text, update

from benchmarks.end_to_end import server_cpu_s
from benchmarks.intake_origin import ENTRIES, NEWS_EVERY, body_of, etag_of, feed_url, turn
from pipeline.feeds import body_digest, plan_poll, read_feed
from pipeline.store import feeds as store
from pipeline.store.schema import feed_listings, feed_polls, feeds, hosts
from pipeline.values import NotModified
from workers.database import open_engine, upgrade
from workers.settings import child_environment, load_settings

LEASE_S = 60.0
CLAIMED = 32
LIMIT_S = 900.0


@contextlib.contextmanager
def origin() -> Iterator[int]:
    """The origin in a process of its own; gives its port."""
    command = [sys.executable, "-m", "benchmarks.intake_origin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()


def fill(engine: Engine, count: int, port: int, most: int = ENTRIES) -> None:
    """So many feeds as a poller leaves them after a first good poll: validators, listing, hosts. None is due."""
    now = datetime.now(UTC)
    for start in range(0, count, 1000):
        numbers = range(start, min(start + 1000, count))
        rows, listings, asked = [], [], []
        for number in numbers:
            url, body = feed_url(number, port), body_of(number, 0)
            rows.append(
                {
                    "id": number + 1,
                    "url": url,
                    "host": store.asked_host(url),
                    "source": f"h{number}.example",
                    "added_at": now,
                    "etag": etag_of(number, 0),
                    "body_sha256": body_digest(body),
                    "interval_s": 900.0,
                    "known_entries": 10,
                    "next_poll_at": now + timedelta(hours=6),
                }
                | dict.fromkeys(("last_polled_at", "last_success_at", "last_new_at", "last_unconditional_at"), now)
            )
            asked.append({"host": store.asked_host(url), "next_free_at": now})
            seen = {"first_seen_at": now, "last_seen_at": now, "is_listed": True}
            # Only feeds that will be read again need the keys that the reader gives.
            entries = read_feed(body, "application/rss+xml", url, now).entries if number % NEWS_EVERY == 0 else ()
            keys = [(entry.key, entry.version) for entry in entries] or [(f"key {n}", "1") for n in range(ENTRIES)]
            listings += [{"feed_id": number + 1, "entry_key": key, "entry_version": v} | seen for key, v in keys[:most]]
        with engine.begin() as connection:
            connection.execute(insert(feeds), rows)
            connection.execute(insert(hosts), asked)
            connection.execute(insert(feed_listings), listings)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))


class Tree:
    """A process and its children, looked at from outside."""

    def __init__(self, pid: int, database_url: str | None) -> None:
        self._root = psutil.Process(pid)
        self._database_url = database_url

    def cpu_s(self) -> float:
        """CPU seconds so far of all that run, and of the database server."""
        times = [process.cpu_times() for process in [self._root, *self._root.children(recursive=True)]]
        return sum(each.user + each.system for each in times) + server_cpu_s(self._database_url)

    def memory_mb(self) -> dict[str, float]:
        """MB of each that runs, shared pages divided among those that share them."""
        found = {"poller": self._root.memory_full_info().pss / 1e6}
        found["children"] = sum(child.memory_full_info().pss / 1e6 for child in self._root.children(recursive=True))
        return {name: round(mb, 1) for name, mb in found.items()}


def polled(engine: Engine) -> int:
    """How many polls stand in SQL."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.max(feed_polls.c.id))).scalar() or 0)


def one_round(engine: Engine, tree: Tree, count: int) -> dict[str, Any]:
    """All feeds fall due; wait until each has been polled."""
    before, cpu = polled(engine), tree.cpu_s()
    begun = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(update(feeds).values(next_poll_at=datetime.now(UTC)))
    while polled(engine) - before < count:
        if time.perf_counter() - begun > LIMIT_S:
            raise SystemExit(f"Only {polled(engine) - before} of {count} feeds were polled in {LIMIT_S:.0f} s.")
        time.sleep(0.25)
    wall_s, cpu_s = time.perf_counter() - begun, tree.cpu_s() - cpu
    with engine.connect() as connection:
        last = select(feed_polls.c.outcome, func.count()).where(feed_polls.c.id > before)
        rows = connection.execute(last.group_by(feed_polls.c.outcome)).all()
    return {
        "cpu_ms_per_feed": round(1000 * cpu_s / count, 3),
        "cpu_s": round(cpu_s, 2),
        "wall_s": round(wall_s, 1),
        "feeds_per_s": round(count / wall_s, 1),
        "outcomes": {row[0].value: row[1] for row in rows},
        "memory_mb": tree.memory_mb(),
    }


def poller(count: int, port: int, database_url: str | None) -> dict[str, Any]:
    """Both rounds of one poller process."""
    with tempfile.TemporaryDirectory(prefix="frontwire-intake-") as directory:
        settings = load_settings(
            data_dir=Path(directory), database_url=database_url, allow_addresses="127.0.0.0/8", log_level="warning"
        )
        engine = open_engine(settings.database_dsn)
        upgrade(engine)
        fill(engine, count, port)
        process = subprocess.Popen([sys.executable, "-m", "workers", "poller"], env=child_environment(settings))
        try:
            tree = Tree(process.pid, database_url)
            time.sleep(5)  # its start is no part of what a poll costs
            quiet = one_round(engine, tree, count)
            turn(port)
            return {"all_304": quiet, "news_in_5_percent": one_round(engine, tree, count)}
        finally:
            process.terminate()
            process.wait()
            engine.dispose()


def table_costs(sizes: tuple[int, int]) -> dict[str, Any]:
    """CPU microseconds a feed for claiming and for writing a 304, in SQLite tables of both sizes, and the ratios."""
    costs = {size: _costs_at(size) for size in sizes}
    small, large = (costs[size] for size in sizes)
    return {
        "us_per_feed": costs,
        "claim_ratio": round(large["claim"] / small["claim"], 2),
        "write_ratio": round(large["write"] / small["write"], 2),
        "together_ratio": round(sum(large.values()) / sum(small.values()), 2),
    }


def _costs_at(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="frontwire-intake-") as directory:
        engine = open_engine(f"sqlite:///{directory}/bench.db")
        upgrade(engine)
        fill(engine, count, 1, most=1)
        now = datetime.now(UTC)
        with engine.begin() as connection:
            connection.execute(update(feeds).values(next_poll_at=now))
        claims, writes = [], []
        for _ in range(25):
            begun = time.process_time()
            with engine.begin() as connection:
                states = store.claim_due_feeds(connection, "bench", now, CLAIMED, LEASE_S)
            claims.append((time.process_time() - begun) / len(states))
            plans = [
                plan_poll(state, NotModified(state.url, state.url, (), now, 0.01), None, {}, now, 0.5)
                for state in states
            ]
            begun = time.process_time()
            for plan in plans:
                with engine.begin() as connection:
                    store.apply_poll(connection, "bench", plan, now, 0, 0.01)
            writes.append((time.process_time() - begun) / len(plans))
        engine.dispose()
        return {
            "claim": round(1e6 * statistics.median(claims), 1),
            "write": round(1e6 * statistics.median(writes), 1),
        }


def rivals(python: str, count: int, port: int) -> dict[str, Any]:
    """The plain loop and reader over the first feeds; what can't be run says why."""
    script = str(Path(__file__).with_name("intake_rivals.py"))
    found: dict[str, Any] = {"feeds": count}
    for name in ("plain_loop", "reader"):
        command = [python, script, name, str(port), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = done.stderr.strip().splitlines()
        found[name] = json.loads(done.stdout) if done.returncode == 0 else {"absent": lines[-1] if lines else "?"}
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--database-url")
    parser.add_argument("--rivals", metavar="PYTHON")
    parser.add_argument("--rival-feeds", type=int, default=2_000)
    parser.add_argument("--table-feeds", type=int, default=100_000, help="0 leaves the table out")
    given = parser.parse_args()
    report: dict[str, Any] = {"feeds": given.feeds, "database": "postgresql" if given.database_url else "sqlite"}
    with origin() as port:
        report["poller"] = poller(given.feeds, port, given.database_url)
        if given.rivals:
            report["rivals"] = rivals(given.rivals, given.rival_feeds, port)
    if given.table_feeds:
        report["table"] = table_costs((1_000, given.table_feeds))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

"""What polling costs: one real poller over many feeds on loopback, 95 % of which have nothing new.

    PYTHONPATH=. python benchmarks/intake.py [--feeds N] [--rounds N] [--database-url URL] [--log-level LEVEL]
                                             [--rivals PYTHON] [--rival-feeds N]
                                             [--table-feeds N] [--table-database-url URL]

The poller is `frontwire poller` as it is started in service, over feeds that it knows; each feed is a host of its own.
Rounds in which all feeds answer 304, then one in which one in twenty brings two new entries. CPU is that of the poller
and its reading child from the instant at which the feeds fall due; with PostgreSQL also that of the server's processes
for this database. The cost by size of the table is the CPU of this process, and of a PostgreSQL server, for claiming 32
feeds, passing the gates of their hosts and writing their 304s. `--feeds 0` leaves the poller out.

`--rivals` names a Python that has httpx, feedparser and lemon24/reader (`python -m venv D && D/bin/pip install reader
httpx feedparser`): a plain loop over both and reader's update_feeds() poll the same feeds in the same run, round by
round in turns with the poller. A database that is named must be empty.
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
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psutil
from sqlalchemy import Connection, Engine, func, insert, make_url, select, text, update

from benchmarks.intake_origin import ENTRIES, NEWS_EVERY, body_of, etag_of, feed_url, turn
from pipeline.feeds import body_digest, plan_poll, read_feed
from pipeline.identity.urls import site_of
from pipeline.outcomes import FeedStatus, UrlState
from pipeline.store import feeds as store
from pipeline.store.hosts import Passage, enter_hosts, leave_hosts
from pipeline.store.listings import remember_entries
from pipeline.store.quiet_polls import QuietPoll, apply_quiet_polls
from pipeline.store.schema import feed_listings, feed_polls, feeds, hosts, urls
from pipeline.values import Entry, NotModified
from workers.database import open_engine, upgrade
from workers.settings import child_environment, load_settings

LEASE_S = 60.0
CLAIMED = 32
ROUNDS = 25
LIMIT_S = 900.0

T = TypeVar("T")


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


def fill(engine: Engine, count: int, port: int, most: int = ENTRIES, first: int = 0) -> None:
    """Feeds `first` to `count` as a poller leaves them after a good poll: validators, listing, hosts. None is due."""
    now = datetime.now(UTC)
    for start in range(first, count, 1000):
        numbers = range(start, min(start + 1000, count))
        rows, listings, asked, read = [], [], [], {}
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
            if number % NEWS_EVERY == 0 and most == ENTRIES:
                read[number + 1] = read_feed(body, "application/rss+xml", url, now).entries
            else:  # Only feeds that will be read again need what the reader gives.
                keys = [{"entry_key": f"key {n}", "entry_version": "1"} for n in range(most)]
                listings += [{"feed_id": number + 1} | key | seen for key in keys]
        with engine.begin() as connection:
            connection.execute(insert(feeds), rows)
            connection.execute(insert(hosts), asked)
            connection.execute(insert(feed_listings), listings)
            for feed_id, entries in read.items():
                remember_entries(connection, feed_id, entries, _announced(connection, feed_id, entries, now), now)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def _announced(connection: Connection, feed_id: int, entries: Sequence[Entry], now: datetime) -> dict[str, int]:
    """The rows of the entries' URLs, ended long ago: URL -> id."""
    ended = {"feed_id": feed_id, "state": UrlState.STORED, "announced_at": now, "due_at": now, "settled_at": now}
    listed = [each.url for each in entries]
    rows = [{"url": url, "host": store.asked_host(url), "site": site_of(url)} | ended for url in listed]
    connection.execute(insert(urls), rows)
    found = connection.execute(select(urls.c.url, urls.c.id).where(urls.c.url.in_(listed)))
    return {row.url: row.id for row in found}


def server_cpu_s(database_url: str | None) -> float:
    """CPU seconds so far of the PostgreSQL processes that serve connections to the database; 0 without a URL."""
    if not database_url:
        return 0.0
    name = f" {make_url(database_url).database} "
    total = 0.0
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "postgres":
            with contextlib.suppress(psutil.NoSuchProcess):
                # A backend's title names its user, its database and its peer.
                if name in " ".join(process.cmdline()):
                    times = process.cpu_times()
                    total += times.user + times.system
    return total


class Tree:
    """A process and its children, looked at from outside."""

    def __init__(self, pid: int, database_url: str | None) -> None:
        self._root = psutil.Process(pid)
        self._database_url = database_url

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds so far of all that run, and of the database server."""
        times = [process.cpu_times() for process in [self._root, *self._root.children(recursive=True)]]
        return sum(each.user + each.system for each in times), server_cpu_s(self._database_url)

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
    wall_s = time.perf_counter() - begun
    own_s, server_s = (after - earlier for after, earlier in zip(tree.cpu_s(), cpu, strict=True))
    cpu_s = own_s + server_s
    with engine.connect() as connection:
        last = select(feed_polls.c.outcome, func.count()).where(feed_polls.c.id > before)
        rows = connection.execute(last.group_by(feed_polls.c.outcome)).all()
    return {
        "cpu_ms_per_feed": round(1000 * cpu_s / count, 3),
        "of_it_the_server": round(1000 * server_s / count, 3),
        "cpu_s": round(cpu_s, 2),
        "wall_s": round(wall_s, 1),
        "feeds_per_s": round(count / wall_s, 1),
        "outcomes": {row[0].value: row[1] for row in rows},
        "memory_mb": tree.memory_mb(),
    }


def median_round(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The round of the median CPU, and the CPU of all."""
    ordered = sorted(rounds, key=lambda one: float(one["cpu_ms_per_feed"]))
    return {**ordered[len(ordered) // 2], "cpu_ms_of_rounds": [one["cpu_ms_per_feed"] for one in rounds]}


def polling(given: argparse.Namespace, port: int) -> dict[str, Any]:
    """One poller process, and the rivals, round by round in turns."""
    with tempfile.TemporaryDirectory(prefix="frontwire-intake-") as directory, contextlib.ExitStack() as stack:
        settings = load_settings(
            data_dir=Path(directory),
            database_url=given.database_url,
            allow_addresses="127.0.0.0/8",
            log_level=given.log_level,
        )
        engine = open_engine(settings.database_dsn)
        upgrade(engine)
        fill(engine, given.feeds, port)
        names = ("plain_loop", "reader") if given.rivals else ()
        rivals = [stack.enter_context(Rival(given.rivals, name, port, given.rival_feeds)) for name in names]
        # Its lines go to a file: a pipe that nobody reads would hold it up.
        log = stack.enter_context(open(Path(directory, "log"), "wb"))
        command = [sys.executable, "-m", "workers", "poller"]
        process = subprocess.Popen(command, env=child_environment(settings), stderr=log)
        try:
            tree = Tree(process.pid, given.database_url)
            time.sleep(5)  # its start is no part of what a poll costs
            quiet = _turns(engine, tree, rivals, given.feeds, given.rounds)
            turn(port)
            return {"all_304": quiet, "news_in_5_percent": _turns(engine, tree, rivals, given.feeds, 1)}
        finally:
            process.terminate()
            process.wait()
            engine.dispose()


def _turns(engine: Engine, tree: Tree, rivals: list[Rival], count: int, times: int) -> dict[str, Any]:
    rounds: dict[str, list[dict[str, Any]]] = {"poller": [], **{rival.name: [] for rival in rivals}}
    for _ in range(times):
        rounds["poller"].append(one_round(engine, tree, count))
        for rival in rivals:
            rounds[rival.name].append(rival.round())
    return {name: median_round(each) for name, each in rounds.items()}


class Rival:
    """Another way to poll, in a process of its own that knows the feeds. One that can't be run says why instead."""

    def __init__(self, python: str, name: str, port: int, count: int) -> None:
        self.name = name
        script = str(Path(__file__).with_name("intake_rivals.py"))
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self._process = subprocess.Popen([python, script, name, str(port), str(count)], text=True, **pipes)

    def __enter__(self) -> Rival:
        if self._line() != "ready":
            _, said = self._process.communicate()
            raise SystemExit(f"{self.name} can't be run: {(said.strip().splitlines() or ['?'])[-1]}")
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def round(self) -> dict[str, Any]:
        """All feeds polled once."""
        assert self._process.stdin is not None
        self._process.stdin.write("round\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def table_costs(sizes: tuple[int, int], database_url: str | None) -> dict[str, Any]:
    """CPU microseconds a feed for what SQL does for a 304, in tables of both sizes, and how the claim is planned."""
    with tempfile.TemporaryDirectory(prefix="frontwire-intake-") as directory:
        engine = open_engine(database_url or f"sqlite:///{directory}/bench.db")
        upgrade(engine)
        costs, filled = {}, 0
        for size in sizes:
            fill(engine, size, 1, most=1, first=filled)
            costs[size], filled = _costs_now(engine, database_url), size
        plan = _claim_plan(engine)
        engine.dispose()
    small, large = (costs[size] for size in sizes)
    ratios = {act: round(large[act] / small[act], 2) for act in small}
    together = round(sum(large.values()) / sum(small.values()), 2)
    return {"us_per_feed": costs, "ratios": ratios, "together_ratio": together, "claim_plan": plan}


def _costs_now(engine: Engine, database_url: str | None) -> dict[str, float]:
    """Medians over 25 rounds of CLAIMED feeds; on PostgreSQL with the server's CPU, whose clock is coarse: means."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        connection.execute(update(feeds).values(next_poll_at=now, lease_token=None, lease_until=None))
        connection.execute(update(hosts).values(next_free_at=now))
    # What was updated just now left dead rows behind, on PostgreSQL above all: in service autovacuum does this.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if database_url else "ANALYZE"))
    taken: dict[str, list[float]] = {"claim": [], "gate": [], "write": []}

    def timed(act: str, work: Callable[[Connection], T]) -> T:
        # Looking at the server's clock costs CPU, too: that is no part of the act.
        server, begun = server_cpu_s(database_url), time.process_time()
        with engine.begin() as connection:
            answer = work(connection)
        own = time.process_time() - begun
        taken[act].append((own + server_cpu_s(database_url) - server) / CLAIMED)
        return answer

    for _ in range(ROUNDS):
        states = timed("claim", lambda c: store.claim_due_feeds(c, "bench", now, CLAIMED, LEASE_S))
        passages = [Passage(store.asked_host(state.url), f"bench {state.id}") for state in states]
        timed("gate", lambda c, p=passages: enter_hosts(c, p, now, 1.0))  # type: ignore[misc]
        timed("gate", lambda c, p=passages: leave_hosts(c, p))  # type: ignore[misc]
        polls = []
        for state in states:
            answer = NotModified(state.url, state.url, (), now, 0.01)
            polls.append(QuietPoll(plan_poll(state, answer, None, {}, now, 0.5), now, 0, 0.01))
        timed("write", lambda c, p=polls: apply_quiet_polls(c, "bench", p))  # type: ignore[misc]
    middle = statistics.mean if database_url else statistics.median
    return {act: round(1e6 * middle(each) * len(each) / ROUNDS, 1) for act, each in taken.items()}


def _claim_plan(engine: Engine) -> list[str]:
    """How the database finds due feeds, in its own words."""
    query = select(feeds.c.id).where(feeds.c.status == FeedStatus.ACTIVE, feeds.c.next_poll_at <= datetime.now(UTC))
    ordered = query.order_by(feeds.c.next_poll_at).limit(CLAIMED)
    said = str(ordered.compile(engine, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with engine.connect() as connection:
        return [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {said}")]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which all answer 304")
    parser.add_argument("--database-url")
    parser.add_argument("--log-level", default="warning", help="at info the poller writes a line a poll")
    parser.add_argument("--rivals", metavar="PYTHON")
    parser.add_argument("--rival-feeds", type=int, default=2_000)
    parser.add_argument("--table-feeds", type=int, default=100_000, help="0 leaves the table out")
    parser.add_argument("--table-database-url", help="an empty PostgreSQL database for the table, in place of SQLite")
    given = parser.parse_args()
    report: dict[str, Any] = {"feeds": given.feeds, "database": "postgresql" if given.database_url else "sqlite"}
    if given.feeds:
        with origin() as port:
            report |= {"rival_feeds": given.rival_feeds, **polling(given, port)}
    if given.table_feeds:
        report["table"] = table_costs((1_000, given.table_feeds), given.table_database_url)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

"""What a story costs, stage by stage, as the store grows: the product's own settler over 1 thousand to 10 million.

    PYTHONPATH=. python benchmarks/scale.py [--stories N …] [--chars N] [--corpus PATH] [--directory DIR]
                                            [--server-url URL] [--fresh N] [--churn N]
                                            [--only fill|measure] [--keep]

Each size is a database of its own: SQLite files in DIR or a temporary directory, or with `--server-url` databases
`scale_N` on that server. It is filled by benchmarks/cloned_stories.py from stories that were settled there, with up to
100,000 feeds. Then the same fresh stories of real size are settled in batches in every database, in turns, so that
the machine's noise falls on all alike; a first part of them warms caches and is not counted. A third of the anchors of
a fresh story are those of phrases that many stories have.

Prints JSON: for each size CPU and wall milliseconds of every stage (of a story, a tick, a poll), bytes a story on disk,
queries, and what vacuuming takes; then the ratios to the size named by `--base` (10,000). CPU is that of this process
and, with PostgreSQL, of the server's process that serves it. `--keep` leaves the databases: `--only fill` and later
`--only measure` are two halves of one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import structlog
from sqlalchemy import Connection, Engine, insert, make_url, select, text, update

from benchmarks import intake
from benchmarks.cloned_stories import clone
from benchmarks.settling import Read, read_all, ref_of
from benchmarks.wire import Page, load_pages
from pipeline.feeds import plan_poll
from pipeline.identity.urls import site_of
from pipeline.outcomes import UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import growth, ledger, stories
from pipeline.store.hosts import Passage, enter_hosts, leave_hosts
from pipeline.store.lookups import BatchLook
from pipeline.store.quiet_polls import QuietPoll, apply_quiet_polls
from pipeline.store.reports import StoryFilter
from pipeline.store.schema import feeds, hosts, story_bands, urls
from pipeline.store.search import search_stories
from pipeline.store.tallies import fold_tallies
from pipeline.values import NotModified, StoryRecord
from workers import settler as settling
from workers.database import open_engine, reading, upgrade
from workers.settings import load_settings
from workers.settler import ReadPage, Settler
from workers.together import ENOUGH

SEEDS, COPIES = 400, 4
WARM = 64
WAITING, WAITING_HOSTS = 1_000, 300
TICKS = 20
POLLED = 32
COMMON_SHARE = 0.3
# Autovacuum looks at a database once a minute.
AUTOVACUUM_S = 75.0
QUESTIONS = {
    "newest of conflict policy": "SELECT * FROM conflict_policy_stories ORDER BY stored_at DESC LIMIT 50",
    "volume by day": "SELECT day, sum(stories) FROM volume_by_language GROUP BY day",
    "funnel": "SELECT * FROM pipeline_funnel",
    "dead letters": "SELECT * FROM dead_letters ORDER BY settled_at DESC LIMIT 100",
    "a story": "SELECT * FROM story_details WHERE story_id = 77",
    "its copies": "SELECT * FROM story_copies WHERE story_id = 77",
}


class Watch:
    """CPU and wall seconds by stage. A stage inside another is taken off the outer one."""

    def __init__(self) -> None:
        self.cpu: defaultdict[str, list[float]] = defaultdict(list)
        self.wall: defaultdict[str, list[float]] = defaultdict(list)
        self.server: Callable[[], float] = lambda: 0.0
        self._inner = [[0.0, 0.0]]

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what is done inside."""
        self._inner.append([0.0, 0.0])
        cpu, wall = time.process_time() + self.server(), time.perf_counter()
        try:
            yield
        finally:
            taken = time.process_time() + self.server() - cpu, time.perf_counter() - wall
            inner = self._inner.pop()
            self.cpu[name].append(taken[0] - inner[0])
            self.wall[name].append(taken[1] - inner[1])
            for place, seconds in enumerate(taken):
                self._inner[-1][place] += seconds

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, counted as this stage."""

        def counted(*given: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*given, **named)

        return counted


@dataclass
class Store:
    """A database of one size, and what was measured in it."""

    stories: int
    engine: Engine
    settler: Settler
    watch: Watch = field(default_factory=Watch)
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def on_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.engine.dialect.name == "sqlite"


# ------------------------------------------------------------------------------------------------------------ filling


def open_store(size: int, given: argparse.Namespace, directory: str) -> Store:
    """The database of that size, made if it is not there."""
    url = f"sqlite:///{directory}/scale-{size}.db"
    if given.server_url:
        url = make_url(given.server_url).set(database=f"scale_{size}").render_as_string(hide_password=False)
        with psycopg.connect(given.server_url, autocommit=True) as server:
            if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (f"scale_{size}",)).fetchone():
                server.execute(f"CREATE DATABASE scale_{size} TEMPLATE template0 ENCODING 'UTF8'".encode())
    engine = open_engine(url)
    upgrade(engine)
    settings = load_settings(data_dir=directory, database_url=url)
    return Store(size, engine, Settler(engine, settings, lambda: False))


def is_filled(store: Store) -> bool:
    """Whether the fill came to its end: the feeds are its last step."""
    with store.engine.connect() as connection:
        return connection.execute(select(feeds.c.id).limit(1)).first() is not None


def fill(store: Store, seeds: dict[str, Read], chars: int | None) -> None:
    """Settle the seeds, clone them, and lay feeds and their hosts beside them."""
    begun = time.perf_counter()
    count = min(100_000, max(1_000, store.stories // 10))
    for batch in batches(seeds):
        settle(store, batch)
    with store.engine.begin() as connection:
        fold_tallies(connection, 1)
    there = clone(store.engine, store.stories, count, chars)
    intake.fill(store.engine, count, 1, most=1)
    log(f"{store.engine.dialect.name} {there:,} stories filled in {time.perf_counter() - begun:.0f} s")


def batches(read: dict[str, Read]) -> Iterator[dict[str, Read]]:
    """As many pages as a worker settles at once."""
    names = list(read)
    for start in range(0, len(names), ENOUGH):
        yield {url: read[url] for url in names[start : start + ENOUGH]}


def settle(store: Store, batch: dict[str, Read]) -> None:
    """Announce the pages, claim them, and settle them as a worker does."""
    now = datetime.now(UTC)
    with store.engine.begin() as connection:
        ids = [
            connection.execute(
                insert(urls).values(
                    url=url,
                    host=urlsplit(url).hostname,
                    site=site_of(url),
                    state=UrlState.QUEUED,
                    announced_at=now,
                    due_at=now,
                )
            ).inserted_primary_key[0]  # type: ignore[index]
            for url in batch
        ]
    with store.watch.stage("claim"), store.engine.begin() as connection:
        claims = ledger.claim_urls(connection, ids, f"token-{ids[0]}", now, 600.0)
    ready = [
        ReadPage(claim, item.response, ref_of(item.response), item.reading)
        for claim in claims
        for item in [batch[claim.url]]
    ]
    with store.watch.stage("settle: all else"):
        store.settler.settle_now(ready)


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """The settler's parts are counted as stages of their own."""
    parts: list[tuple[Any, str, str]] = [
        (settling, "_standing", "settle: leases held"),
        (settling, "_look_ahead", "near-copies looked up"),
        (BatchLook, "find", "near-copies looked up"),
        (stories, "owner_of_text", "exact text looked up"),
        (stories, "add_page", "archive row"),
        (stories, "store_record", "story stored"),
        (stories, "index_new", "anchors indexed"),
        (stories, "learn_from", "site memory"),
        (stories, "keep_missing_facts", "tallies"),
        (settling, "note_look", "next look planned"),
        (settling, "look_again", "second look"),
        (settling, "look_for_events", "events"),
    ]
    kept = [(place, name, getattr(place, name)) for place, name, _ in parts]
    for (place, name, function), (_, _, stage) in zip(kept, parts, strict=True):
        setattr(place, name, watch.timed(stage, function))
    together = stories.indexed_together

    @contextlib.contextmanager
    def indexed(connection: Connection) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(together(connection))
            yield
            # What is left is done when the block ends.
            with watch.stage("search index"):
                stack.close()

    stories.indexed_together = indexed
    try:
        yield
    finally:
        stories.indexed_together = together
        for place, name, function in kept:
            setattr(place, name, function)


def with_phrases(read: dict[str, Read], anchors: Sequence[int], chance: random.Random) -> dict[str, Read]:
    """The pages with a third of their anchors exchanged for some that many stories have."""
    found = {}
    for url, item in read.items():
        if isinstance(item.reading, StoryRecord):
            print_of = item.reading.fingerprint
            common = int(COMMON_SHARE * len(print_of.anchors))
            mixed = {*chance.sample(print_of.anchors, len(print_of.anchors) - common), *chance.sample(anchors, common)}
            changed = replace(print_of, anchors=tuple(sorted(mixed)))
            item = replace(item, reading=replace(item.reading, fingerprint=changed))
        found[url] = item
    return found


# ---------------------------------------------------------------------------------------------------------- measuring


def serve_clock(store: Store) -> None:
    """Count the server's process that serves this one; the pool has one connection and keeps it."""
    if not store.on_sqlite:
        with store.engine.connect() as connection:
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        path = Path(f"/proc/{backend}/schedstat")
        store.watch.server = lambda: int(path.read_text().split()[0]) / 1e9


def measure_settling(stores: Sequence[Store], fresh: dict[str, Read]) -> None:
    """Every batch in each store, each first in its turn."""
    for number, batch in enumerate(batches(fresh)):
        turn = number % len(stores)
        for store in (*stores[turn:], *stores[:turn]):
            if number * ENOUGH < WARM:
                store.watch = Watch()
                serve_clock(store)
            with watched(store.watch):
                settle(store, batch)


def measure_ticks(store: Store) -> None:
    """What the dispatcher does, with the same URLs waiting in every store, and what a poller does for 32 feeds."""
    now = datetime.now(UTC)
    watch, engine = store.watch, store.engine
    with engine.begin() as connection:
        connection.execute(
            insert(urls),
            [
                {
                    "url": f"http://waiting{n % WAITING_HOSTS}.example/{now.timestamp()}/{n}",
                    "host": f"waiting{n % WAITING_HOSTS}.example",
                    "site": "waiting.example",
                    "announced_at": now,
                    "due_at": now,
                    "entry_title": f"Ministers meet for round {n}",
                }
                for n in range(WAITING)
            ],
        )
    for _ in range(TICKS):
        with watch.stage("dispatch: URLs leased"), engine.begin() as connection:
            due = ledger.lease_due_urls(connection, now, 64, 600.0)
        with watch.stage("dispatch: breaking news"), engine.begin() as connection:
            ledger.lease_due_urls(connection, now, 64, 600.0, breaking_only=True)
        with engine.begin() as connection:
            ledger.unqueue(connection, [one.url_id for one in due])
        with watch.stage("dispatch: leases taken back"), engine.begin() as connection:
            ledger.take_back_expired(connection, now, 600.0, 5)
        with watch.stage("dispatch: growing reports"), reading(engine) as connection:
            growth.telling_urls(connection, now)
    with watch.stage("dispatch: tallies folded"), engine.begin() as connection:
        fold_tallies(connection, 1)
    with engine.begin() as connection:
        connection.execute(update(feeds).values(next_poll_at=now, lease_token=None, lease_until=None))
        connection.execute(update(hosts).values(next_free_at=now))
    vacuum(store)
    for _ in range(TICKS):
        quiet_polls(store, now)


def quiet_polls(store: Store, now: datetime) -> None:
    """Claim 32 feeds, pass their gates, and write that they had nothing new."""
    with store.watch.stage("quiet poll"):
        with store.engine.begin() as connection:
            states = feed_store.claim_due_feeds(connection, "bench", now, POLLED, intake.LEASE_S)
        passages = [Passage(feed_store.asked_host(state.url), f"bench {state.id}") for state in states]
        with store.engine.begin() as connection:
            enter_hosts(connection, passages, now, 1.0)
        with store.engine.begin() as connection:
            leave_hosts(connection, passages)
        polls = [
            QuietPoll(plan_poll(state, NotModified(state.url, state.url, (), now, 0.01), None, {}, now, 0.5), now, 0, 0)
            for state in states
        ]
        with store.engine.begin() as connection:
            apply_quiet_polls(connection, "bench", polls)


def measure_queries(store: Store) -> dict[str, float]:
    """CPU milliseconds of some questions: the median of five after a first time."""
    taken = {}
    with reading(store.engine) as connection:
        words = str(connection.execute(text("SELECT text FROM stories WHERE id = 77")).scalar_one()).split()
        asks: dict[str, Callable[[], object]] = {
            name: lambda sql=sql: connection.execute(text(sql)).all() for name, sql in QUESTIONS.items()
        }
        asks["search, a common word"] = lambda: search_stories(connection, min(words, key=len), StoryFilter(), 30)
        asks["search, a rarer word"] = lambda: search_stories(connection, max(words, key=len), StoryFilter(), 30)
        for name, ask in asks.items():
            watch = Watch()
            watch.server = store.watch.server
            for _ in range(6):
                with watch.stage(name):
                    ask()
            taken[name] = round(1000 * sorted(watch.cpu[name][1:])[2], 2)
    return taken


def vacuum(store: Store) -> float:
    """What autovacuum does in service, and SQLite's own little care; returns the seconds."""
    begun = time.perf_counter()
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA optimize" if store.on_sqlite else "VACUUM (ANALYZE) feeds, hosts, urls")
    return time.perf_counter() - begun


def churn(store: Store, polls: int) -> dict[str, Any]:
    """What so many quiet polls and leases leave behind in tables whose rows change all day, and what becomes of it.

    On PostgreSQL: bytes of each table with its indexes and dead rows before, after, and when autovacuum had
    AUTOVACUUM_S to come by as the server is configured; the share of updates that left the indexes alone (HOT), and how
    often it came. On SQLite the file, its free pages and the write-ahead log.
    """
    if store.on_sqlite:
        steps = {"before": disk(store)}
        work(store, polls)
        return steps | {"after": disk(store)}
    steps = {"before": _tables(store)}
    work(store, polls)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    steps["after"] = _tables(store)
    time.sleep(AUTOVACUUM_S)
    steps["and autovacuum"] = _tables(store)
    work(store, polls)
    steps["once more"] = _tables(store)
    return steps


def work(store: Store, polls: int) -> None:
    """So many quiet polls, 32 at once, and as many URLs leased and put back."""
    for _ in range(0, polls, POLLED):
        now = datetime.now(UTC)
        with store.engine.begin() as connection:
            soonest = select(feeds.c.id).order_by(feeds.c.next_poll_at).limit(POLLED)
            connection.execute(update(feeds).where(feeds.c.id.in_(soonest)).values(next_poll_at=now))
        quiet_polls(store, now)
        with store.engine.begin() as connection:
            due = ledger.lease_due_urls(connection, now, POLLED, 600.0)
            ledger.unqueue(connection, [one.url_id for one in due])


def _tables(store: Store) -> dict[str, dict[str, float]]:
    query = """
SELECT relname, pg_total_relation_size(relid), n_dead_tup, n_tup_upd, n_tup_hot_upd, autovacuum_count
FROM pg_stat_user_tables WHERE relname IN ('feeds', 'hosts', 'urls')"""
    with store.engine.connect() as connection:
        return {
            name: {
                "mb": round(size / 1e6, 1), "dead_rows": dead, "hot_share": round(hot / max(1, updates), 2),
                "autovacuums": vacuums,
            }
            for name, size, dead, updates, hot, vacuums in connection.exec_driver_sql(query)
        }  # fmt: skip


def disk(store: Store) -> dict[str, Any]:
    """Bytes a story, and of which tables with their indexes."""
    with store.engine.connect() as connection:
        if store.on_sqlite:
            path = Path(str(store.engine.url.database))
            pages = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("page_count", "page_size")
            }
            total = pages["page_count"] * pages["page_size"]
            beside = {
                "write_ahead_log_mb": round(path.with_name(path.name + "-wal").stat().st_size / 1e6, 1),
                "free_pages": connection.exec_driver_sql("PRAGMA freelist_count").scalar(),
            }
            return {"bytes_a_story": round(total / store.stories), **beside}
        total = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
        rows = connection.exec_driver_sql(
            "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables ORDER BY 2 DESC LIMIT 14"
        )
        return {
            "bytes_a_story": round(total / store.stories),
            "bytes_a_story_by_table": {name: round(size / store.stories) for name, size in rows},
        }


def summary(store: Store) -> dict[str, Any]:
    """Milliseconds of each stage: a story's share of what is done for stories, else a time."""
    stored = len(store.watch.cpu["claim"]) * ENOUGH
    times = {}
    for name, taken in store.watch.cpu.items():
        per = len(taken) if name.startswith("dispatch") else len(taken) * POLLED if name == "quiet poll" else stored
        times[name] = {
            "cpu_ms": round(1000 * sum(taken) / per, 3),
            "wall_ms": round(1000 * sum(store.watch.wall[name]) / per, 3),
        }
    whole = [name for name in times if not name.startswith("dispatch") and name != "quiet poll"]
    times["a story, all stages"] = {
        what: round(sum(times[name][what] for name in whole), 3) for what in ("cpu_ms", "wall_ms")
    }
    return times


def ratios(reports: dict[int, dict[str, Any]], base: int) -> dict[int, dict[str, dict[str, float]]]:
    """Each stage's cost against that at the base size."""
    found = {}
    for size, report in reports.items():
        before = reports[base]["stages"]
        found[size] = {
            name: {
                what: round(times[what] / before[name][what], 2) for what in ("cpu_ms", "wall_ms") if before[name][what]
            }
            for name, times in report["stages"].items()
        }
    return found


def pages_for(given: argparse.Namespace, half: int) -> list[Page]:
    """Every second page of the corpus in copies with other words: seeds are of one half, fresh stories of the other."""
    pages = load_pages(given.corpus, COPIES * (given.again + 1))
    seeds, others = pages[: len(pages) // (given.again + 1) : 2], pages[-(len(pages) // (given.again + 1)) :][1::2]
    known = {page.url for page in seeds}
    return [page for page in others if page.url not in known] if half else seeds


def log(line: str) -> None:
    """A line on standard error."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def run(given: argparse.Namespace, directory: str) -> dict[str, Any]:
    """Fill what is not filled, measure, and tell."""
    wanted = given.only or ("fill", "measure")
    stores = [open_store(size, given, directory) for size in given.stories]
    seeds = read_all(pages_for(given, 0)[:SEEDS])[0] if not all(map(is_filled, stores)) else {}
    for store in stores:
        if "fill" in wanted and not is_filled(store):
            fill(store, seeds, given.chars)
    report: dict[str, Any] = {"database": stores[0].engine.dialect.name, "chars": given.chars}
    if "measure" in wanted:
        fresh = read_all(pages_for(given, 1)[: given.fresh + WARM])[0]
        with stores[0].engine.connect() as connection:
            common = select(story_bands.c.anchor).where(story_bands.c.anchor % 10 < 3).limit(5_000)
            phrases = sorted(set(connection.execute(common).scalars()))
        fresh = with_phrases(fresh, phrases, random.Random(given.again))
        log("settling")
        measure_settling(stores, fresh)
        reports = {}
        for store in stores:
            log(f"ticks, polls and queries at {store.stories:,}")
            sizes = disk(store)
            measure_ticks(store)
            reports[store.stories] = {"stages": summary(store), "queries_cpu_ms": measure_queries(store), "disk": sizes}
            if given.churn:
                log(f"churn at {store.stories:,}")
                reports[store.stories]["churn"] = churn(store, given.churn)
        report |= {"sizes": reports}
        if given.base in reports:
            report["ratios"] = ratios(reports, given.base)
    for store in stores:
        store.engine.dispose()
    return report


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--base", type=int, default=10_000)
    parser.add_argument("--chars", type=int, help="cut cloned texts, and leave out what settling only adds to")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--directory", help="where SQLite files are kept")
    parser.add_argument("--server-url", help="a PostgreSQL server's URL, which may make databases")
    parser.add_argument("--fresh", type=int, default=256, help="stories that are settled in each database")
    parser.add_argument("--again", type=int, default=0, help="how often these databases were measured before")
    parser.add_argument("--churn", type=int, default=0, help="quiet polls after which tables are looked at")
    parser.add_argument("--only", choices=("fill", "measure"), nargs="*", default=())
    parser.add_argument("--keep", action="store_true", help="leave PostgreSQL's databases")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="frontwire-scale-") as directory:
        print(json.dumps(run(given, given.directory or directory), indent=1))
    if given.server_url and not given.keep:
        with psycopg.connect(given.server_url, autocommit=True) as server:
            for size in given.stories:
                server.execute(f"DROP DATABASE scale_{size} WITH (FORCE)".encode())


if __name__ == "__main__":
    main()

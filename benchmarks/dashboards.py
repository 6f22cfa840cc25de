"""What the dashboards' questions cost over many stories, and what keeping the counts and the index costs a settler.

    PYTHONPATH=. python benchmarks/dashboards.py [--stories N] [--database-url URL]
        [--only fill|ask|panels|search|serve|settle] [--most-s SECONDS] [--seed N] [--without-search] [--corpus DIR]

A database that was filled already is measured as it is; one that was not is filled first, for at most so many seconds:
the same command goes on where it ended. With a seed only so many stories are written and the rest copied from them in
SQL (benchmarks/copied_stories.py says what those lack). Without a URL a SQLite file in a temporary directory is used.
With a corpus of recorded pages their stories are settled as well. Prints for each question the first time by the
clock, then median and p95 of the others, and the CPU time of the one in the middle, in milliseconds, the slowest last;
for each page of the dashboards the sum of its panels' CPU.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, insert, text

from benchmarks.dashboards_panels import cpu_clock, cpu_of_pages, datasette_panels, grafana_panels
from benchmarks.dashboards_searches import kinds
from benchmarks.dashboards_served import served
from benchmarks.filled_tables import FillStopped
from benchmarks.many_stories import ACTORS, fill, is_filled, pages_of_words
from benchmarks.settling import read_all, settle_all
from benchmarks.wire import load_pages
from pipeline.identity.fingerprints import fingerprint
from pipeline.outcomes import PolicyType, UrlState
from pipeline.store import ledger, stories, verdicts
from pipeline.store.lookups import BatchLook
from pipeline.store.reports import StoryFilter
from pipeline.store.schema import urls
from pipeline.store.search import search_stories
from pipeline.store.triggers import statements_for
from pipeline.values import ActScore, Claim, CleanStory, EntryHints, Mention, PageRef, Settlement, StoryRecord, Verdict
from workers.database import open_engine, reading, upgrade
from workers.settings import load_settings
from workers.settler import Settler

BATCH = 16
TARGET_MEDIAN_MS, TARGET_P95_MS, TARGET_SETTLING = 300.0, 1000.0, 1.3
# The questions of the panels in SQL that both databases read; :since is an instant, :day a day.
QUESTIONS = {
    "stories": "SELECT count(*) FROM policy_stories WHERE stored_at >= :since",
    "reports": "SELECT count(DISTINCT cluster_id) FROM policy_stories WHERE stored_at >= :since",
    "latest": "SELECT * FROM conflict_policy_stories WHERE stored_at >= :since ORDER BY stored_at DESC LIMIT 50",
    "latest of a source": "SELECT * FROM conflict_policy_stories WHERE source = 'wire7.example' "
    "ORDER BY stored_at DESC LIMIT 50",
    "latest of an actor": "SELECT * FROM conflict_policy_stories WHERE ', ' || actors || ',' LIKE '%, PRK,%' "
    "AND acts LIKE '%talks%' ORDER BY stored_at DESC LIMIT 50",
    "volume by day": "SELECT day, sum(stories), sum(conflict_policy) FROM volume_by_language "
    "WHERE day >= :day GROUP BY day",
    "volume by source": "SELECT source, sum(stories) FROM volume_by_source WHERE day >= :day GROUP BY source",
    "acts": "SELECT act, sum(stories) FROM acts_by_day WHERE day >= :day AND actor IS NULL GROUP BY act",
    "actors": "SELECT actor, sum(stories) FROM acts_by_day WHERE day >= :day AND act IS NULL GROUP BY actor",
    "acts and actors": "SELECT act, actor, sum(stories) FROM acts_by_day WHERE day >= :day "
    "AND act IS NOT NULL AND actor IS NOT NULL GROUP BY act, actor",
    "acts in a language": "SELECT act, sum(stories) FROM acts_daily WHERE day >= :day AND language = 'en' GROUP BY act",
    "volume of a language": "SELECT source, sum(stories) FROM volume_daily WHERE day >= :day AND language = 'en' "
    "GROUP BY source",
    "places": "SELECT place, lat, lon, sum(stories) FROM places_by_day WHERE day >= :day GROUP BY place, lat, lon",
    "places of a source": "SELECT place, lat, lon, count(*) FROM policy_places WHERE day >= :day "
    "AND source = 'wire7.example' GROUP BY place, lat, lon",
    "reports with copies": "SELECT cluster_id, copies, sites FROM story_clusters WHERE copies > 0 "
    "ORDER BY copies DESC, first_seen_at DESC LIMIT 200",
    "a report": "SELECT * FROM story_clusters WHERE cluster_id IN (77, 78, 79)",
    "latency": "SELECT * FROM latency WHERE day >= :day",
    "funnel": "SELECT * FROM pipeline_funnel",
    "dead letters": "SELECT * FROM dead_letters ORDER BY settled_at DESC LIMIT 100",
    "health": "SELECT * FROM source_health ORDER BY is_silent DESC LIMIT 100",
    "a story": "SELECT * FROM story_details WHERE story_id = 77",
    "its copies": "SELECT * FROM story_copies WHERE story_id = 77",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds: the first time, median and p95 (nearest rank) of those after it, and the median of their CPU."""

    first: float
    median: float
    p95: float
    cpu: float


def main() -> None:
    """Fill if need be, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database-url")
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--only", choices=("fill", "ask", "panels", "search", "serve", "settle"), nargs="*", default=())
    parser.add_argument("--shown", type=int, default=16)
    parser.add_argument("--most-s", type=float, default=1e9)
    parser.add_argument("--without-search", action="store_true")
    parser.add_argument("--corpus", type=Path)
    options = parser.parse_args()
    wanted = options.only or ("fill", "ask", "search", "serve", "settle")
    with tempfile.TemporaryDirectory(prefix="frontwire-bench-") as name:
        url = options.database_url or f"sqlite:///{name}/bench.db"
        if set(wanted) - {"settle"}:
            engine = open_engine(url)
            upgrade(engine)
            try:
                report_database(engine, wanted, options)
            except FillStopped as stopped:
                print(f"{stopped}: call again to go on")
                return
            finally:
                engine.dispose()
        if "settle" in wanted:
            report_settling(name, options.database_url)
            if options.corpus:
                report_recorded_settling(name, options.corpus)


def report_database(engine: Engine, wanted: Sequence[str], options: argparse.Namespace) -> None:
    """What the parts cost that need many stories."""
    with engine.connect() as connection:
        filled = is_filled(connection, has_search=not options.without_search)
    if not filled:
        now, has_search = datetime.now(UTC), not options.without_search
        taken = fill(engine, options.stories, now, options.most_s, has_search=has_search, seed=options.seed)
        print(", ".join(f"{what} {seconds:.0f} s" for what, seconds in taken.items()))
    with engine.connect() as connection:
        print(f"{engine.dialect.name}, {connection.execute(text('SELECT max(id) FROM stories')).scalar():,} stories")
    on_sqlite = engine.dialect.name == "sqlite"
    if "ask" in wanted:
        report_questions(engine, options.times, has_search=not options.without_search)
    if {"ask", "panels"} & set(wanted):
        panels = datasette_panels(Path(str(engine.url.database))) if on_sqlite else grafana_panels(engine)
        found = {}
        for name, ask in panels:
            found[name] = measured(ask, options.times, ask.cpu_s)
        print_figures("panels", found, options.shown)
        pages = sorted(cpu_of_pages({name: taken.cpu for name, taken in found.items()}), key=lambda page: page[1])
        print("pages, the CPU of their panels one after the other:")
        for name, cpu in pages:
            print(f"  {name:<52} CPU {cpu:8.1f}")
    if "search" in wanted and not options.without_search:
        with reading(engine) as connection:
            cpu_s = cpu_clock(connection)
            searches = {name: measured(ask, options.times, cpu_s) for name, ask in kinds(connection)}
        print_figures("kinds of search", searches, len(searches))
    if "serve" in wanted and on_sqlite:
        print_figures("served panels and pages", served(Path(str(engine.url.database)), options.times, measured))


def measured(act: Callable[[], object], times: int, cpu_s: Callable[[], float] = time.thread_time) -> Taken:
    """What `act` takes, so many times after the first; `cpu_s` tells the CPU spent so far by whoever does the work."""
    taken, spent = [], []
    for _ in range(times + 1):
        started, before = time.perf_counter(), cpu_s()
        act()
        spent.append((cpu_s() - before) * 1000)
        taken.append((time.perf_counter() - started) * 1000)
    warm = sorted(taken[1:])
    return Taken(taken[0], statistics.median(warm), warm[math.ceil(0.95 * len(warm)) - 1], statistics.median(spent[1:]))


def report_questions(engine: Engine, times: int, *, has_search: bool) -> None:
    """The views' questions over a day, a month and a year, and three searches."""
    found: dict[str, Taken] = {}
    now = datetime.now(UTC)
    with reading(engine) as connection:
        cpu_s = cpu_clock(connection)
        for days, (name, sql) in itertools.product((1, 30, 365), QUESTIONS.items()):
            if days != 365 and ":" not in sql:
                continue
            since: Any = now - timedelta(days=days)
            day: Any = since.date()
            if engine.dialect.name == "sqlite":
                since, day = since.strftime("%Y-%m-%dT%H:%M:%S.000Z"), day.isoformat()
            values = {"since": since} if ":since" in sql else {"day": day} if ":day" in sql else {}
            ask = text(sql)
            label = f"{name}, {days} days" if values else name
            found[label] = measured(lambda ask=ask, values=values: connection.execute(ask, values).all(), times, cpu_s)
        words = connection.execute(text("SELECT text FROM stories WHERE id = 77")).scalar_one().split()
        common, rare = min(words, key=len), max(words, key=len).strip(".")
        searches = {"a common word": common, "a rare word": rare, "a phrase": f'"{" ".join(words[2:5])}"'}
        for name, typed in (searches | {"a beginning": f"{rare[:5]}*"}).items() if has_search else ():
            found[f"search, {name}"] = measured(
                lambda typed=typed: search_stories(connection, typed, StoryFilter(), 30), times, cpu_s
            )
    print_figures("questions", found)


def print_figures(what: str, found: dict[str, Taken], shown: int = 16) -> None:
    """The summary, and the slowest."""
    print(
        f"{what}: {len(found)}, median of the medians {statistics.median(t.median for t in found.values()):.1f} ms",
        end="",
    )
    slow = [name for name, t in found.items() if t.median > TARGET_MEDIAN_MS or t.p95 > TARGET_P95_MS]
    busy = sum(t.cpu > TARGET_MEDIAN_MS for t in found.values())
    print(f"; {len(slow)} over {TARGET_MEDIAN_MS:.0f} ms median or {TARGET_P95_MS:.0f} ms p95, {busy} of them by CPU")
    for name, t in sorted(found.items(), key=lambda item: item[1].cpu)[-shown:]:
        print(f"  {name:<52} first {t.first:8.1f}  median {t.median:8.1f}  p95 {t.p95:8.1f}  CPU {t.cpu:8.1f}")


# ----------------------------------------------------------------------------------------------------------- settling


def report_settling(directory: str, database_url: str | None, batches: int = 60) -> None:
    """The CPU time of settling batches of 16 stories with counts and index, against the same without.

    It is that of this process and the database's.
    """
    base = database_url if database_url and database_url.startswith("postgresql") else f"sqlite:///{directory}/settle"
    engines = {}
    for kind in ("with", "without"):
        url = f"{base}_settle_{kind}" if base.startswith("postgresql") else f"{base}_{kind}.db"
        engines[kind] = open_engine(url)
        upgrade(engines[kind])
        if kind == "without":
            _take_away(engines[kind])
    taken: dict[str, list[float]] = {kind: [] for kind in engines}
    spent = {kind: _cpu_of_settling(engine) for kind, engine in engines.items()}
    for number, records in enumerate(_batches(batches)):
        # Each goes first every second time, so that a machine with other work treats both alike.
        for kind in sorted(engines, reverse=bool(number % 2)):
            claims = _announce(engines[kind], records, number)
            with _counted(kind == "with"):
                started = spent[kind]()
                _settle(engines[kind], claims, records)
                taken[kind].append(spent[kind]() - started)
    medians = {kind: statistics.median(seconds) / BATCH * 1000 for kind, seconds in taken.items()}
    ratio = statistics.median(a / b for a, b in zip(taken["with"], taken["without"], strict=True))
    print(
        f"settling a story: {medians['with']:.2f} ms CPU with, {medians['without']:.2f} ms without; ratio {ratio:.2f}",
        end="",
    )
    print(f", of sums {sum(taken['with']) / sum(taken['without']):.2f} (target {TARGET_SETTLING})")
    for engine in engines.values():
        engine.dispose()


def _cpu_of_settling(engine: Engine) -> Callable[[], float]:
    """The CPU seconds of this process and, with PostgreSQL, of the one that serves it: the pool has one connection."""
    if engine.dialect.name == "sqlite":
        return time.process_time
    with engine.connect() as connection:
        serving = cpu_clock(connection)
    return lambda: serving() + time.process_time()


def report_recorded_settling(directory: str, corpus: Path, rounds: int = 7, pages: int = 160) -> None:
    """The same for the stories of recorded pages, with all that reading finds in them; SQLite, a new file each time."""
    read, _ = read_all(load_pages(corpus, 1, pages))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    taken: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(rounds):
        for kind in sorted(taken, reverse=bool(number % 2)):
            url = f"sqlite:///{directory}/recorded_{kind}_{number}.db"
            engine = open_engine(url)
            upgrade(engine)
            if kind == "without":
                _take_away(engine)
            settler = Settler(engine, load_settings(data_dir=directory, database_url=url), lambda: False)
            with _counted(kind == "with"):
                taken[kind].append(settle_all(engine, settler, read)[0])
            engine.dispose()
    ratio = statistics.median(a / b for a, b in zip(taken["with"], taken["without"], strict=True))
    medians = {kind: statistics.median(ms) for kind, ms in taken.items()}
    print(
        f"of {len(read)} recorded pages: {medians['with']:.2f} and {medians['without']:.2f} ms CPU; ratio {ratio:.2f}"
    )


@contextmanager
def _counted(is_counted: bool) -> Iterator[None]:
    """Whether what dashboards ask of a story is written when it is settled."""
    places = ((verdicts, "keep_facts"), (verdicts, "keep_cluster_facts"), (stories, "keep_missing_facts"))
    kept = [(module, name, getattr(module, name)) for module, name in (*places, (stories, "indexed_together"))]
    for module, name in places if not is_counted else ():
        setattr(module, name, _keep_nothing)
    if not is_counted:
        stories.indexed_together = nullcontext
    try:
        yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)


def _keep_nothing(_connection: Connection, _keys: object) -> None:
    """In place of what counts a story."""


def _take_away(engine: Engine) -> None:
    """The schema as it was before there were counts and search: no trigger, no index for the funnel or an outlet."""
    with engine.begin() as connection:
        for name, made in statements_for(engine.dialect.name).items():
            if made.startswith("CREATE TRIGGER"):
                table = made.split(" ON ")[1].split()[0]
                of_table = f" ON {table}" if engine.dialect.name == "postgresql" else ""
                connection.exec_driver_sql(f"DROP TRIGGER {name}{of_table}")
        for index in ("ix_urls_state_reason_announced_at", "ix_stories_site_id"):
            connection.exec_driver_sql(f"DROP INDEX {index}")


def _batches(count: int) -> list[list[StoryRecord]]:
    chance = random.Random(3)
    found = []
    for _ in range(count):
        records = []
        for title, body in itertools.islice(pages_of_words(chance, sentences=35), BATCH):
            is_policy = chance.random() < 0.15
            verdict = Verdict(
                "m1", True, 0.9, 0.8 if is_policy else 0.1, 0.36,
                acts=(ActScore(PolicyType.TALKS, 0.7),) if is_policy else (),
                mentions=tuple(Mention(a, "state", "title", 0, 3, a) for a in chance.choices(ACTORS, k=4)),
            )  # fmt: skip
            story = CleanStory(url="", title=title, text=body, language="en")
            records.append(StoryRecord(story, fingerprint(title, body), verdict, "r1"))
        found.append(records)
    return found


def _announce(engine: Engine, records: list[StoryRecord], batch: int) -> list[Claim]:
    now = datetime.now(UTC)
    claims = []
    with engine.begin() as connection:
        for number in range(len(records)):
            site = f"wire{number}.example"
            url = f"https://{site}/{batch}/{number}"
            values = {
                "url": url,
                "host": site,
                "site": site,
                "state": UrlState.CLAIMED,
                "lease_token": "t",
                "attempts": 1,
            }
            key = connection.execute(insert(urls).values(announced_at=now, due_at=now, **values)).inserted_primary_key
            assert key is not None
            claims.append(Claim(key[0], url, url, site, site, "t", 1, None, None, EntryHints()))
    return claims


def _settle(engine: Engine, claims: list[Claim], records: list[StoryRecord]) -> None:
    """One transaction, as workers/settler.py makes it."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        held = ledger.held_among(connection, claims)
        look = BatchLook(
            connection, [stories.wanted_of(one.url, record) for one, record in zip(claims, records, strict=True)]
        )
        with stories.stored_together(connection, look):
            for claim, record in zip(claims, records, strict=True):
                assert claim.url_id in held
                page = PageRef(claim.url, claim.url, 200, None, None, None, now, 1, "0" * 64, "a.warc.gz", 0, 1)
                page_id = stories.add_page(connection, claim.url_id, page)
                stored = stories.store_record(connection, claim, page_id, claim.url, record, now, look)
                ledger.settle(connection, claim, Settlement(stored.state, stored.reason), now, stored.story_id)


if __name__ == "__main__":
    main()

"""A million stories a day, in real time: 12 a second for some minutes through the whole road, over real HTTP.

    PYTHONPATH=. python benchmarks/million_a_day.py [--seconds 300] [--stories-per-s 11.6] [--polls-per-s 100]
                                                    [--corpus PATH] [--workers 2] [--database-url URL --redis-url URL]

A cross-section of a day with 180,000 feeds: so many known feeds fall due each second, each once, evenly spread; one in
eight of them lists one new entry, whose page is another site's each time, all others answer 304. The hosts' robots.txt
was asked earlier that day. The processes are those of `frontwire run` as it ships, on SQLite and the embedded Valkey
unless URLs are given (an empty database). The origin (benchmarks/logged_origin.py) is a process of its own, whose CPU
is told apart. The first `WARM_S` seconds are not measured.

Prints JSON: what was due, announced and stored, lost or doubled; seconds from a feed's due time to its poll, from the
announcement to the story, and from the due time to the story as p50, p95, p99 and the longest; CPU by process and its
share of the machine. It keeps up when the last stories are announced and stored as soon as the first.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from sqlalchemy import Engine, func, insert, make_url, select, text

from benchmarks.end_to_end import role_of, server_cpu_s
from benchmarks.latency import percentiles
from benchmarks.logged_origin import etag_of, logged_origin, news_feed, quiet_body, quiet_feed, read_log
from pipeline.feeds import body_digest, read_feed
from pipeline.store import feeds as feed_store
from pipeline.store import ledger
from pipeline.store.schema import feed_listings, feeds, hosts, stories, urls
from workers.database import open_engine, reading, upgrade
from workers.running import Machine, running_machine
from workers.settings import Settings, load_settings

WARM_S = 45.0
# So long the last stories are waited for.
AFTER_S = 90.0
CORPUS_PAGES = 216


def fill(
    engine: Engine, order: Sequence[str], pages: Sequence[str], start_s: float, seconds: float
) -> dict[str, datetime]:
    """The feeds as a poller left them when it polled them last, and the hosts as workers left them this morning.

    They fall due in `order`, the first `start_s` after all has been made ready; returns when each does.
    """
    now = datetime.now(UTC)
    rows, gates, listings = [], [], []
    for number, url in enumerate(order, 1):
        body = quiet_body(url)
        then = now - timedelta(minutes=30)
        rows.append(
            {
                "id": number, "url": url, "host": feed_store.asked_host(url), "source": urlsplit(url).netloc,
                "added_at": now - timedelta(days=90), "body_sha256": body_digest(body), "interval_s": 1_800.0,
                "known_entries": 1, "etag": etag_of(body),
            }
            | dict.fromkeys(("last_polled_at", "last_success_at", "last_new_at", "last_unconditional_at"), then)
        )  # fmt: skip
        gates.append({"host": feed_store.asked_host(url), "next_free_at": then})
        # Only who is read again needs the keys that reading gives; the others answer 304.
        entries = read_feed(body, "application/rss+xml", url, now).entries if url.startswith("http://news-") else ()
        listings += [
            {
                "feed_id": number,
                "entry_key": entry.key,
                "entry_version": entry.version,
                "first_seen_at": then,
                "last_seen_at": then,
                "is_listed": True,
            }
            for entry in entries
        ]
    asked = {
        "next_free_at": now, "robots_status": 200, "robots_body": "User-agent: *\nAllow: /\n",
        "robots_until": now + timedelta(hours=20),
    }  # fmt: skip
    page_hosts = [{"host": host, **asked} for host in sorted({urlsplit(page).netloc for page in pages})]
    starts_at = datetime.now(UTC) + timedelta(seconds=start_s)
    schedule = {url: starts_at + timedelta(seconds=seconds * n / len(order)) for n, url in enumerate(order)}
    for row in rows:
        row["next_poll_at"] = schedule[str(row["url"])]
    with engine.begin() as connection:
        for table, values in ((feeds, rows), (hosts, gates), (hosts, page_hosts), (feed_listings, listings)):
            connection.execute(insert(table), values)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return schedule


def planned(pages: Sequence[str], polls: int, chance: random.Random) -> list[str]:
    """The feeds in the order in which they fall due; those with news lie anywhere among them."""
    kinds = [news_feed(number) for number in range(len(pages))]
    kinds += [quiet_feed(number) for number in range(max(0, polls - len(pages)))]
    chance.shuffle(kinds)
    return kinds


def cpu_by_role(origin: psutil.Process, database_url: str | None) -> dict[str, float]:
    """CPU seconds so far of our processes, and of the origin. Reading children that were replaced are told apart."""
    found: defaultdict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        try:
            if process.pid == origin.pid:
                found["origin"] = sum(process.cpu_times()[:2])
                continue
            times, role = process.cpu_times(), role_of(process.cmdline())
        except (psutil.Error, IndexError):
            continue
        found[role] += times.user + times.system
        found["replaced children"] += times.children_user + times.children_system
    if database_url:
        found["postgresql"] = server_cpu_s(database_url)
    return found


def watch(machine: Machine, until: float) -> None:
    """Keep the processes alive until then."""
    while time.monotonic() < until:
        machine.supervisor.watch()
        if machine.stop.wait(0.5):
            raise SystemExit("ended by a signal")


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """One run."""
    seconds = given.seconds + WARM_S
    count = round(seconds * given.stories_per_s)
    copies = -(-count // (CORPUS_PAGES if given.corpus else 46))
    with tempfile.TemporaryDirectory(prefix="frontwire-million-") as name:
        directory = Path(name)
        options = ["--copies", str(copies), "--limit", str(count), "--list", str(directory / "pages")]
        options += ["--corpus", str(given.corpus)] if given.corpus else []
        with logged_origin(directory / "asked", *options) as (proxy, origin):
            pages = (directory / "pages").read_text("utf-8").split("\n")
            settings = load_settings(
                data_dir=directory / "data",
                database_url=given.database_url,
                redis_url=given.redis_url,
                http_proxy=proxy,
                workers=given.workers,
                log_level="warning",
            )
            report = _run(given, settings, pages, seconds, origin, directory)
        asked = [one for one in read_log(directory / "asked") if one.url in set(pages) and one.status == 200]
    report["pages_fetched_twice"] = len(asked) - len({one.url for one in asked})
    return report


def _run(
    given: argparse.Namespace,
    settings: Settings,
    pages: Sequence[str],
    seconds: float,
    origin: psutil.Process,
    directory: Path,
) -> dict[str, Any]:
    engine = open_engine(settings.database_dsn)
    upgrade(engine)
    order = planned(pages, round(seconds * given.polls_per_s), random.Random(1))
    schedule = fill(engine, order, pages, given.start_s, seconds)
    starts_at = schedule[order[0]]
    log_dir = directory / "log"
    with running_machine(settings, with_dashboard=False, feeds=[], log_dir=log_dir) as machine:
        late_s = (datetime.now(UTC) - starts_at).total_seconds()
        if late_s > 0:
            raise SystemExit(f"the processes started {late_s:.0f} s too late: give a larger --start-s")
        watch(machine, time.monotonic() - late_s + WARM_S)
        before, machine_before = cpu_by_role(origin, given.database_url), psutil.cpu_times()
        begun = time.monotonic()
        watch(machine, begun + given.seconds)
        after, machine_after = cpu_by_role(origin, given.database_url), psutil.cpu_times()
        taken_s = time.monotonic() - begun
        waited = time.monotonic()
        while not is_done(engine, len(set(pages))) and time.monotonic() < waited + AFTER_S:
            watch(machine, time.monotonic() + 1.0)
        waited = time.monotonic() - waited
    spent = {role: after[role] - before.get(role, 0.0) for role in after}
    idle = machine_after.idle - machine_before.idle + machine_after.iowait - machine_before.iowait
    found = told(engine, schedule, pages, starts_at + timedelta(seconds=WARM_S), given.seconds)
    engine.dispose()
    ours = sum(cpu_s for role, cpu_s in spent.items() if role != "origin")
    return {
        "database": make_url(given.database_url).get_backend_name() if given.database_url else "sqlite",
        "seconds": given.seconds,
        "workers": settings.workers,
        "feeds_polled_per_s": given.polls_per_s,
        "stories_per_s_offered": given.stories_per_s,
        **found,
        "waited_for_the_last_s": round(waited, 1),
        "cpu_s": {role: round(cpu_s, 1) for role, cpu_s in sorted(spent.items())},
        "our_share_of_the_machine": round(ours / taken_s / (os.cpu_count() or 1), 3),
        "busy_share_of_the_machine": round(1 - idle / taken_s / (os.cpu_count() or 1), 3),
        "cpu_ms_a_story": round(1000 * ours / max(1, found["stored_in_the_window"]), 1),
        "load": round(os.getloadavg()[0], 1),
    }


def is_done(engine: Engine, pages: int) -> bool:
    """Whether every page was announced and has ended."""
    with reading(engine) as connection:
        announced = connection.execute(select(func.count()).select_from(urls)).scalar_one()
        return announced == pages and ledger.count_open(connection) == 0


def told(
    engine: Engine, schedule: Mapping[str, datetime], pages: Sequence[str], since: datetime, seconds: float
) -> dict[str, Any]:
    """What became of the entries, and how long they took. Of what fell due in the window."""
    until = since + timedelta(seconds=seconds)
    due = {page: schedule[news_feed(number)] for number, page in enumerate(pages)}
    with reading(engine) as connection:
        rows = connection.execute(
            select(
                func.coalesce(urls.c.link, urls.c.url).label("url"),
                urls.c.state,
                urls.c.announced_at,
                stories.c.stored_at,
            ).outerjoin(stories, stories.c.url_id == urls.c.id)
        ).all()
    known = {row.url: row for row in rows}
    inside = [page for page, at in due.items() if since <= at < until]
    ended = [known[page] for page in inside if page in known and known[page].stored_at is not None]
    polled, read, whole = [], [], []
    for row in ended:
        polled.append((row.announced_at - due[row.url]).total_seconds())
        read.append((row.stored_at - row.announced_at).total_seconds())
        whole.append((row.stored_at - due[row.url]).total_seconds())
    in_window = sum(row.stored_at is not None and since <= row.stored_at < until for row in rows)
    return {
        "entries": len(set(pages)),
        "announced": len(known),
        "never_announced": sum(page not in known for page in pages),
        "stored": sum(row.stored_at is not None for row in rows),
        "ended_otherwise": dict(_counted(row.state for row in rows if row.stored_at is None)),
        "stored_twice": len(rows) - len(known),
        "stored_in_the_window": in_window,
        "stories_per_s": round(in_window / seconds, 2),
        "due_to_announced_s": percentiles(polled) if polled else {},
        "announced_to_stored_s": percentiles(read) if read else {},
        "due_to_stored_s": percentiles(whole) if whole else {},
    }


def _counted(states: Any) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for state in states:
        found[str(state)] += 1
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--stories-per-s", type=float, default=11.6, help="a million a day")
    parser.add_argument("--polls-per-s", type=float, default=100.0, help="180,000 feeds every half hour")
    parser.add_argument("--start-s", type=float, default=45.0, help="from the fill to the first poll")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database-url")
    parser.add_argument("--redis-url")
    given = parser.parse_args()
    print(json.dumps(measure(given), indent=1))


if __name__ == "__main__":
    main()

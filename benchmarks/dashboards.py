"""What the dashboards' questions cost over many stories, and what keeping the counts and the index costs a settler.

    PYTHONPATH=. python benchmarks/dashboards.py [--stories N] [--database-url URL] [--skip-settling]

A database that has stories already is measured as it is; an empty one is filled first. Without a URL a SQLite file in a
temporary directory is used. Prints median and p95 of each question in milliseconds, the slowest last.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, text

from benchmarks.many_stories import ACTORS, fill, pages_of_words
from pipeline.identity.fingerprints import fingerprint
from pipeline.outcomes import PolicyType, UrlState
from pipeline.store import ledger, stories, verdicts
from pipeline.store.reports import StoryFilter
from pipeline.store.schema import urls
from pipeline.store.search import search_stories
from pipeline.store.triggers import statements_for
from pipeline.values import ActScore, Claim, CleanStory, EntryHints, Mention, PageRef, Settlement, StoryRecord, Verdict
from workers.dashboard import dashboards_dir, datasette_metadata
from workers.database import open_engine, reading, upgrade

BATCH = 16
TARGET_MEDIAN_MS, TARGET_P95_MS, TARGET_SETTLING = 300.0, 1000.0, 1.3
# The questions of the panels in SQL that both databases read; :since is an instant, :day a day.
QUESTIONS = {
    "stories": "SELECT count(*) FROM conflict_policy_stories WHERE stored_at >= :since",
    "reports": "SELECT count(DISTINCT cluster_id) FROM conflict_policy_stories WHERE stored_at >= :since",
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
    "latency": "SELECT * FROM latency WHERE day >= :day",
    "funnel": "SELECT * FROM pipeline_funnel",
    "dead letters": "SELECT * FROM dead_letters ORDER BY settled_at DESC LIMIT 100",
    "health": "SELECT * FROM source_health ORDER BY is_silent DESC LIMIT 100",
    "a story": "SELECT * FROM story_details WHERE story_id = 77",
    "its copies": "SELECT * FROM story_copies WHERE story_id = 77",
}


def main() -> None:
    """Fill if need be, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=100_000)
    parser.add_argument("--database-url")
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--skip-settling", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="frontwire-bench-") as name:
        url = options.database_url or f"sqlite:///{name}/bench.db"
        engine = open_engine(url)
        upgrade(engine)
        with engine.connect() as connection:
            held = connection.execute(text("SELECT count(*) FROM stories")).scalar_one()
        if not held:
            taken = fill(engine, options.stories, datetime.now(UTC))
            print(", ".join(f"{what} {seconds:.0f} s" for what, seconds in taken.items()))
        print(f"{engine.dialect.name}, {held or options.stories:,} stories")
        report_questions(engine, options.times)
        if engine.dialect.name == "sqlite":
            report_panels(Path(str(engine.url.database)), options.times)
        engine.dispose()
        if not options.skip_settling:
            report_settling(name, options.database_url)


def measured_ms(act: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and p95 (nearest rank) of the wall time of `act`, the first, cold run included."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), sorted(taken)[math.ceil(0.95 * len(taken)) - 1]


def report_questions(engine: Engine, times: int) -> None:
    """The views' questions over a day, a month and a year, and three searches."""
    found: dict[str, tuple[float, float]] = {}
    now = datetime.now(UTC)
    with reading(engine) as connection:
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
            found[label] = measured_ms(lambda ask=ask, values=values: connection.execute(ask, values).all(), times)
        words = connection.execute(text("SELECT text FROM stories WHERE id = 77")).scalar_one().split()
        common, rare = min(words, key=len), max(words, key=len).strip(".")
        searches = {"a common word": common, "a rare word": rare, "a phrase": f'"{" ".join(words[2:5])}"'}
        for name, typed in (searches | {"a beginning": f"{rare[:5]}*"}).items():
            found[f"search, {name}"] = measured_ms(
                lambda typed=typed: search_stories(connection, typed, StoryFilter(), 30), times
            )
    print_figures("questions", found)


def report_panels(path: Path, times: int) -> None:
    """Every panel of the Datasette dashboards over each period, as the page asks it."""
    import importlib.util

    from datasette_dashboards import replace_opts_in_query

    spec = importlib.util.spec_from_file_location("frontwire_sql", dashboards_dir() / "plugins" / "frontwire_sql.py")
    assert spec is not None
    assert spec.loader is not None
    functions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(functions)
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    functions.prepare_connection(connection)
    empty = dict.fromkeys(("source", "language", "act", "actor"), "")
    found: dict[str, tuple[float, float]] = {}
    for slug, dashboard in datasette_metadata("frontwire")["plugins"]["datasette-dashboards"].items():
        cases = [({"period": period}, period) for period in ("1 day", "30 days", "365 days")]
        cases.append(({"period": "365 days", "source": "wire7.example"}, "365 days, a source"))
        cases.append(({"period": "365 days", "actor": "PRK", "act": "talks"}, "365 days, an act and actor"))
        for (chosen, shown), (name, chart) in itertools.product(cases, dashboard["charts"].items()):
            chosen = {key: value for key, value in chosen.items() if key in dashboard["filters"]}
            sql, values = replace_opts_in_query(chart["query"], chosen), {**empty, **chosen}
            found[f"{slug}/{name}, {shown}"] = measured_ms(
                lambda sql=sql, values=values: connection.execute(sql, values).fetchall(), times
            )
    connection.close()
    print_figures("panels", found)


def print_figures(what: str, found: dict[str, tuple[float, float]]) -> None:
    """The summary, and the twelve slowest."""
    medians = [median for median, _ in found.values()]
    print(f"{what}: {len(found)}, median of the medians {statistics.median(medians):.1f} ms", end="; ")
    slow = [name for name, (median, p95) in found.items() if median > TARGET_MEDIAN_MS or p95 > TARGET_P95_MS]
    print(f"{len(slow)} over {TARGET_MEDIAN_MS:.0f} ms median or {TARGET_P95_MS:.0f} ms p95")
    for name, (median, p95) in sorted(found.items(), key=lambda item: item[1][0])[-12:]:
        print(f"  {name:<48} median {median:8.1f}  p95 {p95:8.1f}")


# ----------------------------------------------------------------------------------------------------------- settling


def report_settling(directory: str, database_url: str | None, batches: int = 60) -> None:
    """The wall time of settling batches of 16 stories with counts and index, against the same without."""
    base = database_url if database_url and database_url.startswith("postgresql") else f"sqlite:///{directory}/settle"
    engines = {}
    for kind in ("with", "without"):
        url = f"{base}_settle_{kind}" if base.startswith("postgresql") else f"{base}_{kind}.db"
        engines[kind] = open_engine(url)
        upgrade(engines[kind])
        if kind == "without":
            _take_away(engines[kind])
    taken: dict[str, list[float]] = {kind: [] for kind in engines}
    kept = verdicts.keep_facts, verdicts.keep_cluster_facts
    for number, records in enumerate(_batches(batches)):
        # Each goes first every second time, so that a machine with other work treats both alike.
        for kind in sorted(engines, reverse=bool(number % 2)):
            verdicts.keep_facts, verdicts.keep_cluster_facts = (
                kept if kind == "with" else (_keep_nothing, _keep_nothing)
            )
            claims = _announce(engines[kind], records, number)
            started = time.perf_counter()
            _settle(engines[kind], claims, records)
            taken[kind].append(time.perf_counter() - started)
    verdicts.keep_facts, verdicts.keep_cluster_facts = kept
    medians = {kind: statistics.median(seconds) / BATCH * 1000 for kind, seconds in taken.items()}
    ratio = statistics.median(a / b for a, b in zip(taken["with"], taken["without"], strict=True))
    print(
        f"settling a story: {medians['with']:.2f} ms with, {medians['without']:.2f} ms without; ratio {ratio:.2f}",
        end="",
    )
    print(f", of sums {sum(taken['with']) / sum(taken['without']):.2f} (target {TARGET_SETTLING})")
    for engine in engines.values():
        engine.dispose()


def _keep_nothing(_connection: Connection, _key: int) -> None:
    """In place of what counts a story."""


def _take_away(engine: Engine) -> None:
    """The schema as it was before there were counts and search: no trigger, no index for the funnel."""
    with engine.begin() as connection:
        for name, made in statements_for(engine.dialect.name).items():
            if made.startswith("CREATE TRIGGER"):
                table = made.split(" ON ")[1].split()[0]
                of_table = f" ON {table}" if engine.dialect.name == "postgresql" else ""
                connection.exec_driver_sql(f"DROP TRIGGER {name}{of_table}")
        connection.exec_driver_sql("DROP INDEX ix_urls_state_reason_announced_at")


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
        for claim, record in zip(claims, records, strict=True):
            assert ledger.is_held(connection, claim)
            page = PageRef(claim.url, claim.url, 200, None, None, None, now, 1, "0" * 64, "a.warc.gz", 0, 1)
            page_id = stories.add_page(connection, claim.url_id, page)
            stored = stories.store_record(connection, claim, page_id, claim.url, record, now)
            ledger.settle(connection, claim, Settlement(stored.state, stored.reason), now, stored.story_id)


if __name__ == "__main__":
    main()

"""A database of many invented stories, filled by the database's own bulk path, for benchmarks of what reads it."""

from __future__ import annotations

import io
import itertools
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from pipeline.outcomes import PolicyType
from pipeline.store.schema import metadata
from pipeline.store.search import rebuild_search
from pipeline.store.tallies import rebuild_tallies

SOURCES = 400
LANGUAGES = ("en",) * 12 + ("de", "fr", "pl", "uk", "ru", "es", None)
ACTORS = (
    "USA",
    "RUS",
    "UKR",
    "ISR",
    "IRN",
    "CHN",
    "FRA",
    "DEU",
    "GBR",
    "POL",
    "SYR",
    "PRK",
    "KOR",
    "TUR",
    "EU",
    "NATO",
)
SENTENCES, SENTENCE_WORDS, STORY_SENTENCES = 4_000, 12, 10
POLICY_SHARE = 0.15
CHUNK = 5_000
# Tables in an order in which foreign keys hold; URLs refer to stories, so their story_id is left empty.
ORDER = (
    "feeds",
    "clusters",
    "urls",
    "pages",
    "stories",
    "revisions",
    "verdicts",
    "verdict_acts",
    "mentions",
    "feed_polls",
)

_LETTERS = random.Random(8)
WORDS = ["".join(_LETTERS.choices("abcdefghilmnoprstuv", k=_LETTERS.randint(2, 10))) for _ in range(20_000)]
WEIGHTS = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(WORDS))))

Rows = dict[str, list[dict[str, Any]]]


def fill(engine: Engine, stories: int, now: datetime) -> dict[str, float]:
    """So many stories over the year before `now`; returns the seconds of writing, of counting and of indexing."""
    taken = {}
    with engine.begin() as connection:
        dropped = _drop_triggers(connection)
    started = time.perf_counter()
    for rows in _chunks(stories, now):
        # A transaction a chunk: one for all would leave SQLite with a write-ahead log as large as the database.
        with engine.begin() as connection:
            for table in ORDER:
                if rows[table]:
                    _load(connection, table, rows[table])
    taken["writing"] = time.perf_counter() - started
    with engine.begin() as connection:
        for statement in dropped:
            connection.exec_driver_sql(statement)
    for name, rebuild in (("counting", rebuild_tallies), ("indexing", rebuild_search)):
        started = time.perf_counter()
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            rebuild(connection)
        taken[name] = time.perf_counter() - started
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            for table in (name for name in ORDER if "id" in metadata.tables[name].c):
                highest = f"(SELECT max(id) FROM {table})"
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {highest})")
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return taken


def _drop_triggers(connection: Connection) -> list[str]:
    """Takes the triggers of stories and URLs away while rows are loaded; returns what brings them back."""
    tables = ("stories", "urls")
    if connection.dialect.name == "postgresql":
        query = "SELECT tgname, relname, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger "
        query += "JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal"
    else:
        query = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
    found = [row for row in connection.exec_driver_sql(query).all() if row[1] in tables]
    for name, table, _ in found:
        of_table = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER {name}{of_table}")
    return [row[2] for row in found]


def _load(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    columns = list(rows[0])
    raw = connection.connection.dbapi_connection
    assert raw is not None
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" for _ in columns)
        raw.executemany(  # type: ignore[attr-defined]
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", [tuple(row.values()) for row in rows]
        )
        return
    out = io.StringIO()
    for row in rows:
        out.write("\t".join(_copied(value) for value in row.values()) + "\n")
    with raw.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        copy.write(out.getvalue())


def _copied(value: Any) -> str:
    if value is None:
        return "\\N"
    return str(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _chunks(stories: int, now: datetime) -> Iterator[Rows]:
    chance = random.Random(8)
    sentences = _sentences(chance)
    first: Rows = {table: [] for table in ORDER}
    for number in range(1, SOURCES + 1):
        first["feeds"].append(
            {"id": number, "url": f"https://wire{number}.example/rss", "host": f"wire{number}.example",
             "source": f"wire{number}.example", "status": "active", "added_at": _instant(now - timedelta(days=365)),
             "interval_s": 900, "next_poll_at": _instant(now), "last_new_at": _instant(now), "error_count": 0,
             "last_success_at": _instant(now), "known_entries": 30, "redirect_count": 0}
        )  # fmt: skip
        for hours in range(0, 14 * 24, 2):
            first["feed_polls"].append(
                {"feed_id": number, "polled_at": _instant(now - timedelta(hours=hours)), "outcome": "new_entries",
                 "entries": 30, "new_urls": chance.randint(0, 3), "body_bytes": 1000, "elapsed_s": 0.1}
            )  # fmt: skip
    yield first
    step = timedelta(days=365) / stories
    for start in range(1, stories + 1, CHUNK):
        rows: Rows = {table: [] for table in ORDER}
        for number in range(start, min(start + CHUNK, stories + 1)):
            _story(rows, number, now - step * (stories - number), chance, sentences)
        yield rows


def pages_of_words(chance: random.Random, sentences: int) -> Iterator[tuple[str, str]]:
    """Titles and texts without end, each text of so many sentences that no other has."""
    while True:
        made = _sentences(chance, sentences + 1)
        yield made[0], " ".join(made[1:])


def _sentences(chance: random.Random, count: int = SENTENCES) -> list[str]:
    """Sentences of invented words, of which few are common and most are rare."""
    return [" ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=SENTENCE_WORDS)) + "." for _ in range(count)]


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _story(rows: Rows, number: int, stored: datetime, chance: random.Random, sentences: list[str]) -> None:
    feed = 1 + min(int(chance.expovariate(1 / 60)), SOURCES - 1)
    site, stored_at = f"wire{feed}.example", _instant(stored)
    announced_at = _instant(stored - timedelta(seconds=chance.expovariate(1 / 90)))
    published_at = _instant(stored - timedelta(seconds=chance.expovariate(1 / 2_000)))
    is_policy = chance.random() < POLICY_SHARE
    is_conflict = is_policy or chance.random() < 0.2
    score = 0.8 if is_policy else 0.1
    url, title = f"https://{site}/{number}", chance.choice(sentences)
    body, digest = " ".join(chance.choices(sentences, k=STORY_SENTENCES)), f"{number:064x}"
    # Every fifth story is a copy of one stored shortly before.
    cluster = number if number % 5 else number - chance.randint(1, 4)
    if cluster == number:
        rows["clusters"].append({"id": number, "founded_at": stored_at, "method": "m1"})
    rows["urls"].append(
        {"id": number, "url": url, "host": site, "site": site, "feed_id": feed, "state": "stored", "reason": "new",
         "attempts": 1, "priority": 2, "announced_at": announced_at, "due_at": announced_at, "settled_at": stored_at}
    )  # fmt: skip
    rows["pages"].append(
        {"id": number, "url_id": number, "final_url": url, "status": 200, "fetched_at": stored_at, "body_bytes": 1,
         "body_sha256": digest, "warc_file": "a.warc.gz", "warc_offset": 0, "warc_length": 1}
    )  # fmt: skip
    rows["stories"].append(
        {"id": number, "url_id": number, "page_id": number, "feed_id": feed, "cluster_id": cluster, "url": url,
         "site": site, "title": title, "text": body, "subheads": "[]", "authors": "[]", "captions": "[]",
         "credits": "[]", "language": chance.choice(LANGUAGES), "access": "free", "published_at": published_at,
         "announced_at": announced_at, "stored_at": stored_at, "revision": 1, "content_hash": digest,
         "word_count": SENTENCE_WORDS * STORY_SENTENCES, "reader": "r1", "candidate": "c1"}
    )  # fmt: skip
    rows["revisions"].append(
        {"story_id": number, "number": 1, "page_id": number, "title": title, "text": body, "content_hash": digest,
         "stored_at": stored_at}
    )  # fmt: skip
    rows["verdicts"].append(
        {"id": number, "story_id": number, "revision": 1, "is_current": 1, "model": "m1", "language_supported": 1,
         "conflict": score, "conflict_policy": score, "threshold": 0.36, "is_conflict": int(is_conflict),
         "is_conflict_policy": int(is_policy), "evidence": json.dumps([]), "judged_at": stored_at}
    )  # fmt: skip
    if is_policy:
        for act in chance.sample(list(PolicyType), k=chance.randint(1, 2)):
            rows["verdict_acts"].append({"verdict_id": number, "act": act.value, "score": 0.7})
    for actor in chance.choices(ACTORS, k=chance.randint(1, 4)) if is_conflict else ():
        rows["mentions"].append(
            {"story_id": number, "actor": actor, "kind": "state", "place": "title", "span_start": 0, "span_end": 3,
             "surface": actor}
        )  # fmt: skip

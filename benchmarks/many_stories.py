"""A database of many invented stories, filled by the database's own bulk path, for benchmarks of what reads it.

What the ledger, the feeds and the judging would have left beside the stories is there too: polls of two weeks, copies
word for word, URLs given up, pooled verdicts, places, events. A fill that is stopped goes on where it was.
"""

from __future__ import annotations

import io
import itertools
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from benchmarks.copied_stories import clone, count_in_parts, set_journal
from benchmarks.filled_tables import COLUMNS, OTHER_URLS, FillStopped, Rows, highest
from pipeline.outcomes import PolicyType
from pipeline.store.schema import metadata
from pipeline.store.tallies import rebuild_tallies
from pipeline.store.triggers import statements_for, trigger_names

SOURCES = 400
# The languages of sources: an outlet writes in one, and one story in twenty is in another.
LANGUAGES = ("en",) * 12 + ("de", "fr", "pl", "uk", "ru", "es", None)
ACTORS = (
    "USA", "RUS", "UKR", "ISR", "IRN", "CHN", "FRA", "DEU", "GBR", "POL", "SYR", "PRK", "KOR", "TUR", "EU", "NATO",
)  # fmt: skip
PLACES = 150
SENTENCES, SENTENCE_WORDS, STORY_SENTENCES = 4_000, 12, 10
POLICY_SHARE = 0.15
CHUNK = 5_000
POLL_MINUTES, POLL_DAYS = 15, 14
_LETTERS = random.Random(8)
WORDS = ["".join(_LETTERS.choices("abcdefghilmnoprstuv", k=_LETTERS.randint(2, 10))) for _ in range(20_000)]
WEIGHTS = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(WORDS))))


def fill(
    engine: Engine, stories: int, now: datetime, most_s: float = 1e9, *, has_search: bool = True, seed: int = 0
) -> dict[str, float]:
    """So many stories over the year before `now`; returns the seconds of each step. Search costs most and can wait.

    With a `seed` only so many are written and the rest are copied from them (benchmarks/copied_stories.py).
    Raises FillStopped once `most_s` seconds are over: what is there stays, and is gone on with.
    """
    until = time.monotonic() + most_s
    taken: dict[str, float] = {}
    step = timedelta(days=365) / stories

    def write(connection: Connection) -> None:
        _write(connection, seed or stories, now - timedelta(days=365), step, until)

    def copy(connection: Connection) -> None:
        clone(connection, seed, stories, step, until)

    def count(connection: Connection) -> None:
        _count(connection, until, in_parts=bool(seed))

    def index(connection: Connection) -> None:
        _index(connection, stories, until)

    with engine.connect() as connection:
        for act in (write, *([copy] if seed else []), count, *([index] if has_search else []), _finish):
            started = time.monotonic()
            _make_quick(connection)
            act(connection)
            taken[act.__name__.strip("_")] = time.monotonic() - started
    return taken


def is_filled(connection: Connection, *, has_search: bool = True) -> bool:
    """Whether such a fill has come to its end: what SQL keeps by itself is there."""
    stories = highest(connection, "stories", "id")
    done = _indexed(connection) if has_search else highest(connection, "story_facts", "story_id")
    if not stories or done < stories:
        return False
    if connection.dialect.name == "postgresql":
        return bool(connection.execute(text("SELECT to_regclass('ix_story_search_document') IS NOT NULL")).scalar())
    return not _missing_triggers(connection)


def _indexed(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return highest(connection, "story_search", "story_id")
    return highest(connection, "story_search_docsize", "id")


def _make_quick(connection: Connection) -> None:
    """Nothing of this survives the connection; a fill that is killed leaves whole chunks."""
    if connection.dialect.name == "postgresql":
        for setting in ("statement_timeout = 0", "synchronous_commit = off", "maintenance_work_mem = '1GB'"):
            connection.exec_driver_sql(f"SET {setting}")
        # Neither triggers nor foreign keys: what is loaded is right as it is.
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.commit()
    else:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        for setting in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
            raw.cursor().execute(f"PRAGMA {setting}")


def _write(connection: Connection, stories: int, since: datetime, step: timedelta, until: float) -> None:
    with connection.begin():
        first = highest(connection, "stories", "id") + 1
        since = _as_begun(connection) if first > 1 else since
    if first == 1:
        with connection.begin():
            drop_triggers(connection)
            _load(connection, _sources(since + timedelta(days=365)))
    sentences = _sentences(random.Random(8))
    for start in range(first, stories + 1, CHUNK):
        rows: Rows = {table: [] for table in COLUMNS}
        chance = random.Random(start)
        for number in range(start, min(start + CHUNK, stories + 1)):
            _story(rows, number, since + step * number, chance, sentences)
        # A transaction a chunk: one for all would leave SQLite with a write-ahead log as large as the database.
        with connection.begin():
            _load(connection, rows)
        if time.monotonic() > until:
            raise FillStopped(f"{rows['stories'][-1][0]:,} of {stories:,} stories are written")


def _count(connection: Connection, until: float, *, in_parts: bool) -> None:
    on_sqlite = connection.dialect.name == "sqlite"
    if in_parts:
        count_in_parts(connection, until)
        if on_sqlite:
            set_journal(connection, "WAL")
        return
    with connection.begin():
        if highest(connection, "story_facts", "story_id"):
            return
        if on_sqlite:
            create_missing_triggers(connection, "story_facts")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
        rebuild_tallies(connection)
    if time.monotonic() > until:
        raise FillStopped("all stories are written and counted")


def _index(connection: Connection, stories: int, until: float) -> None:
    on_postgres = connection.dialect.name == "postgresql"
    with connection.begin():
        if on_postgres:
            connection.exec_driver_sql("DROP INDEX IF EXISTS ix_story_search_document")
        else:
            connection.exec_driver_sql("INSERT INTO story_search (story_search, rank) VALUES ('hashsize', 67108864)")
        done = _indexed(connection)
    add = (
        "INSERT INTO story_search (story_id, document) "
        "SELECT id, search_document(language, title, standfirst, text) FROM stories"
        if on_postgres
        else "INSERT INTO story_search (rowid, title, standfirst, text) SELECT id, title, standfirst, text FROM stories"
    )
    for start in range(done, stories, 4 * CHUNK):
        with connection.begin():
            connection.exec_driver_sql(f"{add} WHERE id > {start} AND id <= {start + 4 * CHUNK}")
        if time.monotonic() > until:
            raise FillStopped(f"{start + 4 * CHUNK:,} of {stories:,} stories are indexed")


def _finish(connection: Connection) -> None:
    """What SQL keeps by itself is there again, counters are behind the last id, and the planner knows the tables."""
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
            index = statements_for("postgresql")["ix_story_search_document"]
            connection.exec_driver_sql(index.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS"))
            for table in (name for name in COLUMNS if metadata.tables[name].c[0].name == "id"):
                last = f"(SELECT greatest(max(id), 1) FROM {table})"
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})")
        else:
            connection.exec_driver_sql("INSERT INTO story_search (story_search, rank) VALUES ('hashsize', 1048576)")
            create_missing_triggers(connection)
    with connection.begin():
        connection.execute(text("ANALYZE"))
    if connection.dialect.name == "postgresql":
        # What autovacuum would have done within the year: then an index answers without its table.
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM (ANALYZE)")


def _as_begun(connection: Connection) -> datetime:
    """When the year of the fill that is gone on with began."""
    found = connection.exec_driver_sql("SELECT added_at FROM feeds WHERE id = 1").scalar_one()
    return found if isinstance(found, datetime) else datetime.fromisoformat(found)


def _missing_triggers(connection: Connection) -> set[str]:
    found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
    return trigger_names("sqlite") - set(found)


def create_missing_triggers(connection: Connection, beginning: str = "") -> None:
    """SQLite's triggers that are not there, of those whose names begin so."""
    for name in _missing_triggers(connection):
        if name.startswith(beginning):
            connection.exec_driver_sql(statements_for("sqlite")[name])


def drop_triggers(connection: Connection) -> None:
    """Take SQLite's triggers away; what is loaded is counted afterwards."""
    if connection.dialect.name == "sqlite":
        for name in trigger_names("sqlite"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")


def _load(connection: Connection, rows: Rows) -> None:
    raw = connection.connection.dbapi_connection
    assert raw is not None
    for table, columns in COLUMNS.items():
        found = rows.get(table)
        if not found:
            continue
        names = ", ".join(columns.split())
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" for _ in found[0])
            raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", found)  # type: ignore[attr-defined]
            continue
        out = io.StringIO()
        for row in found:
            # No invented word has a tab, a line break or a backslash.
            out.write("\t".join("\\N" if value is None else str(value) for value in row) + "\n")
        with raw.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            copy.write(out.getvalue())


def _sources(now: datetime) -> Rows:
    """The feeds, their polls of two weeks, and the lines that site memory takes out."""
    chance = random.Random(9)
    rows: Rows = {"feeds": [], "feed_polls": [], "site_memories": [], "site_lines": []}
    at, since = _instant(now), _instant(now - timedelta(days=365))
    for number in range(1, SOURCES + 1):
        site = f"wire{number}.example"
        rows["feeds"].append(
            (number, f"https://{site}/rss", site, site, "active", since, 900, at, at, 0, at, 30, 0)
        )  # fmt: skip
        rows["site_memories"].append((site, 2_000))
        rows["site_lines"] += [
            (site, f"{line:064x}", f"Line {line} of {site}", "text", "learned", 40, 1, 0.9, since, at, at)
            for line in range(20)
        ]
    times = range(0, POLL_DAYS * 24 * 60, POLL_MINUTES)
    for minutes in reversed(times):
        polled_at = _instant(now - timedelta(minutes=minutes))
        for number in range(1, SOURCES + 1):
            new = chance.choice((0, 0, 1, 3))
            lost = 5 if chance.random() < 0.002 else None
            outcome = "new_entries" if new else "nothing_new"
            rows["feed_polls"].append((number, polled_at, outcome, 30, new, lost, 1000, 0.1))
    return rows


def pages_of_words(chance: random.Random, sentences: int) -> Iterator[tuple[str, str]]:
    """Titles and texts without end, each text of so many sentences that no other has."""
    while True:
        made = _sentences(chance, sentences + 1)
        yield made[0], " ".join(made[1:])


def _sentences(chance: random.Random, count: int = SENTENCES) -> list[str]:
    """Sentences of invented words, of which few are common and most are rare."""
    return [" ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=SENTENCE_WORDS)) + "." for _ in range(count)]


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _story(rows: Rows, number: int, stored: datetime, chance: random.Random, sentences: list[str]) -> None:
    feed = 1 + min(int(chance.expovariate(1 / 60)), SOURCES - 1)
    site, stored_at = f"wire{feed}.example", _instant(stored)
    announced_at = _instant(stored - timedelta(seconds=chance.expovariate(1 / 90)))
    published_at = _instant(stored - timedelta(seconds=chance.expovariate(1 / 2_000)))
    url, title = f"https://{site}/{number}", chance.choice(sentences)
    body, digest = " ".join(chance.choices(sentences, k=STORY_SENTENCES)), f"{number:064x}"
    language = LANGUAGES[(feed if chance.random() < 0.95 else number) % len(LANGUAGES)]
    # Every fifth story is a copy of one stored shortly before.
    cluster = number if number % 5 else number - chance.randint(1, 4)
    rows["urls"].append((number, url, site, site, feed, "stored", "new", 1, 2, announced_at, announced_at, stored_at))
    rows["pages"].append((number, number, url, 200, stored_at, 1, digest, "a.warc.gz", 0, 1))
    rows["stories"].append(
        (number, number, number, feed, cluster, url, site, title, body, "[]", "[]", "[]", "[]", language, "free",
         published_at, announced_at, stored_at, 1, digest, SENTENCE_WORDS * STORY_SENTENCES, "r1", "c1")
    )  # fmt: skip
    rows["revisions"].append((number, 1, number, title, body, digest, stored_at))
    if cluster != number:
        rows["story_links"].append((number, number, cluster, "copy", 0.9, "m1", stored_at))
    _judge(rows, number, cluster, stored_at)
    _beside(rows, number, site, feed, stored_at, chance)


def _judge(rows: Rows, number: int, cluster: int, stored_at: str) -> None:
    """A copy says of its report what the first said, so the verdict is drawn by the number of the cluster."""
    chance = random.Random(cluster)
    is_policy = chance.random() < POLICY_SHARE
    is_conflict = is_policy or chance.random() < 0.2
    score, flags = (0.8 if is_policy else 0.1), (int(is_conflict), int(is_policy))
    acts = chance.sample(_ACTS, k=chance.randint(1, 2)) if is_policy else []
    actors = chance.choices(ACTORS, k=chance.randint(1, 4)) if is_conflict else []
    places = {chance.randrange(PLACES) for _ in range(chance.randint(0, 2))} if is_conflict else set()
    rows["verdicts"].append((number, number, 1, 1, "m1", 1, score, score, 0.36, *flags, "[]", stored_at))
    rows["verdict_acts"] += [(number, act, 0.7) for act in acts]
    if cluster == number:
        rows["clusters"].append((number, stored_at, "m1"))
        rows["cluster_verdicts"].append((number, 1, score, score, 0.36, *flags, stored_at))
        rows["cluster_acts"] += [(number, act, 0.7) for act in acts]
        if is_policy and chance.random() < 0.1:
            rows["told_events"].append((number, stored_at, "m1", chance.randint(1, 4), stored_at))
            rows["event_clusters"].append((number, number, stored_at))
    rows["mentions"] += [(number, actor, "state", "title", 0, 3, actor) for actor in actors]
    rows["place_mentions"] += [
        (number, f"Place {place}", ACTORS[place % 14], place - 75, place, "title", 0, 3, "x")
        for place in sorted(places)
    ]


_ACTS = [act.value for act in PolicyType]


def _beside(rows: Rows, number: int, site: str, feed: int, at: str, chance: random.Random) -> None:
    """URLs that gave no story of their own: a copy word for word, a page that was no story, one that was given up."""
    drawn = chance.random()
    if drawn >= 0.16:
        return
    key = OTHER_URLS + number
    state, reason = ("duplicate", "same_text") if drawn < 0.1 else ("rejected", "no_text") if drawn < 0.15 else _DEAD
    rows["urls"].append((key, f"https://{site}/x/{number}", site, site, feed, state, reason, 1, 2, at, at, at))
    if state == "duplicate":
        rows["story_links"].append((key, None, number, "copy", 1.0, "m1", at))


_DEAD = ("dead", "server_error")

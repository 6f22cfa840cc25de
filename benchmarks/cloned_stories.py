"""A database of up to ten million stories, cloned in SQL from a few hundred that the product's own settler stored.

Every table that settling a story reads or writes has the rows that so many stories would have left, with ids, URLs,
hashes, anchors and instants of their own, so that the indexes have the size and the spread of real ones. A block is one
clone of all seeds; block after block lies EVERY_MINUTES further in the past, which is ten million stories a year.

- The first anchors of phrases that many stories have (three in ten) are shared by 8, 32 or 90 blocks, the others are a
  block's own; one site in a hundred blocks is the same.
- With `chars` texts are cut to so many characters, LISTS are emptied, and THIN_OUT's rows, which settling only adds
  to behind the last one, are left out: ten million stories as they are take half a terabyte.
- Keys and indexes of PostgreSQL are made when all rows are there, those of hashes and URLs seven tenths full, as they
  are after inserts in no order. SQLite's grow with the rows.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, Table, func, select, text

from benchmarks.many_stories import create_missing_triggers, drop_triggers
from pipeline.store import schema
from pipeline.store.schema import metadata
from pipeline.store.types import UtcDateTime, UtcDay

EVERY_MINUTES = 26
# So many blocks have sites of their own.
SITES = 100
# Tables that don't grow with stories but with days and feeds, or that are empty once all is settled.
KEPT = {
    *("source_digests", "language_digests", "act_digests", "latency_digests"),
    *("feeds", "feed_polls", "feed_listings", "feed_days", "feed_rhythm", "hosts", "items", "events", "url_tallies"),
    *("cluster_changes", "second_looks", "event_looks", "watches", "backfills", "indexed_sitemaps", "reclusterings"),
}
THIN_OUT = {
    *("dropped_lines", "mentions", "place_mentions", "attributions", "revisions", "pages", "verdict_acts"),
    *("story_credits", "status_changes", "cluster_acts", "story_codes", "story_origins"),
    *("hour_tallies", "day_tallies", "act_tallies", "place_tallies", "latency_tallies"),
    *("cluster_verdicts", "cluster_digests", "event_links"),
}
LISTS = ("evidence", "captions", "credits", "subheads", "live_entries", "editor_notes")
OF_SITES = {"site_memories", "site_lines", "site_line_stories"}
OF_DAYS = {"act_tallies", "place_tallies", "latency_tallies"}
URLS = {"url", "link", "final_url", "canonical_url"}
NAMES = {"site", "host", "source", "signer"}
# Tables in which such a name is not an outlet's.
OF_OTHERS = {"story_origins", "story_credits", "attributions"}
HASHES = {"content_hash", "body_sha256", "shown_key"}
# What a chunk of a fill is: so many blocks, committed together.
CHUNK = 200
# Odd, so that every block has another one of 2 ** 20 values, and those of neighbours lie far apart.
_SPREAD = 644_117
_COLUMNS_OF_SEARCH = "title, standfirst, text"


@dataclass(frozen=True, slots=True)
class Clone:
    """How seeds become the rows of a block: so many blocks, what ids grow by in each, so many feeds."""

    dialect: str
    blocks: int
    stride: int
    feeds: int

    def value(self, table: Table, column: Column[Any]) -> str:
        """The SQL of the column's value in block `b`."""
        name = column.name
        back = f"({self.blocks} - b + 1) * {EVERY_MINUTES}"
        if name == "feed_id":
            return f"1 + (coalesce(feed_id, 0) * 7919 + b * 104729) % {self.feeds}"
        if name == "anchor":
            return self._anchor()
        if name in HASHES:
            return f"{self._hex('b')} || substr({name}, 9)"
        if name in URLS:
            return f"{name} || '/' || b"
        if name in NAMES and table.name not in OF_OTHERS:
            return f"{name} || CASE WHEN b % {SITES} = 0 THEN '' ELSE '.' || (b % {SITES}) END"
        if (name == "id" or name.endswith("_id") or name == "merged_into") and isinstance(
            column.type, BigInteger | Integer
        ):
            return f"{name} + b * {self.stride}"
        if table is schema.revisits and name == "due_at":
            # Only of the last thirty days' stories the page is looked at again, and none is due now.
            return f"CASE WHEN {back} < {30 * 24 * 60} THEN due_at END"
        if isinstance(column.type, UtcDateTime) and table.name not in OF_SITES:
            return self._earlier(name, back)
        if isinstance(column.type, UtcDay):
            return self._day_before(name, f"{back} / 1440")
        return name

    def which(self, table: Table) -> str:
        """The condition on `b` for tables that have fewer rows than one a story."""
        if table.name in OF_SITES:
            return f"b < {SITES}"
        day = f"({self.blocks} - b + {{}}) * {EVERY_MINUTES} / 1440"
        return f"{day.format(1)} <> {day.format(2)}" if table.name in OF_DAYS else "true"

    def _anchor(self) -> str:
        own = f"((b * {_SPREAD}) % 1048576) * {1 << 43} + anchor % {1 << 43}"
        shared = " ".join(
            f"WHEN {digit} THEN ((anchor / {1 << 43} + (b / {blocks}) * {_SPREAD}) % 1048576) * {1 << 43} "
            f"+ anchor % {1 << 43}"
            for digit, blocks in enumerate((8, 32, 90))
        )
        return f"CASE anchor % 10 {shared} ELSE {own} END"

    def _hex(self, number: str) -> str:
        spread = f"({number} * 2654435761) % 4294967296"
        return f"lpad(to_hex({spread}), 8, '0')" if self.dialect == "postgresql" else f"printf('%08x', {spread})"

    def _earlier(self, instant: str, minutes: str) -> str:
        if self.dialect == "postgresql":
            return f"{instant} - ({minutes}) * interval '1 minute'"
        return f"strftime('%Y-%m-%dT%H:%M:%fZ', {instant}, '-' || ({minutes}) || ' minutes')"

    def _day_before(self, day: str, days: str) -> str:
        if self.dialect == "postgresql":
            return f"{day} - CAST({days} AS integer)"
        return f"date({day}, '-' || ({days}) || ' days')"


def clone(engine: Engine, stories: int, feeds: int, chars: int | None) -> int:
    """Clone what is settled until there are `stories` of them, as near as whole blocks come; returns how many."""
    with engine.connect() as connection:
        seeds = connection.execute(select(func.count()).select_from(schema.stories)).scalar_one()
        stride = max(_highest(connection, table) for table in _tables(None)) + 1
    blocks = max(0, round(stories / seeds) - 1)
    if blocks:
        fill = _fill_postgres if engine.dialect.name == "postgresql" else _fill_sqlite
        fill(engine, Clone(engine.dialect.name, blocks, stride, feeds), chars)
    return int((blocks + 1) * seeds)


def _tables(chars: int | None) -> list[Table]:
    left_out = KEPT if chars is None else KEPT | THIN_OUT
    return [table for table in metadata.sorted_tables if table.name not in left_out]


def _highest(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.max(table.c.id))).scalar() or 0 if "id" in table.c else 0


def _seed(table: Table, chars: int | None) -> list[str]:
    """The statements that lay the seeds aside."""
    made = [f"CREATE TABLE seed_{table.name} AS SELECT * FROM {table.name}"]
    if chars is not None and "text" in table.c:
        made.append(
            f"UPDATE seed_{table.name} SET text = substr(text, 1, {chars}), title = substr(title, 1, {chars}), "
            "standfirst = NULL"
        )
    for name in ("url", "canonical_url") if chars is not None and "id" in table.c else ():
        if name in table.c:
            made.append(f"UPDATE seed_{table.name} SET {name} = substr({name}, 1, 36) || '-' || id")
    for name in LISTS if chars is not None else ():
        if name in table.c:
            made.append(f"UPDATE seed_{table.name} SET {name} = '[]'")
    return made


def _tell(way: Clone, block: int) -> None:
    print(f"block {block:,} of {way.blocks:,}", file=sys.stderr, flush=True)


def _cloned(way: Clone, table: Table, block: str) -> str:
    """The statement that adds the rows of the blocks that `block` says."""
    names = ", ".join(column.name for column in table.c)
    values = ", ".join(way.value(table, column) for column in table.c)
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {block} CROSS JOIN seed_{table.name} "
        f"WHERE {way.which(table)}"
    )


# ------------------------------------------------------------------------------------------------------------ SQLite


def _fill_sqlite(engine: Engine, way: Clone, chars: int | None) -> None:
    with engine.begin() as connection:
        drop_triggers(connection)
    engine.dispose()  # the journal can be switched by the only connection there is
    database = sqlite3.connect(str(engine.url.database), isolation_level=None)
    for pragma in (
        *("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"),
        *("cache_size = -6000000", "temp_store = MEMORY"),
    ):
        database.execute(f"PRAGMA {pragma}")
    tables = _tables(chars)
    for statement in (statement for table in tables for statement in _seed(table, chars)):
        database.execute(statement)
    database.execute("INSERT INTO story_search (story_search, rank) VALUES ('hashsize', 67108864)")
    for first in range(1, way.blocks + 1, CHUNK):
        last = min(way.blocks, first + CHUNK - 1)
        block = (
            f"(WITH RECURSIVE one (b) AS (SELECT {first} UNION ALL SELECT b + 1 FROM one WHERE b < {last}) "
            "SELECT b FROM one)"
        )
        database.execute("BEGIN")
        for table in tables:
            database.execute(_cloned(way, table, block))
        database.execute(
            f"INSERT INTO story_search (rowid, {_COLUMNS_OF_SEARCH}) SELECT id, {_COLUMNS_OF_SEARCH} FROM stories "
            f"WHERE id > {first * way.stride} AND id < {(last + 1) * way.stride}"
        )
        database.execute("COMMIT")
        _tell(way, last)
    for table in tables:
        database.execute(f"DROP TABLE seed_{table.name}")
    database.execute("INSERT INTO story_search (story_search, rank) VALUES ('hashsize', 1048576)")
    _merge_words(database)
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
    with engine.begin() as connection:
        create_missing_triggers(connection)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def _merge_words(database: sqlite3.Connection) -> None:
    """Work off the merging of FTS5's pieces that so quick a fill has left: stories that come later would pay for it."""
    before = -1
    while database.total_changes - before >= 2:
        before = database.total_changes
        database.execute("INSERT INTO story_search (story_search, rank) VALUES ('merge', 1000)")


# -------------------------------------------------------------------------------------------------------- PostgreSQL


def _fill_postgres(engine: Engine, way: Clone, chars: int | None) -> None:
    tables = _tables(chars)
    # Without parameters a % is no placeholder.
    options = {"isolation_level": "AUTOCOMMIT", "no_parameters": True}
    with engine.connect().execution_options(**options) as connection:
        for setting in (
            *("statement_timeout = 0", "synchronous_commit = off", "maintenance_work_mem = '1GB'", "jit = off"),
            "session_replication_role = replica",  # neither triggers nor foreign keys
        ):
            connection.exec_driver_sql(f"SET {setting}")
        for statement in (statement for table in tables for statement in _seed(table, chars)):
            connection.exec_driver_sql(statement)
        searched = "search_document(language, title, standfirst, text)"
        connection.exec_driver_sql(f"CREATE TABLE seed_search AS SELECT id, {searched} AS document FROM seed_stories")
        with _without_keys(connection):
            for first in range(1, way.blocks + 1, CHUNK):
                last = min(way.blocks, first + CHUNK - 1)
                block = f"generate_series({first}::bigint, {last}::bigint) AS blocks (b)"
                for table in tables:
                    connection.exec_driver_sql(_cloned(way, table, block))
                connection.exec_driver_sql(
                    f"INSERT INTO story_search (story_id, document) SELECT id + b * {way.stride}, document "
                    f"FROM {block} CROSS JOIN seed_search"
                )
                _tell(way, last)
            for name in ("seed_search", *(f"seed_{table.name}" for table in tables)):
                connection.exec_driver_sql(f"DROP TABLE {name}")
        for table in (table for table in tables if "id" in table.c and table.c.id.autoincrement is not False):
            serial = f"pg_get_serial_sequence('{table.name}', 'id')"
            highest = f"(SELECT max(id) + 1 FROM {table.name})"
            connection.exec_driver_sql(f"SELECT setval({serial}, coalesce({highest}, 1)) WHERE {serial} IS NOT NULL")
        # What autovacuum would have done within the year.
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.exec_driver_sql("CHECKPOINT")


@contextmanager
def _without_keys(connection: Connection) -> Iterator[None]:
    """No key, foreign key or index inside; afterwards all are made again as they were."""
    constraints = connection.exec_driver_sql("""
SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype IN ('f', 'p', 'u') AND connamespace = 'public'::regnamespace ORDER BY contype = 'f' DESC""").all()
    indexes = connection.exec_driver_sql("""
SELECT index.indexrelid::regclass::text, pg_get_indexdef(index.indexrelid) FROM pg_index AS index
JOIN pg_class ON pg_class.oid = index.indexrelid WHERE relnamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = index.indexrelid)""").all()
    for table, name, _, _ in constraints:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    yield
    for table, name, kind, definition in reversed(constraints):
        grown = "" if kind == "f" or definition.endswith("(id)") else " WITH (fillfactor = 70)"
        later = " NOT VALID" if kind == "f" else ""
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}{grown}{later}")
    for _, definition in indexes:
        is_random = "(content_hash)" in definition or "(canonical_url)" in definition
        connection.exec_driver_sql(definition + (" WITH (fillfactor = 70)" if is_random else ""))

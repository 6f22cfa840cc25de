"""Many more invented stories than can be written one by one: the first, copied by the database into later times.

A copy is the row it was made of with its ids, its instants and its addresses moved on, so that stories stand in the
order of their times, sources, languages, verdicts, acts, actors, places, copies and events are spread as in the first
ones, and no two have one address or hash. What a question about numbers never reads is left out: revisions and fetched
pages have no copies, and the text is cut to a line. Everything that is counted from stories is counted as ever.
"""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import Connection, Index

from benchmarks.filled_tables import COLUMNS, OTHER_URLS, FillStopped, highest
from pipeline.store.facts import COLUMNS as FACTS
from pipeline.store.facts import select_facts
from pipeline.store.schema import metadata
from pipeline.store.tallies import count_facts, fold_tallies

# What no panel reads. A copied story still has the number of a page, of which there is none.
LEFT_OUT = ("feeds", "site_memories", "site_lines", "feed_polls", "pages", "revisions")
TEXT_CHARS = 80
COUNTED_AT_ONCE = 250_000
_IDS = {"id", "story_id", "url_id", "page_id", "cluster_id", "matched_story_id", "event_id", "verdict_id"}


def clone(connection: Connection, seed: int, stories: int, step: timedelta, until: float) -> None:
    """Copies the first `seed` stories until there are so many; each comes `step` after the one before.

    Raises FillStopped once the time is over: whole copies stay, and are gone on with.
    """
    if stories % seed or seed % 5:
        raise ValueError("the stories must be a multiple of those they are copied from, and these one of five")
    with connection.begin():
        done = highest(connection, "stories", "id") // seed
    if done < stories // seed:
        if connection.dialect.name == "sqlite":
            # Every page is new: a write-ahead log would write it twice.
            set_journal(connection, "TRUNCATE")
        with connection.begin():
            for index in _kept_for_later():
                index.drop(connection, checkfirst=True)
    for number in range(done, stories // seed):
        with connection.begin():
            for statement in _copied(connection.dialect.name, seed, number * seed, step * seed * number):
                connection.exec_driver_sql(statement)
        if time.monotonic() > until:
            raise FillStopped(f"{(number + 1) * seed:,} of {stories:,} stories are written")
    for index in _kept_for_later():
        with connection.begin():
            index.create(connection, checkfirst=True)
        if time.monotonic() > until:
            raise FillStopped(f"all stories are written, {index.name} is made")


def _kept_for_later() -> list[Index]:
    """The indexes that are made in one go once all rows are there; those by which copies find their rows stay."""
    return [
        index
        for table, names in COLUMNS.items()
        if table not in LEFT_OUT
        for index in sorted(metadata.tables[table].indexes, key=lambda index: str(index.name))
        if next(iter(index.columns)).name != names.split()[0] and not index.unique
    ]


def set_journal(connection: Connection, mode: str) -> None:
    """How SQLite keeps what it would take back; outside of a transaction."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.cursor().execute(f"PRAGMA journal_mode = {mode}")


def count_in_parts(connection: Connection, until: float) -> None:
    """What `rebuild_tallies` does in one transaction: here the rows of stories come some at a time.

    Raises FillStopped once the time is over.
    """
    dialect = connection.dialect.name
    with connection.begin():
        stories, done = highest(connection, "stories", "id"), highest(connection, "story_facts", "story_id")
    for first in range(done, stories, COUNTED_AT_ONCE):
        with connection.begin():
            if dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
            which = f"stories.id > {first} AND stories.id <= {first + COUNTED_AT_ONCE}"
            connection.exec_driver_sql(f"INSERT INTO story_facts ({', '.join(FACTS)}) {select_facts(dialect, which)}")
            if dialect == "postgresql":
                # Its triggers have counted them; SQLite's would do it row by row.
                fold_tallies(connection, at_least=1)
        if time.monotonic() > until:
            raise FillStopped(f"{first + COUNTED_AT_ONCE:,} of {stories:,} stories have their narrow row")
    with connection.begin():
        if not highest(connection, "cluster_digests", "cluster_id"):
            count_facts(connection)


def _copied(dialect: str, seed: int, ids: int, later: timedelta) -> list[str]:
    """The statements that copy the rows of the first stories, `ids` and `later` further on."""
    found = []
    for table, names in COLUMNS.items():
        if table in LEFT_OUT:
            continue
        columns = names.split()
        values = ", ".join(_value(dialect, table, column, ids, later) for column in columns)
        key = columns[0]
        for before in (0, OTHER_URLS) if table in ("urls", "story_links") else (0,):
            which = f"{key} > {before} AND {key} <= {before + seed}"
            found.append(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {which}")
    return found


def _value(dialect: str, table: str, column: str, ids: int, later: timedelta) -> str:
    if column in _IDS:
        return f"{column} + {ids}"
    if column.endswith("_at"):
        if dialect == "postgresql":
            return f"{column} + interval '{later / timedelta(milliseconds=1):.0f} milliseconds'"
        return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '+{later.total_seconds():.3f} seconds')"
    if column == "url":
        number = "id" if table == "urls" else "url_id"
        rest = f"'/' || ({number} + {ids})" if table != "urls" else f"'/' || CASE WHEN {number} > {OTHER_URLS}"
        if table == "urls":
            rest += f" THEN 'x/' || ({number} - {OTHER_URLS} + {ids}) ELSE '' || ({number} + {ids}) END"
        return f"'https://' || site || {rest}"
    if column == "text":
        return f"substr(text, 1, {TEXT_CHARS})"
    if column == "content_hash":
        number = f"id + {ids}"
        return f"lpad(to_hex({number}), 64, '0')" if dialect == "postgresql" else f"printf('%064x', {number})"
    return column

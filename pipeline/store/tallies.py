# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Keeping the tallies short, and making them anew. The triggers append to them; a tally is the sum of its rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, TextClause, bindparam, delete, func, select, text

from pipeline.store import poll_days
from pipeline.store.cluster_digests import digest_all_clusters, fold_clusters
from pipeline.store.dialects import flag
from pipeline.store.digests import DIGESTS, Digest
from pipeline.store.facts import COLUMNS, select_facts
from pipeline.store.schema import (
    act_stories,
    act_tallies,
    day_tallies,
    hour_tallies,
    latency_tallies,
    metadata,
    place_tallies,
    story_facts,
    url_tallies,
)
from pipeline.store.triggers import FACT_TRIGGERS, statements_for, tally_all_facts

TALLIES: dict[Table, tuple[str, ...]] = {
    hour_tallies: ("stories", "conflict", "conflict_policy"),
    day_tallies: ("stories", "conflict", "conflict_policy"),
    latency_tallies: ("stories",),
    act_tallies: ("stories",),
    place_tallies: ("stories",),
    url_tallies: ("urls",),
}
# A fold writes the rows of every hour or day that it touches, so it waits until some are worth it.
FOLD_AT = 1_000
# Any number that nobody else uses for an advisory lock: one process folds, the others need not wait for it.
_FOLD_LOCK = 7_011_206
# A statement has only so many parameters.
_DAYS_AT_ONCE = 1_000


def fold_tallies(connection: Connection, at_least: int = FOLD_AT) -> int:
    """Adds up the rows of each tally that has `at_least` single changes; returns how many rows were folded away.

    What the views say is the same before and after. On PostgreSQL nobody waits: changes that come meanwhile stay, and
    when another process folds at this moment nothing is done.
    """
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_try_advisory_xact_lock(:key)")
        if not connection.execute(lock, {"key": _FOLD_LOCK}).scalar_one():
            return 0
    folded = sum(
        _fold(connection, table, counts) for table, counts in TALLIES.items() if _is_due(connection, table, at_least)
    )
    return folded + fold_clusters(connection, at_least)


def _is_due(connection: Connection, table: Table, at_least: int) -> bool:
    key = list(table.c)[2]
    is_single = text(f"is_folded = {flag(connection.dialect.name, False)}")
    some = select(key).where(is_single).limit(at_least).subquery()
    return bool(connection.execute(select(func.count()).select_from(some)).scalar_one() >= at_least)


def _fold(connection: Connection, table: Table, counts: tuple[str, ...]) -> int:
    """Folds what has changes; where the tally has digests, also makes those of the days anew."""
    digests = [digest for digest in DIGESTS.values() if digest.tally == table.name]
    key = list(table.c)[2].name
    unfolded = f"SELECT DISTINCT {key} FROM {table.name} WHERE is_folded = {flag(connection.dialect.name, False)}"
    if not digests:
        return _fold_rows(connection, table, counts, f"{key} IN ({unfolded})", [])
    # Chosen beforehand: a day that gets its first change only now must not lose it without a digest.
    days = list(connection.execute(text(unfolded)).scalars())
    folded = sum(
        _fold_rows(connection, table, counts, "day IN :days", days[first : first + _DAYS_AT_ONCE])
        for first in range(0, len(days), _DAYS_AT_ONCE)
    )
    for digest in digests:
        for first in range(0, len(days), _DAYS_AT_ONCE):
            _digest(connection, digest, days[first : first + _DAYS_AT_ONCE])
    return folded


def _digest(connection: Connection, digest: Digest, days: list[Any]) -> None:
    is_folded = f"is_folded = {flag(connection.dialect.name, True)} AND day IN :days"
    for sql in (f"DELETE FROM {digest.table} WHERE day IN :days", digest.fill(is_folded)):
        connection.execute(text(sql).bindparams(bindparam("days", days, expanding=True)))


def _fold_rows(connection: Connection, table: Table, counts: tuple[str, ...], touched: str, days: list[Any]) -> int:
    names = [column.name for column in table.c][2:]
    keys = [name for name in names if name not in counts]
    sums = ", ".join(f"sum({name})" for name in counts)
    target = f"INSERT INTO {table.name} (is_folded, {', '.join(keys + list(counts))})"
    grouped = f"GROUP BY {', '.join(keys)} HAVING sum({counts[0]}) <> 0"

    def made(sql: str) -> TextClause:
        return text(sql).bindparams(bindparam("days", days, expanding=True)) if days else text(sql)

    if connection.dialect.name == "postgresql":
        done = connection.execute(
            made(f"""WITH gone AS (DELETE FROM {table.name} WHERE {touched} RETURNING *),
            kept AS ({target} SELECT true, {", ".join(keys)}, {sums} FROM gone {grouped} RETURNING 1)
            SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM kept)""")
        )
        return int(done.scalar_one())
    # SQLite has one writer, so what is new after the INSERT is what it wrote.
    top = connection.execute(select(func.max(table.c.id))).scalar_one()
    kept = connection.execute(
        made(f"{target} SELECT true, {', '.join(keys)}, {sums} FROM {table.name} WHERE {touched} {grouped}")
    ).rowcount
    gone = connection.execute(made(f"DELETE FROM {table.name} WHERE id <= :top AND {touched}"), {"top": top}).rowcount
    return gone - kept


def rebuild_tallies(connection: Connection) -> int:
    """Counts everything anew from the stories and URLs themselves; returns the number of stories.

    Nobody can store meanwhile: on PostgreSQL the tables are locked here, on SQLite one transaction writes at a time.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(
            text("LOCK TABLE feed_polls, urls, stories, story_links, story_facts IN SHARE ROW EXCLUSIVE MODE")
        )
    if dialect == "sqlite":
        # Its triggers append for each story apart; all at once is a fifth of the work.
        for name in FACT_TRIGGERS:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    # Without its rows PostgreSQL's trigger finds nothing to take away, story by story.
    connection.execute(delete(act_stories))
    connection.execute(delete(story_facts))
    for table in (*TALLIES, *(metadata.tables[name] for name in DIGESTS)):
        connection.execute(delete(table))
    connection.execute(text(f"INSERT INTO story_facts ({', '.join(COLUMNS)}) {select_facts(dialect)}"))
    count_facts(connection)
    return int(connection.execute(select(func.count()).select_from(story_facts)).scalar_one())


def count_facts(connection: Connection) -> None:
    """Counts what stands in `story_facts`, and the URLs, polls and clusters; nothing of it may be counted yet.

    On SQLite the triggers of `story_facts` must not be there and are there afterwards; on PostgreSQL they have counted.
    """
    dialect = connection.dialect.name
    connection.execute(
        text(
            "INSERT INTO url_tallies (is_folded, state, reason, urls) "
            "SELECT true, state, reason, count(*) FROM urls GROUP BY state, reason"
        )
    )
    if dialect == "sqlite":
        made = [statements_for(dialect)[name] for name in FACT_TRIGGERS]
        for statement in (*made, *tally_all_facts(), *(digest.fill() for digest in DIGESTS.values())):
            connection.exec_driver_sql(statement)
    else:
        fold_tallies(connection, at_least=1)
    for statement in poll_days.count_anew(dialect):
        connection.exec_driver_sql(statement)
    digest_all_clusters(connection)

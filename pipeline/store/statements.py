# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Statements that SQLite and PostgreSQL spell differently, and conditions that several rooms of the store share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, delete, insert, or_, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Delete

from pipeline.store.many import ForRows

# SQLite takes 32,766 variables in a statement, PostgreSQL 65,535; a slice keeps both far from it.
SLICE = 500
# How far the clocks of two machines may be apart before one takes the other's leases for leftovers of a broken clock.
CLOCK_SLACK_S = 30.0

T = TypeVar("T")


def slices(items: Sequence[T], size: int = SLICE) -> Iterator[Sequence[T]]:
    """`items` in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def insert_for(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the connection's own dialect, so that ON CONFLICT can be said."""
    return insert_of(connection.dialect.name, table)


def insert_of(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The same by the dialect's name, for statements that are built once."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_missing(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert the rows that no unique key refuses, all with the same keys; returns how many were new."""
    given = list(rows)
    if not given:
        return 0
    return _run(connection, _inserting_new(connection.dialect.name, table, tuple(given[0])), given)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that no unique key refuses, without counting. All have the same keys. No rows, no statement."""
    if rows:
        _run(connection, _inserting_new(connection.dialect.name, table, tuple(rows[0])), rows)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, all with the same keys. No rows, no statement."""
    if rows:
        _run(connection, _inserting(table, tuple(rows[0])), rows)


def insert_id(connection: Connection, table: Table, row: Mapping[str, Any]) -> int:
    """Insert one row and return its id."""
    return int(_inserting(table, tuple(row), is_answered=True).ask(connection, *row.values()).scalar_one())


def delete_of(connection: Connection, column: Column[int], key: int) -> None:
    """Delete the rows of the column's table in which it is `key`."""
    connection.execute(_delete_of(column), {"key": key})


def _run(connection: Connection, inserting: ForRows, rows: Sequence[Mapping[str, Any]]) -> int:
    # Both drivers add up the rows of many; a refused one is none.
    if len(rows) == 1:
        return inserting.ask(connection, *rows[0].values()).rowcount
    names = tuple(rows[0])
    return inserting.run(connection, [tuple(map(row.__getitem__, names)) for row in rows])


# Building a statement and working out its key in the cache of compiled ones costs more CPU than SQLite takes to run it.
# What runs for every story is built once; the values are parameters.
@cache
def _inserting(table: Table, columns: tuple[str, ...], *, is_answered: bool = False) -> ForRows:
    statement = insert(table).inline()
    return ForRows(statement.returning(*table.primary_key) if is_answered else statement, columns, is_bare_insert=True)


@cache
def _inserting_new(dialect: str, table: Table, columns: tuple[str, ...]) -> ForRows:
    return ForRows(insert_of(dialect, table).on_conflict_do_nothing().inline(), columns, is_bare_insert=True)


@cache
def _delete_of(column: Column[int]) -> Delete:
    return delete(column.table).where(column == bindparam("key"))


def is_over(until: ColumnElement[Any], now: datetime, longest_s: float) -> ColumnElement[bool]:
    """Whether a lease has ended, or ends later than any lease given now could (promise P8).

    A clock that was an hour ahead when it wrote the lease must not keep its work for an hour. One that is some
    seconds ahead, or wrote while we waited for the row, must keep it: machines are never quite of one mind.
    """
    return or_(until.is_(None), until <= now, until > latest_end(now, longest_s))


def is_over_when(until: ColumnElement[Any], now: str, latest: str) -> ColumnElement[bool]:
    """`is_over` for a statement that is built once: `now` and `latest` name the parameters for now and `latest_end`."""
    return or_(until.is_(None), until <= bindparam(now, type_=until.type), until > bindparam(latest, type_=until.type))


def latest_end(now: datetime, longest_s: float) -> datetime:
    """The latest instant at which a lease of `longest_s` can end; one that ends later was written by a broken clock."""
    return now + timedelta(seconds=longest_s + CLOCK_SLACK_S)


def among(dialect: str, name: str, kind: Literal["bigint", "text"] = "bigint") -> str:
    """The SQL condition that what stands before it is one of the integers or texts in the parameter `name`.

    A list as one parameter, see `listed`: an IN with a variable for each value costs two and a half times as much CPU.
    """
    if dialect == "postgresql":
        return f"= ANY(CAST(:{name} AS {kind}[]))"
    return f"IN (SELECT value FROM json_each(:{name}))"


def values_of(dialect: str, name: str) -> str:
    """The integers in the parameter `name` as a table: name it with AS, its column is `value`."""
    return f"(SELECT unnest(CAST(:{name} AS bigint[])) AS value)" if dialect == "postgresql" else f"json_each(:{name})"


def listed(connection: Connection, values: Sequence[int]) -> list[int] | str:
    """`values` as the one parameter that `among` and `values_of` expect."""
    return list(values) if connection.dialect.name == "postgresql" else f"[{','.join(map(str, values))}]"


def listed_texts(connection: Connection, values: Sequence[str]) -> list[str] | str:
    """The same of texts, for `among` alone."""
    return list(values) if connection.dialect.name == "postgresql" else json.dumps(values)


def lock_texts(connection: Connection, content_hashes: Iterable[str]) -> None:
    """Let one transaction at a time store each of these exact texts, until it ends; others are not held up.

    Two pages with the same words that arrive at once must not become two stories (P2). SQLite's BEGIN IMMEDIATE
    already sees to it; PostgreSQL gets an advisory lock for each text, in one order for all so that nobody waits in a
    circle. `content_hashes` are those of `Fingerprint`, hexadecimal.
    """
    if connection.dialect.name == "postgresql":
        keys = sorted({int(digest[:16], 16) - 2**63 for digest in content_hashes})
        for key in keys:
            connection.execute(_LOCK_TEXT, {"key": key})


_LOCK_TEXT = text("SELECT pg_advisory_xact_lock(:key)")

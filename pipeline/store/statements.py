"""Statements that SQLite and PostgreSQL spell differently, and conditions that several rooms of the store share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, bindparam, or_, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

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
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_missing(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert the rows that no unique key refuses; returns how many were new. No rows, no statement."""
    inserted = 0
    for piece in slices(list(rows)):
        # An INSERT without rows would insert one row of defaults.
        statement = insert_for(connection, table).values(list(piece)).on_conflict_do_nothing()
        # Not every driver knows the row count of an INSERT with many rows; what comes back can be counted everywhere.
        inserted += len(connection.execute(statement.returning(*table.primary_key.columns)).all())
    return inserted


def insert_id(connection: Connection, statement: Insert) -> int:
    """Run an INSERT of one row and return its id."""
    key = connection.execute(statement).inserted_primary_key
    if key is None:
        raise RuntimeError("the INSERT returned no primary key")
    return int(key[0])


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


def lock_settling(connection: Connection) -> None:
    """Let one transaction at a time store stories, until it ends.

    Two copies of one report that arrive at once must see each other, or each founds a cluster of its own. SQLite's
    BEGIN IMMEDIATE already gives this; PostgreSQL gets an advisory lock. docs/decisions/0003 has the figures.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7011205)"))

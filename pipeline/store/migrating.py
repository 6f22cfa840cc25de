"""What migrations share: changes that SQLite has no statement for, made without copying a table.

A migration states its own frozen lists and SQL; only the way of making the change is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, inspect, text


def set_words(connection: Connection, table: str, column: str, constraint: str, words: Sequence[str]) -> None:
    """Replaces the closed list of words that `column` may hold; rows are neither moved nor read on SQLite.

    `constraint` is the CHECK's full name. On SQLite the text of the constraint is replaced in the schema, the way
    that https://www.sqlite.org/lang_altertable.html gives for changes that touch no stored data; on PostgreSQL the
    rows are checked against the new list. Raises ValueError when the table has no such constraint.
    """
    check = f"CHECK ({column} IN ({', '.join(_quoted(word) for word in words)}))"
    if connection.dialect.name == "sqlite":
        _set_sqlite_check(connection, table, constraint, check)
        return
    if constraint not in {found["name"] for found in inspect(connection).get_check_constraints(table)}:
        raise ValueError(f"{table} has no constraint {constraint}")
    connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {check}")


@contextmanager
def without_views(connection: Connection, names: Sequence[str]) -> Iterator[None]:
    """Inside, the views `names` do not exist; afterwards they are as they were, unless they were made anew inside.

    SQLite refuses to rename or rebuild a table while a view names it, PostgreSQL to change the type of a column. Give
    the names in an order in which they can be created.
    """
    found = {name: _view_statement(connection, name) for name in names}
    for name in reversed(names):
        connection.exec_driver_sql(f"DROP VIEW {name}")
    yield
    present = set(inspect(connection).get_view_names())
    for name, statement in found.items():
        if name not in present:
            connection.exec_driver_sql(statement)


def _set_sqlite_check(connection: Connection, table: str, constraint: str, check: str) -> None:
    schema = connection.execute(
        text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table"), {"table": table}
    ).scalar_one()
    pattern = re.compile(rf"CONSTRAINT {re.escape(constraint)} CHECK \([^()]* IN \([^()]*\)\)")
    changed, count = pattern.subn(lambda _: f"CONSTRAINT {constraint} {check}", schema)
    if count != 1:
        raise ValueError(f"{table} has no constraint {constraint} with a list of words")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    connection.execute(
        text("UPDATE sqlite_master SET sql = :changed WHERE type = 'table' AND name = :table"),
        {"changed": changed, "table": table},
    )
    # A new number makes this and every other connection read the schema again.
    connection.exec_driver_sql(f"PRAGMA schema_version={int(version) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=OFF")


def _view_statement(connection: Connection, name: str) -> str:
    if connection.dialect.name == "sqlite":
        query = text("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = :name")
        return str(connection.execute(query, {"name": name}).scalar_one())
    select = connection.execute(text("SELECT pg_get_viewdef(CAST(:name AS regclass))"), {"name": name}).scalar_one()
    return f"CREATE VIEW {name} AS {select}"


def _quoted(word: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", word):
        raise ValueError(f"{word!r} is not a word of a closed list")
    return f"'{word}'"

"""Every earlier schema, filled with rows, comes to this version's with every row and every value still there."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection, Engine, MetaData, Table

from workers.database import _alembic_config, check, head_version, migrations_dir, open_engine, upgrade

VERSIONS = sorted(path.name.split("_", 1)[0] for path in migrations_dir().glob("versions/[0-9]*_*.py"))
EARLIER = VERSIONS[:-1]
ROWS = 3
# What the database writes by itself, from other rows.
DERIVED = re.compile(r"story_search.*|story_facts|\w+_tallies")
# Columns that a migration replaced by others on purpose.
REPLACED = {("site_lines", "is_boilerplate")}


def upgrade_to(engine: Engine, version: str) -> None:
    with engine.begin() as connection:
        command.upgrade(_alembic_config(connection), version)


def tables_of(connection: Connection) -> list[Table]:
    """Every table there is, in an order in which rows can be added."""
    found = MetaData()
    found.reflect(connection)
    with_cycle = ("urls", "stories")  # each names the other; a URL's story is optional
    others = [table for table in found.tables.values() if table.name not in ("alembic_version", *with_cycle)]
    others = [table for table in others if not DERIVED.fullmatch(table.name)]
    done: list[Table] = []
    wanted = [found.tables["urls"], *others, found.tables["stories"]]
    while wanted:
        for table in wanted:
            needs = {key.column.table.name for key in table.foreign_keys if not key.parent.nullable}
            if needs <= {ready.name for ready in done} | {table.name}:
                done.append(table)
                wanted.remove(table)
                break
        else:
            raise AssertionError(f"tables need each other: {wanted}")
    return done


def value_for(column: sa.Column[Any], number: int, words: dict[str, str]) -> Any:
    """A value that says which row and column it is of, as far as the column's type and rules let it."""
    if column.name in words:
        return words[column.name]
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return None if column.nullable else value_for(key.column, number, {})
    if isinstance(column.type, sa.Boolean):
        return number == 1
    if isinstance(column.type, sa.Integer):
        return number
    if isinstance(column.type, sa.Float | sa.Numeric):
        return number / 4
    if isinstance(column.type, sa.JSON):
        return [f"{column.name} {number}"]
    if isinstance(column.type, sa.Date):
        return date(2024, 5, number)
    if isinstance(column.type, sa.DateTime):
        return datetime(2024, 5, 31, 4, number, tzinfo=UTC)
    if getattr(column.type, "length", None) == 24:  # how SQLite keeps an instant
        return f"2024-05-31T04:{number:02}:00.000Z"
    return f"{column.name} {number}"[: getattr(column.type, "length", None) or 100]


def words_of(connection: Connection, table: Table) -> dict[str, str]:
    """For each column with a closed list one word of it."""
    words = {}
    for constraint in sa.inspect(connection).get_check_constraints(table.name):
        column = re.search(r"\(*(\w+)", constraint["sqltext"])
        listed = re.findall(r"'(\w+)'", constraint["sqltext"])
        if column is not None and listed:
            words[column[1]] = listed[-1]
    return words


def fill(connection: Connection) -> None:
    for table in tables_of(connection):
        words = words_of(connection, table)
        for number in range(1, ROWS + 1):
            row = {column.name: value_for(column, number, words) for column in table.columns}
            connection.execute(sa.insert(table).values(row))


def content(connection: Connection, like: dict[str, list[str]] | None = None) -> dict[str, tuple[list[str], list[Any]]]:
    """Every table's columns and rows; with `like` those columns alone."""
    found = MetaData()
    found.reflect(connection)
    shown = {}
    for name, table in found.tables.items():
        if name == "alembic_version" or name.startswith("story_search") or (like is not None and name not in like):
            continue
        own = [column.name for column in table.columns if (name, column.name) not in REPLACED]
        columns = own if like is None else like[name]
        rows = connection.execute(sa.select(*(table.c[column] for column in columns))).all()
        shown[name] = (columns, sorted((tuple(row) for row in rows), key=repr))
    return shown


@pytest.mark.parametrize("version", EARLIER)
def test_no_row_and_no_value_is_lost_on_the_way_to_this_version(version: str, bare_database_url: str) -> None:
    engine = open_engine(bare_database_url)
    upgrade_to(engine, version)
    with engine.begin() as connection:
        fill(connection)
    with engine.connect() as connection:
        before = content(connection)
    # To some tables triggers add rows that are counted or marked.
    assert all(len(rows) >= ROWS for name, (_, rows) in before.items() if not DERIVED.fullmatch(name))
    assert len(before) >= 15
    upgrade(engine)
    assert check(engine) == []
    with engine.connect() as connection:
        after = content(connection, {name: columns for name, (columns, _) in before.items()})
    assert after == before
    engine.dispose()


def test_the_versions_are_one_chain_to_the_head() -> None:
    assert VERSIONS[-1] == head_version()
    assert EARLIER

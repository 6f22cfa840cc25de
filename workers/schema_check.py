"""What differs between a database and the schema that the code expects. Imports alembic (390 ms): import it late."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from pipeline.store.schema import metadata
from pipeline.store.triggers import trigger_names
from pipeline.store.views import VIEWS


def differences(connection: Connection) -> list[str]:
    """A sentence for each table, column, index, key, closed list or view that is not as the code expects."""
    opts = {"compare_type": True, "target_metadata": metadata, "include_object": _compared(connection.dialect.name)}
    context = MigrationContext.configure(connection, opts=opts)
    found = [_sentence(difference) for difference in compare_metadata(context, metadata)]
    found += _check_constraint_differences(connection)
    present = set(inspect(connection).get_view_names())
    found += [f"view {name} is missing" for name in VIEWS if name not in present]
    missing = trigger_names(connection.dialect.name) - _triggers(connection)
    return found + [f"trigger {name} is missing" for name in sorted(missing)]


def _compared(dialect: str) -> Callable[[object, str | None, str, bool, object], bool]:
    """All but the full-text index, whose tables SQLite makes itself and whose types SQLAlchemy does not know, and the
    indexes that are meant for the other database.
    """
    others = {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if (only := getattr(index, "_ddl_if", None)) is not None and only.dialect != dialect
    }

    def is_compared(_item: object, name: str | None, _kind: str, _reflected: bool, _other: object) -> bool:
        return name not in others and not (name or "").startswith(("story_search", "ix_story_search"))

    return is_compared


def _triggers(connection: Connection) -> set[str]:
    if connection.dialect.name == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    return set(connection.exec_driver_sql(query).scalars())


def _check_constraint_differences(connection: Connection) -> list[str]:
    """Closed lists are CHECK constraints, which alembic does not compare."""
    inspector = inspect(connection)
    found = []
    for table in metadata.sorted_tables:
        if not inspector.has_table(table.name):
            continue
        there = {
            constraint["name"]: constraint["sqltext"] for constraint in inspector.get_check_constraints(table.name)
        }
        for column in table.columns:
            words = getattr(column.type, "enums", None)
            sqltext = next((sql for sql in there.values() if re.search(rf"\b{column.name}\b", sql)), None)
            if words and sqltext is None:
                found.append(f"column {table.name}.{column.name} has no CHECK of its closed list")
            elif words and set(re.findall(r"'([^']*)'", sqltext or "")) != set(words):
                found.append(f"the CHECK of column {table.name}.{column.name} lists other words than the code")
    return found


def _sentence(difference: Any) -> str:
    """One line on one of alembic's difference tuples; a changed column comes as a list of them."""
    if isinstance(difference, list):
        return "; ".join(_sentence(part) for part in difference)
    kind, *subject = difference
    names = [str(getattr(part, "name", part)) for part in subject if isinstance(part, str) or hasattr(part, "name")]
    table = next((part.table.name for part in subject if getattr(part, "table", None) is not None), None)
    return f"{kind.replace('_', ' ')}: {'.'.join(dict.fromkeys([table, *names] if table else names))}"

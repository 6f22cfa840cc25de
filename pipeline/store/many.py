"""Statements for very many rows, handed to the driver as they are.

SQLAlchemy works out the parameters of each row anew, which costs as much CPU as SQLite takes to write it
(docs/benchmarks.md). Here that is worked out once for each dialect; the statement is still one of SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.dml import Insert, Update

Row = Sequence[Any]


class ForRows:
    """An INSERT or UPDATE to be run for many rows, whose values stand in the order of `names`: two or more.

    The names are parameters of the statement; of an INSERT without values they are columns, and it is `inline()`,
    lest it ask for the new keys. Every other value is the same for all rows. Defaults of the client are not looked at.
    """

    def __init__(self, statement: Insert | Update, names: Sequence[str], *, is_bare_insert: bool = False) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._columns = list(names) if is_bare_insert else None
        self._forms: dict[str, tuple[str, Callable[[Row], Any]]] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it for each of the rows. No rows, no statement."""
        if rows:
            dialect = connection.dialect
            if dialect.name not in self._forms:
                self._forms[dialect.name] = self._form(dialect)
            sql, converted = self._forms[dialect.name]
            connection.exec_driver_sql(sql, [converted(row) for row in rows])

    def _form(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        """The SQL in the driver's words, and what makes of a row's values what the driver takes."""
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
        wanted = tuple(compiled.positiontup if compiled.positional else compiled.params)
        kinds = {name: compiled.binds[name].type.dialect_impl(dialect) for name in wanted}
        makers = {name: kind.bind_processor(dialect) for name, kind in kinds.items()}
        constants = [name for name in dict.fromkeys(wanted) if name not in self._names]
        same = tuple(_made(makers[name], compiled.params[name]) for name in constants)
        at = {name: index for index, name in enumerate((*self._names, *constants))}
        own = [makers[name] for name in self._names]
        chosen = itemgetter(*(at[name] for name in wanted))

        def converted(row: Row) -> Any:
            values = (*(value if make is None else make(value) for make, value in zip(own, row, strict=True)), *same)
            return chosen(values) if compiled.positional else dict(zip(wanted, chosen(values), strict=True))

        return str(compiled), converted


def _made(make: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if make is None else make(value)

"""Statements that run very often, handed to the driver as they are.

SQLAlchemy works out the parameters of each row anew, and what a statement answers. That costs as much CPU as SQLite
takes for the rows, and for a single row several times as much (docs/benchmarks.md). Here it is worked out once for
each dialect; the statement is still one of SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, TextClause
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.selectable import Select

Row = Sequence[Any]


class ForRows:
    """A statement to be run for many rows of values, or for one and what it answers.

    The values stand in the order of `names`. Those are parameters of the statement; of an INSERT without values they
    are columns, and it is `inline()`, lest it ask for the new keys. Every other value is the same for all rows.
    Defaults of the client are not looked at, and an answer comes as the driver has it: no instants, no lists.
    """

    def __init__(
        self,
        statement: Insert | Update | Select[Any] | TextClause,
        names: Sequence[str],
        *,
        is_bare_insert: bool = False,
    ) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._columns = list(names) if is_bare_insert else None
        self._forms: dict[str, tuple[str, Callable[[Row], Any]]] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Run it for each of the rows; how many rows of the table it touched. No rows, no statement."""
        if not rows:
            return 0
        sql, converted = self._form_for(connection.dialect)
        return connection.exec_driver_sql(sql, [converted(row) for row in rows]).rowcount

    def ask(self, connection: Connection, *values: Any) -> CursorResult[*tuple[Any, ...]]:
        """Run it for one row of values; what it answers."""
        sql, converted = self._form_for(connection.dialect)
        return connection.exec_driver_sql(sql, converted(values))

    def _form_for(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = self._form(dialect)
        return form

    def _form(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        """The SQL in the driver's words, and what makes of a row's values what the driver takes."""
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
        wanted = tuple(compiled.positiontup if compiled.positional else compiled.params)
        kinds = {name: compiled.binds[name].type.dialect_impl(dialect) for name in wanted}
        makers = {name: kind.bind_processor(dialect) for name, kind in kinds.items()}
        constants = [name for name in dict.fromkeys(wanted) if name not in self._names]
        same = tuple(_made(makers[name], compiled.params[name]) for name in constants)
        at = {name: index for index, name in enumerate((*self._names, *constants))}
        # Most values are taken as they are.
        made = [(index, make) for index, name in enumerate(self._names) if (make := makers[name]) is not None]
        chosen = itemgetter(*(at[name] for name in wanted)) if len(wanted) > 1 else tuple

        def converted(row: Row) -> Any:
            values = [*row, *same]
            for index, make in made:
                values[index] = make(values[index])
            return chosen(values) if compiled.positional else dict(zip(wanted, chosen(values), strict=True))

        return str(compiled), converted


def _made(make: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if make is None else make(value)

# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""SQL expressions that SQLite and PostgreSQL write differently. Arguments and results are SQL text."""

from __future__ import annotations


def hour_of(dialect: str, instant: str) -> str:
    """The instant at which the hour of `instant` began."""
    if dialect == "postgresql":
        return f"date_trunc('hour', {instant}, 'UTC')"
    return f"substr({instant}, 1, 13) || ':00:00.000Z'"


def day_of(dialect: str, instant: str) -> str:
    """The UTC day of `instant`."""
    return f"CAST({instant} AT TIME ZONE 'UTC' AS date)" if dialect == "postgresql" else f"substr({instant}, 1, 10)"


def week_of(dialect: str, instant: str) -> str:
    """The Monday (UTC) of the week of `instant`, as a day."""
    if dialect == "postgresql":
        return f"CAST(date_trunc('week', {instant} AT TIME ZONE 'UTC') AS date)"
    return f"date(substr({instant}, 1, 10), '-6 days', 'weekday 1')"


def weeks_before(dialect: str, day: str, weeks: int) -> str:
    """The day `weeks` before `day`."""
    return f"{day} - {7 * weeks}" if dialect == "postgresql" else f"date({day}, '-{7 * weeks} days')"


def now_of(dialect: str) -> str:
    """The instant of the database's own clock."""
    return "now()" if dialect == "postgresql" else "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def days_ago(dialect: str, days: int) -> str:
    """The instant `days` before now."""
    if dialect == "postgresql":
        return f"(now() - interval '{days} days')"
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} days')"


def seconds_between(dialect: str, start: str, end: str) -> str:
    """Seconds from `start` to `end` as a float, to the millisecond."""
    if dialect == "postgresql":
        return f"CAST(round(extract(epoch FROM {end} - {start}), 3) AS double precision)"
    return f"round((julianday({end}) - julianday({start})) * 86400.0, 3)"


def joined(dialect: str, column: str, rows: str, order: str) -> str:
    """`a, b, c` of `column` over `rows` (a FROM clause and what follows it) in `order`; NULL when there are none."""
    aggregate = "string_agg" if dialect == "postgresql" else "group_concat"
    return f"(SELECT {aggregate}(word, ', ') FROM (SELECT {column} AS word {rows} ORDER BY {order}) AS words)"


def without_query(dialect: str, url: str) -> str:
    """A feed's URL without its query, where feeds for subscribers carry their keys."""
    if dialect == "postgresql":
        return f"split_part({url}, '?', 1)"
    return f"substr({url}, 1, instr({url} || '?', '?') - 1)"


def flag(dialect: str, is_set: bool) -> str:
    """The boolean literal in the form in which each database keeps it, so that a partial index is recognised."""
    if dialect == "postgresql":
        return "true" if is_set else "false"
    return "1" if is_set else "0"


def waited_s(dialect: str, start: str, end: str) -> str:
    """Whole seconds from `start` to `end`, rounded up to a value of at most six significant bits; NULL without `start`.

    Values below 64 s are kept to the second, longer ones to 1/32 of themselves at worst: what is counted by value stays
    few values a day, and a percentile read from the counts is too high by 3 % at most. A negative wait (an outlet that
    dates ahead) is rounded by the same steps.
    """
    seconds = f"({seconds_between(dialect, start, end)})"
    size = f"abs({seconds})"
    # Below 64 s by the second, below 128 s by two, and so on up to 68 years.
    steps = " ".join(f"WHEN {size} < {64 << power} THEN {1 << power}" for power in range(26))
    step = f"(CASE {steps} ELSE {1 << 26} END)"
    whole = f"CAST(ceil({seconds} / {step}) AS integer)" if dialect == "postgresql" else _ceiling(f"{seconds} / {step}")
    return f"{whole} * {step}"


def _ceiling(number: str) -> str:
    """SQLite is often built without its mathematical functions: cut towards zero, one more when something was cut."""
    return f"(CAST({number} AS integer) + ({number} > CAST({number} AS integer)))"


def sqlite_trigger(name: str, when: str, *statements: str) -> dict[str, str]:
    """A trigger of SQLite by its name."""
    body = ";\n    ".join(statements)
    return {name: f"CREATE TRIGGER {name} {when} BEGIN\n    {body};\nEND"}


def postgres_function(name: str, *statements: str) -> dict[str, str]:
    """A trigger's function of PostgreSQL by its name."""
    body = ";\n    ".join(statements)
    return {
        name: f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {body};
    RETURN NULL;
END
$$"""
    }


def item_of(dialect: str, place: int, listed: str = "value") -> str:
    """One value of a list in JSON, as a place of `named_places` is: two words, then two numbers."""
    if dialect != "postgresql":
        return f"json_extract({listed}, '$[{place}]')"
    return f"{listed}->>{place}" if place < 2 else f"CAST({listed}->>{place} AS double precision)"

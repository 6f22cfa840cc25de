"""SQL functions that the charts and canned queries use. Loaded by Datasette, never imported by Frontwire itself."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime, timedelta

from datasette import hookimpl

from pipeline.store.search import fts5_query, parse_terms

_LONGEST_DAYS = 36_500


def ago(period: str | None) -> str | None:
    """The instant so long before now, as the views write instants: `7 days` or `1 day`; None for anything else."""
    match = re.fullmatch(r"(\d{1,5}) days?", period or "")
    if match is None:
        return None
    then = datetime.now(UTC) - timedelta(days=min(int(match[1]), _LONGEST_DAYS))
    return then.strftime("%Y-%m-%dT%H:%M:%S.") + f"{then.microsecond // 1000:03d}Z"


def ago_day(period: str | None) -> str | None:
    """The UTC day of that instant."""
    then = ago(period)
    return then[:10] if then else None


def search_query(words: str | None) -> str:
    """What a person typed as an FTS5 expression, every term quoted.

    For none, and where a beginning has one letter only, it is an expression that finds nothing.
    """
    terms = parse_terms(words or "")
    return fts5_query(terms) if terms and not any(term.is_too_short() for term in terms) else '""'


@hookimpl  # type: ignore[untyped-decorator]
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Registers the functions; constant within a statement, so that SQLite computes them once."""
    for function in (ago, ago_day, search_query):
        conn.create_function(function.__name__, 1, function, deterministic=True)

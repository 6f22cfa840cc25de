"""What the commands share: settings, engine, output as table or JSON, exit statuses, and sentences for known faults."""

from __future__ import annotations

import contextlib
import errno
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from workers.database import open_engine, prepare, require_current
from workers.faults import QueueUnavailable
from workers.process import describe
from workers.settings import Settings, SettingsError, load_settings, mask_url, wants_colour

EXIT_FAILED = 1
EXIT_NOTHING = 3

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on standard output.")


def sentence_for(error: Exception) -> str | None:
    """One clear sentence for a fault of the world or of the settings; None for a fault of ours."""
    if isinstance(error, SettingsError):
        return f"the settings are wrong:\n{error}"
    if isinstance(error, QueueUnavailable):
        return f"Redis can't be reached ({error}): start it or mend FRONTWIRE_REDIS_URL; nothing is lost meanwhile"
    if type(error).__module__.startswith("workers."):
        return str(error)
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "disk is full" in str(error):
        return "the disk is full: free some space (see `frontwire doctor`), nothing was lost"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; check the path and its rights"
    if isinstance(error, DBAPIError):
        return f"the database refused ({describe(error)}); see `frontwire doctor`"
    return None


@contextlib.contextmanager
def store(settings: Settings | None = None) -> Iterator[Engine]:
    """An engine on a database whose schema is current."""
    engine = current_engine(settings or load_settings())
    try:
        yield engine
    finally:
        engine.dispose()


def current_engine(settings: Settings) -> Engine:
    """An engine on a database whose schema is current; raises DatabaseUnavailable, and leaves no connection open."""
    engine = open_engine(settings.database_dsn)
    try:
        require_current(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def prepared_engine(settings: Settings) -> Engine:
    """An engine on a database that was brought to this code's schema first."""
    engine = open_engine(settings.database_dsn)
    prepare(engine)
    return engine


def print_json(value: Any) -> None:
    """`value` as one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain_value))


def plain_value(value: Any) -> Any:
    """A value that JSON lacks, as text: instants in ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people. Cells are plain text: what a feed wrote is never read as markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    rich_console().print(table)


def rich_console(*, to_stderr: bool = False) -> Any:
    """A console that honours NO_COLOR and does not wrap when it is piped."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    return Console(file=stream, no_color=not wants_colour(), highlight=False, width=None if stream.isatty() else 160)


def cell(value: object) -> str:
    """A value as plain text for a terminal: what a feed wrote can neither move the cursor nor colour anything."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    # A title may hold escape sequences that a terminal would obey.
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in str(value))


def shown_settings(settings: Settings) -> Mapping[str, str]:
    """Settings for people, with the values that apply where none was given."""
    shown = settings.shown()
    shown["database_url"] = mask_url(settings.database_dsn)
    shown["redis_url"] = mask_url(settings.redis_dsn)
    return shown

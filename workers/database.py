"""The one place that makes engines, and brings the schema of a database to where this code expects it.

Nothing else in the project calls `create_engine`: what a connection needs (WAL, timeouts, foreign keys, hidden
parameters) is set here for every connection, because SQLite's PRAGMAs and PostgreSQL's session settings last no longer
than the connection does.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

if TYPE_CHECKING:
    from alembic.config import Config

SQLITE_BUSY_TIMEOUT_MS = 30_000
# As many as a process's threads may use at once. What is beyond the pool is opened anew for each transaction.
_SQLITE_POOL = 16
# A paused worker must not hold its row locks for ever, and no statement of ours takes a minute on a healthy server.
POSTGRES_SESSION = {
    "TimeZone": "UTC",
    "statement_timeout": "60s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "60s",
    # Our statements take milliseconds. A planner that has not counted a table's rows lately takes them for long ones:
    # to compile one takes longer than the answer (docs/dashboards.md), and so does starting a helper for it.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
# A server that is gone without a word is found dead after a minute, not after the two hours of the kernel's default.
POSTGRES_CONNECTION = {
    "connect_timeout": 10,
    "application_name": "frontwire",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# Any number that nobody else on the server uses for an advisory lock: the letters "frntwire" as a bigint.
_UPGRADE_LOCK = 0x66726E7477697265

# An execution option: the connection's transactions begin without SQLite's write lock.
_READS_ONLY = "frontwire_reads_only"

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


class DatabaseUnavailable(Exception):
    """The database can't be used. The message is one sentence for people: what is wrong and what to do, no password."""


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine for `sqlite:///file` or `postgresql://…`, tried with one connection before it is handed out.

    On SQLite every transaction is BEGIN IMMEDIATE, so a writer waits (at most 30 s) at its start and never fails in
    its middle; a `read_only` engine begins without a lock and can't write. No connection of the engine crosses a fork.
    Raises DatabaseUnavailable when the URL is not usable or nobody answers.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite_engine(parsed, read_only=read_only)
    else:
        engine = _postgres_engine(parsed, read_only=read_only)
    try:
        with engine.connect():
            pass
    except DBAPIError as error:
        engine.dispose()
        raise DatabaseUnavailable(_advice(parsed, error, read_only=read_only)) from None
    _engines.add(engine)
    return engine


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for looking only: on SQLite it takes no write lock, so an hour's export delays no worker."""
    with engine.connect().execution_options(**{_READS_ONLY: True}) as connection:
        yield connection


def sqlite_path(url: str) -> Path | None:
    """Where the SQLite file of the URL is or will be; None for another database."""
    parsed = _parsed(url)
    is_sqlite = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(str(parsed.database)).expanduser().absolute() if is_sqlite else None


def masked(url: str) -> str:
    """`url` as it may be shown: its password replaced by ***."""
    try:
        return _shown(make_url(url))
    except (ArgumentError, ValueError):
        return re.sub(r"://.*@", "://***@", url)


def is_outage(error: BaseException) -> bool:
    """Whether `error` means that the database is away, locked or full: wait and try again, the work is not at fault."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


# ------------------------------------------------------------------------------------------------------ the schema


def upgrade(engine: Engine) -> None:
    """Brings the schema to the newest version this code knows; does nothing when it is there already.

    All of it is one transaction: another process that upgrades at the same time waits and then finds nothing to do.
    Raises DatabaseUnavailable when the database was made by a newer Frontwire.
    """
    from alembic import command

    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # Rebuilding a table that others refer to would delete their rows; inside a transaction this PRAGMA is void.
            _driver_execute(connection, "PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                _hold_upgrade_lock(connection)
                _refuse_newer(connection)
                command.upgrade(_alembic_config(connection), "head")
        finally:
            if engine.dialect.name == "sqlite":
                _driver_execute(connection, "PRAGMA foreign_keys=ON")


def prepare(engine: Engine) -> None:
    """`upgrade`, which loads alembic, only where the schema is not there yet or is older."""
    try:
        require_current(engine)
    except DatabaseUnavailable:
        # One of a newer Frontwire upgrade() refuses with its own sentence.
        upgrade(engine)


def check(engine: Engine) -> list[str]:
    """What differs between the database and what this code expects, a sentence each; empty when all is well."""
    from workers.schema_check import differences

    with engine.connect() as connection:
        version = _version(connection)
        found = differences(connection)
    if version != head_version():
        found.insert(0, f"the schema has version {version or 'none'}, this code expects {head_version()}")
    return found


def current_version(engine: Engine) -> str | None:
    """The version of the schema in the database, None when it has none yet."""
    with engine.connect() as connection:
        return _version(connection)


def head_version() -> str:
    """The version of the schema this code expects: the number its newest migration file begins with."""
    return max(path.name.split("_", 1)[0] for path in migrations_dir().glob("versions/[0-9]*_*.py"))


def require_current(engine: Engine) -> None:
    """Raises DatabaseUnavailable unless the schema has the version this code expects; alembic is not imported."""
    with engine.connect() as connection:
        version = _version(connection)
        _refuse_newer(connection)
    if version != head_version():
        raise DatabaseUnavailable(
            f"The database has schema version {version or 'none'}, but this Frontwire needs {head_version()}: "
            "run `frontwire db upgrade`."
        )


def migrations_dir() -> Path:
    """Where the migrations lie: inside an installed wheel, or next to the packages in a checkout."""
    here = Path(__file__).resolve().parent
    bundled = here / "bundled" / "migrations"
    return bundled if bundled.is_dir() else here.parent / "migrations"


# --------------------------------------------------------------------------------------------------------- engines


def _parsed(url: str) -> URL:
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUnavailable(
            f"{masked(url)!r} is not a database URL: use sqlite:////path/to/file.db or "
            "postgresql://user:password@host/database."
        ) from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise DatabaseUnavailable(f"{masked(url)!r}: Frontwire stores in SQLite (sqlite:///…) or PostgreSQL only.")
    return parsed


def _shown(url: URL) -> str:
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def _sqlite_engine(url: URL, *, read_only: bool) -> Engine:
    name = url.database
    if not name or name == ":memory:" or name.startswith("file:"):
        raise DatabaseUnavailable(
            f"{url.render_as_string()!r} names no file: several processes share the database, so it must be a file, "
            "for example sqlite:////var/lib/frontwire/frontwire.db."
        )
    path = Path(name).expanduser().absolute()
    if read_only:
        url = url.set(database=f"file:{quote(str(path))}").update_query_dict({"mode": "ro", "uri": "true"})
    else:
        url = url.set(database=str(path))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The directory {path.parent} can't be made ({error.strerror}): name another one in "
                "FRONTWIRE_DATABASE_URL or FRONTWIRE_DATA_DIR."
            ) from None
    engine = create_engine(url, hide_parameters=True, pool_size=_SQLITE_POOL)
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin on its own; see `begin` below
        connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
        if not read_only:
            _use_wal(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READS_ONLY) else begin)

    return engine


def _use_wal(connection: Any) -> None:
    """Turns the write-ahead log on, once in a file's life. SQLite does not wait for that lock by itself."""
    deadline = time.monotonic() + SQLITE_BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                # Only a file without any table takes this: what `prune` frees can then be given back.
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _postgres_engine(url: URL, *, read_only: bool) -> Engine:
    session = dict(POSTGRES_SESSION)
    if read_only:
        session["default_transaction_read_only"] = "on"
    options = [f"-c {name}={value}" for name, value in session.items()]
    own = url.query.get("options", ())
    options += [own] if isinstance(own, str) else list(own)  # the URL's own come last and win
    url = url.difference_update_query(["options"])
    arguments: dict[str, Any] = {"options": " ".join(options)}
    arguments |= {name: value for name, value in POSTGRES_CONNECTION.items() if name not in url.query}
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=arguments)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise DatabaseUnavailable('PostgreSQL needs its driver: pip install "frontwire[postgres]".') from None


def _advice(url: URL, error: DBAPIError, *, read_only: bool) -> str:
    """One sentence on a connection that failed, with the driver's own words in their first line."""
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    if url.password:
        said = said.replace(str(url.password), "***").replace(quote(str(url.password), safe=""), "***")
    shown = _shown(url)
    if url.get_backend_name() == "sqlite":
        advice = "run `frontwire db upgrade` first" if read_only else "check that the file is a database you may write"
        if not read_only and _is_disk_full(Path(url.database or ".")):
            advice = "the disk is full; free some space, nothing was lost"
    else:
        advice = "check that the server runs and that FRONTWIRE_DATABASE_URL names its host, user and database"
    return f"The database {shown} can't be opened ({said}): {advice}."


def _is_disk_full(file: Path) -> bool:
    # SQLite says "disk I/O error" when there is no room for its shared-memory file of 32 KiB.
    return file.parent.is_dir() and shutil.disk_usage(file.parent).free < 1 << 20


def _close_before_fork() -> None:
    """Closes idle connections, so that a child inherits none (promise P30); the parent opens new ones as it needs."""
    for engine in list(_engines):
        engine.dispose()


def _forget_after_fork() -> None:
    """What was in use at the fork belongs to the parent: the child drops it without saying goodbye to the server."""
    for engine in list(_engines):
        engine.dispose(close=False)


os.register_at_fork(before=_close_before_fork, after_in_child=_forget_after_fork)


# ------------------------------------------------------------------------------------------------- schema, in detail


def _alembic_config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _driver_execute(connection: Connection, statement: str) -> None:
    """Runs `statement` on the driver's own connection, outside any transaction of SQLAlchemy's."""
    driver: Any = connection.connection.driver_connection
    driver.execute(statement)


def _hold_upgrade_lock(connection: Connection) -> None:
    """Waits until no other process upgrades; SQLite's BEGIN IMMEDIATE has done that already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        # Behind a long reader DDL would queue, and everybody else behind the DDL: rather fail and be run again.
        connection.execute(text("SET LOCAL lock_timeout = '30s'"))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _refuse_newer(connection: Connection) -> None:
    version, head = _version(connection), head_version()
    if version is not None and version > head:
        raise DatabaseUnavailable(
            f"The database has schema version {version}, made by a newer Frontwire; this one knows {head} at most: "
            "install the newer version."
        )

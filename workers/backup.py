"""A copy of the database that is whole although everything goes on writing, and the way back from it."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Engine

from workers.database import current_version, head_version, open_engine, sqlite_path


class BackupFailed(Exception):
    """No backup was made, or none restored. The message says in a sentence why and what to do; it holds no password."""


def backup(engine: Engine, target: Path) -> int:
    """Writes a backup to the new file `target` and returns its size in bytes. Writers are not stopped meanwhile.

    SQLite: a database file, checked for integrity. PostgreSQL: the custom format of pg_dump, read by pg_restore.
    `target` appears whole or not at all, and nothing is ever overwritten. Raises BackupFailed.
    """
    partial = target.with_name(target.name + ".partial")
    for path in (target, partial):
        if path.exists():
            raise BackupFailed(f"{path} is there already: name a new file, or remove it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise BackupFailed(f"{partial} can't be written ({error.strerror}): name another place.") from None
    try:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, partial)
        else:
            _dump_postgres(engine, partial)
        _keep(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def _keep(partial: Path, target: Path) -> None:
    """Gives the finished file its name, unless somebody else took that name meanwhile."""
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(partial, target)
    except FileExistsError:
        raise BackupFailed(f"{target} was made by somebody else meanwhile: name a new file.") from None
    except OSError:  # a file system without hard links
        partial.rename(target)


def _copy_sqlite(engine: Engine, partial: Path) -> None:
    """SQLite's online backup: one read transaction over the whole file, which writers in WAL mode do not wait for."""
    with engine.connect() as connection, closing(sqlite3.connect(partial)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        try:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.Error as error:
            raise BackupFailed(f"SQLite could not copy the database ({error}): look for a full disk.") from None
    if verdict != "ok":
        raise BackupFailed(f"The copy is damaged ({verdict}): the database itself may be; run `frontwire db check`.")


def _dump_postgres(engine: Engine, partial: Path) -> None:
    _run_client("pg_dump", engine.url, ["--format=custom", "--no-owner", f"--file={partial}"])


# ----------------------------------------------------------------------------------------------------------- and back


def restore(source: Path, database_url: str) -> str:
    """Makes the database of `database_url`, which must hold nothing yet, from a backup; returns its schema version.

    The backup is checked first: a damaged one, one of another kind of database, and one made by a newer Frontwire are
    refused, and nothing is changed. Raises BackupFailed; DatabaseUnavailable when the database can't be reached.
    """
    if not source.is_file():
        raise BackupFailed(f"{source} is no file: name what `frontwire db backup` wrote.")
    with source.open("rb") as file:
        is_sqlite = file.read(16) == b"SQLite format 3\0"
    target = sqlite_path(database_url)
    if is_sqlite != (target is not None):
        kinds = ("SQLite", "PostgreSQL") if is_sqlite else ("PostgreSQL", "SQLite")
        raise BackupFailed(f"{source} is a backup of {kinds[0]}, and FRONTWIRE_DATABASE_URL names {kinds[1]}.")
    return _restore_postgres(source, database_url) if target is None else _restore_sqlite(source, target)


def _restore_sqlite(source: Path, target: Path) -> str:
    for path in (target, target.with_name(target.name + "-wal"), target.with_name(target.name + "-shm")):
        if path.exists():
            raise BackupFailed(f"{path} is there: stop every process and move it away first, nothing is overwritten.")
    # Immutable: a backup on a read-only disk can be looked at, and nothing is written beside it.
    uri = f"{source.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as backup:
            verdict = backup.execute("PRAGMA integrity_check").fetchone()[0]
            version = backup.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except (sqlite3.Error, TypeError) as error:
        raise BackupFailed(f"{source} is damaged or no backup of Frontwire ({error}): use another one.") from None
    if verdict != "ok":
        raise BackupFailed(f"{source} is damaged ({verdict}): use another one.")
    _refuse_newer_backup(source, str(version))
    partial = target.with_name(target.name + ".partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as read, partial.open("xb") as written:
            os.fchmod(written.fileno(), 0o600)
            shutil.copyfileobj(read, written, 1 << 20)
        _keep(partial, target)
    except FileExistsError:
        raise BackupFailed(f"{partial} is there: another restore works on it, or was killed; remove it.") from None
    finally:
        partial.unlink(missing_ok=True)
    return str(version)


def _restore_postgres(source: Path, database_url: str) -> str:
    engine = open_engine(database_url)
    try:
        present = current_version(engine)
        url = engine.url
    finally:
        engine.dispose()
    if present is not None:
        raise BackupFailed(
            f"The database {url.database} holds Frontwire's tables already: make an empty one, nothing is overwritten."
        )
    told = _run_client("pg_restore", None, ["--data-only", "--table=alembic_version", "--file=-", str(source)])
    found = re.search(r"^COPY public\.alembic_version .*?\n(\w+)$", told, re.M)
    if found is None:
        raise BackupFailed(f"{source} is no backup of Frontwire: there is no schema version in it.")
    _refuse_newer_backup(source, found[1])
    # All of it or nothing. The roles and their rights are those of the database that is there.
    options = ["--no-owner", "--no-privileges", "--schema=public", "--exit-on-error", "--single-transaction"]
    _run_client("pg_restore", url, [*options, str(source)])
    return found[1]


def _refuse_newer_backup(source: Path, version: str) -> None:
    if version > head_version():
        raise BackupFailed(
            f"{source} has schema version {version}, made by a newer Frontwire; this one knows {head_version()} "
            "at most: install the newer version."
        )


def _run_client(name: str, url: URL | None, arguments: list[str]) -> str:
    """What one of PostgreSQL's client programs prints, with `url` as its database; raises BackupFailed."""
    program = shutil.which(name)
    if program is None:
        raise BackupFailed(
            f"{name} was not found: install PostgreSQL's client programs (Debian: apt-get install postgresql-client)."
        )
    with tempfile.TemporaryDirectory() as directory:
        connection = [] if url is None else ["--no-password", f"--dbname={_private_url(url, Path(directory))}"]
        done = subprocess.run([program, *connection, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[0]
        is_other = "version mismatch" in done.stderr or "unrecognized configuration parameter" in done.stderr
        advice = ": install the client programs of the server's version" if is_other else ""
        raise BackupFailed(f"{name} failed ({said}){advice}.")
    return done.stdout


def _private_url(url: URL, directory: Path) -> str:
    """The URL for a command line: a password goes into a file, since others may read command lines and environments."""
    url = url.set(drivername="postgresql")
    if url.password is not None:
        passfile = directory / "pgpass"
        passfile.touch(mode=0o600)
        escaped = str(url.password).replace("\\", "\\\\").replace(":", "\\:")
        passfile.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
        url = url._replace(password=None).update_query_dict({"passfile": str(passfile)})
    return url.render_as_string(hide_password=False)

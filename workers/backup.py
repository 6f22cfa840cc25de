"""A copy of the database that is whole although everything goes on writing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine


class BackupFailed(Exception):
    """No backup was made. The message says in a sentence why and what to do; it holds no password."""


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
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupFailed(
            "pg_dump was not found: install PostgreSQL's client programs (Debian: apt-get install postgresql-client)."
        )
    url = engine.url.set(drivername="postgresql")
    with tempfile.TemporaryDirectory() as directory:
        if url.password is not None:
            # Neither the command line nor the environment, which others on the machine may read.
            passfile = Path(directory) / "pgpass"
            passfile.touch(mode=0o600)
            escaped = str(url.password).replace("\\", "\\\\").replace(":", "\\:")
            passfile.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
            url = url._replace(password=None).update_query_dict({"passfile": str(passfile)})
        command = [program, "--format=custom", "--no-owner", "--no-password", f"--file={partial}"]
        command.append(f"--dbname={url.render_as_string(hide_password=False)}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[0]
        advice = ": install the client programs of the server's version" if "version mismatch" in done.stderr else ""
        raise BackupFailed(f"pg_dump failed ({said}){advice}.")

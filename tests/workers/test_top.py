"""One screen on what happens now, and what `doctor` finds."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis
from rich.console import Console
from rows import add_feed, add_poll, add_story, add_url
from sqlalchemy import Engine, insert, update

from pipeline.outcomes import Reason, UrlState
from pipeline.store.schema import hosts, pages
from pipeline.values import FetchedPage
from workers.archive import Archive
from workers.cli import doctor
from workers.cli.doctor import Finding, examine
from workers.cli.top import _seconds, render, take_screen
from workers.database import open_engine
from workers.process import utc_now
from workers.settings import Settings


@pytest.fixture
def settings(database_url: str, valkey: str, tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, database_url=database_url, redis_url=valkey)


def shown(engine: Engine, settings: Settings) -> str:
    out = Console(file=io.StringIO(), width=200)
    before = take_screen(engine, settings)
    out.print(render(take_screen(engine, settings), before, settings))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_the_screen_shows_funnel_hosts_what_is_in_hand_and_the_newest_outcomes(
    engine: Engine, settings: Settings
) -> None:
    now = utc_now()
    with engine.begin() as connection:
        connection.execute(insert(hosts).values(host="slow.example", next_free_at=now, delay_s=7.5))
        for number in range(1, 4):
            add_url(connection, number, site="slow.example", due_at=now - timedelta(minutes=10 * number))
        lease = now - timedelta(seconds=61)
        add_url(connection, 10, site="held.example", state=UrlState.CLAIMED, lease_until=lease, attempts=2, due_at=now)
        ended = {"state": UrlState.REJECTED, "reason": Reason.PAYWALL, "settled_at": now}
        add_url(connection, 11, url="https://x.example/\x1b[2Jred", **ended)
    screen = shown(engine, settings)
    assert "waiting" in screen
    assert "slow.example" in screen
    assert "30 min 0 s" in screen
    assert "7.50" in screen
    assert "held.example" in screen
    assert "over for 1 min" in screen
    assert "paywall" in screen
    assert "\x1b[2J" not in screen


def test_once_is_for_pipes_and_reads_only(engine: Engine, settings: Settings) -> None:
    with engine.begin() as connection:
        add_url(connection, 1, site="slow.example")
    ended = command("top", "--once", settings=settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "slow.example" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_top_without_a_database_is_one_sentence(tmp_path: Path, valkey: str) -> None:
    gone = Settings(_env_file=None, data_dir=tmp_path, redis_url=valkey)
    ended = command("top", "--once", settings=gone)
    assert ended.returncode == 1
    assert "frontwire db upgrade" in ended.stderr
    assert not (tmp_path / "frontwire.sqlite").exists()


def command(*arguments: str, settings: Settings) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    environment |= {"FRONTWIRE_DATABASE_URL": settings.database_dsn, "FRONTWIRE_REDIS_URL": settings.redis_dsn}
    environment |= {"FRONTWIRE_DATA_DIR": str(settings.data_dir)}
    run = [sys.executable, "-m", "workers", *arguments]
    return subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3660, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_a_span_is_said_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert _seconds(seconds) == said


# --------------------------------------------------------------------------------------------------------- doctor


def found(settings: Settings) -> Mapping[str, Finding]:
    return {finding.subject: finding for finding in examine(settings)}


def test_doctor_finds_nothing_wrong_where_nothing_is(engine: Engine, settings: Settings) -> None:
    with engine.begin() as connection:
        add_feed(connection, 1, next_poll_at=utc_now())
    findings = found(settings)
    assert {subject for subject, finding in findings.items() if finding.status == "fail"} == set()
    assert {"disk", "queue", "schema", "clock", "backlog", "feeds", "silent sources", "archive"} <= set(findings)


def test_doctor_names_a_source_that_is_strangely_quiet(engine: Engine, settings: Settings) -> None:
    now = utc_now()
    with engine.begin() as connection:
        add_feed(connection, 1, last_new_at=now - timedelta(days=2), next_poll_at=now)
        for hours in range(48, 60):
            add_poll(connection, 1, now - timedelta(hours=hours), new_urls=1)
    finding = found(settings)["silent sources"]
    assert (finding.status, finding.found) == ("warn", "wire1.example (48 h)")
    assert "feeds check" in finding.advice


def test_doctor_reads_a_sample_of_the_archive_back(engine: Engine, settings: Settings) -> None:
    archive = Archive(settings.archive_dir, "w1")
    paths = []
    for number in range(1, 41):
        at = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(days=number)
        url = f"https://wire1.example/{number}"
        ref = archive.add(FetchedPage(url, url, 200, (), b"page " * number, at, 0.1))
        paths.append(settings.archive_dir / ref.warc_file)
        values = {name: getattr(ref, name) for name in type(ref).__dataclass_fields__ if name != "url"}
        with engine.begin() as connection:
            add_story(connection, number)
            connection.execute(update(pages).where(pages.c.id == number).values(**values))
    archive.close()
    assert found(settings)["archive"].found == "20 of 20 sampled responses are whole"
    newest = paths[-1].read_bytes()
    paths[-1].write_bytes(newest[: len(newest) // 2])
    damaged = found(settings)["archive"]
    assert damaged.status == "fail"
    assert "restore archive/" in damaged.advice
    paths[-1].unlink()
    assert found(settings)["archive"].status == "warn"


def test_doctor_warns_of_a_queue_that_evicts_or_forgets(settings: Settings, engine: Engine, valkey: str) -> None:
    assert found(settings)["queue persistence"].status == "warn"  # the tests' server keeps nothing
    with Redis.from_url(valkey) as server:
        server.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert found(settings)["queue eviction"].status == "warn"
        finally:
            server.config_set("maxmemory-policy", "noeviction")
    assert "queue eviction" not in found(settings)


def test_doctor_ends_with_1_when_something_must_be_mended(sqlite_url: str, valkey: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=sqlite_url, redis_url=valkey)
    assert command("doctor", "--json", settings=settings).returncode == 0
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE site_lines")
    engine.dispose()
    assert command("doctor", "--json", settings=settings).returncode == 1


def test_doctor_tells_of_what_waits_is_overdue_or_was_given_up(engine: Engine, settings: Settings) -> None:
    now = utc_now()
    with engine.begin() as connection:
        add_feed(connection, 1, next_poll_at=now - timedelta(hours=2), error_count=6)
        add_url(connection, 1, state=UrlState.WAITING, due_at=now - timedelta(hours=3))
        add_url(connection, 2, state=UrlState.DEAD, reason=Reason.TIMEOUT)
    findings = found(settings)
    assert {name: findings[name].status for name in ("backlog", "feeds", "dead letters")} == dict.fromkeys(
        ("backlog", "feeds", "dead letters"), "warn"
    )
    assert "1 URLs wait, the oldest due for 3:00:" in findings["backlog"].found
    assert findings["feeds"].found == "1 feeds, 1 overdue, 1 failing five times or more in a row"
    assert ("is a poller running?" in findings["feeds"].advice, "requeue" in findings["dead letters"].advice) == (
        True,
        True,
    )


def test_doctor_tells_of_a_full_disk_and_of_a_clock_that_is_wrong(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=doctor.LEAST_FREE_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(doctor, "utc_now", lambda: utc_now() + timedelta(seconds=60))
    findings = found(settings)
    assert (findings["disk"].status, findings["disk"].advice) == ("fail", "free some space, or move FRONTWIRE_DATA_DIR")
    clock = findings["clock"]
    if engine.dialect.name == "sqlite":
        assert (clock.status, clock.found) == ("ok", "one machine, one clock")
    else:
        assert (clock.status, clock.advice) == ("warn", "run an NTP client on both machines")


def test_doctor_says_what_to_do_without_queue_or_with_an_old_schema(engine: Engine, settings: Settings) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    findings = found(away)
    assert (findings["queue"].status, findings["schema"].status) == ("fail", "fail")
    assert ("FRONTWIRE_REDIS_URL" in findings["queue"].advice, findings["schema"].advice) == (
        True,
        "run `frontwire db upgrade`",
    )

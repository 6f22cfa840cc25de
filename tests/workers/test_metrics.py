"""The endpoint for monitoring: SQL's figures, labels of closed lists, and plain words about what is missing."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rows import add_feed, add_poll, add_story, add_url
from sqlalchemy import Engine, insert, text, update

from pipeline.outcomes import REASONS, PollOutcome, Reason, UrlState
from pipeline.store.figures import ended_polls
from pipeline.store.schema import hosts, urls
from workers.machine import CpuTotals, OneProcess, by_kind, kind_of
from workers.metrics import Exporter, Follower, LazyEngine, make_server, what_is_missing
from workers.process import utc_now
from workers.settings import Settings


def settings_for(database_url: str, redis_url: str, directory: Path) -> Settings:
    return Settings(_env_file=None, data_dir=directory, database_url=database_url, redis_url=redis_url)


@pytest.fixture
def exporter(engine: Engine, database_url: str, valkey: str, tmp_path: Path) -> Exporter:
    return Exporter(settings_for(database_url, valkey, tmp_path), lambda: engine)


def samples(exporter: Exporter) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a scrape, by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exporter.text().decode())
        for sample in family.samples
    }


def test_the_figures_are_those_of_sql(exporter: Exporter, engine: Engine) -> None:
    now = utc_now()
    with engine.begin() as connection:
        add_feed(connection, 1, next_poll_at=now - timedelta(hours=1))
        add_feed(connection, 2, next_poll_at=now + timedelta(hours=1), error_count=7)
        add_poll(connection, 1, now - timedelta(minutes=5), outcome="failed", reason="timeout", elapsed_s=30.0)
        add_poll(connection, 1, now - timedelta(hours=2), outcome="not_modified")
        add_url(connection, 1, due_at=now - timedelta(seconds=90))
        add_url(connection, 2, state=UrlState.QUEUED, due_at=now, lease_until=now - timedelta(seconds=1))
        add_url(connection, 3, state=UrlState.DEAD, reason=Reason.TIMEOUT, settled_at=now)
        add_story(connection, 4, stored_at=now)
    seen = samples(exporter)
    assert seen["frontwire_funnel_urls", (("state", "waiting"),)] == 1
    assert seen["frontwire_funnel_urls", (("state", "stored"),)] == 1
    assert seen["frontwire_urls", (("reason", "timeout"), ("state", "dead"))] == 1
    assert seen["frontwire_urls", (("reason", "gone"), ("state", "rejected"))] == 0
    assert 90 <= seen["frontwire_backlog_age_seconds", ()] < 150
    assert seen["frontwire_leases_overdue", ()] == 1
    assert (seen["frontwire_feeds", ()], seen["frontwire_feeds_overdue", ()]) == (2, 1)
    assert seen["frontwire_feeds_failing", ()] == 1
    assert seen["frontwire_polls_last_hour", (("outcome", "failed"),)] == 1
    assert seen["frontwire_polls_last_hour", (("outcome", "not_modified"),)] == 0
    assert seen["frontwire_stories_last_hour", ()] == 1
    assert seen["frontwire_queue_jobs", ()] == 0
    assert seen["frontwire_up", (("part", "database"),)] == seen["frontwire_up", (("part", "queue"),)] == 1
    assert seen["frontwire_disk_free_bytes", ()] > 0
    assert (("frontwire_wal_bytes", ()) in seen) is (engine.dialect.name == "sqlite")


def test_what_ends_is_counted_once_however_often_it_is_looked_at(exporter: Exporter, engine: Engine) -> None:
    ended = ("frontwire_urls_ended_total", (("reason", "new"), ("state", "stored")))
    polled = ("frontwire_polls_total", (("outcome", "new_entries"),))
    waited = ("frontwire_stage_seconds_sum", (("stage", "announced_to_fetched"),))
    assert samples(exporter)[ended] == 0
    now = utc_now()
    with engine.begin() as connection:
        add_feed(connection, 1)
        add_poll(connection, 1, now, new_urls=1, elapsed_s=0.25)
        add_story(connection, 1, stored_at=now, announced_at=now - timedelta(seconds=40))
        connection.execute(update(urls).values(settled_at=now))
    first, second = samples(exporter), samples(exporter)
    assert first[ended] == second[ended] == 1
    assert first[polled] == second[polled] == 1
    assert first[waited] == second[waited] == pytest.approx(40)
    with engine.begin() as connection:  # the same page ends once more, after a look
        connection.execute(update(urls).values(settled_at=now + timedelta(seconds=1), reason=Reason.UNCHANGED))
    assert samples(exporter)["frontwire_urls_ended_total", (("reason", "unchanged"), ("state", "stored"))] == 1


def test_a_row_that_is_committed_late_is_counted_still(engine: Engine) -> None:
    start = utc_now()
    follower = Follower(ended_polls, start)
    with engine.begin() as connection:
        add_feed(connection, 1)
        add_poll(connection, 1, start + timedelta(seconds=60))
        assert len(list(follower.new(connection))) == 1
        add_poll(connection, 1, start + timedelta(seconds=5))
        assert len(list(follower.new(connection))) == 1
        assert list(follower.new(connection)) == []


def test_ten_thousand_hosts_make_no_series_more_than_ten(exporter: Exporter, engine: Engine) -> None:
    def add(first: int, end: int) -> None:
        reasons, now = list(REASONS), utc_now()
        rows = [{"host": f"h{n}.example", "next_free_at": now, "down_until": now} for n in range(first, end)]
        ledger = [
            {"url": f"https://h{n}.example/{n}", "host": f"h{n}.example", "site": f"h{n}.example"}
            | {"state": REASONS[reasons[n % len(reasons)]].state, "reason": reasons[n % len(reasons)]}
            | {"announced_at": now, "due_at": now, "settled_at": now}
            for n in range(first, end)
        ]
        with engine.begin() as connection:
            connection.execute(insert(hosts), rows)
            connection.execute(insert(urls), ledger)

    add(0, 10)
    few = set(samples(exporter))
    add(10, 10_000)
    exporter._figures = None  # a moment later
    seen = samples(exporter)
    assert sum(value for (name, _), value in seen.items() if name == "frontwire_urls") == 10_000
    assert sum(value for (name, _), value in seen.items() if name == "frontwire_urls_ended_total") == 10_000
    assert set(seen) == few


def test_every_label_is_a_word_of_a_closed_list(exporter: Exporter, engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection, 1)
        add_story(connection, 1)
    words = {word.value for enum in (UrlState, Reason, PollOutcome) for word in enum}
    words |= {"none", "database", "queue", "poll", "published_to_announced", "announced_to_fetched"}
    words |= {"fetched_to_stored", "run", "poller", "dispatcher", "worker", "dashboard", "metrics", "child", "valkey"}
    for _, labels in samples(exporter):
        for name, word in labels:
            assert word in words or name == "le"


# ---------------------------------------------------------------------------------------------------- the endpoint


@contextmanager
def served(settings: Settings) -> Iterator[tuple[str, int]]:
    engine = LazyEngine(settings.database_dsn)
    server = make_server(settings, engine, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield "127.0.0.1", server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        engine.dispose()


def get(address: tuple[str, int], path: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    found = response.status, response.getheader("Content-Type", ""), response.read().decode()
    connection.close()
    return found


def test_the_three_pages_answer(database_url: str, valkey: str, tmp_path: Path) -> None:
    with served(settings_for(database_url, valkey, tmp_path)) as address:
        status, kind, page = get(address, "/metrics")
        assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert re.search(r"^# TYPE frontwire_stage_seconds histogram$", page, re.M)
        assert get(address, "/healthz")[0] == 200
        assert get(address, "/readyz")[::2] == (200, '{"ready": true, "missing": []}\n')
        assert get(address, "/")[0] == 404


def test_readyz_says_what_is_missing_and_healthz_is_well(tmp_path: Path) -> None:
    gone = settings_for("postgresql://desk:hunter2@127.0.0.1:9/x", "redis://:hunter2@127.0.0.1:9/0", tmp_path)
    with served(gone) as address:
        status, _, body = get(address, "/readyz")
        assert status == 503
        assert [sentence.split(":")[0] for sentence in json.loads(body)["missing"]] == ["database", "queue"]
        assert "hunter2" not in body
        page = get(address, "/metrics")[2]
        assert 'frontwire_up{part="database"} 0.0' in page
        assert "hunter2" not in page
        assert get(address, "/healthz")[0] == 200


def test_a_database_that_comes_later_is_found(sqlite_url: str, valkey: str, tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'later.db'}", valkey, tmp_path)
    engine = LazyEngine(settings.database_dsn)
    assert [sentence[:9] for sentence in what_is_missing(settings, engine)] == ["database:"]
    Path(sqlite_url.removeprefix("sqlite:///")).rename(tmp_path / "later.db")
    assert what_is_missing(settings, engine) == []
    engine.dispose()


def test_an_old_schema_is_named(engine: Engine, database_url: str, valkey: str, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    (sentence,) = what_is_missing(settings_for(database_url, valkey, tmp_path), lambda: engine)
    assert "frontwire db upgrade" in sentence


@pytest.fixture
def environment(sqlite_url: str, valkey: str, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    kept |= {"FRONTWIRE_DATABASE_URL": sqlite_url, "FRONTWIRE_REDIS_URL": valkey, "FRONTWIRE_LOG_FORMAT": "json"}
    return kept | {"FRONTWIRE_DATA_DIR": str(tmp_path)}


@pytest.mark.processes
def test_the_command_serves_until_sigterm(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "workers", "metrics", "--address", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert json.loads(process.stderr.readline())["event"] == "metrics_served"
        assert get(("127.0.0.1", port), "/readyz")[0] == 200
        assert 'frontwire_processes{kind="metrics"}' in get(("127.0.0.1", port), "/metrics")[2]
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.parametrize("address", ["127.0.0.1:0", "9187", "127.0.0.1:http"])
def test_an_address_without_a_port_is_refused(address: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "workers", "metrics", "--address", address]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "FRONTWIRE_METRICS_ADDRESS: must be like 127.0.0.1:9187" in refused.stderr


# ------------------------------------------------------------------------------------------------------ processes


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["/opt/frontwire/bin/python", "-m", "workers", "worker", "--until-parent-ends"], "worker"),
        (["/opt/frontwire/bin/python", "/opt/frontwire/bin/frontwire", "poller"], "poller"),
        (["frontwire", "run"], "run"),
        (["frontwire", "stories", "list"], None),
        (["vi", "workers", "worker"], None),
        (["frontwire"], None),
        ([], None),
    ],
)
def test_a_process_is_known_by_its_command_line(command: list[str], kind: str | None) -> None:
    assert kind_of(command) == kind


def test_cpu_seconds_only_grow_though_processes_end_and_ids_come_again() -> None:
    totals = CpuTotals()
    assert totals.add([OneProcess(7, 1.0, "worker", 10.0, 1), OneProcess(8, 1.0, "worker", 5.0, 1)])["worker"] == 15
    assert totals.add([OneProcess(7, 1.0, "worker", 12.0, 1)])["worker"] == 17
    assert totals.add([OneProcess(7, 2.0, "worker", 1.0, 1)])["worker"] == 18
    assert totals.add([])["worker"] == 18


def test_processes_are_summed_by_kind_and_every_kind_is_there() -> None:
    sums = by_kind([OneProcess(1, 1.0, "worker", 2.0, 10), OneProcess(2, 1.0, "worker", 3.0, 20)])
    assert (sums["worker"].count, sums["worker"].cpu_s, sums["worker"].rss_bytes) == (2, 5.0, 30)
    assert sums["poller"].count == 0

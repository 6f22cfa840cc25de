"""The main job as a user runs it: real processes, a real queue, real HTTP on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from chaos_runner import processes, write_opml
from known_origin import Origin, start_origin
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.processes

FRONTWIRE = [sys.executable, "-m", "workers"]


@pytest.fixture
def origin() -> Iterator[Origin]:
    running = start_origin(sites=6, pages=36)
    yield running
    running.close()


@dataclass(frozen=True)
class Drained:
    """A directory in which all that an origin announces was stored once, and what was told and asked meanwhile."""

    directory: Path
    origin: Origin
    env: dict[str, str]
    summary: dict[str, Any]
    page_hits: int


@pytest.fixture(scope="module")
def drained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drained]:
    directory, origin = tmp_path_factory.mktemp("drained"), start_origin(sites=6, pages=36)
    env = environment(directory, origin)
    import_feeds(directory, origin, env)
    summary = drain(env)
    yield Drained(directory, origin, env, summary, hits_of_pages(origin))
    origin.close()


def hits_of_pages(origin: Origin) -> int:
    return sum(count for path, count in origin.hits.items() if "/story/" in path)


def environment(tmp_path: Path, origin: Origin, **more: str) -> dict[str, str]:
    own = {
        "FRONTWIRE_DATA_DIR": str(tmp_path / "data"),
        "FRONTWIRE_HTTP_PROXY": origin.proxy_url,
        "FRONTWIRE_HOST_DELAY_S": "0.1",
        "FRONTWIRE_TICK_S": "0.1",
        "FRONTWIRE_RETRY_BASE_S": "0.1",
        "FRONTWIRE_LOG_FORMAT": "json",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")} | own | more


def frontwire(*arguments: str, env: dict[str, str], timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*FRONTWIRE, *arguments], env=env, capture_output=True, text=True, timeout=timeout_s)


def drain(env: dict[str, str], *arguments: str) -> dict[str, Any]:
    ended = frontwire("run", "--until-idle", "--no-dashboard", "--json", *arguments, env=env)
    assert ended.returncode == 0, ended.stderr[-3000:]
    summary: dict[str, Any] = json.loads(ended.stdout)
    return summary


def import_feeds(tmp_path: Path, origin: Origin, env: dict[str, str]) -> None:
    write_opml(tmp_path / "feeds.opml", origin.feeds())
    assert frontwire("feeds", "import", str(tmp_path / "feeds.opml"), env=env).returncode == 0


def test_every_announced_url_ends_and_a_second_run_stores_nothing_new(drained: Drained) -> None:
    origin = drained.origin
    assert drained.summary["funnel"] == [{"state": "stored", "reason": "new", "urls": origin.pages}]
    assert drained.page_hits <= 1.3 * origin.pages, "P7: at most 1.3 fetches a URL in calm"
    before = hits_of_pages(origin)
    again = drain(drained.env)
    assert (again["stories"], again["urls"], again["revisions"]) == (origin.pages, origin.pages, 0)
    assert hits_of_pages(origin) == before


def test_postgresql_redis_and_three_workers_end_the_same(
    tmp_path: Path, origin: Origin, postgres_url: str, valkey: str
) -> None:
    env = environment(tmp_path, origin, FRONTWIRE_DATABASE_URL=postgres_url, FRONTWIRE_REDIS_URL=valkey)
    import_feeds(tmp_path, origin, env)
    assert drain(env, "--workers", "3")["funnel"] == [{"state": "stored", "reason": "new", "urls": origin.pages}]


def test_requests_to_a_host_keep_their_distance_over_all_processes(tmp_path: Path, origin: Origin) -> None:
    """P16, from the server's own log: feeds, robots.txt and pages of three workers and the poller together."""
    delay_s = 0.8
    env = environment(tmp_path, origin, FRONTWIRE_HOST_DELAY_S=str(delay_s))
    import_feeds(tmp_path, origin, env)
    drain(env, "--workers", "3")
    last: dict[str, float] = {}
    for instant, host in sorted(origin.times):
        # The slot is given before the connection is made: the way to the server takes its own time.
        assert instant - last.get(host, -9.0) > delay_s * 0.5, host
        last[host] = instant
    spans = {host: [t for t, h in origin.times if h == host] for host in last}
    for host, times in spans.items():
        assert max(times) - min(times) >= delay_s * (len(times) - 1) * 0.95, host


def test_explain_show_search_export_reread_and_requeue_after_a_run(drained: Drained, tmp_path: Path) -> None:
    origin, env = drained.origin, drained.env
    url = next(iter(origin.urls()))
    explained = json.loads(frontwire("explain", url, "--json", env=env).stdout)
    assert explained["url"]["state"] == "stored"
    assert explained["pages"][0]["warc_file"].endswith(".warc.gz")
    assert "All rights reserved" not in explained["story"]["story"]["text"]
    assert frontwire("explain", url, env=env).returncode == 0
    found = json.loads(frontwire("stories", "search", "report", "--limit", "5", "--json", env=env).stdout)
    assert len(found) == 5
    assert frontwire("stories", "show", str(found[0]["id"]), env=env).returncode == 0
    exported = frontwire("export", "jsonl", env=env).stdout.splitlines()
    assert len(exported) == origin.pages
    assert frontwire("export", "csv", "--output", str(tmp_path / "out.csv"), env=env).returncode == 0
    assert (tmp_path / "out.csv").read_text().count("www.s") >= origin.pages
    assert frontwire("reread", env=env).returncode == 3
    assert json.loads(frontwire("reread", "--all", "--json", env=env).stdout) == {"same": origin.pages}
    assert frontwire("requeue", "--reason", "new", env=env).returncode == 0
    assert drain(env)["funnel"] == [{"state": "stored", "reason": "unchanged", "urls": origin.pages}]
    assert frontwire("doctor", env=env).returncode == 0
    assert frontwire("db", "check", env=env).returncode == 0
    assert frontwire("db", "backup", str(tmp_path / "backup.db"), env=env).returncode == 0


def test_sigterm_ends_everything_within_30_s_and_strands_nothing(tmp_path: Path) -> None:
    origin = start_origin(sites=8, pages=160, latency_s=0.3)
    try:
        env = environment(tmp_path, origin, FRONTWIRE_LEASE_S="5")
        import_feeds(tmp_path, origin, env)
        run = subprocess.Popen([*FRONTWIRE, "run", "--no-dashboard"], env=env, stderr=subprocess.DEVNULL)
        wait_for(lambda: sum("/story/" in path for path in origin.hits) > 20)
        below = psutil.Process(run.pid).children(recursive=True)
        started = time.monotonic()
        run.send_signal(signal.SIGTERM)
        assert run.wait(40) == 0
        assert time.monotonic() - started < 30
        _, alive = psutil.wait_procs(below, timeout=5)
        assert alive == []
        assert state_counts(tmp_path)["claimed"] == 0, "running work was finished or given back"
        assert drain(env)["funnel"] == [{"state": "stored", "reason": "new", "urls": origin.pages}]
    finally:
        origin.close()


def test_processes_end_when_their_supervisor_is_killed_and_the_next_run_starts_clean(
    tmp_path: Path, origin: Origin
) -> None:
    env = environment(tmp_path, origin)
    import_feeds(tmp_path, origin, env)
    run = subprocess.Popen([*FRONTWIRE, "run", "--no-dashboard"], env=env, stderr=subprocess.DEVNULL)
    wait_for(lambda: bool(origin.hits))
    below = list(psutil.Process(run.pid).children(recursive=True))
    road = [process for process in below if "valkey" not in process.name()]
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(road, timeout=40)
    assert alive == []
    assert drain(env)["funnel"] == [{"state": "stored", "reason": "new", "urls": origin.pages}]
    _, alive = psutil.wait_procs(below, timeout=5)
    assert alive == [], "the leftover Valkey was stopped"


def test_two_runs_on_one_directory_are_refused(tmp_path: Path, origin: Origin) -> None:
    env = environment(tmp_path, origin)
    run = subprocess.Popen([*FRONTWIRE, "run", "--no-dashboard"], env=env, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / "data" / "valkey.sock").exists())
        second = frontwire("run", "--no-dashboard", env=env)
        assert second.returncode == 1
        assert "already works on" in second.stderr
        assert len(second.stderr.splitlines()) == 1
    finally:
        run.terminate()
        run.wait(40)


def test_a_paused_worker_loses_its_lease_and_changes_nothing(tmp_path: Path) -> None:
    """P5 with real processes: stopped in the middle of its batch, woken up after others have done the work."""
    origin = start_origin(sites=6, pages=48, latency_s=0.4)
    try:
        env = environment(tmp_path, origin, FRONTWIRE_LEASE_S="2", FRONTWIRE_WORKERS="2")
        import_feeds(tmp_path, origin, env)
        with (tmp_path / "run.log").open("wb") as log:
            run = subprocess.Popen(
                [*FRONTWIRE, "run", "--no-dashboard", "--until-idle"], env=env, stdout=log, stderr=log
            )
            wait_for(lambda: sum("/story/" in path for path in origin.hits) > 4)
            victim = next(processes(run.pid, "worker"))
            victim.suspend()
            time.sleep(5)
            victim.resume()
            assert run.wait(90) == 0
        assert state_counts(tmp_path) == Counter(stored=48)
        with database(tmp_path).connect() as connection:
            assert connection.execute(text("SELECT count(*), count(DISTINCT url) FROM stories")).one() == (48, 48)
    finally:
        origin.close()


def database(tmp_path: Path):  # type: ignore[no-untyped-def]
    return create_engine(f"sqlite:///{tmp_path / 'data' / 'frontwire.sqlite'}")


def state_counts(tmp_path: Path) -> Counter[str]:
    with database(tmp_path).connect() as connection:
        rows = connection.execute(text("SELECT state, count(*) FROM urls GROUP BY state")).all()
    return Counter(dict(rows))  # type: ignore[arg-type]


def wait_for(is_true, limit_s: float = 60) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)

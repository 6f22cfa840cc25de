"""Two pollers, two dispatchers, two workers at once: the origin's own log shows the spacing of requests (P16)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from known_origin import start_origin
from sqlalchemy import func, select

from pipeline.outcomes import UrlState
from pipeline.store.schema import urls
from workers.database import open_engine

pytestmark = pytest.mark.processes

DELAY_S = 0.5
# The gate spaces the turns; what the two requests take from there to the origin's log differs by scheduling.
SLACK_S = 0.2
SITES, PAGES = 3, 15
ROLES = ("poller", "poller", "dispatcher", "dispatcher", "worker", "worker")


def test_two_of_each_process_never_break_a_hosts_spacing(sqlite_url: str, valkey: str, tmp_path: Path) -> None:
    origin = start_origin(SITES, PAGES)
    environment = os.environ | {
        "FRONTWIRE_DATA_DIR": str(tmp_path / "data"),
        "FRONTWIRE_DATABASE_URL": sqlite_url,
        "FRONTWIRE_REDIS_URL": valkey,
        "FRONTWIRE_HTTP_PROXY": origin.proxy_url,
        "FRONTWIRE_HOST_DELAY_S": str(DELAY_S),
        "FRONTWIRE_TICK_S": "0.1",
        "FRONTWIRE_RETRY_BASE_S": "0.1",
        # Small batches: both workers then ask the same hosts at once.
        "FRONTWIRE_BATCH_SIZE": "2",
    }
    frontwire = [sys.executable, "-m", "workers"]
    opml = tmp_path / "feeds.opml"
    outlines = "".join(f'<outline type="rss" xmlUrl="{url}"/>' for url in origin.feeds())
    opml.write_text(f'<opml version="2.0"><body>{outlines}</body></opml>')
    engine = open_engine(sqlite_url)
    running = []
    try:
        subprocess.run([*frontwire, "feeds", "import", str(opml)], env=environment, check=True, capture_output=True)
        with (tmp_path / "run.log").open("wb") as log:
            for role in ROLES:
                running.append(subprocess.Popen([*frontwire, role], env=environment, stdout=log, stderr=log))
        deadline = time.monotonic() + 120
        while True:
            with engine.connect() as connection:
                stored = connection.execute(
                    select(func.count()).select_from(urls).where(urls.c.state == UrlState.STORED)
                ).scalar()
            if stored == PAGES:
                break
            assert time.monotonic() < deadline, (stored, (tmp_path / "run.log").read_text(errors="replace")[-3000:])
            assert all(process.poll() is None for process in running)
            time.sleep(0.2)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)
        engine.dispose()
        origin.close()
    hosts: dict[str, list[float]] = {}
    for at, host in sorted(origin.times):
        hosts.setdefault(host, []).append(at)
    assert {f"www.s{site}.example" for site in range(SITES)} <= set(hosts)
    assert all(len(hosts[f"www.s{site}.example"]) > PAGES // SITES for site in range(SITES)), "robots.txt is asked, too"
    gaps = {host: min(later - earlier for earlier, later in pairwise(at)) for host, at in hosts.items() if len(at) > 1}
    assert all(gap >= DELAY_S - SLACK_S for gap in gaps.values()), gaps

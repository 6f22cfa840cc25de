"""Looks with real processes: pages edited while `frontwire run` works, and a worker killed in the middle of a look."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from chaos_runner import write_opml
from known_origin import page
from scripted_origin import Answer, scripted_origin, wait_until
from sqlalchemy import Engine, create_engine, text

pytestmark = pytest.mark.processes

FRONTWIRE = [sys.executable, "-m", "workers"]
FEED = "http://feeds.wire.example/feed.xml"
STORIES = [f"http://www.s{n}.example/story/{n}" for n in range(3)]


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_worker_killed_in_the_middle_of_a_look_loses_and_doubles_nothing(
    tmp_path: Path, postgres_url: str, valkey: str
) -> None:
    items = "".join(f"<item><title>Report {n}</title><link>{url}</link></item>" for n, url in enumerate(STORIES))
    feed = Answer(f"<rss version='2.0'><channel><title>W</title>{items}</channel></rss>", content_type="text/xml")
    asked, released = threading.Event(), threading.Event()

    def held() -> Answer:
        asked.set()
        released.wait(60)
        return Answer(page(0).replace("Report 0", "Report nought"))

    with scripted_origin({FEED: feed} | {url: Answer(page(n)) for n, url in enumerate(STORIES)}) as origin:
        env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
        env |= {
            "FRONTWIRE_DATA_DIR": str(tmp_path / "data"),
            "FRONTWIRE_DATABASE_URL": postgres_url,
            "FRONTWIRE_REDIS_URL": valkey,
            "FRONTWIRE_HTTP_PROXY": origin.proxy_url,
            "FRONTWIRE_HOST_DELAY_S": "0",
            "FRONTWIRE_TICK_S": "0.1",
            "FRONTWIRE_LEASE_S": "3",
            "FRONTWIRE_WORKERS": "1",
        }
        write_opml(tmp_path / "feeds.opml", [FEED])
        assert subprocess.run([*FRONTWIRE, "db", "upgrade"], env=env, capture_output=True).returncode == 0
        imported = [*FRONTWIRE, "feeds", "import", str(tmp_path / "feeds.opml")]
        assert subprocess.run(imported, env=env, capture_output=True).returncode == 0
        engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
        with (tmp_path / "run.log").open("wb") as log:
            run = subprocess.Popen([*FRONTWIRE, "run", "--no-dashboard"], env=env, stdout=log, stderr=log)
        try:
            wait_until(lambda: rows(engine, "SELECT count(*) FROM revisits WHERE due_at > now()") == [(3,)], 60)
            origin.answers[STORIES[0]] = held
            origin.answers[STORIES[1]] = Answer(page(1).replace("Report 1", "Report one"))
            origin.answers[STORIES[2]] = Answer("Gone", status=410)
            rows(engine, "UPDATE revisits SET due_at = now() RETURNING url_id")
            assert asked.wait(60)
            for worker in psutil.Process(run.pid).children(recursive=True):
                if "worker" in worker.cmdline():
                    worker.send_signal(signal.SIGKILL)
            released.set()
            wait_until(lambda: rows(engine, "SELECT min(looks) FROM revisits") == [(1,)], 60)
        finally:
            released.set()
            run.terminate()
            run.wait(40)
        assert rows(engine, "SELECT state, reason FROM urls ORDER BY url") == [
            ("stored", "revised"),
            ("stored", "revised"),
            ("stored", "revisit_failed"),
        ]
        assert rows(engine, "SELECT revision, title, gone_at IS NULL FROM stories ORDER BY url") == [
            (2, "Report nought", True),
            (2, "Report one", True),
            (1, "Report 2", False),
        ]
        assert rows(engine, "SELECT count(*), count(DISTINCT url_id) FROM stories") == [(3, 3)]
        changes = rows(engine, "SELECT changes FROM story_revisions WHERE revision = 2 ORDER BY story_id")
        assert changes == [("headline",), ("headline",)]
        ((story_id,),) = rows(engine, "SELECT id FROM stories WHERE title = 'Report nought'")
        command = [*FRONTWIRE, "stories", "diff", str(story_id), "--json"]
        shown = subprocess.run(command, env=env, capture_output=True, text=True)
        assert json.loads(shown.stdout)["changes"][0]["change"] == "headline"
        engine.dispose()

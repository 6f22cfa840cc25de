"""What RQ does when hurt, or when somebody writes into Redis, replayed against our worker (P1, P3, P5, P11, P29).

Every fault was met with RQ 3.0. Whatever it does, SQL must end with each page stored once with its own words, and
nothing of what was planted may have run. `make rq` runs these tests alone: the first thing to do when rq is upgraded.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from known_origin import Origin, paragraphs, start_origin
from rq import Queue
from rq.serializers import JSONSerializer
from scripted_origin import wait_until
from sqlalchemy import Engine, func, select
from store_builders import announce, entry, states

from pipeline.outcomes import UrlState
from pipeline.store import schema
from workers.archive import Archive
from workers.child import ReadingChild
from workers.dispatcher import Dispatcher
from workers.faults import QueueUnavailable
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import HttpClient, RobotsBook, product_token
from workers.policy import http_policy
from workers.process import utc_now
from workers.queue import QUEUE_NAME, READ_URLS, ListedJob, ReadQueue, ReadWorker, connect
from workers.reader import Reader
from workers.settings import Settings, load_settings

FAULTY_WORKER = Path(__file__).parents[1] / "faulty_worker.py"
PAGES = 13
QUEUE_KEY = f"rq:queue:{QUEUE_NAME}"


class Road:
    """Announced pages, a dispatcher and a worker in this process, on a database and a Valkey of their own."""

    def __init__(
        self, engine: Engine, origin: Origin, settings: Settings, runner: asyncio.Runner, child: ReadingChild
    ) -> None:
        self.engine, self.origin, self.settings = engine, origin, settings
        self.redis = connect(settings.redis_dsn)
        self.dispatcher = Dispatcher(engine, ReadQueue(settings.redis_dsn), settings)
        self._runner, self._child = runner, child
        announce(engine, [entry(number, url=url) for url, number in origin.urls().items()])

    def dispatch(self) -> None:
        assert self.dispatcher.dispatch(utc_now()) == len(self.origin.urls())

    def job_ids(self) -> list[str]:
        waiting: Any = self.redis.lrange(QUEUE_KEY, 0, -1)
        return [job_id.decode() for job_id in waiting]

    def url_ids(self) -> list[int]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(schema.urls.c.id)).scalars())

    def work(self) -> None:
        """Run what is on the queue with our worker, in this process, as `run_worker` does."""
        robots = RobotsBook(SqlRobotsStore(self.engine), product_token(self.settings.user_agent))
        http = HttpClient(http_policy(self.settings), SqlGate(self.engine, 0), utc_now)
        archive = Archive(self.settings.archive_dir, "reader-1")
        reader = Reader(self.engine, http, robots, self._child, archive, self.settings)
        self._runner.run(http.__aenter__())
        ListedJob.functions = {READ_URLS: lambda ids: str(self._runner.run(reader.read_urls(ids)))}
        # RQ's handlers would outlive the worker, and turn the end of the test run into an exception of RQ's.
        before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)}
        try:
            while True:
                worker = ReadWorker([QUEUE_NAME], connection=self.redis, serializer=JSONSerializer)
                worker.work(burst=True, logging_level="CRITICAL")
                if not self.job_ids():
                    return
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)
            self._runner.run(http.__aexit__(None, None, None))
            archive.close()

    def recover(self) -> None:
        """Dispatch, sweep and work as the processes do, until every URL has ended; then all must be as announced."""
        wait_until(self._is_recovered, 120)
        assert_all_stored_once(self.engine, self.origin)

    def _is_recovered(self) -> bool:
        self.dispatcher.step()
        self.work()
        return states(self.engine) == {UrlState.STORED: len(self.origin.urls())}

    def story_hits(self) -> int:
        return sum(count for path, count in self.origin.hits.items() if "/story/" in path)


def assert_all_stored_once(engine: Engine, origin: Origin) -> None:
    wanted = origin.urls()
    with engine.connect() as connection:
        told = Counter(connection.execute(select(schema.stories.c.url)).scalars())
        texts = {row.url: row.text for row in connection.execute(select(schema.stories.c.url, schema.stories.c.text))}
        revisions = connection.execute(select(func.count()).select_from(schema.revisions)).scalar_one()
    assert states(engine) == {UrlState.STORED: len(wanted)}
    assert told == Counter(wanted.keys()), "a story is missing or there twice"
    assert texts == {url: "\n\n".join(paragraphs(number)) for url, number in wanted.items()}
    assert revisions == len(wanted)


@pytest.fixture
def origin() -> Iterator[Origin]:
    running = start_origin(sites=PAGES, pages=PAGES)
    yield running
    running.close()


@pytest.fixture
def road(
    engine: Engine, origin: Origin, valkey: str, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> Road:
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "").replace("+pysqlite", "")
    settings = load_settings(
        database_url=url, redis_url=valkey, http_proxy=origin.proxy_url, data_dir=tmp_path / "data",
        host_delay_s=0, lease_s=2, tick_s=0.1, retry_base_s=0.1, batch_size=1, workers=2,
    )  # fmt: skip
    return Road(engine, origin, settings, runner, child)


def registered(road: Road) -> set[bytes]:
    """The workers that listen, as RQ knows them."""
    names: Any = road.redis.smembers("rq:workers")
    return set(names)


@contextmanager
def worker_process(road: Road, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process on the road; whatever is left of it is killed in the end."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    names = ("database_url", "redis_url", "http_proxy", "data_dir", "host_delay_s", "lease_s", "tick_s", "retry_base_s")
    given = {name: getattr(road.settings, name) for name in names}
    told = {name: v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for name, v in given.items()}
    environment = mine | {f"FRONTWIRE_{name.upper()}": value for name, value in told.items()}
    before = len(registered(road))
    process = subprocess.Popen([sys.executable, *command], env=environment, stderr=subprocess.DEVNULL)
    try:
        # A job lives no longer than its lease: nobody may be still starting when it is put on the queue.
        wait_until(lambda: len(registered(road)) > before, 120)
        yield process
    finally:
        process.kill()
        process.wait()


def plant(road: Road, job_id: str = "planted", **fields: str | bytes) -> str:
    """Write a job by hand and put it before all others, as somebody with access to Redis would."""
    job: dict[str, str | bytes] = {"origin": QUEUE_NAME, "status": "queued", "created_at": "2026-01-01T00:00:00Z"}
    road.redis.hset(f"rq:job:{job_id}", mapping=job | fields)  # type: ignore[arg-type]
    road.redis.lpush(QUEUE_KEY, job_id)
    return job_id


def packed(function: str, *arguments: object) -> bytes:
    return zlib.compress(json.dumps([function, None, list(arguments), {}]).encode())


# ------------------------------------------------------------------------------------------- killed at the worst moment


@pytest.mark.processes
@pytest.mark.parametrize("signum", ["KILL", "TERM"])
def test_a_worker_that_ends_between_dequeue_and_start_loses_no_url(road: Road, signum: str) -> None:
    """RQ on two queues forgets such a job for ever; on one it lies in a list that nobody runs."""
    with worker_process(road, str(FAULTY_WORKER), signum) as worker:
        waiting = PAGES // road.settings.batch_size
        road.dispatch()
        assert worker.wait(60) == (-signal.SIGKILL if signum == "KILL" else 0)
    assert len(road.job_ids()) == waiting - 1, "one job was taken"
    assert road.story_hits() == 0, "and never run"
    road.recover()


@pytest.mark.processes
def test_a_reading_process_that_outlives_its_killed_worker_ends_and_its_pages_are_read_again(road: Road) -> None:
    """RQ's orphaned work horse runs on beside the second copy of its job. Ours has nobody to tell, and ends."""
    asked = threading.Event()

    def ask_and_wait() -> None:
        asked.set()
        time.sleep(1.0)

    road.origin.on_story.append(ask_and_wait)
    with worker_process(road, "-m", "workers", "worker") as worker:
        road.dispatch()
        assert asked.wait(60)
        wait_until(lambda: bool(psutil.Process(worker.pid).children()), 60)
        below = psutil.Process(worker.pid).children(recursive=True)
        worker.kill()
    assert psutil.wait_procs(below, timeout=30)[1] == []
    road.recover()


def test_what_was_stuck_in_rqs_intermediate_list_may_come_back_and_changes_nothing(road: Road) -> None:
    road.dispatch()
    job_id = road.job_ids()[0]
    data = road.redis.hgetall(f"rq:job:{job_id}")
    road.redis.lmove(QUEUE_KEY, f"{QUEUE_KEY}:intermediate", "LEFT", "RIGHT")  # the worker that did this is dead
    road.recover()
    hits = road.story_hits()
    road.redis.hset(f"rq:job:{job_id}", mapping=data)  # type: ignore[arg-type]
    road.redis.rpush(QUEUE_KEY, job_id)
    road.work()
    assert_all_stored_once(road.engine, road.origin)
    assert road.story_hits() == hits, "an ended page is not even asked for"


# ------------------------------------------------------------------------------------------------- twice, and forgotten


@pytest.mark.processes
def test_two_copies_of_one_job_in_two_workers_at_once_store_each_page_once(road: Road) -> None:
    with worker_process(road, "-m", "workers", "worker"), worker_process(road, "-m", "workers", "worker"):
        road.dispatch()
        ReadQueue(road.settings.redis_dsn).put([road.url_ids(), road.url_ids()], ttl_s=60)
        wait_until(lambda: states(road.engine) == {UrlState.STORED: PAGES}, 60)
        wait_until(lambda: road.job_ids() == [], 60)
    assert_all_stored_once(road.engine, road.origin)
    assert road.story_hits() < 2 * PAGES


def test_a_flushed_queue_is_filled_again_from_sql(road: Road) -> None:
    road.dispatch()
    road.redis.flushall()
    road.recover()


def test_a_queue_flushed_while_its_jobs_run_costs_nothing(road: Road) -> None:
    road.dispatch()
    road.origin.on_story.append(road.redis.flushall)
    road.work()
    assert road.story_hits() > 0
    road.recover()


def test_a_job_whose_hash_is_missing_takes_no_url_along(road: Road) -> None:
    road.dispatch()
    road.redis.delete(*(f"rq:job:{job_id}" for job_id in road.job_ids()))
    road.recover()


# ------------------------------------------------------------------------------------------------ written by a stranger


class Exploit:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


def planted_jobs(owned: Path, ids: list[int]) -> dict[str, dict[str, str | bytes]]:
    """Name -> the fields of a job that must not run, or not as it wishes."""
    touch = f"touch {owned}"
    good = packed(READ_URLS, ids)
    return {
        "os.system": {"data": packed("os.system", touch)},
        "os.system without compression": {"data": json.dumps(["os.system", None, [touch], {}])},
        "subprocess as a method": {"data": zlib.compress(json.dumps(["run", "subprocess", [touch], {}]).encode())},
        "a pickle": {"data": zlib.compress(pickle.dumps(("os.system", None, (touch,), {})))},
        "a pickle that runs when loaded": {"data": zlib.compress(pickle.dumps(Exploit(owned)))},
        "pickles in every other field": {
            "data": good,
            **{name: pickle.dumps(Exploit(owned)) for name in ("meta", "result", "exc_info", "description", "args")},
        },
        "callbacks": {
            "data": good,
            **{f"{name}_callback_name": "os.system" for name in ("success", "failure", "stopped")},
        },
        "a class path as the job's class": {"data": good, "job_class": "subprocess.Popen"},
        "another serializer": {"data": pickle.dumps(Exploit(owned)), "serializer": "rq.serializers.PickleSerializer"},
        "a URL": {"data": packed(READ_URLS, ["http://169.254.169.254/latest/meta-data/"])},
        "ids that do not exist": {"data": packed(READ_URLS, [10**9, 2**63, 2**80])},
        "a bomb": {"data": zlib.compress(b"[" * 50_000_000)},
        "nothing": {"data": b""},
        "no data": {},
    }


OF_ANOTHER_VERSION: dict[str, dict[str, str | bytes]] = {
    "only the data": {"created_at": "", "status": "", "origin": ""},
    "dates of rq 0.x": {"created_at": "2019-03-01T12:00:00Z", "enqueued_at": "2019-03-01T12:00:00Z"},
    "dates with a zone": {"created_at": "2031-03-01T12:00:00.000000+00:00"},
    "a date that is none": {"enqueued_at": "yesterday"},
    "a status that is not known": {"status": "paused-for-review"},
    "times that are no numbers": {"timeout": "10m", "ttl": "soon", "result_ttl": "never", "failure_ttl": "x"},
    "a time limit of one second": {"timeout": "1"},
    "a time limit before the past": {"timeout": "-5"},
    "fields of a later version": {"schema": "9", "affinity": "gpu", "enqueue_at_front": "maybe"},
    "dependencies": {"dependency_ids": json.dumps(["a", "b"]), "dependency_id": "a", "allow_dependency_failures": "1"},
    "retries and repeats": {"retries_left": "9", "retry_intervals": "[0]", "repeats_left": "9"},
    "a group": {"group_id": "g1"},
    "another worker's": {"worker_name": "elsewhere", "status": "started", "started_at": "2026-01-01T00:00:00.000000Z"},
}  # fmt: skip


def test_nothing_that_is_planted_runs_and_the_road_goes_on(road: Road, tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    road.dispatch()
    for number, fields in enumerate(planted_jobs(owned, road.url_ids()).values()):
        plant(road, f"planted-{number}", **fields)
    for name in ("a string", "a list"):
        road.redis.lpush(QUEUE_KEY, name)
    road.redis.set("rq:job:a string", "x")
    road.redis.rpush("rq:job:a list", pickle.dumps(Exploit(owned)))
    road.work()
    assert not owned.exists()
    road.recover()
    assert not owned.exists()
    assert all("169.254" not in path for path in road.origin.hits)


def test_jobs_of_another_version_are_run_or_left_and_lose_nothing(road: Road) -> None:
    """An upgrade of rq meets the jobs of the version before; what it does not understand comes again from SQL."""
    road.dispatch()
    for job_id, fields in zip(road.job_ids(), OF_ANOTHER_VERSION.values(), strict=True):
        road.redis.hset(f"rq:job:{job_id}", mapping=fields)  # type: ignore[arg-type]
    road.recover()


def test_a_planted_time_limit_does_not_break_into_a_batch(road: Road) -> None:
    """RQ's alarm in the middle of an event loop would leave its tasks behind, and one page's answer for another."""
    alarms: list[object] = []
    road.dispatch()
    for job_id in road.job_ids():
        road.redis.hset(f"rq:job:{job_id}", "timeout", "1")
    before = signal.getsignal(signal.SIGALRM)
    road.origin.on_story.append(lambda: alarms.append(signal.getitimer(signal.ITIMER_REAL)))
    road.work()
    assert alarms
    assert set(alarms) == {(0.0, 0.0)}, "no alarm is set while a batch runs"
    assert signal.getsignal(signal.SIGALRM) == before
    road.recover()


def test_pickled_jobs_of_rqs_own_queue_are_not_run(road: Road, tmp_path: Path) -> None:
    """`rq cron`, and every rq client with its defaults, pickles."""
    road.dispatch()
    theirs = Queue(QUEUE_NAME, connection=redis.Redis.from_url(road.settings.redis_dsn))
    theirs.enqueue("os.system", f"touch {tmp_path / 'owned'}", at_front=True)
    theirs.enqueue(READ_URLS, Exploit(tmp_path / "owned"), at_front=True)
    road.work()
    assert not (tmp_path / "owned").exists()
    road.recover()


def test_a_queue_that_is_no_list_is_waited_for_and_loses_nothing(road: Road) -> None:
    road.dispatch()
    road.redis.flushall()
    road.redis.set(QUEUE_KEY, "no list")
    with pytest.raises(QueueUnavailable):
        road.dispatcher.step()
    road.redis.delete(QUEUE_KEY)
    road.recover()

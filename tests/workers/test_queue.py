"""The queue over a real Valkey: what RQ does when hurt, against our worker (P11, P29).

Each test replays a known fault of RQ 3.0 or an attack by somebody who can write to Redis.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from workers.faults import QueueUnavailable
from workers.queue import (
    JOB_TIMEOUT_S,
    QUEUE_NAME,
    READ_URLS,
    ListedJob,
    ReadQueue,
    ReadWorker,
    connect,
    ping,
    shut_down,
)

GONE = "unix:///nowhere/valkey.sock?db=0"


class Ran:
    """Remembers with which ids the listed function was called."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, url_ids: Sequence[int]) -> str:
        self.batches.append(list(url_ids))
        return "done"


def work(dsn: str, ran: Ran) -> None:
    """Run everything on the queue in this process, then stop."""
    ListedJob.functions = {READ_URLS: ran}
    worker = ReadWorker([QUEUE_NAME], connection=connect(dsn), serializer=JSONSerializer, log_job_description=False)
    worker.work(burst=True, logging_level="CRITICAL")


def plant(dsn: str, data: bytes, **fields: str | bytes) -> str:
    """Write a job by hand, as somebody with access to Redis would."""
    client = connect(dsn)
    job_id = f"planted-{time.time_ns()}"
    job = {
        "data": zlib.compress(data),
        "origin": QUEUE_NAME,
        "status": "queued",
        "created_at": "2026-01-01T00:00:00.000000Z",
    }
    client.hset(f"rq:job:{job_id}", mapping=job | fields)  # type: ignore[arg-type]
    client.sadd("rq:queues", f"rq:queue:{QUEUE_NAME}")
    client.rpush(f"rq:queue:{QUEUE_NAME}", job_id)
    return job_id


def job_data(function: str, *arguments: object, instance: object = None, **named: object) -> bytes:
    return json.dumps([function, instance, list(arguments), named]).encode()


def test_a_batch_of_ids_goes_through(valkey: str) -> None:
    queue, ran = ReadQueue(valkey), Ran()
    queue.put([[1, 2], [3]], ttl_s=60)
    assert queue.depth() == 2
    work(valkey, ran)
    assert ran.batches == [[1, 2], [3]]
    assert queue.depth() == 0


def test_a_job_carries_row_ids_and_nothing_else(valkey: str) -> None:
    ReadQueue(valkey).put([[7]], ttl_s=60)
    (key,) = connect(valkey).keys("rq:job:*")
    assert json.loads(zlib.decompress(connect(valkey).hget(key, "data"))) == [READ_URLS, None, [[7]], {}]


def test_a_finished_job_leaves_nothing_behind(valkey: str) -> None:
    ReadQueue(valkey).put([[7]], ttl_s=60)
    work(valkey, Ran())
    assert connect(valkey).keys("rq:job:*") == []


def test_a_job_nobody_takes_within_its_lease_vanishes(valkey: str) -> None:
    queue, ran = ReadQueue(valkey), Ran()
    queue.put([[7]], ttl_s=1)
    (key,) = connect(valkey).keys("rq:job:*")
    assert 0 < connect(valkey).ttl(key) <= 1
    connect(valkey).delete(key)  # what the expiry does
    work(valkey, ran)
    assert ran.batches == []
    assert queue.depth() == 0


def test_os_system_from_a_job_is_not_run(valkey: str, tmp_path: Path) -> None:
    plant(valkey, job_data("os.system", f"touch {tmp_path / 'owned'}"))
    work(valkey, Ran())
    assert not (tmp_path / "owned").exists()


def test_pickle_bytes_are_not_loaded(valkey: str, tmp_path: Path) -> None:
    class Exploit:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    plant(valkey, pickle.dumps((READ_URLS, None, (Exploit(),), {})))
    plant(valkey, job_data(READ_URLS, [1]), meta=pickle.dumps(Exploit()))
    ran = Ran()
    work(valkey, ran)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "data",
    [
        job_data("workers.queue.shut_down", "unix:///x"),
        job_data("__import__", "os"),
        job_data(READ_URLS, "https://evil.example/"),
        job_data(READ_URLS, ["https://evil.example/"]),
        job_data(READ_URLS, [1], [2]),
        job_data(READ_URLS, [True]),
        job_data(READ_URLS, [-1]),
        job_data(READ_URLS, [1], dsn="x"),
        job_data(READ_URLS, list(range(1, 2000))),
        job_data("upper", instance="a string"),
        b"not json",
        b"[]",
        b"null",
    ],
)
def test_a_job_that_is_not_a_listed_function_with_ids_does_nothing(valkey: str, data: bytes) -> None:
    ran = Ran()
    plant(valkey, data)
    ReadQueue(valkey).put([[5]], ttl_s=60)
    work(valkey, ran)
    assert ran.batches == [[5]]


@pytest.mark.parametrize("field", ["data", "exc_info"])
def test_a_bomb_in_a_job_is_not_unpacked(valkey: str, field: str) -> None:
    job_id = plant(valkey, job_data(READ_URLS, [1]))
    connect(valkey).hset(f"rq:job:{job_id}", field, zlib.compress(b"[" * 100_000_000, 1))
    ReadQueue(valkey).put([[5]], ttl_s=60)
    ran = Ran()
    tracemalloc.start()
    work(valkey, ran)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ran.batches == ([[5]] if field == "data" else [[1], [5]])
    assert peak_bytes < 50_000_000


def test_callbacks_and_webhooks_of_a_planted_job_are_forgotten(valkey: str, tmp_path: Path) -> None:
    plant(
        valkey,
        job_data(READ_URLS, [1]),
        success_callback_name="os.system",
        failure_callback_name="os.system",
        stopped_callback_name="os.system",
        webhooks=json.dumps([{"url": "http://169.254.169.254/", "statuses": ["finished", "failed"]}]),
        retries_left="9",
        repeats_left="9",
        repeat_intervals="[1]",
    )
    job_id = connect(valkey).lindex(f"rq:queue:{QUEUE_NAME}", 0)
    job = ListedJob.fetch(job_id.decode(), connection=connect(valkey), serializer=JSONSerializer)
    assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None, None, None)
    assert (job.webhooks, job.retries_left, job.repeats_left) == ([], None, None)
    ran = Ran()
    work(valkey, ran)
    assert ran.batches == [[1]]


def test_a_job_whose_hash_is_missing_does_not_stop_the_queue(valkey: str) -> None:
    connect(valkey).rpush(f"rq:queue:{QUEUE_NAME}", "no-such-job")
    ReadQueue(valkey).put([[5]], ttl_s=60)
    ran = Ran()
    work(valkey, ran)
    assert ran.batches == [[5]]


def test_a_job_that_raises_does_not_stop_the_queue(valkey: str) -> None:
    class Fails(Ran):
        def __call__(self, url_ids: Sequence[int]) -> str:
            super().__call__(url_ids)
            raise RuntimeError("boom")

    ran = Fails()
    ReadQueue(valkey).put([[1], [2]], ttl_s=60)
    work(valkey, ran)
    assert ran.batches == [[1], [2]]


def test_losing_redis_in_the_middle_of_a_job_does_not_kill_the_worker(valkey: str) -> None:
    class Flushes(Ran):
        def __call__(self, url_ids: Sequence[int]) -> str:
            connect(valkey).flushall()
            return super().__call__(url_ids)

    ran = Flushes()
    ReadQueue(valkey).put([[1]], ttl_s=60)
    work(valkey, ran)
    assert ran.batches == [[1]]


def test_a_worker_takes_no_commands_from_redis(valkey: str) -> None:
    worker = ReadWorker([QUEUE_NAME], connection=connect(valkey), serializer=JSONSerializer)
    worker.register_birth()
    worker.subscribe()
    assert connect(valkey).publish(worker.pubsub_channel_name, json.dumps({"command": "shutdown"})) == 0
    worker.register_death()


def test_a_worker_listens_on_one_queue(valkey: str) -> None:
    worker = ReadWorker([QUEUE_NAME], connection=connect(valkey), serializer=JSONSerializer)
    assert worker.queue_names() == [QUEUE_NAME]


def test_rq_info_shows_the_queue(valkey: str) -> None:
    ReadQueue(valkey).put([[1], [2]], ttl_s=60)
    told = subprocess.run(
        [sys.executable, "-m", "rq.cli", "info", "--url", valkey.replace("unix://", "unix://"), "--raw"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert f"queue {QUEUE_NAME} 2" in told.stdout, told.stdout + told.stderr


def test_an_unreachable_server_is_said_and_nothing_is_claimed() -> None:
    for call in (lambda: ping(GONE), lambda: ReadQueue(GONE).depth(), lambda: ReadQueue(GONE).put([[1]], 60)):
        with pytest.raises(QueueUnavailable, match="Error"):
            call()
    shut_down(GONE)


def test_a_planted_job_timeout_is_not_taken_over(valkey: str) -> None:
    job_id = plant(valkey, job_data(READ_URLS, [1]), timeout="1")
    job = ListedJob.fetch(job_id, connection=connect(valkey), serializer=JSONSerializer)
    assert job.timeout == JOB_TIMEOUT_S


def test_putting_nothing_enqueues_nothing(valkey: str) -> None:
    ReadQueue(valkey).put([], ttl_s=60)
    assert Queue(QUEUE_NAME, connection=redis.Redis.from_url(valkey)).count == 0

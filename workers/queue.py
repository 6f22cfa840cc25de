"""The queue: the one module that speaks to RQ and Redis (promises P11, P29).

Jobs are JSON and carry row ids only. A worker runs nothing but the functions handed to `run_worker`; callbacks,
webhooks, retries and repeats that a job's hash may name are thrown away on reading, so that who can write to Redis
can neither run code nor make us fetch. Correctness rests on the ledger's leases, never on RQ's own bookkeeping.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import redis
import structlog
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from workers.faults import QueueUnavailable

log = structlog.get_logger("queue")

QUEUE_NAME = "frontwire-read"
READ_URLS = "read_urls"
# What RQ is told, for the life of its own records. Nothing is ended by it: see NoAlarm.
JOB_TIMEOUT_S = 600
FAILURE_TTL_S = 3600
DATA_MAX_BYTES = 1 << 16
# Packed texts that RQ would unpack without a bound, and that nobody asks a waiting job for.
_UNREAD_FIELDS = (b"exc_info", b"result", b"meta")
RECONNECT_MAX_S = 2.0
# RQ waits so long, less 15 s, for a job in one go, and 10 s more before it takes a silent server for gone. With its
# default of 420 s an idle worker behind a dead connection would sleep for seven minutes.
WORKER_TTL_S = 30

JobFunction = Callable[[Sequence[int]], str]


class RefusedJob(Exception):
    """A job that asks for anything but a listed function with row ids."""


def connect(dsn: str) -> redis.Redis:
    """A lazy connection to Redis or Valkey; nothing is sent before the first command."""
    return redis.Redis.from_url(dsn, socket_connect_timeout=5, health_check_interval=30)


def ping(dsn: str) -> str:
    """The server's version; raises QueueUnavailable."""
    try:
        with connect(dsn) as connection:
            info: dict[str, Any] = connection.info("server")
    except (redis.RedisError, OSError) as error:
        raise QueueUnavailable(_reason(error)) from None
    name = "Valkey" if "valkey_version" in info else "Redis"
    return f"{name} {info.get('valkey_version') or info.get('redis_version')}"


def settings_of(dsn: str) -> dict[str, str]:
    """The server's persistence and eviction settings, as far as it lets us read them."""
    try:
        with connect(dsn) as connection:
            return {
                name: str(connection.config_get(name).get(name, "?")) for name in ("appendonly", "maxmemory-policy")
            }
    except redis.ResponseError:
        return {}
    except (redis.RedisError, OSError) as error:
        raise QueueUnavailable(_reason(error)) from None


def shut_down(dsn: str) -> None:
    """Ask the server to end; one that is gone already is fine."""
    with contextlib.suppress(redis.RedisError, OSError), connect(dsn) as connection:
        connection.shutdown(nosave=True)


class ReadQueue:
    """The dispatcher's end of the queue."""

    def __init__(self, dsn: str) -> None:
        self._connection = connect(dsn)
        self._queue = Queue(QUEUE_NAME, connection=self._connection, serializer=JSONSerializer, job_class=ListedJob)

    def depth(self) -> int:
        """How many jobs wait on the queue; raises QueueUnavailable."""
        try:
            return int(self._queue.count)
        except (redis.RedisError, OSError) as error:
            raise QueueUnavailable(_reason(error)) from None

    def put(self, batches: Sequence[Sequence[int]], ttl_s: float, *, at_front: bool = False) -> None:
        """Enqueue one job a batch of ids; a job nobody takes within `ttl_s` is worthless and vanishes by itself.

        `at_front` puts them before all that waits.
        """
        if not batches:
            return
        jobs = [
            Queue.prepare_data(
                READ_URLS,
                args=[list(batch)],
                timeout=JOB_TIMEOUT_S,
                ttl=max(1, round(ttl_s)),
                result_ttl=0,
                failure_ttl=FAILURE_TTL_S,
                description=f"{len(batch)} pages",
                at_front=at_front,
            )
            for batch in batches
        ]
        try:
            self._queue.enqueue_many(jobs)
        except (redis.RedisError, OSError) as error:
            raise QueueUnavailable(_reason(error)) from None

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()


class ListedJob(Job):
    """A job that can name nothing but a listed function and row ids."""

    functions: ClassVar[Mapping[str, JobFunction]] = {}

    @property
    def func(self) -> JobFunction:
        """The listed function; raises RefusedJob for any other name, and for anything but ids as arguments."""
        name, arguments = self.func_name, self.args
        if name is None or name not in self.functions:
            raise RefusedJob(f"not on the list of functions: {str(name)[:100]!r}")
        if self.instance or self.kwargs or not _is_ids(arguments):
            raise RefusedJob("a job carries one list of row ids and nothing else")
        return self.functions[name]

    def restore(self, raw_data: Any) -> Any:
        """Read the job's hash, and forget whatever in it would run code, send requests or repeat the job.

        A thousand ids take 20 KB: what unpacks to more than DATA_MAX_BYTES is a bomb, and no job.
        """
        if not _is_bounded(raw_data.get(b"data", b"")):
            raise NoSuchJobError("the job's data is too long")
        super().restore({name: value for name, value in raw_data.items() if name not in _UNREAD_FIELDS})
        # RQ looks the callbacks up by these names when they are wanted; no name, no callback.
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []
        self.retries_left = self.repeats_left = None
        self.rate_limit_key = self.rate_limit_concurrency = None
        self.timeout = JOB_TIMEOUT_S


def _is_bounded(packed: bytes) -> bool:
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed, DATA_MAX_BYTES)
    except zlib.error:
        return len(packed) <= DATA_MAX_BYTES  # RQ takes it as it is
    return not unpacking.unconsumed_tail


def _is_ids(arguments: Any) -> bool:
    return (
        isinstance(arguments, list | tuple)
        and len(arguments) == 1
        and isinstance(arguments[0], list)
        and len(arguments[0]) <= 1000
        and all(isinstance(item, int) and not isinstance(item, bool) and item > 0 for item in arguments[0])
    )


class NoAlarm(BaseDeathPenalty):
    """RQ's job timeout without its alarm.

    The alarm raises wherever the process happens to be. In the middle of an event loop it leaves the batch's tasks
    behind, which go on beside those of the next batch and may take one page's answer for another's. Every wait of ours
    has a limit of its own, and the ledger's lease is what ends a batch.
    """

    def setup_death_penalty(self) -> None:
        """Set no alarm."""

    def cancel_death_penalty(self) -> None:
        """There is none."""


class ReadWorker(SimpleWorker):
    """Runs listed jobs in this process, without a fork per job; extraction has a killable child of its own.

    It listens on one queue (two lose jobs when a worker dies between dequeue and start) and takes no commands from
    Redis' pub/sub.
    """

    job_class = ListedJob
    death_penalty_class = NoAlarm
    log_result_lifespan = False
    max_connection_wait_time = RECONNECT_MAX_S
    on_stop: Callable[[], None] = staticmethod(lambda: None)

    def subscribe(self) -> None:
        """No remote commands: stopping a worker is the operating system's business."""

    def handle_warm_shutdown_request(self) -> None:
        """Tell the running job that it has to come to an end."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        self.on_stop()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the job; that Redis is gone or has forgotten the job afterwards harms nothing."""
        try:
            super().execute_job(job, queue)
        except (redis.RedisError, NoSuchJobError) as error:
            log.warning("job_bookkeeping_failed", job=job.id, error=_reason(error))
            self.executions.clear()

    @property
    def was_asked_to_stop(self) -> bool:
        """Whether a signal asked this worker to end."""
        return bool(self._shutdown_requested_date)


def run_worker(dsn: str, name: str, functions: Mapping[str, JobFunction], on_stop: Callable[[], None]) -> None:
    """Work until SIGTERM or SIGINT. Redis may come and go; every other end is followed by a new start."""
    ListedJob.functions = dict(functions)
    wait_s = 0.1
    while True:
        worker = _new_worker(dsn, name, on_stop)
        if worker is not None:
            worker.work(logging_level="WARNING")
            if worker.was_asked_to_stop:
                return
            worker.connection.close()
        log.warning("queue_unreachable", wait_s=wait_s)
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, RECONNECT_MAX_S)


def _new_worker(dsn: str, name: str, on_stop: Callable[[], None]) -> ReadWorker | None:
    try:
        worker = ReadWorker(
            [QUEUE_NAME],
            # The name of a worker that was killed stays registered until its heartbeat runs out.
            name=f"{name}-{time.time_ns():x}",
            connection=connect(dsn),
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            log_job_description=False,
        )
    except (redis.RedisError, OSError):
        return None
    worker.on_stop = on_stop
    return worker


def _reason(error: Exception) -> str:
    """The error's words without the connection string, which may hold a password."""
    return f"{type(error).__name__}: {str(error).split('redis://')[0][:200]}"

"""/metrics, /healthz and /readyz on one small endpoint, on loopback unless the settings say otherwise.

The figures come from SQL, so one endpoint speaks for every process on every machine; only disk, write-ahead log and
processes are this machine's own. Labels are words of closed lists: no host, feed or URL is one (promise P26).
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from pipeline.outcomes import REASONS, PollOutcome, UrlState
from pipeline.store.figures import Ended, Figures, ended_polls, ended_urls, new_stories, take_figures
from workers.database import DatabaseUnavailable, open_engine, reading, require_current
from workers.faults import QueueUnavailable
from workers.machine import CpuTotals, by_kind, disk_free_bytes, our_processes, wal_bytes
from workers.process import describe, is_passing, stop_on_signals, utc_now
from workers.queue import ReadQueue
from workers.settings import Settings

log = structlog.get_logger("metrics")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# The figures read an index over all URLs: two scrapers at once, or an eager one, get those of a moment ago.
FIGURES_KEPT_S = 10.0
LEAST_FREE_BYTES = 1 << 30
# A row may be committed later than its own instant says, on a machine whose clock is behind; then it is counted still.
OVERLAP = timedelta(seconds=120)
FOLLOWED_AT_ONCE = 2_000
STAGES = ("poll", "published_to_announced", "announced_to_fetched", "fetched_to_stored")
STAGE_BUCKETS_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)


class MetricsUnavailable(Exception):
    """The endpoint can't be served. The message is one sentence: why, and what to do."""


class Follower:
    """Hands out each thing that happened once, as it is found in SQL from `since` on."""

    def __init__(self, find: Callable[[Connection, datetime, int], list[Ended]], since: datetime) -> None:
        self._find = find
        self._start = self._since = since
        self._seen: set[tuple[int, datetime]] = set()

    def new(self, connection: Connection) -> Iterator[Ended]:
        """What was not handed out yet."""
        while True:
            found = self._find(connection, max(self._start, self._since - OVERLAP), FOLLOWED_AT_ONCE + len(self._seen))
            fresh = [ended for ended in found if ended.key not in self._seen]
            yield from fresh
            self._seen |= {ended.key for ended in fresh}
            self._since = max([self._since, *(ended.key[1] for ended in fresh)])
            self._seen = {key for key in self._seen if key[1] >= self._since - OVERLAP}
            if len(fresh) < FOLLOWED_AT_ONCE:
                return


class Exporter(Collector):
    """Everything that /metrics shows. `engine` is asked for at each scrape and may raise DatabaseUnavailable."""

    def __init__(self, settings: Settings, engine: Callable[[], Engine]) -> None:
        self._settings = settings
        self._engine = engine
        self._lock = threading.Lock()
        self._cpu = CpuTotals()
        self._figures: tuple[float, Figures] | None = None
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self._ended = self._counter("urls_ended", "URLs that ended, by how and why.", ("state", "reason"))
        self._polls = self._counter("polls", "Polls of feeds, by outcome.", ("outcome",))
        self._seconds = Histogram(
            "frontwire_stage_seconds",
            "Seconds that a poll took, and from one stage of a new story's way to the next.",
            ("stage",),
            buckets=STAGE_BUCKETS_S,
            registry=self.registry,
        )
        for reason, facts in REASONS.items():
            self._ended.labels(facts.state.value, reason.value)
        for outcome in PollOutcome:
            self._polls.labels(outcome.value)
        for stage in STAGES:
            self._seconds.labels(stage)
        now = utc_now()
        self._followers = [(Follower(find, now), count) for find, count in self._followed()]

    def _counter(self, name: str, meaning: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"frontwire_{name}", meaning, labels, registry=self.registry)

    def _followed(self) -> list[tuple[Callable[[Connection, datetime, int], list[Ended]], Counter | None]]:
        return [(ended_urls, self._ended), (ended_polls, self._polls), (new_stories, None)]

    def text(self) -> bytes:
        """The whole page, in Prometheus' text format."""
        with self._lock:
            return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """The gauges of now; counters and the histogram follow what happened since the last look."""
        is_up = {"database": 1, "queue": 1}
        try:
            with reading(self._engine()) as connection:
                self._follow(connection)
                figures = self._figures_of_now(connection)
            yield from figure_metrics(figures)
        except (DatabaseUnavailable, DBAPIError) as error:
            is_up["database"] = 0
            log.warning("database_unavailable", error=describe(error))
        try:
            yield _gauge("queue_jobs", "Jobs that wait on the queue.", {(): queue_depth(self._settings)})
        except QueueUnavailable as error:
            is_up["queue"] = 0
            log.warning("queue_unavailable", error=describe(error))
        yield _gauge("up", "1 when this part can be reached.", {(k,): v for k, v in is_up.items()}, "part")
        yield from self._machine_metrics()

    def _follow(self, connection: Connection) -> None:
        for follower, counter in self._followers:
            for ended in follower.new(connection):
                if counter is not None:
                    counter.labels(*ended.words).inc()
                for stage, seconds in ended.seconds:
                    self._seconds.labels(stage).observe(seconds)

    def _figures_of_now(self, connection: Connection) -> Figures:
        if self._figures is None or time.monotonic() - self._figures[0] > FIGURES_KEPT_S:
            self._figures = (time.monotonic(), take_figures(connection, utc_now()))
        return self._figures[1]

    def _machine_metrics(self) -> Iterator[Metric]:
        yield _gauge("disk_free_bytes", "Free where the data lies.", {(): disk_free_bytes(self._settings)})
        log_bytes = wal_bytes(self._settings)
        if log_bytes is not None:
            yield _gauge("wal_bytes", "Size of SQLite's write-ahead log.", {(): log_bytes})
        processes = our_processes()
        sums = by_kind(processes)
        yield _gauge("processes", "Processes here.", {(k,): s.count for k, s in sums.items()}, "kind")
        yield _gauge("resident_bytes", "Their memory.", {(k,): s.rss_bytes for k, s in sums.items()}, "kind")
        cpu = CounterMetricFamily("frontwire_cpu_seconds", "CPU seconds used here, by kind.", labels=("kind",))
        for kind, seconds in self._cpu.add(processes).items():
            cpu.add_metric((kind,), seconds)
        yield cpu


def figure_metrics(figures: Figures) -> Iterator[Metric]:
    """The gauges made of SQL's figures."""
    counts = {(facts.state.value, reason.value): 0 for reason, facts in REASONS.items()}
    counts |= {(state.value, reason.value if reason else "none"): number for state, reason, number in figures.urls}
    yield _gauge("urls", "URLs of the ledger by state and reason.", counts, "state", "reason")
    totals = {(state.value,): figures.count(state) for state in UrlState}
    yield _gauge("funnel_urls", "URLs of the ledger by state.", totals, "state")
    polls = Tally(dict(figures.polls_last_hour))
    last_hour = {(outcome.value,): polls[outcome] for outcome in PollOutcome}
    yield _gauge("polls_last_hour", "Polls of the last hour by outcome.", last_hour, "outcome")
    for name, meaning, number in (
        ("backlog_age_seconds", "How long the oldest waiting URL has been due.", figures.backlog_age_s),
        ("in_hand_age_seconds", "How long the oldest URL in hand has been due.", figures.in_hand_age_s),
        ("leases_overdue", "Leases that ran out and were not taken back yet.", figures.leases_overdue),
        ("feeds", "Feeds that are polled.", figures.feeds),
        ("feeds_overdue", "Feeds whose poll is 30 minutes late.", figures.feeds_overdue),
        ("feeds_failing", "Feeds that failed five times in a row or more.", figures.feeds_failing),
        ("sources_silent", "Feeds that are strangely quiet.", figures.silent_sources),
        ("hosts_held", "Hosts that are left alone now.", figures.hosts_held),
        ("stories_last_hour", "Stories stored in the last hour.", figures.stories_last_hour),
    ):
        yield _gauge(name, meaning, {(): number})


def _gauge(name: str, meaning: str, values: Mapping[Any, float], *labels: str) -> Metric:
    """A gauge; `values` has a tuple of words, one for each label, as its key."""
    family = GaugeMetricFamily(f"frontwire_{name}", meaning, labels=labels)
    for words, number in values.items():
        family.add_metric(words, number)
    return family


def queue_depth(settings: Settings) -> int:
    """Jobs on the queue; raises QueueUnavailable."""
    queue = ReadQueue(settings.redis_dsn)
    try:
        return queue.depth()
    finally:
        queue.close()


def what_is_missing(settings: Settings, engine: Callable[[], Engine]) -> list[str]:
    """A sentence for each thing without which nothing goes on: database, schema, queue, room on the disk."""
    missing = []
    try:
        require_current(engine())
    except Exception as error:
        if not is_passing(error):
            raise
        missing.append(f"database: {error if isinstance(error, DatabaseUnavailable) else describe(error)}")
    try:
        queue_depth(settings)
    except QueueUnavailable as error:
        missing.append(f"queue: {error}")
    free = disk_free_bytes(settings)
    if free < LEAST_FREE_BYTES:
        missing.append(f"disk: {free / (1 << 20):.0f} MiB free at {settings.data_dir.absolute()}, 1 GiB is needed")
    return missing


# ------------------------------------------------------------------------------------------------------ the endpoint


class LazyEngine:
    """An engine that only reads, opened when it is first wanted: the endpoint answers while the database is away."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Engine:
        """The engine; raises DatabaseUnavailable."""
        with self._lock:
            if self._engine is None:
                self._engine = open_engine(self._dsn, read_only=True)
            return self._engine

    def dispose(self) -> None:
        """Close its connections."""
        if self._engine is not None:
            self._engine.dispose()


def make_server(settings: Settings, engine: Callable[[], Engine], host: str, port: int) -> ThreadingHTTPServer:
    """The endpoint, listening but not serving yet; port 0 takes any. Raises MetricsUnavailable."""
    exporter = Exporter(settings, engine)

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # a client that says nothing

        def do_GET(self) -> None:
            """Answer one of three paths."""
            status, kind, body = answer(self.path.split("?", 1)[0], exporter, settings, engine)
            self.send_response_only(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a scrape is no event."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise MetricsUnavailable(
            f"Metrics can't be served on {host} port {port} ({error.strerror}): choose another address with --address "
            "or FRONTWIRE_METRICS_ADDRESS."
        ) from None
    server.daemon_threads = True
    return server


def answer(path: str, exporter: Exporter, settings: Settings, engine: Callable[[], Engine]) -> tuple[int, str, bytes]:
    """Status, content type and body for a path."""
    try:
        if path == "/metrics":
            return 200, CONTENT_TYPE, exporter.text()
        if path == "/healthz":
            return 200, "application/json", b'{"alive": true}\n'
        if path == "/readyz":
            missing = what_is_missing(settings, engine)
            body = json.dumps({"ready": not missing, "missing": missing}, ensure_ascii=False) + "\n"
            return (503 if missing else 200), "application/json", body.encode()
    except Exception as error:
        log.exception("metrics_failed", path=path)
        return 500, "text/plain; charset=utf-8", f"{type(error).__name__}; the log has it\n".encode()
    return 404, "text/plain; charset=utf-8", b"here are /metrics, /healthz and /readyz\n"


def run_metrics(settings: Settings, address: tuple[str, int]) -> None:
    """Serve until SIGTERM or SIGINT; raises MetricsUnavailable."""
    stop = stop_on_signals()
    engine = LazyEngine(settings.database_dsn)
    server = make_server(settings, engine, *address)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    log.info("metrics_served", host=address[0], port=server.server_port)
    stop.wait()
    server.shutdown()
    server.server_close()
    engine.dispose()

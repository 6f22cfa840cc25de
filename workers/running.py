"""`frontwire run` without its words: one machine's whole road, from an empty directory to an idle or endless run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pipeline.feeds import opml
from pipeline.store import feeds as feed_store
from pipeline.store import reports
from pipeline.store.feeds import NewFeed
from pipeline.store.reports import Progress
from workers.dashboard import require_free_port
from workers.database import open_engine, prepare, reading
from workers.policy import http_policy
from workers.process import describe, is_passing, stop_on_signals, utc_now
from workers.queue import ping
from workers.settings import Settings
from workers.supervisor import Supervisor, only_one, services_for
from workers.valkey import remove_socket_directory

log = structlog.get_logger("run")

WATCH_S = 0.25
# How often progress is counted: it reads all feeds and URLs.
PROGRESS_S = 0.5
SHIPPED_FEEDS = Path(__file__).parent / "data" / "feeds.opml"


@dataclass(slots=True)
class Machine:
    """Everything that runs on this machine: its settings, its database, its processes and its stop signal."""

    settings: Settings
    engine: Engine
    supervisor: Supervisor
    stop: threading.Event

    def progress(self, since: datetime) -> Progress | None:
        """How far the work is; None while the database is away."""
        try:
            with reading(self.engine) as connection:
                return reports.progress_since(connection, since, utc_now())
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("database_unavailable", error=describe(error))
            return None

    def run_until_stopped(self) -> None:
        """Keep the processes alive until SIGTERM or SIGINT."""
        while not self.stop.wait(WATCH_S):
            self.supervisor.watch()

    def run_until_idle(self, on_progress: Callable[[Progress], None]) -> bool:
        """Poll every feed once and drain; False when a signal came first."""
        started_at = utc_now()
        with self.engine.begin() as connection:
            feed_store.make_feeds_due(connection, started_at)
        while not self.stop.wait(PROGRESS_S):
            self.supervisor.watch()
            progress = self.progress(started_at)
            if progress is None:
                continue
            on_progress(progress)
            if progress.is_idle:
                return True
        return False


@contextlib.contextmanager
def running_machine(
    settings: Settings, *, with_dashboard: bool, feeds: list[NewFeed] | None = None, log_dir: Path | None = None
) -> Iterator[Machine]:
    """Migrate, add first feeds where there are none, start every process, and end them all on leaving.

    `feeds` None means the shipped list. `log_dir` takes the processes' logs; None leaves them on standard error.
    Raises AlreadyRunning, SettingsError, DashboardUnavailable, DatabaseUnavailable, QueueUnavailable or ValkeyFailed
    before anything is left running.
    """
    stop = stop_on_signals()
    with only_one(settings.data_dir.absolute()):
        # What is wrong with the settings is said once and now, not by every process again and again.
        http_policy(settings)
        if not settings.is_valkey_embedded:
            ping(settings.redis_dsn)
        if with_dashboard:
            require_free_port(settings.dashboard_host, settings.dashboard_port)
        engine = open_engine(settings.database_dsn)
        prepare(engine)
        add_first_feeds(engine, feeds)
        supervisor = Supervisor(services_for(settings, with_dashboard=with_dashboard, log_dir=log_dir))
        try:
            supervisor.start()
            yield Machine(settings, engine, supervisor, stop)
        finally:
            supervisor.stop()
            remove_socket_directory(settings)
            engine.dispose()


def add_first_feeds(engine: Engine, feeds: list[NewFeed] | None) -> int:
    """Fill an empty list of feeds: with `feeds`, or with the shipped OPML. Returns how many were added."""
    with engine.begin() as connection:
        if feed_store.count_feeds(connection):
            return 0
        return feed_store.add_feeds(connection, shipped_feeds() if feeds is None else feeds, utc_now()).added


def shipped_feeds() -> list[NewFeed]:
    """The list of public feeds that comes with the package."""
    reading = opml.read_opml(SHIPPED_FEEDS.read_bytes())
    return [NewFeed(feed.url, feed.title, feed.category, feed.language) for feed in reading.feeds]

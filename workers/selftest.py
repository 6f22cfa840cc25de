"""How many stories a second this machine carries, and what limits it: the real processes over a generated wire.

Gather (samples of the processes, the machine and the database), decide (`find_limit`), and show: `frontwire bench`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from pipeline.outcomes import UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import ledger, reports
from pipeline.store.feeds import NewFeed
from workers.database import reading
from workers.demo.generated import GeneratedWire
from workers.process import utc_now
from workers.running import Machine, running_machine
from workers.settings import Settings

# The first stories of a process load models and open files: they are not measured.
WARM_STORIES = 32
WARM_LIMIT_S = 90.0
SAMPLE_S = 0.5
PROBE_S = 0.1
# A free database opens a transaction in well under this, also on a busy machine.
LOCK_IS_FREE_S = 0.002
# So much announced work lies ready at least: URLs, and seconds of it at the rate so far.
BACKLOG_URLS, BACKLOG_S = 300, 20.0


class SelfTestFailed(Exception):
    """The processes started, and yet no figures came of it. The message says what was seen."""


class Limit(StrEnum):
    """What keeps this machine from more stories a second."""

    OTHERS = "other_programs"
    READING = "reading_cpu"
    OWN_CPU = "bookkeeping_cpu"
    SQL = "sql"
    DISK = "disk"
    WORKERS = "workers"
    WAITING = "waiting"


ADVICE = {
    Limit.OTHERS: "Other programs take much of the CPU: end or move them; the figure is what they leave.",
    Limit.READING: "Extracting text takes most of the CPU: more cores, here or as worker machines, carry more stories.",
    Limit.OWN_CPU: "Fetching, deciding and storing take most of the CPU: more cores, here or as worker machines.",
    Limit.SQL: "SQLite's one writer is busy nearly all the time: go to PostgreSQL (FRONTWIRE_DATABASE_URL).",
    Limit.DISK: "The CPU waits for the disk: put FRONTWIRE_DATA_DIR on a faster one.",
    Limit.WORKERS: "The workers are busy and the machine is not: set FRONTWIRE_WORKERS higher, up to one a core.",
    Limit.WAITING: "All wait, for hosts' turns and answers: feeds on other hosts or more workers help, cores do not.",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen in the window of measuring. Shares are 0..1 of all cores, lock_share of the window's time.

    `cpu_s` has the CPU seconds by kind of process, `memory_mb` the highest sum of proportional memory (resident where
    the system knows no other), `pages` every URL that ended, stories or not.
    """

    seconds: float
    stories: int
    pages: int
    workers: int
    cores: int
    cpu_s: dict[str, float]
    wire_cpu_s: float
    memory_mb: float
    busy_share: float
    disk_wait_share: float
    lock_share: float

    @property
    def stories_per_s(self) -> float:
        """Stories stored a second."""
        return self.stories / self.seconds

    @property
    def own_share(self) -> float:
        """Our processes' part of all cores, the test's own wire included."""
        return (sum(self.cpu_s.values()) + self.wire_cpu_s) / (self.seconds * self.cores)

    @property
    def worker_share(self) -> float:
        """How much of their time the workers worked: they and their reading children take turns."""
        return (self.cpu_s.get("worker", 0.0) + self.cpu_s.get("reading", 0.0)) / (self.seconds * self.workers)


def find_limit(seen: Measured) -> Limit:
    """What to change first for more stories a second."""
    if seen.lock_share >= 0.75:
        return Limit.SQL
    if seen.disk_wait_share >= 0.2:
        return Limit.DISK
    if seen.busy_share >= 0.85 or seen.own_share >= 0.85:
        if seen.busy_share - seen.own_share >= 0.25:
            return Limit.OTHERS
        return Limit.READING if seen.cpu_s.get("reading", 0.0) >= sum(seen.cpu_s.values()) / 2 else Limit.OWN_CPU
    return Limit.WORKERS if seen.worker_share >= 0.7 else Limit.WAITING


def run_selftest(settings: Settings, seconds: float, on_progress: Callable[[float], None]) -> Measured | None:
    """Run everything for so many seconds in a temporary directory; None when a signal ended it before.

    `on_progress` is called with the part of the window that is over, 0..1. Raises SelfTestFailed.
    """
    with tempfile.TemporaryDirectory(prefix="frontwire-bench-") as directory:
        wire = GeneratedWire(utc_now())
        try:
            own = selftest_settings(settings, Path(directory), wire.start())
            with running_machine(
                own, with_dashboard=False, feeds=_feeds(wire, 0), log_dir=own.data_dir / "log"
            ) as machine:
                return _Watch(machine, wire, utc_now()).measure(seconds, on_progress)
        finally:
            wire.stop()


def selftest_settings(settings: Settings, directory: Path, proxy_url: str) -> Settings:
    """The settings as they are, but everything inside `directory`, on SQLite, and every request to the test's wire."""
    alone: dict[str, Any] = {
        "data_dir": directory,
        "database_url": None,
        "redis_url": None,
        "wire_dir": None,
        "http_proxy": proxy_url,
        "allow_addresses": "",
        "alert_targets": None,
        "metrics_address": "",
        "websub_url": None,
        "log_level": "warning",
    }
    return settings.model_copy(update=alone)


def _feeds(wire: GeneratedWire, world: int) -> list[NewFeed]:
    return [NewFeed(*feed) for feed in wire.feeds(world)]


@dataclass(slots=True)
class _Watch:
    """Feeds the machine and looks at it, twice a second."""

    machine: Machine
    wire: GeneratedWire
    started_at: datetime
    worlds: int = 1
    cpu_seen: dict[tuple[int, float], tuple[str, float]] = field(default_factory=dict)
    probes: int = 0
    probes_held: int = 0
    peak_mb: float = 0.0

    def measure(self, seconds: float, on_progress: Callable[[float], None]) -> Measured | None:
        begun = time.monotonic()
        while (now := self._look(0.0)).stories < WARM_STORIES:
            if time.monotonic() - begun > WARM_LIMIT_S:
                raise SelfTestFailed(
                    f"only {now.stories} stories were stored in {WARM_LIMIT_S:.0f} s; see `frontwire doctor`"
                )
            if self._wait():
                return None
        first = now
        self.peak_mb, self.probes, self.probes_held = 0.0, 0, 0
        while now.at < first.at + seconds:
            on_progress((now.at - first.at) / seconds)
            if self._wait():
                return None
            now = self._look((now.stories - first.stories) / max(1.0, now.at - first.at))
        if now.stories == first.stories:
            raise SelfTestFailed("no story was stored in the whole time; see `frontwire doctor`")
        return self._between(first, now)

    def _between(self, first: _Look, last: _Look) -> Measured:
        seconds = last.at - first.at
        whole = sum(last.machine.values()) - sum(first.machine.values())
        idle, disk = (
            (last.machine[name] - first.machine[name]) / whole if whole > 0 else 0.0 for name in ("idle", "iowait")
        )
        return Measured(
            seconds=seconds,
            stories=last.stories - first.stories,
            pages=last.ended - first.ended,
            workers=self.machine.settings.workers,
            cores=cores_here(),
            cpu_s={kind: spent - first.cpu_s.get(kind, 0.0) for kind, spent in last.cpu_s.items()},
            wire_cpu_s=last.wire_cpu_s - first.wire_cpu_s,
            memory_mb=self.peak_mb,
            busy_share=max(0.0, 1.0 - idle - disk),
            disk_wait_share=disk,
            lock_share=self.probes_held / max(1, self.probes),
        )

    def _wait(self) -> bool:
        """Probe the database until the next look; whether a signal came."""
        until = time.monotonic() + SAMPLE_S
        while time.monotonic() < until:
            begun = time.perf_counter()
            with self.machine.engine.begin():
                waited_s = time.perf_counter() - begun
            self.probes += 1
            self.probes_held += waited_s > LOCK_IS_FREE_S
            if self.machine.stop.wait(PROBE_S):
                return True
        self.machine.supervisor.watch()
        return False

    def _look(self, rate: float) -> _Look:
        with reading(self.machine.engine) as connection:
            counts = ledger.count_reasons(connection)
            progress = reports.progress_since(connection, self.started_at, utc_now())
        stories = sum(urls for state, _, urls in counts if state == UrlState.STORED)
        # Feeds that wait for their first poll bring work as well: nothing is added while any does.
        if progress.urls_open < max(BACKLOG_URLS, BACKLOG_S * rate) and not progress.feeds_due:
            self._announce_world()
        cpu_s, memory_mb = self._processes()
        self.peak_mb = max(self.peak_mb, memory_mb)
        machine, own = psutil.cpu_times(), os.times()
        times = {
            name: float(getattr(machine, name, 0.0)) for name in ("user", "nice", "system", "idle", "iowait", "steal")
        }
        return _Look(time.monotonic(), stories, progress.urls - progress.urls_open, cpu_s, own.user + own.system, times)

    def _announce_world(self) -> None:
        with self.machine.engine.begin() as connection:
            feed_store.add_feeds(connection, _feeds(self.wire, self.worlds), utc_now())
        self.worlds += 1

    def _processes(self) -> tuple[dict[str, float], float]:
        """CPU seconds by kind, ended processes included, and the memory of all in MB."""
        memory = 0.0
        for name, pid in self.machine.supervisor.pids().items():
            kind = name.split("-", 1)[0]
            try:
                process = psutil.Process(pid)
                memory += self._add(process, kind)
                for child in process.children(recursive=True):
                    memory += self._add(child, "reading" if kind == "worker" else kind)
            except psutil.Error:
                continue  # it ended while we looked; its last figure stays
        totals: dict[str, float] = {}
        for kind, spent in self.cpu_seen.values():
            totals[kind] = totals.get(kind, 0.0) + spent
        return totals, memory

    def _add(self, process: psutil.Process, kind: str) -> float:
        times = process.cpu_times()
        self.cpu_seen[process.pid, process.create_time()] = (kind, times.user + times.system)
        full = process.memory_full_info() if psutil.LINUX else process.memory_info()
        return float(getattr(full, "pss", full.rss)) / 1e6


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    stories: int
    ended: int
    cpu_s: dict[str, float]
    wire_cpu_s: float
    machine: dict[str, float]


def cores_here() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""One machine's processes, started, watched and ended together: what `frontwire run` is made of."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog

from workers.process import Backoff, describe
from workers.settings import Settings, child_environment
from workers.valkey import start_valkey

log = structlog.get_logger("supervisor")

# P9 gives a process 30 s to end; then it is killed, and its leases run out.
STOP_LIMIT_S = 30.0
# A process that lived this long was healthy: its next restart is quick again.
HEALTHY_S = 30.0


class AlreadyRunning(Exception):
    """Another `frontwire run` works on the same data directory."""


@dataclass(slots=True)
class Service:
    """One process to keep alive: its name, how to start it, and the process that runs now."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    restarts: int = 0
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """Keeps services alive until told to stop, then ends them in reverse order."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = list(services)

    def start(self) -> None:
        """Start every service, in order; an error of the first start is raised."""
        for service in self._services:
            _start(service)

    def watch(self) -> None:
        """Restart what has died, each with its own back-off. To be called again and again."""
        for service in self._services:
            if service.process is None:
                if time.monotonic() >= service.restart_at:
                    _restart(service)
                continue
            code = service.process.poll()
            if code is None:
                continue
            if time.monotonic() - service.started_at > HEALTHY_S:
                service.backoff.succeeded()
            wait_s = service.backoff.next_wait_s()
            log.warning("process_ended", name=service.name, exit_status=code, restart_in_s=round(wait_s, 1))
            service.process = None
            service.restarts += 1
            service.restart_at = time.monotonic() + wait_s

    def stop(self) -> None:
        """SIGTERM to the workers of the road, wait, then to the queue; SIGKILL for what does not end in time."""
        is_queue = [service.name == "valkey" for service in self._services]
        last = [service for service, queue in zip(self._services, is_queue, strict=True) if queue]
        first = [service for service, queue in zip(self._services, is_queue, strict=True) if not queue]
        for group in (first, last):
            alive = [service.process for service in group if service.process is not None]
            for process in alive:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + STOP_LIMIT_S
            for process in alive:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    log.error("process_killed", pid=process.pid)
                    process.kill()
                    process.wait()

    def pids(self) -> dict[str, int]:
        """Name -> process id of what runs now."""
        return {service.name: service.process.pid for service in self._services if service.process is not None}


def _restart(service: Service) -> None:
    try:
        _start(service)
    except Exception as error:
        wait_s = service.backoff.next_wait_s()
        service.restart_at = time.monotonic() + wait_s
        log.error("process_not_started", name=service.name, error=describe(error), restart_in_s=round(wait_s, 1))


def _start(service: Service) -> None:
    service.process = service.start()
    service.started_at = time.monotonic()


def services_for(settings: Settings, *, with_dashboard: bool, log_dir: Path | None = None) -> list[Service]:
    """The processes of one machine: Valkey first where it is embedded, then poller, dispatcher, workers and the rest.

    With `log_dir` each process logs to a file of its own there, otherwise to standard error.
    """
    services = []
    if settings.is_valkey_embedded:
        services.append(Service("valkey", lambda: start_valkey(settings)))
    names = ["poller", "dispatcher", *(f"worker-{number}" for number in range(1, settings.workers + 1)), "watcher"]
    if with_dashboard:
        names.append("dashboard")
    if settings.metrics_address:
        names.append("metrics")
    if settings.websub_url:
        names.append("websub")
    return services + [Service(name, _command_starter(name, settings, log_dir)) for name in names]


def _command_starter(name: str, settings: Settings, log_dir: Path | None) -> Callable[[], subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "workers", name.split("-", 1)[0], "--until-parent-ends"]

    def start_process(stderr: IO[bytes] | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            # The pipe's other end closes when this process dies, however it dies: see process.end_with_parent.
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            env=child_environment(settings),
            start_new_session=True,
        )

    def start() -> subprocess.Popen[bytes]:
        if log_dir is None:
            return start_process(None)
        log_dir.mkdir(parents=True, exist_ok=True)
        with (log_dir / f"{name}.log").open("ab") as file:
            return start_process(file)

    return start


@contextlib.contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Hold the data directory's lock; raises AlreadyRunning when another process does. A kill frees it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "run.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise AlreadyRunning(
                f"frontwire run (process {holder}) already works on {directory}; "
                "stop it, or name another directory in FRONTWIRE_DATA_DIR"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield

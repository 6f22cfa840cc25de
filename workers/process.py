"""What every long-running process of ours shares: the clock, the stop signal, and patience when SQL is away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

import structlog
from sqlalchemy.exc import DBAPIError

from workers.database import is_outage
from workers.faults import QueueUnavailable

log = structlog.get_logger("process")

BACKOFF_FIRST_S = 0.5
BACKOFF_LONGEST_S = 15.0


def utc_now() -> datetime:
    """The wall clock. The one place that reads it."""
    return datetime.now(UTC)


def new_name(kind: str) -> str:
    """A name for this process that no other has now: kind, machine, process id."""
    return f"{kind}-{socket.gethostname()}-{os.getpid()}"


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = threading.Event()

    def ask_to_stop(signum: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    return stop


def stop_loop_on_signals() -> asyncio.Event:
    """The same for a process that runs an event loop; to be called inside it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    return stop


def end_with_parent() -> None:
    """Send this process SIGTERM when standard input ends: the supervisor that held its other end is gone."""

    def wait_for_end() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()


class Backoff:
    """How long to wait after failures in a row: doubling, with jitter, until one success."""

    def __init__(self) -> None:
        self._failures = 0

    def succeeded(self) -> None:
        """Start again from the shortest wait."""
        self._failures = 0

    def next_wait_s(self) -> float:
        """The wait after one more failure."""
        self._failures += 1
        longest_s = min(BACKOFF_FIRST_S * 2.0 ** min(self._failures - 1, 10), BACKOFF_LONGEST_S)
        return longest_s * random.uniform(0.5, 1.0)


def is_passing(error: BaseException) -> bool:
    """Whether the error may go away by itself: SQL or Redis not to be had, a full disk, a lock."""
    return is_outage(error) or isinstance(error, QueueUnavailable | OSError)


def describe(error: BaseException) -> str:
    """One line about an error, without the statement, its parameters or a connection string."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}"[:300]


async def prolong_leases(extend: Callable[[], object], lease_s: float) -> None:
    """Call `extend` four times a lease until cancelled; one that fails is tried again at the next turn."""
    while True:
        await asyncio.sleep(lease_s / 4)
        try:
            await asyncio.to_thread(extend)
        except Exception as error:
            log.warning("lease_not_prolonged", error=describe(error))


def run_steps(name: str, step: Callable[[], None], stop: threading.Event, tick_s: float) -> None:
    """Call `step` every `tick_s` until `stop`. The one place of its process that catches everything."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            step()
            backoff.succeeded()
            wait_s = tick_s
        except Exception as error:
            wait_s = backoff.next_wait_s()
            if is_passing(error):
                log.warning("step_failed", step=name, error=describe(error), wait_s=round(wait_s, 1))
            else:
                log.exception("step_failed", step=name, wait_s=round(wait_s, 1))
        stop.wait(wait_s)

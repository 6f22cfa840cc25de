"""The dispatcher: from the ledger to the queue, and back when the queue forgot (promises P3, P7).

Any number may run at once. SQL decides what may run now; the queue is kept short, so that a breaking story never
stands behind an hour of backlog.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from pipeline.batches import plan_batches
from pipeline.outcomes import RevisitScope
from pipeline.store import growth, items, ledger, revisits
from pipeline.store.events import EventKind, add_event
from pipeline.store.tallies import fold_tallies
from workers.database import reading
from workers.faults import QueueUnavailable
from workers.process import run_steps, stop_on_signals, utc_now
from workers.queue import ReadQueue
from workers.second_look import sweep_looks
from workers.settings import Settings

log = structlog.get_logger("dispatcher")

SWEEPS_PER_LEASE = 6
# Looks at stored pages take at most this share of the queue: what is new never stands behind more.
LOOKS_SHARE = 0.25
# Jobs of breaking news that may stand on the queue beyond its limit.
BREAKING_JOBS = 8
OPEN_LOOKS_EVERY = timedelta(seconds=5)
HASTEN_EVERY = timedelta(seconds=30)


class Dispatcher:
    """One dispatcher's engine and queue, and when it does next what it does now and then."""

    def __init__(self, engine: Engine, queue: ReadQueue, settings: Settings) -> None:
        self._engine = engine
        self._queue = queue
        self._settings = settings
        self._next_sweep_at: datetime | None = None
        self._next_opening_at: datetime | None = None
        self._next_hastening_at: datetime | None = None

    def step(self) -> None:
        """Take back expired leases when it is time, then put on the queue what may run now."""
        now = utc_now()
        every = timedelta(seconds=self._settings.lease_s / SWEEPS_PER_LEASE)
        if _is_time(self._next_sweep_at, now, every):
            self.sweep(now)
            self._next_sweep_at = now + every
        if _is_time(self._next_opening_at, now, OPEN_LOOKS_EVERY):
            self.open_looks(now)
            self._next_opening_at = now + OPEN_LOOKS_EVERY
        if _is_time(self._next_hastening_at, now, HASTEN_EVERY):
            self.hasten(now)
            self._next_hastening_at = now + HASTEN_EVERY
        self.dispatch(now)

    def sweep(self, now: datetime) -> None:
        """Free URLs by lease or embargo, look up again what a worker left, and add up what the triggers counted."""
        with self._engine.begin() as connection:
            taken = ledger.take_back_expired(connection, now, self._settings.lease_s, self._settings.max_attempts)
            released = items.release_held(connection, now)
            is_any = bool(taken.queued or taken.claimed or taken.dead)
            if is_any:
                counts = {"queued": taken.queued, "claimed": taken.claimed, "dead": taken.dead}
                add_event(connection, EventKind.LEASES_EXPIRED, "urls", counts, now)
        if released:
            log.info("embargo_ended", urls=released)
        if is_any:
            log.warning("leases_expired", queued=taken.queued, claimed=taken.claimed, dead=taken.dead)
        sweep_looks(self._engine, now)
        with self._engine.begin() as connection:
            folded = fold_tallies(connection)
        if folded:
            log.debug("tallies_folded", rows=folded)

    def open_looks(self, now: datetime) -> int:
        """Put stored pages that are due to be looked at again back into the ledger; returns how many."""
        if self._settings.revisits is RevisitScope.NONE:
            return 0
        most = max(1, int(self._settings.queue_limit * self._settings.batch_size * LOOKS_SHARE))
        with self._engine.begin() as connection:
            opened = revisits.open_due_looks(connection, now, most)
        if opened:
            log.info("looks_opened", urls=opened)
        return opened

    def hasten(self, now: datetime) -> int:
        """Let what tells of a report that others are taking up go before other news; returns how many URLs."""
        # Headlines are compared outside of the transaction that writes: on SQLite everybody else waits for that one.
        with reading(self._engine) as connection:
            url_ids = growth.telling_urls(connection, now)
        if not url_ids:
            return 0
        with self._engine.begin() as connection:
            hastened = growth.hasten(connection, url_ids)
        if hastened:
            log.info("growing_hastened", urls=hastened)
        return hastened

    def dispatch(self, now: datetime) -> int:
        """Lease due URLs and enqueue them: committed first, enqueued after. Returns how many.

        When the queue can't take them they go back to waiting at once; if this process dies in between, their lease
        runs out instead.
        """
        limit, depth = self._settings.queue_limit, self._queue.depth()
        # Where jobs wait, breaking news goes before them, and beyond the limit: the queue is first in, first out.
        room = min(BREAKING_JOBS, limit + BREAKING_JOBS - depth) if depth else 0
        breaking = self._dispatch(now, room, breaking=True) if room > 0 else 0
        room = limit - self._queue.depth() if breaking else limit - depth
        return breaking + (self._dispatch(now, room) if room > 0 else 0)

    def _dispatch(self, now: datetime, room: int, *, breaking: bool = False) -> int:
        most, lease_s = room * self._settings.batch_size, self._settings.lease_s
        with self._engine.begin() as connection:
            due = ledger.lease_due_urls(connection, now, most, lease_s, breaking_only=breaking)
        if not due:
            return 0
        batches = plan_batches(due, self._settings.batch_size, min(self._settings.workers, room))
        # Suspects go alone, and may be more than the queue has room for.
        kept, left = batches[:room], [url_id for batch in batches[room:] for url_id in batch]
        self._put_back(left)
        try:
            self._queue.put(kept, lease_s, at_front=breaking)
        except QueueUnavailable:
            self._put_back([url_id for batch in kept for url_id in batch])
            raise
        log.debug("dispatched", urls=len(due) - len(left), jobs=len(kept))
        return len(due) - len(left)

    def _put_back(self, url_ids: Sequence[int]) -> None:
        if url_ids:
            with self._engine.begin() as connection:
                ledger.unqueue(connection, url_ids)


def _is_time(next_at: datetime | None, now: datetime, every: timedelta) -> bool:
    """Whether the instant has come. A clock that was set back must not stop the work for the length of the jump."""
    return next_at is None or now >= next_at or next_at > now + every


def run_dispatcher(engine: Engine, settings: Settings) -> None:
    """Dispatch until SIGTERM."""
    stop = stop_on_signals()
    queue = ReadQueue(settings.redis_dsn)
    log.info("dispatcher_started")
    run_steps("dispatch", Dispatcher(engine, queue, settings).step, stop, settings.tick_s)
    queue.close()
    log.info("dispatcher_stopped")

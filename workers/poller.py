"""The poller: claims due feeds, fetches many at once, and ends each poll in one transaction (promises P4, P7).

Per feed: gather (the claim, the response, its reading, what SQL remembers), decide (plan_poll), apply (apply_poll).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Connection, Engine

from pipeline.feeds import body_digest, plan_poll, request_headers
from pipeline.store import feeds as feed_store
from pipeline.store import hosts as host_store
from pipeline.store.feeds import PollWritten
from pipeline.store.quiet_polls import QuietPoll, apply_quiet_polls, is_quiet
from pipeline.values import FeedState, FetchedPage, FetchResult, NotModified, PollPlan
from workers.batched import Batched
from workers.bodies import FeedBodies
from workers.child import FEEDS_COMMAND, ReadingChild
from workers.drops import Drops
from workers.gate import HeldSlot, SqlGate
from workers.http import BodyPlace, BodyRoom, HttpClient
from workers.policy import http_policy
from workers.process import Backoff, describe, is_passing, prolong_leases, stop_loop_on_signals, utc_now
from workers.settings import Settings
from workers.sitemaps import Sitemaps

log = structlog.get_logger("poller")

# After a stop signal the polls in flight get this long to end by themselves.
FINISH_S = 20.0
# Those that are called off then, and the slots of their hosts, get this long each.
LEAVE_S = 2.0
# How long a request at the gate, or an answer that changed nothing, waits for others to share its transaction.
GATHER_S = 0.02
# So many polls with news are written at once on PostgreSQL.
_WRITERS = 4
# So many polls have a feed of over half a MiB in hand at once: of 16 MiB each at most, and once more while it is read.
_LARGE_BODIES = 8
_NOTHING_NEW = PollWritten(0, 0)


class Poller:
    """One poller process: its engine, its HTTP client, the gate of its hosts, and one reading child for feed bodies."""

    def __init__(
        self, engine: Engine, http: HttpClient, gate: SqlGate, child: ReadingChild, settings: Settings
    ) -> None:
        self._engine = engine
        self._http = http
        self._gate = gate
        self._bodies = FeedBodies(engine, child)
        self._settings = settings
        # The polls under way and the feeds that they hold.
        self._running: dict[asyncio.Task[None], int] = {}
        self._token = uuid.uuid4().hex
        self._quiet = Batched(self._write_quiet, GATHER_S)
        # SQLite has one writer at a time: whoever else is at it asks again and again.
        self._writers = asyncio.Semaphore(1 if engine.dialect.name == "sqlite" else _WRITERS)
        self._room = BodyRoom(_LARGE_BODIES)
        self._less_running = asyncio.Event()
        self._drops = Drops(engine, settings.wire_dir, self._token, self._bodies.read)
        self._sitemaps = Sitemaps(engine, http, self._token, self._bodies)

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop`, then let the polls in flight end and give the rest back."""
        backoff = Backoff()
        prolonging = asyncio.create_task(prolong_leases(self._extend, self._settings.lease_s))
        while not stop.is_set():
            try:
                claimed = await self.step()
                backoff.succeeded()
                wait_s = self._settings.tick_s
            except Exception as error:
                wait_s = backoff.next_wait_s()
                if is_passing(error):
                    log.warning("step_failed", step="claim", error=describe(error), wait_s=round(wait_s, 1))
                else:
                    log.exception("step_failed", step="claim")
                claimed = 0
            if claimed:
                await self._half_free(stop, wait_s)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
        await self._finish()
        prolonging.cancel()

    async def step(self) -> int:
        """Claim as many due feeds as there is room for, and start their polls; returns how many."""
        room = self._settings.poll_concurrency - len(self._running)
        if room <= 0:
            return 0
        claimed = await asyncio.to_thread(self._claim, room)
        for state, slot in claimed:
            task = asyncio.create_task(self._poll_safely(state, slot))
            self._running[task] = state.id
            task.add_done_callback(self._ended)
        return len(claimed)

    async def _half_free(self, stop: asyncio.Event, wait_s: float) -> None:
        """Wait until half of the room is free, at most `wait_s`: where feeds were due, more may be."""
        stopping = asyncio.create_task(stop.wait())
        free = asyncio.create_task(self._less_running.wait())
        self._less_running.clear()
        if len(self._running) > self._settings.poll_concurrency // 2:
            await asyncio.wait({stopping, free}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        free.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if len(self._running) <= self._settings.poll_concurrency // 2:
            self._less_running.set()

    async def idle(self) -> None:
        """Wait until the polls in flight have ended."""
        while self._running:
            await asyncio.wait(set(self._running))
        await self._gate.drained()

    async def poll(self, state: FeedState, slot: HeldSlot | None = None) -> PollPlan | None:
        """One poll from request to commit; None when the lease was lost meanwhile. `slot` is one of the feed's host."""
        with self._room.place() as place:
            return await self._poll(state, slot, place)

    async def _poll(self, state: FeedState, slot: HeldSlot | None, place: BodyPlace) -> PollPlan | None:
        headers = request_headers(state, utc_now())
        result = await self._http.fetch(state.url, kind="feed", headers=headers, slot=slot, place=place)
        if not state.is_index and _is_unchanged(state, result):
            return await self._end_unchanged(state, result)
        reading, known = None, dict[str, str]()
        if isinstance(result, FetchedPage) and not _is_unchanged(state, result):
            reading, known = await self._bodies.read_known(result, state)
        if state.is_index if reading is None else bool(reading.children):
            plan = await self._sitemaps.poll(state, result, reading, place)
            if plan is None:
                return None
        else:
            plan = plan_poll(state, result, reading, known, utc_now(), random.random())
        return await self._end(state, result, plan)

    async def _end_unchanged(self, state: FeedState, result: FetchResult) -> PollPlan | None:
        now = utc_now()
        plan = plan_poll(state, result, None, {}, now, random.random())
        if not is_quiet(state, plan, now):
            return await self._end(state, result, plan)
        is_written = await self._quiet.do(QuietPoll(plan, now, _body_bytes(result), result.elapsed_s))
        return self._told(state, plan, _NOTHING_NEW if is_written else None)

    async def _end(self, state: FeedState, result: FetchResult, plan: PollPlan) -> PollPlan | None:
        async with self._writers:
            return await asyncio.to_thread(self._apply, state, result, plan)

    async def _poll_safely(self, state: FeedState, slot: HeldSlot | None) -> None:
        try:
            await (self._drops.poll(state) if state.is_folder else self.poll(state, slot))
        except Exception as error:
            if is_passing(error):
                log.warning("poll_not_written", feed=state.url, error=describe(error))
            else:
                log.exception("poll_failed", feed=state.url)
            # Nothing was written. Where even this is refused, the lease runs out instead.
            with contextlib.suppress(Exception):
                await asyncio.to_thread(self._postpone, state)
        finally:
            if slot is not None:
                slot.leave()

    def _claim(self, room: int) -> list[tuple[FeedState, HeldSlot | None]]:
        """Due feeds, each with a slot of its host where one is free now: most are, one feed a host is claimed."""
        folders, lease_s = self._drops.folder_ids(), self._settings.lease_s
        with self._engine.begin() as connection:
            states = feed_store.claim_due_feeds(connection, self._token, utc_now(), room, lease_s, folders)
            fetched = [state for state in states if not state.is_folder]
            slots = self._gate.take(connection, [host_store.asked_host(state.url) for state in fetched])
        return [*zip(fetched, slots, strict=True), *((state, None) for state in states if state.is_folder)]

    def _extend(self) -> None:
        # A copy in one step: the loop goes on in its own thread.
        held = sorted(self._running.copy().values())
        with self._engine.begin() as connection:
            feed_store.extend_feeds(connection, self._token, held, utc_now(), self._settings.lease_s)

    def _postpone(self, state: FeedState) -> None:
        due_at = utc_now() + timedelta(seconds=self._settings.retry_base_s)
        with self._engine.begin() as connection:
            feed_store.postpone_feed(connection, self._token, state.id, due_at)

    def _write_quiet(self, polls: Sequence[QuietPoll]) -> list[bool]:
        with self._engine.begin() as connection:
            held = apply_quiet_polls(connection, self._token, polls)
        return [poll.plan.state.id in held for poll in polls]

    def _apply(self, state: FeedState, result: FetchResult, plan: PollPlan) -> PollPlan | None:
        with self._engine.begin() as connection:
            written = self._write(connection, state, result, plan)
        return self._told(state, plan, written)

    def _write(
        self, connection: Connection, state: FeedState, result: FetchResult, plan: PollPlan
    ) -> PollWritten | None:
        now = utc_now()
        written = feed_store.apply_poll(connection, self._token, plan, now, _body_bytes(result), result.elapsed_s)
        if written is not None and plan.fetch_delay_s > 0:
            host_store.hold_host(connection, host_store.asked_host(state.url), now, plan.fetch_delay_s)
        return written

    def _told(self, state: FeedState, plan: PollPlan, written: PollWritten | None) -> PollPlan | None:
        """The plan, and its line in the log, once it stands in SQL."""
        if written is None:
            log.warning("poll_lease_lost", feed=state.url)
            return None
        write = log.warning if plan.reason is not None else log.info
        write(
            "poll",
            feed=state.url,
            outcome=plan.outcome.value,
            reason=plan.reason.value if plan.reason else None,
            detail=plan.detail,
            status=plan.http_status,
            entries=plan.entries_count,
            new_urls=written.new_urls,
            reopened=written.reopened,
            outdated=written.outdated,
            lost_estimate=plan.lost_estimate,
            next_in_s=round(plan.state.interval_s),
        )
        return plan

    async def _finish(self) -> None:
        held = sorted(self._running.values())
        if self._running:
            await asyncio.wait(set(self._running), timeout=FINISH_S)
        called_off = set(self._running)
        for task in called_off:
            task.cancel()
        if called_off:
            await asyncio.wait(called_off, timeout=LEAVE_S)
        with contextlib.suppress(TimeoutError):
            # Slots that can't be given back now free themselves.
            await asyncio.wait_for(self._gate.drained(), LEAVE_S)
        with contextlib.suppress(Exception):
            # If SQL is away now, the leases run out instead.
            await asyncio.to_thread(self._release, held)

    def _release(self, feed_ids: Sequence[int]) -> None:
        with self._engine.begin() as connection:
            feed_store.release_feeds(connection, self._token, feed_ids)


def _is_unchanged(state: FeedState, result: FetchResult) -> bool:
    """Whether the answer is a 304, or the body of last time."""
    if isinstance(result, FetchedPage):
        return body_digest(result.body) == state.body_sha256
    return isinstance(result, NotModified)


def _body_bytes(result: FetchResult) -> int:
    return len(result.body) if isinstance(result, FetchedPage) else 0


def run_poller(engine: Engine, settings: Settings) -> None:
    """Poll until SIGTERM."""
    asyncio.run(_main(engine, settings))


async def _main(engine: Engine, settings: Settings) -> None:
    stop = stop_loop_on_signals()
    child = ReadingChild(command=FEEDS_COMMAND)
    gate = SqlGate(engine, settings.host_delay_s, GATHER_S)
    async with HttpClient(http_policy(settings), gate, utc_now) as http:
        for note in http.guard_notes():
            log.info("guard", note=note)
        log.info("poller_started")
        try:
            await Poller(engine, http, gate, child, settings).run(stop)
        finally:
            await child.close()
    log.info("poller_stopped")

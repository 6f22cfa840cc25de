"""Politeness and robots.txt of the HTTP path, kept in SQL, so that they hold over all processes and machines (P16)."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import TracebackType

import structlog
from sqlalchemy import Connection, Engine

from pipeline.store import hosts as host_store
from pipeline.store.hosts import Passage
from workers.batched import Batched
from workers.database import reading
from workers.http import GateClosed, RobotsRecord
from workers.process import describe, utc_now

log = structlog.get_logger("gate")

# A request waits this long for its turn at most; then it goes back to the ledger and another host is asked.
LONGEST_WAIT_S = 8.0
# Slots that are taken with a batch of leases are used one after the other: a turn lasts longer by so much of the delay.
_TAKEN_SLACK = 0.25


class SqlGate:
    """Slots for requests, taken from the `hosts` table.

    Requests of one process that come and go at about the same time share a transaction. `gather_s` is how long the
    first of them waits for others: a process that has hundreds under way at once does better to wait.
    """

    def __init__(self, engine: Engine, delay_s: float, gather_s: float = 0.0) -> None:
        self._engine = engine
        self._delay_s = delay_s
        self._passing = Batched(self._pass, gather_s)

    async def enter(self, host: str) -> AbstractAsyncContextManager[object] | GateClosed:
        """Wait for the host's turn; GateClosed when that would take longer than a few seconds."""
        passage = await self.turn_of(Passage(host, secrets.token_hex(16)))
        return passage if isinstance(passage, GateClosed) else HeldSlot(self, passage, math.inf)

    async def turn_of(self, passage: Passage) -> Passage | GateClosed:
        """The passage once it has its turn and goes in time; a slot that it held is given back when it gets none.

        An answer can come late, when the machine has too much to do or the database is held up. A request that went
        then would come close before the next one: it asks anew, with twice that time to spare.
        """
        give_up_at = time.monotonic() + max(LONGEST_WAIT_S, self._delay_s * 2)
        while True:
            answer, asked_at = await self._passing.do((passage, True))
            late_s = time.monotonic() - asked_at
            if answer.wait_s == 0 and late_s <= answer.good_for_s:
                return passage
            if answer.wait_s == 0:
                slack_s = min(late_s * 2, host_store.LONGEST_SLACK_S)
                passage = replace(passage, slack_s=slack_s, turn_ends_at=answer.turn_ends_at)
            if answer.is_down or time.monotonic() + answer.wait_s > give_up_at:
                if passage.turn_ends_at is not None:
                    self.leave(passage)
                return GateClosed(max(answer.wait_s, self._delay_s))
            await asyncio.sleep(answer.wait_s)

    def take(self, connection: Connection, asked: Sequence[str]) -> list[HeldSlot | None]:
        """Slots of the hosts, taken in the caller's transaction; None for each that would have to be waited for."""
        slack_s = self._delay_s * _TAKEN_SLACK
        passages = [Passage(host, secrets.token_hex(16), slack_s) for host in asked]
        now, asked_at = utc_now(), time.monotonic()
        answers = host_store.enter_hosts(connection, passages, now, self._delay_s)
        return [
            HeldSlot(self, replace(passage, turn_ends_at=answer.turn_ends_at), asked_at + answer.good_for_s)
            if answer.wait_s == 0
            else None
            for passage, answer in zip(passages, answers, strict=True)
        ]

    def leave(self, passage: Passage) -> None:
        """Give a slot back soon, see `drained`. What fails is logged: the slot then frees itself."""
        self._passing.put((passage, False))

    async def drained(self) -> None:
        """Wait until the slots that were given back are free for others."""
        await self._passing.drained()

    def _pass(self, passages: Sequence[tuple[Passage, bool]]) -> list[tuple[host_store.HostAnswer, float]]:
        leaving = [passage for passage, enters in passages if not enters]
        entering = [passage for passage, enters in passages if enters]
        answers: Iterator[host_store.HostAnswer] = iter(())
        if leaving:
            self._leave(leaving)
        asked_at = time.monotonic()
        if entering:
            now = utc_now()
            with self._engine.begin() as connection:
                answers = iter(host_store.enter_hosts(connection, entering, now, self._delay_s))
        return [(next(answers) if enters else _LEFT, asked_at) for _, enters in passages]

    def _leave(self, passages: Sequence[Passage]) -> None:
        try:
            with self._engine.begin() as connection:
                host_store.leave_hosts(connection, passages)
        except Exception as error:
            log.warning("slots_not_given_back", hosts=[each.host for each in passages], error=describe(error))


_LEFT = host_store.HostAnswer(0.0)


class HeldSlot(AbstractAsyncContextManager[object]):
    """A slot for one request to `host`. Leaving it waits for nothing, so no cancelled fetch keeps it; twice is once.

    `good_until`, on the monotonic clock, is how long a request may go on a slot that was taken beforehand.
    """

    def __init__(self, gate: SqlGate, passage: Passage, good_until: float) -> None:
        self._gate, self._passage, self._good_until = gate, passage, good_until
        self._is_left = False

    @property
    def host(self) -> str:
        """The host that may be asked."""
        return self._passage.host

    async def enter(self) -> AbstractAsyncContextManager[object] | GateClosed:
        """Itself when its turn still is, else once it has another; GateClosed, and left, when that takes too long."""
        if time.monotonic() > self._good_until:
            passage = await self._gate.turn_of(self._passage)
            if isinstance(passage, GateClosed):
                self._is_left = True
                return passage
            self._passage = passage
        return self

    def leave(self) -> None:
        """Give the slot back."""
        if not self._is_left:
            self._is_left = True
            self._gate.leave(self._passage)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class SqlRobotsStore:
    """robots.txt files, remembered in the `hosts` table for every process.

    What is asked and told at about the same time shares a transaction; see SqlGate for `gather_s`.
    """

    # RobotsRecord says None for a host that could not be reached; the column keeps 0.
    _UNREACHED = 0

    def __init__(self, engine: Engine, gather_s: float = 0.0) -> None:
        self._engine = engine
        self._getting = Batched(self._get, gather_s)
        self._putting = Batched(self._put, gather_s)

    async def get(self, host: str) -> RobotsRecord | None:
        """What is remembered of the host, expired or not; None when nothing is."""
        copy = await self._getting.do(host)
        if copy is None:
            return None
        status = None if copy.status == self._UNREACHED else copy.status
        return RobotsRecord(status, copy.body, copy.until, copy.crawl_delay_s)

    async def put(self, host: str, record: RobotsRecord) -> None:
        """Remembers the record in place of any other of the host."""
        status = self._UNREACHED if record.status is None else record.status
        copy = host_store.RobotsCopy(status, record.body, record.until, record.crawl_delay_s)
        await self._putting.do((host, copy))

    def _get(self, asked: Sequence[str]) -> list[host_store.RobotsCopy | None]:
        with reading(self._engine) as connection:
            found = host_store.robots_of(connection, asked)
        return [found.get(host) for host in asked]

    def _put(self, told: Sequence[tuple[str, host_store.RobotsCopy]]) -> list[None]:
        with self._engine.begin() as connection:
            host_store.remember_robots(connection, dict(told), utc_now())
        return [None] * len(told)

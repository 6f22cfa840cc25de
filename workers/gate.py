"""Politeness and robots.txt of the HTTP path, kept in SQL, so that they hold over all processes and machines (P16)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
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
        passage = Passage(host, uuid.uuid4().hex)
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + max(LONGEST_WAIT_S, self._delay_s * 2)
        while True:
            answer = await self._passing.do((passage, True))
            if answer.wait_s == 0:
                return _Slot(self, passage)
            if answer.is_down or clock() + answer.wait_s > give_up_at:
                return GateClosed(answer.wait_s)
            await asyncio.sleep(answer.wait_s)

    def take(self, connection: Connection, asked: Sequence[str]) -> list[HeldSlot | None]:
        """Slots of the hosts, taken in the caller's transaction; None for each that would have to be waited for."""
        passages = [Passage(host, uuid.uuid4().hex) for host in asked]
        answers = host_store.enter_hosts(connection, passages, utc_now(), self._delay_s)
        return [
            HeldSlot(self, passage) if answer.wait_s == 0 else None
            for passage, answer in zip(passages, answers, strict=True)
        ]

    async def leave(self, passage: Passage) -> None:
        """Give a slot back. What fails is logged: the slot then frees itself."""
        await self._passing.do((passage, False))

    def leave_soon(self, passage: Passage) -> None:
        """The same without waiting for it; see `drained`."""
        self._passing.put((passage, False))

    async def drained(self) -> None:
        """Wait until the slots that were given back are free for others."""
        await self._passing.drained()

    def _pass(self, passages: Sequence[tuple[Passage, bool]]) -> list[host_store.HostAnswer]:
        leaving = [passage for passage, enters in passages if not enters]
        entering = [passage for passage, enters in passages if enters]
        answers: Iterator[host_store.HostAnswer] = iter(())
        if leaving:
            self._leave(leaving)
        if entering:
            with self._engine.begin() as connection:
                answers = iter(host_store.enter_hosts(connection, entering, utc_now(), self._delay_s))
        return [next(answers) if enters else _LEFT for _, enters in passages]

    def _leave(self, passages: Sequence[Passage]) -> None:
        try:
            with self._engine.begin() as connection:
                host_store.leave_hosts(connection, passages)
        except Exception as error:
            log.warning("slots_not_given_back", hosts=[each.host for each in passages], error=describe(error))


_LEFT = host_store.HostAnswer(0.0)


class _Slot(AbstractAsyncContextManager[object]):
    def __init__(self, gate: SqlGate, passage: Passage) -> None:
        self._gate, self._passage = gate, passage

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Shielded: a cancelled fetch would otherwise keep its slot until it runs out.
        await asyncio.shield(self._gate.leave(self._passage))


class HeldSlot(AbstractAsyncContextManager[object]):
    """A slot for one request to `host` that was taken beforehand. Leaving it waits for nothing; twice is once."""

    def __init__(self, gate: SqlGate, passage: Passage) -> None:
        self._gate, self._passage = gate, passage
        self._is_left = False

    @property
    def host(self) -> str:
        """The host that may be asked."""
        return self._passage.host

    def leave(self) -> None:
        """Give the slot back."""
        if not self._is_left:
            self._is_left = True
            self._gate.leave_soon(self._passage)

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

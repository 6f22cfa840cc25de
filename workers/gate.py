"""Politeness and robots.txt of the HTTP path, kept in SQL, so that they hold over all processes and machines (P16)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine

from pipeline.store import hosts as host_store
from workers.database import reading
from workers.http import GateClosed, RobotsRecord
from workers.process import describe, utc_now

log = structlog.get_logger("gate")

# A request waits this long for its turn at most; then it goes back to the ledger and another host is asked.
LONGEST_WAIT_S = 8.0

T = TypeVar("T")


class SqlGate:
    """Slots for requests, taken from the `hosts` table.

    Requests of one process that come and go while a transaction runs share the next one: a commit, and a walk to
    another thread, cost more than the statements.
    """

    def __init__(self, engine: Engine, delay_s: float) -> None:
        self._delay_s = delay_s
        self._transactions = SharedTransactions(engine)

    async def enter(self, host: str) -> AbstractAsyncContextManager[object] | GateClosed:
        """Wait for the host's turn; GateClosed when that would take longer than a few seconds."""
        token = uuid.uuid4().hex
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + max(LONGEST_WAIT_S, self._delay_s * 2)

        def try_enter(connection: Connection) -> host_store.HostAnswer:
            return host_store.enter_host(connection, host, token, utc_now(), self._delay_s)

        while True:
            answer = await self._transactions.run(host, try_enter)
            if answer.wait_s == 0:
                return _Slot(self._transactions, host, token)
            if answer.is_down or clock() + answer.wait_s > give_up_at:
                return GateClosed(answer.wait_s)
            await asyncio.sleep(answer.wait_s)


class SharedTransactions:
    """Runs small acts; those that arrive while a transaction runs wait for it and share the next.

    One object runs one transaction at a time. `host` orders the acts within it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_Act] = []
        self._task: asyncio.Task[None] | None = None

    async def run(self, host: str, act: Callable[[Connection], T]) -> T:
        """What `act` returns; what the shared transaction raises, each of its acts raises."""
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Act(host, act, result))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        answer: T = await result
        return answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                acts, self._waiting = self._waiting, []
                # One order of hosts for all processes: two transactions that lock the same rows never wait in a ring.
                acts.sort(key=lambda act: act.host)
                try:
                    answers = await asyncio.to_thread(self._run_all, acts)
                except Exception as error:
                    for act in acts:
                        act.fail(error)
                else:
                    for act, answer in zip(acts, answers, strict=True):
                        act.succeed(answer)
        finally:
            self._task = None

    def _run_all(self, acts: Sequence[_Act]) -> list[Any]:
        with self._engine.begin() as connection:
            return [act.what(connection) for act in acts]


@dataclass(frozen=True, slots=True)
class _Act:
    host: str
    what: Callable[[Connection], Any]
    result: asyncio.Future[Any]

    def succeed(self, answer: Any) -> None:
        # Who asked may have been cancelled in the meantime.
        if not self.result.done():
            self.result.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(error)


class _Slot(AbstractAsyncContextManager[object]):
    """One of a host's connections, given back on leaving; the slot frees itself when this process dies."""

    def __init__(self, transactions: SharedTransactions, host: str, token: str) -> None:
        self._transactions, self._host, self._token = transactions, host, token

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Shielded: a cancelled fetch would otherwise keep its slot until it runs out.
        await asyncio.shield(self._leave())

    async def _leave(self) -> None:
        def leave(connection: Connection) -> None:
            host_store.leave_host(connection, self._host, self._token)

        try:
            await self._transactions.run(self._host, leave)
        except Exception as error:
            log.warning("slot_not_given_back", host=self._host, error=describe(error))


class SqlRobotsStore:
    """robots.txt files, remembered in the `hosts` table for every process."""

    # RobotsRecord says None for a host that could not be reached; the column keeps 0.
    _UNREACHED = 0

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, host: str) -> RobotsRecord | None:
        """What is remembered of the host, expired or not; None when nothing is."""
        copy = await asyncio.to_thread(self._get, host)
        if copy is None:
            return None
        status = None if copy.status == self._UNREACHED else copy.status
        return RobotsRecord(status, copy.body, copy.until, copy.crawl_delay_s)

    async def put(self, host: str, record: RobotsRecord) -> None:
        """Remembers the record in place of any other of the host."""
        status = self._UNREACHED if record.status is None else record.status
        copy = host_store.RobotsCopy(status, record.body, record.until, record.crawl_delay_s)
        await asyncio.to_thread(self._put, host, copy)

    def _get(self, host: str) -> host_store.RobotsCopy | None:
        with reading(self._engine) as connection:
            return host_store.robots_of(connection, host)

    def _put(self, host: str, copy: host_store.RobotsCopy) -> None:
        with self._engine.begin() as connection:
            host_store.remember_robots(connection, host, copy, utc_now())

"""The gate every request goes through, on real tables (P16)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import DBAPIError

from pipeline.store import hosts as host_store
from pipeline.store import schema
from pipeline.store.hosts import Passage
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import GateClosed, RobotsRecord
from workers.process import utc_now

HOST = "outlet.example"


async def enter(gate: SqlGate, host: str = HOST) -> AbstractAsyncContextManager[object]:
    slot = await gate.enter(host)
    assert not isinstance(slot, GateClosed), slot
    return slot


def taken_slots(engine: Engine) -> int:
    with engine.connect() as connection:
        row = connection.execute(select(schema.hosts.c.slot_a_token, schema.hosts.c.slot_b_token)).one()
    return sum(token is not None for token in row)


async def until(is_true: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.01)


def run(what: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(what, 30))


def test_the_second_request_to_a_host_waits_for_its_turn_and_another_host_does_not(engine: Engine) -> None:
    async def scene() -> None:
        gate = SqlGate(engine, delay_s=0.4)
        async with await enter(gate):
            started = time.monotonic()
        turns = []

        async def ask(host: str) -> None:
            async with await enter(gate, host):
                turns.append(host)

        await asyncio.gather(ask(HOST), ask("other.example"))
        assert turns == ["other.example", HOST]
        assert time.monotonic() - started >= 0.3

    run(scene())


def test_two_gates_keep_one_distance(engine: Engine) -> None:
    """Two processes know of each other only through SQL."""

    async def scene() -> None:
        async with await enter(SqlGate(engine, delay_s=0.4)):
            started = time.monotonic()
        async with await enter(SqlGate(engine, delay_s=0.4)):
            assert time.monotonic() - started >= 0.3

    run(scene())


def test_a_clock_that_is_a_little_behind_does_not_go_before_its_turn(engine: Engine) -> None:
    """Two machines a tenth of a second apart, or two requests that met at the host's row."""
    now = utc_now()
    with engine.begin() as connection:
        first, second = Passage(HOST, "first"), Passage(HOST, "second")
        assert host_store.enter_hosts(connection, [first], now, 1.0)[0].wait_s == 0
        assert host_store.enter_hosts(connection, [second], now - timedelta(seconds=0.1), 1.0)[0].wait_s > 0


def test_a_third_connection_waits_until_one_is_given_back(engine: Engine) -> None:
    async def scene() -> None:
        gate = SqlGate(engine, delay_s=0)
        first, _second = await enter(gate), await enter(gate)
        third = asyncio.create_task(enter(gate))
        done, _ = await asyncio.wait({third}, timeout=0.3)
        assert not done
        await first.__aexit__(None, None, None)
        await third
        assert taken_slots(engine) == 2

    run(scene())


@pytest.mark.parametrize("rest_s", [5, 600])
def test_a_host_that_asked_to_be_left_alone_is_closed_at_once_and_says_for_how_long(
    engine: Engine, rest_s: float
) -> None:
    with engine.begin() as connection:
        host_store.hold_host(connection, HOST, utc_now(), rest_s)

    async def scene() -> None:
        answer = await SqlGate(engine, delay_s=0).enter(HOST)
        assert isinstance(answer, GateClosed)
        assert rest_s - 4 < answer.retry_after_s <= rest_s

    run(scene())
    assert taken_slots(engine) == 0


def test_a_turn_that_is_minutes_away_is_not_waited_for(engine: Engine) -> None:
    """A crawl-delay of five minutes: the page goes back to the ledger, and the worker to another host."""

    async def scene() -> None:
        record = RobotsRecord(200, "Crawl-delay: 300", utc_now() + timedelta(hours=1), 300.0)
        await SqlRobotsStore(engine).put(HOST, record)
        gate = SqlGate(engine, delay_s=0)
        async with await enter(gate):
            pass
        started = time.monotonic()
        answer = await gate.enter(HOST)
        assert isinstance(answer, GateClosed)
        assert 290 < answer.retry_after_s <= 300
        assert time.monotonic() - started < 5

    run(scene())


def test_a_cancelled_request_gives_its_slot_back_even_when_cancelled_twice(engine: Engine) -> None:
    async def scene() -> None:
        gate, entered = SqlGate(engine, delay_s=0), asyncio.Event()

        async def request() -> None:
            async with await enter(gate):
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(request())
        await entered.wait()
        assert taken_slots(engine) == 1
        task.cancel()
        await asyncio.sleep(0)  # it is on its way out now
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        await until(lambda: taken_slots(engine) == 0)

    run(scene())


def test_a_request_that_failed_gives_its_slot_back_and_its_error_passes_through(engine: Engine) -> None:
    async def scene() -> None:
        gate, error = SqlGate(engine, delay_s=0), None
        try:
            async with await enter(gate):
                raise ConnectionResetError
        except ConnectionResetError as raised:
            error = raised
        assert error is not None
        await gate.drained()
        assert taken_slots(engine) == 0

    run(scene())


def test_a_robots_txt_is_remembered_for_every_process_also_that_there_was_no_answer(engine: Engine) -> None:
    async def scene() -> None:
        until_then = utc_now().replace(microsecond=0) + timedelta(hours=1)
        for record in (RobotsRecord(200, "User-agent: *", until_then, 2.0), RobotsRecord(None, "", until_then, None)):
            await SqlRobotsStore(engine).put(HOST, record)
            assert await SqlRobotsStore(engine).get(HOST) == record
        assert await SqlRobotsStore(engine).get("other.example") is None

    run(scene())


def test_requests_that_come_together_share_transactions(engine: Engine) -> None:
    """Twenty slots cost two commits or three, not twenty, and forty statements in one order of hosts."""
    begun = []
    event.listen(engine, "begin", lambda connection: begun.append(connection))

    async def scene() -> None:
        gate = SqlGate(engine, delay_s=0)
        slots = await asyncio.gather(*(enter(gate, f"h{number}.example") for number in range(20)))
        assert len(begun) <= 3
        await asyncio.gather(*(slot.__aexit__(None, None, None) for slot in slots))
        await gate.drained()
        assert len(begun) <= 6

    run(scene())
    with engine.connect() as connection:
        held = select(schema.hosts.c.host).where(schema.hosts.c.slot_a_token.is_not(None))
        assert connection.execute(held).all() == []


def test_robots_of_hosts_that_come_together_share_transactions(engine: Engine) -> None:
    begun = []
    event.listen(engine, "begin", lambda connection: begun.append(connection))
    until_then = utc_now().replace(microsecond=0) + timedelta(hours=1)
    told = {f"h{number}.example": RobotsRecord(200, f"# {number}", until_then, None) for number in range(20)}

    async def scene() -> None:
        store = SqlRobotsStore(engine, gather_s=0.005)
        await asyncio.gather(*(store.put(host, record) for host, record in told.items()))
        assert len(begun) == 1
        assert await asyncio.gather(*map(store.get, told)) == [*told.values()]
        assert len(begun) <= 2

    run(scene())


def test_a_database_that_is_away_fails_every_request_that_waits_and_none_later(engine: Engine) -> None:
    async def scene() -> None:
        gate = SqlGate(engine, delay_s=0)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE hosts RENAME TO hidden_hosts")
        found = await asyncio.gather(enter(gate, "a.example"), enter(gate, "b.example"), return_exceptions=True)
        assert all(isinstance(error, DBAPIError) for error in found)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE hidden_hosts RENAME TO hosts")
        async with await enter(gate):
            assert taken_slots(engine) == 1

    run(scene())


def test_slots_are_taken_in_the_callers_transaction_and_given_back_without_waiting(engine: Engine) -> None:
    async def scene() -> None:
        gate = SqlGate(engine, delay_s=0.4)
        with engine.begin() as connection:
            first, other = gate.take(connection, [HOST, "other.example"])
        with engine.begin() as connection:
            assert gate.take(connection, [HOST]) == [None], "its turn has not come"
        assert first is not None
        assert other is not None
        assert (first.host, other.host) == (HOST, "other.example")
        async with first:
            pass
        first.leave()
        await gate.drained()
        with engine.connect() as connection:
            free = connection.execute(
                select(schema.hosts.c.host).where(schema.hosts.c.slot_a_token.is_(None)).order_by(schema.hosts.c.host)
            )
            assert free.scalars().all() == [HOST]

    run(scene())


@contextmanager
def answers_late(engine: Engine, lates_s: list[float]) -> Iterator[None]:
    """The next commits take so long each, as they do on a machine that has too much to do."""
    waits = iter(lates_s)

    def late(_: object) -> None:
        time.sleep(next(waits, 0.0))

    event.listen(engine, "commit", late)
    try:
        yield
    finally:
        event.remove(engine, "commit", late)


def test_a_request_whose_turn_was_told_late_keeps_its_distance_to_the_next_one(engine: Engine) -> None:
    """Let through at once, told 0.6 s later: the next one, let through at 0.8 s, would come 0.2 s after it."""

    async def scene() -> None:
        gate, delay_s = SqlGate(engine, delay_s=0.8), 0.8
        with answers_late(engine, [0.6]):
            async with await enter(gate):
                first = time.monotonic()
        async with await enter(SqlGate(engine, delay_s)):
            assert time.monotonic() - first >= delay_s * 0.9

    run(scene())


def test_a_machine_that_is_late_every_time_still_asks_and_keeps_its_distance(engine: Engine) -> None:
    async def scene() -> None:
        gate, delay_s = SqlGate(engine, delay_s=0.4), 0.4
        with answers_late(engine, [0.3, 0.35, 0.3, 0.3]):
            async with await enter(gate):
                first = time.monotonic()
        async with await enter(gate):
            assert time.monotonic() - first >= delay_s * 0.9
        await gate.drained()

    run(scene())
    assert taken_slots(engine) == 0


def test_a_slot_that_was_taken_long_before_it_is_used_waits_for_a_turn_of_its_own(engine: Engine) -> None:
    async def scene() -> None:
        gate, delay_s = SqlGate(engine, delay_s=0.6), 0.6
        with engine.begin() as connection:
            (slot,) = gate.take(connection, [HOST])
        assert slot is not None
        await asyncio.sleep(delay_s * 1.3)
        async with await enter(gate):
            between = time.monotonic()
        turn = await slot.enter()
        assert turn is slot
        assert time.monotonic() - between >= delay_s * 0.9
        async with slot:
            pass
        await gate.drained()

    run(scene())
    assert taken_slots(engine) == 0


def test_a_slot_that_finds_its_host_shut_is_given_back(engine: Engine) -> None:
    async def scene() -> None:
        gate = SqlGate(engine, delay_s=0.1)
        with engine.begin() as connection:
            (slot,) = gate.take(connection, [HOST])
            host_store.hold_host(connection, HOST, utc_now(), 600)
        assert slot is not None
        await asyncio.sleep(0.3)
        assert isinstance(await slot.enter(), GateClosed)
        await gate.drained()

    run(scene())
    assert taken_slots(engine) == 0


def test_a_transaction_that_is_rolled_back_takes_no_slot(engine: Engine) -> None:
    gate = SqlGate(engine, delay_s=0)
    with engine.connect() as connection:
        gate.take(connection, [HOST])
        connection.rollback()
    with engine.connect() as connection:
        assert connection.execute(select(schema.hosts.c.host)).all() == []


def test_a_slot_that_can_not_be_given_back_fails_nobody(engine: Engine) -> None:
    async def scene() -> None:
        gate = SqlGate(engine, delay_s=0)
        async with await enter(gate):
            with engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE hosts RENAME TO hidden_hosts")
        await gate.drained()
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE hidden_hosts RENAME TO hosts")
        assert taken_slots(engine) == 1, "it frees itself when its time is over"

    run(scene())

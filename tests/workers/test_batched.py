"""Acts of many tasks, done together in another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from workers.batched import MOST, Batched


def test_what_comes_while_a_batch_is_done_shares_the_next_one_and_each_gets_its_own_answer() -> None:
    batches: list[int] = []
    is_first_running, may_end = threading.Event(), threading.Event()

    def work(numbers: Sequence[int]) -> list[int]:
        batches.append(len(numbers))
        is_first_running.set()
        assert may_end.wait(10)
        return [number * 2 for number in numbers]

    async def scene() -> list[int]:
        batched = Batched(work)
        first = asyncio.create_task(batched.do(0))
        await asyncio.to_thread(is_first_running.wait, 10)
        others = [asyncio.create_task(batched.do(number)) for number in range(1, MOST + 11)]
        await asyncio.sleep(0)
        may_end.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(scene()) == [number * 2 for number in range(MOST + 11)]
    assert batches == [1, MOST, 10]


def test_a_failed_batch_fails_its_own_and_the_next_is_done() -> None:
    def work(words: Sequence[str]) -> Sequence[str]:
        if "bad" in words:
            raise OSError("away")
        return words

    async def scene() -> None:
        batched = Batched(work, gather_s=0.01)
        found = await asyncio.gather(batched.do("bad"), batched.do("good"), return_exceptions=True)
        assert all(isinstance(error, OSError) for error in found)
        assert await batched.do("good") == "good"

    asyncio.run(scene())


def test_what_was_called_off_before_its_batch_is_not_done() -> None:
    done: list[str] = []

    def work(words: Sequence[str]) -> Sequence[str]:
        done.extend(words)
        return words

    async def scene() -> None:
        batched = Batched(work, gather_s=0.05)
        called_off, wanted = asyncio.create_task(batched.do("a")), asyncio.create_task(batched.do("b"))
        await asyncio.sleep(0)
        called_off.cancel()
        assert await wanted == "b"
        with pytest.raises(asyncio.CancelledError):
            await called_off

    asyncio.run(scene())
    assert done == ["b"]


def test_what_is_put_is_done_without_being_waited_for_and_drained_waits_for_it() -> None:
    done: list[str] = []

    def work(words: Sequence[str]) -> Sequence[str]:
        done.extend(words)
        return words

    async def scene() -> None:
        batched = Batched(work, gather_s=0.01)
        batched.put("a")
        asked = asyncio.create_task(batched.do("b"))
        await asyncio.sleep(0)
        assert done == []
        await batched.drained()
        assert done == ["a", "b"]
        assert await asked == "b"
        await batched.drained()

    asyncio.run(scene())


def test_who_waits_when_the_loop_ends_is_called_off_and_not_forgotten() -> None:
    working, may_end = threading.Event(), threading.Event()

    def work(words: Sequence[str]) -> Sequence[str]:
        working.set()
        may_end.wait(10)
        return words

    async def scene() -> list[bool]:
        batched = Batched(work)
        in_hand = asyncio.create_task(batched.do("in hand"))
        await asyncio.to_thread(working.wait, 10)
        came_last = asyncio.create_task(batched.do("came last"))
        (task,) = asyncio.all_tasks() - {in_hand, came_last, asyncio.current_task()}
        task.cancel()
        await asyncio.wait({in_hand, came_last}, timeout=5)
        may_end.set()
        return [in_hand.cancelled(), came_last.cancelled()]

    assert asyncio.run(scene()) == [True, True]

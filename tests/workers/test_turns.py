"""Turns by rank: the oldest batch is read first, and nobody who was called off keeps the others waiting."""

from __future__ import annotations

import asyncio
import contextlib

from workers.turns import Turns

LONG_S = 20.0


def test_one_at_a_time_and_the_lowest_rank_first() -> None:
    async def scene() -> list[tuple[int, str]]:
        turns, seen, inside = Turns(), [], 0

        async def read(number: int, page: str) -> None:
            nonlocal inside
            async with turns.turn((0, number)):
                inside += 1
                assert inside == 1
                seen.append((number, page))
                await asyncio.sleep(0)
                inside -= 1

        came = [(3, "a"), (2, "b"), (1, "c"), (2, "d"), (1, "e")]
        await asyncio.wait_for(asyncio.gather(*(read(*one) for one in came)), LONG_S)
        return seen

    # The first found nobody before it.
    assert asyncio.run(scene()) == [(3, "a"), (1, "c"), (1, "e"), (2, "b"), (2, "d")]


def test_a_turn_goes_on_when_it_fails_or_is_called_off() -> None:
    async def scene() -> list[str]:
        turns, seen = Turns(), []

        async def read(name: str) -> None:
            async with turns.turn((0, 1)):
                seen.append(name)
                await asyncio.sleep(0.01)

        async def fail() -> None:
            try:
                async with turns.turn((0, 1)):
                    seen.append("fails")
                    await asyncio.sleep(0.01)
                    raise OSError("fails")
            finally:
                given.cancel()  # it was given its turn this moment, and has not run since

        first = asyncio.create_task(fail())
        waiting = asyncio.create_task(read("called off while it waits"))
        given = asyncio.create_task(read("called off as its turn comes"))
        last = asyncio.create_task(read("last"))
        await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(OSError):
            await first
        await asyncio.wait_for(last, LONG_S)
        await asyncio.wait_for(read("afterwards"), LONG_S)
        return seen

    assert asyncio.run(scene()) == ["fails", "last", "afterwards"]

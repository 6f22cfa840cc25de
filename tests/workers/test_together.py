"""Pages of several batches in one transaction: gathered while more are coming, and each batch gets its own outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from store_builders import at

from pipeline.outcomes import Reason, UrlState
from pipeline.values import Claim, EntryHints, FetchFailure, StoredStory
from workers.settler import ReadPage
from workers.together import ENOUGH, Together

# Far beyond what any of this takes.
LONG_S = 20.0


def unread(url_id: int) -> ReadPage:
    url = f"https://outlet.example/{url_id}"
    claim = Claim(url_id, url, url, "outlet.example", "outlet.example", "token", 1, None, None, EntryHints())
    return ReadPage(claim, FetchFailure(url, Reason.NOT_FOUND, "gone", at()))


def stored(item: ReadPage) -> StoredStory:
    return StoredStory(item.claim.url_id, UrlState.STORED, Reason.NEW, item.claim.url_id * 10)


class Settled:
    """Settles all but `lost`, and remembers what came together."""

    def __init__(self, lost: Sequence[int] = ()) -> None:
        self.batches: list[list[int]] = []
        self._lost = lost

    async def settle(self, ready: Sequence[ReadPage]) -> list[StoredStory]:
        self.batches.append([item.claim.url_id for item in ready])
        await asyncio.sleep(0)
        return [stored(item) for item in ready if item.claim.url_id not in self._lost]


def test_a_batch_waits_for_what_is_coming_and_each_gets_its_own_outcomes() -> None:
    async def scene() -> tuple[list[list[int]], list[list[int]]]:
        settled = Settled(lost=[3])
        together = Together(settled.settle, gather_s=LONG_S)
        with together.batch(2) as one, together.batch(2) as other:
            first = asyncio.create_task(one.settle([unread(1), unread(2)]))
            await asyncio.sleep(0.05)
            assert settled.batches == [], "two pages of another batch are on their way"
            second = asyncio.create_task(other.settle([unread(3), unread(4)]))
            ended = await asyncio.wait_for(asyncio.gather(first, second), LONG_S)
        return settled.batches, [[story.url_id for story in batch] for batch in ended]

    assert asyncio.run(scene()) == ([[1, 2, 3, 4]], [[1, 2], [4]])


def test_nothing_waits_when_nothing_is_coming_nor_for_longer_than_it_may() -> None:
    async def scene() -> list[list[int]]:
        settled = Settled()
        await asyncio.wait_for(Together(settled.settle, gather_s=LONG_S).settle([unread(1)]), LONG_S / 2)
        short = Together(settled.settle, gather_s=0.05)
        with short.batch(1):
            await asyncio.wait_for(short.settle([unread(2)]), LONG_S)
        return settled.batches

    assert asyncio.run(scene()) == [[1], [2]]


def test_a_batch_that_ends_early_is_not_waited_for() -> None:
    async def scene() -> list[list[int]]:
        settled = Settled()
        together = Together(settled.settle, gather_s=LONG_S)
        with together.batch(5):
            task = asyncio.create_task(together.settle([unread(1)]))
            await asyncio.sleep(0.05)
            assert not task.done()
        await asyncio.wait_for(task, LONG_S / 2)
        return settled.batches

    assert asyncio.run(scene()) == [[1]]


def test_enough_is_settled_at_once_and_no_transaction_grows_without_end() -> None:
    async def scene() -> list[int]:
        settled = Settled()
        together = Together(settled.settle, gather_s=LONG_S)
        with together.batch(1):
            batches = [[unread(k * 100 + n) for n in range(ENOUGH - 1)] for k in range(4)]
            tasks = [asyncio.create_task(together.settle(batch)) for batch in batches]
            await asyncio.wait_for(asyncio.gather(*tasks), LONG_S / 2)
        return [len(batch) for batch in settled.batches]

    assert asyncio.run(scene()) == [2 * (ENOUGH - 1)] * 2


def test_what_settling_raises_each_of_its_batches_raises_and_the_next_goes_on() -> None:
    async def settle(ready: Sequence[ReadPage]) -> list[StoredStory]:
        if len(ready) > 1:
            raise OSError("away")
        return [stored(item) for item in ready]

    async def scene() -> None:
        together = Together(settle)
        found = await asyncio.gather(*(together.settle([unread(number)]) for number in (1, 2)), return_exceptions=True)
        assert all(isinstance(error, OSError) for error in found)
        assert [story.url_id for story in await together.settle([unread(3)])] == [3]

    asyncio.run(scene())


def test_a_batch_that_was_called_off_takes_no_other_along() -> None:
    async def scene() -> list[int]:
        together = Together(Settled().settle, gather_s=0.1)
        with together.batch(1):
            off = asyncio.create_task(together.settle([unread(1)]))
            on = asyncio.create_task(together.settle([unread(2)]))
            await asyncio.sleep(0)
            off.cancel()
            return [story.url_id for story in await asyncio.wait_for(on, LONG_S)]

    assert asyncio.run(scene()) == [2]


def test_who_waits_when_the_loop_ends_is_called_off_and_not_forgotten() -> None:
    async def scene() -> list[bool]:
        settling = asyncio.Event()

        async def settle(ready: Sequence[ReadPage]) -> list[StoredStory]:
            settling.set()
            await asyncio.sleep(LONG_S)
            return []

        together = Together(settle)
        in_hand = asyncio.create_task(together.settle([unread(1)]))
        await settling.wait()
        came_last = asyncio.create_task(together.settle([unread(2)]))
        (work,) = asyncio.all_tasks() - {in_hand, came_last, asyncio.current_task()}
        work.cancel()
        await asyncio.wait({in_hand, came_last}, timeout=LONG_S / 2)
        return [in_hand.cancelled(), came_last.cancelled()]

    assert asyncio.run(scene()) == [True, True]

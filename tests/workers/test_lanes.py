"""Batches of one worker at once: two as a rule, one where a page is alone in its batch (promise P6)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from workers.lanes import Lanes, LoopThread

# Far beyond what any of this takes.
LONG_S = 20.0


class Batches:
    """Work that goes on until it is told to end, and remembers what was under way together."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, ...]] = []
        self.together: list[set[tuple[int, ...]]] = []
        self._open: dict[tuple[int, ...], asyncio.Event] = {}
        self._may_end: set[tuple[int, ...]] = set()

    async def work(self, url_ids: Sequence[int]) -> None:
        batch = tuple(url_ids)
        self.begun.append(batch)
        self._open[batch] = asyncio.Event()
        self.together.append(set(self._open))
        if batch not in self._may_end:
            await self._open[batch].wait()
        del self._open[batch]

    async def end(self, *url_ids: int) -> None:
        self._may_end.add(url_ids)
        if url_ids in self._open:
            self._open[url_ids].set()


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as loop:
        yield loop


def taken(lanes: Lanes, *url_ids: int) -> threading.Thread:
    """A thread that hands the batch over, as a job does: alive as long as there is no room for another."""
    thread = threading.Thread(target=lanes.take, args=(url_ids,), daemon=True)
    thread.start()
    return thread


def test_a_job_is_crossed_off_while_its_batch_is_under_way_and_the_next_waits_for_room(loop: LoopThread) -> None:
    batches = Batches()
    lanes = Lanes(loop, batches.work, lanes=2)
    first = taken(lanes, 1, 2)
    first.join(LONG_S)
    assert not first.is_alive(), "there is room for a second batch"
    second = taken(lanes, 3, 4)
    second.join(0.3)
    assert second.is_alive(), "no third job may be taken while two are under way"
    loop.run(batches.end(1, 2))
    second.join(LONG_S)
    assert not second.is_alive()
    loop.run(batches.end(3, 4))
    lanes.drain()
    assert batches.together == [{(1, 2)}, {(1, 2), (3, 4)}]


def test_a_page_alone_in_its_batch_shares_the_worker_with_no_other(loop: LoopThread) -> None:
    batches = Batches()
    lanes = Lanes(loop, batches.work, lanes=2)
    taken(lanes, 1, 2).join(LONG_S)
    alone = taken(lanes, 9)
    alone.join(0.3)
    assert batches.begun == [(1, 2)], "it may end whoever reads it: what is under way ends first"
    loop.run(batches.end(1, 2))
    alone.join(0.3)
    assert alone.is_alive(), "and nothing is taken as long as it is read"
    loop.run(batches.end(9))
    alone.join(LONG_S)
    assert batches.together == [{(1, 2)}, {(9,)}]


def test_leaving_the_loop_cancels_what_is_under_way() -> None:
    batches = Batches()
    with LoopThread() as loop:
        taken(Lanes(loop, batches.work, lanes=2), 1, 2).join(LONG_S)
        cut_off = loop.begin(asyncio.sleep(LONG_S))
    assert cut_off.cancelled()
    assert batches.begun == [(1, 2)]

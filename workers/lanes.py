"""Batches of one worker that are under way at once, on an event loop in a thread of its own.

RQ gives a worker one job after the other. While the pages of one batch are waited for, or settled, the reading child
would stand idle: so the next job is taken as soon as there is room for it, and what a job was given to do goes on
after RQ has crossed it off. Nothing rests on RQ's list (P11): a batch ends by its claims, or they run out.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

# One whose pages are read, the others while theirs are fetched or wait to be settled: hosts take longer to answer than
# pages to be read, and pages of several batches share a transaction.
LANES = 6


class LoopThread:
    """An event loop in a thread of its own, for the life of a worker: connections and the child outlive a job."""

    def __init__(self) -> None:
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="batches", daemon=True)
        self._end = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancels what is still under way."""
        self._loop.result().call_soon_threadsafe(self._end.set)
        self._thread.join()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have `work` done on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop.result())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The same, and wait for it."""
        return self.begin(work).result()

    async def _live(self) -> None:
        self._loop.set_result(asyncio.get_running_loop())
        await self._end.wait()


class Lanes:
    """At most `lanes` batches at once. `work` does one and must not raise. Used by one thread."""

    def __init__(
        self, loop: LoopThread, work: Callable[[Sequence[int]], Coroutine[Any, Any, None]], lanes: int = LANES
    ) -> None:
        self._loop = loop
        self._work = work
        self._lanes = lanes
        self._under_way: set[Future[None]] = set()

    def take(self, url_ids: Sequence[int]) -> None:
        """Begin the batch; returns once there is room for another.

        A page alone in its batch may be one that ends whoever reads it, and takes no other along (P6): nothing else is
        under way while it is.
        """
        is_alone = len(url_ids) == 1
        if is_alone:
            self.drain()
        self._under_way.add(self._loop.begin(self._work(url_ids)))
        self._wait(0 if is_alone else self._lanes - 1)

    def drain(self) -> None:
        """Wait until nothing is under way."""
        self._wait(0)

    def _wait(self, left: int) -> None:
        while len(self._under_way) > left:
            self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED).not_done

"""Pages of several batches, settled in one transaction: what a transaction costs does not grow with its pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.values import StoredStory
from workers.settler import ReadPage

# So many pages are enough for one transaction; with what one more batch brings it stays below twice as many.
ENOUGH = 16
# The first of them waits for others for so long at most, and not at all while no other page is on its way.
GATHER_S = 0.5

Settle = Callable[[Sequence[ReadPage]], Awaitable[list[StoredStory]]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    ready: Sequence[ReadPage]
    ended: asyncio.Future[list[StoredStory]]


class Batch:
    """The pages that one batch was given, of which `coming` are not ready yet."""

    def __init__(self, together: Together, pages: int) -> None:
        self._together = together
        self.coming = pages

    async def settle(self, ready: Sequence[ReadPage]) -> list[StoredStory]:
        """How the pages ended that are ready, once they are written; without those whose lease was lost."""
        self.coming -= len(ready)
        return await self._together.settle(ready)


class Together:
    """Settles with `settle` what batches have ready, on one event loop, one transaction after the other."""

    def __init__(self, settle: Settle, gather_s: float = GATHER_S) -> None:
        self._settle = settle
        self._gather_s = gather_s
        self._waiting: list[_Waiting] = []
        self._batches: list[Batch] = []
        self._has_changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def batch(self, pages: int) -> Iterator[Batch]:
        """A batch of so many pages: those of others wait for them a little, as long as it is not left."""
        batch = Batch(self, pages)
        self._batches.append(batch)
        try:
            yield batch
        finally:
            self._batches.remove(batch)
            self._has_changed.set()

    async def settle(self, ready: Sequence[ReadPage]) -> list[StoredStory]:
        """What `Batch.settle` says."""
        ended: asyncio.Future[list[StoredStory]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(ready, ended))
        self._has_changed.set()
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await ended

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                await self._settle_some(self._taken())
        finally:
            self._task = None
            # Called off with the loop: nobody else would tell them.
            for one in self._waiting:
                one.ended.cancel()

    async def _gather(self) -> None:
        """Wait until there is enough to settle, or nothing that could join it soon."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._gather_s):
                while any(batch.coming for batch in self._batches) and _pages(self._waiting) < ENOUGH:
                    self._has_changed.clear()
                    await self._has_changed.wait()

    def _taken(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        while self._waiting and _pages(taken) < ENOUGH:
            taken.append(self._waiting.pop(0))
        return taken

    async def _settle_some(self, taken: Sequence[_Waiting]) -> None:
        try:
            ended = await self._settle([item for one in taken for item in one.ready])
        except Exception as error:
            for one in taken:
                if not one.ended.done():
                    one.ended.set_exception(error)
            return
        except asyncio.CancelledError:
            self._waiting = [*taken, *self._waiting]
            raise
        by_url = {story.url_id: story for story in ended}
        for one in taken:
            # Its batch may have been called off in the meantime.
            if not one.ended.done():
                ids = (item.claim.url_id for item in one.ready)
                one.ended.set_result([by_url[url_id] for url_id in ids if url_id in by_url])


def _pages(waiting: Sequence[_Waiting]) -> int:
    return sum(len(one.ready) for one in waiting)

"""Small acts of many tasks, done together: a transaction and the way to another thread cost more than the act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST = 256


class Batched(Generic[T, R]):
    """Does `work` for what tasks ask for, up to MOST at once, in another thread, one batch after the other.

    `work` returns an answer to each. What it raises, each of the batch raises; what is asked for later is not touched.
    `gather_s` is how long the first of a batch waits for others to join it.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]], gather_s: float = 0.0) -> None:
        self._batch_work = work
        self._gather_s = gather_s
        self._waiting: list[_Asked[T, R]] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, what: T) -> R:
        """The answer to `what`, once its batch is done."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._put(_Asked(what, answer))
        return await answer

    def put(self, what: T) -> None:
        """Have `what` done without waiting for it. `work` must not raise for it: nobody would hear of that."""
        self._put(_Asked(what, None))

    async def drained(self) -> None:
        """Wait until all that was asked for is done."""
        while self._task is not None:
            await asyncio.wait({self._task})

    def _put(self, asked: _Asked[T, R]) -> None:
        self._waiting.append(asked)
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                if self._gather_s and len(self._waiting) < MOST:
                    await asyncio.sleep(self._gather_s)
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                # Who was cancelled meanwhile wants nothing any more.
                batch = [asked for asked in batch if not asked.is_called_off()]
                if not batch:
                    continue
                try:
                    answers = await asyncio.to_thread(self._batch_work, [asked.what for asked in batch])
                except Exception as error:
                    for asked in batch:
                        asked.fail(error)
                except asyncio.CancelledError:
                    self._waiting = [*batch, *self._waiting]
                    raise
                else:
                    for asked, answer in zip(batch, answers, strict=True):
                        asked.succeed(answer)
        finally:
            self._task = None
            # Called off with the loop: nobody else would tell them.
            for asked in self._waiting:
                asked.call_off()


@dataclass(frozen=True, slots=True)
class _Asked(Generic[T, R]):
    what: T
    answer: asyncio.Future[R] | None

    def is_called_off(self) -> bool:
        return self.answer is not None and self.answer.done()

    def call_off(self) -> None:
        if self.answer is not None:
            self.answer.cancel()

    def succeed(self, answer: R) -> None:
        # Who asked may have been cancelled in the meantime.
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)

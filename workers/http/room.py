"""How many large bodies a process has in hand at a time: memory that no count of requests bounds."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

# A body up to this size is read without asking: most feeds have a tenth of it.
SMALL_BYTES = 512 * 1024


class BodyRoom:
    """Room for any number of small bodies, and for `large_at_once` that are larger than SMALL_BYTES."""

    def __init__(self, large_at_once: int) -> None:
        self._free = asyncio.Semaphore(large_at_once)

    def place(self) -> BodyPlace:
        """A place for the bodies of one piece of work."""
        return BodyPlace(self._free)


class BodyPlace:
    """Where a piece of work keeps what it fetches; whoever holds the context lets go of the bodies at its end.

    A large body waits until there is room for it. A second one of the same work needs no other place, so that no two
    works wait for each other.
    """

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._is_large = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_large:
            self._is_large = False
            self._free.release()

    async def enlarge(self) -> None:
        """Wait for room for a large body."""
        if not self._is_large:
            await self._free.acquire()
            self._is_large = True

"""Turns at something of which there is one, by rank: of those who wait the lowest goes first."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator
from itertools import count

# Compared from the left.
Rank = tuple[int, int]


class Turns:
    """One task at a time, on one event loop.

    A lock lets its waiters in as they came, so batches that began together would end together, and ask for new pages
    together while nothing is left to be read. By rank the oldest ends first, and fetches while others are read.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Rank, int, asyncio.Future[None]]] = []
        self._came = count()
        self._is_taken = False

    @contextlib.asynccontextmanager
    async def turn(self, rank: Rank) -> AsyncIterator[None]:
        """Wait for a turn, and have it inside."""
        if self._is_taken:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, next(self._came), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # called off after it was given its turn
                    self._pass_on()
                raise
        self._is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._is_taken = False

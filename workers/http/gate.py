"""Politeness as the HTTP path sees it: one slot per request to a host."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GateClosed:
    """The host wants to be left alone for longer than a request should wait."""

    retry_after_s: float


class Gate(Protocol):
    """Gives out slots for requests, at most so many per host at once and so far apart."""

    async def enter(self, host: str) -> AbstractAsyncContextManager[object] | GateClosed:
        """A slot for ONE request to `host` (lower-case, no port), held until its context ends; or that it is closed.

        Short waits happen in here. They do not count against the time limit of the fetch.
        """
        ...

    async def drained(self) -> None:
        """Wait until the slots that were given back are free for others."""
        ...


class TakenSlot(Protocol):
    """A slot for one request that whoever asks has taken already."""

    @property
    def host(self) -> str:
        """The host that it is for, as `Gate.enter` names it."""
        ...

    async def enter(self) -> AbstractAsyncContextManager[object] | GateClosed:
        """The slot to be held, in its turn; as `Gate.enter`."""
        ...


class OpenGate:
    """A gate that never waits: for tests and for one-off commands that make a single request."""

    async def enter(self, host: str) -> AbstractAsyncContextManager[object] | GateClosed:
        """A slot at once."""
        return nullcontext()

    async def drained(self) -> None:
        """Nothing is kept."""


class SpacedGate:
    """A gate for one-off commands that make several requests: each host is asked every `delay_s` seconds at most.

    It knows of this process alone.
    """

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._next_turns: dict[str, float] = {}

    async def enter(self, host: str) -> AbstractAsyncContextManager[object] | GateClosed:
        """A slot as soon as it is the host's turn."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next_turns.get(host, now))
        self._next_turns[host] = turn + self._delay_s
        await asyncio.sleep(turn - now)
        return nullcontext()

    async def drained(self) -> None:
        """Nothing is kept."""

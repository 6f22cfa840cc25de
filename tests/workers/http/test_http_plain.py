"""The socket under a plain request: it behaves as asyncio's own transports do, with less work."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from workers.http.plain import PlainTransport, connect_socket

BIG = b"x" * 8_000_000


class Heard(asyncio.Protocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.data = b""
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(exc)


def run(scene: Callable[[socket.socket, Heard, PlainTransport], Awaitable[None]]) -> None:
    """The scene with the server's end of a connection, and the protocol and the transport of ours."""

    async def whole() -> None:
        theirs, ours = socket.socketpair()
        theirs.setblocking(False)
        ours.setblocking(False)
        heard = Heard()
        transport = PlainTransport(asyncio.get_running_loop(), ours, heard)
        try:
            await scene(theirs, heard, transport)
        finally:
            transport.close()
            theirs.close()

    asyncio.run(asyncio.wait_for(whole(), 20))


def test_more_than_the_system_takes_at_once_is_sent_when_it_takes_more() -> None:
    async def scene(theirs: socket.socket, _heard: Heard, transport: PlainTransport) -> None:
        transport.write(BIG)
        transport.write(b"end")
        got = 0
        while got < len(BIG) + 3:
            piece = await asyncio.get_running_loop().sock_recv(theirs, 1 << 20)
            got += len(piece)
        assert piece.endswith(b"end")

    run(scene)


def test_while_reading_is_paused_nothing_is_heard_and_afterwards_everything() -> None:
    async def scene(theirs: socket.socket, heard: Heard, transport: PlainTransport) -> None:
        transport.pause_reading()
        transport.pause_reading()
        theirs.send(b"answer")
        await asyncio.sleep(0.05)
        assert heard.data == b""
        transport.resume_reading()
        theirs.close()
        assert await heard.ended is None
        assert heard.data == b"answer"
        assert transport.is_closing()

    run(scene)


def test_a_close_is_told_once_and_not_within_the_call_that_closes() -> None:
    async def scene(_theirs: socket.socket, heard: Heard, transport: PlainTransport) -> None:
        transport.close()
        transport.abort()
        transport.write(b"too late")
        transport.resume_reading()
        assert not heard.ended.done()
        assert await heard.ended is None

    run(scene)


def test_a_connection_that_breaks_names_its_fault() -> None:
    async def scene(theirs: socket.socket, heard: Heard, transport: PlainTransport) -> None:
        theirs.close()
        transport.write(BIG)
        assert isinstance(await heard.ended, OSError)

    run(scene)


def test_a_port_that_nobody_listens_on_refuses() -> None:
    async def scene() -> None:
        with socket.socket() as taken, socket.socket() as asking:
            taken.bind(("127.0.0.1", 0))
            asking.setblocking(False)
            with pytest.raises(ConnectionRefusedError):
                await connect_socket(asking, taken.getsockname())

    asyncio.run(scene())


def test_a_connection_that_is_called_off_leaves_nothing_watched() -> None:
    async def scene() -> None:
        with socket.socket() as full, socket.socket() as asking:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            asking.setblocking(False)
            connecting = asyncio.create_task(connect_socket(asking, ("127.0.0.1", full.getsockname()[1])))
            await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            assert not asyncio.get_running_loop().remove_writer(asking.fileno())

    asyncio.run(scene())

"""One request over plain TCP. asyncio's own way there costs more than all the rest of a poll that is answered 304."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

_READ_BYTES = 256 * 1024
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EINTR, errno.EWOULDBLOCK})


async def connect_socket(opened: socket.socket, address: tuple[str, int]) -> None:
    """Connect the non-blocking socket to an address in digits. Raises OSError."""
    fault = opened.connect_ex(address)
    if fault in _UNDER_WAY:
        loop, number = asyncio.get_running_loop(), opened.fileno()
        is_decided: asyncio.Future[None] = loop.create_future()
        loop.add_writer(number, _decide, is_decided)
        try:
            await is_decided
        finally:
            loop.remove_writer(number)
        fault = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if fault:
        raise OSError(fault, os.strerror(fault))


def _decide(is_decided: asyncio.Future[None]) -> None:
    # Who waited may have been cancelled in the same turn of the loop.
    if not is_decided.done():
        is_decided.set_result(None)


class PlainTransport(asyncio.Transport):
    """A connected socket for a protocol that writes one request and reads its answer.

    It reads from the start. The protocol hears of the end as from asyncio's transports: once, after the call in which
    it came about.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: socket.socket, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = loop
        self._socket = connected
        self._number = connected.fileno()
        self._protocol = protocol
        self._unsent = b""
        self._is_waiting = False
        self._is_closing = False
        self._is_reading = False
        protocol.connection_made(self)
        self.resume_reading()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`, now as far as the system takes it, the rest when it takes more."""
        if not self._is_closing:
            is_first, self._unsent = not self._unsent, self._unsent + bytes(data)
            if is_first:
                self._send()

    def pause_reading(self) -> None:
        """Read no more for now."""
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._number)

    def resume_reading(self) -> None:
        """Read again."""
        if not self._is_reading and not self._is_closing:
            self._is_reading = True
            self._loop.add_reader(self._number, self._read)

    def is_closing(self) -> bool:
        """Whether it was closed, from here or from there."""
        return self._is_closing

    def close(self) -> None:
        """End the connection. What was not sent yet never is: an answer that is done with ends its request."""
        self._end(None)

    abort = close

    def _send(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._end(error)
            return
        was_waiting, self._unsent = self._is_waiting, self._unsent[sent:]
        self._is_waiting = bool(self._unsent)
        if self._is_waiting and not was_waiting:
            self._loop.add_writer(self._number, self._send)
        elif was_waiting and not self._is_waiting:
            self._loop.remove_writer(self._number)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._end(None)

    def _end(self, error: OSError | None) -> None:
        if not self._is_closing:
            self.pause_reading()
            if self._is_waiting:
                self._loop.remove_writer(self._number)
            self._is_closing = True
            self._socket.close()
            # Not at once: whoever closes, or gets the last bytes, is still at work.
            self._loop.call_soon(self._protocol.connection_lost, error)

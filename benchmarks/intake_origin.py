"""Many feeds on loopback, each on a host of its own: 127.1.0.0 and up, so that politeness serialises nothing.

    python -m benchmarks.intake_origin    # prints its port, serves until its standard input ends

Each connection to /f/NUMBER is answered and closed. One feed in NEWS_EVERY brings two new entries at each `GET /turn`;
a request that knows a feed's entity tag is answered 304. Only the loopback interface is listened on.
"""

from __future__ import annotations

import asyncio
import socket
import sys

NEWS_EVERY = 20
ENTRIES = 10


def feed_url(number: int, port: int) -> str:
    """The address of a feed: three bytes of its host are its number."""
    return f"http://127.{1 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}:{port}/f/{number}"


def version_of(number: int, turn: int) -> int:
    """How often the feed has brought news after so many turns."""
    return turn if number % NEWS_EVERY == 0 else 0


def etag_of(number: int, turn: int) -> str:
    """The feed's entity tag after so many turns."""
    return f'"{number}-{version_of(number, turn)}"'


def body_of(number: int, turn: int) -> bytes:
    """The feed after so many turns: ten entries, the newest first."""
    newest = 2 * version_of(number, turn) + ENTRIES
    items = "".join(
        f"<item><title>Ministers meet for round {n} of talks in city {number}</title><guid>{number}-{n}</guid>"
        f"<link>http://www.h{number}.example/story/{n}</link><pubDate>Mon, 05 Jan 2026 {n % 24:02}:00:00 GMT</pubDate>"
        f"<description>Delegates from both sides spoke of round {n}; nothing was signed.</description></item>"
        for n in range(newest, newest - ENTRIES, -1)
    )
    return f"<rss version='2.0'><channel><title>City {number}</title>{items}</channel></rss>".encode()


def turn(port: int) -> None:
    """Let one feed in NEWS_EVERY of the origin on `port` have news."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /turn HTTP/1.1\r\n\r\n")
        connection.recv(100)


class _Origin(asyncio.Protocol):
    turn = 0

    def __init__(self) -> None:
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if b"\r\n\r\n" in self._heard:
            self._transport.write(self._answer(self._heard))
            self._transport.close()

    def _answer(self, request: bytes) -> bytes:
        path = request.split(b" ", 2)[1]
        if path == b"/turn":
            type(self).turn += 1
            return b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
        if not path.startswith(b"/f/"):
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        number = int(path[3:])
        tag = etag_of(number, self.turn).encode()
        if tag in request:
            return b"HTTP/1.1 304 Not Modified\r\nETag: " + tag + b"\r\nConnection: close\r\n\r\n"
        body = body_of(number, self.turn)
        head = b"HTTP/1.1 200 OK\r\nETag: %b\r\nContent-Type: application/rss+xml\r\nContent-Length: %d\r\n"
        return head % (tag, len(body)) + b"Connection: close\r\n\r\n" + body


async def _serve() -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    listener.bind(("0.0.0.0", 0))  # all of 127/8, and nothing but the loopback interface
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Origin, sock=listener, backlog=1024)
    print(listener.getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())

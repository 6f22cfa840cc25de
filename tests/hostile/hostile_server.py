"""The hostile origin: every case is a host of its own, served over raw sockets on loopback; and canaries beside it.

`name.example` is the host of the case `name`. Nothing here follows HTTP where a case does not want to. A canary is a
listener that counts who connects: whatever leads there leads to an address that the guard must not open.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
ALLOWED_HOST, CANARY_HOSTS = "127.0.0.1", ("127.0.0.2", "::1")


@dataclass(frozen=True)
class Reply:
    """A well-formed answer. @PORT@ and @CANARY@ in body and headers become the origin's ports."""

    body: bytes | str = b""
    headers: tuple[str, ...] = ()
    status: str = "200 OK"

    def render(self, ports: Ports) -> bytes:
        body = ports.filled(self.body.encode() if isinstance(self.body, str) else self.body)
        lines = [f"HTTP/1.1 {self.status}", *self.headers]
        if not any(line.lower().startswith("content-type:") for line in lines):
            lines.append("Content-Type: text/html; charset=utf-8")
        if not any(line.lower().startswith("content-length:") for line in lines):
            lines.append(f"Content-Length: {len(body)}")
        return ports.filled(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")) + body


@dataclass(frozen=True)
class Raw:
    """Bytes as they go over the wire, and then the connection ends."""

    data: bytes


@dataclass
class Wire:
    """One connection in the hands of a case that writes by itself. `limit_s` is the client's total deadline."""

    writer: asyncio.StreamWriter
    request: str
    limit_s: float
    ports: Ports

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.writer.transport.abort()


Answer = Reply | Raw | Callable[[Wire], Awaitable[None]] | Sequence["Reply"]
"""A sequence is answered in turn, one answer a request; its last one stays."""


@dataclass(frozen=True)
class Ports:
    """Where the origin listens (on 127.0.0.1 alone) and where a canary does."""

    origin: int
    canary: int

    def filled(self, data: bytes) -> bytes:
        return data.replace(b"@PORT@", str(self.origin).encode()).replace(b"@CANARY@", str(self.canary).encode())

    def url(self, template: str) -> str:
        return self.filled(template.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


@dataclass
class HostileOrigin:
    """A running origin. `sites` maps a host to its paths; `canary_hits` must stay empty."""

    sites: Mapping[str, Mapping[str, Answer]]
    limit_s: float
    ports: Ports = field(default_factory=lambda: Ports(0, 0))
    requests: list[tuple[str, str]] = field(default_factory=list)
    canary_hits: list[str] = field(default_factory=list)
    _turns: dict[tuple[str, str], int] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = request.split("\r\n")
            path = lines[0].split(" ")[1]
            host = next((line[5:].strip() for line in lines if line.lower().startswith("host:")), "")
            await self._answer(host.rpartition(":")[0] or host, path, request, writer)
        with contextlib.suppress(ConnectionError):
            writer.close()

    async def _answer(self, host: str, path: str, request: str, writer: asyncio.StreamWriter) -> None:
        self.requests.append((host, path))
        told = self.sites.get(".".join(host.lower().split(".")[-2:]), {}).get(path)
        if told is None:
            writer.write(NOT_FOUND)
        elif isinstance(told, Reply):
            writer.write(told.render(self.ports))
        elif isinstance(told, Raw):
            writer.write(self.ports.filled(told.data))
        elif callable(told):
            await told(Wire(writer, request, self.limit_s, self.ports))
        else:
            turn = self._turns.get((host, path), 0)
            self._turns[host, path] = turn + 1
            writer.write(told[min(turn, len(told) - 1)].render(self.ports))
        await writer.drain()

    async def trap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.canary_hits.append(str(writer.get_extra_info("sockname")))
        writer.close()


@contextmanager
def hostile_origin(sites: Mapping[str, Mapping[str, Answer]], limit_s: float) -> Iterator[HostileOrigin]:
    """Serve in a thread until the context ends."""
    origin = HostileOrigin(sites, limit_s)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers = asyncio.run_coroutine_threadsafe(_start(origin), loop).result(10)
    try:
        yield origin
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _start(origin: HostileOrigin) -> list[asyncio.Server]:
    server = await asyncio.start_server(origin.serve, ALLOWED_HOST, 0, limit=1 << 20, backlog=512)
    canary = await asyncio.start_server(origin.trap, ALLOWED_HOST, 0)
    origin.ports = Ports(server.sockets[0].getsockname()[1], canary.sockets[0].getsockname()[1])
    # Other addresses on the origin's own port: only a guard that looks at the address keeps these apart.
    others = [await asyncio.start_server(origin.trap, host, origin.ports.origin) for host in CANARY_HOSTS]
    return [server, canary, *others]

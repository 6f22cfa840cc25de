"""A web server of our own on loopback that says exactly what a test wants, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from pipeline.values import FetchResult
from workers.http import AllowRule, Gate, HttpClient, HttpPolicy, OpenGate, parse_allow_addresses

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
USER_AGENT = "Frontwire/1.0 (+https://frontwire.example/bot)"

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"<p>Story</p>", *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer with its right Content-Length; HTML unless the headers name another type."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        lines.append("Content-Type: text/html")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def moved(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {location}", status=status)


@dataclass
class Origin:
    """Answers each path from a table (`{port}` in an answer is its own port) and remembers what it was asked."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    greeting: bytes = b""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def paths(self) -> list[str]:
        return [request.split(" ")[1] for request in self.requests]

    def rule(self) -> tuple[AllowRule, ...]:
        return parse_allow_addresses(f"127.0.0.1:{self.port}")

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.write(self.greeting)
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.requests.append(request)
            path = request.split(" ")[1]
            told = self.answers.get(path, self.answers.get("*", answer(b"", status="404 Not Found")))
            if isinstance(told, bytes):
                writer.write(told.replace(b"{port}", str(self.port).encode()))
                await writer.drain()
            else:
                await told(writer)
        writer.close()


def named(**addresses: str | list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A name look-up: `named(wire="10.0.0.1")` knows wire.test alone."""

    async def resolve(host: str, port: int) -> list[str]:
        found = addresses.get(host.removesuffix(".test"))
        if found is None:
            raise OSError("no such name")
        return [found] if isinstance(found, str) else found

    return resolve


def policy_for(origin: Origin, **changes: Any) -> HttpPolicy:
    return replace(HttpPolicy(USER_AGENT, allow_addresses=origin.rule()), **changes)


def ask(
    answers: Mapping[str, Answer] | Answer,
    path: str = "/",
    *,
    host: str = "127.0.0.1",
    kind: Any = "page",
    headers: Sequence[tuple[str, str]] = (),
    robots: Any = None,
    gate: Gate | None = None,
    resolve: Any = None,
    **policy: Any,
) -> tuple[FetchResult, Origin]:
    """What the client makes of one URL of an origin with these answers, and the origin afterwards."""

    async def run() -> tuple[FetchResult, Origin]:
        async with Origin(answers if isinstance(answers, Mapping) else {"*": answers}) as origin:
            client = HttpClient(policy_for(origin, **policy), gate or OpenGate(), lambda: NOW, resolve=resolve)
            async with client:
                url = origin.url(path, host)
                return await client.fetch(url, kind=kind, headers=headers, robots=robots), origin

    return asyncio.run(run())

"""Resolving a name once, judging every address, and connecting to nothing else (promise P17)."""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from workers.http.guard import AllowRule, may_connect
from workers.http.policy import HttpPolicy

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses in text. Raises OSError when there are none."""


class AddressBlocked(Exception):
    """A name led to an address that may not be connected to. Not an OSError, so that aiohttp does not wrap it."""


class GuardedResolver(AbstractResolver):
    """Resolves each name once per connection and lets none of its addresses pass when one of them is closed."""

    def __init__(self, resolve: Resolve, rules: tuple[AllowRule, ...]) -> None:
        self._resolve = resolve
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`, all of them judged. Raises AddressBlocked, or OSError when there are none."""
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError("no address")
        for address in addresses:
            if not may_connect(ip_address(address), port, self._rules):
                raise AddressBlocked(f"The name leads to {address}, which is not public.")
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing to close."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


class GuardedConnector(aiohttp.TCPConnector):
    """Connections that end with their request and go to judged addresses only.

    Nothing is kept alive: the politeness slots then count every connection a host has from us, and no name outlives
    the judgement of its addresses.
    """

    def __init__(self, resolve: Resolve, rules: tuple[AllowRule, ...]) -> None:
        self._rules = rules
        super().__init__(
            resolver=GuardedResolver(resolve, rules),
            use_dns_cache=False,
            force_close=True,
            limit=0,
            socket_factory=self._open_socket,
        )

    def _open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        # The last look before a packet leaves. aiohttp asks no resolver about literal addresses, but it does ask this.
        family, kind, protocol, _, address = info
        if not may_connect(ip_address(address[0]), address[1], self._rules):
            raise PermissionError(errno.EACCES, f"The address {address[0]} is not public.")
        return socket.socket(family=family, type=kind, proto=protocol)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> aiohttp.connector.Connection:
        """A connection whose peer was asked for by address and is the one that answers. Raises AddressBlocked."""
        connection = await super().connect(req, traces, timeout)
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        if peer is not None and may_connect(ip_address(peer[0]), peer[1], self._rules):
            return connection
        connection.close()
        raise AddressBlocked("The connected peer is not public.")


def connector_for(policy: HttpPolicy, resolve: Resolve) -> aiohttp.TCPConnector:
    """The connector a policy asks for: guarded, or a plain one that reaches the trusted proxy alone."""
    if policy.proxy is not None:
        return aiohttp.TCPConnector(use_dns_cache=False, force_close=True, limit=0)
    return GuardedConnector(resolve, policy.allow_addresses)

"""Resolving a name once, judging every address, and connecting to nothing else (promise P17)."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from asyncio import staggered
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest

from aiohttp.client_proto import ResponseHandler

from workers.http.guard import AllowRule, is_numeric_host, may_connect
from workers.http.plain import PlainTransport, connect_socket
from workers.http.target import Target

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses in text. Raises OSError when there are none."""

# A second address of a name is tried when the first has not answered for so long (RFC 8305, 5).
_NEXT_ADDRESS_S = 0.25
# So many addresses are remembered with their judgement, in 4 MB.
_JUDGED = 16_384


class AddressBlocked(Exception):
    """A name led to an address that may not be connected to."""


class NameUnresolved(Exception):
    """The name has no address."""


class NotConnected(Exception):
    """No connection came about. The message is a sentence without a word of the server's."""


class Connector:
    """Connections that end with their request and go to judged addresses only.

    Nothing is kept alive: the politeness slots then count every connection a host has from us, and no name outlives
    the judgement of its addresses.
    """

    def __init__(self, resolve: Resolve, rules: tuple[AllowRule, ...], timeout_s: float) -> None:
        self._resolve = resolve
        self._timeout_s = timeout_s
        self._tls = _tls_context()
        # Of one connection an address is judged twice, a poller asks the same ones all day, and the judgement stays.
        self._may_connect = functools.lru_cache(_JUDGED)(
            lambda address, port: may_connect(ip_address(address), port, rules)
        )

    async def connect(self, target: Target) -> ResponseHandler:
        """A connection to one of the target's addresses, TLS and all, that nothing was sent on yet.

        Raises AddressBlocked, NameUnresolved, NotConnected or ssl.SSLError.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                addresses = await self.addresses_of(target.host, target.port)
                connected = await self._first_of(addresses, target.port)
                return await self._speak(connected, target)
        except TimeoutError as error:
            raise NotConnected("No connection within the time for connecting.") from error
        except ssl.SSLError:
            raise
        except OSError as error:
            raise NotConnected("No connection could be made.") from error

    async def addresses_of(self, host: str, port: int) -> list[str]:
        """The addresses of `host`, each judged: AddressBlocked when one of them is closed, NameUnresolved for none."""
        # An address in an unusual form was refused before: what looks like one is one.
        if ":" in host or is_numeric_host(host):
            addresses = [host]
        else:
            try:
                addresses = await self._resolve(host, port)
            except OSError as error:
                raise NameUnresolved("The name could not be resolved.") from error
        if not addresses:
            raise NameUnresolved("The name has no address.")
        for address in addresses:
            if not self._may_connect(address, port):
                raise AddressBlocked(f"The name leads to {address}, which is not public.")
        return addresses

    async def _first_of(self, addresses: Sequence[str], port: int) -> socket.socket:
        """A socket connected to the first address that answers, the families tried in turn. Raises OSError."""
        if len(addresses) == 1:
            return await self._open(addresses[0], port)
        # A loser that was connected all the same when it is called off closes its socket by itself.
        tries = [functools.partial(self._open, address, port) for address in in_turn(addresses)]
        winner: socket.socket | None
        winner, _, faults = await staggered.staggered_race(tries, _NEXT_ADDRESS_S)
        if winner is not None:
            return winner
        raise next(fault for fault in reversed(faults) if fault is not None)

    async def _open(self, address: str, port: int) -> socket.socket:
        """A socket whose peer was asked for by address and is the one that answered."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            opened.setblocking(False)
            await connect_socket(opened, (address, port))
            peer = opened.getpeername()
            # The last look before a byte leaves.
            if not self._may_connect(peer[0], peer[1]):
                raise AddressBlocked("The connected peer is not public.")
        except BaseException:
            opened.close()
            raise
        return opened

    async def _speak(self, connected: socket.socket, target: Target) -> ResponseHandler:
        loop = asyncio.get_running_loop()
        if target.scheme != "https":
            handler = ResponseHandler(loop)
            PlainTransport(loop, connected, handler)
            return handler
        try:
            _, handler = await loop.create_connection(
                lambda: ResponseHandler(loop),
                sock=connected,
                ssl=self._tls,
                # Certificates name hosts without the dot at their end.
                server_hostname=target.host.rstrip("."),
            )
        except BaseException:
            connected.close()
            raise
        return handler


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """The system's certificates, read once in a process: that takes some milliseconds."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context


def in_turn(addresses: Sequence[str]) -> list[str]:
    """The addresses, those of both families by turns, beginning with that of the first (RFC 8305, 4)."""
    is_first_v6 = ":" in addresses[0]
    same = [address for address in addresses if (":" in address) is is_first_v6]
    other = [address for address in addresses if (":" in address) is not is_first_v6]
    return [address for address in chain.from_iterable(zip_longest(same, other)) if address is not None]

import asyncio
import socket

import aiohttp
import pytest
from http_origin import Origin, answer, named

from workers.http.connecting import AddressBlocked, GuardedConnector, GuardedResolver


async def get(connector: aiohttp.TCPConnector, url: str) -> None:
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
        await response.read()


def test_a_literal_address_that_reached_the_connector_is_not_connected_to() -> None:
    async def run() -> int:
        async with Origin({"*": answer()}) as canary:
            with pytest.raises(aiohttp.ClientConnectorError, match="not public"):
                await get(GuardedConnector(named(), ()), canary.url())
            return canary.connections

    assert asyncio.run(run()) == 0


def test_a_peer_that_may_not_be_spoken_to_gets_no_request() -> None:
    class Careless(GuardedConnector):
        def _open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
            return socket.socket(family=info[0], type=info[1], proto=info[2])

    async def run() -> list[str]:
        async with Origin({"*": answer()}) as canary:
            with pytest.raises(AddressBlocked):
                await get(Careless(named(), ()), canary.url())
            return canary.requests

    assert asyncio.run(run()) == []


def test_one_closed_address_among_open_ones_closes_the_name() -> None:
    resolver = GuardedResolver(named(both=["8.8.8.8", "10.0.0.1"], open=["8.8.8.8", "2606:4700::1"]), ())
    found = asyncio.run(resolver.resolve("open.test", 443))
    assert [(each["host"], each["family"]) for each in found] == [
        ("8.8.8.8", socket.AF_INET),
        ("2606:4700::1", socket.AF_INET6),
    ]
    with pytest.raises(AddressBlocked, match=r"10\.0\.0\.1"):
        asyncio.run(resolver.resolve("both.test", 443))


@pytest.mark.parametrize("name", ["none.test", "empty.test"])
def test_a_name_without_addresses_is_an_os_error(name: str) -> None:
    with pytest.raises(OSError, match="no "):
        asyncio.run(GuardedResolver(named(empty=[]), ()).resolve(name, 80))

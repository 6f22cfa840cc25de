import asyncio
import socket
import time

import pytest
from http_origin import Origin, answer, named

from workers.http.connecting import AddressBlocked, Connector, NameUnresolved, NotConnected, in_turn
from workers.http.exchange import DirectExchange, request_bytes
from workers.http.guard import AllowRule, parse_allow_addresses
from workers.http.target import Target, check_url

OPEN = parse_allow_addresses("127.0.0.0/8")


def target(url: str, rules: tuple[AllowRule, ...] = OPEN) -> Target:
    found = check_url(url, rules)
    assert isinstance(found, Target)
    return found


async def get(connector: Connector, url: str) -> int:
    answer = await DirectExchange(connector, 65_536).send(target(url), {}, None)
    answer.close()
    return answer.status


def test_a_literal_address_that_reached_the_connector_is_not_connected_to() -> None:
    async def run() -> int:
        async with Origin({"*": answer()}) as canary:
            with pytest.raises(AddressBlocked, match="not public"):
                await get(Connector(named(), (), 5.0), canary.url())
            return canary.connections

    assert asyncio.run(run()) == 0


def test_a_peer_that_may_not_be_spoken_to_gets_no_request() -> None:
    class Careless(Connector):
        async def addresses_of(self, host: str, port: int) -> list[str]:
            return [host]

    async def run() -> list[str]:
        async with Origin({"*": answer()}) as canary:
            with pytest.raises(AddressBlocked, match="peer"):
                await get(Careless(named(), (), 5.0), canary.url())
            return canary.requests

    assert asyncio.run(run()) == []


def test_one_closed_address_among_open_ones_closes_the_name() -> None:
    connector = Connector(named(both=["8.8.8.8", "10.0.0.1"], open=["8.8.8.8", "2606:4700::1"]), (), 5.0)
    assert asyncio.run(connector.addresses_of("open.test", 443)) == ["8.8.8.8", "2606:4700::1"]
    with pytest.raises(AddressBlocked, match=r"10\.0\.0\.1"):
        asyncio.run(connector.addresses_of("both.test", 443))


@pytest.mark.parametrize("name", ["none.test", "empty.test"])
def test_a_name_without_addresses_is_unresolved(name: str) -> None:
    with pytest.raises(NameUnresolved):
        asyncio.run(Connector(named(empty=[]), (), 5.0).addresses_of(name, 80))


def test_the_next_address_of_a_name_is_tried_while_the_first_is_silent_or_refuses() -> None:
    async def run() -> float:
        async with Origin({"*": answer()}) as origin:
            # A listener whose queue is full leaves a third connection without an answer.
            with socket.socket() as silent, socket.socket() as one, socket.socket() as two:
                silent.bind(("127.0.0.9", origin.port))
                silent.listen(0)
                for filling in (one, two):
                    filling.setblocking(False)
                    filling.connect_ex(("127.0.0.9", origin.port))
                connector = Connector(named(wire=["127.0.0.9", "127.0.0.8", "127.0.0.1"]), OPEN, 5.0)
                begun = time.monotonic()
                assert await get(connector, origin.url().replace("127.0.0.1", "wire.test")) == 200
                return time.monotonic() - begun

    assert asyncio.run(run()) < 3.0


def test_a_name_none_of_whose_addresses_answers_is_not_connected() -> None:
    async def run() -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://wire.test:{closed.getsockname()[1]}/"
            with pytest.raises(NotConnected):
                await get(Connector(named(wire=["127.0.0.1", "127.0.0.2"]), OPEN, 5.0), url)

    asyncio.run(run())


def test_addresses_of_both_families_are_tried_by_turns() -> None:
    assert in_turn(["::1", "::2", "::3", "127.0.0.1"]) == ["::1", "127.0.0.1", "::2", "::3"]
    assert in_turn(["127.0.0.1"]) == ["127.0.0.1"]


def test_a_request_says_host_path_headers_and_form_and_that_it_is_the_only_one() -> None:
    asked = target("http://127.0.0.1:8080/a b/é?q=1#part")
    assert request_bytes(asked, {"if-none-match": '"x"'}, None) == (
        b'GET /a%20b/%C3%A9?q=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nif-none-match: "x"\r\nConnection: close\r\n\r\n'
    )
    assert request_bytes(asked, {}, None, to_proxy=True).startswith(f"GET {asked.url} HTTP/1.1\r\nHost: ".encode())
    assert request_bytes(asked, {}, {"hub.mode": "subscribe", "a": "b c&d"}).endswith(
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 28\r\nConnection: close\r\n\r\n"
        b"hub.mode=subscribe&a=b+c%26d"
    )


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b"])
def test_a_header_does_not_break_out_of_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        request_bytes(target("http://127.0.0.1/"), {"if-none-match": value}, None)

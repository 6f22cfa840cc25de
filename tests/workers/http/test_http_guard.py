from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.http.guard import AllowRule, is_numeric_host, is_public, may_connect, parse_allow_addresses

PRIVATE_V4 = ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1"]


@pytest.mark.parametrize(
    "address",
    [
        *PRIVATE_V4,
        "192.0.0.9",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_on_the_public_internet_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1", "2a00:1450:4001::1"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


def _wrappings(inner: IPv4Address) -> list[IPv6Address]:
    number = int(inner)
    return [
        IPv6Address(0xFFFF << 32 | number),  # mapped
        IPv6Address(0x2002 << 112 | number << 80 | 1),  # 6to4
        IPv6Address(0x0064FF9B << 96 | number),  # NAT64
        IPv6Address(0x20010000 << 96 | int(IPv4Address("65.54.227.120")) << 64 | number ^ 0xFFFFFFFF),  # Teredo
    ]


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_as_public_as_what_it_wraps(inner: IPv4Address) -> None:
    assert {is_public(form) for form in _wrappings(inner)} == {is_public(inner)}


@pytest.mark.parametrize("address", PRIVATE_V4)
def test_a_private_address_stays_private_in_every_wrapping(address: str) -> None:
    assert not any(is_public(form) for form in _wrappings(IPv4Address(address)))


def test_a_teredo_address_of_a_private_server_is_not_public() -> None:
    assert not is_public(IPv6Address(0x20010000 << 96 | int(IPv4Address("10.0.0.1")) << 64 | 0x08080808 ^ 0xFFFFFFFF))


def test_an_exact_rule_opens_its_port_alone() -> None:
    rules = parse_allow_addresses("127.0.0.1:8080, [::1]:9000")
    assert may_connect(ip_address("127.0.0.1"), 8080, rules)
    assert may_connect(ip_address("::ffff:127.0.0.1"), 8080, rules)
    assert may_connect(ip_address("::1"), 9000, rules)
    assert not may_connect(ip_address("127.0.0.1"), 80, rules)
    assert not may_connect(ip_address("127.0.0.2"), 8080, rules)


def test_a_block_opens_every_port_of_its_addresses_alone() -> None:
    (rule,) = parse_allow_addresses("10.20.0.0/16")
    assert may_connect(ip_address("10.20.3.4"), 5000, (rule,))
    assert not may_connect(ip_address("10.21.3.4"), 80, (rule,))
    assert str(rule) == "10.20.0.0/16"


def test_a_public_address_is_reached_on_web_ports_alone() -> None:
    assert [port for port in (22, 80, 443, 8080) if may_connect(ip_address("8.8.8.8"), port, ())] == [80, 443]


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1",
        "host:80",
        "10.0.0.1/8",
        "127.0.0.1:0",
        "127.0.0.1:70000",
        "::1:80",
        "http://127.0.0.1:80",
        "1.2.3.4:",
    ],
)
def test_a_faulty_rule_is_named_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a CIDR|neither ip:port|has a port") as caught:
        parse_allow_addresses(f"127.0.0.1:8080, {text}")
    assert repr(text) in str(caught.value)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_a_rule_reads_back_what_it_prints(address: IPv4Address | IPv6Address, port: int) -> None:
    text = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    rules = parse_allow_addresses(text)
    assert rules == parse_allow_addresses(str(rules[0]))
    assert isinstance(rules[0], AllowRule)


def test_a_host_that_resolvers_read_as_a_number_is_numeric() -> None:
    numeric = ["2130706433", "0x7f000001", "0x7f.1", "127.1", "017700000001", "127.0.0.1.", "a.b.0x"]
    names = ["news.example", "1password.example", "3.14.example", "0xdeadbeef.example", "x1"]
    assert [host for host in numeric + names if is_numeric_host(host)] == numeric

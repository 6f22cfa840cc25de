"""Which addresses a connection may go to (promise P17). Pure: it judges addresses and never looks one up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

IPAddress = IPv4Address | IPv6Address

PUBLIC_PORTS = frozenset({80, 443})

# Global by the registries' tables, yet not the public web: protocol assignments (some clouds serve credentials there),
# the retired 6to4 relays, and the address at which one large cloud answers its own machines on port 80.
_CLOSED_V4 = tuple(IPv4Network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))
_SHARED_V4 = IPv4Network("100.64.0.0/10")

# All unicast space handed out so far (IANA, IPv6 global unicast). ::/96, fc00::/7, fe80::/10 and fec0::/10 lie outside.
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

_NUMERIC_LABEL = re.compile(r"\d+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class AllowRule:
    """An exact address and port, or a block with every port (`port` None), that the operator opened."""

    network: IPv4Network | IPv6Network
    port: int | None

    def covers(self, address: IPAddress, port: int) -> bool:
        """Whether the rule opens this address on this port."""
        plain = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
        return plain in self.network and self.port in (None, port)

    def __str__(self) -> str:
        if self.port is None:
            return str(self.network)
        host = self.network.network_address
        return f"[{host}]:{self.port}" if host.version == 6 else f"{host}:{self.port}"


def parse_allow_addresses(text: str) -> tuple[AllowRule, ...]:
    """The rules in a comma-separated list of ip:port pairs and CIDR blocks; empty text gives none.

    Raises ValueError with a sentence that names the faulty part.
    """
    return tuple(_parse_rule(part.strip()) for part in text.split(",") if part.strip())


def _parse_rule(part: str) -> AllowRule:
    if "/" in part:
        try:
            return AllowRule(ip_network(part), None)
        except ValueError as error:
            raise ValueError(f"{part!r} is not a CIDR block such as 10.20.0.0/16: {error}.") from error
    host, _, port_text = part.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if is_bracketed else host)
    except ValueError:
        address = None
    if address is None or is_bracketed != (address.version == 6) or not re.fullmatch(r"[0-9]{1,5}", port_text):
        raise ValueError(f"{part!r} is neither ip:port (127.0.0.1:8080, [::1]:8080) nor a CIDR block (10.20.0.0/16).")
    if not 1 <= int(port_text) <= 65535:
        raise ValueError(f"{part!r} has a port outside 1 to 65535.")
    return AllowRule(ip_network(address), int(port_text))


def is_public(address: IPAddress) -> bool:
    """Whether the address, with every IPv4 address wrapped in it, belongs to the public internet.

    IPv4-mapped, NAT64, 6to4 and Teredo forms are judged by what they wrap, because that is where packets end.
    """
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    wrapped = _wrapped(address)
    if wrapped:
        return all(_is_public_v4(inner) for inner in wrapped)
    return address in _GLOBAL_V6 and address.is_global and not address.is_multicast and not address.is_reserved


def _is_public_v4(address: IPv4Address) -> bool:
    if address.is_multicast or address.is_reserved or address in _SHARED_V4:
        return False
    return address.is_global and not any(address in network for network in _CLOSED_V4)


def _wrapped(address: IPv6Address) -> tuple[IPv4Address, ...]:
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def may_connect(address: IPAddress, port: int, rules: Iterable[AllowRule]) -> bool:
    """Whether a connection may be made: a public address on port 80 or 443, or one that a rule opens."""
    return any(rule.covers(address, port) for rule in rules) or (port in PUBLIC_PORTS and is_public(address))


def is_numeric_host(host: str) -> bool:
    """Whether resolvers could read the lower-case host as an IPv4 address: its last label is a number.

    This is the WHATWG URL rule. It holds for 127.1, 0x7f.1, 017700000001 and 2130706433 too.
    """
    return _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None

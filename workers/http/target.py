"""Which URLs may be asked for. The URL is read once, by the parser that later connects, so the two can't disagree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from yarl import URL

from pipeline.outcomes import Reason
from pipeline.text import one_line
from workers.http.guard import PUBLIC_PORTS, AllowRule, IPAddress, is_numeric_host, may_connect

URL_MAX_CHARS = 2048

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_UNSAFE = re.compile("[\x00-\x20\x7f]")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*\.?")
_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_USER_INFO = re.compile(r"^(\s*[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*@")


# A URL that is written as it is sent: nothing in it that reading would change. Nearly every one is.
_LABEL = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_WRITTEN_AS_SENT = re.compile(
    rf"(https?)://({_LABEL}(?:\.{_LABEL})*)(?::([1-9][0-9]{{0,4}}))?"
    r"((?:/(?!\.)[A-Za-z0-9_.~-]*)+(?:\?[A-Za-z0-9_.~=&/:-]+)?)"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for. `host` is lower-case, without brackets and port; user-info and fragment are gone."""

    scheme: str
    host: str
    port: int
    # What the Host header says, and the path with its query.
    host_header: str
    path_qs: str
    # The URL as it is sent and stored.
    text: str

    @property
    def url(self) -> URL:
        """The URL in its parts."""
        return URL(self.text)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who is asked: what may go to one origin need not go to another."""
        return self.scheme, self.host, self.port


def target_of(url: URL) -> Target:
    """The parts of an absolute URL that was judged."""
    host, port = url.raw_host or "", _DEFAULT_PORTS["http"] if url.port is None else url.port
    return Target(url.scheme, host, port, url.host_port_subcomponent or "", url.raw_path_qs, str(url))


@dataclass(frozen=True, slots=True)
class Refused:
    """A URL that is not asked for, and why."""

    reason: Reason
    detail: str


_TOO_LONG = Refused(Reason.URL_REFUSED, f"The URL is longer than {URL_MAX_CHARS} characters.")


def without_user_info(url: str) -> str:
    """`url` without the user name and password that may stand before its host; else as it came."""
    return _USER_INFO.sub(lambda match: (match.group(1) or "") + "//", url, count=1)


def authority_of(url: URL) -> str:
    """The host, with the port where it is not the scheme's own: what one robots.txt speaks for."""
    host = url.raw_host or ""
    port = url.explicit_port
    if port is None or port == _DEFAULT_PORTS.get(url.scheme):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_url(text: str, rules: tuple[AllowRule, ...], *, is_proxied: bool = False) -> Target | Refused:
    """The target behind an absolute URL, or why it is refused: URL_REFUSED or BLOCKED_ADDRESS.

    A name's addresses are judged later, when it is resolved. With a proxy they never are, so that a name on a port
    other than 80 and 443 is refused then.
    """
    text = text.strip()
    if len(text) > URL_MAX_CHARS:
        return _TOO_LONG
    plain = _as_written(text)
    if plain is not None:
        return _check_host(plain.host, plain.port, rules, is_proxied=is_proxied) or plain
    if _CONTROL.search(text):
        return Refused(Reason.URL_REFUSED, "The URL holds control characters.")
    try:
        return _check_parts(URL(text), rules, is_proxied=is_proxied)
    except ValueError:  # UnicodeError is one: lone surrogates, and names that IDNA can't write
        return Refused(Reason.URL_REFUSED, "The URL can't be read.")


def storable_url(url: str) -> str:
    """`url` as it may be stored and logged even if it was refused: one clean line, no user-info, cut at 2,048."""
    return one_line(without_user_info(url), URL_MAX_CHARS) or ""


def join_location(base: URL, location: str) -> str:
    """The absolute URL a Location header names, unchecked. An unreadable one comes back as it is, to be refused.

    Bytes that are no UTF-8 (surrogates, as aiohttp decodes them) are percent-encoded, as browsers do.
    """
    location = _STRAY_BYTE.sub(lambda match: f"%{ord(match.group()) - 0xDC00:02X}", location)
    try:
        return str(base.join(URL(location.strip())))
    except ValueError:
        return location


def _as_written(text: str) -> Target | None:
    """What the parser would make of the URL, in a tenth of the time; None for one that it has to read."""
    written = _WRITTEN_AS_SENT.fullmatch(text)
    if written is None:
        return None
    scheme, host, digits, path_qs = written.groups()
    default = _DEFAULT_PORTS[scheme]
    port = int(digits) if digits else default
    if port > _LAST_PORT or (digits and port == default):
        return None
    return Target(scheme, host, port, f"{host}:{digits}" if digits else host, path_qs, text)


def _check_parts(url: URL, rules: tuple[AllowRule, ...], *, is_proxied: bool) -> Target | Refused:
    if url.scheme not in ("http", "https"):
        return Refused(Reason.URL_REFUSED, "Only http and https URLs are fetched.")
    host, port = url.raw_host, url.port
    if not host or not url.host or port is None:  # reading .host undoes IDNA, and raises here rather than in aiohttp
        return Refused(Reason.URL_REFUSED, "The URL has no host.")
    host = host.lower()
    refused = _check_host(host, port, rules, is_proxied=is_proxied)
    if refused is not None:
        return refused
    if host != url.raw_host:  # yarl leaves capitals beside a label that it writes in Punycode
        url = url.with_host(host)
    if url.raw_user is not None or url.raw_password is not None:
        url = url.with_user(None)
    if url.raw_fragment:
        url = url.with_fragment(None)
    target = target_of(url)
    # Written out, a letter beyond ASCII is six characters and more.
    return target if len(target.text) <= URL_MAX_CHARS else _TOO_LONG


def _check_host(host: str, port: int, rules: tuple[AllowRule, ...], *, is_proxied: bool) -> Refused | None:
    literal = _literal(host)
    if literal is None and (len(host) > 253 or not _NAME.fullmatch(host)):
        return Refused(Reason.URL_REFUSED, "The URL's host is not a valid name.")
    if isinstance(literal, Refused):
        return literal
    return _check_literal(literal, port, rules) if literal else _check_name_port(port, rules, is_proxied=is_proxied)


def _literal(host: str) -> IPAddress | Refused | None:
    """The address the host spells; None for a name; a refusal for an address in disguise (127.1, 0x7f000001)."""
    if ":" in host:
        return ip_address(host)
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return IPv4Address("127.0.0.1")  # RFC 6761, 6.3
    if not is_numeric_host(host):
        return None
    try:
        return ip_address(host)
    except ValueError:
        return Refused(Reason.BLOCKED_ADDRESS, "The host is an address written in an unusual form.")


def _check_literal(address: IPAddress, port: int, rules: tuple[AllowRule, ...]) -> Refused | None:
    if isinstance(address, IPv6Address) and address.scope_id:
        return Refused(Reason.BLOCKED_ADDRESS, "The host's address names a network interface of this machine.")
    if may_connect(address, port, rules):
        return None
    if port not in PUBLIC_PORTS and may_connect(address, 80, rules):
        return Refused(Reason.URL_REFUSED, f"Port {port} is not open.")
    return Refused(Reason.BLOCKED_ADDRESS, f"The address {address} is not public.")


def _check_name_port(port: int, rules: tuple[AllowRule, ...], *, is_proxied: bool) -> Refused | None:
    if port in PUBLIC_PORTS or (not is_proxied and any(rule.port in (None, port) for rule in rules)):
        return None
    return Refused(Reason.URL_REFUSED, f"Port {port} is not open.")

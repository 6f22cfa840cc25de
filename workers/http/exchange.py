"""One request and the head of its answer, sent over a connection of its own or handed to the operator's proxy."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Protocol
from urllib.parse import urlencode

import aiohttp
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDictProxy
from yarl import URL

from workers.http.connecting import Connector, NameUnresolved, NotConnected, Resolve
from workers.http.faults import send_once
from workers.http.guard import AllowRule
from workers.http.policy import HttpPolicy
from workers.http.target import Target, target_of

# aiohttp counts headers and measures each one; their product is what it may hold before the sum is looked at, 2 MiB.
_MAX_HEADERS = 128
_FIELD_MAX_BYTES = 16 * 1024
_ANYWHERE = tuple(AllowRule(ip_network(block), None) for block in ("0.0.0.0/0", "::/0"))


class Answer(Protocol):
    """The head of an answer, and its body still to be read."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Names in any case; bytes that are no UTF-8 as surrogates."""
        ...

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Names and values as they came."""
        ...

    @property
    def content(self) -> aiohttp.StreamReader:
        """The body's bytes, coding and all."""
        ...

    def close(self) -> None:
        """End the connection, whatever is still to come."""
        ...


class Exchange(Protocol):
    """A way to send requests."""

    async def send(self, target: Target, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        """The answer to a GET, or to a POST of `form`. Whoever calls closes it. Raises one of NETWORK_ERRORS."""
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...


class DirectExchange:
    """Requests on guarded connections.

    aiohttp's parser of answers is used without its session: a session costs more than all the rest of a poll
    (docs/benchmarks.md), and keeps connections and sends requests again, which is turned off everywhere here.
    """

    def __init__(self, connector: Connector, header_max_bytes: int) -> None:
        self._connector = connector
        self._field_max_bytes = min(_FIELD_MAX_BYTES, header_max_bytes)

    async def send(self, target: Target, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        """See Exchange."""
        request = request_bytes(target, headers, form)
        handler = await self._connector.connect(target)
        return await _answered(handler, request, self._field_max_bytes, is_tls=target.scheme == "https")

    async def close(self) -> None:
        """Nothing is held between requests."""


async def _answered(handler: ResponseHandler, request: bytes, field_max_bytes: int, *, is_tls: bool) -> _DirectAnswer:
    """What the other end of a fresh connection says to the request."""
    answer = _DirectAnswer(handler, is_tls)
    try:
        handler.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            max_line_size=_FIELD_MAX_BYTES,
            max_field_size=field_max_bytes,
            max_headers=_MAX_HEADERS,
        )
        if handler.transport is None:
            raise aiohttp.ServerDisconnectedError
        handler.transport.write(request)
        await answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


class _DirectAnswer:
    status: int
    headers: CIMultiDictProxy[str]
    raw_headers: tuple[tuple[bytes, bytes], ...]
    content: aiohttp.StreamReader

    def __init__(self, handler: ResponseHandler, is_tls: bool) -> None:
        self._handler = handler
        self._is_tls = is_tls

    async def begin(self) -> None:
        """Wait for the head. Answers that only announce another one (1xx) are passed over."""
        while True:
            head, self.content = await self._handler.read()
            if not 100 <= head.code < 200 or head.code == 101:
                break
        self.status, self.headers, self.raw_headers = head.code, head.headers, head.raw_headers

    def close(self) -> None:
        """TLS is not said goodbye to: its farewell would be waited for, and nothing is left to protect."""
        if self._is_tls:
            self._handler.abort()
        else:
            self._handler.close()


class ProxyExchange:
    """Requests through the proxy that the settings name. To be made inside the loop.

    A page without TLS is one request to an http proxy, sent as a direct one is: a session costs more. All else is
    tunnelled, by a session of aiohttp's.
    """

    def __init__(self, policy: HttpPolicy, proxy: str, resolve: Resolve) -> None:
        self._proxy = proxy
        self._field_max_bytes = min(_FIELD_MAX_BYTES, policy.header_max_bytes)
        url = URL(proxy)
        self._plain_proxy = None if url.scheme == "https" else target_of(url)
        self._own_headers = _authorization(url)
        # The operator's own machine, which may stand anywhere.
        self._connector = Connector(resolve, _ANYWHERE, policy.connect_timeout_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(use_dns_cache=False, force_close=True, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=policy.connect_timeout_s, ceil_threshold=3600),
            auto_decompress=False,
            trust_env=False,
            max_line_size=_FIELD_MAX_BYTES,
            max_field_size=self._field_max_bytes,
            max_headers=_MAX_HEADERS,
            middlewares=(send_once,),
        )

    async def send(self, target: Target, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        """See Exchange."""
        if self._plain_proxy is not None and target.scheme == "http":
            request = request_bytes(target, {**headers, **self._own_headers}, form, to_proxy=True)
            try:
                handler = await self._connector.connect(self._plain_proxy)
            except (NameUnresolved, NotConnected) as error:
                raise NotConnected("The proxy could not be reached.") from error
            return await _answered(handler, request, self._field_max_bytes, is_tls=False)
        method = "GET" if form is None else "POST"
        return await self._session.request(
            method, target.url, headers=headers, data=form, allow_redirects=False, proxy=self._proxy
        )

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()


def _authorization(proxy: URL) -> dict[str, str]:
    """The header that tells the proxy who asks, if its URL does."""
    if proxy.user is None and proxy.password is None:
        return {}
    told = b64encode(f"{proxy.user or ''}:{proxy.password or ''}".encode())
    return {"Proxy-Authorization": f"Basic {told.decode()}"}


def request_bytes(
    target: Target, headers: Mapping[str, str], form: Mapping[str, str] | None, *, to_proxy: bool = False
) -> bytes:
    """The whole request. A proxy is asked for a whole URL in place of a path.

    Raises ValueError for a header that would break out of its line.
    """
    body = b"" if form is None else urlencode(form).encode("ascii")
    asked = target.text if to_proxy else target.path_qs
    lines = [
        f"{'GET' if form is None else 'POST'} {asked} HTTP/1.1",
        f"Host: {target.host_header}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if form is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    lines.append("Connection: close")
    head = "\r\n".join(lines)
    if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1 or "\0" in head:
        raise ValueError(f"a header of the request to {target.host} holds a line break or NUL")
    return head.encode("utf-8") + b"\r\n\r\n" + body

"""What each way a connection can break is called in the closed list."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp.http import HttpProcessingError

from pipeline.outcomes import Reason
from workers.http.connecting import AddressBlocked, NameUnresolved, NotConnected


class Unrepeated(Exception):
    """Hides a broken connection from aiohttp, which would send the request a second time past the politeness gate."""


async def send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware: the answer to one request, sent once. Raises Unrepeated from the fault aiohttp would try again."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Unrepeated from error


_NOT_HTTP = "The answer was not valid HTTP, or its headers were too large."

# The first entry whose type fits counts: the narrow ones stand first.
_FAULTS: tuple[tuple[type[BaseException], Reason, str], ...] = (
    (NameUnresolved, Reason.DNS_FAILED, "The host's name could not be resolved."),
    (aiohttp.ClientPayloadError, Reason.BAD_BODY, "The body was cut off."),
    (aiohttp.ClientConnectorDNSError, Reason.DNS_FAILED, "The host's name could not be resolved."),
    (aiohttp.ClientSSLError, Reason.TLS_FAILED, "The TLS handshake or the certificate failed."),
    (ssl.SSLError, Reason.TLS_FAILED, "The TLS handshake or the certificate failed."),
    (aiohttp.ConnectionTimeoutError, Reason.CONNECT_FAILED, "No connection within the time for connecting."),
    (aiohttp.ClientProxyConnectionError, Reason.CONNECT_FAILED, "The proxy could not be reached."),
    (aiohttp.ClientHttpProxyError, Reason.CONNECT_FAILED, "The proxy refused the connection."),
    (aiohttp.ClientConnectorError, Reason.CONNECT_FAILED, "No connection could be made."),
    (aiohttp.ServerDisconnectedError, Reason.PROTOCOL_ERROR, "The server hung up without a complete answer."),
    (aiohttp.InvalidURL, Reason.URL_REFUSED, "The URL can't be asked for."),
    (aiohttp.ClientResponseError, Reason.PROTOCOL_ERROR, _NOT_HTTP),
    (HttpProcessingError, Reason.PROTOCOL_ERROR, _NOT_HTTP),
    (aiohttp.ClientOSError, Reason.CONNECT_FAILED, "The connection broke."),
    (aiohttp.ClientError, Reason.PROTOCOL_ERROR, "The exchange failed."),
    (TimeoutError, Reason.TIMEOUT, "The server took too long."),
    (OSError, Reason.CONNECT_FAILED, "The connection broke."),
)

NETWORK_ERRORS = (
    AddressBlocked,
    NameUnresolved,
    NotConnected,
    Unrepeated,
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,
)


def name_fault(error: BaseException) -> tuple[Reason, str]:
    """The reason and the sentence for one of NETWORK_ERRORS. No word of it comes from the server."""
    if isinstance(error, Unrepeated) and error.__cause__ is not None:
        return name_fault(error.__cause__)
    if isinstance(error, AddressBlocked):
        return Reason.BLOCKED_ADDRESS, str(error)
    if isinstance(error, NotConnected):
        return Reason.CONNECT_FAILED, str(error)
    return next((reason, detail) for kind, reason, detail in _FAULTS if isinstance(error, kind))

"""The one place where others may ask us over HTTP: the callbacks of WebSub hubs. It knows of bytes and limits only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

# A token is the last part of the path: whatever stands before it is the business of a proxy in front.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,64}")
_VALUE_MAX_CHARS = 2_048
BODY_WITHIN_S = 30.0
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Verification:
    """A hub's GET: what it says of the subscription behind `token`. `challenge` is to be sent back if that is true."""

    token: str
    mode: str
    topic: str
    challenge: str
    lease_s: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A hub's POST. `signature` is its X-Hub-Signature, None when it has none."""

    token: str
    body: bytes
    content_type: str | None
    signature: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer: a status, and plain text."""

    status: int
    text: str = ""


class CallbackServer:
    """Listens on one address and hands on what hubs send. An async context manager.

    `is_known` says whether there is a callback behind a token; no body is read for another one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        body_max_bytes: int,
        is_known: Callable[[str], Awaitable[bool]],
        on_verification: Callable[[Verification], Awaitable[Reply]],
        on_push: Callable[[Pushed], Awaitable[Reply]],
    ) -> None:
        self._address = host, port
        self._is_known = is_known
        self._on_verification = on_verification
        self._on_push = on_push
        self._turns = asyncio.Semaphore(AT_ONCE)
        application = web.Application(client_max_size=body_max_bytes)
        application.router.add_get("/{path:.*}", self._get)
        application.router.add_post("/{path:.*}", self._post)
        # No access log: the paths are secrets.
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
        self.port = port

    async def __aenter__(self) -> CallbackServer:
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._address)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _get(self, request: web.Request) -> web.Response:
        token = _token(request)
        if token is None:
            return _response(Reply(404))
        asked = {name: value[:_VALUE_MAX_CHARS] for name, value in request.query.items()}
        lease = asked.get("hub.lease_seconds", "")
        verification = Verification(
            token=token,
            mode=asked.get("hub.mode", ""),
            topic=asked.get("hub.topic", ""),
            challenge=asked.get("hub.challenge", ""),
            lease_s=float(lease) if re.fullmatch(r"[0-9]{1,9}", lease) else None,
            reason=asked.get("hub.reason", ""),
        )
        return _response(await self._on_verification(verification))

    async def _post(self, request: web.Request) -> web.Response:
        token = _token(request)
        if token is None or not await self._is_known(token):
            return _response(Reply(404))
        if self._turns.locked():
            return _response(Reply(503))
        async with self._turns:
            try:
                async with asyncio.timeout(BODY_WITHIN_S):
                    body = await request.read()
            except TimeoutError:
                return _response(Reply(408))
            kind = request.headers.get("Content-Type")
            return _response(await self._on_push(Pushed(token, body, kind, request.headers.get("X-Hub-Signature"))))


def _token(request: web.Request) -> str | None:
    last = request.match_info["path"].rpartition("/")[2]
    return last if _TOKEN.fullmatch(last) else None


def _response(reply: Reply) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return web.Response(status=reply.status, text=reply.text, content_type="text/plain", headers=headers)

"""The one way out: every feed, page and robots.txt is fetched here (promises P13 to P21)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Self

import aiohttp

from pipeline.outcomes import Reason
from pipeline.text import one_line
from pipeline.values import FetchedPage, FetchFailure, FetchResult, NotModified, Redirect
from workers.http import answers
from workers.http.answers import Headers, Kind
from workers.http.coding import ACCEPT_ENCODING, BodyFault, BoundedDecoder, Coding, read_coding
from workers.http.connecting import Connector, Resolve
from workers.http.exchange import Answer, DirectExchange, Exchange, ProxyExchange
from workers.http.faults import NETWORK_ERRORS, name_fault
from workers.http.gate import Gate, GateClosed, TakenSlot
from workers.http.policy import HttpPolicy
from workers.http.robots import Allowed, Disallowed, RobotsCheck
from workers.http.room import SMALL_BYTES, BodyPlace
from workers.http.target import Refused, Target, check_url, join_location, storable_url, without_user_info

DETAIL_MAX_CHARS = 500

_QUOTED_BYTES = 300
# How long the end of a client waits for its last slots to be given back.
_DRAIN_S = 5.0

_ACCEPT: dict[Kind, str] = {
    "page": "text/html,application/xhtml+xml;q=0.9,text/plain;q=0.5,*/*;q=0.1",
    "feed": "application/rss+xml,application/atom+xml,application/feed+json,text/xml;q=0.9,*/*;q=0.1",
    "robots": "text/plain,*/*;q=0.5",
}
_CONDITIONS = frozenset({"if-none-match", "if-modified-since"})
# What a caller's header may be to follow a redirect to another origin. Validators may: they came from where it leads.
_CROSSING = _CONDITIONS | {"accept", "accept-language", "a-im"}


@dataclass(slots=True)
class _Trail:
    """One fetch under way. Times in seconds of the loop's clock."""

    url: str
    kind: Kind
    headers: tuple[tuple[str, str], ...]
    form: Mapping[str, str] | None = None
    slot: TakenSlot | None = None
    place: BodyPlace | None = None
    limit: asyncio.Timeout | None = None
    spent_s: float = 0.0
    final_url: str | None = None
    redirects: list[Redirect] = field(default_factory=list)

    @property
    def is_conditional(self) -> bool:
        return any(name in _CONDITIONS for name, _ in self.headers)


@dataclass(frozen=True, slots=True)
class _Moved:
    """A redirect that has not been judged yet."""

    status: int
    url: str


class HttpClient:
    """Fetches through one guard, one set of limits and one politeness gate. An async context manager.

    `clock` gives aware UTC instants. `resolve` replaces the system's name look-up; its addresses are judged all the
    same.
    """

    def __init__(
        self, policy: HttpPolicy, gate: Gate, clock: Callable[[], datetime], *, resolve: Resolve | None = None
    ) -> None:
        self._policy = policy
        self._gate = gate
        self._clock = clock
        self._resolve = resolve or self._look_up
        self._exchange: Exchange | None = None
        self._own_headers = {
            kind: {"user-agent": policy.user_agent, "accept": accept, "accept-encoding": ACCEPT_ENCODING}
            for kind, accept in _ACCEPT.items()
        }
        self._look_up_threads: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        # Threads of their own: names that hang must not hold up the loop's other threads. They start on demand.
        self._look_up_threads = ThreadPoolExecutor(16, thread_name_prefix="resolve")
        policy = self._policy
        if policy.proxy is not None:
            self._exchange = ProxyExchange(policy, policy.proxy, self._resolve)
        else:
            connector = Connector(self._resolve, policy.allow_addresses, policy.connect_timeout_s)
            self._exchange = DirectExchange(connector, policy.header_max_bytes)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._exchange is not None:
            await self._exchange.close()
        if self._look_up_threads is not None:
            self._look_up_threads.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(TimeoutError):
            # Slots that can't be given back now free themselves.
            await asyncio.wait_for(self._gate.drained(), _DRAIN_S)

    def guard_notes(self) -> list[str]:
        """Sentences to log at start about what the address guard lets pass; empty when there is nothing to say."""
        return self._policy.guard_notes()

    async def fetch(
        self,
        url: str,
        *,
        kind: Kind,
        headers: Sequence[tuple[str, str]] = (),
        robots: RobotsCheck | None = None,
        slot: TakenSlot | None = None,
        place: BodyPlace | None = None,
    ) -> FetchResult:
        """The page, a 304 to a conditional request, or why there is no body. Never raises for what the network does.

        `headers` join the request's own; with If-None-Match or If-Modified-Since a 304 is an answer. Pages are asked
        about at `robots` hop by hop; feeds are published to be polled and are not. Of a robots.txt the first 500 KiB
        come back, the rest is not read. `elapsed_s` leaves out the waits for the gate, for robots.txt and for `place`,
        where a large body is kept. `slot` lets the first request through the gate of its host; if that is another
        host, it is left to the caller.
        """
        own = tuple((name.lower(), value) for name, value in headers)
        trail = _Trail(without_user_info(url), kind, own, slot=slot, place=place)
        result = await self._follow(url, trail, robots if kind == "page" else None)
        return replace(result, elapsed_s=trail.spent_s, redirects=tuple(trail.redirects))

    async def send_form(self, url: str, form: Mapping[str, str]) -> FetchResult:
        """What came of a POST of `form`: a page with the 2xx status and no body, or why it was not taken.

        Through the same guard, limits and gate. Only 307 and 308 are followed, which send the form again. The detail of
        a refusal ends with the first words of the answer.
        """
        trail = _Trail(without_user_info(url), "robots", (), dict(form))
        result = await self._follow(url, trail, None)
        return replace(result, elapsed_s=trail.spent_s, redirects=tuple(trail.redirects))

    async def _follow(self, url: str, trail: _Trail, robots: RobotsCheck | None) -> FetchResult:
        seen: set[str] = set()
        before: Target | None = None
        while True:
            target = check_url(url, self._policy.allow_addresses, is_proxied=self._policy.proxy is not None)
            if isinstance(target, Refused):
                trail.final_url = storable_url(url)
                return self._failure(trail, target.reason, target.detail)
            trail.final_url = target.text
            if target.text in seen:
                status = trail.redirects[-1].status
                return self._failure(trail, Reason.TOO_MANY_REDIRECTS, "The redirects run in a circle.", status=status)
            seen.add(target.text)
            if before is not None and target.origin != before.origin:
                trail.headers = tuple(pair for pair in trail.headers if pair[0] in _CROSSING)
            before = target
            hop = await self._hop(target, trail, robots)
            if not isinstance(hop, _Moved):
                return hop
            if trail.form is not None and hop.status not in (307, 308):
                detail = f"{target.host} answered {hop.status}, which loses what was sent."
                return self._failure(trail, Reason.HTTP_REFUSED, detail, status=hop.status)
            if len(trail.redirects) == self._policy.max_redirects:
                detail = f"More than {self._policy.max_redirects} redirects."
                return self._failure(trail, Reason.TOO_MANY_REDIRECTS, detail, status=hop.status)
            trail.redirects.append(Redirect(hop.status, storable_url(hop.url)))
            url = hop.url

    async def _hop(self, target: Target, trail: _Trail, robots: RobotsCheck | None) -> FetchResult | _Moved:
        if robots is not None:
            answer = await robots.allowed(self, target.text, self._clock())
            if isinstance(answer, Disallowed):
                return self._failure(trail, Reason.ROBOTS_DISALLOWED, f"robots.txt of {target.host} disallows it.")
            if not isinstance(answer, Allowed):
                return self._failure(trail, answer.reason, answer.detail, retry_after_s=answer.retry_after_s)
        slot, trail.slot = trail.slot, None
        if slot is None or slot.host != target.host:
            turn = await self._gate.enter(target.host)
        else:
            turn = await slot.enter()
        if isinstance(turn, GateClosed):
            detail = f"{target.host} is to be left alone for {turn.retry_after_s:.0f} s."
            return self._failure(trail, Reason.THROTTLED, detail, retry_after_s=turn.retry_after_s)
        async with turn:
            return await self._timed(target, trail)

    async def _timed(self, target: Target, trail: _Trail) -> FetchResult | _Moved:
        """The exchange within what is left of the total; its faults named."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._policy.total_timeout_s - trail.spent_s) as trail.limit:
                return await self._ask(target, trail)
        except NETWORK_ERRORS as error:
            return self._failure(trail, *name_fault(error))
        finally:
            trail.spent_s += loop.time() - began

    async def _ask(self, target: Target, trail: _Trail) -> FetchResult | _Moved:
        if self._exchange is None:
            raise RuntimeError("HttpClient is used outside its async with block.")
        headers = self._own_headers[trail.kind] | dict(trail.headers)
        answer = await self._exchange.send(target, headers, trail.form)
        try:
            if trail.form is not None and answer.status not in answers.REDIRECTS:
                return await self._receipt(answer, target, trail)
            return await self._read(answer, target, trail)
        finally:
            answer.close()

    async def _receipt(self, answer: Answer, target: Target, trail: _Trail) -> FetchResult:
        """What a form was answered with: its status says all, its body is only quoted."""
        headers = answers.clean_headers(answer.raw_headers)
        if 200 <= answer.status < 300:
            return FetchedPage(trail.url, target.text, answer.status, headers, b"", self._clock(), 0.0)
        said = one_line((await answer.content.read(_QUOTED_BYTES)).decode("utf-8", "replace"), _QUOTED_BYTES)
        reason = answers.reason_of(answer.status) or Reason.PROTOCOL_ERROR
        wish = answers.read_retry_after(answer.headers.get("Retry-After"), self._clock())
        detail = f"{target.host} answered {answer.status}: {said or 'nothing'}"
        return self._failure(trail, reason, detail, status=answer.status, retry_after_s=wish)

    async def _read(self, answer: Answer, target: Target, trail: _Trail) -> FetchResult | _Moved:
        status = answer.status
        if sum(len(name) + len(value) + 4 for name, value in answer.raw_headers) > self._policy.header_max_bytes:
            return self._failure(trail, Reason.PROTOCOL_ERROR, "The headers are too large.", status=status)
        headers = answers.clean_headers(answer.raw_headers)
        location = answer.headers.get("Location")
        if status in answers.REDIRECTS and location:
            return _Moved(status, join_location(target.url, location))
        if status == 304 and trail.is_conditional:
            return NotModified(trail.url, target.text, headers, self._clock(), 0.0)
        reason = answers.reason_of(status)
        if reason is not None:
            wish = next(iter(answers.values_of(headers, "retry-after")), None)
            retry_after_s = answers.read_retry_after(wish, self._clock()) if reason is Reason.THROTTLED else None
            detail = f"{target.host} answered {status}."
            return self._failure(trail, reason, detail, status=status, retry_after_s=retry_after_s)
        plan = self._plan_body(headers, trail.kind)
        body = plan if isinstance(plan, BodyFault) else await self._read_body(answer, plan, headers, trail)
        if isinstance(body, BodyFault):
            return self._failure(trail, body.reason, body.detail, status=status)
        return FetchedPage(trail.url, target.text, status, headers, body, self._clock(), 0.0)

    def _plan_body(self, headers: Headers, kind: Kind) -> Coding | BodyFault:
        """How to decode the body, or why it is not even begun."""
        declared = answers.media_type(headers)
        if not answers.is_wanted_type(kind, declared):
            return BodyFault(Reason.NOT_A_PAGE, f"The content type is {declared}.")
        transfer = answers.values_of(headers, "transfer-encoding")
        if any(value.lower() not in ("chunked", "identity") for value in transfer):
            return BodyFault(Reason.UNKNOWN_CODING, "The transfer coding is not one that can be undone.")
        coding = read_coding(answers.values_of(headers, "content-encoding"))
        if coding is None:
            return BodyFault(Reason.UNKNOWN_CODING, "The content coding is not one of gzip, deflate and identity.")
        length = answers.declared_bytes(headers)
        max_bytes = self._max_bytes(kind)
        if length is not None and length > max_bytes and kind != "robots":
            return BodyFault(Reason.TOO_LARGE, f"The body is announced as {length} bytes, more than {max_bytes}.")
        return coding

    async def _read_body(self, answer: Answer, coding: Coding, headers: Headers, trail: _Trail) -> bytes | BodyFault:
        kind, place = trail.kind, trail.place
        decoder = BoundedDecoder(coding, self._max_bytes(kind), None if place is None else SMALL_BYTES)
        try:
            async for chunk in answer.content.iter_any():
                fault = decoder.feed(chunk)
                if fault is None and decoder.is_paused and place is not None:
                    await _enlarged(place, trail)
                    fault = decoder.go_on()
                if fault is not None:
                    is_enough = kind == "robots" and fault.reason is Reason.TOO_LARGE
                    return decoder.body() if is_enough else fault
        except (aiohttp.ClientError, ConnectionError):  # the headers had come: what broke off is the body
            return BodyFault(Reason.BAD_BODY, "The body was cut off or is damaged.")
        fault = decoder.finish()
        if fault is not None:
            return fault
        body = decoder.body()
        if kind != "robots" and answers.looks_binary(kind, body[:1024], answers.media_type(headers)):
            return BodyFault(Reason.NOT_A_PAGE, "The body is a picture, film, archive or document, not text.")
        return body

    def _max_bytes(self, kind: Kind) -> int:
        policy = self._policy
        return {"page": policy.page_max_bytes, "feed": policy.feed_max_bytes, "robots": policy.robots_max_bytes}[kind]

    def _failure(
        self,
        trail: _Trail,
        reason: Reason,
        detail: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> FetchFailure:
        return FetchFailure(
            url=trail.url,
            reason=reason,
            detail=detail[:DETAIL_MAX_CHARS],
            fetched_at=self._clock(),
            status=status,
            final_url=trail.final_url,
            retry_after_s=retry_after_s,
        )

    async def _look_up(self, host: str, port: int) -> list[str]:
        """The system's addresses for the host. Raises OSError, also for a name that IDNA can't write."""
        look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._look_up_threads, look_up)
        except UnicodeError as error:
            raise OSError("not a host name") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _enlarged(place: BodyPlace, trail: _Trail) -> None:
    """Wait for room for a large body. That counts neither against the total nor as time spent: it is our own wait."""
    loop = asyncio.get_running_loop()
    limit, began = trail.limit, loop.time()
    ends_at = None if limit is None else limit.when()
    if limit is not None:
        limit.reschedule(None)
    await place.enlarge()
    waited_s = loop.time() - began
    trail.spent_s -= waited_s
    if limit is not None and ends_at is not None:
        limit.reschedule(ends_at + waited_s)

"""robots.txt as RFC 9309 has it (promise P20): who may be asked for what, remembered for a day."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol
from weakref import WeakValueDictionary

from protego import Protego
from yarl import URL

from pipeline.outcomes import Reason
from pipeline.values import FetchedPage, FetchFailure, FetchResult
from workers.http.target import authority_of

CACHED_FOR = timedelta(hours=24)
UNREACHABLE_FOR = timedelta(minutes=10)
MAX_CRAWL_DELAY_S = 300.0

_AGENT_LINE = re.compile(r"\s*user[- ]?agent\s*[:\s]\s*(?P<value>[^#]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_COMPATIBLE = re.compile(r"\(compatible;\s*([A-Za-z0-9_-]+)", re.IGNORECASE)
# No robot's name: Protego finds a name at the start of a word only, and no word starts with this.
_SOMEBODY_ELSE = "User-agent: -"

# Failures that say nothing about robots.txt: the page's own request would have met them. They are not remembered.
_PASSED_ON = frozenset({Reason.BLOCKED_ADDRESS, Reason.URL_REFUSED, Reason.DNS_FAILED})


@dataclass(frozen=True, slots=True)
class Allowed:
    """The page may be asked for. `crawl_delay_s` is the pause the site wants between requests; None when none."""

    crawl_delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Disallowed:
    """A rule of the site forbids the page to us."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """robots.txt could not be read, so nothing of the host may be asked for `retry_after_s` seconds.

    `reason` is ROBOTS_UNREACHABLE, or what stands in the way of any request to the host.
    """

    retry_after_s: float | None
    detail: str
    reason: Reason = Reason.ROBOTS_UNREACHABLE


RobotsAnswer = Allowed | Disallowed | Unreachable


@dataclass(frozen=True, slots=True)
class RobotsRules:
    """What one robots.txt says to one robot. Without a `parser`, everything has the answer `allows_all`."""

    token: str
    allows_all: bool
    parser: Protego | None = None

    def allows(self, url: str) -> bool:
        """Whether the URL may be asked for. /robots.txt itself always may, but for an unreachable host's."""
        return self.parser.can_fetch(url, self.token) if self.parser is not None else self.allows_all

    @property
    def crawl_delay_s(self) -> float | None:
        """The Crawl-delay for this robot, at most 300 s; None when there is none."""
        delay = self.parser.crawl_delay(self.token) if self.parser is not None else None
        return None if delay is None else min(delay, MAX_CRAWL_DELAY_S)


def product_token(user_agent: str) -> str:
    """The lower-case name that robots.txt files know a User-Agent by: `frontwire` of `Frontwire/1.0 (+https://…)`."""
    match = _COMPATIBLE.search(user_agent)
    if match:
        return match.group(1).lower()
    first = _TOKEN.match(user_agent)
    return first.group().lower() if first else "*"


def parse_robots(status: int | None, body: str, token: str) -> RobotsRules:
    """The rules behind an answer to /robots.txt; `status` None means that none came.

    2xx is parsed. 3xx (redirects without end) and 4xx allow everything. 5xx, no answer, and 429 disallow everything:
    a host that asks for fewer requests has not thrown its doors open.
    """
    if status is None or status == 429 or not 200 <= status < 500:
        return RobotsRules(token, allows_all=False)
    if status >= 300:
        return RobotsRules(token, allows_all=True)
    return RobotsRules(token, allows_all=True, parser=_parse(body, token))


# Parsing half a megabyte takes a tenth of a second, and a worker asks the same hosts again and again.
@lru_cache(maxsize=128)
def _parse(body: str, token: str) -> Protego:
    return Protego.parse("\n".join(_name_groups(line, token) for line in body.splitlines()))


def _name_groups(line: str, token: str) -> str:
    """The line, its user agent reduced to us, everybody, or somebody else.

    That is RFC 9309's match on the whole product token, and it keeps the parser linear: thousands of names over
    thousands of rules would be multiplied with each other.
    """
    match = _AGENT_LINE.match(line)
    if match is None:
        return line
    value = match.group("value").strip()
    if value == "*":
        return "User-agent: *"
    name = _TOKEN.match(value.strip("*"))
    return f"User-agent: {token}" if name and name.group().lower() == token else _SOMEBODY_ELSE


@dataclass(frozen=True, slots=True)
class RobotsRecord:
    """A robots.txt as it is remembered until `until`. `status` None: the host could not be reached.

    `body` is text without NUL, at most 500 KiB of it. `crawl_delay_s` is the delay it asks of us; None when it asks
    none.
    """

    status: int | None
    body: str
    until: datetime
    crawl_delay_s: float | None = None


class RobotsStore(Protocol):
    """Where robots.txt files are remembered, by host (`host:port` where the port is not the scheme's own)."""

    async def get(self, host: str) -> RobotsRecord | None:
        """What is remembered of the host, expired or not; None when nothing is."""
        ...

    async def put(self, host: str, record: RobotsRecord) -> None:
        """Remembers the record in place of any other of the host."""
        ...


class MemoryRobotsStore:
    """Remembers in this process alone: for tests and one-off commands."""

    def __init__(self) -> None:
        self._records: dict[str, RobotsRecord] = {}

    async def get(self, host: str) -> RobotsRecord | None:
        """What was put for the host."""
        return self._records.get(host)

    async def put(self, host: str, record: RobotsRecord) -> None:
        """Keeps the record."""
        self._records[host] = record


class Fetcher(Protocol):
    """The part of the HTTP client that robots.txt is fetched with."""

    async def fetch(
        self,
        url: str,
        *,
        kind: Literal["page", "feed", "robots"],
        headers: Sequence[tuple[str, str]] = (),
    ) -> FetchResult:
        """What came of asking for `url`."""
        ...


class RobotsCheck(Protocol):
    """Whoever says whether a page may be asked for."""

    async def allowed(self, client: Fetcher, url: str, now: datetime) -> RobotsAnswer:
        """The answer for an absolute URL."""
        ...


class RobotsBook:
    """Answers from remembered robots.txt files and fetches those it lacks, one at a time per host."""

    def __init__(self, store: RobotsStore, token: str) -> None:
        self._store = store
        self._token = token
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def allowed(self, client: Fetcher, url: str, now: datetime) -> RobotsAnswer:
        """Whether `url` may be asked for at `now`. Fetches robots.txt through the same client, guard and gate."""
        parts = URL(url)
        host = authority_of(parts)
        lock = self._locks.setdefault(host, asyncio.Lock())
        async with lock:
            record = await self._store.get(host)
            # A record that outlasts a day from now was written under a clock that ran ahead.
            if record is None or not now < record.until <= now + CACHED_FOR:
                found = await self._fetch(client, parts, now)
                if isinstance(found, Unreachable):
                    return found
                record = found
                await self._store.put(host, record)
        return _answer(record, url, self._token, now)

    async def _fetch(self, client: Fetcher, url: URL, now: datetime) -> RobotsRecord | Unreachable:
        result = await client.fetch(str(url.origin() / "robots.txt"), kind="robots")
        if isinstance(result, FetchFailure) and result.status is None:
            # Without a status, THROTTLED is our own gate's word and not the host's.
            is_passed_on = result.reason in _PASSED_ON and not result.redirects
            if is_passed_on or result.reason is Reason.THROTTLED:
                return Unreachable(result.retry_after_s, result.detail, result.reason)
        return make_record(result, self._token, now)


def make_record(result: FetchResult, token: str, now: datetime) -> RobotsRecord:
    """What to remember of a fetched robots.txt: a day long, or some minutes when the host could not answer.

    A Retry-After lengthens the minutes, up to the day.
    """
    if isinstance(result, FetchedPage):
        body = result.body.decode("utf-8-sig", "replace").replace("\0", "")
        delay_s = parse_robots(result.status, body, token).crawl_delay_s
        return RobotsRecord(result.status, body, now + CACHED_FOR, delay_s)
    status = result.status if isinstance(result, FetchFailure) else 304
    if status in (204, 205):
        return RobotsRecord(status, "", now + CACHED_FOR)
    # A damaged body or a 206 came with a 2xx, but says nothing.
    if status is None or status < 300 or status == 304 or not parse_robots(status, "", token).allows_all:
        wish_s = (result.retry_after_s if isinstance(result, FetchFailure) else None) or 0.0
        pause = min(max(timedelta(seconds=wish_s), UNREACHABLE_FOR), CACHED_FOR)
        return RobotsRecord(None if status is None or status < 400 else status, "", now + pause)
    return RobotsRecord(status, "", now + CACHED_FOR)


def _answer(record: RobotsRecord, url: str, token: str, now: datetime) -> RobotsAnswer:
    rules = parse_robots(record.status, record.body, token)
    if rules.parser is None and not rules.allows_all:
        answer = "did not answer" if record.status is None else f"answered {record.status}"
        return Unreachable((record.until - now).total_seconds(), f"robots.txt {answer}.")
    return Allowed(rules.crawl_delay_s) if rules.allows(url) else Disallowed()

"""The reader: what an RQ worker does with a batch of row ids (promises P1, P5, P6, P9).

Claim, fetch all pages at once, read each in the killable child, and settle what is ready in short fenced
transactions. Whatever happens in between, a claim either ends by its token or runs out.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import count

import structlog
from sqlalchemy import Engine

from pipeline.outcomes import Reason
from pipeline.revisions.deciding import key_of
from pipeline.store import items, ledger, sitelines, stories
from pipeline.values import Claim, Content, FetchedPage, FetchFailure, FetchResult, PageRef, StoredStory, StoryRecord
from pipeline.wire.identity import is_wire_url
from workers.archive import Archive, ArchiveError, load
from workers.child import ReadingChild
from workers.database import reading
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import HttpClient, RobotsBook, product_token
from workers.lanes import Lanes, LoopThread
from workers.memory import SiteMemory
from workers.policy import http_policy
from workers.process import describe, is_passing, new_name, prolong_leases, utc_now
from workers.queue import READ_URLS, run_worker
from workers.settings import Settings
from workers.settler import ReadPage, Settler
from workers.together import ENOUGH, Together
from workers.turns import Rank

log = structlog.get_logger("reader")

# What is read of a batch is settled when nothing more of it arrives for this long, or when it is enough (together.py).
FLUSH_AFTER_S = 0.3
# After a stop signal, a batch may go on for this long; then its open claims go back (P9 allows 30 s in all).
STOP_GRACE_S = 15.0
# How long the first of a batch's requests at the gate waits for the others to share its transaction.
GATHER_S = 0.03
# How long a page waits when it was us who could not go on: the disk is full, or SQL is away.
OUR_FAULT_WAIT_S = 30.0


class Reader:
    """One worker's engine, HTTP client, reading child and archive."""

    def __init__(
        self,
        engine: Engine,
        http: HttpClient,
        robots: RobotsBook,
        child: ReadingChild,
        archive: Archive,
        settings: Settings,
    ) -> None:
        self._engine = engine
        self._http = http
        self._robots = robots
        self._child = child
        self._archive = archive
        self._settings = settings
        self._memory = SiteMemory(engine)
        self._numbers = count()
        self._is_stopping = False
        self._together = Together(Settler(engine, settings, lambda: self._is_stopping).settle)

    def stop(self) -> None:
        """Bring the running batch to an end soon. Safe to call from a signal handler."""
        self._is_stopping = True

    async def read_urls(self, url_ids: Sequence[int]) -> list[StoredStory]:
        """Read the pages of these rows; returns how each ended. Ids that are not ours to read are passed over."""
        token = uuid.uuid4().hex
        number = next(self._numbers)
        claims, learned = await asyncio.to_thread(self._claim, url_ids, token)
        # Breaking news before all else, and then the batch that came first.
        rank = (min((claim.priority for claim in claims), default=0), number)
        self._memory.keep(learned)
        ended: list[StoredStory] = []
        async with self._lease_kept(token):
            with self._together.batch(len(claims)) as batch:
                ready: list[ReadPage] = []
                async for item in self._fetched(claims):
                    if item is not None:
                        ready.append(_without_body(await self._read(*item, rank)))
                    if ready and (item is None or len(ready) >= ENOUGH):
                        ended += await batch.settle(ready)
                        ready = []
                if ready:
                    ended += await batch.settle(ready)
        if len(ended) < len(claims):
            await asyncio.to_thread(self._give_back, token)
        return ended

    async def read_batch(self, url_ids: Sequence[int]) -> None:
        """The same for a worker. The one place of its process that catches everything: claims run out, and go back."""
        try:
            await self.read_urls(url_ids)
        except Exception as error:
            if is_passing(error):
                log.warning("batch_failed", error=describe(error))
            else:
                log.exception("batch_failed")

    def _claim(self, url_ids: Sequence[int], token: str) -> tuple[list[Claim], dict[str, frozenset[str]]]:
        """The claims, and the learned lines of their sites: asked for each page they would be a transaction each."""
        if self._is_stopping:
            return [], {}
        with self._engine.begin() as connection:
            claims = ledger.claim_urls(connection, url_ids, token, utc_now(), self._settings.lease_s)
            return claims, sitelines.learned_of(connection, {claim.site for claim in claims}) if claims else {}

    @contextlib.asynccontextmanager
    async def _lease_kept(self, token: str) -> AsyncIterator[None]:
        """Prolong the batch's leases while it is worked on."""
        task = asyncio.create_task(prolong_leases(lambda: self._extend(token), self._settings.lease_s))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _extend(self, token: str) -> None:
        with self._engine.begin() as connection:
            ledger.extend_claims(connection, token, utc_now(), self._settings.lease_s)

    async def _fetched(self, claims: Sequence[Claim]) -> AsyncIterator[tuple[Claim, FetchResult] | None]:
        """Responses as they arrive; None whenever none has come for a moment. Ends early after a stop signal."""
        arrived: asyncio.Queue[tuple[Claim, FetchResult]] = asyncio.Queue()

        async def fetch(claim: Claim) -> None:
            await arrived.put((claim, await self._fetch(claim)))

        tasks = [asyncio.create_task(fetch(claim)) for claim in claims]
        stop_at: float | None = None
        clock = asyncio.get_running_loop().time
        try:
            left = len(claims)
            while left:
                if self._is_stopping and stop_at is None:
                    stop_at = clock() + STOP_GRACE_S
                if stop_at is not None and clock() >= stop_at:
                    return
                try:
                    # Not wait_for: in Python 3.11 it takes no notice of a cancellation that comes with the answer.
                    async with asyncio.timeout(FLUSH_AFTER_S):
                        item = await arrived.get()
                except TimeoutError:
                    yield None
                    continue
                left -= 1
                yield item
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, claim: Claim) -> FetchResult:
        if claim.item is not None and (hindrance := items.hindrance(claim.item, utc_now())) is not None:
            return FetchFailure(claim.url, *hindrance, utc_now())
        if (given := given_page(claim)) is not None:
            return given
        if is_wire_url(claim.url) or _is_backfilled(claim):
            return await asyncio.to_thread(self._archived, claim)
        headers = []
        if claim.story_id is not None:
            headers += [("If-None-Match", claim.etag)] if claim.etag else []
            headers += [("If-Modified-Since", claim.last_modified)] if claim.last_modified else []
        try:
            return await self._http.fetch(claim.link, kind="page", headers=headers, robots=self._robots)
        except Exception as error:
            return _our_fault(claim, error)

    async def _read(self, claim: Claim, result: FetchResult, rank: Rank) -> ReadPage:
        if not isinstance(result, FetchedPage):
            return ReadPage(claim, result)
        try:
            if claim.story_id is not None:
                return await self._read_again(claim, result, rank)
            if _is_backfilled(claim):
                furniture = await self._memory.furniture_of(result.final_url)
                story = await self._child.read_page(result, claim.hints, furniture, rank)
                return ReadPage(claim, result, reading=story, is_archived=True)
            page = self._archive.add(result, as_resource=_is_given(claim))
            furniture = await self._memory.furniture_of(result.final_url)
            story = await self._child.read_page(result, claim.hints, furniture, rank)
            return ReadPage(claim, result, page, story, body_sha256=page.body_sha256)
        except Exception as error:
            return ReadPage(claim, _our_fault(claim, error))

    async def _read_again(self, claim: Claim, result: FetchedPage, rank: Rank) -> ReadPage:
        """A stored page: the bytes of last time aren't parsed, and only what shows another text is archived.

        A story is looked at a hundred times. Most pages send a new body each time, and the same story in it.
        """
        body_sha256 = hashlib.sha256(result.body).hexdigest()
        if body_sha256 == claim.body_sha256:
            return ReadPage(claim, result, body_sha256=body_sha256)
        # What the site has taught since is no change that the outlet made: `reread` applies it.
        furniture = await asyncio.to_thread(self._taken_before, claim)
        story = await self._child.read_page(result, claim.hints, furniture, rank)
        is_other = isinstance(story, StoryRecord) and key_of(story) != claim.shown_key
        page = self._archive.add(result, as_resource=_is_given(claim)) if is_other else None
        return ReadPage(claim, result, page, story, body_sha256)

    def _taken_before(self, claim: Claim) -> frozenset[str]:
        with reading(self._engine) as connection:
            return sitelines.taken_from(connection, claim.url_id)

    def _archived(self, claim: Claim) -> FetchResult:
        """The item as it was read before: it lies in the archive, and nobody on the web can be asked for it."""
        with reading(self._engine) as connection:
            row = stories.newest_page(connection, claim.url_id)
        if row is None:
            return FetchFailure(
                claim.url, Reason.NOT_FOUND, "The item's body is neither in SQL nor archived.", utc_now()
            )
        ref = PageRef(**{name: getattr(row, name) for name in PageRef.__dataclass_fields__})
        try:
            return load(self._settings.archive_dir, ref)
        except ArchiveError as error:
            return FetchFailure(claim.url, Reason.NOT_FOUND, str(error), utc_now())

    def _give_back(self, token: str) -> None:
        with self._engine.begin() as connection:
            given = ledger.give_back(connection, token, utc_now())
        if given:
            log.info("given_back", urls=given)


def _without_body(item: ReadPage) -> ReadPage:
    """Archived and read, a page's bytes are held no longer: it may wait for others before it is settled."""
    return replace(item, result=replace(item.result, body=b"")) if isinstance(item.result, FetchedPage) else item


def _is_backfilled(claim: Claim) -> bool:
    """Whether the page was put into the archive before it was read. A look at its story asks the web, like any."""
    return claim.is_archived and claim.story_id is None


def _given(claim: Claim) -> Content | None:
    content = claim.item.content if claim.item is not None else None
    return None if content is None or content.is_probe else content


def _is_given(claim: Claim) -> bool:
    """Whether the body came with its announcement instead of from the page's own server."""
    return is_wire_url(claim.url) or _given(claim) is not None


def given_page(claim: Claim) -> FetchedPage | None:
    """The body that came with the announcement, as if it had been fetched; None where a page is to be asked for."""
    content = _given(claim)
    if content is None:
        return None
    headers = (("content-type", f"{content.media_type}; charset=utf-8"),)
    url = claim.url if is_wire_url(claim.url) else claim.link
    body = content.body.encode("utf-8", "replace")
    return FetchedPage(claim.url, url, 200, headers, body, utc_now(), elapsed_s=0.0)


def _our_fault(claim: Claim, error: Exception) -> FetchFailure:
    """One page's trouble must not become its batch's.

    A full disk, a database that is away, a reading process that can't be had: the page waits, and no attempt counts.
    Anything else is a fault of ours that the log must show; it counts, so that it can't go round for ever.
    """
    if is_passing(error):
        log.error("page_waits", url=claim.url, error=describe(error))
    else:
        log.exception("page_failed", url=claim.url)
    wait_s = OUR_FAULT_WAIT_S if is_passing(error) else None
    return FetchFailure(claim.url, Reason.INTERNAL_ERROR, describe(error), utc_now(), retry_after_s=wait_s)


def run_reader(engine: Engine, settings: Settings) -> None:
    """Work on the queue until SIGTERM."""
    name = new_name("reader")
    archive, child = Archive(settings.archive_dir, name), ReadingChild()
    with LoopThread() as loop:
        gate = SqlGate(engine, settings.host_delay_s, GATHER_S)
        robots = RobotsBook(SqlRobotsStore(engine, GATHER_S), product_token(settings.user_agent))
        http = HttpClient(http_policy(settings), gate, utc_now)
        reader = Reader(engine, http, robots, child, archive, settings)
        lanes = Lanes(loop, reader.read_batch)

        def read_urls(url_ids: Sequence[int]) -> str:
            lanes.take(url_ids)
            return "taken"

        loop.run(http.__aenter__())
        for note in http.guard_notes():
            log.info("guard", note=note)
        log.info("reader_started", name=name)
        try:
            run_worker(settings.redis_dsn, name, {READ_URLS: read_urls}, reader.stop)
            lanes.drain()
        finally:
            loop.run(http.__aexit__(None, None, None))
            loop.run(child.close())
            archive.close()
    log.info("reader_stopped")

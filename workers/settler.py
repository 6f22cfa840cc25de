"""Settling: how pages that were read leave their claims, in short fenced transactions (promises P2, P5, P10)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine

from pipeline.feeds.fulltext import is_whole
from pipeline.outcomes import Reason, UrlState
from pipeline.revisions.deciding import key_of
from pipeline.settling import settle_failure
from pipeline.store import feeds, items, ledger, stories
from pipeline.store import hosts as host_store
from pipeline.store.lookups import BatchLook
from pipeline.store.revisits import LookedAt
from pipeline.store.statements import lock_texts
from pipeline.values import (
    Claim,
    FetchedPage,
    FetchFailure,
    FetchResult,
    NotModified,
    PageRef,
    Settlement,
    StoredStory,
    StoryRecord,
    Unread,
)
from pipeline.wire.identity import is_wire_url
from workers.looks import Seen, note_look
from workers.process import Backoff, describe, is_passing, utc_now
from workers.second_look import look_again, look_for_events
from workers.settings import Settings

log = structlog.get_logger("settler")

# A host that answers 429 or 503 without saying how long.
THROTTLE_DEFAULT_S = 60.0


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A claim with all that came of it, ready to be settled.

    `is_archived` says that the response was in the archive before, and has its row of `pages`.
    """

    claim: Claim
    result: FetchResult
    page: PageRef | None = None
    reading: StoryRecord | Unread | None = None
    body_sha256: str | None = None
    is_archived: bool = False


class Settler:
    """Writes outcomes. `is_stopping` says whether patience with a database that is away has to end."""

    def __init__(self, engine: Engine, settings: Settings, is_stopping: Callable[[], bool]) -> None:
        self._engine = engine
        self._settings = settings
        self._is_stopping = is_stopping

    async def settle(self, ready: Sequence[ReadPage]) -> list[StoredStory]:
        """Write the outcomes; while SQL is away, try again until the leases are surely lost.

        To be called for one batch after the other, see Together: they would only wait for each other's locks.
        """
        backoff = Backoff()
        give_up_at = asyncio.get_running_loop().time() + self._settings.lease_s * 2
        while True:
            try:
                return await asyncio.to_thread(self.settle_now, ready)
            except Exception as error:
                if not is_passing(error):
                    log.exception("batch_not_settled", pages=len(ready))
                    return await asyncio.to_thread(self._settle_apart, ready)
                if self._is_stopping() or asyncio.get_running_loop().time() >= give_up_at:
                    log.error("batch_not_settled", pages=len(ready), error=describe(error))
                    return []
                wait_s = backoff.next_wait_s()
                log.warning("settling_waits", error=describe(error), wait_s=round(wait_s, 1))
                await asyncio.sleep(wait_s)

    def settle_now(self, ready: Sequence[ReadPage]) -> list[StoredStory]:
        """Write the outcomes in one transaction, whose error is raised; those whose lease was lost are left out."""
        with self._engine.begin() as connection:
            lock_texts(connection, content_hashes(ready))
            # Storing holds the site's memory: one order of sites for all, so that nobody waits in a circle.
            in_order = sorted(ready, key=lambda item: (item.claim.site, item.claim.url_id))
            standing = _standing(connection, in_order)
            look = _look_ahead(connection, standing)
            with stories.stored_together(connection, look):
                ended = [self._settle_one(connection, item, look) for item in standing]
        for outcome in ended:
            _log_outcome(outcome, ready)
        self._look_again(ended)
        return ended

    def _look_again(self, ended: Sequence[StoredStory]) -> None:
        """What was stored stays stored, whatever happens here: a look that fails is repeated by the sweeper."""
        founded = [outcome.story_id for outcome in ended if outcome.reason is Reason.NEW and outcome.story_id]
        try:
            look_again(self._engine, founded)
            look_for_events(self._engine, [outcome.story_id for outcome in ended if outcome.story_id])
        except Exception:
            log.exception("second_look_failed", stories=len(founded))

    def _settle_apart(self, ready: Sequence[ReadPage]) -> list[StoredStory]:
        """One transaction a page: a page that SQL refuses ends as our fault, and takes no other along."""
        ended = []
        for item in ready:
            try:
                ended += self.settle_now([item])
            except Exception as error:
                log.exception("page_not_settled", url=item.claim.url)
                failure = FetchFailure(item.claim.url, Reason.INTERNAL_ERROR, describe(error), utc_now())
                ended += self.settle_now([ReadPage(item.claim, failure)])
        return ended

    def _settle_one(self, connection: Connection, item: ReadPage, look: BatchLook) -> StoredStory:
        """Write how one page ended whose claim stands."""
        claim, now = item.claim, utc_now()
        if not items.is_current(connection, claim):
            newer = Settlement(UrlState.WAITING, Reason.REVISED, now, "A newer version came while this one was read.")
            ledger.postpone(connection, claim, newer)
            return StoredStory(claim.url_id, newer.state, newer.reason, claim.story_id, newer.detail)
        if (hold_s := _hold_asked_s(item.result)) > 0:
            host_store.hold_host(connection, claim.host, now, hold_s)
        wait_s = _held_back_s(item.result)
        if wait_s is not None and isinstance(item.result, FetchFailure):
            waiting = Settlement(
                UrlState.WAITING,
                item.result.reason,
                now + timedelta(seconds=max(wait_s, self._settings.host_delay_s)),
                item.result.detail,
            )
            ledger.postpone(connection, claim, waiting)
            return StoredStory(claim.url_id, waiting.state, waiting.reason, claim.story_id, waiting.detail)
        outcome, settlement = self._outcome(connection, item, look)
        ledger.settle(connection, claim, settlement, now, outcome.story_id)
        if settlement.state is UrlState.STORED and not is_wire_url(claim.url):
            note_look(connection, self._settings.revisits, _seen(item, outcome, now), now, random.random())
        _settle_item(connection, item)
        return outcome

    def _outcome(self, connection: Connection, item: ReadPage, look: BatchLook) -> tuple[StoredStory, Settlement]:
        claim, now = item.claim, utc_now()
        page_id = _page_id(connection, item)
        if isinstance(item.reading, StoryRecord) and page_id is not None and isinstance(item.result, FetchedPage):
            stored = stories.store_record(connection, claim, page_id, item.result.final_url, item.reading, now, look)
            return stored, Settlement(stored.state, stored.reason, detail=stored.detail)
        if claim.story_id is not None and _shows_the_same(item):
            settlement = Settlement(UrlState.STORED, Reason.UNCHANGED)
        else:
            settlement = self._failure(item)
            if isinstance(item.reading, Unread):
                stories.keep_dropped(connection, claim.url_id, item.reading.dropped)
        return StoredStory(
            claim.url_id, settlement.state, settlement.reason, claim.story_id, settlement.detail
        ), settlement

    def _failure(self, item: ReadPage) -> Settlement:
        reason, detail, retry_after_s = _failure_facts(item)
        return settle_failure(
            item.claim,
            reason,
            detail,
            utc_now(),
            max_attempts=self._settings.max_attempts,
            retry_base_s=self._settings.retry_base_s,
            jitter=random.random(),
            retry_after_s=retry_after_s,
        )


def _standing(connection: Connection, ready: Sequence[ReadPage]) -> list[ReadPage]:
    """Those whose claims still stand, their rows held until the commit; of the others nothing is written."""
    held = ledger.held_among(connection, [item.claim for item in ready])
    for item in ready:
        if item.claim.url_id not in held:
            log.warning("lease_lost", url=item.claim.url)
    return [item for item in ready if item.claim.url_id in held]


def _look_ahead(connection: Connection, standing: Sequence[ReadPage]) -> BatchLook:
    """What the pages may be copies of, with the clusters locked that storing them may change: before any other row."""
    texts = [
        stories.wanted_of(item.result.final_url, item.reading)
        for item in standing
        if item.claim.story_id is None
        and isinstance(item.reading, StoryRecord)
        and isinstance(item.result, FetchedPage)
    ]
    look = BatchLook(connection, texts)
    look.known = stories.known_of(connection, [item.claim.url_id for item in standing])
    look.hold_ahead([item.claim.url_id for item in standing], content_hashes(standing))
    return look


def _page_id(connection: Connection, item: ReadPage) -> int | None:
    """The row of the archived response, made now unless there is one; None when nothing was archived."""
    if item.is_archived:
        row = stories.newest_page(connection, item.claim.url_id)
        return None if row is None else int(row.id)
    return stories.add_page(connection, item.claim.url_id, item.page) if item.page is not None else None


def _shows_the_same(item: ReadPage) -> bool:
    """Whether the page answered 304, sent the bytes of last time, or others that tell the same text."""
    if isinstance(item.result, NotModified):
        return True
    return item.page is None and isinstance(item.result, FetchedPage) and not isinstance(item.reading, Unread)


def _seen(item: ReadPage, outcome: StoredStory, now: datetime) -> Seen:
    is_failed = outcome.reason is Reason.REVISIT_FAILED
    record = item.reading if isinstance(item.reading, StoryRecord) else None
    key = key_of(record) if record is not None else None
    story = None
    if record is not None and key is not None and outcome.reason is Reason.NEW and outcome.story_id is not None:
        is_conflict = record.verdict.is_conflict or record.verdict.is_conflict_policy
        story = LookedAt(outcome.story_id, key, record.story.published_at, now, is_conflict)
    return Seen(
        claim=item.claim,
        reason=outcome.reason,
        failure=_failure_facts(item)[0] if is_failed else None,
        result=item.result,
        body_sha256=item.body_sha256,
        key=key,
        story=story,
    )


def _settle_item(connection: Connection, item: ReadPage) -> None:
    """Forget a body that is archived now, or that was only there to be compared with the page."""
    content = item.claim.item.content if item.claim.item is not None else None
    if content is None or (item.page is None and not _shows_the_same(item)):
        return
    if content.is_probe and isinstance(item.reading, StoryRecord) and item.claim.feed_id is not None:
        is_same = is_whole(content.body, item.reading.story.text)
        feeds.learn_full_text(connection, item.claim.feed_id, is_same=is_same)
    items.forget_body(connection, item.claim.url_id)


def content_hashes(ready: Sequence[ReadPage]) -> list[str]:
    """The exact texts among the pages: what must not be stored twice at once."""
    return [item.reading.fingerprint.content_hash for item in ready if isinstance(item.reading, StoryRecord)]


def _held_back_s(result: FetchResult) -> float | None:
    """How long to wait when it was us who could not go on: the gate is shut, SQL is away, the disk is full.

    Then no attempt counts. None for everything that says something about the page or its server.
    """
    if not isinstance(result, FetchFailure) or result.status is not None:
        return None
    if result.reason is Reason.THROTTLED:
        return result.retry_after_s or 0.0
    return result.retry_after_s if result.reason is Reason.INTERNAL_ERROR else None


def _hold_asked_s(result: FetchResult) -> float:
    """How long a server that was asked wants its host left alone; 0 when it did not say."""
    if not isinstance(result, FetchFailure) or result.status is None:
        return 0.0
    default_s = THROTTLE_DEFAULT_S if result.reason is Reason.THROTTLED else 0.0
    return result.retry_after_s or default_s


def _failure_facts(item: ReadPage) -> tuple[Reason, str, float | None]:
    if isinstance(item.reading, Unread):
        return item.reading.reason, item.reading.detail, None
    if isinstance(item.result, FetchFailure):
        return item.result.reason, item.result.detail, item.result.retry_after_s or _hold_asked_s(item.result)
    return Reason.PROTOCOL_ERROR, "304 to a request without conditions", None


def _log_outcome(outcome: StoredStory, ready: Sequence[ReadPage]) -> None:
    item = next(item for item in ready if item.claim.url_id == outcome.url_id)
    log.info(
        "page",
        url=item.claim.url,
        state=outcome.state.value,
        reason=outcome.reason.value,
        detail=outcome.detail,
        attempt=item.claim.attempts,
        story=outcome.story_id,
        elapsed_s=round(item.result.elapsed_s, 3),
    )

"""Polling an index of sitemaps: what it lists is read by conditional requests of its own, and is a poll of the index.

Per sitemap: gather (its response, its reading, what SQL knows of the index's entries), decide (plan_poll), apply
(apply_poll), in one transaction. Who dies in between finds the rest due at the next poll of the index.
"""

from __future__ import annotations

import asyncio
import random

import structlog
from sqlalchemy import Engine

from pipeline.feeds import body_digest, plan_poll, request_headers
from pipeline.feeds.sitemapindex import (
    READ_MAX,
    READ_MAX_BYTES,
    IndexedSitemap,
    SitemapsRead,
    after_reading,
    due_sitemaps,
    plan_index,
    plan_of_index,
)
from pipeline.outcomes import PollOutcome
from pipeline.store import feeds as feed_store
from pipeline.store import hosts as host_store
from pipeline.store import sitemaps as sitemap_store
from pipeline.values import FeedReading, FeedState, FetchedPage, FetchFailure, FetchResult, PollPlan
from workers.bodies import FeedBodies
from workers.database import reading
from workers.http import BodyPlace, HttpClient
from workers.process import utc_now

log = structlog.get_logger("sitemaps")


class Sitemaps:
    """Reads the sitemaps of indexes under the poller's `token`."""

    def __init__(self, engine: Engine, http: HttpClient, token: str, bodies: FeedBodies) -> None:
        self._engine = engine
        self._http = http
        self._token = token
        self._bodies = bodies

    async def poll(
        self, index: FeedState, result: FetchResult, listing: FeedReading | None, place: BodyPlace
    ) -> PollPlan | None:
        """What ends the poll of the index that answered `result`; None when its lease was lost meanwhile.

        `listing` is the index read, None when its body is the one of last time. A failed answer reads no sitemap. Its
        body and the sitemaps' have their place at `place`.
        """
        after, found, total = index, 0, 0
        sitemaps = await asyncio.to_thread(self._listed, index, listing)
        if sitemaps is None:
            return None
        at_hand = {sitemap.url: sitemap for sitemap in sitemaps}
        due = () if isinstance(result, FetchFailure) else due_sitemaps(sitemaps, utc_now())
        for sitemap in due[:READ_MAX]:
            if total >= READ_MAX_BYTES:
                break
            done = await self._read_one(after, sitemap, place)
            if done is None:
                return None
            plan, at_hand[sitemap.url], body_bytes = done
            total += body_bytes
            found += len(plan.announced)
            if plan.announced:
                after = after._replace(last_new_at=plan.state.last_new_at)
            if plan.fetch_delay_s > 0:
                break
        return plan_index(
            index, result, listing, SitemapsRead(found, tuple(at_hand.values())), utc_now(), random.random()
        )

    async def _read_one(
        self, index: FeedState, sitemap: IndexedSitemap, place: BodyPlace
    ) -> tuple[PollPlan, IndexedSitemap, int] | None:
        state = sitemap.state
        headers = request_headers(state, utc_now())
        result = await self._http.fetch(state.url, kind="feed", headers=headers, place=place)
        feed, known = None, dict[str, str]()
        if isinstance(result, FetchedPage) and body_digest(result.body) != state.body_sha256:
            # The index is who announces the entries: they are known by it.
            feed, known = await self._bodies.read_known(result, index._replace(is_index=True))
            feed = _alone(feed)
        plan = plan_poll(state, result, feed, known, utc_now(), random.random())
        after = after_reading(sitemap, plan)
        body_bytes = len(result.body) if isinstance(result, FetchedPage) else 0
        is_written = await asyncio.to_thread(self._apply, index, after, plan, body_bytes, result.elapsed_s)
        return (plan, after, body_bytes) if is_written else None

    def _listed(self, index: FeedState, listing: FeedReading | None) -> tuple[IndexedSitemap, ...] | None:
        if listing is not None:
            with self._engine.begin() as connection:
                if not sitemap_store.remember_sitemaps(connection, self._token, index.id, listing.children, utc_now()):
                    log.warning("poll_lease_lost", feed=index.url)
                    return None
        with reading(self._engine) as connection:
            return sitemap_store.listed_sitemaps(connection, index)

    def _apply(
        self, index: FeedState, sitemap: IndexedSitemap, plan: PollPlan, body_bytes: int, elapsed_s: float
    ) -> bool:
        now = utc_now()
        with self._engine.begin() as connection:
            if plan.outcome is PollOutcome.NOT_A_FEED:
                # Most sitemaps of an index list pages and no news. That is no failed poll of the index.
                sitemap_store.save_sitemap(connection, index.id, sitemap, plan)
                return True
            announced = plan_of_index(index, sitemap, plan, now)
            written = feed_store.apply_poll(
                connection, self._token, announced, now, body_bytes, elapsed_s, keeps_lease=True
            )
            if written is not None:
                sitemap_store.save_sitemap(connection, index.id, sitemap, plan)
                if plan.fetch_delay_s > 0:
                    host_store.hold_host(connection, host_store.asked_host(sitemap.url), now, plan.fetch_delay_s)
        if written is None:
            log.warning("poll_lease_lost", feed=index.url)
            return False
        log.info(
            "sitemap",
            index=index.url,
            sitemap=sitemap.url,
            outcome=plan.outcome.value,
            reason=plan.reason.value if plan.reason else None,
            entries=plan.entries_count,
            new_urls=written.new_urls,
            lost_estimate=plan.lost_estimate,
        )
        return True


def _alone(feed: FeedReading) -> FeedReading:
    """The reading of a sitemap; an index within an index is not followed, which the protocol does not allow either."""
    if not feed.children:
        return feed
    return FeedReading("none", problem="This is an index of sitemaps within another one.")

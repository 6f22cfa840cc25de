"""Indexes of sitemaps: which sitemaps one lists, which of them a poll reads, and when the next poll is due.

A big outlet announces its stories in a dozen sitemaps, one a day or a section, and lists them in an index
(sitemaps.org, 0.9). Each listed sitemap is read by a conditional request of its own and has its own row in SQL, so
that what one poll has no room for is read by the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pipeline.feeds import pace
from pipeline.feeds.dates import in_bounds, parse_instant
from pipeline.feeds.entries import RawFeed
from pipeline.feeds.polling import plan_poll
from pipeline.identity.urls import asked_url, is_same_site
from pipeline.outcomes import PollOutcome
from pipeline.values import ChildSitemap, FeedReading, FeedState, FetchResult, PollPlan

# Of an index that lists more, the newest are kept: the protocol allows 50,000, and months of archive are no news.
LISTED_MAX = 5_000
# What one poll of an index reads at most: sitemaps, and bytes of their bodies.
READ_MAX = 10
READ_MAX_BYTES = 32 * 1024 * 1024
# A sitemap that had not changed for so long when it was first seen holds no news: a news sitemap goes two days back.
OLD = timedelta(days=30)
# A sitemap whose lastmod stays the same is believed for a day; one that held no news and has no lastmod, for a week.
BELIEVED = timedelta(days=1)
NO_NEWS_FOR = timedelta(days=7)

_NEWS = re.compile(r"(?:^|[^a-z])news(?:[^a-z]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IndexedSitemap:
    """What SQL remembers of a sitemap that an index lists.

    `state` is that of a feed at the sitemap's address: validators, pace and failures of its own. `lastmod` is what the
    index says now, `read_lastmod` what it said when the sitemap was read last. `position` is its place in the order of
    reading, from 0. `has_news` is None while it was never read.
    """

    state: FeedState
    lastmod: datetime | None = None
    read_lastmod: datetime | None = None
    position: int = 0
    has_news: bool | None = None

    @property
    def url(self) -> str:
        """The sitemap's address."""
        return self.state.url


@dataclass(frozen=True, slots=True)
class SitemapsRead:
    """What a poll of an index found in its sitemaps: new entries, and the listed sitemaps as they stand now."""

    new_entries: int
    sitemaps: tuple[IndexedSitemap, ...]


def index_reading(raw: RawFeed, url: str, now: datetime) -> FeedReading:
    """The sitemaps of an index that came from `url`: of its own site only, news first, then the newest.

    `refused` counts those of other sites, those without an address, and the oldest beyond LISTED_MAX.
    """
    found: dict[str, ChildSitemap] = {}
    refused = 0
    for child in raw.children:
        asked = asked_url(child.link, url)
        if asked is None or asked == url or not is_same_site(asked, url):
            refused += 1
        else:
            found.setdefault(asked, ChildSitemap(asked, in_bounds(parse_instant(child.lastmod), now)))
    ordered = in_reading_order(found.values())
    if not ordered:
        return FeedReading("none", refused=refused, problem="This index lists no sitemap of its own site.")
    return FeedReading(
        raw.format,
        refused=refused + max(0, len(ordered) - LISTED_MAX),
        children=ordered[:LISTED_MAX],
    )


def in_reading_order(children: Iterable[ChildSitemap]) -> tuple[ChildSitemap, ...]:
    """Those named news first, then those that changed last; those without a lastmod keep their order at the end."""

    def rank(child: ChildSitemap) -> tuple[bool, float]:
        return not is_named_news(child.url), -(child.lastmod.timestamp() if child.lastmod is not None else 0.0)

    return tuple(sorted(children, key=rank))


def is_named_news(url: str) -> bool:
    """Whether the address says that it is a sitemap of news; the host does not count, for all its pages are."""
    parts = urlsplit(url)
    return _NEWS.search(f"{parts.path}?{parts.query}") is not None


def due_sitemaps(sitemaps: Sequence[IndexedSitemap], now: datetime) -> tuple[IndexedSitemap, ...]:
    """Those that are to be read now, the most urgent first: never read or changed, then by who waits longest."""

    def urgency(sitemap: IndexedSitemap) -> tuple[bool, int, float]:
        read_at = sitemap.state.last_polled_at
        is_known = read_at is not None and not _is_changed(sitemap)
        return is_known, 0 if is_known else sitemap.position, read_at.timestamp() if read_at is not None else 0.0

    return tuple(sorted((sitemap for sitemap in sitemaps if is_due(sitemap, now)), key=urgency))


def is_due(sitemap: IndexedSitemap, now: datetime) -> bool:
    """Whether the sitemap is to be read: never read, changed by its lastmod, or its own pace says so."""
    state = sitemap.state
    is_old = sitemap.lastmod is not None and now - sitemap.lastmod > OLD and not is_named_news(state.url)
    if state.last_polled_at is None or state.last_polled_at > now:
        return not is_old
    has_waited = state.next_poll_at is None or state.next_poll_at <= now
    if sitemap.has_news is False:
        since = now - state.last_polled_at
        return _is_changed(sitemap) and since >= BELIEVED if sitemap.lastmod is not None else since >= NO_NEWS_FOR
    if state.error_count:
        return has_waited
    if _is_changed(sitemap):
        return True
    if sitemap.lastmod is None or is_named_news(state.url):
        return has_waited
    return not is_old and now - state.last_polled_at >= BELIEVED


def after_reading(sitemap: IndexedSitemap, plan: PollPlan) -> IndexedSitemap:
    """The sitemap after the poll of it that `plan` decided. Its address stays the one that the index gives."""
    if plan.outcome is PollOutcome.FAILED:
        has_news, read_lastmod = sitemap.has_news, sitemap.read_lastmod
    else:
        has_news, read_lastmod = plan.outcome is not PollOutcome.NOT_A_FEED, sitemap.lastmod
    return replace(
        sitemap,
        state=plan.state._replace(url=sitemap.url, redirect_url=None, redirect_count=0),
        has_news=has_news,
        read_lastmod=read_lastmod,
    )


def plan_of_index(index: FeedState, sitemap: IndexedSitemap, plan: PollPlan, now: datetime) -> PollPlan:
    """The poll of one of its sitemaps as a poll of the index, which is who announces the entries.

    The index stays due as it was, and nothing that another sitemap lists counts as gone. What the text in the feed
    teaches is kept by the index.
    """
    seen = index._replace(
        last_polled_at=now,
        last_new_at=now if plan.announced else index.last_new_at,
        known_entries=max(index.known_entries, len(plan.announced)),
    )
    detail = f"{sitemap.url}: {plan.detail}" if plan.detail else sitemap.url
    return replace(plan, state=seen, listed=None, detail=detail[:500])


def plan_index(
    state: FeedState, result: FetchResult, reading: FeedReading | None, read: SitemapsRead, now: datetime, jitter: float
) -> PollPlan:
    """What to write at the end of a poll of an index, after its sitemaps were read as `read` says.

    Its pace is that of all its sitemaps together; while some are due and were not read, the next poll is soon.
    Raises ValueError for a new body without a reading.
    """
    plan = plan_poll(state, result, reading, {}, now, jitter)
    if plan.reason is not None:
        return plan
    known = sum(sitemap.state.known_entries for sitemap in read.sitemaps)
    interval_s = plan.state.interval_s
    if read.new_entries and state.last_success_at is not None:
        elapsed_s = (now - state.last_success_at).total_seconds()
        interval_s = pace.next_interval_s(state.interval_s, elapsed_s, read.new_entries)
    due = [_due_at(sitemap, now) for sitemap in read.sitemaps]
    next_due_s = min(((at - now).total_seconds() for at in due if at is not None), default=interval_s)
    wait_s = pace.jittered_s(min(interval_s, max(0.0, next_due_s)), pace.INTERVAL_MIN_S, jitter)
    after = plan.state._replace(
        interval_s=interval_s,
        next_poll_at=now + timedelta(seconds=wait_s),
        known_entries=known,
        last_new_at=now if read.new_entries else state.last_new_at,
        is_index=True,
    )
    return replace(plan, state=after, listed=None, entries_count=len(read.sitemaps))


def _due_at(sitemap: IndexedSitemap, now: datetime) -> datetime | None:
    """When the sitemap is due by its own pace; None when that is the index's to say."""
    if is_due(sitemap, now):
        return now
    is_paced = sitemap.has_news is True and (sitemap.lastmod is None or is_named_news(sitemap.url))
    return sitemap.state.next_poll_at if is_paced or sitemap.state.error_count else None


def _is_changed(sitemap: IndexedSitemap) -> bool:
    return sitemap.lastmod is not None and sitemap.lastmod != sitemap.read_lastmod

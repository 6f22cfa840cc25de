"""The figures that say how the whole is doing: one look for /metrics, `top` and `doctor`, so that they agree.

All of it is read from SQL, where every process on every machine writes what happened: nothing has to be summed over
processes, and nothing is lost when one of them is started anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, select, text

from pipeline.outcomes import FeedStatus, PollOutcome, Reason, UrlState
from pipeline.store import ledger
from pipeline.store.schema import feed_polls, feeds, hosts, pages, stories, urls

# A feed is overdue when its poll is this late, failing when it failed this often in a row.
OVERDUE_AFTER = timedelta(minutes=30)
FAILING_AT = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """How everything stands at one instant. Ages are in seconds; 0 where there is nothing to be old."""

    urls: tuple[tuple[UrlState, Reason | None, int], ...]
    backlog_age_s: float
    in_hand_age_s: float
    leases_overdue: int
    feeds: int
    feeds_overdue: int
    feeds_failing: int
    silent_sources: int
    hosts_held: int
    stories_last_hour: int
    polls_last_hour: tuple[tuple[PollOutcome, int], ...]

    def count(self, state: UrlState) -> int:
        """How many URLs stand in a state, for whatever reason."""
        return sum(number for found, _, number in self.urls if found == state)


def take_figures(connection: Connection, now: datetime) -> Figures:
    """All figures at `now`. Reads the whole index of URLs once: not to be asked more than every few seconds."""
    active = feeds.c.status != FeedStatus.DISABLED
    total, overdue, failing = connection.execute(
        select(
            func.count(),
            func.count(case((feeds.c.next_poll_at < now - OVERDUE_AFTER, 1))),
            func.count(case((feeds.c.error_count >= FAILING_AT, 1))),
        ).where(active)
    ).one()
    hour_ago = now - timedelta(hours=1)
    polls = connection.execute(
        select(feed_polls.c.outcome, func.count()).where(feed_polls.c.polled_at > hour_ago).group_by("outcome")
    ).all()
    return Figures(
        urls=tuple(ledger.count_reasons(connection)),
        backlog_age_s=_age_s(ledger.oldest_due(connection), now),
        in_hand_age_s=_age_s(_oldest_in_hand(connection), now),
        leases_overdue=_leases_overdue(connection, now),
        feeds=total,
        feeds_overdue=overdue,
        feeds_failing=failing,
        silent_sources=connection.execute(text("SELECT count(*) FROM source_health WHERE is_silent = 1")).scalar_one(),
        hosts_held=connection.execute(select(func.count()).where(hosts.c.down_until > now)).scalar_one(),
        stories_last_hour=connection.execute(select(func.count()).where(stories.c.stored_at > hour_ago)).scalar_one(),
        polls_last_hour=tuple(sorted((PollOutcome(outcome), number) for outcome, number in polls)),
    )


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _oldest_in_hand(connection: Connection) -> datetime | None:
    """When the oldest URL that is on the queue or in a worker's hands became due."""
    query = select(func.min(urls.c.due_at)).where(urls.c.state.in_((UrlState.QUEUED, UrlState.CLAIMED)))
    oldest: datetime | None = connection.execute(query).scalar_one()
    return oldest


def _leases_overdue(connection: Connection, now: datetime) -> int:
    """Leases of URLs and feeds that have run out and were not taken back yet."""
    held = urls.c.state.in_((UrlState.QUEUED, UrlState.CLAIMED))
    of_urls = connection.execute(select(func.count()).where(held, urls.c.lease_until < now)).scalar_one()
    of_feeds = connection.execute(select(func.count()).where(feeds.c.lease_until < now)).scalar_one()
    return int(of_urls) + int(of_feeds)


# ------------------------------------------------------------------------------------------------ what `top` lists


def slowest_hosts(connection: Connection, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Hosts with most URLs waiting: how many, since when the first was due, and until when they want to be left."""
    oldest = func.min(urls.c.due_at)
    query = (
        select(
            urls.c.host,
            func.count().label("waiting"),
            oldest.label("oldest_due_at"),
            func.max(hosts.c.delay_s).label("delay_s"),
            func.max(case((hosts.c.down_until > now, hosts.c.down_until))).label("down_until"),
        )
        .outerjoin(hosts, hosts.c.host == urls.c.host)
        .where(urls.c.state == UrlState.WAITING, urls.c.due_at <= now)
        .group_by(urls.c.host)
        .order_by(func.count().desc(), oldest, urls.c.host)
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def newest_outcomes(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The URLs that ended last, newest first: when, how, why, and which."""
    query = (
        select(urls.c.settled_at, urls.c.state, urls.c.reason, urls.c.host, urls.c.url)
        .where(urls.c.settled_at.is_not(None))
        .order_by(urls.c.settled_at.desc(), urls.c.id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def oldest_in_hand(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The URLs that have been on the queue or in a worker's hands longest, with the end of their lease."""
    query = (
        select(urls.c.state, urls.c.due_at, urls.c.lease_until, urls.c.attempts, urls.c.host)
        .where(urls.c.state.in_((UrlState.QUEUED, UrlState.CLAIMED)))
        .order_by(urls.c.due_at, urls.c.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


# --------------------------------------------------------------------------------- what /metrics counts as it passes


@dataclass(frozen=True, slots=True)
class Ended:
    """One thing that happened, known by `key`: the words it is counted under, and seconds by stage."""

    key: tuple[int, datetime]
    words: tuple[str, ...]
    seconds: tuple[tuple[str, float], ...] = ()


def ended_urls(connection: Connection, since: datetime, limit: int) -> list[Ended]:
    """URLs that ended at or after `since`, oldest first: state and reason. One row is seen again when it ends again."""
    query = select(urls.c.id, urls.c.settled_at, urls.c.state, urls.c.reason).where(urls.c.settled_at >= since)
    rows = connection.execute(query.order_by(urls.c.settled_at, urls.c.id).limit(limit))
    return [Ended((row.id, row.settled_at), (row.state, row.reason or "none")) for row in rows]


def ended_polls(connection: Connection, since: datetime, limit: int) -> list[Ended]:
    """Polls made at or after `since`, oldest first: the outcome, and how long the request took."""
    query = select(feed_polls.c.id, feed_polls.c.polled_at, feed_polls.c.outcome, feed_polls.c.elapsed_s)
    query = query.where(feed_polls.c.polled_at >= since).order_by(feed_polls.c.polled_at, feed_polls.c.id).limit(limit)
    return [
        Ended((row.id, row.polled_at), (row.outcome,), (("poll", row.elapsed_s),)) for row in connection.execute(query)
    ]


def new_stories(connection: Connection, since: datetime, limit: int) -> list[Ended]:
    """Stories stored at or after `since`, oldest first, with the seconds of each stage of their way.

    Stages: published to announced (dated stories only), announced to fetched, fetched to stored. The page is the
    first one of the story's URL: a later revision does not move it.
    """
    first = select(func.min(pages.c.fetched_at)).where(pages.c.url_id == stories.c.url_id).correlate(stories)
    query = select(
        stories.c.id,
        stories.c.stored_at,
        stories.c.published_at,
        stories.c.announced_at,
        first.scalar_subquery().label("fetched_at"),
    ).where(stories.c.stored_at >= since)
    found = []
    for row in connection.execute(query.order_by(stories.c.stored_at, stories.c.id).limit(limit)):
        stages = (
            ("published_to_announced", row.published_at, row.announced_at),
            ("announced_to_fetched", row.announced_at, row.fetched_at),
            ("fetched_to_stored", row.fetched_at, row.stored_at),
        )
        # A page dated later than now, or a clock that was set back, is no negative duration.
        seconds = tuple((name, max(0.0, (end - start).total_seconds())) for name, start, end in stages if start and end)
        found.append(Ended((row.id, row.stored_at), ("stored",), seconds))
    return found

"""Clusters that grow now, and the waiting URLs whose headlines tell of the same report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from pipeline.batches import BREAKING_PRIORITY, REVISIT_PRIORITY
from pipeline.growth import GROWING_AT, GROWING_WITHIN, headline_words, tells_of
from pipeline.outcomes import Relation, UrlState
from pipeline.store.schema import stories, story_links, urls

# So many growing clusters, headlines of each of them together, and waiting URLs are looked at, the newest first.
CLUSTERS_MAX = 50
HEADLINES_MAX = 200
WAITING_MAX = 5_000


def telling_urls(connection: Connection, now: datetime) -> list[int]:
    """The ids of what waits, was announced lately, and tells of a growing report.

    Not looks at stored pages, and not what has failed before: that waits for its own time.
    """
    growing = growing_headlines(connection, now)
    if not growing:
        return []
    waiting = connection.execute(
        select(urls.c.id, urls.c.entry_title)
        .where(urls.c.state == UrlState.WAITING, urls.c.reason.is_(None), urls.c.announced_at > now - GROWING_WITHIN)
        .where(urls.c.priority > BREAKING_PRIORITY, urls.c.priority < REVISIT_PRIORITY)
        .order_by(urls.c.announced_at.desc())
        .limit(WAITING_MAX)
    )
    return [row.id for row in waiting if tells_of(row.entry_title, growing)]


def hasten(connection: Connection, url_ids: Sequence[int]) -> int:
    """Make breaking news of those of the URLs that still wait; returns how many."""
    still_waits = (urls.c.id.in_(url_ids), urls.c.state == UrlState.WAITING)
    return connection.execute(update(urls).where(*still_waits).values(priority=BREAKING_PRIORITY)).rowcount


def growing_headlines(connection: Connection, now: datetime) -> Sequence[frozenset[str]]:
    """The words of each headline under which a growing cluster's report was told."""
    is_lately = (story_links.c.linked_at > now - GROWING_WITHIN, story_links.c.relation == Relation.COPY)
    links = story_links.join(stories, stories.c.id == story_links.c.matched_story_id)
    copies = func.count(story_links.c.url_id.distinct())
    grown = (
        select(stories.c.cluster_id)
        .select_from(links)
        .where(*is_lately)
        .group_by(stories.c.cluster_id)
        .having(copies >= GROWING_AT)
        .order_by(copies.desc())
        .limit(CLUSTERS_MAX)
        .subquery()
    )
    told = (
        select(stories.c.title, story_links.c.title.label("link_title"))
        .select_from(links.join(grown, grown.c.cluster_id == stories.c.cluster_id))
        .where(*is_lately)
        .order_by(story_links.c.id.desc())
        .limit(HEADLINES_MAX)
    )
    titles = {title for row in connection.execute(told) for title in row if title}
    return [found for title in sorted(titles) if (found := headline_words(title))]

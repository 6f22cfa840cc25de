"""Retention in SQL: the words of old stories go, and what keeps them from ever being stored again stays.

What stays is the tombstone: the URL's row with its canonical form, the story's row with its ids, title, dates and
content hash, every fingerprint, every link and every verdict's figures (docs/decisions/0018). All functions work
on one bounded batch, marked in the transaction that empties it, so a run that was stopped is simply run again.

Old polls go as rows: what is asked of them later is counted by day as they come, and the gaps that they found stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from pipeline.outcomes import TERMINAL_STATES, PollOutcome
from pipeline.store.schema import (
    dropped_lines,
    feed_polls,
    items,
    pages,
    revision_changes,
    revisions,
    revisits,
    stories,
    story_bands,
    urls,
    verdicts,
)

# Rows of one transaction: on SQLite everybody else waits meanwhile.
BATCH = 100
# The place of a poll in the order of time; this one is before all of them.
PollPlace = tuple[datetime, int]
FIRST_POLL: PollPlace = (datetime(1990, 1, 1, tzinfo=UTC), 0)


@dataclass(frozen=True, slots=True)
class Prunable:
    """What a cutoff would take: stories with text, their bytes of text, and archived responses."""

    stories: int
    text_bytes: int
    pages: int


def prunable(connection: Connection, cutoff: datetime) -> Prunable:
    """How much lies before the cutoff and was not pruned yet."""
    size = func.coalesce(func.sum(func.length(stories.c.text)), 0)
    count, text_bytes = connection.execute(select(func.count(), size).where(_is_due(cutoff))).one()
    archived = connection.execute(select(func.count()).where(*_is_archived(cutoff))).scalar_one()
    return Prunable(int(count), int(text_bytes), int(archived))


def prune_stories(connection: Connection, cutoff: datetime, now: datetime, limit: int = BATCH) -> int:
    """Take the words of at most `limit` stories out that were stored, and revised last, before the cutoff.

    A story whose page is being read just now waits for the next run. Returns how many were pruned.
    """
    is_at_rest = exists().where(urls.c.id == stories.c.url_id, urls.c.state.in_(TERMINAL_STATES))
    query = select(stories.c.id, stories.c.url_id).where(_is_due(cutoff), is_at_rest)
    chosen = connection.execute(query.order_by(stories.c.stored_at).limit(limit).with_for_update()).all()
    if chosen:
        story_ids, url_ids = [row.id for row in chosen], [row.url_id for row in chosen]
        _empty_stories(connection, story_ids, now)
        _empty_urls(connection, url_ids)
        _forget_anchors(connection, story_ids)
    return len(chosen)


def prune_pages(connection: Connection, cutoff: datetime, limit: int = 5 * BATCH) -> int:
    """Mark at most `limit` archived responses from before the cutoff as gone; returns how many.

    Their rows stay: status, digest and time of each request are facts about the past, and small.
    """
    ids = connection.execute(select(pages.c.id).where(*_is_archived(cutoff)).order_by(pages.c.id).limit(limit))
    chosen = list(ids.scalars())
    if chosen:
        connection.execute(update(pages).where(pages.c.id.in_(chosen)).values(warc_length=0))
    return len(chosen)


def prunable_polls(connection: Connection, cutoff: datetime) -> int:
    """How many polls from before the cutoff would go."""
    query = select(func.count()).select_from(feed_polls).where(feed_polls.c.polled_at < cutoff, *_is_plain_poll())
    return int(connection.execute(query).scalar_one())


def prune_polls(connection: Connection, cutoff: datetime, after: PollPlace, limit: int = 10 * BATCH) -> list[PollPlace]:
    """Delete at most `limit` polls from before the cutoff, oldest first; returns their places.

    `after` is the last place that was returned before (FIRST_POLL at first), so that what stays is not looked at again.
    What stays: each poll that found a gap, the one before it, which says since when, and the last of each feed.
    """
    at, last_id = after
    polled_at, poll_id = feed_polls.c.polled_at, feed_polls.c.id
    is_behind = (polled_at >= at) & or_(polled_at > at, poll_id > last_id)
    query = select(polled_at, poll_id).where(polled_at < cutoff, is_behind, *_is_plain_poll())
    chosen = connection.execute(query.order_by(polled_at, poll_id).limit(limit)).all()
    if chosen:
        connection.execute(delete(feed_polls).where(feed_polls.c.id.in_([row.id for row in chosen])))
    return [(row.polled_at, row.id) for row in chosen]


def sample_pages(connection: Connection, limit: int) -> list[Row[Any]]:
    """At most `limit` archived responses with their URLs: half the newest, half spread evenly over all ids."""
    columns = select(pages, urls.c.url).join(urls, urls.c.id == pages.c.url_id).where(pages.c.warc_length > 0)
    newest = list(connection.execute(columns.order_by(pages.c.id.desc()).limit(limit - limit // 2)))
    if len(newest) < limit - limit // 2:
        return newest
    last = newest[-1].id
    first = connection.execute(select(func.min(pages.c.id)).where(pages.c.warc_length > 0)).scalar_one()
    step = max(1, (last - first) // max(1, limit // 2))
    spread: dict[int, Row[Any]] = {}
    for start in range(first, last, step):
        row = connection.execute(columns.where(pages.c.id >= start, pages.c.id < last).order_by(pages.c.id).limit(1))
        spread |= {found.id: found for found in row}
    return [*newest, *list(spread.values())[: limit // 2]]


def is_pruned(url_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the URL's story was pruned: then its page is never asked for again."""
    return exists().where(stories.c.url_id == url_id, stories.c.pruned_at.is_not(None))


def first_day_to_keep(bytes_by_day: dict[date, int], max_bytes: int, today: date) -> date | None:
    """The first day of the archive that may stay if it is to take `max_bytes` at most; None when all of it may.

    The newest days stay. Today always does, whatever its size: it is being written.
    """
    kept = bytes_by_day.get(today, 0)
    for day in sorted((day for day in bytes_by_day if day < today), reverse=True):
        kept += bytes_by_day[day]
        if kept > max_bytes:
            return date.fromordinal(day.toordinal() + 1)
    return None


def _is_due(cutoff: datetime) -> ColumnElement[bool]:
    is_quiet = or_(stories.c.revised_at.is_(None), stories.c.revised_at < cutoff)
    return (stories.c.stored_at < cutoff) & is_quiet & stories.c.pruned_at.is_(None)


def _is_archived(cutoff: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    # By the folder of the day that will be deleted: a backfill archives today what was fetched years ago.
    return pages.c.warc_file < cutoff.strftime("%Y-%m-%d"), pages.c.warc_length > 0


def _is_plain_poll() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether a poll found no gap, and neither did the next one that read its feed; one that read nothing is plain."""
    later = feed_polls.alias("later")
    unread = [PollOutcome.FAILED, PollOutcome.NOT_A_FEED]
    following = select(later.c.lost_estimate.is_(None)).where(
        later.c.feed_id == feed_polls.c.feed_id,
        later.c.polled_at > feed_polls.c.polled_at,
        later.c.outcome.not_in(unread),
    )
    nothing_lost = following.order_by(later.c.polled_at).limit(1).correlate(feed_polls).scalar_subquery()
    is_plain = feed_polls.c.outcome.in_(unread) | func.coalesce(nothing_lost, false())
    return feed_polls.c.lost_estimate.is_(None), is_plain


def _empty_stories(connection: Connection, story_ids: Sequence[int], now: datetime) -> None:
    empty: dict[str, Any] = {"text": "", "standfirst": None, "subheads": [], "captions": [], "credits": []}
    empty |= {"live_entries": [], "editor_notes": []}
    connection.execute(update(stories).where(stories.c.id.in_(story_ids)).values(**empty, pruned_at=now))
    mine = revisions.c.story_id.in_(story_ids)
    changed = revision_changes.c.revision_id.in_(select(revisions.c.id).where(mine))
    connection.execute(update(revision_changes).where(changed).values(old=None, new=None, near=None))
    connection.execute(update(revisions).where(mine).values(text="", standfirst=None))
    connection.execute(update(verdicts).where(verdicts.c.story_id.in_(story_ids)).values(evidence=[]))


def _empty_urls(connection: Connection, url_ids: Sequence[int]) -> None:
    connection.execute(update(urls).where(urls.c.id.in_(url_ids)).values(entry_summary=None))
    connection.execute(update(items).where(items.c.url_id.in_(url_ids)).values(body=None, note=None))
    connection.execute(update(revisits).where(revisits.c.url_id.in_(url_ids)).values(due_at=None))
    connection.execute(delete(dropped_lines).where(dropped_lines.c.url_id.in_(url_ids)))


def _forget_anchors(connection: Connection, story_ids: Sequence[int]) -> None:
    """Near-copies of a cluster are found by comparing words; one that has none left needs no anchors."""
    touched = select(stories.c.cluster_id).where(stories.c.id.in_(story_ids))
    living = _living_clusters().where(stories.c.cluster_id == story_bands.c.cluster_id).correlate(story_bands)
    connection.execute(delete(story_bands).where(story_bands.c.cluster_id.in_(touched), ~living.exists()))


def _living_clusters() -> Select[Any]:
    return select(stories.c.id).where(stories.c.pruned_at.is_(None))

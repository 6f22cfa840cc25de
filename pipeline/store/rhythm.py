"""The rhythm of feeds in SQL: what each hour of the week brought, and the event when a feed falls silent."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import Connection, bindparam, select

from pipeline.feeds.rhythm import HourRhythm, heard, hour_of_week, silent_after
from pipeline.store.events import EventKind, add_event
from pipeline.store.many import ForRows
from pipeline.store.schema import feed_rhythm
from pipeline.store.statements import insert_of
from pipeline.values import FeedState

# Built once, as all that every poll with news runs.
_HOURS_OF = select(feed_rhythm).where(feed_rhythm.c.feed_id == bindparam("b_feed_id")).order_by(feed_rhythm.c.hour)


_HEARD = ("polls", "entries", "as_of")


@cache
def _note_hour(dialect: str) -> ForRows:
    statement = insert_of(dialect, feed_rhythm)
    statement = statement.on_conflict_do_update(
        index_elements=["feed_id", "hour"], set_={name: statement.excluded[name] for name in _HEARD}
    )
    return ForRows(statement.inline(), ("feed_id", "hour", *_HEARD), is_bare_insert=True)


def rhythm_of(connection: Connection, feed_id: int) -> list[HourRhythm]:
    """The hours of the week in which the feed ever brought news."""
    rows = connection.execute(_HOURS_OF, {"b_feed_id": feed_id})
    return [HourRhythm(row.hour, row.polls, row.entries, row.as_of) for row in rows]


def note_news(connection: Connection, feed_id: int, added_at: datetime, entries: int, now: datetime) -> datetime | None:
    """Add a poll with that many new entries to the rhythm; returns from when on the feed's silence is an alarm."""
    rows = {row.hour: row for row in rhythm_of(connection, feed_id)}
    hour = heard(rows.get(hour_of_week(now)), entries, now)
    rows[hour.hour] = hour
    noting = _note_hour(connection.dialect.name)
    noting.ask(connection, feed_id, hour.hour, hour.polls, hour.entries, hour.as_of)
    return silent_after(rows.values(), added_at, now)


def note_silence(connection: Connection, before: FeedState, url: str, *, has_news: bool, now: datetime) -> None:
    """Record that the good poll at `now` finds the feed silent against its habit, or heard again after that.

    `before` is the feed as the poll found it: the alarm is raised by the first good poll after `silent_after`.
    """
    since, checked = before.silent_after, before.last_success_at
    if since is None:
        return
    was_silent = checked is not None and checked >= since
    last_new = before.last_new_at.isoformat() if before.last_new_at is not None else ""
    if has_news and was_silent:
        add_event(connection, EventKind.FEED_HEARD, url, {"silent_since": last_new}, now)
    elif not has_news and falls_silent(before, now):
        add_event(
            connection, EventKind.FEED_SILENT, url, {"silent_since": last_new, "expected_by": since.isoformat()}, now
        )


def falls_silent(before: FeedState, now: datetime) -> bool:
    """Whether a good poll at `now` without news is the first that finds the feed silent against its habit."""
    since, checked = before.silent_after, before.last_success_at
    return since is not None and now >= since and (checked is None or checked < since)

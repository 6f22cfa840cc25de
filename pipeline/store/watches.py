"""Watches in SQL: what they found, once a cluster, and what is still to be told (promise P2 for people)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, String, and_, column, delete, func, or_, select, table, update

from pipeline.outcomes import AlertKind, AlertReason, AlertState, StoryStatus
from pipeline.store.conditions import Candidate, matching
from pipeline.store.schema import (
    Id,
    clusters,
    event_clusters,
    status_changes,
    stories,
    story_links,
    told_events,
    verdicts,
    watch_alerts,
    watches,
)
from pipeline.store.statements import insert_id, insert_missing, is_over, slices
from pipeline.store.types import UtcDateTime
from pipeline.watching.conditions import Condition
from pipeline.watching.messages import Match
from pipeline.watching.sending import Limit, Waiting, choose_alerts, next_try

# A story is dated before the transaction that stores it is committed: what is younger than this is looked at again.
OVERLAP = timedelta(minutes=10)
# Corrections of stories that were alerted longer ago are nobody's news.
FOLLOWED_FOR = timedelta(days=90)
CANDIDATES_AT_ONCE = 400

_MATCH_FIELDS = tuple(Match.__dataclass_fields__)
_view = table(
    "watch_matches",
    column("watch", String),
    column("match_id", Id),
    column("kind", String),
    column("matched_at", UtcDateTime),
    column("story_id", Id),
    column("title", String),
    column("url", String),
    column("source", String),
    column("acts", String),
    column("actors", String),
    column("status", String),
    column("standfirst", String),
    column("language", String),
    column("published_at", UtcDateTime),
)


class WatchNameTaken(Exception):
    """There is a watch of that name already."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch as it stands. `targets` are references: names of targets, or files that hold one."""

    id: int
    name: str
    condition: str
    targets: tuple[str, ...]
    digest: timedelta | None
    limit: Limit | None
    is_active: bool
    looked_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What a watcher has in hand to send: the alerts of one message."""

    token: str
    alert_ids: tuple[int, ...]
    matches: tuple[Match, ...]


def add_watch(
    connection: Connection,
    name: str,
    condition: str,
    targets: Sequence[str],
    *,
    digest: timedelta | None,
    limit: Limit | None,
    since: datetime,
    now: datetime,
) -> int:
    """Keep a watch for stories stored since `since`; returns its id. Raises WatchNameTaken."""
    if find_watch(connection, name) is not None:
        raise WatchNameTaken(f"there is a watch named {name} already: remove it first, or choose another name")
    row = {
        "name": name,
        "condition": condition,
        "targets": list(targets),
        "digest_s": digest.total_seconds() if digest else None,
        "limit_messages": limit.messages if limit else None,
        "limit_s": limit.window.total_seconds() if limit else None,
        "is_active": True,
        "added_at": now,
        # The first look goes back by the overlap, as each does: here it must not.
        "looked_at": since + OVERLAP,
    }
    return insert_id(connection, watches, row)


def list_watches(connection: Connection, *, active_only: bool = False) -> list[Watch]:
    """All watches, by name."""
    query = select(watches).order_by(watches.c.name)
    return [_watch(row) for row in connection.execute(query.where(watches.c.is_active) if active_only else query)]


def find_watch(connection: Connection, name: str) -> Watch | None:
    """The watch of that name; None when there is none."""
    row = connection.execute(select(watches).where(watches.c.name == name)).first()
    return None if row is None else _watch(row)


def set_active(connection: Connection, name: str, is_active: bool, now: datetime) -> bool:
    """Stop or resume a watch; whether there is one. What came while it was stopped is not looked at."""
    change = update(watches).where(watches.c.name == name)
    if is_active:
        change = change.where(~watches.c.is_active).values(is_active=True, looked_at=now + OVERLAP)
        return bool(connection.execute(change).rowcount) or find_watch(connection, name) is not None
    return bool(connection.execute(change.values(is_active=False)).rowcount)


def remove_watch(connection: Connection, name: str) -> bool:
    """Forget a watch and everything it found; whether there was one."""
    return bool(connection.execute(delete(watches).where(watches.c.name == name)).rowcount)


def _watch(row: Row[Any]) -> Watch:
    has_limit = row.limit_messages is not None
    return Watch(
        id=row.id,
        name=row.name,
        condition=row.condition,
        targets=tuple(row.targets),
        digest=timedelta(seconds=row.digest_s) if row.digest_s is not None else None,
        limit=Limit(row.limit_messages, timedelta(seconds=row.limit_s)) if has_limit else None,
        is_active=row.is_active,
        looked_at=row.looked_at,
    )


# ---------------------------------------------------------------------------------------------------------- looking


def stirred_stories(connection: Connection, since: datetime) -> list[Candidate]:
    """Stories of clusters in which something happened since: stored, judged, copied, other origins. By ascending id."""
    linked = (
        select(stories.c.cluster_id)
        .join(story_links, story_links.c.matched_story_id == stories.c.id)
        .where(story_links.c.linked_at >= since)
    )
    judged = (
        select(stories.c.cluster_id)
        .join(verdicts, verdicts.c.story_id == stories.c.id)
        .where(verdicts.c.is_conflict_policy, verdicts.c.judged_at >= since)
    )
    stored = select(stories.c.cluster_id).where(stories.c.stored_at >= since)
    counted = select(clusters.c.id).where(clusters.c.origins_at >= since)
    retold = (
        select(event_clusters.c.cluster_id)
        .join(told_events, told_events.c.id == event_clusters.c.event_id)
        .where(told_events.c.changed_at >= since)
    )
    query = select(stories.c.id, stories.c.cluster_id).where(
        stories.c.cluster_id.in_(linked.union(judged, stored, counted, retold).scalar_subquery())
    )
    return [Candidate(row.id, row.cluster_id) for row in connection.execute(query.order_by(stories.c.id))]


def find_matches(connection: Connection, condition: Condition, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The first matching story about conflict policy of each cluster, by ascending id."""
    found: dict[int, Candidate] = {}
    for piece in slices(candidates, CANDIDATES_AT_ONCE):
        ids = matching(connection, condition, piece, policy_only=True)
        for candidate in piece:
            if candidate.story_id in ids and candidate.cluster_id is not None:
                found.setdefault(candidate.cluster_id, candidate)
    return sorted(found.values(), key=lambda candidate: candidate.story_id)


def note_matches(connection: Connection, watch: Watch, found: Iterable[Candidate], now: datetime) -> int:
    """Keep what a look found and how far it came; returns how many alerts are new.

    A cluster is alerted once, also one that has taken up a cluster alerted before.
    """
    state = AlertState.WAITING if watch.targets else AlertState.RECORDED
    rows = [
        {
            "watch_id": watch.id,
            "cluster_id": one.cluster_id,
            "kind": AlertKind.MATCH,
            "story_id": one.story_id,
            "state": state,
            "created_at": now,
            "due_at": now,
        }
        for one in found
    ]
    known: set[int] = set()
    for piece in slices([row["cluster_id"] for row in rows]):
        told = (
            select(stories.c.cluster_id)
            .join(watch_alerts, watch_alerts.c.story_id == stories.c.id)
            .where(watch_alerts.c.watch_id == watch.id, stories.c.cluster_id.in_(piece))
        )
        known.update(connection.execute(told).scalars())
    new = insert_missing(connection, watch_alerts, [row for row in rows if row["cluster_id"] not in known])
    connection.execute(update(watches).where(watches.c.id == watch.id).values(looked_at=now))
    return new


def note_status_changes(connection: Connection, watch: Watch, now: datetime) -> int:
    """Keep a follow-up for each alerted story that was corrected or withdrawn since; each once. Returns how many.

    Only what people were told needs a follow-up: an alert that waits tells the status itself.
    """
    kinds = dict.fromkeys(StoryStatus, AlertKind.WITHDRAWAL) | {StoryStatus.CORRECTED: AlertKind.CORRECTION}
    query = (
        select(watch_alerts.c.cluster_id, watch_alerts.c.story_id, stories.c.status)
        .join(stories, stories.c.id == watch_alerts.c.story_id)
        .where(
            watch_alerts.c.watch_id == watch.id,
            watch_alerts.c.kind == AlertKind.MATCH,
            watch_alerts.c.state.in_((AlertState.SENT, AlertState.RECORDED)),
            watch_alerts.c.created_at > now - FOLLOWED_FOR,
            stories.c.status != StoryStatus.USABLE,
            # What had this status when people were told needs no second word.
            select(status_changes.c.id)
            .where(
                status_changes.c.story_id == stories.c.id,
                status_changes.c.status == stories.c.status,
                status_changes.c.changed_at >= func.coalesce(watch_alerts.c.sent_at, watch_alerts.c.created_at),
            )
            .exists(),
        )
    )
    state = AlertState.WAITING if watch.targets else AlertState.RECORDED
    rows = [
        {
            "watch_id": watch.id,
            "cluster_id": row.cluster_id,
            "kind": kinds[StoryStatus(row.status)],
            "story_id": row.story_id,
            "state": state,
            "created_at": now,
            "due_at": now,
        }
        for row in connection.execute(query)
    ]
    return insert_missing(connection, watch_alerts, rows)


# ---------------------------------------------------------------------------------------------------------- telling


def take_message(connection: Connection, watch: Watch, token: str, now: datetime, lease_s: float) -> Taken | None:
    """Take the alerts of the watch's next message into hand, counting the attempt; None when nothing may be sent now.

    Committed before anything is sent: after a crash the lease runs out, and the message is sent again.
    """
    # One watcher at a time plans for a watch, or two would overstep its limit.
    connection.execute(select(watches.c.id).where(watches.c.id == watch.id).with_for_update())
    own = watch_alerts.c.watch_id == watch.id
    connection.execute(
        update(watch_alerts)
        .where(own, watch_alerts.c.state == AlertState.SENDING, is_over(watch_alerts.c.lease_until, now, lease_s))
        .values(state=AlertState.WAITING, lease_until=None)
    )
    query = (
        select(watch_alerts.c.id, watch_alerts.c.created_at, watch_alerts.c.due_at)
        .where(own, watch_alerts.c.state == AlertState.WAITING)
        .order_by(watch_alerts.c.id)
        .limit(1_000)
    )
    waiting = [Waiting(row.id, row.created_at, row.due_at) for row in connection.execute(query)]
    chosen = choose_alerts(waiting, watch.digest, watch.limit, _sent_lately(connection, watch, now), now)
    if not chosen:
        return None
    connection.execute(
        update(watch_alerts)
        .where(watch_alerts.c.id.in_(chosen))
        .values(
            state=AlertState.SENDING,
            message=token,
            lease_until=now + timedelta(seconds=lease_s),
            attempts=watch_alerts.c.attempts + 1,
        )
    )
    return Taken(token, chosen, tuple(list_matches(connection, watch.name, ids=chosen)))


def _sent_lately(connection: Connection, watch: Watch, now: datetime) -> int:
    """How many messages the watch has sent, or has in hand, within its limit's window."""
    if watch.limit is None:
        return 0
    since = now - watch.limit.window
    query = select(func.count(watch_alerts.c.message.distinct())).where(
        watch_alerts.c.watch_id == watch.id,
        or_(
            watch_alerts.c.state == AlertState.SENDING,
            and_(watch_alerts.c.state == AlertState.SENT, watch_alerts.c.sent_at > since),
        ),
    )
    return int(connection.execute(query).scalar_one())


def settle_sent(connection: Connection, taken: Taken, now: datetime) -> int:
    """The message arrived; returns how many alerts were still in this watcher's hands."""
    return connection.execute(
        update(watch_alerts)
        .where(watch_alerts.c.message == taken.token, watch_alerts.c.state == AlertState.SENDING)
        .values(state=AlertState.SENT, sent_at=now, lease_until=None, reason=None, detail=None)
    ).rowcount


def settle_failed(
    connection: Connection, taken: Taken, reason: AlertReason, detail: str | None, now: datetime
) -> tuple[int, int]:
    """The message did not arrive: (alerts that wait for another try, alerts given up)."""
    held = and_(watch_alerts.c.message == taken.token, watch_alerts.c.state == AlertState.SENDING)
    counts = {row.id: row.attempts for row in connection.execute(select(watch_alerts).where(held))}
    dead = 0
    for alert_id, attempts in counts.items():
        again_at = next_try(attempts, now)
        dead += again_at is None
        values = {"state": AlertState.DEAD} if again_at is None else {"state": AlertState.WAITING, "due_at": again_at}
        connection.execute(
            update(watch_alerts)
            .where(watch_alerts.c.id == alert_id)
            .values(reason=reason, detail=None if detail is None else detail[:500], lease_until=None, **values)
        )
    return len(counts) - dead, dead


# ---------------------------------------------------------------------------------------------------------- reading


def list_matches(
    connection: Connection, watch: str, *, limit: int = 1_000, ids: Sequence[int] | None = None
) -> list[Match]:
    """What a watch found, newest first, or the matches of `ids`, oldest first."""
    query = select(*(_view.c[name] for name in _MATCH_FIELDS)).where(_view.c.watch == watch)
    if ids is None:
        query = query.order_by(_view.c.match_id.desc()).limit(limit)
    else:
        query = query.where(_view.c.match_id.in_(ids)).order_by(_view.c.match_id)
    return [
        Match(**{**row._mapping, "kind": AlertKind(row.kind), "status": str(row.status)})
        for row in connection.execute(query)
    ]


def alert_log(connection: Connection, name: str | None, limit: int) -> list[dict[str, Any]]:
    """Alerts with their state, newest first; of all watches where no name is given."""
    query = (
        select(
            watch_alerts.c.id,
            watches.c.name.label("watch"),
            watch_alerts.c.kind,
            watch_alerts.c.state,
            watch_alerts.c.reason,
            watch_alerts.c.detail,
            watch_alerts.c.attempts,
            watch_alerts.c.created_at,
            watch_alerts.c.due_at,
            watch_alerts.c.sent_at,
            watch_alerts.c.cluster_id,
            watch_alerts.c.story_id,
            stories.c.title,
        )
        .join(watches, watches.c.id == watch_alerts.c.watch_id)
        .join(stories, stories.c.id == watch_alerts.c.story_id)
        .order_by(watch_alerts.c.id.desc())
        .limit(limit)
    )
    if name is not None:
        query = query.where(watches.c.name == name)
    return [dict(row._mapping) for row in connection.execute(query)]


def count_alerts(connection: Connection) -> dict[int, dict[str, int]]:
    """Watch id -> how many of its alerts stand in which state."""
    query = select(watch_alerts.c.watch_id, watch_alerts.c.state, func.count().label("alerts"))
    found: dict[int, dict[str, int]] = {}
    for row in connection.execute(query.group_by(watch_alerts.c.watch_id, watch_alerts.c.state)):
        found.setdefault(row.watch_id, {})[str(row.state)] = row.alerts
    return found

"""Subscriptions at WebSub hubs in SQL: what is wanted, what was asked for, and until when a hub pushes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from pipeline.outcomes import FeedStatus, SubscriptionState
from pipeline.store.schema import feeds, websub_subscriptions
from pipeline.store.statements import insert_missing

# A hub that took a request has so long to verify it before it is asked again.
VERIFY_WITHIN = timedelta(minutes=15)
# A request is made so early that a hub which is away for a day costs nothing.
RENEWED_AT_SHARE = 0.7
LEASE_MIN_S, LEASE_MAX_S = 600.0, 2_592_000.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 900.0, 86_400.0
_OPEN = (SubscriptionState.WANTED, SubscriptionState.REQUESTED, SubscriptionState.ACTIVE, SubscriptionState.DENIED)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One feed's subscription. `token` and `secret` are secrets: they stay out of repr() and logs."""

    feed_id: int
    hub_url: str
    topic_url: str
    state: SubscriptionState
    lease_until: datetime | None
    token: str
    secret: str

    def __repr__(self) -> str:
        return f"Subscription(feed_id={self.feed_id}, hub_url={self.hub_url!r}, state={self.state.value})"


def match_feeds(connection: Connection, now: datetime, new_key: Callable[[], str]) -> int:
    """Want a subscription for each feed that names a hub, end those of feeds that do no more; returns how many changed.

    A feed that names another hub, or itself otherwise, gets a new callback and a new secret.
    """
    is_wanted = and_(feeds.c.hub_url.is_not(None), feeds.c.topic_url.is_not(None), feeds.c.status == FeedStatus.ACTIVE)
    joined = select(feeds.c.id, feeds.c.hub_url, feeds.c.topic_url, websub_subscriptions.c.state).outerjoin(
        websub_subscriptions, websub_subscriptions.c.feed_id == feeds.c.id
    )
    is_other = or_(
        websub_subscriptions.c.feed_id.is_(None),
        websub_subscriptions.c.state == SubscriptionState.ENDED,
        websub_subscriptions.c.hub_url != feeds.c.hub_url,
        websub_subscriptions.c.topic_url != feeds.c.topic_url,
    )
    changed = 0
    for row in connection.execute(joined.where(is_wanted, is_other)).all():
        values = {
            "hub_url": row.hub_url,
            "topic_url": row.topic_url,
            "token": new_key(),
            "secret": new_key(),
            "state": SubscriptionState.WANTED,
            "lease_until": None,
            "next_request_at": now,
            "requested_at": None,
            "failures": 0,
            "detail": None,
        }
        if row.state is None:
            changed += insert_missing(connection, websub_subscriptions, [{"feed_id": row.id, **values}])
        else:
            changed += _change(connection, row.id, **values)
    over = select(feeds.c.id).where(~is_wanted)
    ended = (
        update(websub_subscriptions)
        .where(websub_subscriptions.c.feed_id.in_(over), websub_subscriptions.c.state != SubscriptionState.ENDED)
        .values(state=SubscriptionState.ENDED, lease_until=None)
    )
    return changed + connection.execute(ended).rowcount


def take_requests(connection: Connection, now: datetime, limit: int) -> list[Subscription]:
    """Up to `limit` subscriptions to be asked for now, first or again; others leave them alone for VERIFY_WITHIN."""
    table = websub_subscriptions
    # A later instant than any of ours was written by a clock that ran ahead.
    latest = now + timedelta(seconds=LEASE_MAX_S)
    query = (
        select(table)
        .where(table.c.state.in_(_OPEN), or_(table.c.next_request_at <= now, table.c.next_request_at > latest))
        .order_by(table.c.next_request_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(query).all()
    for row in rows:
        is_live = row.state == SubscriptionState.ACTIVE and row.lease_until is not None and row.lease_until > now
        state = SubscriptionState.ACTIVE if is_live else SubscriptionState.REQUESTED
        _change(connection, row.feed_id, state=state, requested_at=now, next_request_at=now + VERIFY_WITHIN)
    return [_subscription(row) for row in rows]


def note_refusal(connection: Connection, feed_id: int, detail: str, now: datetime, wait_s: float | None) -> None:
    """The hub did not take the request: it is made again after a back-off, or after `wait_s` if that is longer."""
    query = select(websub_subscriptions.c.failures).where(websub_subscriptions.c.feed_id == feed_id)
    failures = (connection.execute(query).scalar_one_or_none() or 0) + 1
    backoff_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(failures - 1, 10))
    due_at = now + timedelta(seconds=max(backoff_s, wait_s or 0.0))
    _change(connection, feed_id, failures=failures, detail=detail[:500], next_request_at=due_at)


def subscription_of(connection: Connection, token: str) -> Subscription | None:
    """The subscription behind a callback; None when there is none."""
    row = connection.execute(select(websub_subscriptions).where(websub_subscriptions.c.token == token)).first()
    return None if row is None else _subscription(row)


def activate(connection: Connection, feed_id: int, lease_s: float, now: datetime) -> None:
    """The hub verified the subscription for `lease_s` seconds; it is renewed well before its end."""
    lease_s = min(max(lease_s, LEASE_MIN_S), LEASE_MAX_S)
    _change(
        connection,
        feed_id,
        state=SubscriptionState.ACTIVE,
        lease_until=now + timedelta(seconds=lease_s),
        next_request_at=now + timedelta(seconds=lease_s * RENEWED_AT_SHARE),
        verified_at=now,
        failures=0,
        detail=None,
    )


def deny(connection: Connection, feed_id: int, reason: str, now: datetime) -> None:
    """The hub denied the subscription, or ended it; it is asked again after a day."""
    due_at = now + timedelta(seconds=_LONGEST_WAIT_S)
    _change(
        connection,
        feed_id,
        state=SubscriptionState.DENIED,
        lease_until=None,
        detail=reason[:500],
        next_request_at=due_at,
    )


def note_push(connection: Connection, feed_id: int, now: datetime) -> None:
    """A push was believed. To be called in the transaction that writes what it brought."""
    table = websub_subscriptions
    _change(connection, feed_id, pushes=table.c.pushes + 1, last_push_at=now)
    connection.execute(update(feeds).where(feeds.c.id == feed_id).values(pushed_at=now))


def note_bad_signature(connection: Connection, feed_id: int) -> None:
    """A push bore no signature, or a wrong one, and was ignored."""
    _change(connection, feed_id, bad_signatures=websub_subscriptions.c.bad_signatures + 1)


def _change(connection: Connection, feed_id: int, **values: Any) -> int:
    statement = update(websub_subscriptions).where(websub_subscriptions.c.feed_id == feed_id).values(**values)
    return connection.execute(statement).rowcount


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        feed_id=row.feed_id,
        hub_url=row.hub_url,
        topic_url=row.topic_url,
        state=SubscriptionState(row.state),
        lease_until=row.lease_until,
        token=row.token,
        secret=row.secret,
    )

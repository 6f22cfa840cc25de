"""Polls that changed nothing, written many at once: nineteen of twenty polls are such (promise P4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from pipeline.outcomes import PollOutcome
from pipeline.store.rhythm import falls_silent
from pipeline.store.schema import feed_polls, feeds
from pipeline.values import FeedState, PollPlan

_UNCHANGED = (PollOutcome.NOT_MODIFIED, PollOutcome.SAME_BODY)


@dataclass(frozen=True, slots=True)
class QuietPoll:
    """One poll that found nothing at `polled_at`, and what it decided."""

    plan: PollPlan
    polled_at: datetime
    body_bytes: int
    elapsed_s: float


def is_quiet(before: FeedState, plan: PollPlan, now: datetime) -> bool:
    """Whether the poll of `before` touches nothing but the feed's row and a row of `feed_polls`."""
    after = plan.state
    return (
        plan.outcome in _UNCHANGED
        and plan.reason is None
        and plan.listed is None
        and plan.lost_estimate is None
        and not plan.fetch_delay_s
        and (after.url, after.status, after.body_sha256) == (before.url, before.status, before.body_sha256)
        and not falls_silent(before, now)
    )


# What such a poll may change of its feed. The rest, its status among it, is left to whoever changes it meanwhile.
_STATE = (
    "etag",
    "last_modified",
    "interval_s",
    "error_count",
    "last_polled_at",
    "last_success_at",
    "last_unconditional_at",
    "redirect_url",
    "redirect_count",
    "next_poll_at",
    "hub_url",
    "topic_url",
    "push_confirmed",
)
# Built once, as all that every poll runs.
_SAVE = (
    update(feeds)
    .where(feeds.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}", type_=feeds.c[name].type) for name in (*_STATE, "last_outcome")})
    .values(last_reason=None, last_detail=None, lease_token=None, lease_until=None)
)
_HELD = (
    select(feeds.c.id)
    .where(feeds.c.id.in_(bindparam("b_ids", expanding=True)), feeds.c.lease_token == bindparam("b_token"))
    # The order of extend_feeds: the two never wait for each other in a ring.
    .order_by(feeds.c.id)
    .with_for_update()
)
_NOTE_POLL = insert(feed_polls)


def apply_quiet_polls(connection: Connection, token: str, polls: Sequence[QuietPoll]) -> set[int]:
    """Write the polls and give their feeds back; the ids of those written, which are those still held by `token`."""
    given = {"b_ids": [poll.plan.state.id for poll in polls], "b_token": token}
    held = set(connection.execute(_HELD, given).scalars())
    written = [poll for poll in polls if poll.plan.state.id in held]
    if written:
        connection.execute(_SAVE, [_state_of(poll.plan) for poll in written])
        connection.execute(_NOTE_POLL, [_row_of(poll) for poll in written])
    return held


def _state_of(plan: PollPlan) -> dict[str, Any]:
    values: dict[str, Any] = {f"b_{name}": getattr(plan.state, name) for name in _STATE}
    return values | {"b_id": plan.state.id, "b_last_outcome": plan.outcome}


def _row_of(poll: QuietPoll) -> dict[str, Any]:
    return {
        "feed_id": poll.plan.state.id,
        "polled_at": poll.polled_at,
        "outcome": poll.plan.outcome,
        "http_status": poll.plan.http_status,
        "body_bytes": poll.body_bytes,
        "elapsed_s": poll.elapsed_s,
    }

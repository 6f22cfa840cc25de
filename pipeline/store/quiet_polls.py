"""Polls that changed nothing, written many at once: nineteen of twenty polls are such (promise P4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from pipeline.outcomes import PollOutcome
from pipeline.store.many import ForRows
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
_SAVE = ForRows(
    update(feeds)
    .where(feeds.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}", type_=feeds.c[name].type) for name in (*_STATE, "last_outcome")})
    .values(last_reason=None, last_detail=None, lease_token=None, lease_until=None),
    [*(f"b_{name}" for name in _STATE), "b_last_outcome", "b_id"],
)
_NOTE_POLL = ForRows(
    insert(feed_polls).inline(),
    ("feed_id", "polled_at", "outcome", "http_status", "body_bytes", "elapsed_s"),
    is_bare_insert=True,
)
_state_of = attrgetter(*_STATE)
# Built once, as all that every poll runs.
_HELD = (
    select(feeds.c.id)
    .where(feeds.c.id.in_(bindparam("b_ids", expanding=True)), feeds.c.lease_token == bindparam("b_token"))
    # The order of extend_feeds: the two never wait for each other in a ring.
    .order_by(feeds.c.id)
    .with_for_update()
)


def apply_quiet_polls(connection: Connection, token: str, polls: Sequence[QuietPoll]) -> set[int]:
    """Write the polls and give their feeds back; the ids of those written, which are those still held by `token`."""
    given = {"b_ids": [poll.plan.state.id for poll in polls], "b_token": token}
    held = set(connection.execute(_HELD, given).scalars())
    written = [poll for poll in polls if poll.plan.state.id in held]
    _SAVE.run(connection, [(*_state_of(poll.plan.state), poll.plan.outcome, poll.plan.state.id) for poll in written])
    _NOTE_POLL.run(connection, [_row_of(poll) for poll in written])
    return held


def _row_of(poll: QuietPoll) -> tuple[Any, ...]:
    plan = poll.plan
    return plan.state.id, poll.polled_at, plan.outcome, plan.http_status, poll.body_bytes, poll.elapsed_s

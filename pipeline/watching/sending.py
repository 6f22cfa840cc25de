"""When a watch speaks, and how long it waits after a failure: pure decisions over what is waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# One message lists so many alerts at most; the rest waits for the next.
MOST_IN_MESSAGE = 50
# Six tries in about six hours: 1 min, 4 min, 16 min, 1 h 4 min, 4 h 16 min between them.
MOST_ATTEMPTS = 6
FIRST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `messages` in any `window`."""

    messages: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that nobody was told yet: when the story matched, and from when it may be sent."""

    alert_id: int
    created_at: datetime
    due_at: datetime


def choose_alerts(
    waiting: Sequence[Waiting], digest: timedelta | None, limit: Limit | None, sent: int, now: datetime
) -> tuple[int, ...]:
    """The ids of the alerts that the next message holds; none when nothing may be sent now.

    `sent` is the number of messages in the limit's window. Without a digest each alert is a message of its own, but
    the last message that the limit allows holds all that wait: what comes too fast is gathered, never lost. With a
    digest all wait until the oldest of them has waited for `digest`.
    """
    due = [alert for alert in waiting if alert.due_at <= now]
    if not due or (limit is not None and sent >= limit.messages):
        return ()
    if digest is not None and min(alert.created_at for alert in due) + digest > now:
        return ()
    is_last = limit is not None and sent == limit.messages - 1
    chosen = due if digest is not None or is_last else due[:1]
    return tuple(alert.alert_id for alert in chosen[:MOST_IN_MESSAGE])


def next_try(attempts: int, now: datetime) -> datetime | None:
    """When to try again after `attempts` failures, each wait four times the last; None: it is given up."""
    if attempts >= MOST_ATTEMPTS:
        return None
    wait_s = FIRST_WAIT.total_seconds() * 4.0 ** max(0, attempts - 1)
    return now + timedelta(seconds=wait_s)

"""When a watch speaks: limits, digests, tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.watching.sending import MOST_ATTEMPTS, MOST_IN_MESSAGE, Limit, Waiting, choose_alerts, next_try

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def waiting(*minutes: int) -> list[Waiting]:
    """Alerts 1, 2, … that have waited so many minutes."""
    made = [NOW - timedelta(minutes=one) for one in minutes]
    return [Waiting(number, at, at) for number, at in enumerate(made, start=1)]


@pytest.mark.parametrize(
    ("alerts", "digest", "limit", "sent", "chosen"),
    [
        ([], None, None, 0, ()),
        (waiting(5, 3), None, None, 0, (1,)),
        (waiting(5, 3), None, Limit(3, HOUR), 1, (1,)),
        (waiting(5, 3), None, Limit(3, HOUR), 2, (1, 2)),
        (waiting(5, 3), None, Limit(3, HOUR), 3, ()),
        (waiting(59, 3), HOUR, None, 0, ()),
        (waiting(60, 3), HOUR, None, 0, (1, 2)),
        (waiting(60, 3), HOUR, Limit(1, HOUR), 1, ()),
    ],
)
def test_the_next_message(
    alerts: list[Waiting], digest: timedelta | None, limit: Limit | None, sent: int, chosen: tuple[int, ...]
) -> None:
    assert choose_alerts(alerts, digest, limit, sent, NOW) == chosen


def test_what_waits_for_another_try_is_not_sent_before() -> None:
    later = Waiting(1, NOW - HOUR, NOW + timedelta(seconds=1))
    assert choose_alerts([later, *waiting(1, 2)[1:]], None, None, 0, NOW) == (2,)


def test_a_long_digest_is_told_in_parts() -> None:
    assert len(choose_alerts(waiting(*[61] * (MOST_IN_MESSAGE + 1)), HOUR, None, 0, NOW)) == MOST_IN_MESSAGE


@given(st.lists(st.integers(0, 600), max_size=200), st.integers(1, 20), st.booleans())
def test_a_limit_is_never_overstepped_and_all_is_told_in_the_end(
    minutes: list[int], most: int, has_digest: bool
) -> None:
    left, sent = waiting(*minutes), 0
    while chosen := choose_alerts(left, HOUR if has_digest else None, Limit(most, HOUR), sent, NOW + HOUR):
        sent += 1
        left = [alert for alert in left if alert.alert_id not in chosen]
    assert sent <= most
    assert not left or sent == most


def test_tries_are_further_and_further_apart_until_it_is_given_up() -> None:
    waits = [next_try(attempts, NOW) for attempts in range(1, MOST_ATTEMPTS + 1)]
    minutes = [None if at is None else (at - NOW).total_seconds() / 60 for at in waits]
    assert minutes == [1, 4, 16, 64, 256, None]

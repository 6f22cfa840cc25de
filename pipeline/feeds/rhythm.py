"""When a feed usually brings news, by hour of the week, and from when on its silence is an alarm.

For each of the 168 hours of the week (UTC, Monday 00 is 0) two sums are kept that halve every HALF_LIFE_WEEKS: polls
that brought news, and entries. Polls are counted rather than entries because news comes in bursts, and a burst is one
poll. With W the weeks observed, weighted alike, the rate of an hour is polls / (W + 1): one imagined empty week keeps a
young history modest.

If polls with news came at random at these rates, a silence over some hours would have the probability exp(-expected),
where expected is the sum of their rates. Real arrivals keep closer together, so that the sum is divided by CLUMPING.
The alarm goes off where the probability falls below SILENCE_P. A quiet night or
weekend adds next to nothing to the sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOURS = 168
HALF_LIFE_WEEKS = 4.0
SILENCE_P = 1e-4
CLUMPING = 1.5
# With less than this nothing is said: two weekends, and news often enough to speak of a habit.
WEEKS_MIN = 2.0
POLLS_MIN = 10.0
SILENCE_MIN = timedelta(hours=1)
# A feed whose habit says nothing within this time is too slow for an alarm by hours.
LOOK_AHEAD_HOURS = 3 * HOURS

_WEEK_S = 604_800.0
_HOUR = timedelta(hours=1)
_DECAY = math.pow(0.5, 1.0 / HALF_LIFE_WEEKS)


@dataclass(frozen=True, slots=True)
class HourRhythm:
    """What one hour of the week brought, weighted as it was at `as_of`."""

    hour: int
    polls: float
    entries: float
    as_of: datetime


def hour_of_week(instant: datetime) -> int:
    """0 for the hour that begins on Monday at 00:00 UTC, 167 for the last of Sunday."""
    utc = instant.astimezone(UTC)
    return utc.weekday() * 24 + utc.hour


def heard(before: HourRhythm | None, entries: int, now: datetime) -> HourRhythm:
    """The hour's sums after a poll at `now` that brought `entries` new ones."""
    hour = hour_of_week(now)
    share = _faded(before.as_of, now) if before is not None else 0.0
    polls, brought = (before.polls, before.entries) if before is not None else (0.0, 0.0)
    return HourRhythm(hour, polls * share + 1.0, brought * share + entries, now)


def weeks_observed(since: datetime, now: datetime) -> float:
    """The weeks from `since` to `now`, older ones weighted down as the sums are."""
    weeks = max(0.0, (now - since).total_seconds() / _WEEK_S)
    return (1.0 - math.pow(_DECAY, weeks)) / (1.0 - _DECAY)


def rates(rhythm: Iterable[HourRhythm], since: datetime, now: datetime) -> list[float]:
    """Polls with news to be expected in each hour of the week, as seen at `now` by who watches since `since`."""
    found = [0.0] * HOURS
    weight = weeks_observed(since, now) + 1.0
    for row in rhythm:
        found[row.hour % HOURS] = row.polls * _faded(row.as_of, now) / weight
    return found


def expected(rate: list[float], start: datetime, end: datetime) -> float:
    """Polls with news to be expected from `start` to `end`, hours that are touched in part counted in part."""
    total, place = 0.0, start
    while place < end:
        hour_end = min(end, place.replace(minute=0, second=0, microsecond=0) + _HOUR)
        total += rate[hour_of_week(place)] * ((hour_end - place) / _HOUR)
        place = hour_end
    return total


def silence_probability(expected_polls: float) -> float:
    """How likely it is that none of them comes."""
    return math.exp(-expected_polls / CLUMPING)


def silent_after(rhythm: Iterable[HourRhythm], since: datetime, last_new_at: datetime) -> datetime | None:
    """From when on the feed, last heard at `last_new_at`, is silent against its habit; None when that says nothing."""
    rows = list(rhythm)
    weeks = (last_new_at - since).total_seconds() / _WEEK_S
    if weeks < WEEKS_MIN or sum(row.polls * _faded(row.as_of, last_new_at) for row in rows) < POLLS_MIN:
        return None
    rate = rates(rows, since, last_new_at)
    bar = -CLUMPING * math.log(SILENCE_P)
    total, place = 0.0, last_new_at
    for _ in range(LOOK_AHEAD_HOURS):
        hour_end = place.replace(minute=0, second=0, microsecond=0) + _HOUR
        gain = rate[hour_of_week(place)] * ((hour_end - place) / _HOUR)
        if total + gain >= bar:
            return max(place + (hour_end - place) * ((bar - total) / gain), last_new_at + SILENCE_MIN)
        total, place = total + gain, hour_end
    return None


def _faded(then: datetime, now: datetime) -> float:
    """What is left of a weight of 1 from `then` at `now`."""
    return math.pow(_DECAY, max(0.0, (now - then).total_seconds() / _WEEK_S))

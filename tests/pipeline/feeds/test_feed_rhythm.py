"""Silence against habit, on histories made up hour by hour: alarms by day, none by night or at the weekend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.feeds.rhythm import (
    HourRhythm,
    expected,
    heard,
    hour_of_week,
    rates,
    silence_probability,
    silent_after,
)

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def history(is_news: Callable[[datetime], int], weeks: int, start: datetime = MONDAY) -> list[HourRhythm]:
    """The rhythm of a feed of which `is_news` says how many polls of each hour brought something."""
    rows: dict[int, HourRhythm] = {}
    for number in range(weeks * 168):
        hour = start + number * HOUR
        for poll in range(is_news(hour)):
            row = heard(rows.get(hour_of_week(hour)), 2, hour + timedelta(minutes=7 * poll))
            rows[row.hour] = row
    return list(rows.values())


def desk(hour: datetime) -> int:
    """A newsroom of five days and office hours: two polls with news an hour from 6 to 20."""
    return 2 if hour.weekday() < 5 and 6 <= hour.hour < 20 else 0


def agency(hour: datetime) -> int:
    """An agency that never sleeps: four polls an hour by day, one by night."""
    return 4 if 6 <= hour.hour < 22 else 1


def alarm(of: Callable[[datetime], int], last_new_at: datetime, weeks: int = 8) -> float | None:
    """Hours from the last news to the alarm."""
    end = MONDAY + timedelta(weeks=weeks)
    after = silent_after(history(of, weeks), MONDAY, end + (last_new_at - MONDAY))
    return None if after is None else (after - end - (last_new_at - MONDAY)) / HOUR


def test_a_busy_agency_that_falls_silent_at_noon_is_missed_within_five_hours() -> None:
    hours = alarm(agency, MONDAY + timedelta(hours=12))
    assert hours is not None
    assert 2 < hours < 5


def test_an_agency_is_missed_later_by_night_when_it_says_less() -> None:
    by_day, by_night = (alarm(agency, MONDAY + timedelta(hours=hour)) for hour in (8, 22))
    assert by_day is not None
    assert by_night is not None
    assert by_day < by_night < 12


def test_a_newsroom_that_goes_home_raises_no_alarm_by_night() -> None:
    hours = alarm(desk, MONDAY + timedelta(hours=19, minutes=50))
    assert hours is not None
    assert hours > 10, "the night says nothing: the next morning does"


def test_a_weekend_raises_no_alarm_before_monday() -> None:
    friday_evening = MONDAY + timedelta(days=4, hours=19, minutes=50)
    hours = alarm(desk, friday_evening)
    assert hours is not None
    monday_at_six = 58.2
    assert hours > monday_at_six


def test_an_ordinary_year_of_nights_and_weekends_raises_no_false_alarm() -> None:
    rows: dict[int, HourRhythm] = {}
    last_new: datetime | None = None
    after: datetime | None = None
    false_alarms = 0
    for number in range(26 * 168):
        hour = MONDAY + number * HOUR
        if not desk(hour):
            continue
        if after is not None and hour > after:
            false_alarms += 1
        row = heard(rows.get(hour_of_week(hour)), 3, hour)
        rows[row.hour] = row
        last_new = hour
        after = silent_after(rows.values(), MONDAY, last_new)
    assert after is not None
    assert false_alarms == 0


def test_nothing_is_said_before_two_weeks_or_of_a_feed_that_hardly_speaks() -> None:
    assert alarm(agency, MONDAY, weeks=1) is None
    assert alarm(lambda hour: int(hour.weekday() == 2 and hour.hour == 9), MONDAY) is None


def test_old_habits_fade() -> None:
    rows = history(agency, 8)
    fresh = rates(rows, MONDAY, MONDAY + timedelta(weeks=8))
    later = rates(rows, MONDAY, MONDAY + timedelta(weeks=20))
    assert sum(later) < sum(fresh) / 4


def test_hours_are_counted_in_part_and_across_the_end_of_the_week() -> None:
    rate = [0.0] * 168
    rate[167], rate[0] = 2.0, 4.0
    sunday_night = MONDAY + timedelta(days=6, hours=23, minutes=30)
    assert expected(rate, sunday_night, sunday_night + timedelta(minutes=45)) == pytest.approx(2.0 / 2 + 4.0 / 4)
    assert expected(rate, sunday_night, sunday_night) == 0


def test_the_alarm_stands_where_the_probability_reaches_its_bar() -> None:
    rows, last = history(agency, 8), MONDAY + timedelta(weeks=8, hours=9)
    after = silent_after(rows, MONDAY, last)
    assert after is not None
    rate = rates(rows, MONDAY, last)
    assert silence_probability(expected(rate, last, after)) == pytest.approx(1e-4)
    assert silence_probability(expected(rate, last, after - timedelta(minutes=30))) > 1e-4


def test_the_hour_of_the_week_is_that_of_utc() -> None:
    assert hour_of_week(MONDAY) == 0
    assert hour_of_week(datetime.fromisoformat("2026-03-02T01:30:00+02:00")) == 167

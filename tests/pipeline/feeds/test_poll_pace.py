from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from feed_samples import NOW, item, not_modified, page, polled_state, reading, rss, state, versions
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.feeds import plan_poll
from pipeline.feeds.pace import (
    BURST_MIN_S,
    INTERVAL_MAX_S,
    INTERVAL_MIN_S,
    WAKING_GAP_S,
    after_news_s,
    after_skipped_s,
    believed_s,
    gap_at,
    interval_at,
    jittered_s,
    next_interval_s,
    wished_s,
)
from pipeline.values import FeedState


def interval_after(before: FeedState, new: int, old: int = 10) -> float:
    """The interval after a poll that lists `old` known entries and `new` new ones."""
    known = versions(reading(rss(*(item(n) for n in range(old)))).entries)
    body = rss(*(item(n) for n in range(old + new)))
    return plan_poll(before, page(body), reading(body), known, NOW, 0.5).state.interval_s


def wait_after(before: FeedState, new: int, old: int = 10) -> float:
    """Seconds to the next poll after such a reading."""
    known = versions(reading(rss(*(item(n) for n in range(old)))).entries)
    body = rss(*(item(n) for n in range(old + new)))
    due_at = plan_poll(before, page(body), reading(body), known, NOW, 0.5).state.next_poll_at
    assert due_at is not None
    return (due_at - NOW).total_seconds()


@given(st.floats(120.0, 21_600.0), st.floats(1.001, 10.0))
def test_the_interval_grows_with_the_gap_and_the_gap_can_be_read_back_from_it(interval_s: float, times: float) -> None:
    assert interval_at(gap_at(interval_s)) == pytest.approx(interval_s, rel=1e-6)
    assert interval_at(gap_at(interval_s) * times) >= interval_s * (1 - 1e-9)


def test_a_feed_with_an_item_in_three_quarters_of_an_hour_is_asked_every_eight_minutes_and_a_slow_one_rarely() -> None:
    minutes = {gap: round(interval_at(gap * 60) / 60, 1) for gap in (1, 3, 10, 40, 120, 480, 2880)}
    assert minutes == {1: 3.0, 3: 8.0, 10: 8.2, 40: 8.4, 120: 33.4, 480: 232.7, 2880: 360.0}


def test_news_and_silence_weigh_as_much_as_the_time_that_they_cover() -> None:
    """The flaw of counting from the last success alone: polls that found nothing said nothing of the pace."""
    many = 3_000.0
    for found in (1, 0, 0, 1, 0, 0):
        many = next_interval_s(many, 600.0, found)
    once = next_interval_s(3_000.0, 3_600.0, 2)
    assert gap_at(many) == pytest.approx(gap_at(once), rel=0.1)


@settings(max_examples=30)
@given(st.floats(200.0, 20_000.0), st.floats(120.0, 3_600.0))
def test_the_pace_of_a_steady_feed_is_found_from_wherever_it_starts(gap_s: float, start_s: float) -> None:
    interval_s, at_s, seen = start_s, 0.0, 0
    while at_s < 10 * 86_400:
        at_s += interval_s
        new = int(at_s / gap_s) - seen
        seen += new
        interval_s = next_interval_s(interval_s, interval_s, new)
    # An item every few hours makes the interval swing around its place; it never leaves it by much.
    assert interval_at(gap_s) / 6 <= interval_s <= interval_at(gap_s) * 4


def test_a_burst_is_followed_by_a_poll_when_two_more_items_may_have_come() -> None:
    quiet = polled_state(interval_s=900.0)  # an item an hour, and polled a quarter of an hour ago
    assert wait_after(quiet, new=5, old=35) == 900.0 / 5 * 2
    assert wait_after(quiet, new=1) > 500.0, "one item is no burst"


def test_a_window_that_is_almost_all_new_is_watched_closely() -> None:
    usual = after_news_s(560.0, gap_s=60.0, elapsed_s=900.0, new_count=19, listed_count=20)
    # 19 entries in a quarter of an hour: a quarter of the window, five of them, is waited for.
    assert usual == pytest.approx(900.0 / 19 * 5)


def test_a_burst_is_watched_until_it_ends() -> None:
    def wait(elapsed_s: float, new: int) -> float:
        return after_news_s(560.0, gap_s=1_800.0, elapsed_s=elapsed_s, new_count=new, listed_count=20)

    assert [wait(560.0, 1), wait(560.0, 4), wait(280.0, 2), wait(140.0, 0)] == [560.0, 280.0, 280.0, 560.0]
    assert wait(560.0, 8) == BURST_MIN_S


def test_a_burst_that_would_roll_over_a_small_window_is_watched_as_closely_as_may_be() -> None:
    wait_s = after_news_s(480.0, gap_s=1_800.0, elapsed_s=480.0, new_count=10, listed_count=10)
    assert wait_s == INTERVAL_MIN_S < BURST_MIN_S


def test_a_quiet_feed_is_asked_before_its_window_could_roll_over_and_every_six_hours_at_least() -> None:
    silent = polled_state(interval_s=20_000.0, last_success_at=NOW - timedelta(hours=6))
    assert interval_after(silent, new=0) == INTERVAL_MAX_S
    assert wait_after(silent, new=0, old=20) == 20 * WAKING_GAP_S
    assert wait_after(silent, new=0, old=50) == INTERVAL_MAX_S


def test_a_feed_that_spoke_just_now_is_not_let_go() -> None:
    talking = polled_state(interval_s=560.0, last_success_at=NOW - timedelta(seconds=560))
    assert interval_after(talking, new=0) <= 620.0


def test_a_day_of_silence_after_a_busy_hour_needs_few_polls() -> None:
    after, polls = polled_state(interval_s=120.0, last_new_at=NOW), 0
    at = NOW
    while at < NOW + timedelta(days=1):
        after = plan_poll(after, replace(not_modified(), fetched_at=at), None, {}, at, 0.5).state
        assert after.next_poll_at is not None
        at, polls = after.next_poll_at, polls + 1

    # Asked every two minutes it would be 720.
    assert polls < 45


def test_the_first_reading_finds_the_pace_in_the_dates() -> None:
    def first(minutes: int, count: int) -> float:
        dates = [(NOW - timedelta(minutes=minutes * n)).strftime("%a, %d %b %Y %H:%M:%S GMT") for n in range(count)]
        body = rss(*(item(n, f"<pubDate>{date}</pubDate>") for n, date in enumerate(dates)))
        return plan_poll(state(), page(body), reading(body), {}, NOW, 0.5).state.interval_s

    assert first(minutes=10, count=20) == interval_at(600.0)
    assert first(minutes=1, count=20) == interval_at(60.0) == 180.0
    assert first(minutes=700, count=20) == INTERVAL_MAX_S
    assert first(minutes=10, count=2) == 900.0  # too few to say


def test_a_clock_turned_back_leaves_the_pace_alone() -> None:
    ahead = polled_state(
        interval_s=900.0, last_success_at=NOW + timedelta(hours=1), last_new_at=NOW + timedelta(hours=1)
    )

    assert interval_after(ahead, new=5) == 900.0


@pytest.mark.parametrize(
    ("headers", "ttl_s", "wish_s"),
    [
        ({"cache_control": "public, max-age=600"}, None, 600.0),
        ({"cache_control": "s-maxage=900"}, None, 0.0),
        ({"cache_control": "no-cache"}, None, 0.0),
        ({"cache_control": "max-age=864000"}, None, 3600.0),
        ({"expires": "Sun, 22 Nov 2026 18:20:00 GMT"}, None, 1200.0),
        ({"expires": "Sun, 22 Nov 2026 18:20:00 GMT", "date": "Sun, 22 Nov 2026 18:10:00 GMT"}, None, 600.0),
        ({"expires": "0"}, None, 0.0),
        ({"expires": "Sun, 22 Nov 2020 18:20:00 GMT"}, None, 0.0),
        ({"cache_control": "max-age=60"}, 900.0, 900.0),
        ({}, 86_400.0, 3600.0),
    ],
)
def test_the_publishers_wish_counts_up_to_an_hour(headers: dict[str, Any], ttl_s: float | None, wish_s: float) -> None:
    assert wished_s(page(b"", **headers), ttl_s) == wish_s


def test_the_next_poll_respects_the_wish_but_after_a_gap() -> None:
    known = versions(reading(rss(item(1))).entries)

    def wait_s(*names: int) -> float:
        body = rss(*(item(name) for name in names), head="<ttl>60</ttl>")
        due_at = plan_poll(polled_state(), page(body), reading(body), known, NOW, 0.0).state.next_poll_at
        assert due_at is not None
        return (due_at - NOW).total_seconds()

    assert wait_s(1, 2) == 3600.0
    assert wait_s(3, 4) == 405.0


def test_jitter_moves_a_wait_by_a_tenth_either_way() -> None:
    assert [jittered_s(1000.0, 120.0, share) for share in (0.0, 0.5, 1.0)] == [900.0, 1000.0, 1100.0]
    assert [jittered_s(120.0, 120.0, share) for share in (0.0, 1.0)] == [120.0, 132.0]


@pytest.mark.parametrize(
    ("hours", "days", "wait_s"),
    [
        ((), (), 900.0),
        ((19,), (), 900.0),  # NOW is a Sunday at 18:00
        ((18, 19), (), 7200.0),
        ((18,), (6,), 14_400.0),  # the whole Sunday: four hours at most
        (tuple(range(23)), (), 14_400.0),
    ],
)
def test_hours_and_days_without_news_are_waited_out_for_four_hours_at_most(
    hours: tuple[int, ...], days: tuple[int, ...], wait_s: float
) -> None:
    assert after_skipped_s(NOW, 900.0, hours, days) == wait_s


def test_a_feed_that_names_skip_hours_is_polled_when_they_have_passed() -> None:
    skip = "<skipHours><hour>18</hour><hour>19</hour></skipHours><skipDays><day>Monday</day></skipDays>"
    body = rss(item(1), head=skip)
    read = reading(body)
    assert (read.skip_hours, read.skip_days) == ((18, 19), (0,))
    plan = plan_poll(polled_state(), page(body), read, versions(read.entries), NOW, 0.5)
    assert plan.state.next_poll_at == NOW + timedelta(hours=2)


def wait_after_304(before: FeedState) -> float:
    due_at = plan_poll(before, not_modified(), None, {}, NOW, 0.5).state.next_poll_at
    assert due_at is not None
    return (due_at - NOW).total_seconds()


def test_what_a_body_asked_for_still_counts_after_an_answer_without_one() -> None:
    head = "<ttl>50</ttl><skipHours><hour>19</hour></skipHours><skipDays><day>Monday</day></skipDays>"
    body = rss(item(1), head=head)
    read = reading(body)
    after = plan_poll(polled_state(), page(body), read, versions(read.entries), NOW, 0.5).state
    assert (after.ttl_s, after.skip_hours, after.skip_days) == (3_000.0, (19,), (0,))
    # It is 18:00 UTC. A wish is moved by the jitter to later only; an hour that is left out is waited for to its end.
    assert wait_after_304(after) == 3_000.0 * 1.05
    assert wait_after_304(after._replace(ttl_s=None, skip_hours=(18,))) == 3_600.0
    assert wait_after_304(after._replace(ttl_s=3_600.0, skip_hours=(19, 20))) == 3 * 3_600.0
    assert wait_after_304(polled_state()) < 1_100.0


def test_a_body_that_asks_for_nothing_any_more_ends_what_the_last_one_asked_for() -> None:
    before = polled_state(ttl_s=3_000.0, update_period_s=3_600.0, skip_hours=(18,), skip_days=(0,))
    read = reading(rss(item(1)))
    after = plan_poll(before, page(rss(item(1))), read, versions(read.entries), NOW, 0.5).state
    assert (after.ttl_s, after.update_period_s, after.skip_hours, after.skip_days) == (None, None, (), ())
    assert after.next_poll_at is not None
    assert after.next_poll_at - NOW < timedelta(minutes=20)


@pytest.mark.parametrize(
    ("gap_s", "period_s", "counts_s"),
    [
        (7_200.0, 3_600.0, 3_600.0),  # an item in two hours, and "hourly": the feed keeps to it
        (600.0, 3_600.0, 0.0),  # six items an hour, and "hourly": what its software says unasked
        (600.0, 300.0, 300.0),
        (600.0, None, 0.0),
    ],
)
def test_an_update_period_counts_while_the_feed_keeps_to_it(
    gap_s: float, period_s: float | None, counts_s: float
) -> None:
    assert believed_s(period_s, interval_at(gap_s)) == counts_s


def test_a_busy_feed_that_calls_itself_hourly_is_asked_at_its_own_pace_and_its_ttl_is_a_wish() -> None:
    busy = polled_state(interval_s=interval_at(600.0))
    assert wait_after_304(busy._replace(update_period_s=3_600.0)) == wait_after_304(busy) < 600.0
    assert wait_after_304(busy._replace(ttl_s=3_600.0)) == 3_600.0 * 1.05

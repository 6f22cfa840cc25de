from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from feed_samples import NOW, item, not_modified, page, polled_state, reading, rss, state, versions

from pipeline.feeds import plan_poll
from pipeline.feeds.pace import INTERVAL_MAX_S, INTERVAL_MIN_S, after_skipped_s, jittered_s, wished_s
from pipeline.values import FeedState


def interval_after(before: FeedState, new: int, old: int = 10) -> float:
    """The interval after a poll that lists `old` known entries and `new` new ones."""
    known = versions(reading(rss(*(item(n) for n in range(old)))).entries)
    body = rss(*(item(n) for n in range(old + new)))
    return plan_poll(before, page(body), reading(body), known, NOW, 0.5).state.interval_s


def test_many_new_entries_bring_the_next_poll_nearer() -> None:
    # Ten in a quarter of an hour are one in 90 s: half of the way there from 900 s, but four looks within the window.
    assert interval_after(polled_state(interval_s=900.0), new=10) == 450.0


def test_a_window_that_is_almost_all_new_is_watched_closely() -> None:
    assert interval_after(polled_state(interval_s=900.0), new=19, old=1) == 900.0 / 19 * 20 / 4


def test_one_new_entry_a_poll_keeps_the_pace() -> None:
    assert interval_after(polled_state(interval_s=900.0), new=1) == 900.0


def test_quiet_polls_lengthen_the_interval_by_a_quarter_at_most_to_six_hours() -> None:
    silent = polled_state(interval_s=900.0, last_new_at=NOW - timedelta(days=3))

    assert interval_after(silent, new=0) == 1125.0
    assert interval_after(replace(silent, interval_s=20_000.0), new=0) == INTERVAL_MAX_S


def test_a_feed_that_spoke_just_now_is_not_let_go() -> None:
    just_now = polled_state(interval_s=300.0, last_new_at=NOW - timedelta(minutes=20))

    assert interval_after(just_now, new=0) == 300.0


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

    assert first(minutes=10, count=20) == 600.0
    assert first(minutes=1, count=20) == INTERVAL_MIN_S
    assert first(minutes=600, count=20) == INTERVAL_MAX_S
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

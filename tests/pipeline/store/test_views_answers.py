"""Each view answers its question with the same rows on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rows import NOW, add_copy, add_feed, add_poll, add_revision, add_story, add_url
from sqlalchemy import Connection, Engine, text, update

from pipeline.outcomes import Reason, UrlState
from pipeline.store.schema import stories, verdicts


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def rows_of(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [
        tuple(str(value) if hasattr(value, "isoformat") else value for value in row) for row in ask(connection, query)
    ]


def ask(connection: Connection, query: str) -> list[Any]:
    return list(connection.execute(text(query)))


def test_only_the_current_verdict_makes_a_conflict_policy_story(connection: Connection) -> None:
    add_feed(connection, 1, source="wire.example")
    add_story(connection, 1, "Ceasefire", feed_id=1, acts={"talks": 0.6, "force": 0.9}, actors=["UKR", "USA", "UKR"])
    add_story(connection, 2, "Weather", feed_id=1, is_conflict_policy=False)
    add_story(connection, 3, "Judged anew", feed_id=1)
    connection.execute(update(verdicts).where(verdicts.c.story_id == 3).values(is_current=False))
    query = "SELECT title, source, language, acts, actors, score FROM conflict_policy_stories"
    assert rows_of(connection, query) == [("Ceasefire", "wire.example", "und", "force, talks", "UKR, USA", 0.9)]


def test_a_story_without_acts_actors_or_feed_is_still_listed(connection: Connection) -> None:
    add_story(connection, 1, site="some.example", language="pl")
    query = "SELECT source, language, acts, actors FROM conflict_policy_stories"
    assert rows_of(connection, query) == [("some.example", "pl", None, None)]


def test_a_cluster_counts_near_and_exact_copies_and_names_who_was_first(connection: Connection) -> None:
    add_story(connection, 1, "Agency report", site="agency.example", stored_at=NOW)
    add_story(connection, 2, "Same, edited", site="paper.example", cluster_id=1, stored_at=NOW + timedelta(hours=1))
    add_copy(connection, 2, 1, story_id=2, score=0.8)
    add_url(connection, 3, site="mirror.example", state=UrlState.DUPLICATE)
    add_copy(connection, 3, 1, linked_at=NOW + timedelta(hours=2))
    add_url(connection, 4, site="paper.example", state=UrlState.DUPLICATE)
    add_copy(connection, 4, 2)
    add_story(connection, 5, "Another report that shares a quote", site="other.example")
    add_copy(connection, 5, 1, story_id=5, relation="shares", score=0.3)
    query = """SELECT title, first_site, stories, copies, sites, independent_origins FROM story_clusters
        ORDER BY cluster_id"""
    assert rows_of(connection, query) == [
        ("Agency report", "agency.example", 2, 3, 3, 1),
        ("Another report that shares a quote", "other.example", 1, 0, 1, 1),
    ]
    grown = "SELECT count(*) FROM story_clusters WHERE last_seen_at > first_seen_at"
    assert rows_of(connection, grown) == [(1,)]


def test_a_revision_stands_beside_the_one_before(connection: Connection) -> None:
    add_story(connection, 1, "Seven held", text="Seven.")
    add_revision(connection, 1, 2, title="Eight held", text="Eight.", stored_at=NOW + timedelta(hours=1))
    connection.execute(update(stories).values(revision=2))
    query = (
        "SELECT revision, title, previous_title, text, previous_text, is_latest FROM story_revisions ORDER BY revision"
    )
    assert rows_of(connection, query) == [
        (1, "Seven held", None, "Seven.", None, 0),
        (2, "Eight held", "Seven held", "Eight.", "Seven.", 1),
    ]


@pytest.mark.parametrize(
    ("hours_of_news", "status", "is_silent"),
    [
        ([60, 59, 58, 57], "active", 1),  # a pause of 57 hours, never more than one before
        ([60, 40, 20, 1], "active", 0),  # new an hour ago
        ([60, 57, 30, 27], "active", 0),  # 27 hours, but it has paused for as long before
        ([58, 57], "active", 0),  # too little is known of it
        ([60, 59, 58, 57], "disabled", 0),  # nobody listens to it
        ([], "active", 0),
    ],
)
def test_a_feed_is_silent_against_its_own_habit(
    connection: Connection, hours_of_news: list[int], status: str, is_silent: int
) -> None:
    now = datetime.now(UTC)
    newest = now - timedelta(hours=min(hours_of_news)) if hours_of_news else None
    add_feed(connection, 1, status=status, last_new_at=newest)
    for hours in hours_of_news:
        add_poll(connection, 1, now - timedelta(hours=hours), new_urls=2)
        add_poll(connection, 1, now - timedelta(hours=hours, minutes=-10))
    assert rows_of(connection, "SELECT is_silent FROM source_health") == [(is_silent,)]


def test_health_measures_against_the_databases_clock(connection: Connection) -> None:
    now = datetime.now(UTC)
    add_feed(connection, 1, last_success_at=now - timedelta(minutes=30), added_at=now - timedelta(hours=2))
    for hours, lost in ((400, 9), (30, 7), (20, None), (10, 5)):
        add_poll(connection, 1, now - timedelta(hours=hours), new_urls=1, lost_estimate=lost)
    (row,) = ask(connection, "SELECT * FROM source_health")
    assert row.lag_s == pytest.approx(1800, abs=60)
    assert row.silent_s == pytest.approx(7200, abs=60)
    assert (row.polls, row.new_urls, row.gaps, row.lost_estimate) == (3, 3, 2, 12)  # the first is over 14 days old
    assert (row.usual_gap_s, row.longest_gap_s) == (None, None)  # two pauses are too few


def test_keys_in_the_address_of_a_feed_stay_out_of_the_views(connection: Connection) -> None:
    add_feed(connection, 1, url="https://wire.example/rss?key=s3cr3t")
    add_feed(connection, 2, url="https://wire.example/atom")
    add_poll(connection, 1, NOW, lost_estimate=3)
    assert rows_of(connection, "SELECT feed_url FROM source_health ORDER BY feed_id") == [
        ("https://wire.example/rss",),
        ("https://wire.example/atom",),
    ]
    assert rows_of(connection, "SELECT feed_url FROM feed_gaps") == [("https://wire.example/rss",)]


def test_a_gap_lies_between_two_readable_polls(connection: Connection) -> None:
    add_feed(connection, 1)
    add_poll(connection, 1, NOW)
    add_poll(connection, 1, NOW + timedelta(hours=1), outcome="failed", reason="timeout")
    add_poll(connection, 1, NOW + timedelta(hours=2), new_urls=50, lost_estimate=12)
    (row,) = ask(connection, "SELECT * FROM feed_gaps")
    assert (row.new_urls, row.lost_estimate) == (50, 12)
    assert str(row.previous_poll_at)[11:16] == "04:00"
    assert str(row.polled_at)[11:16] == "06:00"


def test_every_url_stands_in_exactly_one_row_of_the_funnel(connection: Connection) -> None:
    for url_id, (state, reason) in enumerate(
        [
            (UrlState.WAITING, None),
            (UrlState.WAITING, None),
            (UrlState.WAITING, Reason.TIMEOUT),
            (UrlState.STORED, Reason.NEW),
            (UrlState.DEAD, Reason.TIMEOUT),
        ],
        start=1,
    ):
        add_url(connection, url_id, state=state, reason=reason)
    assert set(rows_of(connection, "SELECT state, reason, urls FROM pipeline_funnel")) == {
        ("waiting", None, 2),
        ("waiting", "timeout", 1),
        ("stored", "new", 1),
        ("dead", "timeout", 1),
    }
    assert rows_of(connection, "SELECT url_id, reason FROM dead_letters") == [(5, "timeout")]


def test_latency_is_by_nearest_rank_and_by_day_and_rounded_up_by_little(connection: Connection) -> None:
    for number in range(1, 21):
        published = NOW - timedelta(seconds=number) if number <= 10 else None
        announced = NOW - timedelta(seconds=number * 10)
        add_story(connection, number, published_at=published, announced_at=announced)
    add_story(
        connection, 21, stored_at=NOW + timedelta(days=1), announced_at=NOW + timedelta(days=1, milliseconds=-250)
    )
    assert rows_of(connection, "SELECT * FROM latency ORDER BY day") == [
        ("2024-05-31", 20, 10, 5.0, 10.0, 100.0, 192.0),
        ("2024-06-01", 1, 0, None, None, 1.0, 1.0),
    ]


def test_volume_counts_each_story_once_in_the_hour_it_was_stored(connection: Connection) -> None:
    add_feed(connection, 1, source="wire.example")
    for number, minutes in enumerate((0, 59, 60), start=1):
        add_story(connection, number, feed_id=1, language="en", stored_at=NOW + timedelta(minutes=minutes))
    add_story(connection, 4, feed_id=1, language="en", is_conflict_policy=False)
    found = rows_of(
        connection, "SELECT hour, source, language, stories, conflict, conflict_policy FROM volume_hourly ORDER BY hour"
    )
    assert [(hour[11:16], *rest) for hour, *rest in found] == [
        ("04:00", "wire.example", "en", 3, 2, 2),
        ("05:00", "wire.example", "en", 1, 1, 1),
    ]


def test_policy_acts_cross_acts_with_actors_by_day_of_publication(connection: Connection) -> None:
    published = NOW - timedelta(hours=5)
    add_story(connection, 1, acts={"talks": 0.9, "force": 0.8}, actors=["USA", "UKR", "UKR"], published_at=published)
    add_story(connection, 2, acts={"talks": 0.7})
    add_story(connection, 3, acts={"talks": 0.7}, is_conflict_policy=False)
    query = "SELECT day, act, actor, story_id FROM policy_acts ORDER BY story_id, act, actor"
    assert rows_of(connection, query) == [
        ("2024-05-30", "force", "UKR", 1),
        ("2024-05-30", "force", "USA", 1),
        ("2024-05-30", "talks", "UKR", 1),
        ("2024-05-30", "talks", "USA", 1),
        ("2024-05-31", "talks", None, 2),
    ]

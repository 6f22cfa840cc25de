"""Which URLs share a job, and which go first (P6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.batches import plan_batches, priority_of
from pipeline.store.ledger import DueUrl

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def due(hosts: str, suspects: str = "") -> list[DueUrl]:
    """One URL a letter, which is its host; ids count from 1."""
    return [DueUrl(number, host, host in suspects) for number, host in enumerate(hosts, start=1)]


def test_a_url_that_a_worker_died_with_goes_alone() -> None:
    batches = plan_batches(due("axbxc", suspects="x"), batch_size=8, workers=1)
    assert batches == [[2], [4], [1, 3, 5]]


def test_few_urls_are_spread_over_all_workers() -> None:
    assert plan_batches(due("abcd"), batch_size=8, workers=4) == [[1], [2], [3], [4]]
    assert plan_batches(due("abcd"), batch_size=8, workers=2) == [[1, 3], [2, 4]]


def test_many_urls_fill_batches_up_to_their_size() -> None:
    sizes = [len(batch) for batch in plan_batches(due("abcdefghijklmnopqrst"), batch_size=8, workers=1)]
    assert sizes == [7, 7, 6]


def test_urls_of_one_host_stand_in_different_batches_where_there_is_a_choice() -> None:
    assert plan_batches(due("abab"), batch_size=2, workers=2) == [[1, 4], [2, 3]]


def test_keeping_a_hosts_urls_apart_never_overfills_a_batch() -> None:
    assert plan_batches(due("xaya"), batch_size=2, workers=2) == [[1, 3], [2, 4]]


def test_urls_of_one_host_share_a_batch_where_there_is_none() -> None:
    assert plan_batches(due("aaa"), batch_size=8, workers=1) == [[1, 2, 3]]


def test_what_is_due_first_stands_first_in_its_batch() -> None:
    for batch in plan_batches(due("abcabcabc"), batch_size=3, workers=1):
        assert batch == sorted(batch)
    assert plan_batches(due("abcabcabc"), batch_size=3, workers=1)[0][0] == 1


@pytest.mark.parametrize("workers", [0, 1, 5])
def test_nothing_due_is_no_batch(workers: int) -> None:
    assert plan_batches([], batch_size=8, workers=workers) == []


@given(
    urls=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=60),
    batch_size=st.integers(1, 12),
    workers=st.integers(0, 8),
)
def test_every_url_stands_in_exactly_one_batch_and_no_batch_is_too_large(
    urls: list[tuple[str, bool]], batch_size: int, workers: int
) -> None:
    wanted = [DueUrl(number, host, is_suspect) for number, (host, is_suspect) in enumerate(urls, start=1)]
    batches = plan_batches(wanted, batch_size, workers)
    assert sorted(url_id for batch in batches for url_id in batch) == [item.url_id for item in wanted]
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    alone = [item.url_id for item in wanted if item.is_suspect]
    assert [batch for batch in batches if set(batch) & set(alone)] == [[url_id] for url_id in alone]
    plain = len(wanted) - len(alone)
    assert len(batches) - len(alone) <= max(-(-plain // batch_size), workers, 1 if plain else 0)


@pytest.mark.parametrize(
    ("age", "priority"),
    [
        (timedelta(minutes=-5), 1),
        (timedelta(0), 1),
        (timedelta(hours=1), 1),
        (timedelta(hours=1, seconds=1), 2),
        (timedelta(hours=12), 2),
        (timedelta(hours=12, seconds=1), 3),
        (timedelta(days=300), 3),
    ],
)
def test_fresh_news_goes_before_the_day_and_the_day_before_the_backlog(age: timedelta, priority: int) -> None:
    assert priority_of(NOW - age, NOW) == priority


def test_an_undated_entry_stands_between_fresh_and_old() -> None:
    assert priority_of(None, NOW) == 2


@pytest.mark.parametrize(("minutes", "priority"), [(10, 1), (60, 1), (61, 2), (-5, 2)])
def test_an_undated_entry_is_no_older_than_the_poll_that_did_not_find_it(minutes: int, priority: int) -> None:
    assert priority_of(None, NOW, NOW - timedelta(minutes=minutes)) == priority


@given(st.integers(-86_400, 10**8), st.integers(0, 10**8))
def test_an_older_entry_never_goes_before_a_newer_one(age_s: int, older_by_s: int) -> None:
    newer, older = NOW - timedelta(seconds=age_s), NOW - timedelta(seconds=age_s + older_by_s)
    assert priority_of(older, NOW) >= priority_of(newer, NOW)

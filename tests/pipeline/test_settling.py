"""When a failed try is repeated, and when it ends (P6, P12, P16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outcomes import REASONS, TERMINAL_STATES, Reason, UrlState
from pipeline.settling import LONGEST_WAIT_S, settle_failure
from pipeline.values import Claim, EntryHints, Settlement

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RETRIED = [reason for reason, facts in REASONS.items() if facts.is_retried]
FINAL = [reason for reason, facts in REASONS.items() if not facts.is_retried]


def claim(attempts: int = 1, story_id: int | None = None) -> Claim:
    url, host = "https://outlet.example/story/1", "outlet.example"
    return Claim(1, url, url, host, host, "token", attempts, None, story_id, EntryHints())


def settled(
    reason: Reason = Reason.TIMEOUT,
    *,
    attempts: int = 1,
    story_id: int | None = None,
    max_attempts: int = 5,
    retry_base_s: float = 15.0,
    jitter: float = 0.0,
    retry_after_s: float | None = None,
) -> Settlement:
    return settle_failure(
        claim(attempts, story_id),
        reason,
        "said so",
        NOW,
        max_attempts=max_attempts,
        retry_base_s=retry_base_s,
        jitter=jitter,
        retry_after_s=retry_after_s,
    )


def wait_s(settlement: Settlement) -> float:
    assert settlement.state is UrlState.WAITING
    assert settlement.due_at is not None
    return (settlement.due_at - NOW).total_seconds()


def test_each_wait_is_four_times_the_one_before() -> None:
    assert [wait_s(settled(attempts=tries)) for tries in (1, 2, 3, 4)] == [15, 60, 240, 960]


def test_jitter_adds_up_to_one_half() -> None:
    assert [wait_s(settled(jitter=jitter)) for jitter in (0.0, 0.5, 1.0)] == [15, 18.75, 22.5]


def test_retry_after_is_never_undercut_and_never_shortens_a_wait() -> None:
    assert wait_s(settled(Reason.THROTTLED, retry_after_s=3600)) == 3600
    assert wait_s(settled(Reason.THROTTLED, retry_after_s=1)) == 15


@pytest.mark.parametrize(("base_s", "retry_after_s"), [(86_400, None), (15, 10 * 86_400)])
def test_no_wait_is_longer_than_a_day(base_s: float, retry_after_s: float | None) -> None:
    assert wait_s(settled(attempts=4, retry_base_s=base_s, retry_after_s=retry_after_s)) == LONGEST_WAIT_S


def test_the_last_try_ends_dead_with_its_reason_and_detail() -> None:
    assert settled(attempts=4).state is UrlState.WAITING
    assert settled(attempts=5) == Settlement(UrlState.DEAD, Reason.TIMEOUT, None, "said so")


def test_a_limit_that_was_lowered_meanwhile_ends_what_is_beyond_it() -> None:
    assert settled(attempts=4, max_attempts=2).state is UrlState.DEAD


@pytest.mark.parametrize("reason", FINAL)
def test_what_asking_again_can_not_change_ends_at_the_first_try(reason: Reason) -> None:
    assert settled(reason, retry_after_s=60) == Settlement(REASONS[reason].state, reason, None, "said so")


def test_a_stored_story_outlives_a_page_that_is_gone() -> None:
    ended = settled(Reason.NOT_FOUND, story_id=7)
    assert ended == Settlement(UrlState.STORED, Reason.REVISIT_FAILED, None, "not_found: said so")


def test_a_stored_page_that_can_not_be_reached_is_tried_again_and_kept_after_the_last_try() -> None:
    assert wait_s(settled(Reason.TIMEOUT, attempts=4, story_id=7)) == 960
    assert settled(Reason.TIMEOUT, attempts=5, story_id=7).reason is Reason.REVISIT_FAILED


@given(
    reason=st.sampled_from(list(Reason)),
    attempts=st.integers(1, 100),
    max_attempts=st.integers(1, 100),
    retry_base_s=st.floats(0, 86_400),
    jitter=st.floats(0, 1),
    retry_after_s=st.none() | st.floats(0, 1e9),
    story_id=st.none() | st.integers(1, 9),
)
def test_a_url_waits_for_an_instant_within_a_day_or_ends_and_never_both(
    reason: Reason,
    attempts: int,
    max_attempts: int,
    retry_base_s: float,
    jitter: float,
    retry_after_s: float | None,
    story_id: int | None,
) -> None:
    ended = settled(
        reason,
        attempts=attempts,
        max_attempts=max_attempts,
        retry_base_s=retry_base_s,
        jitter=jitter,
        retry_after_s=retry_after_s,
        story_id=story_id,
    )
    is_waiting = REASONS[reason].is_retried and attempts < max_attempts
    assert (ended.state is UrlState.WAITING) == (ended.due_at is not None) == is_waiting
    if ended.due_at is not None:
        assert NOW <= ended.due_at <= NOW + timedelta(days=1)
    else:
        assert ended.state in TERMINAL_STATES
        assert story_id is None or ended.state is UrlState.STORED


@given(st.sampled_from(RETRIED), st.integers(1, 98), st.floats(0, 1), st.none() | st.floats(0, 86_400))
def test_a_later_try_never_waits_less(reason: Reason, tries: int, jitter: float, retry_after_s: float | None) -> None:
    waits = [
        wait_s(settled(reason, attempts=n, max_attempts=100, jitter=jitter, retry_after_s=retry_after_s))
        for n in (tries, tries + 1)
    ]
    assert waits[0] <= waits[1]

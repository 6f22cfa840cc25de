"""When a stored story is looked at again: a plan never lies in the past, and ends after 30 days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outcomes import Reason, RevisitScope
from pipeline.revisions.schedule import (
    DAY_S,
    HOUR_S,
    LONGEST_WAIT,
    RETURN_AFTER_LOOKS,
    Look,
    RevisitState,
    after_look,
    interval_at,
    is_settled_return,
    is_worth_looking,
    look_of,
    plan_look,
)

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age_s", "interval_s"),
    [
        (0, 900),
        (3 * HOUR_S - 1, 900),
        (3 * HOUR_S, HOUR_S),
        (DAY_S - 1, HOUR_S),
        (DAY_S, 3 * HOUR_S),
        (7 * DAY_S - 1, 3 * HOUR_S),
        (7 * DAY_S, DAY_S),
        (30 * DAY_S - 1, DAY_S),
        (30 * DAY_S, None),
    ],
)
def test_looks_grow_rarer_with_age(age_s: float, interval_s: float | None) -> None:
    assert interval_at(age_s) == interval_s


def test_a_story_costs_104_looks_in_30_days() -> None:
    now, looks = T0, 0
    while (due_at := plan_look(T0, T0, now, jitter=0.0)) is not None:
        now, looks = due_at, looks + 1
    assert looks == 12 + 21 + 48 + 23
    assert now == T0 + timedelta(days=30)


@given(
    age_s=st.floats(0, 40 * DAY_S),
    behind_s=st.floats(-DAY_S, 40 * DAY_S),
    jitter=st.floats(0, 1),
    failures=st.integers(0, 1000),
    is_gone=st.booleans(),
)
def test_a_look_is_planned_within_a_day_and_never_in_the_past(
    age_s: float, behind_s: float, jitter: float, failures: int, is_gone: bool
) -> None:
    stored_at = T0 - timedelta(seconds=age_s)
    published_at = stored_at - timedelta(seconds=behind_s)
    due_at = plan_look(published_at, stored_at, T0, jitter=jitter, failures=failures, is_gone=is_gone)
    assert due_at is None or T0 + timedelta(minutes=15) <= due_at <= T0 + LONGEST_WAIT


def test_a_backlog_story_is_as_old_as_its_outlet_says_and_one_from_the_future_is_fresh() -> None:
    week_old = plan_look(T0 - timedelta(days=8), T0, T0, jitter=0)
    ahead = plan_look(T0 + timedelta(hours=9), T0, T0, jitter=0)
    assert (week_old, ahead) == (T0 + timedelta(days=1), T0 + timedelta(minutes=15))


def test_failures_double_the_wait_and_a_page_that_is_gone_is_asked_daily() -> None:
    waits = [plan_look(T0, T0, T0, jitter=0, failures=n) for n in (0, 1, 3, 20)]
    assert waits == [T0 + timedelta(seconds=s) for s in (900, 1800, 7200, DAY_S)]
    assert plan_look(T0, T0, T0, jitter=0, is_gone=True) == T0 + timedelta(days=1)


def test_which_stories_are_worth_a_look() -> None:
    worth = {(scope, is_conflict) for scope in RevisitScope for is_conflict in (True, False)}
    assert {pair for pair in worth if is_worth_looking(*pair)} == {
        (RevisitScope.ALL, True),
        (RevisitScope.ALL, False),
        (RevisitScope.CONFLICT, True),
    }


def test_a_look_is_what_the_page_showed() -> None:
    assert look_of(Reason.NEW, None) is Look.FIRST
    assert look_of(Reason.REVISIT_FAILED, Reason.NOT_FOUND) is Look.GONE
    assert look_of(Reason.REVISIT_FAILED, Reason.TIMEOUT) is Look.FAILED
    assert look_of(Reason.FLIP_FLOP, None) is Look.RETURNED


def looks(state: RevisitState, *seen: tuple[Look, str]) -> RevisitState:
    for look, key in seen:
        state = after_look(state, look, T0, None, key)
    return state


def test_an_earlier_text_that_stays_is_believed_after_four_looks() -> None:
    state = RevisitState()
    for _ in range(RETURN_AFTER_LOOKS - 1):
        assert not is_settled_return(state, "a")
        state = looks(state, (Look.RETURNED, "a"))
    assert is_settled_return(state, "a")
    assert not is_settled_return(state, "b")
    assert state.flip_flops == RETURN_AFTER_LOOKS - 1


def test_a_page_that_turns_back_again_is_believed_later_each_time() -> None:
    run = ((Look.RETURNED, "a"), (Look.RETURNED, "a"), (Look.RETURNED, "a"))
    turned = looks(RevisitState(), *run, (Look.SAME, "b"), *run)
    assert (turned.turns, turned.return_looks) == (1, 3)
    assert not is_settled_return(turned, "a")
    assert is_settled_return(looks(turned, *run, (Look.RETURNED, "a")), "a")


def test_a_failure_neither_ends_a_run_nor_counts_in_it() -> None:
    state = looks(RevisitState(), (Look.RETURNED, "a"), (Look.FAILED, "x"), (Look.RETURNED, "a"))
    assert (state.return_key, state.return_looks, state.turns, state.failures) == ("a", 2, 0, 0)

"""Polls that changed nothing, written together: the same rows as one by one (P4, P7). On SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, Row, select, update
from store_builders import LEASE_S, add_feed, at

from pipeline.feeds import plan_poll
from pipeline.outcomes import FeedStatus, PollOutcome, Reason
from pipeline.store import feeds as feed_store
from pipeline.store import schema
from pipeline.store.quiet_polls import QuietPoll, apply_quiet_polls, is_quiet
from pipeline.values import FeedState, FetchFailure, NotModified, PollPlan

NOW = at(1000)


def claimed(engine: Engine, count: int) -> list[FeedState]:
    with engine.begin() as connection:
        for number in range(count):
            add_feed(connection, f"https://h{number}.example/feed.xml")
        states = feed_store.claim_due_feeds(connection, "me", NOW, count, LEASE_S)
    return sorted(states, key=lambda state: state.id)


def unchanged(state: FeedState) -> PollPlan:
    answer = NotModified(state.url, state.url, (("etag", '"new"'), ("cache-control", "max-age=1200")), NOW, 0.1)
    return plan_poll(state, answer, None, {}, NOW, 0.5)


def rows(engine: Engine) -> tuple[list[Row[tuple[object, ...]]], list[tuple[object, ...]]]:
    polls = schema.feed_polls
    with engine.connect() as connection:
        feeds = connection.execute(select(schema.feeds).order_by(schema.feeds.c.id)).all()
        columns = [column for column in polls.c if column.name != "id"]
        noted = connection.execute(select(*columns).order_by(polls.c.feed_id)).all()
    return list(feeds), [tuple(row) for row in noted]


def test_polls_written_together_leave_the_rows_of_polls_written_one_by_one(engine: Engine) -> None:
    states = claimed(engine, 3)
    with engine.begin() as connection:
        for state in states:
            assert feed_store.apply_poll(connection, "me", unchanged(state), NOW, 0, 0.1) is not None
    one_by_one = rows(engine)
    with engine.begin() as connection:
        connection.execute(schema.feed_polls.delete())
        connection.execute(schema.feeds.delete())
        for state in states:
            add_feed(connection, state.url)
            connection.execute(update(schema.feeds).where(schema.feeds.c.url == state.url).values(id=state.id))
        connection.execute(update(schema.feeds).values(lease_token="me", lease_until=at(2000)))
        polls = [QuietPoll(unchanged(state), NOW, 0, 0.1) for state in states]
        assert apply_quiet_polls(connection, "me", polls) == {state.id for state in states}
    assert rows(engine) == one_by_one
    assert [feed.etag for feed in one_by_one[0]] == ['"new"'] * 3


def test_of_polls_written_together_only_those_still_held_are_written(engine: Engine) -> None:
    first, second = claimed(engine, 2)
    with engine.begin() as connection:
        connection.execute(update(schema.feeds).where(schema.feeds.c.id == first.id).values(lease_token="another"))
        polls = [QuietPoll(unchanged(state), NOW, 0, 0.1) for state in (first, second)]
        assert apply_quiet_polls(connection, "me", polls) == {second.id}
    feeds, noted = rows(engine)
    assert [feed.lease_token for feed in feeds] == ["another", None]
    assert [feed.last_outcome for feed in feeds] == [None, PollOutcome.NOT_MODIFIED]
    assert len(noted) == 1


def test_a_feed_that_a_person_disables_meanwhile_stays_disabled(engine: Engine) -> None:
    (state,) = claimed(engine, 1)
    with engine.begin() as connection:
        feed_store.set_feed_status(connection, state.url, FeedStatus.DISABLED)
        apply_quiet_polls(connection, "me", [QuietPoll(unchanged(state), NOW, 0, 0.1)])
    assert rows(engine)[0][0].status is FeedStatus.DISABLED


def test_no_polls_are_no_rows(engine: Engine) -> None:
    claimed(engine, 1)
    with engine.begin() as connection:
        assert apply_quiet_polls(connection, "me", []) == set()
    assert rows(engine)[1] == []


USUAL = FeedState(1, "https://h.example/feed.xml", last_success_at=at(500), last_unconditional_at=at(500))


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (USUAL, {"outcome": PollOutcome.NEW_ENTRIES}),
        (USUAL, {"lost_estimate": 1}),
        (USUAL, {"listed": ()}),
        (USUAL, {"fetch_delay_s": 60.0}),
        (USUAL, {"state": USUAL._replace(url="https://moved.example/feed.xml")}),
        (USUAL._replace(status=FeedStatus.PARKED), {}),
        (USUAL._replace(silent_after=at(900)), {}),
    ],
    ids=["news", "gap", "listing", "throttled", "moved", "awake again", "silent"],
)
def test_a_poll_with_a_consequence_is_not_quiet(before: FeedState, change: dict[str, object]) -> None:
    assert is_quiet(USUAL, unchanged(USUAL), NOW)
    assert not is_quiet(before, replace(unchanged(before), **change), NOW)  # type: ignore[arg-type]


def test_a_silence_that_was_told_already_is_quiet_and_a_failed_poll_never_is() -> None:
    told = USUAL._replace(silent_after=at(400))
    assert is_quiet(told, unchanged(told), NOW)
    failure = FetchFailure(USUAL.url, Reason.TIMEOUT, "slow", NOW)
    assert not is_quiet(USUAL, plan_poll(USUAL, failure, None, {}, NOW, 0.5), NOW)

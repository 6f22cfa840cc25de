"""A feed that falls silent against its habit leaves one event, and one when it is heard again."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, Engine, insert, select, text, update
from store_builders import T0, add_feed, at, entry

from pipeline.outcomes import PollOutcome
from pipeline.store import feeds as feed_store
from pipeline.store import schema
from pipeline.values import PollPlan

HOUR_S = 3600.0


def poll(connection: Connection, seconds: float, *, numbers: tuple[int, ...] = ()) -> None:
    """One poll of the only feed, that brings these entries."""
    now = at(seconds)
    row = connection.execute(select(schema.feeds)).one()
    connection.execute(update(schema.feeds).values(lease_token="poll", lease_until=now + timedelta(minutes=1)))
    state = feed_store.feed_state(row)._replace(last_success_at=now, known_entries=1)
    state = state._replace(last_new_at=now if numbers else state.last_new_at)
    outcome = PollOutcome.NEW_ENTRIES if numbers else PollOutcome.NOT_MODIFIED
    plan = PollPlan(state, outcome, announced=tuple(entry(number) for number in numbers))
    assert feed_store.apply_poll(connection, "poll", plan, now, 0, 0.1) is not None


def test_silence_against_habit_is_one_event_and_so_is_its_end(engine: Engine) -> None:
    hours = [{"feed_id": 1, "hour": hour, "polls": 4.0, "entries": 8.0, "as_of": T0} for hour in range(168)]
    last = HOUR_S
    with engine.begin() as connection:
        add_feed(connection, now=T0 - timedelta(weeks=8))
        connection.execute(update(schema.feeds).values(known_entries=1))
        connection.execute(insert(schema.feed_rhythm), hours)
        poll(connection, last, numbers=(1,))
        silent_after = connection.execute(select(schema.feeds.c.silent_after)).scalar_one()
        assert timedelta(hours=3) < silent_after - at(last) < timedelta(days=2)
        poll(connection, (silent_after - T0).total_seconds() - 60)
        assert connection.execute(text("SELECT count(*) FROM silent_sources")).scalar_one() == 0
        for later in (60, 7200, 14_400):
            poll(connection, (silent_after - T0).total_seconds() + later)
        assert connection.execute(text("SELECT count(*) FROM silent_sources")).scalar_one() == 1
        poll(connection, (silent_after - T0).total_seconds() + 20_000, numbers=(-1,))
        assert connection.execute(text("SELECT count(*) FROM silent_sources")).scalar_one() == 0
        kinds = connection.execute(select(schema.events.c.kind).order_by(schema.events.c.id)).scalars().all()
    assert kinds == ["feed_silent", "feed_heard"]

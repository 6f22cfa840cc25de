"""Feeds in SQL: leases on polls and the one transaction that ends them (P4, P7). On SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from store_builders import LEASE_S, T0, add_feed, announce, at, claim_all, entry, record, states, store

from pipeline.outcomes import FeedStatus, PollOutcome, Reason, UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import hosts, listings, schema
from pipeline.store.events import EventKind
from pipeline.store.feeds import NewFeed
from pipeline.values import Entry, FeedState, PollPlan


def plan_for(state: FeedState, entries: list[Entry], *, edited: tuple[Entry, ...] = ()) -> PollPlan:
    return PollPlan(
        state=state._replace(etag='"e1"', last_polled_at=T0, next_poll_at=at(900)),
        outcome=PollOutcome.NEW_ENTRIES,
        announced=tuple(entries),
        edited=edited,
        listed=tuple((item.key, item.version) for item in (*entries, *edited)),
        entries_count=len(entries),
    )


def poll(engine: Engine, entries: list[Entry], *, edited: tuple[Entry, ...] = ()) -> feed_store.PollWritten | None:
    with engine.begin() as connection:
        add_feed(connection)
        (state,) = feed_store.claim_due_feeds(connection, "me", at(1000), 10, LEASE_S)
        return feed_store.apply_poll(connection, "me", plan_for(state, entries, edited=edited), T0, 10, 0.1)


def test_a_feed_is_claimed_by_one_poller_at_a_time(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection)
        assert len(feed_store.claim_due_feeds(connection, "one", at(), 10, LEASE_S)) == 1
    with engine.begin() as connection:
        assert feed_store.claim_due_feeds(connection, "two", at(1), 10, LEASE_S) == []
        assert len(feed_store.claim_due_feeds(connection, "two", at(LEASE_S + 1), 10, LEASE_S)) == 1


def test_a_poll_that_lost_its_lease_writes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection)
        (state,) = feed_store.claim_due_feeds(connection, "one", at(), 10, LEASE_S)
        feed_store.claim_due_feeds(connection, "two", at(LEASE_S + 1), 10, LEASE_S)
        assert feed_store.apply_poll(connection, "one", plan_for(state, [entry(1)]), T0, 10, 0.1) is None
    assert states(engine) == {}


def test_urls_listing_validators_and_poll_are_written_together(engine: Engine) -> None:
    assert poll(engine, [entry(1), entry(2)]) == feed_store.PollWritten(new_urls=2, reopened=0)
    with engine.connect() as connection:
        feed = connection.execute(select(schema.feeds)).one()
        polls = connection.execute(select(schema.feed_polls)).all()
        known = listings.listings_of(connection, [feed.id])[feed.id].versions
    assert (feed.etag, feed.lease_token, feed.last_outcome) == ('"e1"', None, PollOutcome.NEW_ENTRIES)
    assert [row.new_urls for row in polls] == [2]
    assert known == {"key-1": "v1", "key-2": "v1"}


def test_a_fault_in_the_middle_of_the_poll_leaves_no_validator_behind(engine: Engine) -> None:
    broken = replace(entry(1), url=None)  # type: ignore[arg-type]
    try:
        poll(engine, [broken])
    except Exception:
        pass
    else:
        raise AssertionError("the poll should have failed")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.feed_polls)).scalar_one() == 0
        assert connection.execute(select(func.count()).where(schema.feeds.c.etag.is_not(None))).scalar_one() == 0


def test_what_is_new_and_undated_between_two_polls_of_an_hour_is_breaking_news_and_a_backlog_is_none(
    engine: Engine,
) -> None:
    def poll_at(seconds: float, number: int) -> None:
        with engine.begin() as connection:
            connection.execute(update(schema.feeds).values(next_poll_at=T0))
            (state,) = feed_store.claim_due_feeds(connection, "me", at(seconds), 10, LEASE_S)
            plan = plan_for(state._replace(known_entries=1, last_success_at=at(seconds)), [entry(number)])
            feed_store.apply_poll(connection, "me", plan, at(seconds), 10, 0.1)

    with engine.begin() as connection:
        add_feed(connection)
    for seconds, number in ((0, 1), (600, 2), (600 + 7200, 3)):
        poll_at(seconds, number)
    with engine.connect() as connection:
        found = connection.execute(select(schema.urls.c.priority).order_by(schema.urls.c.id)).scalars().all()
    assert found == [2, 1, 2]


def test_a_url_announced_by_two_feeds_is_one_row(engine: Engine) -> None:
    announce(engine, [entry(1)])
    announce(engine, [entry(1)], feed="https://other.example/feed.xml")
    assert states(engine) == {UrlState.WAITING: 1}


def test_an_entry_edited_while_its_page_is_in_hand_takes_the_claim_back(engine: Engine) -> None:
    """The page may have been fetched before the edit: what was read of it then is not stored."""
    assert poll(engine, [entry(1)]) is not None
    (held,) = claim_all(engine, "before")
    assert poll(engine, [], edited=(entry(1, version="v2"),)) == feed_store.PollWritten(new_urls=0, reopened=1)
    assert store(engine, held, record()) is None
    (fresh,) = claim_all(engine, "after", at(1))
    assert store(engine, fresh, record()) is not None
    assert states(engine) == {UrlState.STORED: 1}


def test_an_edited_entry_has_its_stored_page_read_again(engine: Engine) -> None:
    poll(engine, [entry(1)])
    (claim,) = claim_all(engine)
    store(engine, claim, record())
    with engine.begin() as connection:
        connection.execute(update(schema.feeds).values(next_poll_at=at(1000)))
    assert poll(engine, [], edited=(entry(1, version="v2"),)) == feed_store.PollWritten(new_urls=0, reopened=1)
    (again,) = claim_all(engine, now=at(1000))
    assert again.story_id is not None
    assert again.attempts == 1


def test_an_entry_that_left_the_feed_is_still_known(engine: Engine) -> None:
    poll(engine, [entry(1)])
    with engine.begin() as connection:
        connection.execute(update(schema.feeds).values(next_poll_at=at(1000)))
    poll(engine, [entry(2)])
    with engine.connect() as connection:
        feed_id = connection.execute(select(schema.feeds.c.id)).scalar_one()
        listed = connection.execute(select(schema.feed_listings.c.entry_key, schema.feed_listings.c.is_listed))
        assert dict(listed.all()) == {"key-1": False, "key-2": True}  # type: ignore[arg-type]
        assert set(listings.known_among(connection, feed_id, ["key-1", "key-2", "key-3"])) == {"key-1", "key-2"}


def test_what_several_feeds_list_is_asked_for_together_and_stays_apart(engine: Engine) -> None:
    with engine.begin() as connection:
        asked = {name: add_feed(connection, f"https://{name}.example/feed.xml").id for name in ("one", "two", "new")}
        for state in feed_store.claim_due_feeds(connection, "me", at(1000), 10, LEASE_S):
            # Both list an entry of one key; the third was never read.
            own = {asked["one"]: [entry(1), entry(2)], asked["two"]: [entry(1, version="v9")]}.get(state.id, [])
            feed_store.apply_poll(connection, "me", plan_for(state, own), T0, 10, 0.1)
        listed = listings.listings_of(connection, list(asked.values()))
    found = {name: dict(listed[feed_id].versions) for name, feed_id in asked.items()}
    assert found == {"one": {"key-1": "v1", "key-2": "v1"}, "two": {"key-1": "v9"}, "new": {}}


def test_rows_that_are_there_are_not_counted_as_new(engine: Engine) -> None:
    names = [NewFeed(f"https://{name}.example/feed.xml") for name in ("a", "b", "c")]
    with engine.begin() as connection:
        assert feed_store.add_feeds(connection, names[:1], T0).added == 1
        assert feed_store.add_feeds(connection, names[:1], T0).added == 0
        assert feed_store.add_feeds(connection, names, T0).added == 2
        assert feed_store.add_feeds(connection, names, T0).added == 0


def test_the_link_is_asked_for_and_the_canonical_url_is_known(engine: Engine) -> None:
    announce(engine, [replace(entry(1), link="https://outlet.example/story/1?maca=rss")])
    (claim,) = claim_all(engine)
    assert (claim.url, claim.link) == ("https://outlet.example/story/1", "https://outlet.example/story/1?maca=rss")


def test_adding_feeds_twice_adds_them_once_and_refuses_what_is_no_web_address(engine: Engine) -> None:
    wanted = [NewFeed("https://a.example/f"), NewFeed("HTTPS://A.example:443/f"), NewFeed("javascript:alert(1)")]
    with engine.begin() as connection:
        first = feed_store.add_feeds(connection, wanted, T0)
        second = feed_store.add_feeds(connection, wanted[:1], T0)
    assert (first.added, first.refused) == (1, ("javascript:alert(1)",))
    assert (second.added, second.known) == (0, 1)


def test_a_disabled_feed_and_a_feed_of_a_resting_host_are_not_polled(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection, "https://off.example/f")
        add_feed(connection, "https://resting.example/f")
        feed_store.set_feed_status(connection, "https://off.example/f", FeedStatus.DISABLED)
        hosts.hold_host(connection, "resting.example", at(), 600)
        assert feed_store.claim_due_feeds(connection, "me", at(1), 10, LEASE_S) == []


def test_two_feeds_of_one_host_are_not_claimed_together(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection, "https://one.example/a")
        add_feed(connection, "https://one.example/b")
        assert len(feed_store.claim_due_feeds(connection, "me", at(1), 10, LEASE_S)) == 1


def test_many_feeds_of_one_host_do_not_hide_the_next_host(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(5):
            add_feed(connection, f"https://one.example/{number}.xml", at(-10))
        add_feed(connection, "https://other.example/feed.xml", at())
        claimed = feed_store.claim_due_feeds(connection, "me", at(1), 2, LEASE_S)
    assert sorted(state.source for state in claimed) == ["one.example", "other.example"]


def test_a_next_poll_written_by_a_clock_a_day_ahead_is_due(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection)
        connection.execute(update(schema.feeds).values(next_poll_at=at(3 * 86_400)))
        assert len(feed_store.claim_due_feeds(connection, "me", at(), 10, LEASE_S)) == 1


def test_a_poll_that_takes_long_keeps_its_lease_while_its_process_lives(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection)
        (state,) = feed_store.claim_due_feeds(connection, "one", at(), 10, LEASE_S)
        assert feed_store.extend_feeds(connection, "two", [state.id], at(LEASE_S - 1), LEASE_S) == 0
        assert feed_store.extend_feeds(connection, "one", [state.id], at(LEASE_S - 1), LEASE_S) == 1
        assert feed_store.claim_due_feeds(connection, "two", at(LEASE_S + 1), 10, LEASE_S) == []


def test_a_poll_that_failed_by_our_fault_is_tried_again_soon_and_not_at_once(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection)
        (state,) = feed_store.claim_due_feeds(connection, "one", at(), 10, LEASE_S)
        assert not feed_store.postpone_feed(connection, "stranger", state.id, at(1))
        assert feed_store.postpone_feed(connection, "one", state.id, at(15))
        assert feed_store.claim_due_feeds(connection, "two", at(14), 10, LEASE_S) == []
        assert len(feed_store.claim_due_feeds(connection, "two", at(15), 10, LEASE_S)) == 1


@pytest.mark.parametrize(
    ("said", "ended", "after"),
    [
        (FeedStatus.DISABLED, {}, FeedStatus.DISABLED),
        (FeedStatus.DISABLED, {"outcome": PollOutcome.FAILED, "reason": Reason.GONE}, FeedStatus.DISABLED),
        (FeedStatus.PARKED, {}, FeedStatus.ACTIVE),
        (FeedStatus.PARKED, {"outcome": PollOutcome.FAILED, "reason": Reason.TIMEOUT}, FeedStatus.PARKED),
    ],
)
def test_what_was_said_of_a_feed_while_it_was_polled_stands(
    engine: Engine, said: FeedStatus, ended: dict[str, Any], after: FeedStatus
) -> None:
    """The plan was made of the status at the claim: ACTIVE."""
    with engine.begin() as connection:
        add_feed(connection)
        (state,) = feed_store.claim_due_feeds(connection, "me", at(1000), 10, LEASE_S)
        feed_store.set_feed_status(connection, state.url, said)
        feed_store.apply_poll(connection, "me", replace(plan_for(state, [entry(1)]), **ended), T0, 10, 0.1)
        (feed,) = feed_store.list_feeds(connection)
        told = connection.execute(select(schema.events.c.detail).where(schema.events.c.kind == EventKind.FEED_STATUS))
        assert (feed.status, len(told.all())) == (after, int(after is not said))


@pytest.mark.parametrize(
    ("ended", "kind", "detail"),
    [
        (
            {"state": {"url": "https://new.example/feed.xml"}},
            EventKind.FEED_MOVED,
            {"to": "https://new.example/feed.xml"},
        ),
        ({"lost_estimate": 7}, EventKind.FEED_GAP, {"lost_estimate": 7}),
        ({"state": {"etag": ""}}, EventKind.FEED_DISTRUSTED, {"validator": "etag"}),
    ],
    ids=lambda given: given.value if isinstance(given, EventKind) else "",
)
def test_the_rare_things_of_a_poll_are_events_once(
    engine: Engine, ended: dict[str, Any], kind: EventKind, detail: dict[str, Any]
) -> None:
    with engine.begin() as connection:
        add_feed(connection)
        for number in range(2):
            (state,) = feed_store.claim_due_feeds(connection, "me", at(1000), 10, LEASE_S)
            plan = plan_for(state._replace(next_poll_at=T0), [])
            changed = plan.state._replace(next_poll_at=T0, **ended.get("state", {}))
            once = {name: value for name, value in ended.items() if name != "state"} if number == 0 else {}
            feed_store.apply_poll(connection, "me", replace(plan, state=changed, **once), T0, 10, 0.1)
        told = connection.execute(select(schema.events.c.kind, schema.events.c.detail)).all()
        assert [tuple(row) for row in told] == [(kind, detail)]


def test_what_a_body_asked_for_is_there_at_the_next_claim(engine: Engine) -> None:
    wishes = {"ttl_s": 900.0, "update_period_s": 3_600.0, "skip_hours": tuple(range(23)), "skip_days": (0, 6)}
    with engine.begin() as connection:
        add_feed(connection)
        (state,) = feed_store.claim_due_feeds(connection, "me", at(1000), 10, LEASE_S)
        assert (state.ttl_s, state.update_period_s, state.skip_hours, state.skip_days) == (None, None, (), ())
        plan = plan_for(state, [entry(1)])
        asked = plan.state._replace(next_poll_at=T0, **wishes)
        feed_store.apply_poll(connection, "me", replace(plan, state=asked), T0, 10, 0.1)
        (after,) = feed_store.claim_due_feeds(connection, "me", at(1000), 10, LEASE_S)
        assert {name: getattr(after, name) for name in wishes} == wishes


def test_what_a_feed_lists_now_is_found_without_a_look_at_all_that_it_ever_listed(engine: Engine) -> None:
    poll(engine, [entry(number) for number in range(300)])
    with engine.begin() as connection:
        connection.execute(update(schema.feeds).values(next_poll_at=at(1000)))
    poll(engine, [entry(number) for number in range(298, 303)])
    with engine.connect() as connection:
        feed_id = connection.execute(select(schema.feeds.c.id)).scalar_one()
        assert sorted(listings.listings_of(connection, [feed_id])[feed_id].versions) == [
            f"key-{n}" for n in range(298, 303)
        ]
        if engine.dialect.name == "sqlite":
            statement = "SELECT entry_key FROM feed_listings WHERE feed_id = 1 AND is_listed = 1"
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
            assert "ix_feed_listings_listed" in plan[0].detail

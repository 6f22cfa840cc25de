"""Statuses and looks in SQL, on both databases: nobody vanishes, nothing new waits for a look."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from rows import add_copy, add_story
from sqlalchemy import Connection, Engine, select, text, update
from store_builders import LEASE_S, T0, announce, at, claim_all, entry, record, store

from pipeline.batches import EDITED_PRIORITY, REVISIT_PRIORITY
from pipeline.outcomes import Reason, StatusCause, StoryStatus, UrlState
from pipeline.revisions.schedule import RevisitState
from pipeline.store import ledger, revisits, schema
from pipeline.store.statuses import inherit_status, inherit_statuses, withdraw_story


def family(connection: Connection, *links: tuple[int, int], published: dict[int, datetime] | None = None) -> None:
    """Stories 1 to 4 in one cluster; each link says that the first is a copy of the second."""
    for story_id in (1, 2, 3, 4):
        more = {"published_at": (published or {}).get(story_id)}
        add_story(connection, story_id, cluster_id=1 if story_id > 1 else None, stored_at=at(story_id), **more)
    for copy, source in links:
        add_copy(connection, copy, source, story_id=copy)


def statuses(connection: Connection) -> list[str]:
    query = select(schema.stories.c.status).order_by(schema.stories.c.id)
    return [status.value for status in connection.execute(query).scalars()]


def test_a_withdrawn_report_marks_the_copies_made_from_it_and_all_stay_in_the_view(engine: Engine) -> None:
    with engine.begin() as connection:
        family(connection, (2, 1), (3, 2))
        assert withdraw_story(connection, 1, StoryStatus.WITHDRAWN, at(9), note="pubStatus withdrawn") == (1, 2, 3)
        assert statuses(connection) == ["withdrawn", "origin_withdrawn", "origin_withdrawn", "usable"]
        seen = connection.execute(text("SELECT status FROM conflict_policy_stories ORDER BY story_id")).scalars()
        assert list(seen) == statuses(connection)
        assert withdraw_story(connection, 1, StoryStatus.WITHDRAWN, at(9)) == (), "told twice, changed once"
        changes = connection.execute(select(schema.status_changes).order_by(schema.status_changes.c.id)).all()
    assert [(c.story_id, c.cause, c.origin_story_id, c.note) for c in changes] == [
        (1, StatusCause.WIRE, None, "pubStatus withdrawn"),
        (2, StatusCause.ORIGIN, 1, None),
        (3, StatusCause.ORIGIN, 1, None),
    ]


def test_a_copy_that_is_taken_down_withdraws_nobody_elses_report(engine: Engine) -> None:
    with engine.begin() as connection:
        family(connection, (2, 1), (3, 2), (4, 1))
        assert withdraw_story(connection, 2, StoryStatus.WITHDRAWN, at(9), cause=StatusCause.NOTICE) == (2, 3)
        assert statuses(connection) == ["usable", "withdrawn", "origin_withdrawn", "usable"]


def test_what_was_published_before_was_not_made_from_it(engine: Engine) -> None:
    with engine.begin() as connection:
        family(connection, (2, 1), (3, 1), published={1: at(100), 2: at(50), 3: at(150)})
        assert withdraw_story(connection, 1, StoryStatus.WITHDRAWN, at(200)) == (1, 3)


def test_an_agency_may_take_a_kill_back_and_each_copy_has_its_own_status_again(engine: Engine) -> None:
    with engine.begin() as connection:
        family(connection, (2, 1), (3, 1))
        withdraw_story(connection, 3, StoryStatus.CORRECTED, at(5), cause=StatusCause.NOTICE)
        withdraw_story(connection, 1, StoryStatus.CANCELED, at(6))
        assert statuses(connection)[:3] == ["canceled", "origin_withdrawn", "origin_withdrawn"]
        assert withdraw_story(connection, 1, StoryStatus.USABLE, at(7)) == (1, 2, 3)
        assert statuses(connection)[:3] == ["usable", "usable", "corrected"]


def test_a_copy_that_comes_after_the_withdrawal_is_marked_too(engine: Engine) -> None:
    with engine.begin() as connection:
        family(connection, (2, 1))
        withdraw_story(connection, 1, StoryStatus.CANCELED, at(6))
        add_copy(connection, 3, 2, story_id=3)
        assert inherit_status(connection, 3, at(8))
        assert not inherit_status(connection, 4, at(8))
        assert statuses(connection) == ["canceled", "origin_withdrawn", "origin_withdrawn", "usable"]


def test_of_copies_that_are_stored_together_a_copy_of_a_copy_is_marked_too(engine: Engine) -> None:
    with engine.begin() as connection:
        family(connection)
        withdraw_story(connection, 1, StoryStatus.CANCELED, at(6))
        # The copy of the copy has the lower id: it is only found once the other one is marked.
        add_copy(connection, 2, 3, story_id=2)
        add_copy(connection, 3, 1, story_id=3)
        inherit_statuses(connection, {2: at(8), 3: at(7), 4: at(8)})
        assert statuses(connection) == ["canceled", "origin_withdrawn", "origin_withdrawn", "usable"]


def test_a_status_that_only_follows_can_not_be_sent(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(ValueError, match="follows from another"):
        withdraw_story(connection, 1, StoryStatus.ORIGIN_WITHDRAWN, at())


# ------------------------------------------------------------------------------------------------------------- looks


def stored(engine: Engine, *urls: str, due_at: datetime | None = T0) -> list[int]:
    """Stories of these pages, each due for a look."""
    announce(engine, [entry(n, url=url) for n, url in enumerate(urls)])
    ids = []
    while claims := claim_all(engine):
        for claim in claims:
            store(engine, claim, record(f"Report {claim.url} was read.", title=claim.url))
            with engine.begin() as connection:
                revisits.save_state(connection, claim.url_id, claim.host, RevisitState(due_at=due_at))
            ids.append(claim.url_id)
    return ids


def opened(engine: Engine, now: datetime, most: int = 100) -> int:
    with engine.begin() as connection:
        return revisits.open_due_looks(connection, now, most)


def test_looks_that_are_due_are_opened_once_fairly_and_within_bounds(engine: Engine) -> None:
    urls = [f"https://big.example/{n}" for n in range(8)] + ["https://small.example/1"]
    stored(engine, *urls)
    assert opened(engine, at(1), most=3) == 3
    with engine.begin() as connection:
        hosts = list(connection.execute(text("SELECT host FROM revisits WHERE opened_at IS NOT NULL")).scalars())
    assert sorted(hosts) == ["big.example", "big.example", "small.example"]
    assert opened(engine, at(1), most=3) == 0
    assert opened(engine, at(1)) == revisits.OPEN_PER_HOST - 2
    assert opened(engine, at(1)) == 0, "no more of a host than its share"


def test_a_look_that_is_not_due_waits_unless_a_clock_ran_ahead(engine: Engine) -> None:
    stored(engine, "https://a.example/1", due_at=at(60))
    assert opened(engine, at(1)) == 0
    stored(engine, "https://b.example/1", due_at=at(40 * 86_400))
    assert opened(engine, at(1)) == 1
    assert opened(engine, at(59)) == 0
    assert opened(engine, at(60)) == 1


def test_new_stories_of_a_host_go_before_its_looks(engine: Engine) -> None:
    (old,) = stored(engine, "https://a.example/1")
    assert opened(engine, at(1)) == 1
    announce(engine, [entry(7, url="https://a.example/new")], feed="https://a.example/second.xml")
    with engine.begin() as connection:
        first = ledger.lease_due_urls(connection, at(2), 10, LEASE_S)
        assert [item.url_id for item in first] != [old]
        assert len(first) == 1, "while a new story is in work, its host is asked for nothing else"
        connection.execute(update(schema.urls).where(schema.urls.c.id == first[0].url_id).values(state=UrlState.DEAD))
        assert [item.url_id for item in ledger.lease_due_urls(connection, at(3), 10, LEASE_S)] == [old]


def test_a_look_whose_worker_died_comes_again_and_in_the_end_leaves_the_story(engine: Engine) -> None:
    (url_id,) = stored(engine, "https://a.example/1")
    opened(engine, at(1))
    now = at(1)
    for number in range(2):
        (claim,) = claim_all(engine, f"token-{number}", now)
        assert claim.story_id is not None
        now += timedelta(seconds=LEASE_S + 1)
        with engine.begin() as connection:
            ledger.take_back_expired(connection, now, LEASE_S, 2)
    with engine.begin() as connection:
        ended = ledger.standing(connection, url_id)
        assert ended is not None
        assert (ended.state, ended.reason) == (UrlState.STORED, Reason.REVISIT_FAILED)
        assert revisits.close_strays(connection, now) == 1
        due_at = connection.execute(select(schema.revisits.c.due_at)).scalar_one()
    assert due_at == now + revisits.STRAY_WAIT


def test_a_look_that_can_not_begin_gives_up_its_place(engine: Engine) -> None:
    (url_id,) = stored(engine, "https://a.example/1")
    opened(engine, at(1))
    later = at(2) + revisits.OPEN_MAX
    with engine.begin() as connection:
        assert revisits.close_strays(connection, later) == 1
        ended = ledger.standing(connection, url_id)
    assert ended is not None
    assert ended.reason is Reason.REVISIT_FAILED


def test_an_edited_entry_makes_a_waiting_look_news(engine: Engine) -> None:
    from pipeline.outcomes import PollOutcome
    from pipeline.store import feeds
    from pipeline.values import PollPlan

    (url_id,) = stored(engine, "https://a.example/1")
    opened(engine, at(1))
    with engine.begin() as connection:
        query = select(schema.urls.c.priority).where(schema.urls.c.id == url_id)
        assert connection.execute(query).scalar_one() == REVISIT_PRIORITY
        feed = connection.execute(select(schema.feeds)).first()
        assert feed is not None
        connection.execute(update(schema.feeds).values(lease_token="poll", lease_until=at(60)))
        edited = (entry(0, url="https://a.example/1", version="v2"),)
        plan = PollPlan(state=feeds.feed_state(feed), outcome=PollOutcome.NEW_ENTRIES, edited=edited)
        feeds.apply_poll(connection, "poll", plan, at(2), 1, 0.1)
        assert connection.execute(query).scalar_one() == EDITED_PRIORITY

"""What is pruned is gone, and never comes back: not by its URL, not by its text, not by an edit, not by a person."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rows import add_feed, add_poll
from sqlalchemy import Connection, Engine, func, select, text
from store_builders import T0, TEXT, announce, at, claim_all, entry, record, states, store

from pipeline.outcomes import PollOutcome, Reason, UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import ledger, reports, schema, verdicts
from pipeline.store.retention import (
    FIRST_POLL,
    first_day_to_keep,
    prunable,
    prunable_polls,
    prune_pages,
    prune_polls,
    prune_stories,
)
from pipeline.store.tallies import rebuild_tallies
from pipeline.values import DroppedLine, PollPlan

LATER = T0 + timedelta(days=400)
CUTOFF = T0 + timedelta(days=1)
OTHER = "Farmers in the valley brought in the first apples this week, a fortnight early after a warm spring."
COPY = TEXT.replace("on Sunday", "on Sunday evening").replace("late but welcome", "overdue")


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def prune_all(engine: Engine) -> int:
    total = 0
    while True:
        with engine.begin() as connection:
            pruned = prune_stories(connection, CUTOFF, LATER, limit=2)
            prune_pages(connection, CUTOFF)
        total += pruned
        if not pruned:
            return total


@pytest.fixture
def pruned(engine: Engine) -> Engine:
    """One story with a dropped line, pruned."""
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    store(engine, claim, record(dropped=[DroppedLine(0, "Read also: more of it", "related")]))
    assert prune_all(engine) == 1
    return engine


def test_words_go_and_the_tombstone_stays(pruned: Engine) -> None:
    with pruned.connect() as connection:
        story = connection.execute(select(schema.stories)).one()
        revision = connection.execute(select(schema.revisions)).one()
        verdict = connection.execute(select(schema.verdicts)).one()
        page = connection.execute(select(schema.pages)).one()
        assert connection.execute(select(schema.revisits.c.due_at)).scalar() is None
    assert (story.text, story.standfirst, story.captions, story.pruned_at) == ("", None, [], LATER)
    assert (story.title, story.url, story.content_hash) == (
        "Ministry to send launchers",
        "https://outlet.example/story/1",
        record().fingerprint.content_hash,
    )
    assert (revision.text, revision.content_hash) == ("", story.content_hash)
    assert (verdict.evidence, verdict.is_conflict_policy) == ([], True)
    assert page.warc_length == 0
    assert [count(pruned, table) for table in (schema.dropped_lines, schema.story_bands)] == [0, 0]
    assert count(pruned, schema.fingerprints) == 1


def test_a_feed_that_lists_the_pruned_url_again_announces_nothing(pruned: Engine) -> None:
    announce(pruned, [entry(1)], feed="https://other.example/feed.xml")
    assert states(pruned) == {UrlState.STORED: 1}
    assert claim_all(pruned, now=LATER) == []


def test_the_pruned_text_at_another_url_is_a_duplicate(pruned: Engine) -> None:
    announce(pruned, [entry(2, site="mirror.example")])
    (claim,) = claim_all(pruned, now=LATER)
    ended = store(pruned, claim, record(), LATER)
    assert ended is not None
    assert (ended.state, ended.reason) == (UrlState.DUPLICATE, Reason.SAME_TEXT)
    assert count(pruned, schema.stories) == 1


def test_an_edited_entry_or_a_person_does_not_open_it(pruned: Engine) -> None:
    with pruned.begin() as connection:
        assert ledger.requeue(connection, LATER, states=[UrlState.STORED]) == 0
        feed = connection.execute(select(schema.feeds)).one()
        connection.execute(schema.feeds.update().values(lease_token="poll", lease_until=at(60)))
        edited = PollPlan(
            state=feed_store.feed_state(feed),
            outcome=PollOutcome.NEW_ENTRIES,
            edited=(entry(1, version="v2"),),
            listed=(("key-1", "v2"),),
            entries_count=1,
        )
        written = feed_store.apply_poll(connection, "poll", edited, T0, 100, 0.1)
    assert written is not None
    assert (written.new_urls, written.reopened) == (0, 0)
    assert states(pruned) == {UrlState.STORED: 1}


def test_a_page_that_was_on_its_way_when_its_story_was_pruned_brings_nothing_back(engine: Engine) -> None:
    announce(engine, [entry(1)])
    (claim,) = claim_all(engine)
    store(engine, claim, record())
    with engine.begin() as connection:
        ledger.requeue(connection, at(), url_ids=[claim.url_id])
    (again,) = claim_all(engine, "again")
    assert prune_all(engine) == 0  # it is being read: not now
    with engine.begin() as connection:
        connection.execute(schema.stories.update().values(text="", pruned_at=LATER))
    ended = store(engine, again, record(OTHER, dropped=[DroppedLine(0, "more", "related")]), LATER)
    assert ended is not None
    assert (ended.state, ended.reason) == (UrlState.STORED, Reason.UNCHANGED)
    assert [count(engine, table) for table in (schema.revisions, schema.dropped_lines)] == [1, 0]
    with engine.connect() as connection:
        assert connection.execute(select(schema.stories.c.text)).scalar() == ""


def test_neither_reread_nor_reclassify_takes_a_pruned_story_up(pruned: Engine) -> None:
    with pruned.connect() as connection:
        assert reports.stale_story_urls(connection, "reader-2", True, 0, 10) == []
        assert verdicts.stale_stories(connection, "model-2", "", 0.5, True, 0, 10) == []
        assert verdicts.count_stale(connection, "model-2", "", 0.5) == 0


def test_a_cluster_with_a_living_story_still_finds_its_copies(engine: Engine) -> None:
    announce(engine, [entry(1), entry(2, site="two.example")])
    first, second = claim_all(engine)
    store(engine, first, record())
    store(engine, second, record(COPY), LATER)
    assert prune_all(engine) == 1
    announce(engine, [entry(3, site="three.example")], feed="https://three.example/feed.xml")
    (third,) = claim_all(engine, now=LATER)
    store(engine, third, record(COPY.replace("overdue", "long overdue")), LATER)
    with engine.connect() as connection:
        assert len(set(connection.execute(select(schema.stories.c.cluster_id)).scalars())) == 1


def test_what_is_younger_or_was_revised_since_stays_and_twice_is_once(engine: Engine) -> None:
    announce(engine, [entry(n, site=f"s{n}.example") for n in range(5)])
    for n, claim in enumerate(claim_all(engine)):
        store(engine, claim, record(f"{n} " + TEXT.replace("twelve", f"{n} hundred")), LATER if n == 0 else T0)
    with engine.begin() as connection:
        connection.execute(schema.stories.update().where(schema.stories.c.id == 2).values(revised_at=LATER))
        assert prunable(connection, CUTOFF).stories == 3
    assert prune_all(engine) == 3  # in batches of two
    assert prune_all(engine) == 0
    with engine.connect() as connection:
        assert prunable(connection, CUTOFF).stories == 0
        kept = select(schema.stories.c.id).where(schema.stories.c.pruned_at.is_(None)).order_by(schema.stories.c.id)
        assert list(connection.execute(kept).scalars()) == [1, 2]


@pytest.mark.parametrize(
    ("max_bytes", "first_kept"),
    [(100, None), (60, None), (59, 2), (50, 2), (30, 3), (10, 4), (0, 4)],
)
def test_the_newest_days_that_fit_are_kept_and_today_always(max_bytes: int, first_kept: int | None) -> None:
    days = {date(2024, 5, day): size for day, size in ((1, 10), (2, 20), (3, 20), (4, 10))}
    found = first_day_to_keep(days, max_bytes, date(2024, 5, 4))
    assert found == (None if first_kept is None else date(2024, 5, first_kept))


def prune_every_poll(connection: Connection, cutoff: datetime, limit: int) -> int:
    after, total = FIRST_POLL, 0
    while gone := prune_polls(connection, cutoff, after, limit):
        after, total = gone[-1], total + len(gone)
    return total


def polls_of(connection: Connection, feed_id: int) -> list[int]:
    """How many days before T0 the polls are that are left, oldest first."""
    query = select(schema.feed_polls.c.polled_at).where(schema.feed_polls.c.feed_id == feed_id)
    return [(T0 - polled_at).days for polled_at in connection.execute(query.order_by("polled_at")).scalars()]


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_old_polls_go_but_those_that_show_a_gap_and_the_last_of_a_feed(engine: Engine, limit: int) -> None:
    with engine.begin() as connection:
        for feed_id in (1, 2):
            add_feed(connection, feed_id)
        for days in (9, 8, 7, 5, 4, 3, 2):
            add_poll(connection, 1, T0 - timedelta(days=days), lost_estimate=20 if days == 5 else None)
        add_poll(connection, 1, T0 - timedelta(days=6), outcome="failed", reason=Reason.TIMEOUT)
        # Nobody has polled this one since: where a gap may still be found, the poll before it is known.
        for days in (9, 8):
            add_poll(connection, 2, T0 - timedelta(days=days))
        gaps = text("SELECT poll_id, previous_poll_at, lost_estimate FROM feed_gaps")
        before = connection.execute(gaps).all()
        cutoff = T0 - timedelta(days=2, hours=12)
        assert prunable_polls(connection, cutoff) == 6
        assert prune_every_poll(connection, cutoff, limit) == 6
        assert prunable_polls(connection, cutoff) == prune_every_poll(connection, cutoff, limit) == 0
        # The failed poll between the two says nothing about the gap.
        assert (polls_of(connection, 1), polls_of(connection, 2)) == ([7, 5, 2], [8])
        assert connection.execute(gaps).all() == before
        assert [row.lost_estimate for row in before] == [20]


def test_pruned_polls_stay_counted_also_when_all_is_counted_anew(engine: Engine) -> None:
    now = datetime.now(UTC)
    days = text("SELECT day, polls, new_urls FROM feed_days ORDER BY day")
    health = text("SELECT polls, new_urls, usual_gap_s, longest_gap_s, is_silent FROM source_health")
    with engine.begin() as connection:
        add_feed(connection, 1)
        for ago in range(1, 31):
            add_poll(connection, 1, now - timedelta(days=ago), new_urls=3)
        counted, healthy = connection.execute(days).all(), connection.execute(health).all()
        assert prune_every_poll(connection, now - timedelta(days=16), 1000) > 10
        for _ in range(2):
            assert connection.execute(days).all() == counted
            assert connection.execute(health).all() == healthy
            rebuild_tallies(connection)
        assert len(counted) == 30

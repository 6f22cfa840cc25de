"""Watches in SQL on both databases: what matches, once a cluster, limits and leases, follow-ups."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from rows import NOW, add_copy, add_feed, add_story, add_url
from sqlalchemy import Connection, Engine, insert, select, update

from pipeline.outcomes import AlertKind, AlertReason, AlertState, StoryStatus
from pipeline.store import watches as store
from pipeline.store.conditions import Candidate, matching
from pipeline.store.schema import status_changes, stories, watch_alerts
from pipeline.store.watches import OVERLAP, Watch, WatchNameTaken
from pipeline.watching.conditions import COLUMNS, Kind, parse_condition
from pipeline.watching.sending import MOST_ATTEMPTS, Limit

LEASE_S = 60.0


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def fill(connection: Connection) -> None:
    """1 force by RUS with a copy elsewhere; 2 talks by UKR and RUS, in German; 3 not about conflict policy."""
    add_feed(connection, 1, source="desk")
    add_story(connection, 1, "Missiles hit the harbour", acts={"force": 0.9}, actors=["RUS"], feed_id=1, language="en")
    add_url(connection, 11, site="other.example", state="duplicate")
    add_copy(connection, 11, 1)
    add_story(connection, 2, "Gespräche 50% näher", acts={"talks": 0.8}, actors=["UKR", "RUS"], language="de")
    add_story(connection, 3, "A cake fair", is_conflict_policy=False, actors=["GBR"], word_count=90)


def ids_for(connection: Connection, text: str, *, policy_only: bool = False) -> set[int]:
    candidates = [Candidate(row.id, row.cluster_id) for row in connection.execute(select(stories))]
    return matching(connection, parse_condition(text), candidates, policy_only=policy_only)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("type = 'force'", {1}),
        ("type != 'force'", {2, 3}),
        ("actor = 'RUS'", {1, 2}),
        ("actor = 'RUS' and actor = 'UKR'", {2}),
        ("actor not in ('RUS', 'UKR')", {3}),
        ("not actor = 'UKR'", {1, 3}),
        ("type is null", {3}),
        ("type is not null and language = 'de'", {2}),
        ("title like '%harbour'", {1}),
        ("title like '%HARBOUR'", {1}),
        ("title not like '%cake%'", {1, 2}),
        ("title = 'x'' or ''1'' = ''1'", set()),
        ("source = 'desk' or site = 'nowhere'", {1}),
        ("language = 'und'", {3}),
        ("copies >= 1 and sites = 2", {1}),
        ("independent_origins < 1", set()),
        ("score > 0.5", {1, 2}),
        ("word_count >= 90", {3}),
        ("stored_at >= '2024-05-31T04:00Z'", {1, 2, 3}),
        ("stored_at > '2024-05-31T04:00Z'", set()),
        ("published_at is null and status = 'usable'", {1, 2, 3}),
    ],
)
def test_a_condition_finds_the_same_stories_on_both_databases(engine: Engine, text: str, found: set[int]) -> None:
    with engine.begin() as connection:
        fill(connection)
        assert ids_for(connection, text) == found
        assert ids_for(connection, text, policy_only=True) == found - {3}


def test_every_column_can_be_asked(engine: Engine) -> None:
    values = {Kind.TEXT: "'x'", Kind.NUMBER: "1", Kind.INSTANT: "'2024-01-01'"}
    with engine.begin() as connection:
        fill(connection)
        for name, facts in COLUMNS.items():
            value = f"'{facts.words[0]}'" if facts.words else values[facts.kind]
            for text in (f"{name} = {value}", f"{name} in ({value})", f"{name} is null", f"not {name} <= {value}"):
                ids_for(connection, text)


# ---------------------------------------------------------------------------------------------------------- looking


def add_watch(connection: Connection, name: str = "w", condition: str = "actor = 'RUS'", **values: Any) -> Watch:
    defaults: dict[str, Any] = {"targets": ["desk"], "digest": None, "limit": None, "since": at(-60), "now": at(-60)}
    store.add_watch(connection, name, condition, **(defaults | values))
    found = store.find_watch(connection, name)
    assert found is not None
    return found


def look(connection: Connection, watch: Watch, now: datetime) -> int:
    candidates = store.stirred_stories(connection, watch.looked_at - OVERLAP)
    found = store.find_matches(connection, parse_condition(watch.condition), candidates)
    return store.note_matches(connection, watch, found, now)


def test_a_cluster_is_alerted_once_however_often_it_is_looked_at(engine: Engine) -> None:
    with engine.begin() as connection:
        fill(connection)
        watch = add_watch(connection)
        assert [look(connection, watch, at(number)) for number in range(3)] == [2, 0, 0]
        add_story(connection, 4, "Missiles hit again", acts={"force": 0.9}, actors=["RUS"], cluster_id=1)
        assert look(connection, watch, at(4)) == 0


def test_a_cluster_that_took_up_an_alerted_one_is_not_alerted_again(engine: Engine) -> None:
    with engine.begin() as connection:
        fill(connection)
        watch = add_watch(connection)
        look(connection, watch, at(0))
        add_story(connection, 5, "An older report", acts={"force": 0.9}, actors=["RUS"])
        connection.execute(update(stories).where(stories.c.id == 1).values(cluster_id=5))
        assert look(connection, watch, at(1)) == 0


def test_a_copy_that_comes_later_lets_a_story_match(engine: Engine) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, acts={"force": 0.9}, stored_at=at(-86_400))
        watch = add_watch(connection, condition="copies >= 1", since=at(-90_000))
        assert look(connection, watch, at(0)) == 0
        add_url(connection, 11, site="other.example", state="duplicate")
        add_copy(connection, 11, 1, linked_at=at(5))
        watch = store.list_watches(connection)[0]
        assert look(connection, watch, at(10)) == 1


def test_what_was_stored_before_the_watch_began_is_not_looked_at(engine: Engine) -> None:
    with engine.begin() as connection:
        fill(connection)
        assert look(connection, add_watch(connection, since=at(1)), at(2)) == 0


def test_a_name_is_taken_once(engine: Engine) -> None:
    with engine.begin() as connection:
        add_watch(connection)
        with pytest.raises(WatchNameTaken, match="named w already"):
            add_watch(connection)


def test_a_stopped_watch_goes_on_from_the_moment_it_is_enabled(engine: Engine) -> None:
    with engine.begin() as connection:
        add_watch(connection)
        assert store.set_active(connection, "w", False, at(0))
        assert store.list_watches(connection, active_only=True) == []
        assert store.set_active(connection, "w", True, at(50))
        assert store.list_watches(connection, active_only=True)[0].looked_at == at(50) + OVERLAP
        assert not store.set_active(connection, "nobody", True, at(50))
        assert store.remove_watch(connection, "w")


# ---------------------------------------------------------------------------------------------------------- telling


def states(connection: Connection) -> list[str]:
    return list(connection.execute(select(watch_alerts.c.state).order_by(watch_alerts.c.id)).scalars())


def test_an_alert_is_sent_once_and_a_lost_lease_settles_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        fill(connection)
        watch = add_watch(connection)
        look(connection, watch, at(0))
        first = store.take_message(connection, watch, "a", at(1), LEASE_S)
        second = store.take_message(connection, watch, "b", at(2), LEASE_S)
        assert first is not None
        assert second is not None
        assert store.take_message(connection, watch, "c", at(3), LEASE_S) is None
        assert [match.title for match in first.matches] == ["Missiles hit the harbour"]
        # The first watcher died; after its lease another takes the alert, and the first can't settle it any more.
        store.settle_sent(connection, second, at(4))
        again = store.take_message(connection, watch, "d", at(1 + LEASE_S), LEASE_S)
        assert again is not None
        assert again.alert_ids == first.alert_ids
        assert store.settle_sent(connection, first, at(70)) == 0
        assert store.settle_sent(connection, again, at(71)) == 1
        assert states(connection) == ["sent", "sent"]


def test_a_limit_counts_messages_in_its_window(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(1, 6):
            add_story(connection, number, actors=["RUS"], acts={"force": 0.5})
        watch = add_watch(connection, limit=Limit(2, timedelta(hours=1)))
        assert look(connection, watch, at(0)) == 5
        sizes = []
        for token in ("a", "b", "c"):
            taken = store.take_message(connection, watch, token, at(1), LEASE_S)
            sizes.append(0 if taken is None else store.settle_sent(connection, taken, at(1)))
        assert sizes == [1, 4, 0]
        add_story(connection, 6, actors=["RUS"], acts={"force": 0.5})
        look(connection, watch, at(2))
        assert store.take_message(connection, watch, "d", at(3_600), LEASE_S) is None
        assert store.take_message(connection, watch, "e", at(3_602), LEASE_S) is not None


def test_a_failure_is_tried_again_and_given_up_in_the_end_with_its_reason(engine: Engine) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, actors=["RUS"], acts={"force": 0.5})
        watch = add_watch(connection)
        look(connection, watch, at(0))
        now, results = at(1), []
        for number in range(MOST_ATTEMPTS):
            taken = store.take_message(connection, watch, f"t{number}", now, LEASE_S)
            assert taken is not None
            results.append(store.settle_failed(connection, taken, AlertReason.REFUSED, "the service answered 503", now))
            assert store.take_message(connection, watch, "early", now, LEASE_S) is None
            now += timedelta(hours=5)
        assert results == [(1, 0)] * (MOST_ATTEMPTS - 1) + [(0, 1)]
        row = store.alert_log(connection, "w", 10)[0]
        assert (row["state"], row["reason"], row["attempts"]) == ("dead", "refused", MOST_ATTEMPTS)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (StoryStatus.CORRECTED, AlertKind.CORRECTION),
        (StoryStatus.WITHDRAWN, AlertKind.WITHDRAWAL),
        (StoryStatus.ORIGIN_WITHDRAWN, AlertKind.WITHDRAWAL),
    ],
)
def test_a_story_that_is_taken_back_after_the_alert_is_told_once_more_and_once(
    engine: Engine, status: StoryStatus, kind: AlertKind
) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, actors=["RUS"], acts={"force": 0.5})
        watch = add_watch(connection)
        look(connection, watch, at(0))
        assert store.note_status_changes(connection, watch, at(1)) == 0
        taken = store.take_message(connection, watch, "a", at(1), LEASE_S)
        assert taken is not None
        store.settle_sent(connection, taken, at(2))
        connection.execute(update(stories).values(status=status))
        connection.execute(
            insert(status_changes).values(story_id=1, status=status, cause="notice", revision=1, changed_at=at(3))
        )
        assert [store.note_status_changes(connection, watch, at(number)) for number in (4, 5)] == [1, 0]
        follow_up = store.take_message(connection, watch, "b", at(6), LEASE_S)
        assert follow_up is not None
        assert [(match.kind, match.status) for match in follow_up.matches] == [(kind, status.value)]


def test_what_was_corrected_before_anybody_was_told_needs_no_follow_up(engine: Engine) -> None:
    with engine.begin() as connection:
        add_story(connection, 1, actors=["RUS"], acts={"force": 0.5}, status=StoryStatus.CORRECTED)
        connection.execute(
            insert(status_changes).values(
                story_id=1, status=StoryStatus.CORRECTED, cause="notice", revision=1, changed_at=at(-9)
            )
        )
        watch = add_watch(connection, targets=[])
        assert look(connection, watch, at(0)) == 1
        assert states(connection) == [AlertState.RECORDED]
        assert store.note_status_changes(connection, watch, at(1)) == 0


def test_a_removed_watch_takes_what_it_found_with_it(engine: Engine) -> None:
    with engine.begin() as connection:
        fill(connection)
        look(connection, add_watch(connection), at(0))
        store.remove_watch(connection, "w")
        assert states(connection) == []
        assert store.list_matches(connection, "w") == []

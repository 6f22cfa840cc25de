"""Verdicts in SQL: history, pooling, the wire's subjects, labels, and the views over them, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from rows import NOW, add_attribution, add_feed, add_place, add_story
from sqlalchemy import Connection, Engine, select, text, update
from store_builders import announce, at, claim_all, entry, record, store

from pipeline.judging import drift
from pipeline.judging.reviewing import Drawn, Label
from pipeline.outcomes import PolicyType, SourceKind, Standing
from pipeline.store import labels, verdicts
from pipeline.store.schema import cluster_verdicts, feeds, story_codes, urls
from pipeline.store.schema import verdicts as verdict_table
from pipeline.values import ActScore, Attribution, PlaceMention, SubjectCode, Verdict

TALKS = Label(True, True, (PolicyType.TALKS,))


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def verdict(policy: float | None, *acts: PolicyType, model: str = "model-2", rules: str = "rules-2") -> Verdict:
    return Verdict(
        model, policy is not None, policy, policy, 0.5, acts=tuple(ActScore(act, 0.8) for act in acts), rules=rules
    )


def judge_now(connection: Connection, story_id: int, value: Verdict) -> None:
    verdicts.keep_verdict(connection, story_id, 1, value, NOW + timedelta(hours=1))


def test_a_new_verdict_is_the_current_one_and_the_old_one_stays_beside_it(connection: Connection) -> None:
    add_story(connection, 1, acts={"talks": 0.9})
    judge_now(connection, 1, verdict(0.2))
    query = "SELECT is_current, model, score, previous_model, previous_score, was_conflict_policy FROM verdict_changes"
    rows = [tuple(row) for row in connection.execute(text(query + " ORDER BY verdict_id"))]
    assert rows == [(0, "model-1", 0.9, None, None, None), (1, "model-2", 0.2, "model-1", 0.9, 1)]
    assert connection.execute(text("SELECT count(*) FROM conflict_policy_stories")).scalar() == 0
    assert connection.execute(text("SELECT model, rules FROM story_verdicts")).one() == ("model-2", "rules-2")


def test_a_report_has_one_verdict_over_its_copies_and_the_views_read_it(connection: Connection) -> None:
    add_story(connection, 1)
    add_story(connection, 2, cluster_id=1, site="wire2.example")
    judge_now(connection, 1, verdict(0.9, PolicyType.TALKS))
    judge_now(connection, 2, verdict(0.4))
    row = connection.execute(select(cluster_verdicts)).one()
    assert (row.stories, row.is_conflict_policy, round(row.conflict_policy, 2)) == (2, True, 0.71)
    found = connection.execute(text("SELECT story_id, acts, own_score FROM conflict_policy_stories ORDER BY story_id"))
    assert [tuple(row) for row in found] == [(1, "talks", 0.9), (2, "talks", 0.4)]
    assert connection.execute(text("SELECT sum(conflict_policy) FROM volume_hourly")).scalar() == 2
    judge_now(connection, 1, verdict(0.1))
    assert connection.execute(text("SELECT count(*) FROM conflict_policy_stories")).scalar() == 0
    assert connection.execute(text("SELECT count(*) FROM story_acts")).scalar() == 0


def test_a_cluster_without_a_judged_story_has_no_verdict(connection: Connection) -> None:
    add_story(connection, 1)
    verdicts.pool_cluster(connection, 1)
    assert connection.execute(select(cluster_verdicts.c.stories)).scalars().all() == [1]
    connection.execute(verdict_table.delete())
    verdicts.pool_cluster(connection, 1)
    assert connection.execute(select(cluster_verdicts.c.stories)).scalars().all() == []


def test_codes_of_the_acts_stand_in_the_view_the_best_acts_first(connection: Connection) -> None:
    add_story(connection, 1, acts={"sanction": 0.9, "detainee": 0.6})
    row = connection.execute(text("SELECT plover, medtop FROM conflict_policy_stories")).one()
    assert row.medtop == "20000642, 20000080"
    assert row.plover.split(", ")[0] == "SANCTION"


def test_places_and_attributions_are_the_current_verdicts(connection: Connection) -> None:
    add_story(connection, 1)
    place = PlaceMention("Kharkiv", "UKR", 49.99, 36.23, "lead", 0, 7, "Kharkiv")
    said = Attribution(SourceKind.OUTLET, None, "Politico", None, "lead", 0, 17, "Politico reported")
    held = Attribution(None, Standing.UNCONFIRMED, None, None, "body", 5, 20, "not yet confirmed")
    for _ in range(2):
        judge_now(connection, 1, replace(verdict(0.9), places=(place, place), sourcing=(said, held)))
    (row,) = connection.execute(text("SELECT place, country, lat, lon, times, in_title FROM places"))
    assert tuple(row) == ("Kharkiv", "UKR", 49.99, 36.23, 2, 0)
    rows = connection.execute(text("SELECT source, standing, name FROM sourcing ORDER BY attribution_id"))
    assert [tuple(row) for row in rows] == [("outlet", None, "Politico"), (None, "unconfirmed", None)]


def test_subjects_that_the_feed_gives_are_kept_beside_ours(engine: Engine) -> None:
    codes = (SubjectCode("http://wire.example/cat", "war", "War"), SubjectCode("", "Politics"))
    announce(engine, [replace(entry(), codes=codes)])
    (claim,) = claim_all(engine)
    store(engine, claim, record())
    with engine.begin() as connection:
        rows = connection.execute(select(story_codes).order_by(story_codes.c.scheme)).all()
        assert [tuple(row) for row in rows] == [(1, "", "Politics", None), (1, "http://wire.example/cat", "war", "War")]
        assert verdicts.add_story_codes(connection, 1, codes) == 0
        assert connection.execute(select(urls.c.entry_codes)).scalar_one() is not None


def test_stale_is_what_another_model_other_rules_or_another_threshold_judged(connection: Connection) -> None:
    for number in range(1, 5):
        add_story(connection, number)
    judge_now(connection, 1, verdict(0.9))
    judge_now(connection, 2, verdict(0.9, model="model-1"))
    judge_now(connection, 3, verdict(0.9, rules="rules-1"))
    judge_now(connection, 4, replace(verdict(0.9), threshold=0.4))

    def stale(everything: bool = False, after: int = 0) -> list[int]:
        found = verdicts.stale_stories(connection, "model-2", "rules-2", 0.5, everything, after, 10)
        return [story.story_id for story in found]

    assert stale() == [2, 3, 4]
    assert stale(after=2) == [3, 4]
    assert stale(everything=True) == [1, 2, 3, 4]
    assert verdicts.count_stale(connection, "model-2", "rules-2", 0.5) == 3


def test_a_report_waits_for_a_look_once_until_somebody_labels_it_and_again_when_that_is_undone(
    connection: Connection,
) -> None:
    for number, score in enumerate((0.5, 0.1, None), start=1):
        add_story(connection, number)
        judge_now(connection, number, verdict(score))
    add_story(connection, 4, cluster_id=1)
    judge_now(connection, 4, verdict(0.45))

    def waiting() -> list[int]:
        return [item.story_id for item in labels.review_candidates(connection, NOW)]

    assert waiting() == [1, 2]
    assert [item.story_id for item in labels.review_candidates(connection, NOW + timedelta(days=1))] == []
    label_id = labels.add_label(connection, 4, TALKS, Drawn.UNCERTAIN, "ada", at())
    assert waiting() == [2]
    assert labels.undo_label(connection, label_id, at(1))
    assert not labels.undo_label(connection, label_id, at(2))
    assert waiting() == [1, 2]


def test_labels_are_exported_as_training_reads_them_the_last_word_of_each_story(connection: Connection) -> None:
    add_feed(connection, 1, source="wire.example")
    add_story(connection, 1, title="Ministers agree", language="en-GB", feed_id=1, text="They met. They agreed.")
    labels.add_label(connection, 1, Label(False, False), Drawn.CHANCE, "ada", at())
    labels.add_label(connection, 1, TALKS, Drawn.CHANCE, "bo", at(1))
    (row,) = labels.training_rows(connection)
    assert json.loads(json.dumps(row)) == {
        "id": "review-1",
        "source": "wire.example",
        "lang": "en",
        "date": "2024-05-31",
        "title": "Ministers agree",
        "text": "They met. They agreed.",
        "conflict": 1,
        "policy_types": ["talks"],
        "conflict_policy": 1,
        "hard": False,
        "stratum": "review_chance",
    }
    assert [row.reviewer for row in labels.list_labels(connection)] == ["bo", "ada"]


def test_drift_in_sql_is_the_measure_of_the_code_and_the_flag_too(connection: Connection) -> None:
    add_feed(connection, 1, source="moved.example")
    add_feed(connection, 2, source="steady.example")
    plan = {(1, 0): (40, 4), (1, 1): (10, 30), (2, 0): (40, 4), (2, 1): (40, 4)}
    number = 0
    for (feed_id, week), (low, high) in plan.items():
        for score in [0.01] * low + [0.9] * high:
            number += 1
            add_story(connection, number, feed_id=feed_id, stored_at=NOW + timedelta(weeks=week))
            connection.execute(
                update(verdict_table).where(verdict_table.c.story_id == number).values(conflict_policy=score)
            )
    query = "SELECT source, week, stories, bin_1, bin_5, moved, has_moved FROM model_drift ORDER BY source, week"
    rows = connection.execute(text(query)).all()
    assert [str(row.week) for row in rows] == ["2024-05-27", "2024-06-03"] * 2
    assert [row.has_moved for row in rows] == [0, 1, 0, 0]
    assert rows[0].moved is None
    assert rows[1].moved == pytest.approx(drift.distance([10, 0, 0, 0, 30], [40, 0, 0, 0, 4]))
    assert rows[3].moved == 0
    assert drift.has_moved([10, 0, 0, 0, 30], [40, 0, 0, 0, 4])


def test_views_of_sourcing_and_places_name_the_feed_that_announced_the_story(connection: Connection) -> None:
    add_feed(connection, 1, source="wire.example")
    add_story(connection, 1, feed_id=1)
    add_attribution(connection, 1, source="document", name="a memo")
    add_place(connection, 1, place="title")
    assert connection.execute(text("SELECT outlet FROM sourcing")).scalar_one() == "wire.example"
    assert connection.execute(text("SELECT source, in_title FROM places")).one() == ("wire.example", 1)
    assert connection.execute(select(feeds.c.id)).scalar_one() == 1

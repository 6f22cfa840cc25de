"""An older database gets the pooled verdicts of its reports, counts by them, and keeps every row."""

from __future__ import annotations

from alembic import command
from rows import add_story
from sqlalchemy import select, text, update

from pipeline.store.facts import keep_cluster_facts
from pipeline.store.schema import cluster_verdicts, story_facts, verdicts
from pipeline.store.verdicts import pool_cluster
from workers.database import _alembic_config, check, open_engine, upgrade


def test_an_upgrade_pools_the_verdicts_of_every_report_as_the_code_does(bare_database_url: str) -> None:
    engine = open_engine(bare_database_url)
    with engine.begin() as connection:
        command.upgrade(_alembic_config(connection), "0001")
        add_story(connection, 1, acts={"talks": 0.9, "force": 0.6}, is_counted=False)
        add_story(connection, 2, cluster_id=1, acts={"talks": 0.7}, is_counted=False)
        add_story(connection, 3, is_conflict_policy=False, is_counted=False)
        for story_id, score in ((1, 0.95), (2, 0.6), (3, None)):
            connection.execute(
                update(verdicts)
                .where(verdicts.c.story_id == story_id)
                .values(conflict=score, conflict_policy=score, is_conflict_policy=bool(score))
            )
    upgrade(engine)
    assert check(engine) == []
    acts = text("SELECT cluster_id, act, score FROM cluster_acts ORDER BY cluster_id, act")
    pooled = select(cluster_verdicts).order_by(cluster_verdicts.c.cluster_id)
    facts = select(story_facts).order_by(story_facts.c.story_id)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM verdicts")).scalar() == 3
        migrated = connection.execute(pooled).all(), connection.execute(acts).all()
        counted = connection.execute(facts).all()
        assert {row.story_id: row.is_conflict_policy for row in counted} == {1: True, 2: True, 3: False}
        assert [row.scored_acts for row in counted[:2]] == [[["talks", 0.8], ["force", 0.6]]] * 2
        assert [(row.stories, row.is_conflict_policy) for row in migrated[0]] == [(2, True), (1, False)]
        for cluster_id in (1, 3):
            pool_cluster(connection, cluster_id)
            keep_cluster_facts(connection, cluster_id)
        assert (connection.execute(pooled).all(), connection.execute(acts).all()) == migrated
        assert connection.execute(facts).all() == counted
    engine.dispose()

"""Changes of the schema that keep every row, on both databases."""

from __future__ import annotations

import pytest
from rows import NOW, add_feed
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from pipeline.store.migrating import set_words, without_views
from pipeline.store.schema import feeds


def test_new_words_are_taken_by_every_connection_and_old_rows_stay(engine: Engine) -> None:
    constraint = "ck_feeds_is_feedstatus"
    with engine.connect() as other, engine.begin() as connection:
        add_feed(connection, 1)
        other.rollback()
    with engine.begin() as connection:
        set_words(connection, "feeds", "status", constraint, ["active", "parked", "disabled", "asleep"])
    with engine.begin() as connection:
        connection.execute(text("UPDATE feeds SET status = 'asleep'"))
        assert connection.execute(select(feeds.c.id, text("status"))).all() == [(1, "asleep")]
        connection.execute(text("UPDATE feeds SET status = 'active'"))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("UPDATE feeds SET status = 'no such word'"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert constraint in {check["name"] for check in inspect(connection).get_check_constraints("feeds")}


@pytest.mark.parametrize("words", [["not a word"], ["x'); DROP TABLE feeds; --"]])
def test_only_words_of_closed_lists_are_taken(engine: Engine, words: list[str]) -> None:
    with pytest.raises(ValueError, match="closed list"), engine.begin() as connection:
        set_words(connection, "feeds", "status", "ck_feeds_is_feedstatus", words)


def test_a_constraint_that_is_not_there_is_named(engine: Engine) -> None:
    with pytest.raises(ValueError, match="ck_feeds_is_colour"), engine.begin() as connection:
        set_words(connection, "feeds", "colour", "ck_feeds_is_colour", ["red"])


def test_views_are_away_while_a_table_changes_and_answer_afterwards(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection, 1, last_success_at=NOW)
        with without_views(connection, ["source_health", "feed_gaps"]):
            assert not {"source_health", "feed_gaps"} & set(inspect(connection).get_view_names())
            connection.exec_driver_sql("CREATE VIEW feed_gaps AS SELECT 7 AS only_column")
        assert connection.execute(text("SELECT source FROM source_health")).scalar_one() == "wire1.example"
        assert connection.execute(text("SELECT only_column FROM feed_gaps")).scalar_one() == 7

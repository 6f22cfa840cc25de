"""What the database itself refuses, whoever writes: words outside the closed lists, and a second row for one URL."""

from __future__ import annotations

from typing import Any

import pytest
from rows import NOW, add_feed, add_story, add_url
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import IntegrityError

from pipeline.outcomes import Reason, UrlState
from pipeline.store.schema import events, fingerprints, urls

INSTANT = "2024-05-31T04:00:00.000Z"


def insert_raw(connection: Connection, **values: Any) -> None:
    """A row of urls, past SQLAlchemy's own checks."""
    values = {"host": "a.example", "site": "a.example", "announced_at": INSTANT, "due_at": INSTANT} | values
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO urls ({names}) VALUES ({marks})"), values)


def test_every_word_of_the_code_is_a_word_of_sql(engine: Engine) -> None:
    with engine.begin() as connection:
        for state in UrlState:
            insert_raw(connection, url=f"https://a.example/{state}", state=state.value)
        for reason in Reason:
            insert_raw(connection, url=f"https://a.example/because/{reason}", reason=reason.value)
        assert len(connection.execute(select(urls.c.id)).all()) == len(UrlState) + len(Reason)


@pytest.mark.parametrize("values", [{"state": "lost"}, {"reason": "because"}, {"state": "Stored"}])
def test_a_word_outside_the_closed_list_is_refused(engine: Engine, values: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert_raw(connection, url="https://a.example/1", **values)


def test_a_url_has_one_row_and_a_url_has_one_story(engine: Engine) -> None:
    with engine.begin() as connection:
        add_story(connection, 1)
    for again in (add_url, add_story):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            again(connection, 2, url="https://wire1.example/1")


def test_a_text_belongs_to_one_story(engine: Engine) -> None:
    own = {"content_hash": "a" * 64, "method": "m1", "word_count": 9, "first_seen_at": NOW}
    with engine.begin() as connection:
        add_story(connection, 1)
        add_story(connection, 2)
        connection.execute(insert(fingerprints).values(story_id=1, **own))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(fingerprints).values(story_id=2, **own))


def test_removing_a_feed_keeps_the_urls_it_announced(engine: Engine) -> None:
    with engine.begin() as connection:
        add_feed(connection, 1)
        add_url(connection, 7, feed_id=1)
        connection.execute(text("DELETE FROM feeds WHERE id = 1"))
        assert connection.execute(select(urls.c.id, urls.c.feed_id)).all() == [(7, None)]


def test_json_and_instants_come_back_as_they_went(engine: Engine) -> None:
    detail = {"words": ["ćma", "戦", "𝄞"], "none": None, "number": 0.5}
    with engine.begin() as connection:
        connection.execute(insert(events).values(at=NOW, kind="k", subject="s", detail=detail))
        assert connection.execute(select(events.c.at, events.c.detail)).one() == (NOW, detail)

"""`frontwire stories search` as it is typed: what it says beside what it finds."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from rows import add_many_like, add_story
from sqlalchemy import Engine

from workers.cli import frontwire


@pytest.fixture
def filled(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("FRONTWIRE_DATABASE_URL", database_url)
    with engine.begin() as connection:
        add_story(connection, 1, "Ministers agree a ceasefire", text="Words of many.", language="en")
    return engine


def search(*arguments: str) -> Result:
    return CliRunner().invoke(frontwire, ["stories", "search", *arguments])


def test_what_was_not_compared_is_said_and_found_with_until(filled: Engine) -> None:
    assert search("ceasefire").stderr == ""
    with filled.begin() as connection:
        add_many_like(connection, 1, 2_010)
    newest = search("words", "--json", "--limit", "2000")
    said = newest.stderr.strip()
    assert said.startswith("Compared with what was stored since 2024-05-31T04:11:00.000Z; what is older: --until ")
    older = search("words", "--json", "--until", said.rsplit(" ", 1)[1])
    assert older.stderr == ""
    ids = [{row["id"] for row in json.loads(found.stdout)} for found in (newest, older)]
    assert (len(ids[0]), ids[0] | ids[1]) == (2_000, set(range(1, 2_012)))


def test_the_beginning_of_one_letter_is_wrong_usage_with_a_sentence(filled: Engine) -> None:
    ended = search("m*", "ceasefire")
    assert ended.exit_code == 2
    assert '"m*" is too short: a beginning needs two letters' in ended.stderr
    assert search("mi*").exit_code == 0

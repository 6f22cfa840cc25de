"""Migrations: from nothing to what the code expects, once, by however many processes at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from pipeline.store.schema import metadata
from pipeline.store.triggers import create_triggers
from pipeline.store.views import VIEWS, create_views
from workers.database import (
    DatabaseUnavailable,
    check,
    current_version,
    head_version,
    open_engine,
    prepare,
    require_current,
    upgrade,
)


@pytest.fixture
def bare_engine(bare_database_url: str) -> Engine:
    return open_engine(bare_database_url)


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def definitions(engine: Engine) -> dict[str, str | None]:
    """The definition of every view as the database keeps it."""
    with engine.begin() as connection:
        inspector = inspect(connection)
        return {name: inspector.get_view_definition(name) for name in inspector.get_view_names()}


def kept_by_itself(engine: Engine) -> dict[str, str]:
    """Triggers, functions and the full-text index, as the database keeps their definitions."""
    query = """SELECT name, sql FROM sqlite_master
        WHERE type = 'trigger' OR name IN ('story_search', 'story_search_pending')"""
    if engine.dialect.name == "postgresql":
        query = """SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'story_search'"""
    with engine.begin() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql(query)}


def storage(engine: Engine) -> dict[str, list[str]]:
    """What PostgreSQL was told of how it keeps a table; SQLite is told nothing."""
    query = """SELECT relname, reloptions FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL"""
    if engine.dialect.name != "postgresql":
        return {}
    with engine.begin() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql(query)}


def test_from_nothing_to_what_the_code_expects(bare_engine: Engine) -> None:
    assert current_version(bare_engine) is None
    assert any("no_such" not in sentence and "hosts" in sentence for sentence in check(bare_engine))
    upgrade(bare_engine)
    assert check(bare_engine) == []
    assert current_version(bare_engine) == head_version()
    require_current(bare_engine)
    bare_engine.dispose()


def test_migrations_make_what_the_metadata_makes(engine: Engine, bare_engine: Engine) -> None:
    with bare_engine.begin() as connection:
        metadata.create_all(connection)
        create_triggers(connection)
        create_views(connection)

    def shape(engine: Engine) -> dict[str, object]:
        with engine.begin() as connection:
            inspector = inspect(connection)
            calls: list[Callable[..., object]] = [
                inspector.get_columns,
                inspector.get_pk_constraint,
                inspector.get_unique_constraints,
                inspector.get_foreign_keys,
                inspector.get_indexes,
                inspector.get_check_constraints,
            ]
            return {name: [_ordered(call(name)) for call in calls] for name in metadata.tables}

    if bare_engine.dialect.name == engine.dialect.name:
        assert shape(engine) == shape(bare_engine)
        assert definitions(engine) == definitions(bare_engine)
        assert list(definitions(engine)) != []
        assert kept_by_itself(engine) == kept_by_itself(bare_engine) != {}
        assert storage(engine) == storage(bare_engine)
    bare_engine.dispose()


def _ordered(found: object) -> list[str]:
    return sorted(_spelt(item) for item in found) if isinstance(found, list) else [str(found)]


def _spelt(item: dict[str, Any]) -> str:
    """As text, the condition of a partial index too, which is an expression."""
    options = item.get("dialect_options") or {}
    return str(item | {"dialect_options": {name: str(value) for name, value in dict(options).items()}})


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    run(engine, "INSERT INTO hosts (host, next_free_at) VALUES ('a.example', '2024-05-31T04:00:00.000Z')")
    upgrade(engine)
    assert check(engine) == []
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM hosts")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


def test_two_processes_may_upgrade_at_once(bare_database_url: str) -> None:
    code = "import sys; from workers.database import open_engine, upgrade; upgrade(open_engine(sys.argv[1]))"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, bare_database_url], stderr=subprocess.PIPE) for _ in range(2)
    ]
    errors = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    engine = open_engine(bare_database_url)
    assert check(engine) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP VIEW dead_letters", "view dead_letters is missing"),
        ("DROP INDEX ix_events_at", "ix_events_at"),
        ("DROP INDEX ix_urls_state_reason_announced_at", "ix_urls_state_reason_announced_at"),
        ("ALTER TABLE events ADD COLUMN extra integer", "events.extra"),
        ("DROP TABLE reclusterings", "reclusterings"),
        ("UPDATE alembic_version SET version_num = '0000'", "has version 0000"),
    ],
)
def test_check_names_what_differs(engine: Engine, damage: str, said: str) -> None:
    run(engine, damage)
    found = check(engine)
    assert len([sentence for sentence in found if said in sentence]) == 1, found


def test_check_sees_a_closed_list_that_is_shorter_than_the_codes(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    run(engine, "ALTER TABLE story_links DROP CONSTRAINT ck_story_links_is_relation")
    assert check(engine) == ["column story_links.relation has no CHECK of its closed list"]
    run(engine, "ALTER TABLE story_links ADD CONSTRAINT ck_story_links_is_relation CHECK (relation IN ('copy'))")
    assert check(engine) == ["the CHECK of column story_links.relation lists other words than the code"]
    engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    run(engine, "UPDATE alembic_version SET version_num = '9999'")
    for act in (upgrade, require_current):
        with pytest.raises(DatabaseUnavailable, match="made by a newer Frontwire"):
            act(engine)
    assert current_version(engine) == "9999"


def test_an_old_schema_is_named_with_the_command_that_mends_it(bare_engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable, match="frontwire db upgrade"):
        require_current(bare_engine)
    bare_engine.dispose()


def test_the_cheap_head_version_is_alembics_own(sqlite_url: str) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from workers.database import migrations_dir

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    assert ScriptDirectory.from_config(config).get_current_head() == head_version()


def test_opening_an_engine_does_not_import_alembic() -> None:
    code = "import sys, workers.database; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_schema_that_is_current_is_prepared_without_alembic(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "alembic", None)
    prepare(engine)
    empty = open_engine(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(ImportError):
        prepare(empty)
    empty.dispose()


def test_the_views_are_all_there_under_their_names(engine: Engine) -> None:
    assert sorted(definitions(engine)) == sorted(VIEWS)

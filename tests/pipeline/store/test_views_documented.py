"""docs/sql.md is the interface: its columns are the real ones, its examples run, on both databases."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rows import NOW, add_attribution, add_copy, add_feed, add_place, add_poll, add_revision, add_story, add_url
from sqlalchemy import Connection, Engine, insert, inspect, text
from sqlalchemy.types import TypeEngine

from pipeline.store.facts import keep_facts
from pipeline.store.schema import (
    dropped_lines,
    event_clusters,
    items,
    metadata,
    site_lines,
    site_memories,
    told_events,
    watch_alerts,
    watches,
)
from pipeline.store.views import VIEWS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "sql.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^#|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL))
EXAMPLES = [(name, sql) for name, body in SECTIONS.items() for sql in re.findall(r"```sql\n(.*?)```", body, re.DOTALL)]

# What a type of the document may be called by PostgreSQL.
POSTGRES_TYPES = {
    "instant": {"timestamp with time zone"},
    "day": {"date"},
    "text": {"character varying", "text"},
    "integer": {"integer", "bigint"},
    "number": {"double precision"},
    "boolean": {"boolean"},
    "json": {"jsonb"},
}
UNITS = {"", "s", "bytes", "words", "0..1", "0 or 1", "code points"}


def documented(name: str) -> list[tuple[str, str, str]]:
    """(column, type, unit) of each row of the section's table."""
    rows = re.findall(r"^\| (\w+) \| (\w+) \| ([^|]*?) ?\| .+ \|$", SECTIONS[name], re.MULTILINE)
    return [row for row in rows if row[0] != "column"]


def fill(connection: Connection) -> None:
    """A row for every view."""
    add_feed(connection, 1)
    add_poll(connection, 1, NOW, new_urls=1, lost_estimate=3)
    add_story(connection, 1, feed_id=1, acts={"talks": 0.9}, actors=["UKR"], published_at=NOW - timedelta(hours=1))
    add_attribution(connection, 1, source="outlet", name="Reuters")
    add_place(connection, 1)
    keep_facts(connection, 1)
    add_revision(connection, 1, 2, title="Changed", text="Changed.")
    connection.execute(insert(dropped_lines).values(url_id=1, position=0, line="Read more", rule="related_list"))
    add_url(connection, 2, state="duplicate")
    add_copy(connection, 2, 1)
    add_url(connection, 3, state="dead", reason="timeout")
    habit = {"last_new_at": NOW, "silent_after": NOW + timedelta(hours=1), "last_success_at": NOW + timedelta(hours=2)}
    add_feed(connection, 2, status="parked", **habit)
    add_url(connection, 4, site="agency.example", reason="embargoed", state="rejected")
    item = {"status": "usable", "urgency": 2, "subjects": [], "is_probe": False, "received_at": NOW}
    connection.execute(insert(items).values(url_id=4, feed_id=2, **item))
    line = {"line": "Read more", "place": "tail", "state": "learned", "story_count": 3, "since_story": 1, "echo": 0.0}
    seen = {"first_seen_at": NOW, "last_seen_at": NOW, "learned_at": NOW}
    connection.execute(insert(site_memories).values(site="outlet.example", stories_seen=9))
    connection.execute(insert(site_lines).values(site="outlet.example", line_hash="0" * 32, **line, **seen))
    watch = {"name": "w", "condition": "type = 'talks'", "targets": [], "is_active": True}
    connection.execute(insert(watches).values(id=1, added_at=NOW, looked_at=NOW, **watch))
    connection.execute(
        insert(told_events).values(id=1, founded_at=NOW, method="m", changed_at=NOW, independent_origins=2)
    )
    connection.execute(insert(event_clusters).values(cluster_id=1, event_id=1, joined_at=NOW))
    alert = {"watch_id": 1, "cluster_id": 1, "story_id": 1, "kind": "match", "state": "recorded"}
    connection.execute(insert(watch_alerts).values(created_at=NOW, due_at=NOW, **alert))


def test_every_table_and_view_has_its_section() -> None:
    assert set(SECTIONS) == set(VIEWS) | set(metadata.tables)


def test_documented_columns_are_the_real_ones_in_their_order(engine: Engine) -> None:
    inspector = inspect(engine)
    real = {name: [column["name"] for column in inspector.get_columns(name)] for name in SECTIONS}
    assert {name: [column for column, _, _ in documented(name)] for name in SECTIONS} == real


def test_documented_types_are_postgresqls(postgres_url: str, engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        assert all(kind in POSTGRES_TYPES for name in SECTIONS for _, kind, _ in documented(name))
        return
    query = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    with engine.begin() as connection:
        real = {(row.table_name, row.column_name): row.data_type for row in connection.execute(text(query))}
    wrong = [
        (name, column, kind, real[name, column])
        for name in SECTIONS
        for column, kind, _ in documented(name)
        if real[name, column] not in POSTGRES_TYPES[kind]
    ]
    assert wrong == []


def test_units_are_documented_where_names_promise_them() -> None:
    rows = [(name, *row) for name in SECTIONS for row in documented(name)]
    assert [row for row in rows if row[3] not in UNITS] == []
    assert [row for row in rows if row[1].endswith("_s") and row[3] != "s"] == []
    assert [row for row in rows if row[1].endswith("_bytes") and row[3] != "bytes"] == []


def test_every_view_has_an_example() -> None:
    assert [name for name, _ in EXAMPLES] == list(VIEWS)


@pytest.mark.parametrize(("name", "sql"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_example_runs_and_asks_its_view(engine: Engine, name: str, sql: str) -> None:
    assert re.search(rf"\b{name}\b", sql)
    with engine.begin() as connection:
        fill(connection)
        found = connection.execute(text(sql)).all()
    assert found


def test_a_type_of_the_schema_has_one_name_in_the_document() -> None:
    names: dict[type[TypeEngine[object]], set[str]] = {}
    for table in metadata.tables.values():
        kinds = {column: kind for column, kind, _ in documented(table.name)}
        for column in table.columns:
            names.setdefault(type(column.type), set()).add(kinds[column.name])
    assert [kinds for kinds in names.values() if len(kinds) != 1] == []


def test_the_example_of_search_runs_and_its_columns_are_described(engine: Engine) -> None:
    told = DOCUMENT[DOCUMENT.index("# Full-text search") : DOCUMENT.index("# Tables")]
    ((on_sqlite,), (on_postgres,)) = (
        re.findall(r"`(SELECT rowid .*?)`", told),
        re.findall(r"```text\n(.*?)```", told, re.S),
    )
    with engine.begin() as connection:
        add_story(
            connection, 1, "Treaty on arms control", language="en", acts={"talks": 0.9}, stored_at=datetime.now(UTC)
        )
        asked = on_sqlite if engine.dialect.name == "sqlite" else on_postgres
        found = connection.execute(text(asked)).all()
        assert len(found) == 1
        if engine.dialect.name == "postgresql":
            query = text("SELECT * FROM search_stories('arms')")
            kinds = re.findall(r"^\| (\w+) \| (\w+) \|", told, re.MULTILINE)[1:]
            assert list(connection.execute(query).keys()) == [name for name, _ in kinds]
            assert {kind for _, kind in kinds} <= set(POSTGRES_TYPES)

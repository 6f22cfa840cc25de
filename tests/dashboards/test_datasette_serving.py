"""What the dashboard gives out, and what it refuses, asked over HTTP; and what people are told when it can't start."""

from __future__ import annotations

import csv
import html
import importlib.util
import io
import json
import re
import socket
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from rows import NOW, add_feed, add_many_like, add_story
from sqlalchemy import select

from pipeline.store import watches
from pipeline.store.conditions import Candidate
from pipeline.store.schema import metadata, stories
from pipeline.store.views import VIEWS
from pipeline.watching.outfeeds import CONTENT_TYPES, write_feed
from workers.dashboard import (
    SEARCH_TABLES,
    DashboardUnavailable,
    dashboards_dir,
    datasette_metadata,
    require_free_port,
    require_installed,
    sqlite_file,
)
from workers.database import open_engine


def get(url: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body; redirects are not followed."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(url, timeout=20) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def ask(url: str, sql: str, kind: str = "json") -> tuple[int, str]:
    status, _, body = get(f"{url}/frontwire.{kind}?{urllib.parse.urlencode({'sql': sql, '_shape': 'arrays'})}")
    return status, body


def test_the_live_database_is_served_read_only_through_views(dashboard_url: str, sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        add_feed(connection, 1, url="https://wire.example/rss?key=s3cr3t")
        add_story(connection, 1, feed_id=1, acts={"talks": 0.9})
    status, headers, _ = get(dashboard_url + "/")
    assert (status, headers["location"]) == (302, "/-/dashboards/monitor")

    # Written after the dashboard had started, while the writer still holds the write-ahead log.
    status, body = ask(dashboard_url, "SELECT title, acts FROM conflict_policy_stories")
    assert json.loads(body)["rows"] == [["Ministers agree a ceasefire", "talks"]]

    for sql in (
        "SELECT * FROM feeds",
        'SELECT * FROM "Feeds"',
        "SELECT * FROM main.[FEEDS]",
        "WITH a AS (SELECT url FROM feeds) SELECT * FROM a",
    ):
        assert ask(dashboard_url, sql)[0] == 403
    where = urllib.parse.urlencode({"_where": "exists (select 1 from feeds)"})
    assert get(f"{dashboard_url}/frontwire/dead_letters.json?{where}")[0] == 403
    for sql in (
        "DELETE FROM stories",
        "INSERT INTO events (at, kind, subject, detail) VALUES ('x', 'x', 'x', '{}')",
        "UPDATE stories SET title = 'x'",
        "CREATE TABLE mine (id)",
        "WITH a AS (SELECT 1) DELETE FROM stories",
        "WITH a AS (SELECT 1) INSERT INTO story_search (story_search) VALUES ('rebuild')",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "PRAGMA query_only=off",
    ):
        assert ask(dashboard_url, sql)[0] in (400, 403), sql
    with engine.connect() as connection:
        assert connection.execute(select(stories.c.title)).scalars().all() == ["Ministers agree a ceasefire"]
    for table in (*metadata.tables, "alembic_version"):
        assert get(f"{dashboard_url}/frontwire/{table}")[0] == 403
    assert get(f"{dashboard_url}/frontwire.db")[0] == 403
    page = get(f"{dashboard_url}/frontwire")[2]
    assert [view for view in VIEWS if f'href="/frontwire/{view}"' not in page] == []
    assert "s3cr3t" not in page + get(f"{dashboard_url}/frontwire/source_health.json")[2]
    engine.dispose()


def test_no_csv_cell_is_a_formula(empty_dashboard_url: str) -> None:
    cells = {
        "'=1+1'": "'=1+1",
        "'@SUM(A1)'": "'@SUM(A1)",
        "'+380'": "'+380",
        "-1.5": "-1.5",
        "'-x'": "'-x",
        "'a, \"b\"=c'": 'a, "b"=c',
        "char(9)||'=1'": "'\t=1",
        "'two'||char(10)||'=lines'": "two\n=lines",
    }
    status, body = ask(
        empty_dashboard_url, "SELECT " + ", ".join(f"{sql} AS c{n}" for n, sql in enumerate(cells)), "csv"
    )
    assert status == 200
    rows = list(csv.reader(io.StringIO(body, newline="")))
    assert rows[1] == list(cells.values())


def test_pages_may_load_and_send_nothing_elsewhere(empty_dashboard_url: str) -> None:
    _, headers, page = get(empty_dashboard_url + "/-/dashboards/monitor?period=7+days")
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["referrer-policy"] == "no-referrer"
    assert "https://" not in page.replace("https://datasette.io/", "")


def test_every_chart_and_canned_query_runs_on_the_views_alone(sqlite_url: str) -> None:
    found = datasette_metadata("any-name")
    queries = [query["sql"] for query in found["databases"]["any-name"]["queries"].values()]
    dashboards = found["plugins"]["datasette-dashboards"].values()
    charts = [chart for dashboard in dashboards for chart in dashboard["charts"].values()]
    filters = [item for dashboard in dashboards for item in dashboard["filters"].values()]
    assert {part["db"] for part in (*charts, *filters) if "db" in part} == {"any-name"}
    queries += [chart["query"].replace("[[", "").replace("]]", "") for chart in charts]
    queries += [item["query"] for item in filters if "query" in item]
    values = {"words": 'a "b', "actor": "USA", "period": "7 days", "source": "a", "language": "en", "act": "talks"}
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        plugin("frontwire_sql").prepare_connection(connection)
        for query in queries:
            connection.execute(query, values).fetchall()
            named = set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", query)) - set(
                re.findall(r"(\w+) AS (?:MATERIALIZED )?\(", query)
            )
            assert named <= {*VIEWS, "story_search"}


def plugin(name: str) -> Any:
    """A plug-in as Datasette loads it: by its path."""
    spec = importlib.util.spec_from_file_location(name, dashboards_dir() / "plugins" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_search_with_no_word_in_it_finds_nothing_and_is_no_error(empty_dashboard_url: str) -> None:
    for words in ("", '"', "* - (", "a AND (b", 'x"y NEAR/2'):
        asked = urllib.parse.urlencode({"words": words, "_shape": "arrays"})
        status, _, body = get(f"{empty_dashboard_url}/frontwire/search_policy_stories.json?{asked}")
        assert (status, json.loads(body)["rows"]) == (200, [])


def test_a_search_says_how_far_back_it_looked_and_leads_to_what_is_older(dashboard_url: str, sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        add_story(connection, 1, "Ministers agree a ceasefire", text="Words of many.", acts={"talks": 0.9})
        add_many_like(connection, 1, 2_010)
    engine.dispose()
    _, _, page = get(f"{dashboard_url}/-/search?q=words&language=und")
    assert re.search(r'id="ranked-since">The newest 2,000 that match were compared, stored since 2024-', page)
    older = re.search(r'<a href="(/-/search\?[^"]+)">Older ones</a>', page)
    assert older is not None
    _, _, page = get(dashboard_url + html.unescape(older[1]))
    assert ('id="ranked-since"' in page, re.findall(r'id="count">(\d+)<', page)) == (False, ["12"])
    assert 'name="until"' in page


def test_a_search_for_the_beginning_of_one_letter_is_answered_with_a_sentence(empty_dashboard_url: str) -> None:
    status, _, page = get(f"{empty_dashboard_url}/-/search?q=words+m*")
    assert status == 200
    assert "a beginning needs two letters." in html.unescape(page)
    asked = urllib.parse.urlencode({"words": "m*", "_shape": "arrays"})
    status, _, body = get(f"{empty_dashboard_url}/frontwire/search_policy_stories.json?{asked}")
    assert (status, json.loads(body)["rows"]) == (200, [])


def test_a_query_ends_after_ten_seconds(empty_dashboard_url: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    status, body = ask(empty_dashboard_url, endless)
    assert status == 400
    assert "took too long" in body


def test_every_view_is_described_and_every_table_hidden() -> None:
    tables = datasette_metadata("frontwire")["databases"]["frontwire"]["tables"]
    assert [view for view in VIEWS if not tables[view]["description"]] == []
    assert {name for name, facts in tables.items() if facts.get("allow") is False} == {
        *metadata.tables,
        "alembic_version",
        *SEARCH_TABLES,
    }


def test_every_chart_has_its_place_in_the_layout() -> None:
    with (dashboards_dir() / "metadata.yaml").open() as file:
        dashboards = yaml.safe_load(file)["plugins"]["datasette-dashboards"]
    assert list(dashboards) == ["monitor", "clusters", "acts", "map", "sources", "pipeline"]
    for dashboard in dashboards.values():
        assert {name for row in dashboard["layout"] for name in row} == set(dashboard["charts"])
        assert {chart["library"] for chart in dashboard["charts"].values()} <= {"metric", "table", "vega-lite", "map"}


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DashboardUnavailable, match=f"port {port} .*FRONTWIRE_DASHBOARD_PORT"):
            require_free_port("127.0.0.1", port)
    require_free_port("127.0.0.1", port)


def test_another_database_or_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DashboardUnavailable, match="use the Grafana") as raised:
        sqlite_file("postgresql://me:s3cr3t@host/db")
    assert "s3cr3t" not in str(raised.value)
    with pytest.raises(DashboardUnavailable, match="frontwire db upgrade"):
        sqlite_file(f"sqlite:///{tmp_path}/none.db")


def test_without_datasette_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require_installed()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DashboardUnavailable, match=r'pip install "frontwire\[dashboard\]"'):
        require_installed()


@pytest.mark.parametrize("format_", ["rss", "atom", "json"])
def test_a_watch_is_served_as_a_feed(dashboard_url: str, sqlite_url: str, format_: str) -> None:
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        add_story(connection, 1, "Launchers <script>alert(1)</script>", acts={"talks": 0.9}, published_at=NOW)
        watches.add_watch(connection, "talks", "type = 'talks'", [], digest=None, limit=None, since=NOW, now=NOW)
        watch = watches.list_watches(connection)[0]
        watches.note_matches(connection, watch, [Candidate(1, 1)], NOW)
        matches = watches.list_matches(connection, "talks")
    engine.dispose()
    status, headers, body = get(f"{dashboard_url}/-/watch/talks.{format_}")
    assert (status, headers["content-type"]) == (200, CONTENT_TYPES[format_])
    assert body.encode() == write_feed(format_, "talks", "type = 'talks'", matches)
    assert headers["x-content-type-options"] == "nosniff"
    assert get(f"{dashboard_url}/-/watch/nobody.{format_}")[0] == 404

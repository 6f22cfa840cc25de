"""Every panel of both kinds of dashboard as a question to be asked, under several filters, and whose CPU it costs."""

from __future__ import annotations

import importlib.util
import itertools
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from workers.dashboard import dashboards_dir, datasette_metadata

ROOT = Path(__file__).resolve().parents[1]
DAYS = (1, 30, 365)
SOME_FILTERS: dict[str, dict[str, str]] = {
    "a source": {"source": "wire7.example"},
    "a language": {"language": "en"},
    "an act and actor": {"act": "talks", "actor": "PRK"},
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to be asked by calling it, and the CPU seconds of who answers."""

    ask: Callable[[], object]
    cpu_s: Callable[[], float]

    def __call__(self) -> None:
        """Ask."""
        self.ask()


def cpu_clock(connection: Connection) -> Callable[[], float]:
    """The CPU time of who answers: SQLite does it in this thread, PostgreSQL in a process of this machine.

    PostgreSQL is told to take no helpers, whose time would not be seen, and not to compile: so is the role that reads.
    """
    if connection.dialect.name == "sqlite":
        return time.thread_time
    connection.execute(text("SET jit = off"))
    connection.execute(text("SET max_parallel_workers_per_gather = 0"))
    path = Path(f"/proc/{connection.execute(text('SELECT pg_backend_pid()')).scalar_one()}/schedstat")
    return (lambda: int(path.read_text().split()[0]) / 1e9) if path.exists() else time.thread_time


def _cases(filters: set[str]) -> Iterator[tuple[int, dict[str, str], str]]:
    """Days, chosen filters, and what to call them; without the filters that a dashboard has not."""
    for days in DAYS:
        yield days, {}, f"{days} days"
    for name, chosen in SOME_FILTERS.items():
        kept = {key: value for key, value in chosen.items() if key in filters}
        if kept:
            yield 365, kept, f"365 days, {name}"


def datasette_panels(path: Path) -> Iterator[tuple[str, Ask]]:
    """The panels of the dashboards over the SQLite file, as the page asks them."""
    from datasette_dashboards import replace_opts_in_query

    functions = _module(dashboards_dir() / "plugins" / "frontwire_sql.py")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    functions.prepare_connection(connection)
    empty = dict.fromkeys(("source", "language", "act", "actor"), "")
    for slug, dashboard in datasette_metadata("frontwire")["plugins"]["datasette-dashboards"].items():
        cases = _cases(set(dashboard["filters"]))
        for (days, filters, shown), (name, chart) in itertools.product(cases, dashboard["charts"].items()):
            chosen = {"period": "1 day" if days == 1 else f"{days} days", **filters}
            sql, values = replace_opts_in_query(chart["query"], chosen), {**empty, **chosen}
            ask = Ask(lambda sql=sql, values=values: connection.execute(sql, values).fetchall(), time.thread_time)
            yield f"{slug}/{name}, {shown}", ask
        # What can be chosen is asked whenever the page is opened, whatever is.
        for name, one in dashboard["filters"].items():
            if "query" in one:
                ask = Ask(lambda sql=one["query"]: connection.execute(sql).fetchall(), time.thread_time)
                yield f"{slug}/choices of {name}", ask
    connection.close()


def cpu_of_pages(found: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """The sum of the panels of each page under each choice of filters, the choices that it offers among them."""
    asked = [(name.split("/", 1)[0], name.partition(", ")[2], cpu) for name, cpu in found.items()]
    for page, shown in sorted({(page, shown) for page, shown, _ in asked if shown}):
        yield f"{page}, {shown}", sum(cpu for of, under, cpu in asked if of == page and under in ("", shown))


def grafana_panels(engine: Engine) -> Iterator[tuple[str, Ask]]:
    """The panels of Grafana's dashboards, with the SQL that Grafana would send."""
    as_sent = _module(ROOT / "tests" / "grafana_sql.py").as_sent
    now = datetime.now(UTC)
    with engine.connect() as connection:
        cpu_s = cpu_clock(connection)
        for path in sorted((ROOT / "dashboards" / "grafana" / "dashboards").glob("*.json")):
            board = json.loads(path.read_text("utf-8"))
            slug = path.stem.removeprefix("frontwire-")
            variables = board["templating"]["list"]
            cases: list[tuple[int, dict[str, list[str]], str]] = [
                (days, {name: [value] for name, value in filters.items()}, shown)
                for days, filters, shown in _cases({variable["name"] for variable in variables})
            ]
            if {"act", "actor"} <= {variable["name"] for variable in variables}:
                cases.append((365, {"act": ["talks", "sanction"], "actor": ["PRK", "USA"]}, "365 days, two of each"))
            for variable in variables:
                if variable["type"] == "query":
                    ask = Ask(lambda sql=variable["query"]: connection.exec_driver_sql(sql).all(), cpu_s)
                    yield f"{slug}/choices of {variable['name']}", ask
            for (days, chosen, shown), panel in itertools.product(cases, board["panels"]):
                sql = as_sent(panel["targets"][0]["rawSql"], board, chosen, now - timedelta(days=days), now)
                ask = Ask(lambda sql=sql: connection.exec_driver_sql(sql.replace("%", "%%")).all(), cpu_s)
                yield f"{slug}/{panel['title'][:30]}, {shown}", ask


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

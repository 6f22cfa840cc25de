"""The dashboard of the embedded database: Datasette over the SQLite file, opened read-only beside those who write."""

from __future__ import annotations

import importlib
import importlib.util
import json
import socket
from pathlib import Path
from string import Template
from typing import Any

from pipeline.store.schema import metadata
from workers.database import masked, sqlite_path
from workers.settings import Settings

# The name that dashboards/datasette/metadata.yaml uses for the database, whatever its file is called.
PLACEHOLDER = "frontwire"
METADATA_FILE = "dashboard-metadata.json"
# The full-text index, and the tables in which SQLite and we keep it.
SEARCH_TABLES = ("story_search", *(f"story_search_{part}" for part in ("data", "idx", "docsize", "config", "pending")))

# A slow query ends after 10 s; nobody downloads the database; numbers of rows that a browser can draw.
DATASETTE_SETTINGS = {
    "sql_time_limit_ms": 10_000,
    "allow_download": "off",
    "max_returned_rows": 10_000,
    "default_page_size": 50,
    "suggest_facets": "off",
    "facet_time_limit_ms": 1_000,
    "truncate_cells_html": 300,
    "default_cache_ttl": 0,
}


class DashboardUnavailable(Exception):
    """The dashboard can't be served. The message is one sentence: why, and what to do."""


def run_dashboard(settings: Settings) -> None:
    """Serves the dashboard in this process until it is told to stop; raises DashboardUnavailable if it can't start."""
    database = sqlite_file(settings.database_dsn)
    require_installed()
    require_free_port(settings.dashboard_host, settings.dashboard_port)
    arguments = datasette_arguments(
        database, settings.data_dir.absolute(), host=settings.dashboard_host, port=settings.dashboard_port
    )
    from datasette.cli import cli

    # It would print every variable with each traceback, also for SQL that a visitor mistyped. Imported only now:
    # it registers itself as a plug-in, which it can't before the rest is there.
    errors: Any = importlib.import_module("datasette.handle_exception")
    errors.rich = None
    from datasette.plugins import pm

    from workers.dashboard_archive import ArchivePages

    pm.register(ArchivePages(settings.archive_dir), name="frontwire-archive")
    cli.main(arguments, prog_name="datasette", standalone_mode=False)


def datasette_arguments(database: Path, work_dir: Path, *, host: str, port: int) -> list[str]:
    """The arguments of the `datasette` command; its metadata file is written into `work_dir`."""
    home = dashboards_dir()
    work_dir.mkdir(parents=True, exist_ok=True)
    metadata_path = work_dir / METADATA_FILE
    metadata_path.write_text(json.dumps(datasette_metadata(database.stem), indent=1), encoding="utf-8")
    arguments = ["serve", str(database), "--host", host, "--port", str(port), "--metadata", str(metadata_path)]
    arguments += ["--template-dir", str(home / "templates"), "--plugins-dir", str(home / "plugins")]
    arguments += ["--static", f"frontwire-static:{home / 'static'}"]
    for name, value in DATASETTE_SETTINGS.items():
        arguments += ["--setting", name, str(value)]
    return arguments


def datasette_metadata(name: str) -> dict[str, Any]:
    """Datasette's metadata for a database called `name`: titles, queries and charts, and every table out of sight."""
    import yaml

    with (dashboards_dir() / "metadata.yaml").open(encoding="utf-8") as file:
        found: dict[str, Any] = yaml.safe_load(file)
    described = found["databases"].pop(PLACEHOLDER)
    for table in (*metadata.tables, "alembic_version", *SEARCH_TABLES):
        described["tables"][table] = {"hidden": True, "allow": False}
    found["databases"][name] = described
    fragments: dict[str, str] = {}
    for fragment, sql in found.pop("fragments").items():
        fragments[fragment] = Template(sql).substitute(fragments)
    for dashboard in found["plugins"]["datasette-dashboards"].values():
        for part in (*dashboard["charts"].values(), *dashboard["filters"].values()):
            if part.get("db") == PLACEHOLDER:
                part["db"] = name
            if "query" in part:
                part["query"] = Template(part["query"]).substitute(fragments)
    return found


def sqlite_file(database_url: str) -> Path:
    """The SQLite file of a database URL; raises DashboardUnavailable for another database or a missing file."""
    path = require_sqlite(database_url)
    if not path.is_file():
        raise DashboardUnavailable(f"There is no database at {path} yet: run `frontwire db upgrade` first.")
    return path


def require_sqlite(database_url: str) -> Path:
    """Where the SQLite file of a database URL is or will be; raises DashboardUnavailable for another database."""
    path = sqlite_path(database_url)
    if path is None:
        raise DashboardUnavailable(
            f"This dashboard reads SQLite files, and the database is {masked(database_url)}: use the Grafana of "
            "compose.yaml, or any SQL tool, on the views (docs/sql.md)."
        )
    return path


def require_installed() -> None:
    """Raises DashboardUnavailable unless Datasette and its dashboards are installed."""
    for module in ("datasette", "datasette_dashboards", "yaml"):
        if importlib.util.find_spec(module) is None:
            raise DashboardUnavailable('The dashboard is not installed: pip install "frontwire[dashboard]".')


def require_free_port(host: str, port: int) -> None:
    """Raises DashboardUnavailable when somebody else listens on the port, or the address is not this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise DashboardUnavailable(
            f"The dashboard can't listen on {host} port {port} ({error.strerror}): choose another with --port, "
            "FRONTWIRE_DASHBOARD_PORT or FRONTWIRE_DASHBOARD_HOST."
        ) from None


def dashboards_dir() -> Path:
    """Where the dashboard's files lie: inside an installed wheel, or next to the packages in a checkout."""
    here = Path(__file__).resolve().parent
    bundled = here / "bundled" / "dashboards" / "datasette"
    return bundled if bundled.is_dir() else here.parent / "dashboards" / "datasette"

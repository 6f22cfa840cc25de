"""`frontwire run`: everything on this machine."""

from __future__ import annotations

import contextlib
import sys
import webbrowser
from collections.abc import Callable, Iterator
from typing import Any

import click

from pipeline.store import ledger, reports
from pipeline.store.reports import Progress
from workers.cli.common import EXIT_FAILED, print_json, print_table, rich_console
from workers.dashboard import DashboardUnavailable, require_installed, require_sqlite
from workers.database import reading
from workers.logs import start_logging
from workers.running import Machine, running_machine
from workers.settings import Settings, load_settings


@click.command()
@click.option("--until-idle", is_flag=True, help="Poll every feed once, read everything, print a summary and end.")
@click.option("--no-dashboard", is_flag=True, help="Do not start the dashboard.")
@click.option(
    "--open/--no-open", "opens_browser", default=None, help="Open the dashboard in a browser (default: on a terminal)."
)
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes (default FRONTWIRE_WORKERS).")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON (with --until-idle).")
def run(until_idle: bool, no_dashboard: bool, opens_browser: bool | None, workers: int | None, as_json: bool) -> int:
    """Run everything on this machine: migrate, embedded Valkey, poller, dispatcher, workers, dashboard.

    Without any feed a list of public feeds that ships with the package is used. Ctrl-C ends everything in order.
    """
    settings = load_settings(workers=workers)
    start_logging(settings, "run")
    with_dashboard = not no_dashboard and dashboard_is_available(settings)
    is_quiet = until_idle and sys.stderr.isatty()
    log_dir = settings.data_dir.absolute() / "log" if is_quiet else None
    with running_machine(settings, with_dashboard=with_dashboard, log_dir=log_dir) as machine:
        say_where(machine, with_dashboard)
        if with_dashboard and wants_browser(opens_browser):
            webbrowser.open(dashboard_url(settings))
        if not until_idle:
            machine.run_until_stopped()
            return 0
        with progress_bar() as on_progress:
            is_done = machine.run_until_idle(on_progress)
        print_summary(machine, as_json=as_json)
        return 0 if is_done else EXIT_FAILED


def dashboard_is_available(settings: Settings) -> bool:
    """Whether the dashboard can run here; says on standard error why not."""
    try:
        require_installed()
        require_sqlite(settings.database_dsn)
    except DashboardUnavailable as problem:
        click.echo(f"no dashboard: {problem}", err=True)
        return False
    return True


def dashboard_url(settings: Settings) -> str:
    """Where the dashboard answers."""
    return f"http://{settings.dashboard_host}:{settings.dashboard_port}/"


def wants_browser(opens_browser: bool | None) -> bool:
    """The option where it was given; otherwise whether a person sits at a terminal."""
    return sys.stdout.isatty() if opens_browser is None else opens_browser


def say_where(machine: Machine, with_dashboard: bool) -> None:
    """Where to look, on standard error."""
    settings = machine.settings
    with reading(machine.engine) as connection:
        counts = reports.count_rows(connection)
    lines = [
        f"Frontwire runs: {counts['feeds']} feeds, {settings.workers} workers, {counts['stories']} stories so far."
    ]
    if with_dashboard:
        lines.append(f"  dashboard  {dashboard_url(settings)}")
    lines += [
        f"  data       {settings.data_dir.absolute()}",
        "  stories    frontwire stories list      why: frontwire explain URL",
        "  health     frontwire doctor            stop: Ctrl-C",
    ]
    click.echo("\n".join(lines), err=True)


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """A function that shows progress: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=rich_console(to_stderr=True), transient=True) as bars:
        feeds, pages = bars.add_task("feeds", total=None), bars.add_task("pages", total=None)

        def show(progress: Progress) -> None:
            bars.update(feeds, total=progress.feeds, completed=progress.feeds - progress.feeds_due)
            bars.update(pages, total=progress.urls, completed=progress.urls - progress.urls_open)

        yield show


def print_summary(machine: Machine, *, as_json: bool) -> None:
    """The funnel and the totals, on standard output."""
    with reading(machine.engine) as connection:
        counts = reports.count_rows(connection)
        funnel = ledger.count_reasons(connection)
    if as_json:
        print_json(counts | {"funnel": [{"state": s, "reason": r, "urls": n} for s, r, n in funnel]})
        return
    print_table("every announced URL, in exactly one state", ("state", "reason", "URLs"), funnel)
    click.echo(
        f"{counts['feeds']} feeds, {counts['urls']} URLs, "
        f"{counts['stories']} stories in {counts['clusters']} clusters, "
        f"{counts['duplicates']} exact duplicates, {counts['revisions']} revisions, "
        f"{counts['conflict_policy']} about conflict policy"
    )

"""`frontwire demo`: the real processes over a small recorded wire, no network: what a newcomer sees first."""

from __future__ import annotations

import contextlib
import shlex
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pipeline.store import ledger, reports
from pipeline.store.feeds import NewFeed
from pipeline.store.reports import StoryFilter
from workers.cli.common import EXIT_FAILED, print_json, print_table
from workers.cli.run import dashboard_is_available, dashboard_url, progress_bar, wants_browser
from workers.database import reading
from workers.demo import DemoWire
from workers.logs import start_logging
from workers.process import utc_now
from workers.running import Machine, running_machine
from workers.settings import Settings, load_settings

# The wire is ours and on this machine, so nobody needs the web's politeness or patience.
_QUICK = {"host_delay_s": 0.05, "tick_s": 0.1, "retry_base_s": 0.2, "batch_size": 4}


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything here (default: a temporary directory).",
)
@click.option(
    "--stay/--exit", "stays", default=None, help="Keep the dashboard up until Ctrl-C (default: on a terminal)."
)
@click.option("--no-dashboard", is_flag=True, help="Do not start the dashboard.")
@click.option(
    "--open/--no-open", "opens_browser", default=None, help="Open the dashboard in a browser (default: on a terminal)."
)
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
def demo(
    data_dir: Path | None, stays: bool | None, no_dashboard: bool, opens_browser: bool | None, as_json: bool
) -> int:
    """Run the same processes over a small recorded wire that ships with the package; no network is used.

    The wire is polled twice: between the two polls one story is revised and one broken feed is mended.
    """
    stays = sys.stdout.isatty() if stays is None else stays
    with _demo_dir(data_dir) as directory, contextlib.closing(_Wire()) as wire:
        settings = demo_settings(load_settings(), directory, wire.proxy_url)
        start_logging(settings, "demo")
        with_dashboard = not no_dashboard and dashboard_is_available(settings)
        log_dir = directory / "log"
        click.echo(f"A recorded wire of {len(wire.feeds)} feeds on loopback; logs in {log_dir}", err=True)
        with running_machine(settings, with_dashboard=with_dashboard, feeds=wire.feeds, log_dir=log_dir) as machine:
            if not _drain_twice(machine, wire):
                return EXIT_FAILED
            report(machine, as_json=as_json)
            if not as_json:
                say_how_to_look_closer(directory, is_kept=data_dir is not None or (with_dashboard and stays))
            if with_dashboard and stays:
                click.echo(f"\nDashboard: {dashboard_url(settings)}   (Ctrl-C ends the demo)", err=True)
                if wants_browser(opens_browser):
                    webbrowser.open(dashboard_url(settings))
                machine.run_until_stopped()
    return 0


class _Wire:
    """The recorded wire, started."""

    def __init__(self) -> None:
        self._wire = DemoWire(utc_now())
        self.proxy_url = self._wire.start()
        self.feeds = [NewFeed(*feed) for feed in self._wire.feeds()]
        self.advance = self._wire.advance
        self.close = self._wire.stop


def demo_settings(settings: Settings, directory: Path, proxy_url: str) -> Settings:
    """The settings with everything inside `directory` and every request through the recorded wire."""
    port = free_port(settings.dashboard_host, settings.dashboard_port)
    own: dict[str, Any] = {"data_dir": directory, "database_url": None, "redis_url": None, "http_proxy": proxy_url}
    return settings.model_copy(update=own | {"dashboard_port": port, "allow_addresses": ""} | _QUICK)


def free_port(host: str, wanted: int) -> int:
    """`wanted` when it is free, else one that is: a demo should not fail for a port."""
    for port in (wanted, 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    return wanted


@contextlib.contextmanager
def _demo_dir(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        yield data_dir.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="frontwire-demo-") as name:
        yield Path(name)


def _drain_twice(machine: Machine, wire: _Wire) -> bool:
    for edition in (1, 2):
        if edition == 2:
            wire.advance()
        with progress_bar() as on_progress:
            if not machine.run_until_idle(on_progress):
                return False
    return True


def report(machine: Machine, *, as_json: bool) -> None:
    """What a newcomer wants to see: the stories with their verdicts, then every URL's end, then what it adds up to."""
    with reading(machine.engine) as connection:
        stories = reports.list_stories(connection, StoryFilter(), 1000)
        funnel = ledger.count_reasons(connection)
        counts = reports.count_rows(connection)
    if as_json:
        rows = [{"state": state, "reason": reason, "urls": urls} for state, reason, urls in funnel]
        print_json(counts | {"funnel": rows, "stories": stories})
        return
    stories.sort(key=lambda story: (not story["is_conflict_policy"], -(story["conflict_policy"] or 0)))
    cells = [
        (_mark(s), s["conflict_policy"], ", ".join(s["acts"][:2]), s["cluster_id"], s["site"], s["title"])
        for s in stories
    ]
    print_table("stories, conflict policy first", ("", "score", "acts", "cluster", "site", "title"), cells)
    print_table("every announced URL, in exactly one state", ("state", "reason", "URLs"), funnel)
    click.echo(
        f"{counts['stories']} stories in {counts['clusters']} clusters ({counts['duplicates']} exact duplicates, "
        f"{counts['revisions']} revised), {counts['conflict_policy']} about conflict policy."
    )


def say_how_to_look_closer(directory: Path, *, is_kept: bool) -> None:
    """Commands that answer now, on this demo's own database; how to keep it where it is about to go."""
    if not is_kept:
        click.echo("Look closer: frontwire demo --data-dir DIR keeps everything for frontwire explain and the rest.")
        return
    click.echo(
        f"Look closer: export FRONTWIRE_DATA_DIR={shlex.quote(str(directory))}\n"
        "  frontwire explain s1              every step, every dropped line with its rule, every score\n"
        "  frontwire stories list --policy   frontwire stories search truce   frontwire stories diff ID"
    )


def _mark(story: dict[str, Any]) -> str:
    if story["is_conflict_policy"]:
        return "policy"
    return "conflict" if story["is_conflict"] else ""

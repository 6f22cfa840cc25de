"""The commands that are one long-running process each: what `run` starts, and what runs on further machines."""

from __future__ import annotations

import time
from collections.abc import Callable

import click
import structlog
from sqlalchemy import Engine

from workers.cli.common import current_engine
from workers.logs import start_logging
from workers.process import Backoff, describe, end_with_parent, is_passing
from workers.settings import Settings, load_settings, split_address

log = structlog.get_logger("process")

# With the waits between them about half a minute.
DATABASE_TRIES = 8
DEFAULT_METRICS_ADDRESS = "127.0.0.1:9187"

parent_option = click.option("--until-parent-ends", is_flag=True, hidden=True, help="End when standard input ends.")


def _run_process(name: str, until_parent_ends: bool, main: Callable[[Engine, Settings], None]) -> None:
    settings = load_settings()
    start_logging(settings, name)
    if until_parent_ends:
        end_with_parent()
    engine = _patient_engine(settings)
    try:
        main(engine, settings)
    finally:
        engine.dispose()


def _patient_engine(settings: Settings) -> Engine:
    """An engine on a current schema; a database that is away, or about to be upgraded, is waited for a short while.

    Then the process ends with its sentence; whoever started it starts it again.
    """
    backoff = Backoff()
    for _ in range(DATABASE_TRIES - 1):
        try:
            return current_engine(settings)
        except Exception as error:
            if not is_passing(error):
                raise
            wait_s = backoff.next_wait_s()
            log.warning("database_unavailable", error=describe(error), wait_s=round(wait_s, 1))
            time.sleep(wait_s)
    return current_engine(settings)


@click.command(help="Run one poller process until SIGTERM. Any number may run, on any number of machines.")
@parent_option
def poller(until_parent_ends: bool) -> None:
    """Poll due feeds."""
    from workers.poller import run_poller

    _run_process("poller", until_parent_ends, run_poller)


@click.command(help="Run one dispatcher process until SIGTERM. Any number may run.")
@parent_option
def dispatcher(until_parent_ends: bool) -> None:
    """Put due URLs on the queue."""
    from workers.dispatcher import run_dispatcher

    _run_process("dispatcher", until_parent_ends, run_dispatcher)


@click.command(help="Run one worker process until SIGTERM. Any number may run, on any number of machines.")
@parent_option
def worker(until_parent_ends: bool) -> None:
    """Read pages from the queue."""
    from workers.reader import run_reader

    _run_process("worker", until_parent_ends, run_reader)


@click.command(help="Run one WebSub process until SIGTERM: subscribes at hubs and takes what they push.")
@parent_option
def websub(until_parent_ends: bool) -> None:
    """Subscribe at hubs and read what they push."""
    from workers.websub import run_websub

    if not load_settings().websub_url:
        raise click.ClickException("FRONTWIRE_WEBSUB_URL is not set: hubs must be told where to reach us")
    _run_process("websub", until_parent_ends, run_websub)


@click.command(help="Run one watcher process until SIGTERM: looks for what watches ask for, and tells people.")
@parent_option
def watcher(until_parent_ends: bool) -> None:
    """Look and tell."""
    from workers.watcher import run_watcher

    _run_process("watcher", until_parent_ends, run_watcher)


@click.command(help="Serve the dashboard over the embedded database, read-only, until SIGTERM.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (default FRONTWIRE_DASHBOARD_PORT).")
@parent_option
def dashboard(port: int | None, until_parent_ends: bool) -> None:
    """Serve the dashboard."""
    from workers.dashboard import run_dashboard

    settings = load_settings(dashboard_port=port)
    start_logging(settings, "dashboard")
    if until_parent_ends:
        end_with_parent()
    run_dashboard(settings)


@click.command(help="Serve /metrics, /healthz and /readyz until SIGTERM; one is enough for all machines.")
@click.option("--address", help="host:port (default FRONTWIRE_METRICS_ADDRESS, else 127.0.0.1:9187).")
@parent_option
def metrics(address: str | None, until_parent_ends: bool) -> None:
    """Serve the figures of the whole."""
    from workers.metrics import run_metrics

    settings = load_settings(metrics_address=address)
    start_logging(settings, "metrics")
    if until_parent_ends:
        end_with_parent()
    run_metrics(settings, split_address(settings.metrics_address or DEFAULT_METRICS_ADDRESS))

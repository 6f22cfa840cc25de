"""`frontwire top`: what happens now, on one screen that renews itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from pipeline.outcomes import UrlState
from pipeline.store.figures import Figures, newest_outcomes, oldest_in_hand, slowest_hosts, take_figures
from workers.cli.common import cell, rich_console
from workers.database import DatabaseUnavailable, open_engine, reading, require_current
from workers.faults import QueueUnavailable
from workers.machine import by_kind, disk_free_bytes, our_processes
from workers.metrics import queue_depth
from workers.process import describe, utc_now
from workers.settings import Settings, load_settings

HOSTS_SHOWN = 8
IN_HAND_SHOWN = 5
OUTCOMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Screen:
    """Everything one screen shows, taken at one instant. `queue_jobs` is None while the queue is away."""

    at: datetime
    figures: Figures
    hosts: Sequence[dict[str, Any]]
    in_hand: Sequence[dict[str, Any]]
    outcomes: Sequence[dict[str, Any]]
    queue_jobs: int | None


@click.command()
@click.option("--once", is_flag=True, help="Show one screen and end, for pipes.")
@click.option(
    "--interval", "interval_s", type=click.FloatRange(1, 3600), default=3.0, help="Seconds between two looks."
)
def top(once: bool, interval_s: float) -> int:
    """Watch it work: funnel, rates, slowest hosts, queue ages, newest outcomes. It only reads; Ctrl-C ends it."""
    settings = load_settings()
    engine = open_engine(settings.database_dsn, read_only=True)
    try:
        require_current(engine)
        if once:
            rich_console().print(render(take_screen(engine, settings), None, settings))
        else:
            _watch(engine, settings, interval_s)
    except KeyboardInterrupt:
        return 0
    finally:
        engine.dispose()
    return 0


def _watch(engine: Engine, settings: Settings, interval_s: float) -> None:
    """Renews the screen until Ctrl-C; while the database is away the last one stays, with a line that says so."""
    before: Screen | None = None
    with Live(console=rich_console(), screen=True, auto_refresh=False) as live:
        while True:
            try:
                screen = take_screen(engine, settings)
                live.update(render(screen, before, settings), refresh=True)
                before = screen
            except (DBAPIError, DatabaseUnavailable) as error:
                said = Text(f"the database is away ({describe(error)}); trying again", style="bold red")
                live.update(Group(said, *([render(before, None, settings)] if before else [])), refresh=True)
            time.sleep(interval_s)


def take_screen(engine: Engine, settings: Settings) -> Screen:
    """One look."""
    now = utc_now()
    try:
        jobs = queue_depth(settings)
    except QueueUnavailable:
        jobs = None
    with reading(engine) as connection:
        return Screen(
            at=now,
            figures=take_figures(connection, now),
            hosts=slowest_hosts(connection, now, HOSTS_SHOWN),
            in_hand=oldest_in_hand(connection, IN_HAND_SHOWN),
            outcomes=newest_outcomes(connection, OUTCOMES_SHOWN),
            queue_jobs=jobs,
        )


def render(screen: Screen, before: Screen | None, settings: Settings) -> RenderableType:
    """The screen; with the one before it, rates since then."""
    return Group(
        Text(f"Frontwire  {screen.at:%Y-%m-%d %H:%M:%S} UTC", style="bold"),
        Columns([_funnel(screen, before), _state(screen, settings), _processes()]),
        _table(
            "hosts with most URLs due",
            ("host", "due", "oldest for", "delay s", "left alone until"),
            [
                (h["host"], h["waiting"], _age(h["oldest_due_at"], screen.at), h["delay_s"], h["down_until"])
                for h in screen.hosts
            ],
        ),
        _table(
            "longest in hand",
            ("state", "due for", "lease ends in", "tries", "host"),
            [
                (u["state"], _age(u["due_at"], screen.at), _left(u["lease_until"], screen.at), u["attempts"], u["host"])
                for u in screen.in_hand
            ],
        ),
        _table(
            "newest outcomes",
            ("ago", "state", "reason", "URL"),
            [(_age(u["settled_at"], screen.at), u["state"], u["reason"], u["url"]) for u in screen.outcomes],
        ),
    )


def _funnel(screen: Screen, before: Screen | None) -> Table:
    rows = []
    for state in UrlState:
        count = screen.figures.count(state)
        rate: str | None = None
        if before is not None:
            minutes = max((screen.at - before.at).total_seconds(), 0.001) / 60
            rate = f"{(count - before.figures.count(state)) / minutes:+.0f}"
        rows.append((state.value, f"{count:,}", rate))
    return _table("funnel", ("state", "URLs", "per minute"), rows)


def _state(screen: Screen, settings: Settings) -> Table:
    figures = screen.figures
    jobs = "away" if screen.queue_jobs is None else screen.queue_jobs
    return _table(
        "now",
        ("", ""),
        [
            ("stories in the last hour", figures.stories_last_hour),
            ("polls in the last hour", ", ".join(f"{n} {o.value}" for o, n in figures.polls_last_hour) or 0),
            ("oldest URL due for", _seconds(figures.backlog_age_s)),
            ("oldest in hand due for", _seconds(figures.in_hand_age_s)),
            ("jobs on the queue", jobs),
            ("leases overdue", figures.leases_overdue),
            ("feeds, overdue, failing", f"{figures.feeds}, {figures.feeds_overdue}, {figures.feeds_failing}"),
            ("sources strangely quiet", figures.silent_sources),
            ("disk free", f"{disk_free_bytes(settings) / (1 << 30):.1f} GiB"),
        ],
    )


def _processes() -> Table:
    sums = by_kind(our_processes())
    rows = [(kind, s.count, f"{s.cpu_s:.0f}", f"{s.rss_bytes / (1 << 20):.0f}") for kind, s in sums.items() if s.count]
    return _table("processes here", ("kind", "n", "CPU s", "MiB"), rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", show_header=any(columns))
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    return table


def _age(since: datetime | None, now: datetime) -> str:
    return "" if since is None else _seconds((now - since).total_seconds())


def _left(until: datetime | None, now: datetime) -> str:
    if until is None:
        return ""
    seconds = (until - now).total_seconds()
    return _seconds(seconds) if seconds >= 0 else f"over for {_seconds(-seconds)}"


def _seconds(seconds: float) -> str:
    """A span for people, in its two largest units."""
    whole = max(0, int(seconds))
    for size, unit, lesser, below in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // lesser} {below}"
    return f"{whole} s"

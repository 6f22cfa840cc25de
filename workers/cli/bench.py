"""`frontwire bench`: how many stories a second this machine carries, and what limits it."""

from __future__ import annotations

import sys

import click

from workers.cli.common import EXIT_FAILED, json_option, print_json, print_table
from workers.logs import start_logging
from workers.selftest import ADVICE, Measured, find_limit, run_selftest
from workers.settings import load_settings


@click.command()
@click.option(
    "--seconds",
    type=click.IntRange(5, 240),
    default=60,
    show_default=True,
    help="How long to measure, once it is warm.",
)
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes (default FRONTWIRE_WORKERS).")
@json_option
def bench(seconds: int, workers: int | None, as_json: bool) -> int:
    """Measure this machine: the real processes over generated pages on loopback, in a temporary directory.

    No network is used, your data is not touched and nothing is left behind. Your settings apply (workers, batch size,
    delay between requests to a host), but for the database, which is SQLite. Reaching full speed and ending take
    up to a minute more.
    """
    settings = load_settings(workers=workers)
    start_logging(settings.model_copy(update={"log_level": "warning"}), "bench")
    click.echo(f"Measuring for {seconds} s with {settings.workers} workers; Ctrl-C ends it.", err=True)
    seen = run_selftest(settings, seconds, _show_progress)
    if seen is None:
        click.echo("ended by a signal before there was a figure", err=True)
        return EXIT_FAILED
    if as_json:
        print_json(report_of(seen))
    else:
        _print_report(seen)
    return 0


def report_of(seen: Measured) -> dict[str, object]:
    """The figures as they are printed with --json; CPU in milliseconds a story, memory in MB, shares 0..1."""
    limit = find_limit(seen)
    return {
        "stories_per_s": round(seen.stories_per_s, 2),
        "stories_per_day": round(seen.stories_per_s * 86_400),
        "stories": seen.stories,
        "pages": seen.pages,
        "seconds": round(seen.seconds, 1),
        "workers": seen.workers,
        "cores": seen.cores,
        "cpu_ms_per_story": {kind: _ms(seen, spent) for kind, spent in sorted(seen.cpu_s.items(), key=_most_first)},
        "cpu_ms_per_story_total": _ms(seen, sum(seen.cpu_s.values())),
        "test_wire_cpu_ms_per_story": _ms(seen, seen.wire_cpu_s),
        "memory_mb": round(seen.memory_mb),
        "cpu_busy_share": round(seen.busy_share, 3),
        "cpu_own_share": round(seen.own_share, 3),
        "worker_busy_share": round(seen.worker_share, 3),
        "disk_wait_share": round(seen.disk_wait_share, 3),
        "database_writer_share": round(seen.lock_share, 3),
        "limit": limit.value,
        "advice": ADVICE[limit],
    }


def _print_report(seen: Measured) -> None:
    report, limit = report_of(seen), find_limit(seen)
    total = sum(seen.cpu_s.values())
    rows = [
        (kind, _ms(seen, spent), f"{spent / total:.0%}" if total else "")
        for kind, spent in sorted(seen.cpu_s.items(), key=_most_first)
    ]
    print_table("CPU a story", ("process", "ms", "share"), [*rows, ("all", _ms(seen, total), "")])
    click.echo(
        f"{seen.stories_per_s:.1f} stories a second ({report['stories_per_day']:,} a day): "
        f"{seen.stories} stories of {seen.pages} pages in {seen.seconds:.0f} s, "
        f"{seen.workers} workers on {seen.cores} cores, {seen.memory_mb:.0f} MB of memory.\n"
        f"CPU {seen.busy_share:.0%} busy ({seen.own_share:.0%} with this test), disk waits {seen.disk_wait_share:.0%}, "
        f"workers {seen.worker_share:.0%} busy, database's writer {seen.lock_share:.0%} busy.\n"
        f"Limit: {limit.value.replace('_', ' ')}. {ADVICE[limit]}"
    )


def _ms(seen: Measured, cpu_s: float) -> float:
    return round(1000 * cpu_s / seen.stories, 1)


def _most_first(row: tuple[str, float]) -> float:
    return -row[1]


def _show_progress(part: float) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{part:4.0%}", err=True, nl=part >= 1)

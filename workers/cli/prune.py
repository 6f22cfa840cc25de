"""`frontwire prune`: old polls, old days of the archive and the words of old stories go; no story is stored again."""

from __future__ import annotations

import dataclasses
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from pipeline.store.retention import first_day_to_keep
from workers.cli.common import EXIT_NOTHING, json_option, print_json, store
from workers.logs import start_logging
from workers.process import utc_now
from workers.settings import load_settings

if TYPE_CHECKING:
    from workers.retention import Pruned

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Age(click.ParamType[timedelta]):
    """Days, as `365d`."""

    name = "days"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """A span of at least a day."""
        found = re.fullmatch(r"([1-9]\d{0,4})d", str(value))
        if found is None:
            self.fail(f"{value!r} is no number of days like 365d", param, ctx)
        return timedelta(days=int(found[1]))


class Size(click.ParamType[int]):
    """Bytes, as `50G` or `500M`; K, M, G and T are powers of 1024."""

    name = "bytes"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """A number of bytes."""
        found = re.fullmatch(r"(\d{1,15})([KMGT]?)B?", str(value))
        if found is None:
            self.fail(f"{value!r} is no size like 50G", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.command()
@click.option("--older-than", type=Age(), help="Keep this many days, for example 365d.")
@click.option("--max-bytes", type=Size(), help="Keep the newest days of the archive that fit, for example 50G.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@json_option
def prune(older_than: timedelta | None, max_bytes: int | None, dry_run: bool, as_json: bool) -> int:
    """Take old archive files, story texts and polls out, in small steps, while everything works on.

    Whole UTC days go. Titles, ids, hashes, links and verdicts stay, so that nothing is stored a second time. With both
    options the one that takes more decides; with neither only polls go that are older than FRONTWIRE_POLL_LOG_DAYS,
    which every run takes out. It may be stopped at any time and run again.
    """
    from workers import retention

    settings = load_settings()
    start_logging(settings, "prune")
    today = utc_now().date()
    first_kept = _first_kept(retention.archive_days(settings.archive_dir), older_than, max_bytes, today)
    first_poll = today - timedelta(days=settings.poll_log_days)
    act = retention.plan if dry_run else retention.prune
    with store(settings) as engine:
        done = act(engine, settings.archive_dir, first_kept, first_poll)
    if as_json:
        kept = None if first_kept is None else first_kept.isoformat()
        days = {"first_day_kept": kept, "first_poll_day_kept": first_poll.isoformat()}
        print_json(dataclasses.asdict(done) | days | {"is_dry_run": dry_run})
    elif not done:
        click.echo("nothing to prune")
    else:
        click.echo(_told(done, first_kept, first_poll, dry_run))
    return 0 if done else EXIT_NOTHING


def _told(done: Pruned, first_kept: date | None, first_poll: date, dry_run: bool) -> str:
    parts = [f"{done.polls:,} polls from before {first_poll}"]
    if first_kept is not None:
        parts.insert(
            0,
            f"of what lies before {first_kept} {done.stories} stories' texts, {done.pages} archived responses, "
            f"{done.archive_bytes:,} bytes of the archive",
        )
    if not dry_run:
        parts.append(f"{done.database_bytes:,} bytes of the database file")
    return f"{'would take' if dry_run else 'took'} out {', '.join(parts)}"


def _first_kept(days: dict[date, int], older_than: timedelta | None, max_bytes: int | None, today: date) -> date | None:
    """The first day that stays; None when everything does."""
    by_age = None if older_than is None else today - older_than
    by_size = None if max_bytes is None else first_day_to_keep(days, max_bytes, today)
    return max((day for day in (by_age, by_size) if day is not None), default=None)

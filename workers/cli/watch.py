"""`frontwire watch`: what to look for, whom to tell, what was found."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy import Connection

from pipeline.store import reports
from pipeline.store import watches as watch_store
from pipeline.store.watches import Watch, WatchNameTaken
from pipeline.watching.conditions import ConditionError, parse_condition
from pipeline.watching.messages import trial
from pipeline.watching.outfeeds import write_feed
from pipeline.watching.sending import Limit
from workers.alerting import AlertsNotInstalled, require_alerts, send
from workers.cli.common import EXIT_FAILED, EXIT_NOTHING, json_option, print_json, print_table, store
from workers.cli.stories import parse_since
from workers.database import reading
from workers.process import utc_now
from workers.settings import load_settings
from workers.targets import FILE, TargetUnknown, read_targets, reference_for
from workers.watcher import recent_matches

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
FEED_LENGTH = 200


@click.group()
def watch() -> None:
    """Watch for stories and tell people, or other programs, of them. docs/watches.md has the conditions."""


def parse_span(text: str | None) -> timedelta | None:
    """`30m`, `1h`, `h`, `2d`; None for None. Raises a usage error for anything else."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{0,4})([smhd])", text)
    if match is None or match[1] == "0":
        raise click.BadParameter(f"{text!r} is not like 30m, 1h or 2d")
    return timedelta(seconds=int(match[1] or 1) * _UNITS_S[match[2]])


def parse_limit(text: str | None) -> Limit | None:
    """`10/h`, `3/30m`; None for None. Raises a usage error for anything else."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,3})/(\w+)", text)
    window = parse_span(match[2]) if match else None
    if match is None or window is None:
        raise click.BadParameter(f"{text!r} is not like 10/h or 3/30m")
    return Limit(int(match[1]), window)


@watch.command()
@click.argument("condition")
@click.option("--name", required=True, help="A short name: letters, digits, - and _.")
@click.option(
    "--to", "targets", multiple=True, help="Whom to tell: a name of FRONTWIRE_ALERT_TARGETS, file:PATH or a URL."
)
@click.option("--digest", help="Gather alerts so long, like 1h, and tell of them together.")
@click.option("--limit", help="Messages at most, like 10/h; what comes faster is told together.")
@click.option("--since", help="Begin with stories of 3h, 2d, 1w ago (default: from now on).")
def add(
    condition: str, name: str, targets: tuple[str, ...], digest: str | None, limit: str | None, since: str | None
) -> int:
    """Add a watch. Without --to it is a feed alone."""
    if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,63}", name):
        raise click.BadParameter("a name has letters, digits, - and _, 64 at most", param_hint="--name")
    try:
        parse_condition(condition)
    except ConditionError as error:
        raise click.BadParameter(error.pointed(), param_hint="condition") from None
    settings, now = load_settings(), utc_now()
    parsed_digest, parsed_limit, begin = parse_span(digest), parse_limit(limit), parse_since(since, now) or now
    try:
        if targets:
            require_alerts()
        references = [reference_for(target, settings) for target in targets]
        with store(settings) as engine, engine.begin() as connection:
            watch_store.add_watch(
                connection, name, condition, references, digest=parsed_digest, limit=parsed_limit, since=begin, now=now
            )
    except (WatchNameTaken, TargetUnknown, AlertsNotInstalled) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"watching: {name}", err=True)
    return 0


@watch.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List watches with the number of their alerts by state."""
    with store() as engine, reading(engine) as connection:
        watches, counts = watch_store.list_watches(connection), watch_store.count_alerts(connection)
    rows = [
        {
            "name": one.name,
            "condition": one.condition,
            "targets": [shown_reference(reference) for reference in one.targets],
            "digest_s": one.digest.total_seconds() if one.digest else None,
            "limit": f"{one.limit.messages}/{one.limit.window.total_seconds():g}s" if one.limit else None,
            "is_active": one.is_active,
            "alerts": counts.get(one.id, {}),
        }
        for one in watches
    ]
    if as_json:
        print_json(rows)
    else:
        shown = [
            (
                r["name"],
                "" if r["is_active"] else "disabled",
                r["condition"],
                r["targets"],
                _counted(counts.get(one.id, {})),
            )
            for one, r in zip(watches, rows, strict=True)
        ]
        print_table("watches", ("name", "", "condition", "tells", "alerts"), shown)
    return 0 if rows else EXIT_NOTHING


def shown_reference(reference: str) -> str:
    """A target's reference as it may be shown; a file of ours by its name alone."""
    return f"{FILE}{Path(reference).name}" if "/alert-targets/" in reference else reference


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))


@watch.command()
@click.argument("name")
@click.option("--since", default="24h", show_default=True, help="How far back to look, like 3h or 2d.")
@click.option("--send", "sends", is_flag=True, help="Send a test message to the watch's targets too.")
@json_option
def test(name: str, since: str, sends: bool, as_json: bool) -> int:
    """Show what a watch would have found lately; nothing is kept."""
    settings, span = load_settings(), parse_span(since)
    with store(settings) as engine:
        with reading(engine) as connection:
            one = _required(connection, name)
        found = recent_matches(engine, one, span or timedelta(days=1), utc_now())
        with reading(engine) as connection:
            stories = reports.stories_by_id(connection, found[-100:])
    if as_json:
        print_json({"matches": len(found), "stories": stories})
    else:
        print_table(
            f"{len(found)} matches since {since}",
            ("id", "stored", "site", "title"),
            [(row["id"], row["stored_at"], row["site"], row["title"]) for row in stories],
        )
    if sends:
        try:
            require_alerts()
            sent = send(read_targets(one.targets, settings), trial(name))
        except (TargetUnknown, AlertsNotInstalled) as error:
            raise click.ClickException(str(error)) from None
        if not one.targets or sent.reason is not None:
            why = "the watch has no target" if not one.targets else f"{sent.reason} {sent.detail or ''}".strip()
            click.echo(f"not sent: {why}", err=True)
            return EXIT_FAILED
        click.echo("sent", err=True)
    return 0 if found or sends else EXIT_NOTHING


def _required(connection: Connection, name: str) -> Watch:
    found = watch_store.find_watch(connection, name)
    if found is None:
        raise click.ClickException(f"there is no watch named {name}; `frontwire watch list` has them")
    return found


@watch.command()
@click.argument("name")
def disable(name: str) -> int:
    """Stop a watch; what it has found stays."""
    return _switch(name, False)


@watch.command()
@click.argument("name")
def enable(name: str) -> int:
    """Let a stopped watch go on, from now on."""
    return _switch(name, True)


def _switch(name: str, is_active: bool) -> int:
    with store() as engine, engine.begin() as connection:
        _required(connection, name)
        watch_store.set_active(connection, name, is_active, utc_now())
    return 0


@watch.command()
@click.argument("name")
def remove(name: str) -> int:
    """Forget a watch and everything it found."""
    with store() as engine, engine.begin() as connection:
        _required(connection, name)
        watch_store.remove_watch(connection, name)
    return 0


@watch.command()
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=30, show_default=True)
@json_option
def log(name: str | None, limit: int, as_json: bool) -> int:
    """Show alerts, newest first: sent, waiting, or given up and why."""
    with store() as engine, reading(engine) as connection:
        if name is not None:
            _required(connection, name)
        rows = watch_store.alert_log(connection, name, limit)
    if as_json:
        print_json(rows)
    else:
        columns = ("watch", "kind", "state", "reason", "attempts", "created_at", "sent_at", "title")
        print_table("alerts", columns, [[row[column] for column in columns] for row in rows])
    return 0 if rows else EXIT_NOTHING


@watch.command()
@click.argument("name")
@click.option("--format", "format_", type=click.Choice(["rss", "atom", "json"]), default="atom", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write (default: standard output)."
)
def feed(name: str, format_: str, output: Path | None) -> int:
    """Write what a watch found as RSS, Atom or JSON Feed, newest first."""
    with store() as engine, reading(engine) as connection:
        one = _required(connection, name)
        matches = watch_store.list_matches(connection, name, limit=FEED_LENGTH)
    document = write_feed(format_, one.name, one.condition, matches)
    if output is None:
        sys.stdout.buffer.write(document)
        sys.stdout.buffer.flush()
    else:
        output.write_bytes(document)
    return 0

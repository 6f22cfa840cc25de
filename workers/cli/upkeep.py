"""`frontwire requeue`, `db` and `config`."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.outcomes import TERMINAL_STATES, Reason, UrlState
from pipeline.store import ledger
from pipeline.store.search_index import rebuild_search
from pipeline.store.tallies import rebuild_tallies
from workers.cli.common import EXIT_FAILED, EXIT_NOTHING, json_option, print_json, print_table, shown_settings, store
from workers.database import check, current_version, head_version, open_engine, reading, upgrade
from workers.process import utc_now
from workers.settings import Settings, load_settings


@click.command()
@click.option(
    "--reason", "reasons", multiple=True, type=click.Choice([r.value for r in Reason]), help="May be repeated."
)
@click.option("--state", "states", multiple=True, type=click.Choice([s.value for s in TERMINAL_STATES]))
@click.option("--id", "ids", multiple=True, type=int, help="Ledger id, as `explain` shows it.")
def requeue(reasons: tuple[str, ...], states: tuple[str, ...], ids: tuple[int, ...]) -> int:
    """Let URLs that have ended be tried again, chosen by reason, state or id (all given must hold)."""
    if not (reasons or states or ids):
        raise click.UsageError("say which: --reason, --state or --id")
    with store() as engine, engine.begin() as connection:
        count = ledger.requeue(
            connection,
            utc_now(),
            reasons=[Reason(reason) for reason in reasons],
            states=[UrlState(state) for state in states],
            url_ids=ids,
        )
    click.echo(f"{count} URLs wait again")
    return 0 if count else EXIT_NOTHING


@click.group()
def db() -> None:
    """Upgrade, check, recount, back up and restore the database."""


@db.command("upgrade")
def upgrade_() -> int:
    """Bring the schema to this version's; nothing is lost, and twice is once."""
    engine = open_engine(load_settings().database_dsn)
    try:
        before = current_version(engine)
        upgrade(engine)
        after = current_version(engine)
    finally:
        engine.dispose()
    # Always 0: who starts processes after this command must not care whether somebody upgraded before.
    click.echo(f"schema {before or 'empty'} -> {after}" if before != after else f"schema {after}, nothing to do")
    return 0


@db.command("check")
@json_option
def check_(as_json: bool) -> int:
    """Compare the schema with what this version expects."""
    engine = open_engine(load_settings().database_dsn)
    try:
        differences = check(engine)
    finally:
        engine.dispose()
    if as_json:
        print_json(differences)
    else:
        click.echo("\n".join(differences) or "the schema is as expected")
    return EXIT_FAILED if differences else 0


@db.command("backup")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def backup_(target: Path) -> int:
    """Write a consistent copy of the database to TARGET while everything goes on."""
    from workers.backup import backup

    settings = load_settings()
    engine = open_engine(settings.database_dsn)
    try:
        backup(engine, target)
    finally:
        engine.dispose()
    click.echo(f"{target} ({target.stat().st_size:,} bytes)")
    _name_archive(settings)
    return 0


@db.command("recount")
def recount_() -> int:
    """Count anew what the dashboards show, and index every text anew for search; storing waits meanwhile."""
    with store() as engine, engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # A session's statements end after a minute, and this one reads every story.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        stories = rebuild_tallies(connection)
        rebuild_search(connection)
    click.echo(f"{stories:,} stories counted and indexed anew")
    return 0


@db.command("restore")
@click.argument("source", type=click.Path(dir_okay=False, path_type=Path))
def restore_(source: Path) -> int:
    """Make the database anew from the backup SOURCE; there must be none where it goes."""
    from workers.backup import restore

    settings = load_settings()
    version = restore(source, settings.database_dsn)
    engine = open_engine(settings.database_dsn)
    try:
        with reading(engine) as connection:
            urls = sum(ledger.count_states(connection).values())
        is_old = version != head_version()
        differences = [] if is_old else check(engine)
    finally:
        engine.dispose()
    click.echo(f"restored schema {version} with {urls:,} URLs")
    if is_old:
        click.echo("it is older than this version: run `frontwire db upgrade` now")
    for difference in differences:
        click.echo(difference, err=True)
    _name_archive(settings)
    return EXIT_FAILED if differences else 0


def _name_archive(settings: Settings) -> None:
    """Say that the raw responses are not part of a backup, and where they lie."""
    click.echo(
        f"the archive is no part of it: copy {settings.archive_dir} too if stories shall be read again", err=True
    )


@click.command()
@json_option
def config(as_json: bool) -> int:
    """Show every setting with its variable, value and meaning; passwords are masked."""
    settings = load_settings()
    shown = shown_settings(settings)
    if as_json:
        print_json(shown)
        return 0
    fields = Settings.model_fields
    print_table(
        "settings",
        ("variable", "value", "meaning"),
        [(f"FRONTWIRE_{name.upper()}", value, fields[name].description) for name, value in shown.items()],
    )
    return 0

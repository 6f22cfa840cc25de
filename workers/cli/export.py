"""`frontwire export`: stories in six formats, in bounded memory, resumable."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from pipeline.store import reports
from pipeline.store.reports import StoryFilter
from pipeline.watching.conditions import Condition, ConditionError, parse_condition
from workers.cli.common import EXIT_NOTHING, rich_console, store
from workers.cli.stories import filter_options, parse_since
from workers.database import reading
from workers.exporting import FORMATS, ExportRefused, OnProgress, Wanted, export_file, export_stream
from workers.process import utc_now


@click.group()
def export() -> None:
    """Write stories with verdict, acts and actors, by ascending id. docs/exports.md has the formats."""


def parse_where(text: str | None) -> Condition | None:
    """The condition; None for None. Raises a usage error with the place of the fault."""
    if text is None:
        return None
    try:
        return parse_condition(text)
    except ConditionError as error:
        raise click.BadParameter(error.pointed(), param_hint="--where") from None


def export_options(command: Any) -> Any:
    """The options that every export takes."""
    for option in (
        click.option("--until", help="Stored before 3h, 2d, 1w ago or an ISO date."),
        click.option("--where", help="A condition as watches have it, like \"type = 'force'\"."),
        click.option("--after-id", type=click.IntRange(0), default=0, help="Go on behind this story id."),
        click.option(
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File to write; the same command again goes on where it was cut off (default: standard output).",
        ),
    ):
        command = option(command)
    return filter_options(command)


@export.command()
@click.option("--format", "format_", type=click.Choice(FORMATS), default="jsonl", show_default=True)
@export_options
def stories(format_: str, **options: Any) -> int:
    """Write stories in one of the formats."""
    return _export(format_, **options)


def _short_form(format_: str) -> click.Command:
    """`export csv` for `export stories --format csv`."""

    @click.command(format_, hidden=True, help=f"The same as: export stories --format {format_}")
    @export_options
    def command(**options: Any) -> int:
        return _export(format_, **options)

    return command


for _format in FORMATS:
    export.add_command(_short_form(_format))


def _export(
    format_: str,
    *,
    output: Path | None,
    after_id: int,
    where: str | None,
    until: str | None,
    policy_only: bool,
    site: str | None,
    language: str | None,
    since: str | None,
) -> int:
    now = utc_now()
    chosen = StoryFilter(policy_only, site, language, parse_since(since, now), until=parse_since(until, now))
    asked: dict[str, object] = {"format": format_, "after_id": after_id, "where": where, "until": until, "since": since}
    asked |= {"policy": policy_only, "site": site, "language": language}
    wanted = Wanted(format_, chosen, parse_where(where), after_id, asked)
    try:
        with store() as engine, progress_bar(engine, is_shown=output is not None) as on_progress:
            if output is None:
                count = export_stream(engine, wanted, sys.stdout.buffer, on_progress)
            else:
                count = export_file(engine, wanted, output, on_progress)
    except ExportRefused as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} stories", err=True)
    return 0 if count else EXIT_NOTHING


@contextlib.contextmanager
def progress_bar(engine: Engine, *, is_shown: bool) -> Iterator[OnProgress]:
    """A function that shows how far the export is, by story id: a bar on a terminal, nothing elsewhere."""
    if not is_shown or not sys.stderr.isatty():
        yield lambda last_id, count: None
        return
    from rich.progress import Progress as Bars

    with reading(engine) as connection:
        total = reports.highest_story_id(connection)
    with Bars(console=rich_console(to_stderr=True), transient=True) as bars:
        bar = bars.add_task("stories", total=total)
        show: Callable[[int, int], None] = lambda last_id, count: bars.update(  # noqa: E731
            bar, completed=last_id, description=f"{count} stories"
        )
        yield show

"""`frontwire backfill`: old pages from WARC files, lists of URLs and sitemaps."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from sqlalchemy import Engine

from pipeline.identity.urls import asked_url
from pipeline.outcomes import Backfilled
from workers.backfill import Backfiller, SourceRead
from workers.cli.common import (
    EXIT_FAILED,
    EXIT_NOTHING,
    json_option,
    prepared_engine,
    print_json,
    print_table,
    rich_console,
)
from workers.process import new_name, utc_now
from workers.settings import Settings, load_settings
from workers.webarchive import is_web_archive


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--again", is_flag=True, help="Read each source from its start; what is known stays as it is.")
@json_option
def backfill(sources: tuple[str, ...], again: bool, as_json: bool) -> int:
    """Add old pages: from WARC files (CC-NEWS as published), files with a URL a line (- is standard input), sitemaps.

    They come after all other work. A run that was stopped goes on where it was.
    """
    for source in sources:
        _require(source)
    settings = load_settings()
    engine = prepared_engine(settings)
    try:
        read = [_read(engine, settings, source, again) for source in sources]
    finally:
        engine.dispose()
    total: Counter[str] = sum((one.counts for one in read), Counter())
    if as_json:
        print_json([_facts(one) for one in read])
    else:
        _print(read)
    if any(one.problem is not None for one in read):
        return EXIT_FAILED
    return 0 if total[Backfilled.NEW.value] else EXIT_NOTHING


def _require(source: str) -> None:
    """Usage errors before anything is done."""
    if "://" in source:
        if asked_url(source) is None:
            raise click.UsageError(f"{source!r:.200} is no http(s) URL")
    elif source != "-" and not Path(source).is_file():
        raise click.UsageError(f"{source!r:.200} is neither a file nor a URL")


def _read(engine: Engine, settings: Settings, source: str, again: bool) -> SourceRead:
    from workers.archive import Archive

    archive = Archive(settings.archive_dir, new_name("backfill"))
    try:
        with _progress(source) as on_progress:
            backfiller = Backfiller(engine, archive, on_progress, again=again)
            if "://" in source:
                return asyncio.run(_read_sitemaps(engine, settings, backfiller, asked_url(source) or source))
            if source == "-":
                return backfiller.read_stream(sys.stdin.buffer)
            path = Path(source)
            return backfiller.read_archive(path) if is_web_archive(path) else backfiller.read_list(path)
    finally:
        archive.close()


async def _read_sitemaps(engine: Engine, settings: Settings, backfiller: Backfiller, url: str) -> SourceRead:
    from workers.gate import SqlGate
    from workers.http import HttpClient
    from workers.policy import http_policy

    async with HttpClient(http_policy(settings), SqlGate(engine, settings.host_delay_s), utc_now) as http:
        return await backfiller.read_sitemaps(http, url)


def _facts(one: SourceRead) -> dict[str, object]:
    counts = {word.value: one.counts[word.value] for word in Backfilled if one.counts[word.value]}
    return {"source": one.source, "kind": one.kind, "counts": counts, "problem": one.problem}


def _print(read: list[SourceRead]) -> None:
    words = [word for word in Backfilled if any(one.counts[word.value] for one in read)]
    rows = [(one.source, one.kind.value, *(one.counts[word.value] for word in words), one.problem) for one in read]
    print_table("backfill", ("source", "kind", *(word.value for word in words), "problem"), rows)


@contextlib.contextmanager
def _progress(source: str) -> Iterator[Callable[[int, int], None]]:
    """A function that shows how much of the source was read: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, size: None
        return
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=rich_console(to_stderr=True), transient=True) as bar:
        task = bar.add_task(escape(source[-60:]), total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size or None)

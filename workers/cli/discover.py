"""`frontwire feeds discover`: which feeds a site has, and which of them are worth adding."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator

import click

from pipeline.feeds.discovery import ADVICE, Advice, Advised
from pipeline.identity.urls import asked_url
from pipeline.store import feeds as feed_store
from pipeline.store.feeds import NewFeed
from workers.cli.common import (
    EXIT_FAILED,
    EXIT_NOTHING,
    json_option,
    prepared_engine,
    print_json,
    print_table,
    rich_console,
)
from workers.process import utc_now
from workers.settings import Settings, load_settings


@click.command()
@click.argument("url")
@click.option("--add", "adds", is_flag=True, help="Add what is advised to be added.")
@click.option("--paths/--no-paths", default=True, help="Also try the paths where many sites have feeds (default).")
@json_option
def discover(url: str, adds: bool, paths: bool, as_json: bool) -> int:
    """Find a site's feeds: links of its page, sitemaps of its robots.txt, usual paths. Each is fetched and read."""
    settings = load_settings()
    start = asked_url(url if "://" in url else f"https://{url}")
    if start is None:
        raise click.UsageError(f"{url!r:.200} is no http(s) URL")
    found = asyncio.run(_discover(settings, start, paths))
    wanted = [one for one in found if one.advice is Advice.ADD]
    added = _add(settings, wanted) if adds and wanted else None
    if as_json:
        print_json({"url": start, "added": added, "candidates": [_facts(one) for one in found]})
    else:
        _print(start, found, added)
    if not found or all(one.advice is Advice.UNREACHABLE for one in found):
        return EXIT_FAILED if found else EXIT_NOTHING
    return 0 if wanted and added != 0 else EXIT_NOTHING


async def _discover(settings: Settings, url: str, paths: bool) -> tuple[Advised, ...]:
    from workers.child import FEEDS_COMMAND, ReadingChild
    from workers.discovery import Discovery
    from workers.http import HttpClient, SpacedGate, product_token
    from workers.policy import http_policy

    child = ReadingChild(command=FEEDS_COMMAND)
    gate = SpacedGate(settings.host_delay_s)
    token = product_token(settings.user_agent)
    async with HttpClient(http_policy(settings), gate, utc_now) as http:
        try:
            with _progress() as on_progress:
                return await Discovery(http, child, token, on_progress).run(url, with_paths=paths)
        finally:
            await child.close()


def _add(settings: Settings, wanted: list[Advised]) -> int:
    engine = prepared_engine(settings)
    try:
        with engine.begin() as connection:
            feeds = [NewFeed(one.examined.final_url, _title(one), None, _language(one)) for one in wanted]
            return feed_store.add_feeds(connection, feeds, utc_now()).added
    finally:
        engine.dispose()


def _print(url: str, found: tuple[Advised, ...], added: int | None) -> None:
    rows = [
        (
            one.examined.final_url,
            one.examined.candidate.found_by.value,
            _kind(one),
            _title(one),
            _entries(one),
            one.examined.newest_at,
            _told(one),
        )
        for one in found
    ]
    columns = ("address", "found by", "kind", "title", "entries", "newest", "advice")
    print_table(f"feeds of {url}", columns, rows)
    if added is not None:
        click.echo(f"{added} added")
    elif any(one.advice is Advice.ADD for one in found):
        click.echo("add them with --add, or one by one with `frontwire feeds add`")


def _facts(one: Advised) -> dict[str, object]:
    reading = one.examined.reading
    return {
        "url": one.examined.final_url,
        "candidate": one.examined.candidate.url,
        "found_by": one.examined.candidate.found_by,
        "kind": _kind(one),
        "title": _title(one),
        "language": _language(one),
        "entries": _entries(one),
        "newest_at": one.examined.newest_at,
        "hub_url": reading.hub_url if reading is not None else None,
        "advice": one.advice,
        "detail": one.examined.detail,
    }


def _told(one: Advised) -> str:
    detail = f" ({one.examined.detail})" if one.examined.detail else ""
    return ADVICE[one.advice] + detail


def _kind(one: Advised) -> str | None:
    reading = one.examined.reading
    return None if reading is None or reading.problem is not None else reading.format


def _title(one: Advised) -> str | None:
    reading = one.examined.reading
    return (reading.title if reading is not None else None) or one.examined.candidate.title


def _language(one: Advised) -> str | None:
    return one.examined.reading.language if one.examined.reading is not None else None


def _entries(one: Advised) -> int:
    reading = one.examined.reading
    return 0 if reading is None else len(reading.entries) or len(reading.children)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A function that shows how many addresses were asked: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda asked, known: None
        return
    from rich.progress import Progress

    with Progress(console=rich_console(to_stderr=True), transient=True) as bar:
        task = bar.add_task("addresses", total=None)
        yield lambda asked, known: bar.update(task, completed=asked, total=known)

"""`frontwire feeds`: add, import, export, list, check, disable."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from pipeline.feeds import opml
from pipeline.outcomes import FeedStatus
from pipeline.store import feeds as feed_store
from pipeline.store.feeds import FeedsAdded, NewFeed
from pipeline.values import Entry
from workers.cli.common import EXIT_FAILED, EXIT_NOTHING, json_option, prepared_engine, print_json, print_table, store
from workers.database import reading
from workers.process import utc_now
from workers.settings import Settings, load_settings

_SHOWN = (
    "url", "title", "category", "language", "status", "last_outcome", "last_reason", "last_detail", "last_polled_at",
    "last_success_at", "next_poll_at", "interval_s", "error_count",
)  # fmt: skip


@click.group()
def feeds() -> None:
    """Add, import, export, list and check feeds."""


@feeds.command()
@click.argument("urls", nargs=-1, required=True)
@click.option("--title", help="A name for people.")
@click.option("--category", help="A group, as in OPML.")
@click.option("--language", help="BCP 47 code of the feed's texts, like en or pt-BR.")
def add(urls: tuple[str, ...], title: str | None, category: str | None, language: str | None) -> int:
    """Add feeds by URL; they are polled at once."""
    return _report(_add(load_settings(), [NewFeed(url, title, category, language) for url in urls]))


@feeds.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(path: Path) -> int:
    """Add every feed of an OPML file."""
    reading = opml.read_opml(path.read_bytes())
    if reading.problem is not None:
        raise click.ClickException(
            f"{path}: {reading.problem} OPML lists feeds as <outline xmlUrl=…>; nothing was added."
        )
    wanted = [NewFeed(feed.url, feed.title, feed.category, feed.language) for feed in reading.feeds]
    return _report(_add(load_settings(), wanted))


def _add(settings: Settings, wanted: list[NewFeed]) -> FeedsAdded:
    engine = prepared_engine(settings)
    try:
        with engine.begin() as connection:
            return feed_store.add_feeds(connection, wanted, utc_now())
    finally:
        engine.dispose()


def _report(result: FeedsAdded) -> int:
    click.echo(f"{result.added} added, {result.known} known before, {len(result.refused)} refused")
    for url in result.refused:
        click.echo(f"refused, no http(s) URL: {url!r:.200}", err=True)
    if result.refused and not result.added and not result.known:
        return EXIT_FAILED
    return 0 if result.added or result.refused else EXIT_NOTHING


@feeds.command()
@click.argument("path", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def export(path: Path) -> int:
    """Write every feed to an OPML file."""
    with store() as engine, reading(engine) as connection:
        rows = feed_store.list_feeds(connection)
    path.write_bytes(opml.write_opml([opml.OpmlFeed(row.url, row.title, row.category, row.language) for row in rows]))
    click.echo(f"{len(rows)} feeds written to {path}")
    return 0 if rows else EXIT_NOTHING


@feeds.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List every feed with how its last poll ended."""
    with store() as engine, reading(engine) as connection:
        rows = feed_store.list_feeds(connection)
    if as_json:
        print_json([{name: getattr(row, name) for name in _SHOWN} for row in rows])
    else:
        print_table(
            f"{len(rows)} feeds",
            ("feed", "status", "last poll", "outcome", "reason", "next poll"),
            [
                (r.url, r.status, r.last_polled_at, r.last_outcome, r.last_detail or r.last_reason, r.next_poll_at)
                for r in rows
            ],
        )
    return 0 if rows else EXIT_NOTHING


@feeds.command()
@click.argument("url")
def disable(url: str) -> int:
    """Stop polling a feed; what it brought stays."""
    return _set_status(url, FeedStatus.DISABLED)


@feeds.command()
@click.argument("url")
def enable(url: str) -> int:
    """Poll a disabled or parked feed again."""
    return _set_status(url, FeedStatus.ACTIVE)


def _set_status(url: str, status: FeedStatus) -> int:
    with store() as engine, engine.begin() as connection:
        is_known = feed_store.set_feed_status(connection, url, status)
    if not is_known:
        raise click.ClickException(f"there is no feed {url}; `frontwire feeds list` shows all")
    click.echo(f"{url} is {status.value}")
    return 0


@feeds.command()
@click.argument("url")
@json_option
def check(url: str, as_json: bool) -> int:
    """Fetch a feed once, store nothing, and say what a first poll would do and why."""
    facts, entries = asyncio.run(_check(load_settings(), url))
    if as_json:
        print_json(facts | {"entries": entries})
    else:
        for name, value in facts.items():
            click.echo(f"{name:>14}: {value}")
        print_table("entries", ("published", "title", "url"), [(e.published_at, e.title, e.url) for e in entries])
    return 0 if facts["outcome"] in ("new_entries", "nothing_new") else EXIT_FAILED


async def _check(settings: Settings, url: str) -> tuple[dict[str, object], tuple[Entry, ...]]:
    from pipeline.feeds import plan_poll
    from pipeline.values import FeedState, FetchedPage
    from workers.child import ReadingChild
    from workers.http import HttpClient, OpenGate
    from workers.policy import http_policy

    child = ReadingChild()
    async with HttpClient(http_policy(settings), OpenGate(), utc_now) as http:
        result = await http.fetch(url, kind="feed")
        try:
            reading = await child.read_feed(result, utc_now()) if isinstance(result, FetchedPage) else None
        finally:
            await child.close()
    plan = plan_poll(FeedState(id=0, url=url), result, reading, {}, utc_now(), 0.5)
    facts: dict[str, object] = {
        "url": url,
        "final_url": result.final_url,
        "outcome": plan.outcome.value,
        "reason": plan.reason.value if plan.reason else None,
        "detail": plan.detail,
        "http_status": plan.http_status,
        "format": reading.format if reading else None,
        "title": reading.title if reading else None,
        "refused_links": reading.refused if reading else 0,
        "next_poll_in_s": round(plan.state.interval_s),
        "etag": plan.state.etag,
        "last_modified": plan.state.last_modified,
    }
    return facts, reading.entries if reading else ()

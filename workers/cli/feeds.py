"""`frontwire feeds`: add, import, export, list, check, disable; `discover` has a module of its own."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import click

from pipeline.feeds import opml
from pipeline.identity.urls import canonical_url
from pipeline.outcomes import FeedStatus, FullText
from pipeline.store import feeds as feed_store
from pipeline.store.feeds import FeedsAdded, NewFeed
from pipeline.values import Entry
from workers.cli.common import EXIT_FAILED, EXIT_NOTHING, json_option, prepared_engine, print_json, print_table, store
from workers.cli.discover import discover
from workers.database import reading
from workers.process import utc_now
from workers.settings import Settings, load_settings

_SHOWN = (
    "url", "title", "category", "language", "status", "last_outcome", "last_reason", "last_detail", "last_polled_at",
    "last_success_at", "next_poll_at", "interval_s", "error_count",
)  # fmt: skip


@click.group()
def feeds() -> None:
    """Find, add, import, export, list and check feeds."""


feeds.add_command(discover)

_full_text_option = click.option(
    "--full-text",
    type=click.Choice([word.value for word in FullText]),
    help="Use the text in the feed in place of its pages: auto (once it was found equal), always or never.",
)


@feeds.command()
@click.argument("urls", nargs=-1, required=True)
@click.option("--title", help="A name for people.")
@click.option("--category", help="A group, as in OPML.")
@click.option("--language", help="BCP 47 code of the feed's texts, like en or pt-BR.")
@_full_text_option
def add(
    urls: tuple[str, ...], title: str | None, category: str | None, language: str | None, full_text: str | None
) -> int:
    """Add feeds by URL, and folders to watch by their absolute path; they are polled at once."""
    settings = load_settings()
    paths = [url for url in urls if url.startswith("/")]
    result = _add(settings, [NewFeed(url, title, category, language) for url in urls if url not in paths])
    result = replace(result, added=result.added + _add_folders(settings, paths))
    if full_text is not None:
        with store(settings) as engine, engine.begin() as connection:
            for url in urls:
                feed_store.set_full_text(connection, canonical_url(url) or url, FullText(full_text))
    return _report(result)


def _add_folders(settings: Settings, paths: list[str]) -> int:
    """Watch the folders; returns how many were not watched before."""
    missing = [path for path in paths if not Path(path).is_dir()]
    if missing:
        raise click.ClickException(f"{missing[0]} is no directory on this machine; a folder is watched where it lies")
    if not paths:
        return 0
    with store(settings) as engine, engine.begin() as connection:
        wanted = [Path(os.path.abspath(path)) for path in paths]
        return sum(feed_store.add_folder(connection, str(path), path.name, utc_now()) for path in wanted)


@feeds.command("full-text")
@click.argument("url")
@click.argument("setting", type=click.Choice([word.value for word in FullText]))
def full_text_(url: str, setting: str) -> int:
    """Say whether the text in a feed is used in place of its pages."""
    with store() as engine, engine.begin() as connection:
        is_known = feed_store.set_full_text(connection, canonical_url(url) or url, FullText(setting))
    if not is_known:
        raise click.ClickException(f"there is no feed {url}; `frontwire feeds list` shows all")
    click.echo(f"{url}: the text in the feed is used {setting}")
    return 0


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
    facts, causes, entries = asyncio.run(_check(load_settings(), url))
    if as_json:
        listed = [{"published_at": e.published_at, "title": e.title, "url": e.url} for e in entries]
        print_json(facts | {"causes": causes, "entries": listed})
    else:
        for name, value in facts.items():
            click.echo(f"{name:>14}: {value}")
        print_table("why", ("about", "what was seen and what it means"), causes)
        print_table("entries", ("published", "title", "url"), [(e.published_at, e.title, e.url) for e in entries])
    return 0 if facts["outcome"] in ("new_entries", "nothing_new") else EXIT_FAILED


async def _check(settings: Settings, url: str) -> tuple[dict[str, object], list[tuple[str, str]], tuple[Entry, ...]]:
    from pipeline.feeds import plan_poll
    from pipeline.feeds.explaining import explain_poll
    from pipeline.values import FeedState, FetchedPage
    from workers.child import FEEDS_COMMAND, ReadingChild
    from workers.http import HttpClient, MemoryRobotsStore, OpenGate, RobotsBook, product_token
    from workers.policy import http_policy

    child = ReadingChild(command=FEEDS_COMMAND)
    async with HttpClient(http_policy(settings), OpenGate(), utc_now) as http:
        result = await http.fetch(url, kind="feed")
        robots = RobotsBook(MemoryRobotsStore(), product_token(settings.user_agent))
        allowed = await robots.allowed(http, url, utc_now()) if canonical_url(url) else None
        try:
            reading = await child.read_feed(result, utc_now()) if isinstance(result, FetchedPage) else None
        finally:
            await child.close()
    state, now = FeedState(id=0, url=url), utc_now()
    plan = plan_poll(state, result, reading, {}, now, 0.5)
    causes = explain_poll(state, result, reading, plan, now)
    causes.append(("robots", f"robots.txt: {allowed}; it is asked about pages, a feed that was subscribed is polled"))
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
    return facts, causes, reading.entries if reading else ()

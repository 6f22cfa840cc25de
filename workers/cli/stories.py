"""`frontwire stories`: list, show, search and compare."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from rich.text import Text

from pipeline.store import reports
from pipeline.store.reports import StoryFilter
from pipeline.store.search import MARK_END, MARK_START, TooShort, search_stories
from workers.cli.common import EXIT_NOTHING, json_option, print_json, print_table, rich_console, store
from workers.cli.diffs import compare_revisions, json_of, print_diff
from workers.cli.origins import print_origin
from workers.database import reading
from workers.process import utc_now

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.group()
def stories() -> None:
    """List, show, search and compare stories."""


def parse_since(text: str | None, now: datetime) -> datetime | None:
    """`3h`, `2d`, `1w` before `now`, or an ISO date; None for None. Raises a usage error for anything else."""
    if text is None:
        return None
    if match := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither like 3h, 2d, 1w nor an ISO date") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=now.tzinfo)


def filter_options(command: Any) -> Any:
    """The options that choose stories, the same wherever stories are chosen."""
    for option in (
        click.option("--policy", "policy_only", is_flag=True, help="Conflict-policy stories only."),
        click.option("--site", help="Stories of this site only, like example.org."),
        click.option("--language", help="Stories in this language only, like en."),
        click.option("--since", help="Stored since 3h, 2d, 1w ago or an ISO date."),
    ):
        command = option(command)
    return command


def build_filter(policy_only: bool, site: str | None, language: str | None, since: str | None) -> StoryFilter:
    """The filter that the options ask for."""
    return StoryFilter(policy_only, site, language, parse_since(since, utc_now()))


@stories.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(1, 10_000), default=30, show_default=True)
@json_option
def list_(
    policy_only: bool, site: str | None, language: str | None, since: str | None, limit: int, as_json: bool
) -> int:
    """List stories, newest first."""
    return _list(build_filter(policy_only, site, language, since), limit, as_json)


@stories.command()
@click.argument("words", nargs=-1, required=True)
@filter_options
@click.option("--until", help="Stored until 3h, 2d, 1w ago or an ISO date.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=30, show_default=True)
@json_option
def search(words: tuple[str, ...], until: str | None, limit: int, as_json: bool, **chosen: Any) -> int:
    """List stories that hold every one of WORDS, best first, with the place where they were found.

    A word with a star, like minist*, finds all that begin so; words in one pair of quotes, like '"arms control"', must
    stand side by side. Other signs mean nothing. Of very many matches the newest are compared, and it is said so.
    """
    wanted = replace(build_filter(**chosen), until=parse_since(until, utc_now()))
    with store() as engine, reading(engine) as connection:
        try:
            found = search_stories(connection, _as_typed(words), wanted, limit)
        except TooShort as error:
            raise click.UsageError(str(error)) from None
    if found.ranked_since:
        reached = found.ranked_since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        click.echo(f"Compared with what was stored since {reached}; what is older: --until {reached}", err=True)
    rows = found.stories
    if as_json:
        marks = str.maketrans({MARK_START: "[", MARK_END: "]"})
        print_json([row | {"snippet": row["snippet"].translate(marks)} for row in rows])
        return 0 if rows else EXIT_NOTHING
    console = rich_console()
    for row in rows:
        mark = "  policy" if row["is_conflict_policy"] else ""
        console.print(f"{row['id']:>7}  {row['stored_at']:%Y-%m-%d %H:%M}  {row['site']}{mark}", markup=False)
        console.print(f"         {row['title']}", markup=False, style="bold")
        console.print(_marked(row["snippet"]), soft_wrap=True)
    return 0 if rows else EXIT_NOTHING


def _as_typed(words: tuple[str, ...]) -> str:
    """One search again of what the shell took apart: an argument with a space in it was quoted, so it is a phrase."""
    return " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in words)


def _marked(snippet: str) -> Text:
    """A snippet for the terminal: what was found is underlined, whatever the text holds is text."""
    shown = Text("         ")
    for place, part in enumerate(re.split(f"[{MARK_START}{MARK_END}]", snippet)):
        shown.append(part.replace("\n", " "), style="underline" if place % 2 else "")
    return shown


def _list(wanted: StoryFilter, limit: int, as_json: bool) -> int:
    with store() as engine, reading(engine) as connection:
        rows = reports.list_stories(connection, wanted, limit)
    if as_json:
        print_json(rows)
    else:
        print_table(
            f"{len(rows)} stories",
            ("id", "stored", "policy", "acts", "site", "title"),
            [(r["id"], r["stored_at"], r["conflict_policy"], r["acts"], r["site"], r["title"]) for r in rows],
        )
    return 0 if rows else EXIT_NOTHING


def _published(story: dict[str, Any]) -> str:
    """On the outlet's clock, with its distance from UTC; empty when it says nothing that can be true."""
    if story["published_at"] is None:
        return ""
    clock = timezone(timedelta(seconds=story["published_offset_s"] or 0))
    return f"{story['published_at'].astimezone(clock):%Y-%m-%d %H:%M %z}"


@stories.command()
@click.argument("story_id", type=int)
@json_option
def show(story_id: int, as_json: bool) -> int:
    """Show one story whole, with its verdict, revisions, copies, its origin and other tellings of its event."""
    with store() as engine, reading(engine) as connection:
        facts = reports.show_story(connection, story_id)
    if facts is None:
        raise click.ClickException(f"there is no story {story_id}; `frontwire stories list` shows the newest")
    if as_json:
        print_json(facts)
        return 0
    story, verdict = facts["story"], facts["verdict"]
    console = rich_console()
    for line in (story["kicker"], story["title"], story["standfirst"]):
        if line:
            console.print(line, markup=False)
    click.echo(f"\n{', '.join(story['authors'])}  {_published(story)}  {story['site']}\n{story['url']}\n")
    console.print(story["text"], markup=False, soft_wrap=True)
    if verdict is not None:
        acts = ", ".join(f"{act['act']} {act['score']:.2f}" for act in verdict["acts"])
        click.echo(
            f"\nverdict {verdict['model']}: {_judged(verdict)}; acts: {acts or 'none'}; "
            f"actors: {', '.join(facts['actors'])}"
        )
    if story["status"] != "usable" or story["gone_at"]:
        click.echo(f"status: {story['status']}" + (f", page gone since {story['gone_at']}" if story["gone_at"] else ""))
    click.echo(f"revisions: {len(facts['revisions'])}, links to other stories: {len(facts['copies'])}")
    for copy in facts["copies"]:
        click.echo(f"  {copy['relation']} {copy['score']:.2f}  {copy['site']}  {copy['title']}")
    print_origin(facts)
    return 0


def _judged(verdict: dict[str, Any]) -> str:
    if verdict["unjudged"] is not None:
        return f"not judged, {verdict['unjudged']}"
    return f"conflict {verdict['conflict']:.2f}, conflict policy {verdict['conflict_policy']:.2f}"


@stories.command()
@click.argument("story_id", type=int)
@click.option("--from", "old", type=int, help="Number of the older revision (default: the one before the newer).")
@click.option("--to", "new", type=int, help="Number of the newer revision (default: the newest that is not boring).")
@json_option
def diff(story_id: int, old: int | None, new: int | None, as_json: bool) -> int:
    """Show what changed between two revisions of a story: in colour on a terminal, as a unified diff when piped.

    Revisions that changed nothing but time stamps, counters and typography are shown when they are named.
    """
    with store() as engine, reading(engine) as connection:
        revisions = {row["number"]: row for row in reports.list_revisions(connection, story_id)}
    if not revisions:
        raise click.ClickException(f"there is no story {story_id}")
    if new is None:
        new = max((number for number, row in revisions.items() if not row["is_boring"]), default=max(revisions))
    old = old if old is not None else new - 1
    if new not in revisions or old not in revisions:
        shown = ", ".join(
            f"{number} (boring)" if row["is_boring"] else str(number) for number, row in revisions.items()
        )
        click.echo(f"story {story_id} has the revisions {shown}", err=True)
        return EXIT_NOTHING
    compared = compare_revisions(revisions[old], revisions[new])
    if as_json:
        print_json({"story_id": story_id, "from": old, "to": new} | json_of(compared))
    elif sys.stdout.isatty():
        print_diff(rich_console(), compared)
    else:
        click.echo("\n".join(compared.unified))
    return 0 if compared.unified else EXIT_NOTHING

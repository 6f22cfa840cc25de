"""`frontwire sites`: the lines that sites were seen to repeat, and how to make Frontwire forget them."""

from __future__ import annotations

import click

from pipeline.store import sitelines
from workers.cli.common import EXIT_NOTHING, json_option, print_json, print_table, store
from workers.database import reading


@click.group()
def sites() -> None:
    """What is known of sites: the lines that they repeat from story to story."""


@sites.command()
@click.argument("site", required=False)
@click.option("--all", "everything", is_flag=True, help="Also lines of which not enough is known yet.")
@json_option
def show(site: str | None, everything: bool, as_json: bool) -> int:
    """The lines that are taken out of stories of SITE, or of every site."""
    with store() as engine, reading(engine) as connection:
        lines = sitelines.list_lines(connection, site, learned_only=not everything)
    if as_json:
        print_json(lines)
    else:
        print_table(
            "site lines",
            ("site", "id", "state", "stories", "of", "place", "line"),
            [
                (
                    line["site"],
                    line["line_hash"],
                    line["state"],
                    line["story_count"],
                    line["stories_seen"] - line["since_story"] + 1,
                    line["place"],
                    line["line"],
                )
                for line in lines
            ],
        )
    return 0 if lines else EXIT_NOTHING


@sites.command()
@click.argument("site")
def reset(site: str) -> int:
    """Forget every line of SITE; `frontwire reread --all --site SITE` then puts them back into its stories."""
    with store() as engine, engine.begin() as connection:
        count = sitelines.reset_site(connection, site)
    click.echo(f"{count} lines of {site} forgotten")
    return 0 if count else EXIT_NOTHING


@sites.command()
@click.argument("site")
@click.argument("line_id")
def keep(site: str, line_id: str) -> int:
    """Say that a line of SITE, by its id as `show` prints it, belongs to the stories: it is never taken out again."""
    with store() as engine, engine.begin() as connection:
        is_known = sitelines.keep_line(connection, site, line_id)
    if not is_known:
        raise click.ClickException(
            f"no line {line_id} of {site} is known; `frontwire sites show --all {site}` has them"
        )
    click.echo(f"kept; `frontwire reread --all --site {site}` puts it back into its stories")
    return 0
